"""The nodes' layer: draws those in view from cached pixmaps, and their live pictures above.

One layer for all nodes, not an item each: what is in view is found in the arrays, and nothing has a lifetime that Qt
and Python could disagree about. A face is drawn once for each scale; what there is no time for in this frame is drawn
as a plain card and comes with the next.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap

from netbuilder.training.protocol import Picture
from netbuilder.ui.canvas.arrays import Rows
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.drawing import paint_cards, paint_rings, snapped
from netbuilder.ui.canvas.faces import Face
from netbuilder.ui.canvas.geometry import MARGIN, Geometry
from netbuilder.ui.canvas.painting import paint_face
from netbuilder.ui.canvas.pictures import Losses, Plane, paint_dead, paint_losses, paint_picture, paint_plane
from netbuilder.ui.canvas.style import Style

if TYPE_CHECKING:
    from netbuilder.ui.canvas.heat import Heat

Live: TypeAlias = Picture | Plane | Losses
"""What a node's picture area shows."""

BUDGET = 0.010
"""Seconds a frame may spend on drawing faces that are not cached."""

_Key: TypeAlias = tuple[Face, bool, float, str]

_EDGE = 3.0  # units of the scene from a node's sides within which its round corners show what is behind

_ROOM = 24 * 1024 * 1024  # bytes of cached pixmaps, beyond those that the frame needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a frame shows.

    Attributes:
        content: Faces and places.
        camera: Which part of it.
        style: In which colours.
        ratio: Physical pixels a pixel.
        scale: The zoom that pixmaps are drawn for; while the camera zooms, the one of before, stretched.
        selection: Ids of selected nodes.
        live: Node id -> its picture.
        dead: Node id -> how many of its units are dead.
        heat: Node id -> what it took when it was profiled.
        fades: Node id -> opacity, for nodes that have just come.
        selected: The same as `selection`, by row; for cards.
        are_cards: Whether nodes are drawn as plain cards.
        until: When (`perf_counter`) to leave faces that are not cached for the next frame.
    """

    content: Content
    camera: Camera
    style: Style
    ratio: float = 1.0
    scale: float = 1.0
    selection: frozenset[str] = frozenset()
    live: Mapping[str, Live] = field(default_factory=dict)
    dead: Mapping[str, Picture] = field(default_factory=dict)
    heat: Mapping[str, Heat] = field(default_factory=dict)
    fades: Mapping[str, float] = field(default_factory=dict)
    selected: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=bool))
    are_cards: bool = False
    until: float = float("inf")


class NodeLayer:
    """Draws nodes and keeps what it drew."""

    def __init__(self) -> None:
        self._faces: OrderedDict[_Key, QPixmap] = OrderedDict()
        self._pictures: dict[str, tuple[object, tuple[float, float, float, str], QPixmap]] = {}
        self._bytes = 0
        self._used: set[_Key] = set()
        self._is_drawn = False

    def clear(self) -> None:
        """Forget everything drawn: another document, another screen."""
        self._faces.clear()
        self._pictures.clear()
        self._bytes = 0

    def paint(self, painter: QPainter, scene: Scene, area: QRectF) -> bool:
        """Draw the nodes that touch a rectangle of the canvas; returns False when some are plain cards for now."""
        content, camera = scene.content, scene.camera
        around = MARGIN * camera.zoom
        part = camera.scene_rect(area.adjusted(-around, -around, around, around))
        rows = content.arrays.nodes_in(part.left(), part.top(), part.right(), part.bottom())
        if scene.are_cards:
            chosen = rows[scene.selected[rows]]
            paint_rings(painter, content, chosen, camera, scene.style)
            paint_cards(painter, content, self._paint_faded_cards(painter, scene, rows), camera, scene.style)
            if scene.heat:
                from netbuilder.ui.canvas.heat import paint_heat_cards  # on demand: most never look at it

                paint_heat_cards(painter, content, rows, camera, scene.style, scene.heat)
            return True
        return self._paint_faces(painter, scene, rows)

    def _paint_faces(self, painter: QPainter, scene: Scene, rows: Rows) -> bool:
        ids = [scene.content.arrays.ids[row] for row in rows]
        ids.sort(key=scene.selection.__contains__)  # selected ones above the others; the sort is stable
        self._used.clear()
        self._prune(scene)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        self._is_drawn = False
        left_out = []
        for node in ids:
            pixmap = self._face(scene, node)
            if pixmap is None:
                left_out.append(scene.content.arrays.row(node))
                continue
            painter.setOpacity(scene.fades.get(node, 1.0))
            self._draw(painter, scene, pixmap, *self._corner(scene, node, -MARGIN, -MARGIN))
            self._paint_live(painter, scene, node)
            if node in scene.dead and scene.dead[node].data[0]:
                _paint_dead(painter, scene, node)
            if node in scene.heat:
                _paint_heat(painter, scene, node)
        painter.setOpacity(1.0)
        if left_out:
            paint_cards(painter, scene.content, np.array(left_out, dtype=np.intp), scene.camera, scene.style)
        return not left_out

    def _paint_faded_cards(self, painter: QPainter, scene: Scene, rows: Rows) -> Rows:
        """Draw the cards of nodes that step back; returns the rows of the others."""
        if not scene.fades:
            return rows
        ids = scene.content.arrays.ids
        fades = np.array([scene.fades.get(ids[row], 1.0) for row in rows.tolist()])
        painter.setOpacity(0.35)
        paint_cards(painter, scene.content, rows[fades < 0.5], scene.camera, scene.style)
        painter.setOpacity(1.0)
        return rows[fades >= 0.5]

    def _corner(self, scene: Scene, node: str, dx: float, dy: float) -> tuple[float, float]:
        x, y, _, _ = scene.content.arrays.rect(node)
        return x + dx, y + dy

    def _draw(self, painter: QPainter, scene: Scene, pixmap: QPixmap, x: float, y: float) -> None:
        at = scene.camera.to_view(QPointF(x, y))
        if scene.scale == scene.camera.zoom:
            painter.drawPixmap(snapped(at, scene.ratio), pixmap)
            return
        size = pixmap.deviceIndependentSize() * (scene.camera.zoom / scene.scale)
        painter.drawPixmap(QRectF(at, size), pixmap, QRectF(pixmap.rect()))

    def _face(self, scene: Scene, node: str) -> QPixmap | None:
        face, selected = scene.content.faces[node], node in scene.selection
        key = (face, selected, scene.scale * scene.ratio, scene.style.name)
        self._used.add(key)
        pixmap = self._faces.get(key)
        if pixmap is not None:
            self._faces.move_to_end(key)
            return pixmap
        if self._is_drawn and perf_counter() > scene.until:
            return None
        self._is_drawn = True  # at least one a frame, so that frames end
        geometry = scene.content.geometry(node)
        pixmap = draw_face(face, geometry, scene.style, selected, scene.scale, scene.ratio)
        self._faces[key] = pixmap
        self._bytes += _size(pixmap)
        # What this frame draws stays: a cache smaller than a frame would draw everything anew each time.
        while self._bytes > _ROOM and len(self._faces) > len(self._used):
            self._bytes -= _size(self._faces.popitem(last=False)[1])
        return pixmap

    def _prune(self, scene: Scene) -> None:
        """Forget pictures of nodes that have none any more."""
        for node in self._pictures.keys() - scene.live.keys():
            del self._pictures[node]

    def _paint_live(self, painter: QPainter, scene: Scene, node: str) -> None:
        live, box = scene.live.get(node), scene.content.geometry(node).picture
        if live is None or box is None:
            return
        look = (box.width, box.height, scene.scale * scene.ratio, scene.style.name)
        mark: object = live.mark if isinstance(live, Losses) else live
        known = self._pictures.get(node)
        if known is None or not _same(known[0], mark) or known[1] != look:
            category = scene.content.faces[node].category
            pixmap = _blank(box.width, box.height, scene.scale, scene.ratio)
            _on(
                pixmap,
                scene.scale,
                lambda p: paint_live(p, QRectF(0, 0, box.width, box.height), live, scene.style, category),
            )
            known = self._pictures[node] = (mark, look, pixmap)
        self._draw(painter, scene, known[2], *self._corner(scene, node, box.x, box.y))


def _paint_dead(painter: QPainter, scene: Scene, node: str) -> None:
    """Draw how many units of a node are dead: it is little, and changes with every look, so it is not cached."""
    x, y, _, _ = scene.content.arrays.rect(node)
    painter.save()
    painter.translate(snapped(scene.camera.to_view(QPointF(x, y)), scene.ratio))
    painter.scale(scene.camera.zoom, scene.camera.zoom)
    paint_dead(painter, scene.content.geometry(node), scene.dead[node], scene.style)
    painter.restore()


def _paint_heat(painter: QPainter, scene: Scene, node: str) -> None:
    """Draw what a node took when it was profiled."""
    from netbuilder.ui.canvas.heat import paint_heat  # on demand: most never look at it

    x, y, _, _ = scene.content.arrays.rect(node)
    painter.save()
    painter.translate(snapped(scene.camera.to_view(QPointF(x, y)), scene.ratio))
    painter.scale(scene.camera.zoom, scene.camera.zoom)
    paint_heat(painter, scene.content.geometry(node), scene.heat[node], scene.style)
    painter.restore()


def is_behind_a_node(scene: Scene, area: QRectF) -> bool:
    """Return whether a node hides all that lies behind a rectangle of the canvas, as it does behind its picture."""
    if scene.are_cards or scene.fades:
        return False
    part, rects = scene.camera.scene_rect(area), scene.content.arrays.rects
    near, far = rects[:, :2] + _EDGE, rects[:, :2] + rects[:, 2:] - _EDGE
    inside = (near <= (part.left(), part.top())) & (far >= (part.right(), part.bottom()))
    return bool(inside.all(axis=1).any())


def paint_live(painter: QPainter, box: QRectF, live: Live, style: Style, category: str) -> None:
    """Draw what a node's picture area shows."""
    if isinstance(live, Picture):
        paint_picture(painter, box, live, style, category)
    elif isinstance(live, Plane):
        paint_plane(painter, box, live, style)
    else:
        paint_losses(painter, box.adjusted(1, 2, -1, -2), live, style, category)


def draw_face(face: Face, geometry: Geometry, style: Style, selected: bool, scale: float, ratio: float) -> QPixmap:
    """Return a face as a pixmap with `MARGIN` around it."""
    pixmap = _blank(geometry.width + 2 * MARGIN, geometry.height + 2 * MARGIN, scale, ratio)

    def paint(painter: QPainter) -> None:
        painter.translate(MARGIN, MARGIN)
        paint_face(painter, face, geometry, style, selected)

    _on(pixmap, scale, paint)
    return pixmap


def _blank(width: float, height: float, scale: float, ratio: float) -> QPixmap:
    pixmap = QPixmap(max(round(width * scale * ratio), 1), max(round(height * scale * ratio), 1))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    return pixmap


def _on(pixmap: QPixmap, scale: float, paint: Callable[[QPainter], None]) -> None:
    painter = QPainter(pixmap)
    painter.scale(scale, scale)
    paint(painter)
    painter.end()


def _same(known: object, mark: object) -> bool:
    # Pictures are compared by identity: comparing their arrays would cost more than drawing them.
    return known is mark or (isinstance(known, tuple) and known == mark)


def _size(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * 4
