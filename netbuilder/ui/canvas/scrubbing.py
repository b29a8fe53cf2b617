"""Gestures on a value of a node's card: a click opens its field, a number is dragged sideways to change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt

from netbuilder.foundation.parameter import Parameter
from netbuilder.ui.canvas.card_values import CardValue
from netbuilder.ui.canvas.carrying import MoveNodes
from netbuilder.ui.canvas.gestures import Pointer
from netbuilder.ui.numbers import stepped
from netbuilder.ui.scrub_label import scrub_steps

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

_SELECTING = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


class PressValue(MoveNodes):
    """Moves the node as a press elsewhere on its card does; a click opens the value's field."""

    def __init__(self, view: CanvasView, start: Pointer, value: CardValue) -> None:
        self._value = value
        super().__init__(view, start, value.node)

    def click(self, pointer: Pointer) -> None:
        """Open the value's field, unless the selection is meant."""
        if pointer.modifiers & _SELECTING:
            super().click(pointer)
        else:
            self.view.values.edit(self._value)


class ScrubValue(PressValue):
    """Changes a number by dragging it sideways; the node stays where it is. One undo entry; Esc brings it back."""

    pans = False
    cursor = Qt.CursorShape.SizeHorCursor

    def __init__(self, view: CanvasView, start: Pointer, value: CardValue) -> None:
        super().__init__(view, start, value)
        self._begun = self._last = view.workspace.document
        self._track = Track(value.parameter, value.value)
        self._now = value.value
        self._x = start.at.x()
        self._steps = 0.0
        self._refused = 0

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer with the value; beyond a limit it waits for the pointer to turn round."""
        if not self.is_drag(pointer):
            return
        more = scrub_steps(pointer.at.x() - self._x, pointer.modifiers)
        self._x = pointer.at.x()
        self._steps = self._track.within(self._steps + more)
        new = self._track.at(int(self._steps))
        if new != self._now:
            self._now = new
            with self._editing():
                self._refused = len(self.view.values.set(self._value, new, self._key))

    def finish(self, pointer: Pointer) -> None:
        """Keep the value; or open its field, when it was a click."""
        if not self.is_drag(pointer):
            self.click(pointer)
            return
        self.view.workspace.seal()
        if self._refused:
            self.view.workspace.message.emit(f"{self._refused} of the nodes do not accept this value and keep theirs")

    def cancel(self) -> None:
        """Bring back the document of before, unless another one has come in between."""
        workspace = self.view.workspace
        if workspace.document is self._last and self._last is not self._begun:
            with self._editing():
                workspace.edit("Change", lambda _: self._begun, self._key)
        workspace.seal()

    @property
    def _key(self) -> str:
        return f"scrub:{self._value.node}.{self._value.parameter.name}"

    @contextmanager
    def _editing(self) -> Iterator[None]:
        """Let the canvas know whose edit it is, so that it does not end the gesture."""
        self.is_editing = True
        try:
            yield
        finally:
            self.is_editing = False
            self._last = self.view.workspace.document


class Track:
    """The values that a scrub passes, by the number of steps from where it began: back there, it is what it was."""

    def __init__(self, parameter: Parameter, start: Any) -> None:
        self._parameter = parameter
        self._up, self._down = [start], [start]

    def within(self, steps: float) -> float:
        """Return a number of steps, or as many as there are before the limit on that side."""
        passed, one = self._towards(steps)
        while len(passed) <= abs(steps) and not self._is_last(passed[-1], one):
            passed.append(self._next(passed[-1], one))
        return one * min(abs(steps), len(passed) - 1.0 if self._is_last(passed[-1], one) else abs(steps))

    def at(self, steps: int) -> Any:
        """Return the value so many steps up, or down where negative; no further than `within` has looked."""
        return self._towards(steps)[0][abs(steps)]

    def _towards(self, steps: float) -> tuple[list[Any], int]:
        return (self._up, 1) if steps >= 0 else (self._down, -1)

    def _is_last(self, value: Any, one: int) -> bool:
        limit = self._parameter.maximum if one > 0 else self._parameter.minimum
        numbers = value if isinstance(value, tuple) else (value,)
        return limit is not None and all(number == limit for number in numbers)

    def _next(self, value: Any, one: int) -> Any:
        if isinstance(value, tuple):
            return tuple(int(stepped(self._parameter, number, one)) for number in value)
        return self._parameter.normalize(stepped(self._parameter, value, one))
