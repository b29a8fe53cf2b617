"""The Updates panel: by layer, how large the gradient is, and how far a step moves the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from netbuilder.training.series_names import GRADIENT_NORM, UPDATE_RATIO, series_of
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.axis import value_text
from netbuilder.ui.panels.layer_list import RIGHT, Layer, LayerList
from netbuilder.ui.panels.layer_panel import LayerPanel
from netbuilder.ui.panels.weights import paint_course
from netbuilder.ui.series import Series
from netbuilder.ui.theme import Theme, ThemeController, mono_font
from netbuilder.ui.workspace import Workspace

EMPTY = "Press Train: here you will see how large each layer's gradient is and how far each step moves its weights."
HEALTHY: Final = (1e-4, 1e-2)
"""Between these an update-to-weight ratio is healthy; about 1e-3 is best (Karpathy 2015, CS231n)."""

_RATIOS: Final = (1e-7, 1.0)
"""What the axis of ratios spans."""

_NUMBER = 76.0  # pixels for a value at a column's right end


class UpdateList(LayerList):
    """A row a layer: the gradient's norm as a bar, its course, and the ratio of update to weight between bounds."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        titles = ("Gradient norm", "Its course", "Update / weight, 10⁻⁷ to 1, healthy band marked")
        super().__init__(workspace, theme, titles, 36)
        self.setAccessibleName("Gradients and updates by layer")
        self._norms = (0.1, 1.0)

    def paint_cell(self, painter: QPainter, layer: Layer, column: int, box: QRectF) -> None:
        """Draw a bar, a course or a mark in its band."""
        if column == 0:
            self._paint_norm(painter, layer, box)
        elif column == 1:
            norm = self._series(GRADIENT_NORM, layer)
            if norm is not None:
                paint_course(painter, norm, box.adjusted(0, 8, 0, -10), self.theme)
        else:
            self._paint_ratio(painter, layer, box)

    def explain(self, layer: Layer, column: int, point: QPointF, box: QRectF) -> str:
        """Say the value, and what a ratio means."""
        kind = UPDATE_RATIO if column == 2 else GRADIENT_NORM
        value = _last(self._series(kind, layer))
        if value is None:
            return f"{layer.label}: not measured"
        if column < 2:
            return f"{layer.label}: the norm of its weights' gradient is {value_text(value)}"
        return f"{layer.label}: one step moves the weights by {value_text(value)} of their size, {verdict(value)}"

    def rows(self) -> Iterator[list[str]]:
        """Yield each layer's points: kind, step, value."""
        yield ["node", "label", "quantity", "step", "value"]
        for layer in self.layers:
            for kind in (GRADIENT_NORM, UPDATE_RATIO):
                series = self._series(kind, layer)
                if series is not None:
                    for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
                        yield [layer.path, layer.label, kind, str(step), repr(value)]

    def _series(self, kind: str, layer: Layer) -> Series | None:
        found = self._workspace.series.get(series_of(kind, layer.path))
        return found if found is not None and len(found) else None

    def _paint_norm(self, painter: QPainter, layer: Layer, box: QRectF) -> None:
        value = _last(self._series(GRADIENT_NORM, layer))
        if value is None:
            return
        part = _place(value, *self._norms)
        bar = QRectF(box.left(), box.center().y() - 5, max((box.width() - _NUMBER) * part, 2.0), 10)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("accent" if math.isfinite(value) else "bad"))
        painter.drawRoundedRect(bar, 2, 2)
        self._write(painter, box, value_text(value))

    def set_layers(self, layers: list[Layer]) -> None:
        """Show these layers, the bars of all between the same powers of ten."""
        super().set_layers(layers)
        values = [_last(self._series(GRADIENT_NORM, layer)) for layer in layers]
        known = [math.log10(value) for value in values if value is not None and math.isfinite(value) and value > 0]
        if known:
            self._norms = 10.0 ** (math.floor(min(known)) - 1), 10.0 ** math.ceil(max(known) + 1e-9)

    def _paint_ratio(self, painter: QPainter, layer: Layer, box: QRectF) -> None:
        axis = QRectF(box.left(), box.top() + 6, box.width() - _NUMBER, box.height() - 12)
        low, high = (axis.left() + axis.width() * _place(value, *_RATIOS) for value in HEALTHY)
        band = self.theme.color("good")
        band.setAlphaF(0.16)
        painter.fillRect(QRectF(low, axis.top(), high - low, axis.height()), band)
        painter.setPen(QPen(self.theme.color("line"), 1))
        painter.drawLine(QPointF(axis.left(), axis.center().y()), QPointF(axis.right(), axis.center().y()))
        series = self._series(UPDATE_RATIO, layer)
        value = _last(series)
        if series is None or value is None:
            return
        recent = series.values[-20:]
        recent = recent[np.isfinite(recent) & (recent > 0)]
        color = self.theme.color("good" if is_healthy(value) else "validation")
        if len(recent):
            ends = [axis.left() + axis.width() * _place(float(end), *_RATIOS) for end in (recent.min(), recent.max())]
            painter.setPen(QPen(color, 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(ends[0], axis.center().y()), QPointF(ends[1], axis.center().y()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawEllipse(QPointF(axis.left() + axis.width() * _place(value, *_RATIOS), axis.center().y()), 5, 5)
        self._write(painter, box, value_text(value))

    def _write(self, painter: QPainter, box: QRectF, text: str) -> None:
        painter.setFont(mono_font(12))
        painter.setPen(self.theme.color("text"))
        painter.drawText(QRectF(box.right() - _NUMBER, box.top(), _NUMBER, box.height()), RIGHT, text)


def is_healthy(ratio: float) -> bool:
    """Whether a ratio of update to weight is in the healthy band."""
    return HEALTHY[0] <= ratio <= HEALTHY[1]


def verdict(ratio: float) -> str:
    """Return what a ratio of update to weight means, in words."""
    if is_healthy(ratio):
        return "which is healthy"
    if ratio < HEALTHY[0]:
        return "which is little: the layer hardly learns"
    return "which is much: the learning rate may be too high for it"


def _last(series: Series | None) -> float | None:
    return None if series is None else float(series.values[-1])


def _place(value: float, low: float, high: float) -> float:
    """Return where a value lies on a logarithmic axis, 0 to 1; what is not finite at its end."""
    if not math.isfinite(value):
        return 1.0
    if value <= low:
        return 0.0
    return min(math.log10(value / low) / math.log10(high / low), 1.0)


class UpdatesPanel(LayerPanel):
    """The list of layers."""

    title, plot, empty = "Gradients & updates", "updates", EMPTY
    unselected = "No layer with weights is selected."

    def make_list(self) -> LayerList:
        """Return the list."""
        return UpdateList(self.workspace, self.theme)

    def told(self) -> Mapping[str, int]:
        """Return how often each layer's gradient and update were told."""
        prefix, series = series_of(GRADIENT_NORM, ""), self.workspace.series
        paths = [name.removeprefix(prefix) for name in series if name.startswith(prefix)]
        return {path: len(series[prefix + path]) + len(series.get(series_of(UPDATE_RATIO, path), ())) for path in paths}


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return UpdatesPanel(workspace, themes)


PANEL = PanelSpec(key="updates", title="Updates", area=Area.BOTTOM, order=31, shortcut="", make=_make, is_spare=True)
