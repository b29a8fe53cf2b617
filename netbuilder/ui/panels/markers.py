"""Markers: where a run was changed, as flags on a curve's time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from netbuilder.ui.panels.axis import Axis
from netbuilder.ui.theme import Theme

REACH = 6
"""Pixels on either side of a flag that mean it."""

FLAG_HEIGHT = 14
"""Pixels below the chart's upper edge where a flag can be pressed."""

_FLAG = 4.5
_LONGEST = 48


@dataclass(frozen=True, slots=True)
class Marker:
    """One change of a run.

    Attributes:
        step: The step after which it was made.
        number: Which change.
        text: What was changed.
    """

    step: int
    number: int
    text: str

    @property
    def short(self) -> str:
        """What was changed, in a line that fits a readout."""
        return self.text if len(self.text) <= _LONGEST else f"{self.text[: _LONGEST - 1]}…"


def paint_markers(painter: QPainter, markers: Sequence[Marker], x: Axis, vertical: Axis, theme: Theme) -> None:
    """Draw a thin line with a flag at its top for each change in sight."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    color = theme.color("muted")
    for marker in markers:
        column = round(x.pixel(marker.step)) + 0.5
        if not x.start <= column <= x.end + 1:
            continue
        painter.setPen(QPen(color, 1, Qt.PenStyle.DashDotLine))
        painter.drawLine(QPointF(column, vertical.end), QPointF(column, vertical.start))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        top = vertical.end - 2
        flag = [QPointF(column - _FLAG, top), QPointF(column + _FLAG, top), QPointF(column, top + 1.6 * _FLAG)]
        painter.drawPolygon(QPolygonF(flag))
    painter.restore()


def marker_near(markers: Sequence[Marker], x: Axis, column: float) -> Marker | None:
    """Return the change whose line is near a column of the chart; the latest of several."""
    near = [marker for marker in markers if abs(x.pixel(marker.step) - column) <= REACH]
    return near[-1] if near else None
