"""The Weights & gradients panel: histograms and gradient norms of all layers, and the selected layer's kernels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from netbuilder.training.protocol import Picture, PictureKind
from netbuilder.training.series_names import GRADIENT_NORM, series_of
from netbuilder.ui.canvas.buffers import draw_rects
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.axis import short_text, value_text
from netbuilder.ui.panels.cards import Card
from netbuilder.ui.panels.chart import polygon
from netbuilder.ui.panels.layer_list import LEFT, RIGHT, Layer, LayerList, layers_of
from netbuilder.ui.panels.layer_panel import scrolled
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.panels.plot_export import export_plots
from netbuilder.ui.panels.titles import node_title
from netbuilder.ui.panels.watched import KernelsView, find_node, watched_node
from netbuilder.ui.series import Series
from netbuilder.ui.theme import Theme, ThemeController, mono_font
from netbuilder.ui.workspace import Workspace

EMPTY = "Press Train: here you will see how every layer's weights and gradients are spread."
NO_KERNELS = "Select a layer with kernels, such as Conv2d, once a training has begun."
ROW = 46
_HISTOGRAMS = (PictureKind.WEIGHTS, PictureKind.GRADIENTS)


class LayerTable(LayerList):
    """The rows: two histograms, the gradient norm's course and value."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__(workspace, theme, ("Weights", "Gradients", "Gradient norm"), ROW)
        self.setAccessibleName("Weights and gradients by layer")

    def paint_cell(self, painter: QPainter, layer: Layer, column: int, box: QRectF) -> None:
        """Draw a histogram, or the norm."""
        if column == 2:
            norm = self._workspace.series.get(series_of(GRADIENT_NORM, layer.path))
            if norm is not None and len(norm):
                self._paint_norm(painter, norm, box)
            return
        color = self.theme.color("validation") if column else QColor(self.theme.category(layer.category))
        self._paint_histogram(painter, self._picture(layer, column), box, color)

    def explain(self, layer: Layer, column: int, point: QPointF, box: QRectF) -> str:
        """Say what a histogram counts, or the norm."""
        if column == 2:
            norm = self._workspace.series.get(series_of(GRADIENT_NORM, layer.path))
            return f"{layer.label}: gradient norm {value_text(float(norm.values[-1]))}" if norm else ""
        picture = self._picture(layer, column)
        if picture is None:
            return ""
        low, high = map(short_text, picture.extent[:2])
        return f"{layer.label}: {picture.kind} from {low} to {high} at step {picture.step:,}"

    def rows(self) -> Iterator[list[str]]:
        """Yield each layer's histograms: their range, then the counts of equal bins."""
        yield ["node", "label", "quantity", "step", "low", "high", "counts"]
        for layer in self.layers:
            for column in range(2):
                picture = self._picture(layer, column)
                if picture is not None:
                    numbers = [str(picture.step), *map(repr, picture.extent[:2]), *map(repr, picture.data.tolist())]
                    yield [layer.path, layer.label, picture.kind.value, *numbers]

    def _picture(self, layer: Layer, column: int) -> Picture | None:
        kind = PictureKind.GRADIENTS if column else PictureKind.WEIGHTS
        return self._workspace.pictures.get((kind, layer.path))

    def _paint_histogram(self, painter: QPainter, picture: Picture | None, box: QRectF, color: QColor) -> None:
        if picture is None or not picture.data.size:
            return
        left, width = box.left(), box.width()
        height, base = box.height() - 24.0, box.bottom() - 18.0
        counts = np.sqrt(picture.data / max(float(picture.data.max()), 1.0))  # the tails stay visible
        bar = width / len(counts)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        tall, width_of_one = counts * height, np.full(len(counts), max(bar - 0.5, 0.5))
        bars = np.stack([left + np.arange(len(counts)) * bar, base - tall, width_of_one, tall], axis=1)
        draw_rects(painter, bars[counts > 0])
        painter.setPen(QPen(self.theme.color("line"), 1))
        painter.drawLine(QPointF(left, base), QPointF(left + width, base))
        if len(picture.extent) >= 2:
            low, high = picture.extent[0], picture.extent[1]
            painter.setFont(mono_font(9))
            painter.setPen(self.theme.color("muted"))
            painter.drawText(QRectF(left, base + 1, width, 13), LEFT, short_text(low))
            painter.drawText(QRectF(left, base + 1, width, 13), RIGHT, short_text(high))
            if low < 0 < high:
                zero = left - low / (high - low) * width
                painter.drawLine(QPointF(zero, base), QPointF(zero, base + 3))

    def _paint_norm(self, painter: QPainter, norm: Series, box: QRectF) -> None:
        left, width = box.left(), box.width()
        text = value_text(float(norm.values[-1]))
        painter.setFont(mono_font(12))
        painter.setPen(self.theme.color("text"))
        painter.drawText(QRectF(left + width - 76, box.top(), 70, box.height() - 4), RIGHT, text)
        paint_course(painter, norm, QRectF(left, box.top() + 8, width - 84, box.height() - 22), self.theme)


