"""Writing Python in a form: an editor with line numbers and colours, whose text counts once it is applied."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QBoxLayout, QDialogButtonBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from netbuilder.foundation.parameter import Parameter
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.fields import Field
from netbuilder.ui.panels.cards import ElidedLabel
from netbuilder.ui.panels.code_view import CodeView
from netbuilder.ui.theme import controller, mono_font

INDENT = 4
_FEWEST, _MOST = 8, 20
"""Lines that the editor in the form shows."""

APPLIED = "Ctrl+Enter applies changes"
CHANGED = "Changed, not applied yet"


class CodeEdit(CodeView):
    """A `CodeView` that is typed in: Tab and Enter indent as Python wants it.

    Signals:
        submitted: () Ctrl+Enter was pressed.
    """

    submitted = Signal()

    def __init__(self, size: int = 12) -> None:
        super().__init__(controller().theme)
        self.setReadOnly(False)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextEditorInteraction)
        self.setFont(mono_font(size))
        self.setTabStopDistance(INDENT * self.fontMetrics().horizontalAdvance(" "))
        controller().changed.connect(self.set_theme)

    def mark_error(self, line: int) -> None:
        """Put a red tint behind a one-based line; 0 takes it away."""
        self.mark_lines((line,) if line else (), scroll=False, token="bad")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Indent and unindent; submit with Ctrl+Enter."""
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.submitted.emit()
        elif enter:
            self.textCursor().insertText("\n" + self._indent())
            self.ensureCursorVisible()
        elif event.key() == Qt.Key.Key_Tab:
            self._shift(1)
        elif event.key() == Qt.Key.Key_Backtab:
            self._shift(-1)
        else:
            super().keyPressEvent(event)

    def _indent(self) -> str:
        """Return the spaces that a new line begins with: those of this one, and more after a colon."""
        before = self.textCursor().block().text()[: self.textCursor().positionInBlock()]
        spaces = before[: len(before) - len(before.lstrip(" "))]
        return spaces + " " * INDENT if before.rstrip().endswith(":") else spaces

    def _shift(self, way: int) -> None:
        """Move the selected lines by one indent, or fill up to the next one at the cursor."""
        cursor = self.textCursor()
        if way > 0 and not cursor.hasSelection():
            cursor.insertText(" " * (INDENT - cursor.positionInBlock() % INDENT))
            return
        block = self.document().findBlock(cursor.selectionStart())
        last = self.document().findBlock(cursor.selectionEnd()).blockNumber()
        cursor.beginEditBlock()
        while block.isValid() and block.blockNumber() <= last:
            edge = QTextCursor(block)
            if way > 0:
                edge.insertText(" " * INDENT)
            else:
                spaces = len(block.text()) - len(block.text().lstrip(" "))
                edge.movePosition(QTextCursor.MoveOperation.Right, QTextCursor.MoveMode.KeepAnchor, min(spaces, INDENT))
                edge.removeSelectedText()
            block = block.next()
        cursor.endEditBlock()


class CodeField(Field):
    """Python: an editor, which counts once it is applied, and a way to a larger one."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(parameter)
        self.row.setDirection(QBoxLayout.Direction.TopToBottom)
        self.row.setContentsMargins(0, 0, 0, 6)
        self.editor = CodeEdit()
        self.editor.setAccessibleName(parameter.title)
        self.editor.setAccessibleDescription(parameter.help)
        self.editor.setProperty("framed", True)
        self.setFocusProxy(self.editor)
        self.state = ElidedLabel(APPLIED, "muted")
        self.apply_button = QPushButton("Apply")
        self.apply_button.setToolTip("Make this the layer's code (Ctrl+Enter); what you apply here is trusted")
        self.revert_button = QPushButton("Revert")
        self.revert_button.setToolTip("Go back to the code that is applied")
        self.enlarge_button = QPushButton("Larger…")
        self.enlarge_button.setToolTip("Write in a window of its own")
        for button in (self.enlarge_button, self.revert_button):
            button.setProperty("role", "quiet")
        self.row.addWidget(self.editor)
        self.row.addWidget(self.state)
        self.row.addLayout(self._buttons())
        self.editor.textChanged.connect(self._note_change)
        self.editor.submitted.connect(self.apply)
        self._note_change()

    def _buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self.apply_button)
        line.addWidget(self.revert_button)
        line.addStretch(1)
        line.addWidget(self.enlarge_button)
        self.apply_button.clicked.connect(self.apply)
        self.revert_button.clicked.connect(self.restore)
        self.enlarge_button.clicked.connect(self.enlarge)
        return line

    @property
    def draft(self) -> str | None:
        """What was typed and not applied; None when all of it is."""
        text = self.editor.toPlainText()
        return text if text != (self._value or "") else None

    def set_draft(self, text: str) -> None:
        """Go on with a text that was typed before and not applied."""
        self.editor.set_code(text)

    def set_value(self, value: Any) -> None:
        """Show another text; what is being typed stays while the applied one is the same."""
        if self._mixed or value != self._value:
            self._value, self._mixed = value, False
            self._show(value)

    def apply(self) -> None:
        """Report the text as the new value; it is in force once the document says so."""
        text = self.draft
        if text is None:
            return
        try:
            value = self.parameter.normalize(text)
        except ValueError as error:
            self.complained.emit(str(error))
            return
        self.complained.emit("")
        self.end_gesture()
        self.changed.emit(value)

    def enlarge(self) -> None:
        """Open a window to write in."""
        dialog = CodeDialog(self.parameter.title, self.editor.toPlainText(), self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.editor.mark_error(self.editor.marked[0] if self.editor.marked else 0)
        dialog.accepted.connect(lambda: self._take(dialog.editor.toPlainText()))
        dialog.open()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave Escape alone: it must not throw away a text."""
        event.ignore()

    def _take(self, text: str) -> None:
        self.editor.set_code(text)
        self.apply()

    def _note_change(self) -> None:
        changed = self.draft is not None
        self.state.setText(CHANGED if changed else APPLIED)
        self.apply_button.setEnabled(changed)
        self.revert_button.setEnabled(changed)
        if changed:
            self.editor.mark_error(0)  # the line that it was about may be another one now
        lines = min(max(self.editor.blockCount() + 2, _FEWEST), _MOST)
        self.editor.setFixedHeight(lines * self.editor.fontMetrics().lineSpacing() + 12)

    def _show(self, value: Any) -> None:
        self.editor.set_code(value or "")
        self._note_change()

    def _show_mixed(self) -> None:
        self.editor.set_code("")


class CodeDialog(Dialog):
    """A window to write Python in.

    Attributes:
        editor: Where it is written.
    """

    def __init__(self, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(860, 640)
        self.editor = CodeEdit(13)
        self.editor.set_code(text)
        self.editor.submitted.connect(self.accept)
        buttons = QDialogButtonBox()
        apply = buttons.addButton("Apply", QDialogButtonBox.ButtonRole.AcceptRole)
        apply.setProperty("role", "primary")
        apply.setToolTip("Ctrl+Enter")
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.addWidget(self.editor, 1)
        column.addWidget(buttons)
        self.editor.setFocus()
