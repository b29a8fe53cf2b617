"""The field that appears over a node's header to edit its label: one real widget, where it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit

from netbuilder.ui.canvas.geometry import HEADER

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView


class LabelEditor(QLineEdit):
    """Edits the label of one node; Enter takes it, Esc leaves it, and leaving the field takes it too."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._node = ""
        self.hide()
        self.setAccessibleName("Label")
        self.returnPressed.connect(self._take)
        view.moved.connect(self._follow)

    def edit(self, node: str) -> None:
        """Begin editing a node's label."""
        self._node = node
        self.setText(self._view.graph.nodes[node].label)
        self.selectAll()
        self.show()
        self._follow()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave the label as it is on Esc."""
        if event.key() == Qt.Key.Key_Escape:
            self._close()
        else:
            super().keyPressEvent(event)
            event.accept()  # a line hands Enter on, and on the canvas it means something else

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take what was typed, unless a menu of the field's own has opened."""
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._take()

    def _take(self) -> None:
        node, text = self._node, self.text()
        self._close()
        if node in self._view.graph.nodes:
            self._view.commands.rename(node, text)

    def _close(self) -> None:
        if self._node:
            self._node = ""
            self.hide()
            self._view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _follow(self) -> None:
        if not self._node:
            return
        if self._node not in self._view.content.arrays:
            self._close()
            return
        x, y, width, _ = self._view.content.arrays.rect(self._node)
        box = self._view.camera.view_rect(QRectF(x, y, width, HEADER)).toAlignedRect()
        self.setGeometry(box.x(), box.y(), max(box.width(), 120), max(box.height(), 24))
