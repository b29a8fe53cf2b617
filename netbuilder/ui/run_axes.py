"""Axes on which runs are laid out side by side: numbers, linear or logarithmic, and words. No Qt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from netbuilder.training.run_values import Value, differing, title_of
from netbuilder.ui.run_rows import Row

MOST = 9
"""So many axes stand side by side unless the user chooses others."""

_FEW = 6  # so few different numbers are all written on their axis

_WIDE = 20.0  # numbers whose largest is so many times the smallest stand on a logarithmic axis


@dataclass(frozen=True, slots=True)
class RunAxis:
    """One value of runs, laid along a line from 0 (below) to 1.

    Attributes:
        key: The value (`run_values`).
        low: The smallest number.
        high: The largest.
        logarithmic: Whether equal distances are equal factors.
        words: What there is of words, in order; () for an axis of numbers.
        marks: The numbers, where they are few; () where they are many.
        can_be_logarithmic: Whether all its numbers are above 0.
    """

    key: str
    low: float = 0.0
    high: float = 1.0
    logarithmic: bool = False
    words: tuple[str, ...] = ()
    marks: tuple[float, ...] = ()
    can_be_logarithmic: bool = False

    @property
    def title(self) -> str:
        """What it is called."""
        return title_of(self.key)

    def place(self, value: Value) -> float | None:
        """Return where a value stands, 0 to 1; None for one that there is not."""
        if self.words:
            word = str(value) if value is not None else ""
            if word not in self.words:
                return None
            return (self.words.index(word) + 0.5) / len(self.words)
        if isinstance(value, str) or value is None or not math.isfinite(value):
            return None
        if self.logarithmic:
            if value <= 0:
                return None
            low, high, value = math.log(self.low), math.log(self.high), math.log(value)
        else:
            low, high = self.low, self.high
        return (value - low) / (high - low) if high > low else 0.5

    def value(self, place: float) -> float:
        """Return the number at a place; see `place`."""
        if self.logarithmic:
            low, high = math.log(self.low), math.log(self.high)
            return math.exp(low + place * (high - low))
        return self.low + place * (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Return places with their texts: every word, or the ends and what lies between."""
        if self.words:
            return [((number + 0.5) / len(self.words), word) for number, word in enumerate(self.words)]
        if self.high <= self.low:
            return [(0.5, _number(self.low))]
        if self.marks:
            return [(place, _number(mark)) for mark in self.marks if (place := self.place(mark)) is not None]
        return [(place, _number(self.value(place))) for place in (0.0, 0.25, 0.5, 0.75, 1.0)]

    def switched(self) -> RunAxis:
        """Return it logarithmic where it was linear, and the other way round; words stay as they are."""
        return replace(self, logarithmic=not self.logarithmic and self.can_be_logarithmic)


def axis_of(key: str, rows: Iterable[Row]) -> RunAxis:
    """Return an axis on which all values of these runs have room."""
    values = [value for row in rows if (value := row.values.get(key)) is not None and value == value]
    numbers = [float(value) for value in values if isinstance(value, (int, float)) and math.isfinite(value)]
    if any(isinstance(value, str) for value in values):
        words = sorted({str(value) for value in values if value != ""})
        return RunAxis(key, words=tuple(words))
    if not numbers:
        return RunAxis(key)
    low, high = min(numbers), max(numbers)
    few = tuple(sorted(set(numbers)))
    marks = few if len(few) <= _FEW else ()
    return RunAxis(key, low, high, low > 0 and high / low >= _WIDE, marks=marks, can_be_logarithmic=low > 0)


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"


def usual_axes(rows: Sequence[Row], keys: Iterable[str]) -> list[str]:
    """Return the values by which runs are told apart: settings that differ, then what came of them."""
    known = list(keys)
    values = [row.values for row in rows]
    settings = differing(values, [key for key in known if key.startswith("plan/") or key in ("parameters", "device")])
    results = [key for key in known if key.startswith("best/")]
    first = [key for key in ("best/loss", "best/accuracy", "best/mae", "best/r2") if key in results]
    rest = [key for key in results if key not in first]
    return [*settings[: MOST - 2], *[*first, *rest][:2]]


def pareto_front(points: Sequence[tuple[float, float] | None], lower: tuple[bool, bool]) -> list[int]:
    """Return which points no other beats in both values, by their first value.

    Args:
        points: Two values each; None where there are none.
        lower: For each of the two, whether less is better.
    """
    signs = [1.0 if each else -1.0 for each in lower]
    known = [(signs[0] * point[0], signs[1] * point[1], index) for index, point in enumerate(points) if point]
    front: list[int] = []
    best = math.inf
    for _, second, index in sorted(known):
        if second < best:
            best = second
            front.append(index)
    return front


@dataclass(frozen=True, slots=True)
class Brush:
    """A part of an axis, from `low` to `high` (0 to 1): runs outside it do not count."""

    low: float
    high: float

    def holds(self, place: float | None) -> bool:
        """Whether a run at this place counts."""
        return place is not None and self.low <= place <= self.high


def passing(rows: Sequence[Row], axes: Sequence[RunAxis], brushes: Mapping[str, Brush]) -> list[bool]:
    """Return of each run whether it lies within every brush."""
    chosen = [(axis, brushes[axis.key]) for axis in axes if axis.key in brushes]
    return [all(brush.holds(axis.place(row.values.get(axis.key))) for axis, brush in chosen) for row in rows]
