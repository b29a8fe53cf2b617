"""Dragging numbers: how far a drag moves one, and the field's name that is a handle for it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QLabel

from netbuilder.foundation.parameter import Kind
from netbuilder.ui.fields import Field, tooltip

_PIXELS = 4.0  # a step


def scrub_steps(pixels: float, modifiers: Qt.KeyboardModifier) -> float:
    """Return how many steps a number moves when it is dragged: ten times as far with Shift, finer with Ctrl."""
    steps = pixels / _PIXELS
    if modifiers & Qt.KeyboardModifier.ShiftModifier:
        return steps * 10
    return steps / 4 if modifiers & Qt.KeyboardModifier.ControlModifier else steps


class ScrubLabel(QLabel):
    """A field's name; over a number it is also a handle that is dragged sideways to change it. Esc brings it back."""

    def __init__(self, field: Field) -> None:
        super().__init__(field.parameter.title)
        self._field = field
        self._x: float | None = None
        self._steps = 0.0
        self._begun: Any = None
        self._was_mixed = False
        kind, length = field.parameter.kind, field.parameter.length
        self._scrubs = kind in (Kind.INT, Kind.FLOAT) or (kind is Kind.INTS and length is not None)
        self.setToolTip(tooltip(field.parameter))
        self.setBuddy(field)
        self.setProperty("role", "field")
        if self._scrubs:
            self.setCursor(Qt.CursorShape.SizeHorCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a scrub, or put the focus into the field."""
        if event.button() is Qt.MouseButton.LeftButton:
            scrubs = self._scrubs and not self._field.isHidden()  # an expression stands in its place
            # While a number is dragged the keys are the label's: Esc is meant for the scrub.
            (self if scrubs else self._field).setFocus(Qt.FocusReason.MouseFocusReason)
            self._field.end_gesture()
            if scrubs:
                self._x, self._steps, self._begun = event.position().x(), 0.0, self._field.value()
                self._was_mixed = self._field.is_mixed

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the value: a step every few pixels, more with Shift, less with Ctrl."""
        if self._x is None:
            return
        x = event.position().x()
        self._steps += scrub_steps(x - self._x, event.modifiers())
        self._x = x
        steps = int(self._steps)
        if steps:
            self._steps -= steps
            self._field.step_by(steps)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Bring the value back on Esc."""
        if self._x is not None and event.key() == Qt.Key.Key_Escape:
            if self._was_mixed:
                self._field.takenBack.emit()
            else:
                self._field.offer(self._begun)
            self._end()
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the scrub."""
        self._end()

    def _end(self) -> None:
        was_scrubbing, self._x = self._x is not None, None
        self._field.end_gesture()
        if was_scrubbing:
            self._field.setFocus(Qt.FocusReason.MouseFocusReason)
