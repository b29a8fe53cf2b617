"""The field for a description: some sentences, which a page shows and its document keeps."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QPlainTextEdit

from netbuilder.foundation.limits import TEXT_LENGTH


class Description(QPlainTextEdit):
    """A text that is told with each letter, and is never longer than a file may hold.

    Signals:
        written: (str) the user changed it.
    """

    written = Signal(str)

    def __init__(self, name: str, placeholder: str, height: int) -> None:
        """Show nothing yet.

        Args:
            name: What a screen reader calls it.
            placeholder: What stands there while it is empty.
            height: In pixels.
        """
        super().__init__()
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setTabChangesFocus(True)
        self.setFixedHeight(height)
        self.textChanged.connect(self._tell)

    def show_text(self, text: str) -> None:
        """Show a text without telling anybody."""
        if self.toPlainText() != text:
            with QSignalBlocker(self):
                self.setPlainText(text)

    def _tell(self) -> None:
        text = self.toPlainText()[:TEXT_LENGTH]
        self.show_text(text)  # what is too much does not stay
        self.written.emit(text)
