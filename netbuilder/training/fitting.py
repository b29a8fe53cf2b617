"""Fitting: a layer's tensors cut and extended to the sizes that they have after an edit.

How the places of every axis correspond is known (`Axis`). A weight between a new input and an old output becomes zero,
so that what was learned goes on computing what it did. Net2Net (Chen et al. 2016, "Net2Net: Accelerating learning via
knowledge transfer") copies units and divides their outgoing weights instead; zeros are as exact, and copies of one unit
would stay alike. Everything that belongs to a new output stays as it was drawn, so that gradients flow at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from netbuilder.training.provenance import Labels

_DIVISORS: Final = frozenset({"exp_avg_sq", "max_exp_avg_sq", "square_avg", "acc_delta", "sum", "exp_inf", "step_size"})
"""What an optimizer remembers and divides by, or steps with: zeros would make the first steps far too long."""


@dataclass(frozen=True, slots=True)
class Axis:
    """How one axis of a tensor corresponds to the same axis before an edit.

    Attributes:
        places: For each place the place before, or -1 where there was none.
        is_input: Whether it runs over what a layer reads (columns, a kernel's places) rather than over what it gives.
    """

    places: Labels
    is_input: bool = False

    def is_same(self, before: int) -> bool:
        """Whether all `before` places are there, in order, and nothing else."""
        return len(self.places) == before and bool((self.places == np.arange(before)).all())


def is_same(axes: Sequence[Axis], before: Tensor) -> bool:
    """Whether a tensor goes over as it is."""
    return all(axis.is_same(size) for axis, size in zip(axes, before.shape, strict=True))


def fit(before: Tensor, fresh: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Return what `before` held where places correspond, zeros from new inputs to old outputs, else what is drawn.

    Args:
        before: The tensor before the edit.
        fresh: The tensor as the new network draws it: its size, dtype and device are the result's.
        axes: How each axis corresponds.
    """
    result = fresh.detach().clone()
    if is_same(axes, before):
        return result.copy_(before)
    outputs = [np.ones(len(axis.places), bool) if axis.is_input else axis.places >= 0 for axis in axes]
    result[_spread(outputs, fresh)] = 0  # all that belongs to an old output; what corresponds is put in now
    return _put(result, before, axes)


def fit_state(name: str, before: Tensor, weight: Tensor, fitted: Tensor, axes: Sequence[Axis]) -> Tensor | None:
    """Return what an optimizer remembers of a weight, fitted likewise; None when it must begin anew.

    Args:
        name: The optimizer's name for it ("exp_avg").
        before: What it remembers.
        weight: The weight before the edit.
        fitted: The weight now.
        axes: How each axis of the weight corresponds.
    """
    if before.dim() == 0:  # a count of steps
        return before.clone()
    if is_same(axes, weight) and before.shape != fitted.shape:  # factored, as Adafactor's
        return before.clone()
    if before.shape != weight.shape:
        return None
    usual = float(before.mean()) if name in _DIVISORS and before.numel() else 0.0
    result = torch.full_like(fitted, usual, dtype=before.dtype, device=before.device, requires_grad=False)
    return result.copy_(before) if is_same(axes, weight) else _put(result, before, axes)


def _put(result: Tensor, before: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Write the places of `before` that correspond into `result`."""
    chosen = before.detach().to(result.device, result.dtype)
    for number, axis in enumerate(axes):
        places = torch.from_numpy(axis.places[axis.places >= 0]).to(result.device)
        chosen = chosen.index_select(number, places)
    result[_spread([axis.places >= 0 for axis in axes], result)] = chosen.reshape(-1)
    return result


def _spread(known: Sequence[np.ndarray[tuple[int], np.dtype[np.bool_]]], like: Tensor) -> Tensor:
    """Return for each element whether every one of its places is known."""
    mask = torch.ones(like.shape, dtype=torch.bool, device=like.device)
    for number, each in enumerate(known):
        shape = [-1 if axis == number else 1 for axis in range(like.dim())]
        mask &= torch.from_numpy(each).to(like.device).reshape(shape)
    return mask
