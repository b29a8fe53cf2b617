"""Operators one by one: a small function of each, with usual, boundary and odd settings, computes the same imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import netbuilder
from netbuilder.exchange.incoming.aten_call import HANDLERS
from netbuilder.exchange.incoming.aten_folding import OPERATORS
from netbuilder.layers.catalog import catalog
from tests.exchange.incoming.comparing import check_import


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, do: Callable[..., Any]) -> None:
        super().__init__()
        self.do = do

    def forward(self, *inputs: Tensor) -> Any:
        """Call it."""
        return self.do(*inputs)


ROWS = (4,)
STEPS = (5, 4)
IMAGE = (4, 6, 6)

FUNCTIONS: Mapping[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
    "arithmetic": (lambda a, b: (a + b) * a - b / (a.abs() + 1), (ROWS, ROWS)),
    "scalars": (lambda a: 2 * a + 1 - a / 3 + (5 - a) + 1 / (a.abs() + 1) + (a - 2), (ROWS,)),
    "alpha": (lambda a, b: torch.add(a, b, alpha=2) + torch.sub(a, b, alpha=3), (ROWS, ROWS)),
    "powers": (lambda a: a**2 + a.abs() ** 0.5 + torch.pow(2.0, a) + a**3, (ROWS,)),
    "broadcast_row": (lambda a: a + torch.arange(4.0), (STEPS,)),
    "broadcast_column": (lambda a: a * torch.arange(5.0)[:, None], (STEPS,)),
    "broadcast_inputs": (lambda a, b: a + b[:, None], (STEPS, ROWS)),
    "compare": (lambda a, b: ((a > b) & (a != 0) | ~(b <= 1)).float() + (a == b).float(), (ROWS, ROWS)),
    "where": (
        lambda a, b: torch.where(a > 0, a, b) + torch.where(a > 0, a, 0.0) + torch.where(a > 0, 1.0, b),
        (ROWS, ROWS),
    ),
    "masked_fill": (lambda a: a.masked_fill(a > 0, -5.0), (ROWS,)),
    "clamp": (lambda a: a.clamp(-0.5, 0.5) + a.clamp(min=0) + a.clamp(max=0.1), (ROWS,)),
    "extremes": (lambda a, b: torch.maximum(a, b) + torch.minimum(a, b) + torch.max(a, b), (ROWS, ROWS)),
    "unary": (lambda a: a.exp() + a.sin() + a.abs().sqrt() + a.tanh() + torch.erf(a) + a.floor() + a.neg(), (ROWS,)),
    "activations": (
        lambda a: (
            F.gelu(a)
            + F.gelu(a, approximate="tanh")
            + F.elu(a)
            + F.leaky_relu(a, 0.2)
            + F.silu(a)
            + F.mish(a)
            + F.softplus(a)
            + F.hardtanh(a, -0.2, 0.3)
            + F.relu6(a)
            + F.hardswish(a)
            + F.selu(a)
            + F.logsigmoid(a)
            + F.softsign(a)
        ),
        (ROWS,),
    ),
    "softmax": (lambda a: a.softmax(-1) + a.log_softmax(1) + F.softmin(a, dim=-1), (STEPS,)),
    "glu": (lambda a: F.glu(a, -1), (STEPS,)),
    "reduce": (lambda a: a.mean(1) + a.sum(1) + a.amax(1) + a.amin(1) + a.logsumexp(1), (STEPS,)),
    "reduce_more": (lambda a: a.mean((1, 2)) + a.sum(dim=(1, 2)) + a.mean((2, 1), keepdim=True)[:, 0, 0], (STEPS,)),
    "spread": (lambda a: a.var(1, correction=0) + a.std(1, unbiased=False), (STEPS,)),
    "places": (lambda a: a.argmax(-1) + a.argmin(1)[:, :1] + a.max(-1).indices, ((5, 5),)),
    "order": (
        lambda a: (a.sort(-1).values, a.topk(2, -1).indices, a.cumsum(1), a.argsort(-1, descending=True)),
        (STEPS,),
    ),
    "norm": (lambda a: a.norm(dim=-1) + torch.linalg.vector_norm(a, ord=1, dim=-1), (STEPS,)),
    "flatten": (lambda a: a.flatten(1), (IMAGE,)),
    "flatten_inner": (lambda a: a.flatten(2).transpose(1, 2), (IMAGE,)),
    "views": (lambda a: a.view(a.shape[0], 2, 2, 36).reshape(-1, 72).unflatten(1, (8, 9)), (IMAGE,)),
    "into_the_batch": (lambda a: a.reshape(-1, 6).sum(-1).view(a.shape[0], 24), (IMAGE,)),
    "windows": (
        lambda a: a.view(-1, 4, 2, 3, 2, 3).permute(0, 2, 4, 3, 5, 1).reshape(-1, 9, 4).mean(1).view(-1, 4, 4),
        (IMAGE,),
    ),
    "time_first": (lambda a: (a.transpose(0, 1) * 2 + torch.arange(5.0)[:, None, None]).transpose(0, 1), (STEPS,)),
    "squeeze": (lambda a: a.unsqueeze(1).unsqueeze(-1).squeeze(1).squeeze(-1)[:, None, :, None].squeeze(), (STEPS,)),
    "permute": (lambda a: a.permute(0, 3, 1, 2).movedim(1, -1).swapaxes(1, 2), (IMAGE,)),
    "expand": (lambda a: a[:, None].expand(-1, 3, -1) + a.unsqueeze(1).expand(a.shape[0], 3, 4), (ROWS,)),
    "repeat": (lambda a: a.repeat(1, 2, 3), (STEPS,)),
    "slices": (lambda a: a[:, 1:3] + a[:, -2:] + a[:, ::2][:, :2] + a[:, 0][:, None] + a[:, -1:], (STEPS,)),
    "parts": (lambda a: [*a.split(2, -1), *a.chunk(2, 1), *a.unbind(1), *a.split([1, 3], -1)], (STEPS,)),
    "join": (lambda a, b: torch.cat([a, b, a], 1) + torch.stack([a, b, b], 1).flatten(1), (ROWS, ROWS)),
    "join_many": (lambda a: torch.cat([a * k for k in range(20)], dim=-1), (ROWS,)),
    "pick": (lambda a: a[:, [2, 0, -1]] + a.index_select(1, torch.tensor([0, 1, 1])), (STEPS,)),
    "turn": (lambda a: a.flip(-1).roll(1, -1).roll((1, 2), (1, 2)) + a.flip(1, 2), (STEPS,)),
    "pad": (lambda a: F.pad(a, (1, 2, 0, 1)) + F.pad(a, (1, 2, 0, 1), mode="replicate"), (IMAGE,)),
    "pad_reflect": (lambda a: F.pad(a, (1, 1, 2, 0), mode="reflect"), (IMAGE,)),
    "resize": (lambda a: F.interpolate(a, scale_factor=2) + F.interpolate(a, size=(12, 12), mode="bilinear"), (IMAGE,)),
    "resize_corners": (lambda a: F.interpolate(a, (4, 9), mode="bicubic", align_corners=True), (IMAGE,)),
    "shuffle": (lambda a: F.pixel_unshuffle(F.pixel_shuffle(a, 2), 2), (IMAGE,)),
    "pool": (
        lambda a: (
            F.max_pool2d(a, 3, 2, 1)
            + F.avg_pool2d(a, 3, 2, 1, count_include_pad=False)
            + F.adaptive_avg_pool2d(a, 3)
            + F.adaptive_max_pool2d(a, 3)
        ),
        (IMAGE,),
    ),
    "pool_ceil": (
        lambda a: F.max_pool2d(a, (2, 3), ceil_mode=True) + F.avg_pool2d(a, (2, 3), ceil_mode=True),
        (IMAGE,),
    ),
    "pool_signal": (lambda a: F.max_pool1d(a, 2) + F.avg_pool1d(a, 2), ((4, 8),)),
    "matmul": (lambda a, b: a @ b.transpose(-1, -2), (STEPS, STEPS)),
    "matmul_fixed": (lambda a: torch.eye(5)[None] @ a, (STEPS,)),
    "einsum": (lambda a, b: torch.einsum("nij,nkj->nik", a, b), (STEPS, STEPS)),
    "attention": (lambda a, b: F.scaled_dot_product_attention(a, b, b), (STEPS, (3, 4))),
    "attention_causal": (lambda a: F.scaled_dot_product_attention(a, a, a, is_causal=True), ((2, 5, 4),)),
    "attention_mask": (
        lambda a: F.scaled_dot_product_attention(a, a, a, attn_mask=torch.arange(5.0)[:, None] - torch.arange(5.0)),
        ((2, 5, 4),),
    ),
    "attention_lower": (
        lambda a: F.scaled_dot_product_attention(a, a, a, attn_mask=torch.ones(5, 5, dtype=torch.bool).tril()),
        ((2, 5, 4),),
    ),
    "attention_mask_of_samples": (
        lambda a: F.scaled_dot_product_attention(
            a, a, a, attn_mask=torch.ones(a.shape[0], 1, 5, 5, dtype=torch.bool).triu(-1)
        ),
        ((2, 5, 4),),
    ),
    "positions": (lambda a: a + torch.cumsum(torch.ones_like(a), 1) + torch.zeros(a.shape[0], 5, 4), (STEPS,)),
    "masks": (
        lambda a: a.masked_fill(torch.ones(5, 5, dtype=torch.bool).triu(1), float("-inf")).softmax(-1),
        ((5, 5),),
    ),
    "triangle": (lambda a: a.tril() + a.triu(1), ((5, 5),)),
    "casts": (lambda a: (a.long().float() + a.double().float() + (a > 0).to(torch.int32)).float(), (ROWS,)),
    "in_place": (lambda a: torch.relu_((a + 1).add_(2).mul_(0.5)), (ROWS,)),
    "random": (lambda a: a + torch.randn_like(a) * torch.rand_like(a), (ROWS,)),
    "constant_output": (lambda a: (a * 1, torch.arange(3.0).expand(a.shape[0], 3)), (ROWS,)),
    "untouched": (lambda a, b: (a, b * 2), (ROWS, ROWS)),
}


def sampled(names: Iterable[str], sample: frozenset[str]) -> list[Any]:
    """Return names for a test: those outside the sample are slow."""
    return [pytest.param(name, marks=() if name in sample else pytest.mark.slow) for name in names]


SAMPLE = frozenset(
    {"arithmetic", "where", "order", "windows", "parts", "attention_mask_of_samples", "masks", "in_place", "untouched"}
) | {"linear_on_images", "conv2d_same", "gru"}


@pytest.mark.parametrize("name", sampled(FUNCTIONS, SAMPLE))
def test_a_function_and_its_import_compute_the_same(name: str) -> None:
    do, shapes = FUNCTIONS[name]
    torch.manual_seed(0)
    check_import(Function(do).eval(), *(torch.randn(3, *shape) for shape in shapes), batches=name != "random")


LAYERS: Mapping[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(4, 3, bias=False), ROWS),
    "linear_on_images": (lambda: nn.Linear(6, 3), IMAGE),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, 2, 1, 2, 2), (4, 12)),
    "conv2d": (lambda: nn.Conv2d(4, 6, (3, 1), (1, 2), (1, 0), bias=False), IMAGE),
    "conv2d_same": (lambda: nn.Conv2d(4, 6, 4, padding="same", dilation=2), (4, 9, 9)),
    "conv2d_valid": (lambda: nn.Conv2d(4, 6, 3, padding="valid"), IMAGE),
    "conv2d_circular": (lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular"), IMAGE),
    "conv3d": (lambda: nn.Conv3d(2, 4, 2), (2, 4, 4, 4)),
    "conv_transpose1d": (lambda: nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, 2), (4, 5)),
    "conv_transpose2d": (lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1), IMAGE),
    "conv_transpose3d": (lambda: nn.ConvTranspose3d(2, 3, 2, 2), (2, 3, 3, 3)),
    "batch_norm1d": (lambda: nn.BatchNorm1d(4), ROWS),
    "batch_norm2d": (lambda: nn.BatchNorm2d(4, eps=0.1, affine=False), IMAGE),
    "batch_norm_without_statistics": (lambda: nn.BatchNorm2d(4, track_running_stats=False), IMAGE),
    "layer_norm": (lambda: nn.LayerNorm((5, 4)), STEPS),
    "layer_norm_plain": (lambda: nn.LayerNorm(4, elementwise_affine=False), STEPS),
    "layer_norm_without_bias": (lambda: nn.LayerNorm(4, bias=False), STEPS),
    "rms_norm": (lambda: nn.RMSNorm(4), STEPS),
    "group_norm": (lambda: nn.GroupNorm(2, 4, affine=False), IMAGE),
    "instance_norm": (lambda: nn.InstanceNorm2d(4, affine=True), IMAGE),
    "prelu": (lambda: nn.PReLU(5), STEPS),
    "local_response_norm": (lambda: nn.LocalResponseNorm(2), IMAGE),
    "rnn": (lambda: nn.RNN(4, 3, nonlinearity="relu", batch_first=True), STEPS),
    "lstm": (lambda: nn.LSTM(4, 3, 2, batch_first=True, bias=False), STEPS),
    "gru": (lambda: nn.GRU(4, 3, batch_first=True, bidirectional=True), STEPS),
    "adaptive": (lambda: nn.AdaptiveAvgPool2d((2, 3)), IMAGE),
    "upsample": (lambda: nn.Upsample(scale_factor=2, mode="nearest"), IMAGE),
    "weight_norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), ROWS),
}

FIRST_ONLY = frozenset({"rnn", "lstm", "gru"})
OPAQUE = {"batch_norm_without_statistics": "", "weight_norm": "", "local_response_norm": ""}


class Alone(nn.Module):
    """The first of what a module gives."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Any:
        """Return it."""
        return self.inner(x)[0]


