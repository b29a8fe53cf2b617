"""Fields: one widget a `Kind`, each holding one parameter's canonical value and saying in words what it refuses."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QWidget,
)

from netbuilder.foundation.parameter import Parameter
from netbuilder.ui.numbers import number_text, parse_number, plain_value, stepped

MIXED = "mixed"
_gestures = itertools.count(1)


class Field(QWidget):
    """One parameter's widget.

    Signals:
        changed: (canonical value) the user chose another one.
        complained: (str) why what was typed is refused; "" once it is accepted again.
        takenBack: () a gesture that began with several values was cancelled: the field cannot bring them back itself.

    Attributes:
        parameter: What it edits.
        gesture: Changes that belong together (typing, one scrub) carry the same number.
    """

    changed = Signal(object)
    complained = Signal(str)
    takenBack = Signal()

    def __init__(self, parameter: Parameter) -> None:
        super().__init__()
        self.parameter = parameter
        self.gesture = next(_gestures)
        self._value: Any = parameter.default
        self._mixed = False
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(6)

    def value(self) -> Any:
        """Return the canonical value in force."""
        return self._value

    def set_value(self, value: Any) -> None:
        """Show `value`, unless it is what the field says already: a number being typed stays as typed."""
        same = not self._mixed and type(value) is type(self._value) and value == self._value
        self._value, self._mixed = value, False
        if not same or not (self._says(value) or self._is_used()):
            self._show(value)

    def stand_in(self, value: Any) -> None:
        """Show `value` for one that is not acceptable: choosing it is a change."""
        self._value, self._mixed = value, True
        self._show(value)

    def set_mixed(self) -> None:
        """Show that the selected nodes have different values here."""
        self._mixed = True
        self._show_mixed()

    @property
    def is_mixed(self) -> bool:
        """Whether the selected nodes have different values here."""
        return self._mixed

    def end_gesture(self) -> None:
        """Let the next change be an undo entry of its own."""
        self.gesture = next(_gestures)

    def step_by(self, amount: float) -> None:
        """Move the value by `amount` steps; fields without an order ignore it."""

    def offer(self, value: Any) -> None:
        """Take another value as if the user had chosen it."""
        self._offer(value)
        self._show(self._value)

    def restore(self) -> None:
        """Show the value in force again, whatever was typed."""
        self._show(self._value)
        self.complained.emit("")

    def set_invalid(self, invalid: bool) -> None:
        """Give the inputs the look of a refused value, or their usual one."""
        for widget in self.findChildren(QWidget):
            if bool(widget.property("invalid")) is not invalid:
                widget.setProperty("invalid", invalid)
                widget.style().unpolish(widget)
                widget.style().polish(widget)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape takes back what was typed and refused; where nothing was, it is the dialog's."""
        if event.key() == Qt.Key.Key_Escape and not self._says(self._value):
            self.restore()
        else:
            super().keyPressEvent(event)

    def _offer(self, raw: object) -> bool:
        try:
            value = self.parameter.normalize(raw)
        except ValueError as error:
            self.complained.emit(str(error))
            return False
        self.complained.emit("")
        if self._mixed or type(value) is not type(self._value) or value != self._value:
            self._value, self._mixed = value, False
            self.changed.emit(value)
        return True

    def _name(self, widget: QWidget, suffix: str = "") -> None:
        widget.setAccessibleName(self.parameter.title + suffix)
        widget.setAccessibleDescription(self.parameter.help)
        widget.setToolTip(tooltip(self.parameter))

    def _is_used(self) -> bool:
        focus = self.window().focusWidget()
        return focus is not None and self.isAncestorOf(focus) and self.isVisible()

    def _says(self, value: Any) -> bool:
        return False

    @abstractmethod
    def _show(self, value: Any) -> None:
        """Let the inputs show a value."""

    @abstractmethod
    def _show_mixed(self) -> None:
        """Let the inputs show that there are several values."""


def tooltip(parameter: Parameter) -> str:
    """Return a field's help as rich text: what it is for, what it accepts."""
    accepted = parameter.expected()
    if parameter.optional:
        accepted += f", or empty for {parameter.none_title}"
    lines = [
        f"<b>{parameter.title}</b>",
        *filter(None, [parameter.help]),
        f"<i>{accepted[0].upper()}{accepted[1:]}</i>",
    ]
    return "<br>".join(lines)


