"""The Statistics panel: by layer, mean and deviation of its activations, and how many are 0 or saturated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from netbuilder.training.series_names import DEAD, DEVIATION, MEAN, SATURATED, ZERO, series_of
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.axis import short_text, value_text
from netbuilder.ui.panels.layer_list import LEFT, RIGHT, Layer, LayerList
from netbuilder.ui.panels.layer_panel import LayerPanel
from netbuilder.ui.panels.weights import paint_course
from netbuilder.ui.series import Series
from netbuilder.ui.theme import Theme, ThemeController, mono_font
from netbuilder.ui.workspace import Workspace

EMPTY = "Press Train: here you will see every layer's activations: their mean and spread, and how many are 0."
_PARTS = (ZERO, SATURATED, DEAD)
_WORDS = {ZERO: "exactly 0", SATURATED: "saturated", DEAD: "dead units"}
_NUMBER = 112.0


class StatisticsList(LayerList):
    """A row a layer: mean and deviation on one axis, the deviation's course, and parts of the whole."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__(workspace, theme, ("Mean ± deviation", "Deviation's course", "0 · saturated · dead"), 36)
        self._reach = self._unit = 1.0
        self.setAccessibleName("Activation statistics by layer")

    def paint_cell(self, painter: QPainter, layer: Layer, column: int, box: QRectF) -> None:
        """Draw a whisker, a course or parts of a whole."""
        if column == 0:
            self._paint_spread(painter, layer, box)
        elif column == 1:
            series = self._series(DEVIATION, layer)
            if series is not None:
                paint_course(painter, series, box.adjusted(0, 8, 0, -10), self.theme)
        else:
            self._paint_parts(painter, layer, box)

    def explain(self, layer: Layer, column: int, point: QPointF, box: QRectF) -> str:
        """Say the numbers."""
        if column < 2:
            mean, deviation = self._value(MEAN, layer), self._value(DEVIATION, layer)
            if mean is None or deviation is None:
                return ""
            return f"{layer.label}: mean {value_text(mean)}, standard deviation {value_text(deviation)}"
        known = [(kind, value) for kind in _PARTS if (value := self._value(kind, layer)) is not None]
        return f"{layer.label}: " + ", ".join(f"{100 * value:.1f} % {_WORDS[kind]}" for kind, value in known)

    def rows(self) -> Iterator[list[str]]:
        """Yield each layer's points: kind, step, value."""
        yield ["node", "label", "quantity", "step", "value"]
        for layer in self.layers:
            for kind in (MEAN, DEVIATION, *_PARTS):
                series = self._series(kind, layer)
                if series is not None:
                    for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
                        yield [layer.path, layer.label, kind, str(step), repr(value)]

    def _series(self, kind: str, layer: Layer) -> Series | None:
        found = self._workspace.series.get(series_of(kind, layer.path))
        return found if found is not None and len(found) else None

    def _value(self, kind: str, layer: Layer) -> float | None:
        series = self._series(kind, layer)
        return None if series is None else float(series.values[-1])

    def set_layers(self, layers: list[Layer]) -> None:
        """Show these layers, all on one axis that reaches as far as the widest of them."""
        super().set_layers(layers)
        pairs = [(self._value(MEAN, layer), self._value(DEVIATION, layer)) for layer in layers]
        known = [(abs(m), d) for m, d in pairs if m is not None and d is not None and math.isfinite(m + d)]
        self._reach = max((mean + deviation for mean, deviation in known), default=0.0) or 1.0
        self._unit = sorted(deviation for _, deviation in known)[len(known) // 2] if known else 0.0
        self._unit = self._unit or self._reach

    def _part(self, value: float) -> float:
        """Return where a value lies, -1 to 1: evenly around 0, logarithmically beyond the middle layer's deviation."""
        return math.asinh(value / self._unit) / math.asinh(self._reach / self._unit)

    def _paint_spread(self, painter: QPainter, layer: Layer, box: QRectF) -> None:
        mean, deviation = self._value(MEAN, layer), self._value(DEVIATION, layer)
        axis = QRectF(box.left(), box.top(), box.width() - _NUMBER, box.height())
        middle, zero, half = axis.center().y(), axis.center().x(), axis.width() / 2
        painter.setPen(QPen(self.theme.color("line"), 1))
        painter.drawLine(QPointF(zero, box.top() + 5), QPointF(zero, box.bottom() - 5))
        if mean is None or deviation is None:
            return
        if not math.isfinite(mean + deviation):
            painter.setPen(self.theme.color("bad"))
            painter.setFont(mono_font(12))
            painter.drawText(box, LEFT, "not a number")
            return
        place, low, high = (zero + half * self._part(value) for value in (mean, mean - deviation, mean + deviation))
        painter.setPen(QPen(self.theme.color("accent"), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(low, middle), QPointF(high, middle))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("text"))
        painter.drawEllipse(QPointF(place, middle), 3.5, 3.5)
        self._write(painter, box, f"{short_text(mean)} ± {short_text(deviation)}")

    def _paint_parts(self, painter: QPainter, layer: Layer, box: QRectF) -> None:
        known = [(kind, value) for kind in _PARTS if (value := self._value(kind, layer)) is not None]
        bar = QRectF(box.left(), 0, box.width() - _NUMBER, 4)
        tokens = {ZERO: "accent", SATURATED: "validation", DEAD: "bad"}
        top = box.center().y() - (6 * len(known) - 2) / 2
        painter.setPen(Qt.PenStyle.NoPen)
        for kind, value in known:
            bar.moveTop(top)
            painter.setBrush(self.theme.color("dots"))
            painter.drawRoundedRect(bar, 2, 2)
            if value > 0:
                painter.setBrush(self.theme.color(tokens[kind]))
                painter.drawRoundedRect(QRectF(bar.left(), top, max(bar.width() * min(value, 1.0), 2.0), 4), 2, 2)
            top += 6
        self._write(painter, box, " · ".join(f"{100 * value:.0f}" for _, value in known) + " %")

    def _write(self, painter: QPainter, box: QRectF, text: str) -> None:
        painter.setFont(mono_font(11))
        painter.setPen(self.theme.color("text"))
        painter.drawText(QRectF(box.right() - _NUMBER, box.top(), _NUMBER, box.height()), RIGHT, text)


class StatisticsPanel(LayerPanel):
    """The list of layers."""

    histograms = "statistics"
    title, plot, empty = "Activation statistics", "activations", EMPTY
    unselected = "No layer is selected."

    def make_list(self) -> LayerList:
        """Return the list."""
        return StatisticsList(self.workspace, self.theme)

    def told(self) -> Mapping[str, int]:
        """Return how often each layer's mean was told."""
        prefix, series = series_of(MEAN, ""), self.workspace.series
        return {name.removeprefix(prefix): len(one) for name, one in series.items() if name.startswith(prefix)}

    def note(self) -> str:
        """Return what the columns' parts are."""
        return f"{super().note()}, of the fixed samples · 0 · saturated · dead in %"


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return StatisticsPanel(workspace, themes)


PANEL = PanelSpec(
    key="statistics", title="Statistics", area=Area.BOTTOM, order=32, shortcut="", make=_make, is_spare=True
)
