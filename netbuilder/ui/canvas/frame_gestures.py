"""Gestures on frames: moving one with all that is in it, and dragging its sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt

from netbuilder.document.model import Frame
from netbuilder.ui.canvas.carrying import GRID, Carry
from netbuilder.ui.canvas.frames import LEAST, Part, placed, rect_of
from netbuilder.ui.canvas.gestures import Gesture, Pointer, adds

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView


class MoveFrame(Carry):
    """Selects the frame that was pressed, and moves it with the nodes and frames in it: one undo entry."""

    def __init__(self, view: CanvasView, start: Pointer, frame: Frame) -> None:
        workspace = view.workspace
        self._frame = frame
        self._was_selected = frame.id in workspace.selected_frames
        if adds(start.modifiers):
            workspace.select(workspace.selection, workspace.selected_frames | {frame.id})
        elif not self._was_selected:
            workspace.select((), (frame.id,))
        nodes, frames = view.frames.carried(workspace.selection, workspace.selected_frames)
        super().__init__(view, start, nodes, frames, (frame.x, frame.y))

    def click(self, pointer: Pointer) -> None:
        """Settle what a click selects."""
        workspace = self.view.workspace
        if pointer.modifiers & Qt.KeyboardModifier.ControlModifier and self._was_selected:
            workspace.select(workspace.selection, workspace.selected_frames - {self._frame.id})
        elif not adds(pointer.modifiers):
            workspace.select((), (self._frame.id,))


class ResizeFrame(Gesture):
    """Drags sides of a frame; what is in it stays."""

    pans = True

    def __init__(self, view: CanvasView, start: Pointer, frame: Frame, part: Part) -> None:
        super().__init__(view, start)
        self._frame, self._part = frame, part
        self.cursor = part.cursor
        view.workspace.select((), (frame.id,))

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer."""
        if self.is_drag(pointer):
            self.view.show_frames({self._frame.id: self._resized(pointer)})

    def finish(self, pointer: Pointer) -> None:
        """Resize."""
        self.view.show_frames({})
        if self.is_drag(pointer):
            self.view.frames.resize(self._resized(pointer))

    def cancel(self) -> None:
        """Leave its size."""
        self.view.show_frames({})

    def _resized(self, pointer: Pointer) -> Frame:
        """Return the frame with its sides where the pointer has dragged them; they stop before they meet."""
        moved = pointer.scene - self.start.scene
        step = 1.0 if pointer.modifiers & Qt.KeyboardModifier.AltModifier else GRID
        dx, dy = round(moved.x() / step) * step, round(moved.y() / step) * step
        left, top, right, bottom = self._part.value
        rect, (width, height) = rect_of(self._frame), LEAST
        x0 = min(rect.left() + dx * left, rect.right() - width) if left else rect.left()
        y0 = min(rect.top() + dy * top, rect.bottom() - height) if top else rect.top()
        x1 = max(rect.right() + dx * right, rect.left() + width) if right else rect.right()
        y1 = max(rect.bottom() + dy * bottom, rect.top() + height) if bottom else rect.bottom()
        return placed(self._frame, QRectF(x0, y0, x1 - x0, y1 - y0))
