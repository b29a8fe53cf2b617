"""The lines and numbers of a plot's two axes, as dialogs with one plot draw them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from netbuilder.ui.panels.axis import Axis, tick_text
from netbuilder.ui.theme import Theme, mono_font

_UP, _ACROSS = 40, 70  # pixels between two ticks, or more


def paint_axes(
    painter: QPainter, theme: Theme, across: Axis, up: Axis, title: str, write: Callable[[float], str]
) -> None:
    """Draw a line and a number at each tick of the upright axis, and numbers and a title below the level one.

    Args:
        painter: Draws on the widget; its font is changed.
        theme: The colours.
        across: The level axis.
        up: The upright axis, which begins at the bottom.
        title: What the level axis tells.
        write: Returns the text of one of its ticks.
    """
    painter.setFont(mono_font(10))
    ticks = up.ticks(_UP)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 0.0
    for value in ticks:
        y = up.pixel(value)
        painter.setPen(QPen(QColor(theme.line), 1))
        painter.drawLine(QPointF(across.start, y), QPointF(across.end, y))
        painter.setPen(QColor(theme.muted))
        box = QRectF(0, y - 8, across.start - 8, 16)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, tick_text(value, step))
    for value in across.ticks(_ACROSS):
        box = QRectF(across.pixel(value) - 40, up.start + 4, 80, 14)
        painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, write(value))
    middle = QRectF(across.start, up.start + 18, across.end - across.start, 16)
    painter.drawText(middle, Qt.AlignmentFlag.AlignHCenter, title)
