"""Points that links are led through: for the eye alone; shapes and training know nothing of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from netbuilder.document import edits
from netbuilder.document.model import Place, PortRef
from netbuilder.foundation.limits import WAYPOINTS
from netbuilder.ui.canvas.arrays import CanvasArrays
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.carrying import GRID
from netbuilder.ui.canvas.gestures import Gesture, Pointer
from netbuilder.ui.canvas.style import Style
from netbuilder.ui.workspace import Workspace

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

RADIUS = 4.5
"""Of a point as it is drawn, in the scene."""


class Waypoints:
    """Edits of the points that links are led through: each is one undo entry."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def points(self, target: PortRef) -> tuple[Place, ...]:
        """Return the points that a link is led through."""
        return self._workspace.document.layout.routes.get(target, ())

    def add(self, target: PortRef, index: int, at: Place) -> None:
        """Lead a link through one more point, the one of this number from its source on."""
        points = self.points(target)
        if len(points) >= WAYPOINTS:
            self._workspace.message.emit(f"A link is led through at most {WAYPOINTS} points")
            return
        self._set("Lead link through a point", target, (*points[:index], at, *points[index:]))

    def move(self, target: PortRef, index: int, at: Place) -> None:
        """Move one of a link's points."""
        points = self.points(target)
        self._set("Move a link's point", target, (*points[:index], at, *points[index + 1 :]))

    def remove(self, target: PortRef, index: int) -> None:
        """Take one of a link's points away."""
        points = self.points(target)
        self._set("Remove a link's point", target, (*points[:index], *points[index + 1 :]))

    def clear(self, target: PortRef) -> None:
        """Lead a link straight again."""
        self._set("Straighten link", target, ())

    def _set(self, title: str, target: PortRef, points: tuple[Place, ...]) -> None:
        change = partial(edits.set_route, target=target, points=points, scope=self._workspace.scope)
        self._workspace.edit(title, change)


class MovePoint(Gesture):
    """Moves one of the points that a link is led through; it keeps to the grid, Alt moves it freely."""

    pans = True
    cursor = Qt.CursorShape.SizeAllCursor

    def __init__(self, view: CanvasView, start: Pointer, target: PortRef, index: int) -> None:
        super().__init__(view, start)
        self._target, self._index = target, index
        self._begun = view.waypoints.points(target)[index]
        view.select_link(target)

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer."""
        if self.is_drag(pointer):
            self._show(self._place(pointer))

    def finish(self, pointer: Pointer) -> None:
        """Move the point."""
        if self.is_drag(pointer):
            place = self._place(pointer)
            self.cancel()
            self.view.waypoints.move(self._target, self._index, place)

    def cancel(self) -> None:
        """Put it back: where it was, since what ends the gesture may have taken the point away already."""
        self._show(self._begun)

    def _place(self, pointer: Pointer) -> Place:
        step = 1.0 if pointer.modifiers & Qt.KeyboardModifier.AltModifier else GRID
        return Place(round(pointer.scene.x() / step) * step, round(pointer.scene.y() / step) * step)

    def _show(self, place: Place) -> None:
        arrays = self.view.content.arrays
        row = arrays.edge_row(self._target)
        if row is None:
            return
        way = arrays.way(row).copy()
        way[self._index] = place
        rows = np.array([row], dtype=np.intp)
        self.view.renew_links(rows)
        arrays.set_ways({row: way})
        self.view.renew_links(rows)


def index_at(arrays: CanvasArrays, row: int, x: float, y: float) -> int:
    """Return between which of its points a link is led through one more with the least detour."""
    end = arrays.ends[row]
    stops = np.concatenate([end[None, :2], arrays.way(row), end[None, 2:]])
    apart = np.hypot(*(stops - (x, y)).T)
    detours = apart[:-1] + apart[1:] - np.hypot(*(stops[1:] - stops[:-1]).T)
    return int(detours.argmin())


def paint_points(painter: QPainter, arrays: CanvasArrays, area: QRectF, camera: Camera, style: Style) -> None:
    """Draw the points in a rectangle of the canvas."""
    if not arrays.led:
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(style.color("edge"), max(1.6 * camera.zoom, 1.0)))
    painter.setBrush(style.color("canvas"))
    radius = RADIUS * camera.zoom
    around = area.adjusted(-radius - 2, -radius - 2, radius + 2, radius + 2)
    for row in arrays.led:
        for x, y in arrays.way(row).tolist():
            at = camera.to_view(QPointF(x, y))
            if around.contains(at):
                painter.drawEllipse(at, radius, radius)
