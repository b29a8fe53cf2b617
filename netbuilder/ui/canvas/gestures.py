"""Gestures: what the mouse is doing between press and release, a class a gesture. Esc cancels any of them.

A gesture shows a preview and edits the document once, when it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from netbuilder.ui.canvas.frames import rect_of

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

THRESHOLD = 4.0
"""Pixels the pointer must move before a press becomes a drag."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where the pointer is.

    Attributes:
        at: In pixels of the canvas.
        scene: In the scene.
        modifiers: Keys held.
        is_finger: Whether it is a finger, which points less finely than a mouse.
    """

    at: QPointF
    scene: QPointF
    modifiers: Qt.KeyboardModifier
    is_finger: bool = False


class Gesture:
    """One gesture from press to release; this one does nothing.

    Attributes:
        pans: Whether the canvas moves along when the pointer comes to its edge.
        cursor: The pointer's shape meanwhile.
        is_editing: Whether the document is being changed by the gesture itself, which any other change ends.
    """

    pans = False
    cursor = Qt.CursorShape.ArrowCursor
    is_editing = False

    def __init__(self, view: CanvasView, start: Pointer) -> None:
        self.view = view
        self.start = start
        self._dragging = False

    def is_drag(self, pointer: Pointer) -> bool:
        """Return whether the pointer has moved far enough to mean a drag; stays true once it was."""
        if not self._dragging:
            self._dragging = (pointer.at - self.start.at).manhattanLength() >= THRESHOLD
        return self._dragging

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer."""

    def finish(self, pointer: Pointer) -> None:
        """The button was released: do it."""

    def cancel(self) -> None:
        """Leave everything as it was before the press."""

    def paint(self, painter: QPainter) -> None:
        """Draw the preview over the canvas, in its pixels."""


class Pan(Gesture):
    """Moves the view; the scene stays under the pointer."""

    cursor = Qt.CursorShape.ClosedHandCursor

    def __init__(self, view: CanvasView, start: Pointer) -> None:
        super().__init__(view, start)
        self._camera = view.camera

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer."""
        moved = pointer.at - self.start.at
        self.view.set_camera(self._camera.moved(moved.x(), moved.y()))

    def cancel(self) -> None:
        """Go back to where the view was."""
        self.view.set_camera(self._camera)


class SelectBox(Gesture):
    """Selects the nodes that a rectangle touches; Shift adds, Ctrl toggles. A click on nothing selects nothing."""

    pans = True

    def __init__(self, view: CanvasView, start: Pointer) -> None:
        super().__init__(view, start)
        self._before = view.workspace.selection
        self._frames_before = view.workspace.selected_frames
        self._box = QRectF()

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer with the rectangle's corner."""
        if self.is_drag(pointer):
            self._box = QRectF(self.start.scene, pointer.scene).normalized()
            self.view.preview_selection(self._chosen(pointer.modifiers))

    def finish(self, pointer: Pointer) -> None:
        """Select."""
        self.view.preview_selection(None)
        if self.is_drag(pointer):
            self.view.workspace.select(self._chosen(pointer.modifiers), self._framed(pointer.modifiers))
        elif not adds(pointer.modifiers):
            self.view.workspace.select(())

    def cancel(self) -> None:
        """Show the selection that was there before."""
        self.view.preview_selection(None)

    def paint(self, painter: QPainter) -> None:
        """Draw the rectangle."""
        if self._dragging:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.setPen(QPen(self.view.style_.color("accent"), 1))
            painter.setBrush(self.view.style_.color("accent", 0.12))
            painter.drawRect(self.view.camera.view_rect(self._box))

    def _framed(self, modifiers: Qt.KeyboardModifier) -> frozenset[str]:
        """Return the frames that are selected with the nodes: those that the box holds wholly."""
        frames = self.view.content.frames.values()
        found = frozenset(frame.id for frame in frames if self._box.contains(rect_of(frame)))
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            return self._frames_before ^ found
        return self._frames_before | found if modifiers & Qt.KeyboardModifier.ShiftModifier else found

    def _chosen(self, modifiers: Qt.KeyboardModifier) -> frozenset[str]:
        arrays = self.view.content.arrays
        box = self._box
        rows = arrays.nodes_in(box.left(), box.top(), box.right(), box.bottom())
        found = frozenset(arrays.ids[row] for row in rows)
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            return self._before ^ found
        return self._before | found if modifiers & Qt.KeyboardModifier.ShiftModifier else found


def adds(modifiers: Qt.KeyboardModifier) -> bool:
    """Return whether what is selected is added to what was: with Shift or Ctrl."""
    return bool(modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier))
