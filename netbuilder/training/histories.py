"""Histories: how a layer's values were spread from the beginning of a run until now, in bounded memory.

A history is a row of histograms over steps. What a look of the probe found becomes a column; when there are too many,
the two neighbours that together cover the fewest steps become one, so that all columns cover about equally many. No
torch, no Qt: the session thins what it records, the window what it keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from netbuilder.training.protocol import Picture, PictureKind

Floats = NDArray[np.float64]

KINDS: Final = (PictureKind.WEIGHTS, PictureKind.GRADIENTS, PictureKind.VALUES)
"""The pictures that are histograms, and whose course is kept."""

COLUMNS: Final = 200
"""The most columns that one history has."""

FEWEST: Final = 32
"""The fewest that it is cut to where there are many layers."""

BUDGET: Final = 12 << 20
"""Bytes that all histories of a run may take together, as long as each may have `FEWEST` columns."""


class History:
    """One layer's histograms of one kind over the steps."""

    __slots__ = ("_counts", "_highs", "_lows", "_steps")

    def __init__(self) -> None:
        self._steps: list[int] = []
        self._lows: list[float] = []
        self._highs: list[float] = []
        self._counts: list[NDArray[np.float32]] = []

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def steps(self) -> tuple[int, ...]:
        """The step at which each column begins, ascending."""
        return tuple(self._steps)

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest value of all columns."""
        return min(self._lows, default=0.0), max(self._highs, default=0.0)

    def columns(self) -> Iterator[tuple[int, float, float, NDArray[np.float32]]]:
        """Yield each column: its first step, its smallest and largest value, and counts in equal bins between."""
        yield from zip(self._steps, self._lows, self._highs, self._counts, strict=True)

    def add(self, picture: Picture, limit: int = COLUMNS) -> None:
        """Take in a newer histogram; one of the last step takes its place, one of an earlier step is a look back.

        Args:
            picture: Of a kind in `KINDS`.
            limit: The most columns to keep, at least 2.
        """
        low, high = picture.extent[:2]
        if not picture.data.sum():  # nothing but values that are no numbers: there is no range to draw
            return
        if self._steps and self._steps[-1] > picture.step:
            return
        self.forget_from(picture.step)
        self._steps.append(picture.step)
        self._lows.append(low)
        self._highs.append(high)
        self._counts.append(np.asarray(picture.data, np.float32))
        while len(self._steps) > max(limit, 2):
            self._merge()

    def forget_from(self, step: int) -> None:
        """Forget the columns that begin at a step or later: training goes on from before it."""
        while self._steps and self._steps[-1] >= step:
            self._drop(len(self._steps) - 1)

    def density(self, rows: int, low: float, high: float) -> NDArray[np.float32]:
        """Return (rows, columns): which part of a column's values lies in each of equal bins, from `low` up.

        Args:
            rows: How many bins.
            low: The lower end of the lowest.
            high: The upper end of the highest, above `low`.
        """
        if not self._steps:
            return np.zeros((rows, 0), np.float32)
        counts = np.stack(self._counts)
        columns, bins = counts.shape
        below = np.zeros((columns, bins + 1))
        np.cumsum(counts, axis=1, out=below[:, 1:])
        # Where each new edge lies among a column's own bins: all columns at once, since this is drawn twice a second.
        lows, widths = np.array(self._lows)[:, None], np.array(self._highs)[:, None] - np.array(self._lows)[:, None]
        at = np.clip((np.linspace(low, high, rows + 1) - lows) / widths * bins, 0.0, bins)
        first = np.minimum(at.astype(np.intp), bins - 1)
        row = np.arange(columns)[:, None]
        reached = below[row, first] + (at - first) * counts[row, first]
        return np.asarray((np.diff(reached, axis=1) / below[:, -1:]).T, np.float32)

    def _drop(self, index: int) -> None:
        for column in (self._steps, self._lows, self._highs, self._counts):
            del column[index]

    def _merge(self) -> None:
        """Make one column of the two neighbours that cover the fewest steps; the newest stays as it is."""
        steps = np.array(self._steps)
        first = int(np.argmin(steps[2:] - steps[:-2]))
        second = first + 1
        low, high = min(self._lows[first], self._lows[second]), max(self._highs[first], self._highs[second])
        edges = np.linspace(low, high, len(self._counts[first]) + 1)
        both = (rebinned(self._counts[at], self._lows[at], self._highs[at], edges) for at in (first, second))
        self._counts[first] = sum(both, np.zeros(len(edges) - 1)).astype(np.float32)
        self._lows[first], self._highs[first] = low, high
        self._drop(second)


def rebinned(counts: NDArray[np.float32], low: float, high: float, edges: Floats) -> Floats:
    """Return how many values lie between new edges, as if they lay evenly in each of the old bins.

    Args:
        counts: In equal bins.
        low: The lower end of the first bin.
        high: The upper end of the last one.
        edges: Ascending; what lies outside them is left out.
    """
    known = np.linspace(low, high, len(counts) + 1)
    below = np.concatenate(([0.0], np.cumsum(counts, dtype=np.float64)))
    return np.diff(np.interp(edges, known, below))


class Histories:
    """All histories of one run, within a budget of memory."""

    def __init__(self) -> None:
        self._known: dict[tuple[PictureKind, str], History] = {}

    def __len__(self) -> int:
        return len(self._known)

    @property
    def known(self) -> Mapping[tuple[PictureKind, str], History]:
        """(kind, node path) -> its history."""
        return self._known

    def take(self, pictures: Iterable[Picture]) -> None:
        """Take in those pictures that are histograms."""
        for picture in pictures:
            if picture.kind in KINDS:
                key = picture.kind, picture.node
                self._known.setdefault(key, History()).add(picture, self._limit(picture.data.nbytes))

    def forget_from(self, step: int) -> None:
        """Forget what was seen at a step or later: training goes on from before it."""
        for history in self._known.values():
            history.forget_from(step)

    def _limit(self, size: int) -> int:
        return min(max(BUDGET // (max(size, 1) * max(len(self._known), 1)), FEWEST), COLUMNS)


class Thinning:
    """Which looks are recorded: all at first, then ever fewer, so that a long run's record stays small.

    After `COLUMNS` looks every second is, after half as many more every fourth, and so on: some hundreds for a night.
    """

    def __init__(self) -> None:
        self._stride = 1
        self._looks = 0
        self._taken = 0

    def next(self) -> bool:
        """Count a look; returns whether it is recorded."""
        is_due = self._looks % self._stride == 0
        self._looks += 1
        if is_due:
            self._taken += 1
            if self._taken == COLUMNS:
                self._taken, self._stride = COLUMNS // 2, 2 * self._stride
        return is_due
