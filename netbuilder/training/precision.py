"""Precision: what a network computes in, and the scaler that keeps small gradients of float16 from vanishing.

Autocast (Micikevicius et al. 2018, Mixed precision training, https://arxiv.org/abs/1710.03740) is around the network's
forward pass alone, and its results are float32 again: losses, metrics and pictures are computed as ever. An exported
loop does the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import nn

DTYPES: Final[Mapping[str, torch.dtype]] = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""The plan's `precision` -> what autocast computes in; float32 is not among them."""


def compute_in(model: nn.Module, precision: str, device: str) -> None:
    """Let a network compute in a precision from now on, and give its results in float32.

    Its class becomes one derived from it: a function at the module that held the module would keep the tensors of an
    ended run alive until a collection.

    Args:
        model: The network; its parameters stay as they are.
        precision: The plan's; "float32" changes nothing.
        device: The device's type: "cpu", "cuda", "mps".
    """
    if precision in DTYPES:
        kind = type(model)
        members = {"forward": in_precision(kind.forward, precision, device), "__doc__": kind.__doc__}
        model.__class__ = type(kind.__name__, (kind,), members)


def in_precision(forward: Callable[..., Any], precision: str, device: str) -> Callable[..., Any]:
    """Return a forward pass that computes in a precision and gives its results in float32.

    Args:
        forward: A function of tensors that returns one or a tuple of them.
        precision: The plan's; "float32" returns `forward`.
        device: The device's type.
    """
    dtype = DTYPES.get(precision)
    if dtype is None:
        return forward

    def run(*values: Any, **named: torch.Tensor) -> Any:
        with torch.autocast(device, dtype=dtype):
            results = forward(*values, **named)
        return tuple(map(_full, results)) if isinstance(results, tuple) else _full(results)

    return run


def _full(value: torch.Tensor) -> torch.Tensor:
    return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value


def new_scaler(precision: str, device: str) -> torch.amp.GradScaler | None:
    """Return the scaler of losses that a precision needs: float16's range ends at 6e-8.

    Args:
        precision: The plan's.
        device: The device's type.
    """
    return torch.amp.GradScaler(device) if precision == "fp16" else None