def paint_course(painter: QPainter, series: Series, box: QRectF, theme: Theme) -> None:
    """Draw the course of what spans powers of ten as a little line that fills a box."""
    line = logarithms(series, max(int(box.width()), 2))
    if len(line) > 1:
        low, high = float(line.min()), float(line.max())
        y = box.top() + (1 - (line - low) / ((high - low) or 1.0)) * box.height()
        painter.setPen(QPen(theme.color("accent"), 1))
        painter.drawPolyline(polygon(np.linspace(box.left(), box.right(), len(line)), y))


def logarithms(norm: Series, points: int) -> NDArray[np.float64]:
    """Return the decimal logarithms of a norm's course, thinned to at most `points` means."""
    values = norm.values[np.isfinite(norm.values) & (norm.values > 0)]
    if len(values) > points:
        starts = np.arange(points) * len(values) // points
        values = np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values)))
    return np.log10(values)


class WeightsPanel(LivePanel):
    """The table of layers, and the kernels of the selected one."""

    histograms = "weights"

    def build(self) -> None:
        """Make both cards."""
        self.table = LayerTable(self.workspace, self.theme)
        self._area = scrolled(self.table)
        self.layers = Card("Weights & gradients", EMPTY)
        self.only = QCheckBox("Only selected")
        self.only.toggled.connect(self.refresh)
        self.layers.head.addWidget(self.only)
        self.kernels_card = Card("Kernels", NO_KERNELS)
        self.kernels = KernelsView(smallest=12, largest=64)
        export_plots(self.workspace, {"weights": self.table, "kernels": self.kernels})
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(12)
        row.addWidget(self.layers, 3)
        row.addWidget(self.kernels_card, 1)
        self._kernels_shown: Picture | None = None
        self._drawn: object = None

    def refresh(self) -> None:
        """Show what the run has told."""
        self._show_kernels()
        pictures = self.workspace.pictures
        told = {path: id(picture) for (kind, path), picture in pictures.items() if kind in _HISTOGRAMS}
        rows = layers_of(self.workspace, told, selected_only=self.only.isChecked())
        # Histograms come twice a second; norms, which come with every step, are drawn along with them.
        drawn = tuple((row.path, row.label, told[row.path]) for row in rows)
        if (drawn, self.workspace.selection) == self._drawn:
            return
        self._drawn = (drawn, self.workspace.selection)
        self.table.set_layers(rows)
        self.layers.note.setText(f"at step {self.workspace.progress.step:,}" if rows else "")
        if rows:
            self.layers.show_body(self._area)
        else:
            none = "No layer with weights is selected." if self.only.isChecked() and self.workspace.pictures else EMPTY
            self.layers.show_empty(none)

    def _show_kernels(self) -> None:
        path = watched_node(self.workspace)
        picture = self.workspace.pictures.get((PictureKind.KERNELS, path))
        node = find_node(self.workspace, path)
        if picture is None or node is None:
            self._kernels_shown = None
            self.kernels_card.title.setText("Kernels")
            self.kernels_card.note.clear()
            self.kernels_card.show_empty()
            return
        self.kernels_card.title.setText(
            f"{node_title(self.workspace.document, node)} · {picture.caption or f'{len(picture.data)} kernels'}"
        )
        limit = float(np.max(np.abs(np.nan_to_num(picture.data)), initial=0.0))
        self.kernels_card.note.setText(f"±{value_text(limit)}")
        if picture is not self._kernels_shown:
            self._kernels_shown = picture
            self.kernels.show_kernels(picture, self.theme)
        self.kernels_card.show_body(self.kernels)

    def restyle(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.table.set_theme(theme)
        self._kernels_shown = None
        self._show_kernels()


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return WeightsPanel(workspace, themes)


PANEL = PanelSpec(key="weights", title="Weights & gradients", area=Area.BOTTOM, order=30, shortcut="Ctrl+3", make=_make)
