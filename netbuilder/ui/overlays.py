"""Other runs' curves for the chart: a colour a run, a style a series, and the spread over seeds. No widgets.

It is called on a worker thread: a run may have a million points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from netbuilder.training.protocol import Points
from netbuilder.training.run_store import RunRecord
from netbuilder.ui.panels.decimation import Floats, Ints, Pyramid
from netbuilder.ui.panels.trace import Band, Placement, Trace, Unit
from netbuilder.ui.quantities import is_share
from netbuilder.ui.run_reading import Curves
from netbuilder.ui.text import clock

LOSSES = ("loss/train", "loss/validation")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn of other runs."""

    traces: tuple[Trace, ...] = ()
    bands: tuple[Band, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be drawn.

    Attributes:
        runs: The runs with their colours on dark and light.
        right: The series of the right axis, or "".
        unit: What the horizontal axis counts.
        weight: How much lines of steps are smoothed.
        has_bands: Whether runs that differ only in their seed become one band.
    """

    runs: tuple[tuple[Curves, tuple[str, ...]], ...]
    right: str
    unit: Unit
    weight: float
    has_bands: bool


def knots_of(curves: Curves, unit: Unit) -> Points:
    """Return which step lies where on an axis of this unit."""
    return curves.clock if unit is Unit.TIME else curves.epochs


def short_name(record: RunRecord) -> str:
    """Return what a legend calls a run: the user's name for it, else when it began."""
    return record.marks.name or clock(record.started)


def draw(order: Order) -> Drawn:
    """Make the lines and bands of other runs."""
    traces: list[Trace] = []
    bands: list[Band] = []
    names = [*LOSSES, *([order.right] if order.right else [])]
    for runs in _families(order):
        placed = [(_place(curves, names, order), curves, colors) for curves, colors in runs]
        if len(runs) == 1:
            series, curves, colors = placed[0]
            traces += _lines(series, short_name(curves.record), colors, order)
            continue
        spread = {name: _spread([series[name] for series, _, _ in placed if name in series]) for name in names}
        colors = placed[0][2]
        title = f"{len(runs)} seeds of {short_name(placed[0][1].record)}"
        traces += _lines({name: (at, mean) for name, (at, mean, _) in spread.items() if len(at)}, title, colors, order)
        for name, (at, mean, deviation) in spread.items():
            if len(at):
                low, high = Pyramid(), Pyramid()
                low.update(at, mean - deviation)
                high.update(at, mean + deviation)
                bands.append(Band(low, high, colors, right=name == order.right))
    return Drawn(tuple(traces), tuple(bands))


def _families(order: Order) -> Iterable[list[tuple[Curves, tuple[str, ...]]]]:
    """Return runs that are drawn as one: those that differ in their seed alone, where bands are asked for."""
    families: dict[str, list[tuple[Curves, tuple[str, ...]]]] = {}
    for curves, colors in order.runs:
        key = curves.kin if order.has_bands and curves.kin else curves.record.id
        families.setdefault(key, []).append((curves, colors))
    return families.values()


def _place(curves: Curves, names: Sequence[str], order: Order) -> dict[str, tuple[Ints, Floats]]:
    placement, knots = Placement(order.unit), knots_of(curves, order.unit)
    found = {}
    for name in names:
        points = curves.series.get(name)
        if points is not None and len(points.steps):
            at = placement.place(name, points.steps, knots)
            found[name] = (at, points.values[: len(at)])
    return found


def _spread(series: Sequence[tuple[Ints, Floats]]) -> tuple[Ints, Floats, Floats]:
    """Return mean and standard deviation of several curves, at the first one's points as far as all reach."""
    series = [(at, values) for at, values in series if len(at)]
    if not series:
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    start, end = max(at[0] for at, _ in series), min(at[-1] for at, _ in series)
    at = series[0][0]
    at = at[(at >= start) & (at <= end)]
    values = np.stack([np.interp(at, own, measured) for own, measured in series])
    return at, values.mean(axis=0), values.std(axis=0, ddof=1 if len(series) > 1 else 0)


def _lines(
    series: Mapping[str, tuple[Ints, Floats]], title: str, colors: tuple[str, ...], order: Order
) -> Iterable[Trace]:
    """Yield a line a series; legend and readout name the run once, by what its validation says."""
    told = next((name for name in ("loss/validation", "loss/train", order.right) if name in series), "")
    for name, (at, values) in series.items():
        trace = Trace(
            title,
            "accent",
            right=name not in LOSSES,
            dashed=name == "loss/validation",
            dotted=name not in LOSSES,
            per_step=not name.endswith("/validation"),
            percent=is_share(name),
            colors=colors,
            quiet=name != told,
        )
        trace.update(at, values, order.weight)
        yield trace
