"""The base of all dialogs: none is larger than the screen, where its buttons could not be reached."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog

_FRAME = QSize(16, 48)
"""What the desktop puts around a dialog, about."""


class Dialog(QDialog):
    """A dialog that takes no more room than the screen has."""

    def showEvent(self, event: QShowEvent) -> None:
        """Become smaller where need be, then let Qt find the place."""
        if not event.spontaneous():
            self.resize(self.size().boundedTo(self.screen().availableSize() - _FRAME))
        super().showEvent(event)
