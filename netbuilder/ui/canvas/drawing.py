"""Draws a part of the canvas: dots, links, nodes as plain cards. Numbers go to Qt as whole arrays."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.arrays import Floats, Rows
from netbuilder.ui.canvas.buffers import draw_lines, draw_points, draw_polyline, draw_rects
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.returns import returning
from netbuilder.ui.canvas.style import Style
from netbuilder.ui.theme import ui_font

if TYPE_CHECKING:
    from netbuilder.ui.canvas.flow import Flow

GRID = 24.0
FAR = 0.3
"""Below this zoom titles would be under 4 pixels: nodes are drawn as plain cards, links as straight lines."""

MANY = 400
"""More links than this are drawn as straight lines when they are far."""

_REACH = 10.0  # pixels that a link's line may reach beyond its middle

CROWD = 700
"""More nodes in view than this are drawn as plain cards at any zoom."""


class Course(Enum):
    """How links are drawn."""

    FINE = auto()
    """As polylines with clean joints: for pictures, and for few."""
    FAST = auto()
    """As segments that overlap a little, all in one call: 7 times as fast, and on a screen nobody sees it."""
    STRAIGHT = auto()
    """As thin straight lines from end to end: for thousands. Only those back to another row keep their lanes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Links that are drawn otherwise.

    Attributes:
        hot: Under the pointer, or where something would be inserted.
        chosen: Selected.
        wrong: Into ports that have a problem.
        hidden: Those that are being led elsewhere.
        flow: The gradient that colours the others, or None.
    """

    hot: Collection[PortRef] = ()
    chosen: Collection[PortRef] = ()
    wrong: Collection[PortRef] = ()
    hidden: Collection[PortRef] = ()
    flow: Flow | None = None


def paint_dots(painter: QPainter, area: QRectF, camera: Camera, style: Style) -> None:
    """Draw the grid in a rectangle of the canvas; it belongs to the scene, so that it moves with the nodes."""
    pitch = GRID
    while pitch * camera.zoom < 13.0:
        pitch *= 4.0
    scene = camera.scene_rect(area)
    xs = np.arange(math.floor(scene.left() / pitch), math.ceil(scene.right() / pitch) + 1) * pitch
    ys = np.arange(math.floor(scene.top() / pitch), math.ceil(scene.bottom() / pitch) + 1) * pitch
    points = np.empty((len(ys), len(xs), 2))
    points[..., 0] = (xs - camera.x) * camera.zoom
    points[..., 1] = ((ys - camera.y) * camera.zoom)[:, None]
    # Square caps: Qt fills them 20 times as fast as round ones, and at two pixels nobody sees the corners.
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    size = 1.8 if camera.zoom < 1.5 else 2.6
    painter.setPen(QPen(style.color("dots"), size, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap))
    draw_points(painter, points.reshape(-1, 2))


def paint_wires(
    painter: QPainter,
    content: Content,
    area: QRectF,
    camera: Camera,
    style: Style,
    marks: Marks,
    course: Course = Course.FINE,
) -> None:
    """Draw the links that touch a rectangle of the canvas; marked ones on top."""
    arrays = content.arrays
    scene = camera.scene_rect(area.adjusted(-_REACH, -_REACH, _REACH, _REACH))
    rows = arrays.edges_in(scene.left(), scene.top(), scene.right(), scene.bottom())
    hidden = {arrays.edge_row(target) for target in marks.hidden}
    rows = rows[~np.isin(rows, [row for row in hidden if row is not None])] if hidden else rows
    pencil = _Pencil(painter, area, camera)
    width = 1.0 if course is Course.STRAIGHT else _wire_width(camera)
    for some, color, factor in (
        marks.flow.shades(arrays, rows, style) if marks.flow is not None else ((rows, style.color("edge"), 1.0),)
    ):
        bent = some
        if course is Course.STRAIGHT:
            is_back = np.zeros(len(some), dtype=bool)
            is_back[returning(arrays.ends[some])] = True
            pencil.draw(arrays.ends[some[~is_back]].reshape(-1, 2, 2), color, width * factor, course)
            bent = some[is_back]
        pencil.draw(arrays.curves_of(bent), color, width * factor, course)
    for targets, token, width in ((marks.wrong, "bad", 2.0), (marks.hot, "accent", 2.5), (marks.chosen, "accent", 3.0)):
        found = [row for target in targets if (row := arrays.edge_row(target)) is not None and row not in hidden]
        if not found:
            continue
        curves = arrays.curves_of(np.intersect1d(np.array(found, dtype=np.intp), rows))
        if targets is marks.chosen:
            pencil.draw(curves, style.color("accent", 0.28), max(4.5 * _wire_width(camera), 6.0), Course.FINE)
        pencil.draw(curves, style.color(token), max(width * _wire_width(camera) / 2, 1.2), Course.FINE)


def paint_loose_wire(painter: QPainter, curve: Floats, camera: Camera, color: QColor) -> None:
    """Draw a link that is being drawn."""
    area = QRectF(painter.viewport())
    _Pencil(painter, area, camera).draw(curve[None], color, max(_wire_width(camera), 1.5), Course.FINE)


def _wire_width(camera: Camera) -> float:
    return min(max(2.0 * camera.zoom, 1.0), 3.0)


@dataclass(frozen=True, slots=True)
class _Pencil:
    """Draws links within a rectangle of the canvas."""

    painter: QPainter
    area: QRectF
    camera: Camera

    def draw(self, curves: Floats, color: QColor, width: float, course: Course) -> None:
        """Draw polylines (m, points, 2) of the scene."""
        if not len(curves):
            return
        points = curves - np.array([self.camera.x, self.camera.y])
        points *= self.camera.zoom
        self.painter.setRenderHint(QPainter.RenderHint.Antialiasing, course is not Course.STRAIGHT)
        pen = QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.RoundJoin)
        self.painter.setPen(pen)
        # A link between two ports at one height is a line, and Qt draws a line many times as fast as a polyline.
        level = np.ptp(points[:, :, 1], axis=1) < 0.25
        draw_lines(self.painter, points[level][:, [0, -1]].reshape(-1, 4))
        if course is Course.FINE:
            for curve in points[~level]:
                self._draw_fine(curve)
        else:
            draw_lines(self.painter, self._segments(points[~level], 0.5 if course is Course.FAST else 0.0))

    def _draw_fine(self, curve: Floats) -> None:
        """Draw the part of a curve that can be seen: what a long link has elsewhere costs more than all the rest."""
        seen = np.flatnonzero(self._is_seen(curve[:-1], curve[1:]))
        if len(seen):
            draw_polyline(self.painter, curve[seen[0] : seen[-1] + 2])

    def _segments(self, points: Floats, overlap: float) -> Floats:
        """Return the segments that can be seen, each a little longer, so that no gap shows where two of them meet."""
        starts, ends = points[:, :-1].reshape(-1, 2), points[:, 1:].reshape(-1, 2)
        seen = self._is_seen(starts, ends)
        starts, ends = starts[seen], ends[seen]
        along = ends - starts
        along *= overlap / np.maximum(np.hypot(along[:, :1], along[:, 1:]), 1e-9)
        return np.concatenate([starts - along, ends + along], axis=1)

    def _is_seen(self, starts: Floats, ends: Floats) -> NDArray[np.bool_]:
        low = np.array([self.area.left() - _REACH, self.area.top() - _REACH])
        high = np.array([self.area.right() + _REACH, self.area.bottom() + _REACH])
        seen: NDArray[np.bool_] = np.all((np.minimum(starts, ends) <= high) & (np.maximum(starts, ends) >= low), axis=1)
        return seen


def paint_cards(painter: QPainter, content: Content, rows: Rows, camera: Camera, style: Style) -> None:
    """Draw nodes as plain rectangles in their category's colour: all of one colour in one call."""
    rects = _in_pixels(content, rows, camera)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(Qt.PenStyle.NoPen)
    for category, chosen in content.by_category(rows):
        painter.setBrush(style.category(category))
        draw_rects(painter, rects[chosen])