@pytest.mark.parametrize("name", sampled([name for name in LAYERS if name not in OPAQUE], SAMPLE))
def test_a_layer_and_its_import_compute_the_same(name: str) -> None:
    make, shape = LAYERS[name]
    torch.manual_seed(0)
    layer = make()
    for each in layer.modules():
        if isinstance(each, (nn.BatchNorm1d, nn.BatchNorm2d)) and each.running_mean is not None:
            each.running_mean.uniform_(-1, 1)
            each.running_var.uniform_(0.5, 2)
    check_import(Alone(layer) if name in FIRST_ONLY else layer, torch.randn(3, *shape))


@pytest.mark.slow
@pytest.mark.parametrize("name", OPAQUE)
def test_what_has_no_layer_is_opaque_or_the_same(name: str) -> None:
    make, shape = LAYERS[name]
    project = netbuilder.from_module(make(), torch.randn(3, *shape))
    foreign = [problem for problem in project.check().problems if problem.code == "layer.foreign"]
    if not foreign:
        check_import(make(), torch.randn(3, *shape))


def test_the_tables_name_layers_and_operators_that_exist() -> None:
    for target in (*HANDLERS, *OPERATORS):
        _, packet, overload = target.split(".")
        assert hasattr(getattr(torch.ops.aten, packet), overload), target
    assert len(HANDLERS) > 150
    assert len(catalog()) > 250
