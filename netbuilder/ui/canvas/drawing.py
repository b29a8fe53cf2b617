"""Draws a part of the canvas: dots, links, nodes as plain cards. Numbers go to Qt as whole arrays."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.arrays import Floats, Rows
from netbuilder.ui.canvas.buffers import draw_lines, draw_points, draw_polyline, draw_rects
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.style import Style
from netbuilder.ui.theme import ui_font

GRID = 24.0
FAR = 0.3
"""Below this zoom titles would be under 4 pixels: nodes are drawn as plain cards, links as straight lines."""

_MANY = 400  # links; more are drawn as separate segments in one call, whose joints are too small to see

CROWD = 700
"""More nodes in view than this are drawn as plain cards at any zoom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Links that are drawn otherwise.

    Attributes:
        hot: Selected, or under the pointer.
        wrong: Into ports that have a problem.
        hidden: The one that is being led elsewhere.
    """

    hot: Collection[PortRef] = ()
    wrong: Collection[PortRef] = ()
    hidden: PortRef | None = None


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


def paint_wires(painter: QPainter, content: Content, area: QRectF, camera: Camera, style: Style, marks: Marks) -> None:
    """Draw the links that touch a rectangle of the canvas; marked ones on top."""
    arrays = content.arrays
    scene = camera.scene_rect(area.adjusted(-4, -4, 4, 4))
    rows = arrays.edges_in(scene.left(), scene.top(), scene.right(), scene.bottom())
    if marks.hidden is not None and (hidden := arrays.edge_row(marks.hidden)) is not None:
        rows = rows[rows != hidden]
    far = len(rows) > (_MANY if camera.zoom < FAR else 4 * CROWD)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, not far)
    base = style.color("edge")
    curves = arrays.ends[rows].reshape(-1, 2, 2) if far else arrays.curves[rows]
    _draw_wires(painter, curves, camera, base, 1.0 if far else _wire_width(camera), far)
    for targets, token, width in ((marks.wrong, "bad", 2.0), (marks.hot, "accent", 2.5)):
        found = [row for target in targets if (row := arrays.edge_row(target)) is not None and target != marks.hidden]
        if found:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            curves = arrays.curves[np.array(found, dtype=np.intp)]
            _draw_wires(painter, curves, camera, style.color(token), max(width * _wire_width(camera) / 2, 1.2), far)


def paint_loose_wire(painter: QPainter, curve: Floats, camera: Camera, color: QColor) -> None:
    """Draw a link that is being drawn."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _draw_wires(painter, curve[None], camera, color, max(_wire_width(camera), 1.5), False)


def _wire_width(camera: Camera) -> float:
    return min(max(2.0 * camera.zoom, 1.0), 3.0)


def _draw_wires(painter: QPainter, curves: Floats, camera: Camera, color: QColor, width: float, far: bool) -> None:
    if not len(curves):
        return
    points = curves - np.array([camera.x, camera.y])
    points *= camera.zoom
    painter.setPen(QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.RoundJoin))
    if far or len(points) > _MANY:
        draw_lines(painter, np.concatenate([points[:, :-1], points[:, 1:]], axis=2).reshape(-1, 4))
        return
    # A link between two ports at one height is a line, and Qt draws a line many times as fast as a polyline.
    level = np.ptp(points[:, :, 1], axis=1) < 0.25
    draw_lines(painter, points[level][:, [0, -1]].reshape(-1, 4))
    for curve in points[~level]:
        part = _within(curve, painter.viewport())
        if len(part):
            draw_polyline(painter, part)


def _within(curve: Floats, area: QRect) -> Floats:
    """Return the part of a curve that can be seen: what a long link has elsewhere costs more than all the rest."""
    low, high = np.minimum(curve[:-1], curve[1:]) - 4.0, np.maximum(curve[:-1], curve[1:]) + 4.0
    far = np.array([area.right(), area.bottom()])
    seen = np.flatnonzero(np.all((low <= far) & (high >= np.array([area.left(), area.top()])), axis=1))
    return curve[seen[0] : seen[-1] + 2] if len(seen) else curve[:0]


def paint_cards(painter: QPainter, content: Content, rows: Rows, camera: Camera, style: Style) -> None:
    """Draw nodes as plain rectangles in their category's colour: all of one colour in one call."""
    rects = _in_pixels(content, rows, camera)
    categories = content.categories_of(rows)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(Qt.PenStyle.NoPen)
    for category in np.unique(categories):
        painter.setBrush(style.category(str(category)))
        draw_rects(painter, rects[categories == category])


def paint_rings(painter: QPainter, content: Content, rows: Rows, camera: Camera, style: Style) -> None:
    """Draw rings around cards that are selected."""
    painter.setPen(QPen(style.color("text"), 1.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    draw_rects(painter, _in_pixels(content, rows, camera) + np.array([-1.0, -1.0, 2.0, 2.0]))


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
    painter.setPen(style.color("muted"))
    painter.drawText(QRectF(area.left(), middle.y() - 34, area.width(), 30), Qt.AlignmentFlag.AlignCenter, headline)
    painter.setFont(ui_font(13))
    painter.drawText(QRectF(area.left(), middle.y() + 2, area.width(), 24), Qt.AlignmentFlag.AlignCenter, line)


def snapped(point: QPointF, ratio: float) -> QPointF:
    """Return a point moved to a whole physical pixel, so that cached text stays crisp."""
    return QPointF(round(point.x() * ratio) / ratio, round(point.y() * ratio) / ratio)
