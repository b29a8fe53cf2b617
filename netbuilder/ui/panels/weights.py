"""The Weights & gradients panel: histograms and gradient norms of all layers, and the selected layer's kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QWidget

from netbuilder.training.protocol import Picture, PictureKind
from netbuilder.ui.canvas.buffers import draw_rects
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.axis import short_text, value_text
from netbuilder.ui.panels.cards import Card
from netbuilder.ui.panels.chart import polygon
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.panels.titles import declaration_of, node_title
from netbuilder.ui.panels.watched import KernelsView, find_node, watched_node
from netbuilder.ui.series import Series
from netbuilder.ui.theme import Theme, ThemeController, mono_font, ui_font
from netbuilder.ui.workspace import Workspace

EMPTY = "Press Train: here you will see how every layer's weights and gradients are spread."
NO_KERNELS = "Select a layer with kernels, such as Conv2d, once a training has begun."
ROW = 46
HEAD = 22
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class LayerRow:
    """What is known of one layer.

    Attributes:
        path: The node path.
        label: Its label.
        title: Its declaration's title.
        category: Its colour's category.
        weights: The histogram of its weights.
        gradients: The histogram of its gradients.
        norm: Its gradient norm over the steps.
    """

    path: str
    label: str
    title: str
    category: str
    weights: Picture | None
    gradients: Picture | None
    norm: Series | None


def layer_rows(workspace: Workspace, *, selected_only: bool) -> list[LayerRow]:
    """Return a row for every layer whose weights the run has told about, in the graph's order."""
    pictures = workspace.pictures
    told = {path for kind, path in pictures if kind in (PictureKind.WEIGHTS, PictureKind.GRADIENTS)}
    order = {node: index for index, node in enumerate(workspace.document.graph.nodes)}
    rows = []
    for path in sorted(told, key=lambda path: (order.get(path.partition("/")[0], len(order)), path)):
        node = find_node(workspace, path)
        if node is None or (selected_only and not workspace.is_selected(path)):
            continue
        declaration = declaration_of(workspace.document, node)
        flat = workspace.shapes.expansion.flat.graph.nodes.get(path, node)
        rows.append(
            LayerRow(
                path,
                flat.label,
                node_title(workspace.document, node),
                declaration.category if declaration else "",
                pictures.get((PictureKind.WEIGHTS, path)),
                pictures.get((PictureKind.GRADIENTS, path)),
                workspace.series.get(f"gradient_norm/{path}"),
            )
        )
    return rows


