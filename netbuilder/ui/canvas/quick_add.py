"""The search that opens at the pointer: some letters, Enter, and the layer is there, linked if a link asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QFocusEvent, QIcon, QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout

from netbuilder.document.model import Place, PortRef
from netbuilder.foundation.declaration import CATEGORIES, Declaration
from netbuilder.ui.canvas.connections import Loose, accepts
from netbuilder.ui.canvas.drawing import paint_loose_wire
from netbuilder.ui.canvas.geometry import HEADER, WIDTH
from netbuilder.ui.canvas.routing import bend
from netbuilder.ui.palette import search

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

_KEY = int(Qt.ItemDataRole.UserRole)
_WIDTH = 300
_ROWS = 11


class _Field(QLineEdit):
    """The search field: arrows move in the list, Esc closes, leaving it closes."""

    def __init__(self, popup: QuickAdd) -> None:
        super().__init__(popup)
        self._popup = popup
        self.setPlaceholderText("Search layers…")
        self.setAccessibleName("Search layers to add")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move in the list, choose, close."""
        key = event.key()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._popup.step(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            self._popup.step(8 if key == Qt.Key.Key_PageDown else -8)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._popup.choose()
        elif key == Qt.Key.Key_Escape:
            self._popup.close_up()
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab moves in the list, too."""
        self._popup.step(1 if forward else -1)
        return True

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Close when the focus goes elsewhere."""
        super().focusOutEvent(event)
        if event.reason() not in (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason):
            self._popup.close_up()


class QuickAdd(QFrame):
    """A search over all declarations; a child of the canvas, so that no window system has to place it."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._at = QPointF()
        self._link: Loose | None = None
        self._target: PortRef | None = None
        self._onward = False
        self._entries: list[Declaration] = []
        self.setObjectName("quickAdd")
        self.setProperty("card", True)
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.hint = QLabel(self)
        self.hint.setProperty("role", "muted")
        self.field = _Field(self)
        self.list = QListWidget(self)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setIconSize(QSize(10, 10))
        self.list.setUniformItemSizes(True)
        self.list.itemClicked.connect(lambda _: self.choose())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        for widget in (self.field, self.hint, self.list):
            layout.addWidget(widget)
        self.field.textChanged.connect(self._fill)
        self.setFixedWidth(_WIDTH)
        self.hide()

    def ask(self, at: QPointF, link: Loose | None = None, target: PortRef | None = None, onward: bool = False) -> None:
        """Open at a point of the canvas.

        Args:
            at: Where the layer will be.
            link: A loose link that it will be connected to; only layers that can take it are offered.
            target: The end of a link that it will be inserted into.
            onward: Whether the link is only proposed: everything is offered, and what cannot take it stays alone.
        """
        self._at, self._link, self._target, self._onward = at, link, target, onward
        entries = self._view.declarations.values()
        possible = [entry for entry in entries if self._is_possible(entry)]
        self._entries = [*possible, *(entry for entry in entries if onward and entry not in possible)]
        self.hint.setText(self._words())
        self.hint.setVisible(bool(self.hint.text()))
        self.field.clear()
        self._fill("")
        x = min(max(at.x() - 20, 4), self._view.width() - self.width() - 4)
        y = min(max(at.y() - 20, 4), self._view.height() - self.height() - 4)
        self.move(max(round(x), 0), max(round(y), 0))
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def step(self, by: int) -> None:
        """Move in the list."""
        count = self.list.count()
        if count:
            self.list.setCurrentRow(min(max(self.list.currentRow() + by, 0), count - 1))

    def choose(self) -> None:
        """Add the current entry and close."""
        item = self.list.currentItem()
        key = item.data(_KEY) if item else None
        if key is None:
            return
        at, link, target = self._at, self._link, self._target
        fits = self._is_possible(self._view.declarations[key])
        self.close_up()
        if self._onward and link is not None:
            self._go_on(key, link, fits)
            return
        scene = self._view.camera.to_scene(at)
        if target is not None:
            self._view.commands.splice(key, target)
        else:
            self._view.commands.add(key, self._beside(scene, link), link)

    def _go_on(self, key: str, link: Loose, fits: bool) -> None:
        """Add a layer to the right of the node that the proposed link comes from."""
        view = self._view
        x, y, width, _ = view.content.arrays.rect(link.fixed.node)
        place = view.commands.free_spot(x + width + 48 + WIDTH / 2, y + HEADER / 2)
        view.reveal(view.commands.add(key, place, link if fits else None))

    def close_up(self) -> None:
        """Close without adding."""
        if self.isVisible():
            self.hide()
            self._view.update()
            self._view.setFocus(Qt.FocusReason.OtherFocusReason)

    def paint_link(self, painter: QPainter) -> None:
        """Draw the link that waits for its layer, on the canvas."""
        if self._link is None or self._link.fixed.node not in self._view.content.arrays:
            return
        camera = self._view.camera
        port, end = self._view.content.port_place(self._link.fixed, self._link.is_input), camera.to_scene(self._at)
        loose = (end.x(), end.y())
        ends = np.array([[*loose, *port] if self._link.is_input else [*port, *loose]])
        paint_loose_wire(painter, bend(ends)[0], camera, self._view.style_.color("accent"))

    def _beside(self, scene: QPointF, link: Loose | None) -> Place:
        """Return the middle of the new node's header: beside the end of a loose link, not below it."""
        aside = 0.0 if link is None else (-70.0 if link.is_input else 70.0)
        return Place(scene.x() + aside, scene.y() - (30.0 if link is not None else 0.0))

    def _is_possible(self, entry: Declaration) -> bool:
        if self._target is not None:
            return self._view.commands.can_splice(entry.key)
        if self._link is None:
            return True
        if self._link.is_input and entry.category == "data":
            return True
        found = None if self._link.is_input else self._view.knowledge.type_of(self._link.fixed)
        return bool(accepts(entry, self._link.is_input, found))

    def _words(self) -> str:
        if self._target is not None:
            return "Insert into this link"
        if self._link is None:
            return ""
        label = self._view.graph.nodes[self._link.fixed.node].label
        return f"{'Feed' if self._link.is_input else 'Connect'} {label} · {self._link.fixed.port}"

    def _fill(self, query: str) -> None:
        self.list.clear()
        for entry in search(self._entries, query):
            item = QListWidgetItem(_square(self._view.style_.category(entry.category)), entry.title)
            item.setData(_KEY, entry.key)
            category = CATEGORIES.get(entry.category, "")
            item.setToolTip(f"{category}: {entry.summary}" if entry.summary else category)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        rows = min(max(self.list.count(), 1), _ROWS)
        self.list.setFixedHeight(rows * max(self.list.sizeHintForRow(0), 22) + 2 * self.list.frameWidth() + 2)
        self.adjustSize()


def _square(color: QColor) -> QIcon:
    pixmap = QPixmap(20, 20)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawRoundedRect(0, 0, 20, 20, 5, 5)
    painter.end()
    return QIcon(pixmap)
