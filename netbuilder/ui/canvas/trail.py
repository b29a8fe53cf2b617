"""The way from the network to the block in sight: a bar above the graph whose steps lead back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton

from netbuilder.document.blocks import instances
from netbuilder.document.model import Document
from netbuilder.ui.canvas.announcing import announce
from netbuilder.ui.icons import icon
from netbuilder.ui.panels.cards import ElidedLabel
from netbuilder.ui.standpoint import Standpoint
from netbuilder.ui.theme import ui_font

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

HEIGHT = 36
"""Pixels of the canvas that it covers while a block is in sight."""

MAIN = "Network"


class Trail(QFrame):
    """Shows where the user stands, and how many instances change with the definition in sight."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._shown: object = None
        self.steps: list[QToolButton] = []
        self.note = ElidedLabel("", "muted")
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setObjectName("trail")
        self.setAutoFillBackground(True)
        self.setAccessibleName("Way to this block")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(8, 0, 12, 0)
        self._row.setSpacing(2)
        self._row.addWidget(self.note, 1)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.hide()

    def settle(self) -> None:
        """Reach across the canvas."""
        self.setGeometry(0, 0, self._view.width(), HEIGHT)

    def refresh(self) -> None:
        """Show the way as it is now."""
        workspace = self._view.workspace
        at, document = workspace.scopes.at, workspace.document
        self.setVisible(bool(at.scope))
        self._view.inset = HEIGHT if at.scope else 0
        if not at.scope:
            self._shown = None
            return
        way = at.steps(document)
        names = tuple(_name(document, step) for step in way)
        note = describe(document, at)
        self.note.setText(note)
        if (way, names) != self._shown:
            self._shown = way, names
            self._lay_out(way, names)
            announce(self._view, f"In the block {names[-1]}. {note}")
        self.settle()

    def _lay_out(self, way: tuple[Standpoint, ...], names: tuple[str, ...]) -> None:
        while self._row.count() > 1:
            item = self._row.takeAt(0)
            widget = item.widget() if item is not None else None
            assert widget is not None, "the row holds widgets"
            widget.hide()
            widget.deleteLater()
        self.steps = []
        for index, (step, name) in enumerate(zip(way, names, strict=True)):
            button = QToolButton()
            button.setText(name.replace("&", "&&"))
            if index == len(way) - 1:
                button.setFont(ui_font(13, QFont.Weight.DemiBold))
            button.setEnabled(index < len(way) - 1)
            button.setProperty("role", "step" if index < len(way) - 1 else "here")
            button.setToolTip(f"Go up to {name} (Backspace goes one up)" if index < len(way) - 1 else name)
            button.clicked.connect(lambda _=False, step=step: self._go(step))
            if index:
                arrow = QLabel()
                arrow.setPixmap(icon("chevron-right", "muted").pixmap(12, 12))
                self._row.insertWidget(self._row.count() - 1, arrow)
            self._row.insertWidget(self._row.count() - 1, button)
            self.steps.append(button)

    def _go(self, step: Standpoint) -> None:
        self._view.workspace.scopes.go(step)
        self._view.setFocus(Qt.FocusReason.OtherFocusReason)


def _name(document: Document, step: Standpoint) -> str:
    return document.blocks[step.scope].title if step.scope else MAIN


def describe(document: Document, at: Standpoint) -> str:
    """Say what an edit of the definition in sight changes, and whose shapes are shown."""
    count = sum(1 for _ in instances(document, at.scope))
    uses = {0: "nothing uses it yet", 1: "1 instance changes"}.get(count, f"{count} instances change")
    words = f"Editing the definition: {uses}"
    if at.sample:
        return f"{words} · shapes of a sample"
    way = at.steps(document)
    return f"{words} · shapes as in {document.scope(way[-2].scope).nodes[at.door].label}" if count > 1 else words