class NumberBox(QLineEdit):
    """A line for one number: arrow and page keys step it, and the wheel when it has the focus.

    Signals:
        typed: (str) the user changed the text.
        stepped: (int) steps asked for.
        left: () editing ended.
    """

    typed = Signal(str)
    stepped = Signal(int)
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumWidth(34)
        self.textEdited.connect(self.typed)
        self.editingFinished.connect(self.left)

    def show_text(self, text: str, placeholder: str = "") -> None:
        """Replace what the line says without telling anybody."""
        self.setPlaceholderText(placeholder)
        if self.text() != text:
            self.setText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step, or type."""
        steps = _STEPS.get(Qt.Key(event.key()), 0)
        if steps:
            self.stepped.emit(steps)
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Step only with the focus, so that scrolling the form changes nothing."""
        if self.hasFocus() and event.angleDelta().y():
            self.stepped.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            event.ignore()


_STEPS = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}


class NumberField(Field):
    """An INT or FLOAT."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(parameter)
        self.box = NumberBox()
        self._name(self.box)
        self.setFocusProxy(self.box)
        self.row.addWidget(self.box, 1)
        if parameter.unit:
            unit = QLabel(parameter.unit)
            unit.setProperty("role", "muted")
            self.row.addWidget(unit)
        self.box.typed.connect(self._typed)
        self.box.stepped.connect(self.step_by)
        self.box.left.connect(self._left)

    def step_by(self, amount: float) -> None:
        """Move by steps; an empty optional field starts at its smallest or 1."""
        start = self._value if self._value is not None else (self.parameter.minimum or 1)
        if self._offer(stepped(self.parameter, start, amount)):
            self._show(self._value)

    def _typed(self, text: str) -> None:
        if not text.strip() and self._mixed:
            self.complained.emit("")
            return
        self._offer(self._raw(text))

    def _left(self) -> None:
        self.end_gesture()
        if not self._mixed and not self._says(self._value):
            self._show(self._value)

    def _says(self, value: Any) -> bool:
        text = self.box.text().strip()
        if not text:
            return value is None
        try:
            return bool(self.parameter.normalize(self._raw(text)) == value)
        except ValueError:
            return False

    def _raw(self, text: str) -> object:
        return None if not text.strip() and self.parameter.optional else plain_value(self.parameter, text)

    def _show(self, value: Any) -> None:
        self.box.show_text(number_text(value), self.parameter.none_title if self.parameter.optional else "")

    def _show_mixed(self) -> None:
        self.box.show_text("", MIXED)


class IntsField(Field):
    """A tuple of numbers: a small box an axis, or one line when any length is accepted."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(parameter)
        self.row.setSpacing(4)
        self.boxes: list[NumberBox] = []
        for index in range(parameter.length or 1):
            if index:
                times = QLabel("×")
                times.setProperty("role", "muted")
                self.row.addWidget(times)
            self._add_box(index)
        self.setFocusProxy(self.boxes[0])

    def _add_box(self, index: int) -> None:
        box = NumberBox()
        self._name(box, f", axis {index + 1}" if len(self.boxes) or (self.parameter.length or 1) > 1 else "")
        box.typed.connect(self._typed)
        box.stepped.connect(lambda steps: self._step(index, steps))
        box.left.connect(self._left)
        self.row.addWidget(box, 1)
        self.boxes.append(box)

    def step_by(self, amount: float) -> None:
        """Move every axis."""
        if self._value is not None and self.parameter.length:
            self._offer(tuple(int(stepped(self.parameter, value, amount)) for value in self._value))
            self._show(self._value)

    def _step(self, index: int, steps: int) -> None:
        if self._value is not None and self.parameter.length:
            values = list(self._value)
            values[index] = int(stepped(self.parameter, values[index], steps))
            self._offer(tuple(values))
            self._show(self._value)

    def _raw(self) -> object:
        texts = [box.text().strip() for box in self.boxes]
        if self.parameter.optional and not any(texts):
            return None
        if not self.parameter.length:
            return plain_value(self.parameter, texts[0])
        return tuple(parse_number(text, is_whole=True) for text in texts)

    def _typed(self, _: str) -> None:
        self._offer(self._raw())

    def _left(self) -> None:
        self.end_gesture()
        inside = any(box.hasFocus() for box in self.boxes)
        if not inside and not self._mixed and not self._says(self._value):
            self._show(self._value)

    def _says(self, value: Any) -> bool:
        try:
            return bool(self.parameter.normalize(self._raw()) == value)
        except ValueError:
            return False

    def _show(self, value: Any) -> None:
        placeholder = self.parameter.none_title if self.parameter.optional else ""
        if not self.parameter.length:
            self.boxes[0].show_text("" if value is None else ", ".join(map(number_text, value)), placeholder)
            return
        for index, box in enumerate(self.boxes):
            box.show_text("" if value is None else str(value[index]), placeholder)

    def _show_mixed(self) -> None:
        for box in self.boxes:
            box.show_text("", "…" if len(self.boxes) > 1 else MIXED)
