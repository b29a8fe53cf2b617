"""A picture of a network that is not open: what a dialog offers to open."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from netbuilder.document.model import Document
from netbuilder.project import Vocabulary
from netbuilder.ui.canvas.faces import Knowledge
from netbuilder.ui.canvas.viewport import Viewport
from netbuilder.ui.differences import describe_size
from netbuilder.ui.theme import controller


class NetworkPicture(Viewport):
    """Shows all of a document's main graph, as the canvas would draw it without knowing any shapes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._document = Document()
        super().__init__(controller().theme, Vocabulary(lambda: self._document), parent)
        controller().changed.connect(self.set_theme)
        self.setAccessibleName("The network")

    def show_document(self, document: Document) -> None:
        """Show a document."""
        self._document = document
        self.content.show(document, Knowledge())
        self.setAccessibleDescription(describe_size(document))
        self.forget_drawn()
        self.fit_all()
        self.renew()

    def invites(self) -> bool:
        """Say nothing where there is nothing: this is no place to draw."""
        return False

    def sizeHint(self) -> QSize:
        """Take what a few nodes need to be read."""
        return QSize(560, 320)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep all of it in sight."""
        super().resizeEvent(event)
        self.fit_all()
