"""The chart's legend: every line's colour, name and newest value."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from netbuilder.ui.panels.trace import Trace
from netbuilder.ui.theme import Theme, ui_font

_DASH, _GAP = 16, 12


class Legend(QWidget):
    """Every line's colour, name and newest value; only colour and value where there is little room."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self._traces: list[Trace] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumHeight(18)

    def set_traces(self, traces: Iterable[Trace]) -> None:
        """Show these lines' newest values."""
        self._traces = [trace for trace in traces if len(trace.raw) and not trace.quiet]
        self.setAccessibleName(", ".join(self.texts()))
        self.setToolTip("\n".join(self.texts()))
        self.update()

    def texts(self) -> list[str]:
        """Return name and newest value of every line."""
        return self._texts(lambda trace: f"{trace.title} ")

    def _texts(self, name: Callable[[Trace], str]) -> list[str]:
        return [name(trace) + trace.text(float(trace.shown.values[-1])) for trace in self._traces]

    def _width(self, texts: list[str]) -> int:
        metrics = QFontMetrics(ui_font(12))
        return sum(metrics.horizontalAdvance(text) + _DASH + _GAP for text in texts) - _GAP

    def fitting(self) -> list[str]:
        """Return the longest texts for which there is room: with names, with short names, values alone.

        Where there is no room even for those, the last text says how many are left out; the tip has them all.
        """
        names = (lambda trace: f"{trace.title} ", lambda trace: f"{_short(trace)} ", lambda trace: "")
        for name in names:
            if self._width(texts := self._texts(name)) <= self.width():
                return texts
        for count in reversed(range(len(texts))):
            cut = [*texts[:count], f"+{len(texts) - count}"]
            if self._width(cut) <= self.width():
                return cut
        return []

    def sizeHint(self) -> QSize:
        """Return the room that all names need."""
        return QSize(self._width(self.texts()), 18)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw dash, name and value of each."""
        texts, left, middle = self.fitting(), 0, self.height() // 2
        with QPainter(self) as painter:
            painter.setFont(ui_font(12))
            for trace, shown in zip(self._traces, texts, strict=False):
                is_rest = shown.startswith("+")
                width = painter.fontMetrics().horizontalAdvance(shown)
                color = self.theme.color("muted") if is_rest else trace.color(self.theme)
                if not is_rest:
                    style = Qt.PenStyle.DotLine if trace.style is not Qt.PenStyle.SolidLine else trace.style
                    painter.setPen(QPen(color, 2, style))
                    painter.drawLine(left, middle, left + _DASH - 6, middle)
                painter.setPen(color)
                painter.drawText(left + _DASH, 0, width + 2, self.height(), Qt.AlignmentFlag.AlignVCenter, shown)
                left += _DASH + width + _GAP


def _short(trace: Trace) -> str:
    most = 9 if trace.colors else 5  # runs' names often begin alike
    return trace.title if len(trace.title) <= most else f"{trace.title[: most - 2]}."
