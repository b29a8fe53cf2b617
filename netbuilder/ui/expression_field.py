"""The field for an expression: what is typed, what it comes to now, and the names that it may use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCompleter, QLabel, QLineEdit, QListView, QVBoxLayout, QWidget

from netbuilder.document.expressions import FUNCTIONS, evaluate, expression
from netbuilder.foundation.parameter import Parameter

_WORD = re.compile(r"[A-Za-z_]\w*$")


class _Line(QLineEdit):
    """A line that completes the word being typed."""

    def __init__(self) -> None:
        super().__init__()
        self.names = QCompleter([], self)
        self.names.setWidget(self)
        self.names.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.list = QListView()
        self.names.setPopup(self.list)
        self.names.activated.connect(self._complete)
        self.textEdited.connect(self._offer)

    def _offer(self, _: str) -> None:
        word = _WORD.search(self.text()[: self.cursorPosition()])
        if word is None:
            self.list.hide()
            return
        self.names.setCompletionPrefix(word[0])
        if self.names.completionCount() and self.names.currentCompletion() != word[0]:
            self.names.complete()
        else:
            self.list.hide()

    def _complete(self, name: str) -> None:
        place = self.cursorPosition()
        word = _WORD.search(self.text()[:place])
        start = place - len(word[0]) if word else place
        text = self.text()
        self.setText(text[:start] + name + text[place:])
        self.setCursorPosition(start + len(name))
        self.textEdited.emit(self.text())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave Enter and Escape to the list of names while it is open."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Tab)
        if self.list.isVisible() and event.key() in keys:
            event.ignore()
            return
        super().keyPressEvent(event)


class ExpressionField(QWidget):
    """Edits a parameter's expression.

    Signals:
        changed: (value) the user typed another expression that has a value: the object that the document keeps.
        complained: (str) why what is typed has none; "" once it has.
        cleared: (str) the user typed something that is no expression, and left: perhaps a plain value.
    """

    changed = Signal(object)
    complained = Signal(str)
    cleared = Signal(str)

    def __init__(self, parameter: Parameter) -> None:
        super().__init__()
        self._parameter = parameter
        self._values: Mapping[str, Any] = {}
        self.line = _Line()
        self.line.setAccessibleName(f"{parameter.title}, expression")
        self.line.setToolTip("An expression of the block's parameters, such as filters * 4")
        self.result = QLabel()
        self.result.setProperty("role", "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.line)
        column.addWidget(self.result)
        self.setFocusProxy(self.line)
        self.line.textEdited.connect(self._edited)
        self.line.editingFinished.connect(self._left)

    def show_expression(self, text: str, values: Mapping[str, Any]) -> None:
        """Show an expression and what it comes to.

        Args:
            text: The expression.
            values: The block's parameters in the copy in sight.
        """
        self._values = values
        self.line.names.model().setStringList([*sorted(values), *FUNCTIONS])  # type: ignore[attr-defined]
        if self._text() != text:
            self.line.setText(f"={text}")
        self._tell()

    def _text(self) -> str:
        return self.line.text().strip().removeprefix("=").strip()

    def _tell(self) -> str:
        """Show what the expression comes to; returns why it has no value, "" when it has."""
        try:
            value = self._parameter.normalize(evaluate(self._text(), self._values))
        except ValueError as error:  # an ExpressionError, too
            self.result.clear()
            text = str(error)
            return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
        shown = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        self.result.setText(f"is {shown} here")
        return ""

    def _edited(self, text: str) -> None:
        if not text.strip().startswith("="):
            self.result.clear()
            return
        trouble = self._tell()
        self.complained.emit(trouble)
        if not trouble:
            self.changed.emit(expression(self._text()))

    def _left(self) -> None:
        text = self.line.text().strip()
        if not text.startswith("="):
            self.cleared.emit(text)
