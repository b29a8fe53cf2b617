"""The field in which a frame's note is written: Markdown as plain text, over the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit

from netbuilder.foundation.limits import TEXT_LENGTH
from netbuilder.ui.canvas.frames import TITLE

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

_LEAST = (220, 110)  # pixels


class NoteEditor(QPlainTextEdit):
    """Edits the note of one frame; Ctrl+Enter takes it, Esc leaves it as it was, leaving the field takes it too."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._frame = ""
        self.hide()
        self.setTabChangesFocus(True)
        self.setAccessibleName("Note")
        self.setPlaceholderText("Markdown: **bold**, - lists, `code`\u2026 Ctrl+Enter when done")
        view.moved.connect(self._follow)

    def edit(self, frame: str) -> None:
        """Begin editing a frame's note; nothing where the frame was refused."""
        if frame not in self._view.content.frames:
            return
        self._frame = frame
        self.setPlainText(self._view.content.frames[frame].note)
        self.show()
        self._follow()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the note on Ctrl+Enter, leave it as it was on Esc."""
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() == Qt.Key.Key_Escape:
            self._close()
        elif is_enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._take()
        else:
            super().keyPressEvent(event)
            event.accept()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take what was typed, unless a menu of the field's own has opened."""
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._take()

    def _take(self) -> None:
        frame, text = self._frame, self.toPlainText()
        self._close()
        if frame:
            self._view.frames.set_note(frame, text[:TEXT_LENGTH])

    def _close(self) -> None:
        if self._frame:
            self._frame = ""
            self.hide()
            self._view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _follow(self) -> None:
        frame = self._view.content.frames.get(self._frame)
        if frame is None:
            self._close()
            return
        rect = QRectF(frame.x, frame.y + TITLE, frame.width, frame.height - TITLE)
        box = self._view.camera.view_rect(rect).toAlignedRect()
        self.setGeometry(box.x(), box.y(), max(box.width(), _LEAST[0]), max(box.height(), _LEAST[1]))