def paint_rings(painter: QPainter, content: Content, rows: Rows, camera: Camera, style: Style) -> None:
    """Draw what shows around cards that are selected; the cards come on top, since Qt fills faster than it outlines."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(style.color("text"))
    draw_rects(painter, _in_pixels(content, rows, camera) + np.array([-1.5, -1.5, 3.0, 3.0]))


def paint_found(
    painter: QPainter, content: Content, camera: Camera, style: Style, found: frozenset[str], current: str
) -> None:
    """Draw rings around the nodes in view that a search found; a thicker one around the one it stands at."""
    area = camera.scene_rect(QRectF(painter.viewport()))
    rows = content.arrays.nodes_in(area.left(), area.top(), area.right(), area.bottom())
    ids = content.arrays.ids
    chosen = np.array([row for row in rows.tolist() if ids[row] in found and ids[row] != current], dtype=np.intp)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(style.color("validation", 0.8), 1.5))
    rects = _in_pixels(content, chosen, camera) + np.array([-4.0, -4.0, 8.0, 8.0])
    if len(rects) > MANY:
        draw_rects(painter, rects)
    else:
        for rect in rects.tolist():
            painter.drawRoundedRect(QRectF(*rect), 6, 6)
    if current in content.arrays:
        ring = camera.view_rect(QRectF(*content.arrays.rect(current))).adjusted(-5, -5, 5, 5)
        painter.setPen(QPen(style.color("validation"), 3.0))
        painter.drawRoundedRect(ring, 7, 7)


def _in_pixels(content: Content, rows: Rows, camera: Camera) -> Floats:
    rects = content.arrays.rects[rows].copy()
    rects[:, :2] -= camera.x, camera.y
    rects *= camera.zoom
    return rects


def paint_hint(painter: QPainter, area: QRectF, style: Style, headline: str, line: str) -> None:
    """Write what an empty canvas is for into its middle."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = area.center()
    painter.setFont(ui_font(17))
    painter.setPen(style.color("text"))
    painter.drawText(QRectF(area.left(), middle.y() - 34, area.width(), 30), Qt.AlignmentFlag.AlignCenter, headline)
    painter.setFont(ui_font(13))
    painter.setPen(style.color("muted"))
    painter.drawText(QRectF(area.left(), middle.y() + 2, area.width(), 24), Qt.AlignmentFlag.AlignCenter, line)


def snapped(point: QPointF, ratio: float) -> QPointF:
    """Return a point moved to a whole physical pixel, so that cached text stays crisp."""
    return QPointF(_whole(point.x() * ratio) / ratio, _whole(point.y() * ratio) / ratio)


def _whole(pixels: float) -> int:
    # Halves go up, also those that lost their last bit: what is scrolled by whole pixels must round as it did before.
    return math.floor(pixels + 0.5 + 1e-6)
