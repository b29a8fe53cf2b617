"""Which moments of a run are kept as snapshots: dense at its beginning, where most happens, and evenly over the rest.

Plain numbers: no torch, no files (`netbuilder.training.snapshots` has those).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LEAST: Final = 2
"""The beginning and the newest moment are always kept: fewer are of no use."""


class Reason(StrEnum):
    """Why a moment was kept."""

    TIME = "time"  # it was time again
    EPOCH = "epoch"  # an epoch ended
    BEST = "best"  # an epoch ended with the best result so far
    CHANGE = "change"  # right before something was changed
    WISH = "wish"  # somebody asked for it, or went back from there
    END = "end"  # the run ended


WANTED: Final = frozenset({Reason.CHANGE, Reason.WISH, Reason.END})
"""What is kept though it is not time again."""

PINNED: Final = frozenset({Reason.CHANGE, Reason.WISH})
"""What is dropped only when nothing else is left to drop."""


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """A moment of a run that can be gone back to.

    Attributes:
        step: Steps done.
        epoch: Epochs done.
        reason: Why it was kept.
        size: Bytes on the disk.
    """

    step: int
    epoch: int = 0
    reason: Reason = Reason.TIME
    size: int = 0


def superfluous(moments: Sequence[Moment], number: int, size: int) -> list[Moment]:
    """Return what must go so that a budget is kept, the least missed first.

    The first and the last moment stay. Of the others, the one whose neighbours are nearest to each other is missed
    least; what was pinned stays longest, and then the newest best one.

    Args:
        moments: In order of their steps.
        number: How many may stay; at least `LEAST` do.
        size: How many bytes all together may have; two moments stay even if they have more.
    """
    kept, gone = list(moments), []
    total = sum(moment.size for moment in kept)
    places = {moment.step: _place(moment.step, kept[-1].step) for moment in kept}
    best = max((moment.step for moment in kept if moment.reason is Reason.BEST), default=None)
    while len(kept) > LEAST and (len(kept) > number or total > size):
        index = min(
            range(1, len(kept) - 1),
            key=lambda at: (
                kept[at].reason in PINNED,
                kept[at].step == best,
                places[kept[at + 1].step] - places[kept[at - 1].step],
            ),
        )
        total -= kept[index].size
        gone.append(kept.pop(index))
    return gone


def _place(step: int, last: int) -> float:
    """Return where a step stands, from 0 to 1: half by its logarithm, half by itself."""
    if last <= 0:
        return 0.0
    return (math.log1p(step) / math.log1p(last) + step / last) / 2
