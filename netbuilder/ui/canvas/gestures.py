"""Gestures: what the mouse is doing between press and release, a class a gesture. Esc cancels any of them.

A gesture shows a preview and edits the document once, when it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from netbuilder.document.model import Place, PortRef
from netbuilder.ui.canvas.arrays import Rows
from netbuilder.ui.canvas.guides import Guide, Snap, snap

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

GRID = 4.0
"""What dragged nodes keep to, in the scene."""

REACH = 6.0
"""Pixels within which dragged nodes jump to where they line up."""

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
    """

    pans = False
    cursor = Qt.CursorShape.ArrowCursor

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
            self.view.workspace.select(self._chosen(pointer.modifiers))
        elif not _adds(pointer.modifiers):
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

    def _chosen(self, modifiers: Qt.KeyboardModifier) -> frozenset[str]:
        arrays = self.view.content.arrays
        box = self._box
        rows = arrays.nodes_in(box.left(), box.top(), box.right(), box.bottom())
        found = frozenset(arrays.ids[row] for row in rows)
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            return self._before ^ found
        return self._before | found if modifiers & Qt.KeyboardModifier.ShiftModifier else found


class MoveNodes(Gesture):
    """Selects the node that was pressed and moves the selection: one undo entry, at release.

    The nodes keep to the grid and snap to where they line up with others or straighten a link; Alt drags freely. With
    Alt at the press, copies are dragged and the nodes stay.
    """

    pans = True

    def __init__(self, view: CanvasView, start: Pointer, node: str) -> None:
        super().__init__(view, start)
        self._node = node
        self._was_selected = node in view.workspace.selection
        self._before = view.workspace.selection
        if _adds(start.modifiers):
            view.workspace.select(self._before | {node})
        elif not self._was_selected:
            view.workspace.select((node,))
        arrays = view.content.arrays
        self._nodes = tuple(view.workspace.selection)
        self._rows = arrays.rows(self._nodes)
        self._origin = arrays.rects[self._rows, :2].copy()
        self._anchor = arrays.rect(node)[:2]
        self._copies = bool(start.modifiers & Qt.KeyboardModifier.AltModifier)
        self._guides: tuple[Guide, ...] = ()
        self._others: Rows | None = None
        if self._copies:
            self.cursor = Qt.CursorShape.DragCopyCursor

    def move(self, pointer: Pointer) -> None:
        """Carry the nodes along."""
        if self.is_drag(pointer):
            shown = self._guides
            shift = self._shift(pointer)
            self.view.show_corners(self._rows, self._origin + shift)
            self.view.show_splice(self._splice_target(pointer))
            if shown or self._guides or self._copies:
                self.view.update()

    def finish(self, pointer: Pointer) -> None:
        """Move the nodes, into a link if one is below; or settle what a click selects."""
        self.view.show_splice(None)
        if not self.is_drag(pointer):
            self._click(pointer.modifiers)
            return
        shift = self._shift(pointer)
        if self._copies:
            self.view.show_corners(self._rows, self._origin)
            self.view.commands.duplicate(self._nodes, offset=Place(*shift.tolist()))
            return
        corners = (self._origin + shift).tolist()
        places = {node: Place(x, y) for node, (x, y) in zip(self._nodes, corners, strict=True)}
        target = self._splice_target(pointer)
        self.view.show_corners(self._rows, self._origin)
        if target is not None:
            self.view.commands.move_into(self._node, places[self._node], target)
        else:
            self.view.commands.move(places)

    def cancel(self) -> None:
        """Put the nodes back."""
        self.view.show_splice(None)
        self.view.show_corners(self._rows, self._origin)

    def _shift(self, pointer: Pointer) -> NDArray[np.float64]:
        """Return how far the nodes are from where they were: the one that was pressed keeps to the grid."""
        moved = pointer.scene - self.start.scene
        free = bool(pointer.modifiers & Qt.KeyboardModifier.AltModifier) and not self._copies
        step = 1.0 if free else GRID
        x, y = self._anchor
        shift = np.array([round((x + moved.x()) / step) * step - x, round((y + moved.y()) / step) * step - y])
        self._guides = ()
        if free or not self.view.snaps:
            return shift
        carried = np.array([moved.x(), moved.y()])
        found = self._snap(carried)
        self._guides = found.guides
        for axis, further in enumerate((found.dx, found.dy)):
            if further is not None:
                shift[axis] = carried[axis] + further
        return shift

    def _snap(self, shift: NDArray[np.float64]) -> Snap:
        """Find what the nodes line up with where the pointer has carried them."""
        view, arrays = self.view, self.view.content.arrays
        if self._others is None:
            area = view.camera.scene_rect(QRectF(view.rect()))
            rows = arrays.nodes_in(area.left(), area.top(), area.right(), area.bottom())
            self._others = rows[~np.isin(rows, self._rows)]
        shown = arrays.rects[self._rows[0], :2] - self._origin[0]
        return snap(arrays, self._rows, shift - shown, self._others, REACH / view.camera.zoom)

    def paint(self, painter: QPainter) -> None:
        """Draw the guides, and where the nodes are that are being copied."""
        if not self._dragging:
            return
        camera, style = self.view.camera, self.view.style_
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(style.color("accent", 0.8), 1))
        for guide in self._guides:
            start, end = (guide.at, guide.start), (guide.at, guide.end)
            if not guide.is_upright:
                start, end = start[::-1], end[::-1]
            painter.drawLine(camera.to_view(QPointF(*start)), camera.to_view(QPointF(*end)))
        if self._copies:
            painter.setPen(QPen(style.color("muted"), 1, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            sizes = self.view.content.arrays.rects[self._rows, 2:]
            for (x, y), (width, height) in zip(self._origin.tolist(), sizes.tolist(), strict=True):
                painter.drawRect(camera.view_rect(QRectF(x, y, width, height)))

    def _splice_target(self, pointer: Pointer) -> PortRef | None:
        """Return the link below the pointer when a single unlinked node is being carried over it; Alt suppresses."""
        if len(self._nodes) != 1 or self._copies or pointer.modifiers & Qt.KeyboardModifier.AltModifier:
            return None
        return self.view.commands.splice_target(self._node, pointer.scene.x(), pointer.scene.y())

    def _click(self, modifiers: Qt.KeyboardModifier) -> None:
        workspace = self.view.workspace
        if modifiers & Qt.KeyboardModifier.ControlModifier and self._was_selected:
            workspace.select(self._before - {self._node})
        elif not _adds(modifiers):
            workspace.select((self._node,))


def _adds(modifiers: Qt.KeyboardModifier) -> bool:
    return bool(modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier))
