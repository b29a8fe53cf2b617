"""A row of a list that takes the user to a node: by a click, by Enter or Space."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame

from netbuilder.ui.panels.watched import find_node
from netbuilder.ui.workspace import Workspace


class RevealingRow(QFrame):
    """Goes to the node that it is about, if it is about one.

    Signals:
        revealed: () the user went there.
    """

    revealed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._leads_to = ""

    def lead_to(self, path: str) -> None:
        """Lead to the node at this path from now on; "" leads nowhere."""
        self._leads_to = path
        self.setCursor(Qt.CursorShape.PointingHandCursor if path else Qt.CursorShape.ArrowCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if path else Qt.FocusPolicy.NoFocus)
        self.setToolTip("Show it on the canvas" if path else "")

    def reveal(self) -> None:
        """Select the node and bring it into view, where the document still has it."""
        if self._leads_to and find_node(self._workspace, self._leads_to) is not None:
            self._workspace.reveal(self._leads_to)
            self.revealed.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the click: Qt tells of a release only those that took the press."""
        event.setAccepted(bool(self._leads_to))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Go to the node."""
        if event.button() is Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.reveal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the node with Enter or Space."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.reveal()
        else:
            super().keyPressEvent(event)
