"""What a chart draws: lines that grow, bands between two lines, and what the horizontal axis counts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from netbuilder.training.protocol import Points
from netbuilder.ui.panels.axis import Axis, tick_text, value_text
from netbuilder.ui.panels.decimation import Floats, Growing, Ints, Pyramid, smooth
from netbuilder.ui.text import duration
from netbuilder.ui.theme import Theme


@dataclass(slots=True)
class Trace:
    """One line.

    Attributes:
        title: What legend and readout call it.
        token: The theme's token of its colour.
        right: Whether it is measured on the right axis.
        dashed: Whether it is drawn dashed.
        per_step: Whether it has a point every step or so, and is smoothed.
        percent: Whether the readout writes it in percent.
        dotted: Whether it is drawn dotted.
        colors: Its colour on dark and on light, in place of the token's; () for the token's.
        quiet: Whether legend and readout leave it out.
    """

    title: str
    token: str
    right: bool = False
    dashed: bool = False
    per_step: bool = False
    percent: bool = False
    dotted: bool = False
    colors: tuple[str, ...] = ()
    quiet: bool = False
    raw: Pyramid = field(default_factory=Pyramid)
    smoothed: Pyramid = field(default_factory=Pyramid)
    averages: Growing = field(default_factory=Growing)
    weight: float = 0.0

    def update(self, steps: Ints, values: Floats, weight: float) -> None:
        """Take in a longer version of the line, smoothed with `weight`."""
        self.raw.update(steps, values)
        if not self.per_step:
            return
        if weight != self.weight:
            self.smoothed, self.averages, self.weight = Pyramid(), Growing(), weight
        if not weight:
            return
        done = len(self.smoothed)
        carry = float(self.smoothed.values[-1]) if done else None
        self.averages.extend(smooth(values[done:], weight, carry))
        self.smoothed.update(steps, self.averages.values)

    @property
    def shown(self) -> Pyramid:
        """What the readout reads: the smoothed line where there is one."""
        return self.smoothed if len(self.smoothed) else self.raw

    def at(self, step: float) -> float | None:
        """Return the value at the last point up to `step`; None before the first."""
        index = self.shown.index(math.floor(step)) - 1
        return float(self.shown.values[index]) if index >= 0 else None

    def text(self, value: float) -> str:
        """Write one of its values."""
        return f"{100 * value:.1f} %" if self.percent else value_text(value)

    def color(self, theme: Theme) -> QColor:
        """Return its colour in a theme."""
        return color_of(theme, self.token, self.colors)

    @property
    def style(self) -> Qt.PenStyle:
        """How its line is drawn."""
        if self.dotted:
            return Qt.PenStyle.DotLine
        return Qt.PenStyle.DashLine if self.dashed else Qt.PenStyle.SolidLine


@dataclass(slots=True)
class Band:
    """The room between two lines over the same steps: a mean less and plus its spread.

    Attributes:
        low: The lower line.
        high: The upper line.
        colors: Its colour on dark and on light.
        right: Whether it is measured on the right axis.
    """

    low: Pyramid
    high: Pyramid
    colors: tuple[str, ...]
    right: bool = False


def color_of(theme: Theme, token: str, colors: tuple[str, ...]) -> QColor:
    """Return a colour of one's own on dark and light, else a theme's token."""
    return QColor(colors[0 if theme.is_dark else 1]) if colors else theme.color(token)


class Unit(StrEnum):
    """What the horizontal axis counts. Positions are whole numbers: steps, thousandths of epochs, or milliseconds."""

    STEPS = "steps"
    EPOCHS = "epochs"
    TIME = "time"

    def cursor_text(self, at: float) -> str:
        """Write where the cursor stands."""
        if self is Unit.EPOCHS:
            return f"epoch {at / 1000:,.2f}"
        return duration(at / 1000) if self is Unit.TIME else f"step {at:,.0f}"

    def ticks(self, axis: Axis, room: float) -> list[tuple[float, str]]:
        """Return positions for ticks, about `room` pixels apart or more, with their texts."""
        scale, sign = self._scale(axis.high)
        ticks = Axis(axis.low / scale, axis.high / scale, axis.start, axis.end).ticks(room)
        step = ticks[1] - ticks[0] if len(ticks) > 1 else 1
        return [(tick * scale, tick_text(tick, step if scale > 1 else 1) + sign) for tick in ticks]

    def _scale(self, end: float) -> tuple[float, str]:
        if self is Unit.STEPS:
            return 1.0, ""
        if self is Unit.EPOCHS:
            return 1000.0, ""
        return next((scale, sign) for scale, sign, most in _TIMES if end <= most * scale or most == math.inf)


_TIMES = ((1000.0, " s", 300.0), (60_000.0, " min", 180.0), (3_600_000.0, " h", math.inf))


class Placement:
    """Where the points of one run lie on the horizontal axis, found once for each.

    In steps they lie where they are. In epochs and in time only those lie anywhere that are not after the last moment
    of which the number of the epoch, or the time, is known.
    """

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._known: dict[str, Ints] = {}

    def place(self, name: str, steps: Ints, knots: Points) -> Ints:
        """Return the positions of a series' points, as many as have one.

        Args:
            name: The series.
            steps: Its steps, ascending; a longer version of those of the last call.
            knots: Step -> epochs done, or seconds, ascending.
        """
        if self.unit is Unit.STEPS:
            return steps
        known = self._known.get(name, np.empty(0, np.int64))
        count = int(np.searchsorted(steps, knots.steps[-1], side="right")) if len(knots.steps) else 0
        if count > len(known):
            fresh = np.interp(steps[len(known) : count], knots.steps, knots.values)
            known = self._known[name] = np.concatenate((known, np.rint(1000 * fresh).astype(np.int64)))
        return known
