"""A sparkline: the stretch of a curve that a finding rests on, small, with its limit."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from netbuilder.ui.panels.axis import short_text
from netbuilder.ui.panels.decimation import Floats, Ints
from netbuilder.ui.theme import Theme, mono_font

_MARGIN = 4.0
_TEXT = 10.0  # pixels of height for the ends of the scale


class Sparkline(QWidget):
    """Draws a curve without axes: its range stands in two numbers, its limit is a dashed line."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._low: Floats = np.empty(0)
        self._high: Floats = np.empty(0)
        self._limit: float | None = None
        self.setFixedSize(QSize(190, 64))
        self.setAccessibleName("Evidence")

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._theme = theme
        self.update()

    def set_curve(self, steps: Ints, values: Floats, limit: float | None, title: str) -> None:
        """Draw a curve.

        Args:
            steps: Its steps, ascending.
            values: Its values.
            limit: A value at which a dashed line is drawn, if it lies near enough; None for none.
            title: What it is, for the tooltip.
        """
        known = np.isfinite(values)
        steps, values = steps[known], values[known]
        self._limit = limit
        if len(values):
            columns = min(len(values), self.width())
            edges = np.linspace(0, len(values), columns + 1).astype(int)[:-1]
            self._low, self._high = np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)
            self.setToolTip(f"{title}, steps {int(steps[0]):,} to {int(steps[-1]):,}")
        else:
            self._low = self._high = np.empty(0)
            self.setToolTip("")
        self.setVisible(bool(len(values) > 1))
        self.update()

    @property
    def columns(self) -> int:
        """How many columns are drawn."""
        return len(self._low)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line, its limit and the ends of its scale."""
        if not len(self._low):
            return
        low, high = float(self._low.min()), float(self._high.max())
        limit = self._limit
        if limit is not None and low - 2 * (high - low) <= limit <= high + 2 * (high - low):
            low, high = min(low, limit), max(high, limit)
        else:
            limit = None
        span = (high - low) or abs(high) or 1.0
        area = QRectF(_MARGIN, _TEXT + 3, self.width() - 2 * _MARGIN, self.height() - 2 * _TEXT - 8)

        def place(value: float) -> float:
            return area.bottom() - area.height() * (value - low) / span

        across = np.linspace(area.left(), area.right(), len(self._low)).tolist()
        line = QPolygonF()
        for x, least, most in zip(across, self._low.tolist(), self._high.tolist(), strict=True):
            line.append(QPointF(x, place(most)))
            if least != most:
                line.append(QPointF(x, place(least)))
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if limit is not None:
                painter.setPen(QPen(QColor(self._theme.bad), 1, Qt.PenStyle.DashLine))
                painter.drawLine(QPointF(area.left(), place(limit)), QPointF(area.right(), place(limit)))
            painter.setPen(QPen(QColor(self._theme.accent), 1.4))
            painter.drawPolyline(line)
            painter.setFont(mono_font(10))
            painter.setPen(QColor(self._theme.muted))
            flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(_MARGIN, 0, self.width(), _TEXT + 2), flags, short_text(high))
            painter.drawText(
                QRectF(_MARGIN, self.height() - _TEXT - 2, self.width(), _TEXT + 2), flags, short_text(low)
            )
