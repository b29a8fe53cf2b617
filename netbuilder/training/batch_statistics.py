"""Batch normalization over all rows of a batch that several processes share.

Each process tells the others the mean and the spread of its own rows (after Peng et al. 2018, MegDet: A large
mini-batch object detector, https://arxiv.org/abs/1711.07240). What comes out, the gradients and the running statistics
are then those of the whole batch. torch's `SyncBatchNorm` does this on GPUs alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class BatchStatistics:
    """The batch normalizations of a network, which look at the rows of this process unless they are told otherwise.

    Attributes:
        layers: They.
    """

    def __init__(self, model: nn.Module) -> None:
        """Take over the batch normalizations of a network.

        Args:
            model: The network. The classes of these layers become ones derived from theirs.
        """
        self.layers: list[Any] = [module for module in model.modules() if isinstance(module, _BatchNorm)]
        for layer in self.layers:
            if not hasattr(layer, "is_shared"):
                kind = type(layer)
                layer.__class__ = _classes[kind] = _classes.get(kind) or _shared(kind)

    @contextmanager
    def of_all(self) -> Iterator[None]:
        """Look at the rows of all processes, each of which must run the same passes."""
        for layer in self.layers:
            layer.is_shared = True
        try:
            yield
        finally:
            for layer in self.layers:
                layer.is_shared = False


_classes: dict[Any, Any] = {}
"""A class of layers -> the one that takes its place; one for all layers, so that the compiler takes them for alike."""


def _shared(kind: Any) -> Any:
    """Return a class of layers like another, which can look at the rows of all processes."""

    def forward(self: Any, value: Tensor) -> Tensor:
        if not (self.training and self.is_shared):
            own: Tensor = kind.forward(self, value)
            return own
        self._check_input_dim(value)
        normalized: Tensor = _normalize(self, value)
        return normalized

    return type(kind.__name__, (kind,), {"forward": forward, "is_shared": False, "__doc__": kind.__doc__})


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _normalize(layer: _BatchNorm, value: Tensor) -> Tensor:
    result, mean, variance, count = _Normalization.apply(value, layer.weight, layer.bias, layer.eps)  # type: ignore[no-untyped-call]
    if layer.track_running_stats and layer.running_mean is not None and layer.running_var is not None:
        assert layer.num_batches_tracked is not None
        layer.num_batches_tracked.add_(1)
        momentum = 1.0 / float(layer.num_batches_tracked) if layer.momentum is None else layer.momentum
        unbiased = variance * (count / (count - 1))
        with torch.no_grad():
            layer.running_mean.lerp_(mean, momentum)
            layer.running_var.lerp_(unbiased, momentum)
    normalized: Tensor = result
    return normalized


class _Normalization(torch.autograd.Function):
    """(x - mean) / sqrt(variance + eps) * weight + bias, with the mean and variance of the rows of all processes."""

    @staticmethod
    def forward(
        ctx: Any, value: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        axes = [axis for axis in range(value.dim()) if axis != 1]
        full = value.float()
        own = torch.tensor([float(full.numel() // full.shape[1])], device=full.device)
        told = torch.cat([full.mean(axes), full.var(axes, unbiased=False), own])
        heard = [torch.empty_like(told) for _ in range(dist.get_world_size())]
        dist.all_gather(heard, told)
        channels = full.shape[1]
        table = torch.stack(heard).double()
        means, variances, counts = table[:, :channels], table[:, channels:-1], table[:, -1:]
        count = counts.sum()
        mean = (means * counts).sum(0) / count
        variance = ((variances + (means - mean) ** 2) * counts).sum(0) / count
        mean, variance, count = mean.float(), variance.float(), count.float()
        inverse = torch.rsqrt(variance + eps)
        shape = [1, channels] + [1] * (full.dim() - 2)
        hat = (full - mean.view(shape)) * inverse.view(shape)
        result = hat if weight is None else hat * weight.view(shape)
        if bias is not None:
            result = result + bias.view(shape)
        ctx.save_for_backward(hat, inverse, weight, count)
        ctx.axes, ctx.shape = axes, shape
        ctx.mark_non_differentiable(mean, variance, count)
        return result.to(value.dtype), mean, variance, count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor, Tensor | None, Tensor | None, None]:
        hat, inverse, weight, count = ctx.saved_tensors
        full = gradient.float()
        sums = torch.stack([full.sum(ctx.axes), (full * hat).sum(ctx.axes)])
        own_bias, own_weight = sums.clone()  # those of all rows are added up with all other gradients
        dist.all_reduce(sums)
        mean, mean_hat = (sums / count).view(2, *ctx.shape)
        scale = inverse if weight is None else inverse * weight
        back = scale.view(ctx.shape) * (full - mean - hat * mean_hat)
        if weight is None:
            return back.to(gradient.dtype), None, None, None
        return back.to(gradient.dtype), own_weight, own_bias, None
