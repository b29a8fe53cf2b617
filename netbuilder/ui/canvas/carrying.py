"""Gestures that carry nodes and frames: one undo entry, at release.

What is carried keeps to the grid and snaps to where it lines up with others or straightens a link; Alt carries freely.
With Alt at the press, copies are carried and what was pressed stays.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import starmap
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from netbuilder.document.model import Frame, Place, PortRef
from netbuilder.ui.canvas.arrays import Rows
from netbuilder.ui.canvas.frames import rect_of
from netbuilder.ui.canvas.gestures import Gesture, Pointer, adds
from netbuilder.ui.canvas.guides import Guide, Snap, snap

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

GRID = 4.0
"""What is carried keeps to this, in the scene."""

REACH = 6.0
"""Pixels within which it jumps to where it lines up."""


class Carry(Gesture):
    """Carries nodes and frames."""

    pans = True

    def __init__(
        self,
        view: CanvasView,
        start: Pointer,
        nodes: Collection[str],
        frames: Collection[str],
        anchor: tuple[float, float],
    ) -> None:
        """Begin to carry.

        Args:
            view: Where.
            start: The press.
            nodes: What is carried.
            frames: Likewise.
            anchor: The corner that keeps to the grid.
        """
        super().__init__(view, start)
        arrays = view.content.arrays
        self._nodes = tuple(nodes)
        self._rows = arrays.rows(self._nodes)
        self._origin = arrays.rects[self._rows, :2].copy()
        self._framed = {id: view.content.frames[id] for id in frames}
        self._anchor = anchor
        self._ways = self._inner_ways()
        self._copies = bool(start.modifiers & Qt.KeyboardModifier.AltModifier)
        self._guides: tuple[Guide, ...] = ()
        self._others: Rows | None = None
        if self._copies:
            self.cursor = Qt.CursorShape.DragCopyCursor

    def move(self, pointer: Pointer) -> None:
        """Carry everything along."""
        if not self.is_drag(pointer):
            return
        shown = self._guides
        shift = self._shift(pointer)
        self._lead(shift)
        self.view.show_corners(self._rows, self._origin + shift)
        self.view.show_frames({id: _moved(frame, shift) for id, frame in self._framed.items()})
        self.view.show_splice(self.splice_target(pointer))
        if shown or self._guides or self._copies:
            self.view.update()

    def finish(self, pointer: Pointer) -> None:
        """Move, or copy; or settle what a click selects."""
        self.view.show_splice(None)
        if not self.is_drag(pointer):
            self.click(pointer)
            return
        shift = self._shift(pointer)
        if self._copies:
            self._put_back()
            self.view.commands.duplicate((*self._nodes, *self._framed), offset=Place(*shift.tolist()))
            return
        before = self.view.workspace.document
        self.drop(pointer, shift)
        if self.view.workspace.document is before:  # refused, or nowhere else than before
            self._put_back()
        else:  # where it was carried to, it stays
            self.view.show_frames({})

    def drop(self, pointer: Pointer, shift: NDArray[np.float64]) -> None:
        """Move everything to where it was carried."""
        frames = {id: _moved(frame, shift) for id, frame in self._framed.items()}
        routes = {
            target: tuple(Place(*point) for point in (way + shift).tolist()) for target, way in self._ways.items()
        }
        corners = {id: Place(each.x, each.y) for id, each in frames.items()}
        self.view.commands.move(self.places(shift), frames=corners, routes=routes)

    def places(self, shift: NDArray[np.float64]) -> dict[str, Place]:
        """Return where the nodes are then."""
        corners = (self._origin + shift).tolist()
        return dict(zip(self._nodes, starmap(Place, corners), strict=True))

    def click(self, pointer: Pointer) -> None:
        """Settle what a click selects."""

    def splice_target(self, pointer: Pointer) -> PortRef | None:
        """Return the link that what is carried would go into."""
        return None

    def cancel(self) -> None:
        """Put everything back."""
        self.view.show_splice(None)
        self._put_back()

    def _inner_ways(self) -> dict[PortRef, NDArray[np.float64]]:
        """Return the points of the links among the carried nodes, which go along."""
        arrays, held = self.view.content.arrays, set(self._nodes)
        wires = ((row, arrays.wires[row]) for row in arrays.led)
        return {
            wire.target: arrays.way(row).copy()
            for row, wire in wires
            if wire.target.node in held and wire.source.node in held
        }

    def _lead(self, shift: NDArray[np.float64]) -> None:
        arrays = self.view.content.arrays
        rows = {target: arrays.edge_row(target) for target in self._ways}
        arrays.set_ways({row: self._ways[target] + shift for target, row in rows.items() if row is not None})

    def _put_back(self) -> None:
        self._lead(np.zeros(2))
        self.view.show_corners(self._rows, self._origin)
        self.view.show_frames({})

    def _shift(self, pointer: Pointer) -> NDArray[np.float64]:
        """Return how far everything is from where it was: what was pressed keeps to the grid."""
        moved = pointer.scene - self.start.scene
        free = bool(pointer.modifiers & Qt.KeyboardModifier.AltModifier) and not self._copies
        step = 1.0 if free else GRID
        x, y = self._anchor
        shift = np.array([round((x + moved.x()) / step) * step - x, round((y + moved.y()) / step) * step - y])
        self._guides = ()
        if free or not self.view.snaps or not len(self._rows):
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
        """Draw the guides, and where that is which is being copied."""
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
            rects = [QRectF(*at, *size) for at, size in zip(self._origin.tolist(), sizes.tolist(), strict=True)]
            for rect in (*rects, *map(rect_of, self._framed.values())):
                painter.drawRect(camera.view_rect(rect))


class MoveNodes(Carry):
    """Selects the node that was pressed and moves the selection; a single node that is not linked goes into a link."""

    def __init__(self, view: CanvasView, start: Pointer, node: str) -> None:
        workspace = view.workspace
        self._node = node
        self._was_selected = node in workspace.selection
        self._before = workspace.selection
        if adds(start.modifiers):
            workspace.select(self._before | {node}, workspace.selected_frames)
        elif not self._was_selected:
            workspace.select((node,))
        x, y, _, _ = view.content.arrays.rect(node)
        nodes, frames = view.frames.carried(workspace.selection, workspace.selected_frames)
        super().__init__(view, start, nodes, frames, (x, y))

    def drop(self, pointer: Pointer, shift: NDArray[np.float64]) -> None:
        """Move the nodes, into a link if one is below."""
        target = self.splice_target(pointer)
        if target is None:
            super().drop(pointer, shift)
        else:
            self.view.commands.move_into(self._node, self.places(shift)[self._node], target)

    def splice_target(self, pointer: Pointer) -> PortRef | None:
        """Return the link below the pointer when a single unlinked node is being carried over it; Alt suppresses."""
        if len(self._nodes) != 1 or self._copies or pointer.modifiers & Qt.KeyboardModifier.AltModifier:
            return None
        return self.view.commands.splice_target(self._node, pointer.scene.x(), pointer.scene.y())

    def click(self, pointer: Pointer) -> None:
        """Settle what a click selects."""
        workspace = self.view.workspace
        if pointer.modifiers & Qt.KeyboardModifier.ControlModifier and self._was_selected:
            workspace.select(self._before - {self._node}, workspace.selected_frames)
        elif not adds(pointer.modifiers):
            workspace.select((self._node,))


def _moved(frame: Frame, shift: NDArray[np.float64]) -> Frame:
    return replace(frame, x=frame.x + float(shift[0]), y=frame.y + float(shift[1]))