class LayerTable(QWidget):
    """The rows, painted: name, two histograms, the gradient norm's course and value."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.rows: list[LayerRow] = []
        self._workspace = workspace
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.setAccessibleName("Weights and gradients by layer")

    def set_rows(self, rows: list[LayerRow]) -> None:
        """Show these layers."""
        if len(rows) != len(self.rows):
            self.setMinimumHeight(HEAD + ROW * len(rows))
        self.rows = rows
        self.update()

    def sizeHint(self) -> QSize:
        """Return the room for all rows."""
        return QSize(520, HEAD + ROW * len(self.rows))

    def columns(self) -> list[tuple[float, float]]:
        """Return each column's left edge and width: name, weights, gradients, norm."""
        name = min(max(0.18 * self.width(), 84.0), 150.0)
        wide = (self.width() - name - 48) / 3
        return [(0.0, name)] + [(name + 16 + index * (wide + 16), wide) for index in range(3)]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the head and the rows that are seen."""
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setFont(ui_font(11))
            painter.setPen(self.theme.color("muted"))
            columns = self.columns()
            for (left, width), title in zip(columns, ("Layer", "Weights", "Gradients", "Gradient norm"), strict=True):
                painter.drawText(QRectF(left + (6 if not left else 0), 0, width, HEAD - 4), _LEFT, title)
            first = max((event.rect().top() - HEAD) // ROW, 0)
            last = min((event.rect().bottom() - HEAD) // ROW + 1, len(self.rows))
            for index in range(first, last):
                self._paint_row(painter, self.rows[index], HEAD + index * ROW)

    def _paint_row(self, painter: QPainter, row: LayerRow, top: int) -> None:
        columns, theme = self.columns(), self.theme
        if self._workspace.is_selected(row.path):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("pressed"))
            painter.drawRoundedRect(QRectF(0, top + 1, self.width(), ROW - 4), 5, 5)
        painter.fillRect(QRectF(0, top + 8, 2, ROW - 18), QColor(theme.category(row.category)))
        metrics = QFontMetricsF(ui_font(12))
        # Of a layer in a block the end of the name tells which it is.
        at_start, at_end = Qt.TextElideMode.ElideLeft, Qt.TextElideMode.ElideRight
        for text, token, offset, cut in ((row.label, "text", 5, at_start), (row.title, "muted", 21, at_end)):
            painter.setFont(ui_font(12))
            painter.setPen(theme.color(token))
            shown = metrics.elidedText(text, cut, columns[0][1] - 8)
            painter.drawText(QRectF(8, top + offset, columns[0][1] - 8, 16), _LEFT, shown)
        self._paint_histogram(painter, row.weights, columns[1], top, QColor(theme.category(row.category)))
        self._paint_histogram(painter, row.gradients, columns[2], top, theme.color("validation"))
        if row.norm is not None and len(row.norm):
            self._paint_norm(painter, row.norm, columns[3], top)

    def _paint_histogram(
        self, painter: QPainter, picture: Picture | None, column: tuple[float, float], top: int, color: QColor
    ) -> None:
        if picture is None or not picture.data.size:
            return
        left, width = column
        height, base = ROW - 24.0, top + ROW - 18.0
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
            painter.drawText(QRectF(left, base + 1, width, 13), _LEFT, short_text(low))
            painter.drawText(QRectF(left, base + 1, width, 13), _RIGHT, short_text(high))
            if low < 0 < high:
                zero = left - low / (high - low) * width
                painter.drawLine(QPointF(zero, base), QPointF(zero, base + 3))

    def _paint_norm(self, painter: QPainter, norm: Series, column: tuple[float, float], top: int) -> None:
        left, width = column
        text = value_text(float(norm.values[-1]))
        painter.setFont(mono_font(12))
        painter.setPen(self.theme.color("text"))
        painter.drawText(QRectF(left + width - 76, top, 70, ROW - 4), _RIGHT, text)
        line = logarithms(norm, max(int(width - 84), 2))
        if len(line) > 1:
            low, high = float(line.min()), float(line.max())
            y = top + 8 + (1 - (line - low) / ((high - low) or 1.0)) * (ROW - 22)
            painter.setPen(QPen(self.theme.color("accent"), 1))
            painter.drawPolyline(polygon(np.linspace(left, left + width - 84, len(line)), y))

    # Choosing ------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the click: Qt tells of a release only those that took the press."""
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Select the row's node."""
        index = int(event.position().y() - HEAD) // ROW
        if event.position().y() >= HEAD and index < len(self.rows):
            self._select(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Select the row above or below."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event.key() not in steps or not self.rows:
            super().keyPressEvent(event)
            return
        chosen = [i for i, row in enumerate(self.rows) if self._workspace.is_selected(row.path)]
        self._select(min(max((chosen[0] if chosen else -1) + steps[Qt.Key(event.key())], 0), len(self.rows) - 1))

    def _select(self, index: int) -> None:
        self._workspace.reveal(self.rows[index].path)


def logarithms(norm: Series, points: int) -> NDArray[np.float64]:
    """Return the decimal logarithms of a norm's course, thinned to at most `points` means."""
    values = norm.values[np.isfinite(norm.values) & (norm.values > 0)]
    if len(values) > points:
        starts = np.arange(points) * len(values) // points
        values = np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values)))
    return np.log10(values)


class WeightsPanel(LivePanel):
    """The table of layers, and the kernels of the selected one."""

    def build(self) -> None:
        """Make both cards."""
        self.table = LayerTable(self.workspace, self.theme)
        self._area = QScrollArea()
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidgetResizable(True)
        self._area.setWidget(self.table)
        self.layers = Card("Weights & gradients", EMPTY)
        self.only = QCheckBox("Only selected")
        self.only.toggled.connect(self.refresh)
        self.layers.head.addWidget(self.only)
        self.kernels_card = Card("Kernels", NO_KERNELS)
        self.kernels = KernelsView(smallest=12, largest=64)
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
        rows = layer_rows(self.workspace, selected_only=self.only.isChecked())
        # Histograms come twice a second; norms, which come with every step, are drawn along with them.
        drawn = tuple((row.path, row.label, id(row.weights), id(row.gradients)) for row in rows)
        if (drawn, self.workspace.selection) == self._drawn:
            return
        self._drawn = (drawn, self.workspace.selection)
        self.table.set_rows(rows)
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
        self.table.theme = theme
        self.table.update()
        self._kernels_shown = None
        self._show_kernels()


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return WeightsPanel(workspace, themes)


PANEL = PanelSpec(key="weights", title="Weights & gradients", area=Area.BOTTOM, order=30, shortcut="Ctrl+3", make=_make)
