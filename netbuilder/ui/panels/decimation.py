"""Long curves made short: an incremental pyramid of minima and maxima, and exponential smoothing, both in numpy.

A curve of a million points is drawn as about a thousand columns of a minimum and a maximum each; only what is new is
ever worked on again.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FACTOR = 8
"""Entries of one level that make one entry of the next."""

_BLOCK = 64  # even 0.01 to this power is far from the smallest float


class Range(NamedTuple):
    """The smallest and the largest of some values."""

    low: float
    high: float


class Growing:
    """Values that grow at their end, in an array whose room doubles: growing costs what is new, not what is there."""

    __slots__ = ("_length", "_room")

    def __init__(self) -> None:
        self._room: Floats = np.empty(64, np.float64)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> Floats:
        """The values so far: a view that stays as it is while more are added."""
        return self._room[: self._length]

    def extend(self, values: Floats) -> None:
        """Add values at the end."""
        end = self._length + len(values)
        if end > len(self._room):
            room = np.empty(max(end, 2 * len(self._room)), np.float64)
            room[: self._length] = self.values
            self._room = room
        self._room[self._length : end] = values
        self._length = end


class Pyramid:
    """Minima and maxima of a growing series at levels 8, 64, 512, ... points to an entry."""

    __slots__ = ("_levels", "_steps", "_values")

    def __init__(self) -> None:
        self._steps: Ints = np.empty(0, np.int64)
        self._values: Floats = np.empty(0, np.float64)
        self._levels: list[tuple[Growing, Growing]] = []

    def __len__(self) -> int:
        return len(self._values)

    @property
    def steps(self) -> Ints:
        """The steps so far."""
        return self._steps

    @property
    def values(self) -> Floats:
        """The values so far."""
        return self._values

    def update(self, steps: Ints, values: Floats) -> None:
        """Take in a longer version of the same series; what was there before is not looked at again."""
        self._steps, self._values = steps, values
        low = high = values
        for level in range(64):
            if len(low) < FACTOR:
                return
            if level == len(self._levels):
                self._levels.append((Growing(), Growing()))
            done = len(self._levels[level][0])
            whole = len(low) // FACTOR
            if whole > done:
                fresh = slice(done * FACTOR, whole * FACTOR)
                self._levels[level][0].extend(np.fmin.reduce(low[fresh].reshape(-1, FACTOR), axis=1))
                self._levels[level][1].extend(np.fmax.reduce(high[fresh].reshape(-1, FACTOR), axis=1))
            low, high = (each.values for each in self._levels[level])

    def index(self, step: int) -> int:
        """Return how many points lie at or before a step."""
        # An int, since for a float numpy would convert all steps.
        return int(np.searchsorted(self._steps, np.int64(step), side="right"))

    def range(self, start: float, end: float) -> Range | None:
        """Return the smallest and largest finite value of the steps from `start` to `end`; None when there is none."""
        first, last = self.index(math.ceil(start) - 1), self.index(math.floor(end))
        low = high = self._values
        found: list[Floats] = []
        for lows, highs in self._levels:
            if last - first <= 4 * FACTOR:
                break
            begin, stop = -(-first // FACTOR), min(last // FACTOR, len(lows))
            for part in (slice(first, begin * FACTOR), slice(stop * FACTOR, last)):
                found += (low[part], high[part])
            first, last, low, high = begin, stop, lows.values, highs.values
        values = np.concatenate((*found, low[first:last], high[first:last]))
        finite = values[np.isfinite(values)]
        return Range(float(finite.min()), float(finite.max())) if len(finite) else None

    def outline(self, start: float, end: float, columns: int) -> tuple[Floats, Floats]:
        """Return a line of at most about `4 * columns` points that looks like the series from `start` to `end`.

        One neighbour on either side is included, so that the line leaves the plot instead of ending inside it.
        """
        first = max(self.index(math.ceil(start) - 1) - 1, 0)
        last = min(self.index(math.floor(end)) + 1, len(self._values))
        size, level = 1, -1
        while level + 1 < len(self._levels) and (last - first) // (size * FACTOR) >= columns:
            size, level = size * FACTOR, level + 1
        if level < 0:
            if last - first <= 4 * columns:
                return self._steps[first:last].astype(np.float64), self._values[first:last]
            size, lows, highs = 1, self._values, self._values
        else:
            lows, highs = (each.values for each in self._levels[level])
        group = max((last - first) // (size * columns), 1)
        return self._zigzag(lows, highs, size, group, first, last)

    def _zigzag(
        self, lows: Floats, highs: Floats, size: int, group: int, first: int, last: int
    ) -> tuple[Floats, Floats]:
        begin, end = first // size, min(last // size, len(lows))
        begin -= begin % group  # columns keep their place while the series grows: the picture does not shimmer
        starts = np.arange(begin, end, group)
        low = np.fmin.reduceat(lows[:end], starts)
        high = np.fmax.reduceat(highs[:end], starts)
        at = self._steps[np.minimum(starts * size, len(self._steps) - 1)].astype(np.float64)
        tail = slice(end * size, last)
        steps = np.concatenate((np.repeat(at, 2), self._steps[tail].astype(np.float64)))
        values = np.concatenate((np.stack((low, high), axis=1).ravel(), self._values[tail]))
        return steps, values


def smooth(values: Floats, weight: float, carry: float | None = None) -> Floats:
    """Return the exponential moving average `y = weight * y + (1 - weight) * x`; what is not finite repeats the last.

    Args:
        values: New values.
        weight: From 0.01 to below 1; 0 returns the values.
        carry: The average before the first value; None begins at that value.
    """
    if not len(values) or not weight:
        return values.copy()
    known = np.isfinite(values)
    held = values[np.maximum.accumulate(np.where(known, np.arange(len(values)), 0))]
    begin = carry if carry is not None else float(held[0])
    held = np.where(np.isfinite(held), held, begin if np.isfinite(begin) else 0.0)
    begin = begin if np.isfinite(begin) else float(held[0])
    blocks = -(-len(held) // _BLOCK)
    padded = np.zeros(blocks * _BLOCK)
    padded[: len(held)] = held
    powers = weight ** np.arange(1, _BLOCK + 1, dtype=np.float64)
    local = powers * np.cumsum((1.0 - weight) * padded.reshape(blocks, _BLOCK) / powers, axis=1)
    carries = np.empty(blocks)
    for index in range(blocks):
        carries[index] = begin
        begin = local[index, -1] + powers[-1] * begin
    return np.asarray((local + powers * carries[:, None]).ravel()[: len(held)])
