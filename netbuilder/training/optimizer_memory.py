"""Optimizer memory: what an optimizer remembers of each weight, handed on when settings or the network change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn

from netbuilder.document.model import Setting
from netbuilder.training import optimizers
from netbuilder.training.transplant import Memory

_ALIKE: Final = (frozenset({"adam", "adamw"}),)
"""Optimizers that remember the same and mean the same by it."""


def hand_on(
    after: torch.optim.Optimizer,
    settings: tuple[Setting, Setting],
    memory: Callable[[nn.Parameter], Memory],
) -> None:
    """Let an optimizer go on from what another one remembers.

    What the new one needs beside (a momentum that was switched on) begins at zero. Optimizers of different kinds mean
    different things: there all begins anew.

    Args:
        after: The new optimizer, which has made no step.
        settings: The choices that they were made from, the former first.
        memory: A parameter of the new optimizer -> what the old one remembers of it; empty when it is fresh.
    """
    old, new = settings
    if old.key != new.key and not any({old.key, new.key} <= alike for alike in _ALIKE):
        return
    had, needed = _needed(old), _needed(new)
    for group in after.param_groups:
        for parameter in group["params"]:
            known = memory(parameter)
            if known:
                kept = {name: each for name, each in known.items() if name in needed or name not in had}
                added = {name: _zero(parameter, like) for name, like in needed.items() if name not in had}
                after.state[parameter] = kept | added


def _needed(setting: Setting) -> dict[str, Tensor]:
    """Return what an optimizer remembers, of a matrix of one number."""
    trial = nn.Parameter(torch.zeros(1, 1))
    optimizer = optimizers.make(setting, [{"params": [trial]}])
    trial.grad = torch.ones_like(trial)
    optimizer.step()
    return {name: each for name, each in optimizer.state[trial].items() if isinstance(each, Tensor)}


def _zero(parameter: nn.Parameter, like: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if like.dim() else torch.zeros_like(like, device=parameter.device)
