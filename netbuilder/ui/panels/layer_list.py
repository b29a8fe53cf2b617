"""A list of layers: a painted row each, with the name at the left and columns that a panel draws.

Clicking a row, or going up and down by keys, selects the layer; the pointer is told what it is on.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from netbuilder.ui.panels.titles import declaration_of, node_title
from netbuilder.ui.panels.watched import find_node
from netbuilder.ui.theme import Theme, ui_font
from netbuilder.ui.workspace import Workspace

HEAD: Final = 22
GAP: Final = 16
LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class Layer:
    """Who a row is about.

    Attributes:
        path: The node path.
        label: Its label.
        title: Its declaration's title.
        category: Its colour's category.
    """

    path: str
    label: str
    title: str
    category: str


def layers_of(workspace: Workspace, paths: Iterable[str], *, selected_only: bool = False) -> list[Layer]:
    """Return those layers that the document (still) has, in the graph's order.

    Args:
        workspace: What knows the document.
        paths: Node paths.
        selected_only: Whether to leave out what is not selected.
    """
    order = {node: index for index, node in enumerate(workspace.document.graph.nodes)}
    flat = workspace.shapes.expansion.flat.graph.nodes
    found = []
    for path in sorted(paths, key=lambda path: (order.get(path.partition("/")[0], len(order)), path)):
        node = find_node(workspace, path)
        if node is None or (selected_only and not workspace.is_selected(path)):
            continue
        declaration = declaration_of(workspace.document, node)
        label = flat.get(path, node).label
        category = declaration.category if declaration else ""
        found.append(Layer(path, label, node_title(workspace.document, node), category))
    return found


class LayerList(QWidget):
    """The rows; how they are drawn beside their names, a subclass says.

    Signals:
        wanted: (QRect) a key went to what lies here: it is to be scrolled into view.

    Attributes:
        theme: The colours.
        layers: Who the rows are about.
    """

    wanted = Signal(QRect)

    def __init__(
        self, workspace: Workspace, theme: Theme, titles: Sequence[str], row: int = 40, *, stretch: int = 1
    ) -> None:
        """Make an empty list.

        Args:
            workspace: Where layers are selected.
            theme: The colours.
            titles: Of the columns beside the name's.
            row: The least height of a row in pixels.
            stretch: How many times as tall rows may be where there is room.
        """
        super().__init__()
        self.theme = theme
        self.layers: list[Layer] = []
        self._workspace = workspace
        self._titles = tuple(titles)
        self._row = row
        self._stretch = stretch
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)

    @abstractmethod
    def paint_cell(self, painter: QPainter, layer: Layer, column: int, box: QRectF) -> None:
        """Draw what a column says of a layer into a box."""

    @abstractmethod
    def explain(self, layer: Layer, column: int, point: QPointF, box: QRectF) -> str:
        """Return what the pointer is on, in words."""

    @abstractmethod
    def rows(self) -> Iterator[list[str]]:
        """Yield everything as a table of texts, a head first."""

    def set_layers(self, layers: list[Layer]) -> None:
        """Show these layers."""
        if len(layers) != len(self.layers):
            self.setMinimumHeight(HEAD + self._row * len(layers))
        self.layers = layers
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        """Return the room for all rows."""
        return QSize(520, HEAD + self._row * len(self.layers))

    @property
    def row_height(self) -> int:
        """How tall a row is."""
        room = (self.height() - HEAD) // max(len(self.layers), 1)
        return min(max(room, self._row), self._stretch * self._row)

    def boxes(self) -> list[tuple[float, float]]:
        """Return each column's left edge and width; the first is the name's."""
        name = min(max(0.18 * self.width(), 84.0), 150.0)
        count = len(self._titles)
        wide = (self.width() - name - count * GAP) / count
        return [(0.0, name)] + [(name + GAP + index * (wide + GAP), wide) for index in range(count)]

    def cell(self, row: int, column: int) -> QRectF:
        """Return where a cell is; column 0 is the name's."""
        left, width = self.boxes()[column]
        return QRectF(left, HEAD + row * self.row_height, width, self.row_height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the head and the rows that are seen."""
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setFont(ui_font(11))
            painter.setPen(self.theme.color("muted"))
            for (left, width), title in zip(self.boxes(), ("Layer", *self._titles), strict=True):
                painter.drawText(QRectF(left + (6 if not left else 0), 0, width, HEAD - 4), LEFT, title)
            tall = self.row_height
            first = max((event.rect().top() - HEAD) // tall, 0)
            last = min((event.rect().bottom() - HEAD) // tall + 1, len(self.layers))
            for index in range(first, last):
                self._paint_name(painter, self.layers[index], self.cell(index, 0))
                for column in range(len(self._titles)):
                    self.paint_cell(painter, self.layers[index], column, self.cell(index, column + 1))

    def _paint_name(self, painter: QPainter, layer: Layer, box: QRectF) -> None:
        if self._workspace.is_selected(layer.path):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.color("pressed"))
            painter.drawRoundedRect(QRectF(0, box.top() + 1, self.width(), box.height() - 3), 5, 5)
        middle = box.center().y()
        painter.fillRect(QRectF(0, middle - 14, 2, 28), QColor(self.theme.category(layer.category)))
        metrics = QFontMetrics(ui_font(12))
        # Of a layer in a block the end of the name tells which it is.
        at_start, at_end = Qt.TextElideMode.ElideLeft, Qt.TextElideMode.ElideRight
        for text, token, offset, cut in ((layer.label, "text", -16, at_start), (layer.title, "muted", 0, at_end)):
            painter.setFont(ui_font(12))
            painter.setPen(self.theme.color(token))
            shown = metrics.elidedText(text, cut, int(box.width()) - 8)
            painter.drawText(QRectF(8, middle + offset, box.width() - 8, 16), LEFT, shown)

    # Choosing ------------------------------------------------------------------------------------------------------

    def _index_at(self, y: float) -> int | None:
        index = int(y - HEAD) // self.row_height
        return index if y >= HEAD and 0 <= index < len(self.layers) else None

    def event(self, event: QEvent) -> bool:
        """Say what the pointer is on."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._explained(QPointF(event.pos())))
            return True
        return super().event(event)

    def _explained(self, point: QPointF) -> str:
        row = self._index_at(point.y())
        if row is None:
            return ""
        for column in range(1, len(self._titles) + 1):
            box = self.cell(row, column)
            if box.contains(point):
                return self.explain(self.layers[row], column - 1, point, box)
        return f"{self.layers[row].title} · {self.layers[row].label}"

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the click: Qt tells of a release only those that took the press."""
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Select the row's node."""
        index = self._index_at(event.position().y())
        if index is not None and event.button() is Qt.MouseButton.LeftButton:
            self._workspace.reveal(self.layers[index].path)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Select the row above or below."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event.key() not in steps or not self.layers:
            super().keyPressEvent(event)
            return
        chosen = [i for i, layer in enumerate(self.layers) if self._workspace.is_selected(layer.path)]
        index = min(max((chosen[0] if chosen else -1) + steps[Qt.Key(event.key())], 0), len(self.layers) - 1)
        self._workspace.reveal(self.layers[index].path)
        self.wanted.emit(self.cell(index, 0).toAlignedRect())
