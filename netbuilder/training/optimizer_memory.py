"""Optimizer memory: what an optimizer remembers of each weight, handed on when settings or the network change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from netbuilder.document.model import Setting
from netbuilder.training import optimizers

if TYPE_CHECKING:
    from netbuilder.training.transplant import Memory

_ALIKE: Final = (frozenset({"adam", "adamw"}),)
"""Optimizers that remember the same and mean the same by it."""

_LATER: Final = frozenset({"momentum_buffer"})
"""What an optimizer may begin to remember later on, when its momentum is switched on."""


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
    had, needed = Remembered(old).of(2), Remembered(new).of(2)
    for group in after.param_groups:
        for parameter in group["params"]:
            known = memory(parameter)
            if known:
                kept = {name: each for name, each in known.items() if name in needed or name not in had}
                added = {name: _zero(parameter, like) for name, like in needed.items() if name not in had}
                after.state[parameter] = kept | added


class Remembered:
    """What an optimizer must remember of a parameter in order to go on with it, found by trying it on little ones."""

    def __init__(self, setting: Setting) -> None:
        """Ask an optimizer with these settings."""
        self._setting = setting
        self._known: dict[int, Mapping[str, Tensor]] = {}

    def of(self, rank: int) -> Mapping[str, Tensor]:
        """Return what it remembers of a little tensor of a rank, whose axes all have other sizes, from 2 up."""
        if rank not in self._known:
            trial = nn.Parameter(torch.zeros([axis + 2 for axis in range(rank)]))
            optimizer = optimizers.make(self._setting, [{"params": [trial]}])
            trial.grad = torch.ones_like(trial)
            optimizer.step()
            state = optimizer.state[trial]
            self._known[rank] = {name: each for name, each in state.items() if isinstance(each, Tensor)}
        return self._known[rank]

    def completed(self, parameter: nn.Parameter, known: Memory) -> Memory:
        """Return what was remembered under other settings with what these need beside, at zero; nothing of nothing."""
        missing = _LATER & self.of(parameter.dim()).keys() - known.keys() if known else ()
        return {**known, **{name: torch.zeros_like(parameter) for name in missing}}

    def find_odd(self, parameter: nn.Parameter, known: Memory) -> str:
        """Return the name of the first thing that is missing or that cannot be gone on with; "" when there is none.

        Args:
            parameter: The parameter.
            known: What is remembered of it; empty for one that begins anew.
        """
        needed = {name: _sized(like, parameter) for name, like in self.of(parameter.dim()).items()}
        later = dict.fromkeys(_LATER, parameter.shape)
        counts = {name for name, like in self.of(1).items() if not like.dim()}  # of a parameter that is one number, too
        for name, shape in {**later, **needed}.items() if known else ():
            tensor = known.get(name)
            if tensor is None:
                if name not in _LATER:
                    return name
            elif tensor.shape != shape or not (_is_count(tensor) if name in counts else _is_wide(tensor)):
                return name
        return ""


def _sized(like: Tensor, parameter: Tensor) -> torch.Size:
    """Return the shape of what is remembered of a parameter, given what it is of a little one."""
    return torch.Size(1 if size == 1 else parameter.shape[size - 2] for size in like.shape)


def _is_count(number: Tensor) -> bool:
    """Whether a single number can be a count of steps or a running product."""
    return number.is_floating_point() and bool(number.isfinite()) and float(number) >= 0


def _is_wide(tensor: Tensor) -> bool:
    """Whether a tensor can hold running means of gradients."""
    return tensor.is_floating_point() or tensor.is_complex()


def _zero(parameter: nn.Parameter, like: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if like.dim() else torch.zeros_like(like, device=parameter.device)
