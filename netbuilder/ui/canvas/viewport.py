"""The viewport: a widget that shows a content through a camera. What is edited and how is `view`'s business."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import floor
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QWidget

from netbuilder.document.model import Frame, PortRef
from netbuilder.ui.canvas.arrays import Floats, Rows
from netbuilder.ui.canvas.backing import Backing, Paint
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.drawing import CROWD, FAR, MANY, Course, Marks, paint_dots, paint_hint, paint_wires
from netbuilder.ui.canvas.faces import Declarations
from netbuilder.ui.canvas.frames import paint_frames
from netbuilder.ui.canvas.geometry import MARGIN
from netbuilder.ui.canvas.live import UNMEASURED, LivePictures
from netbuilder.ui.canvas.nodes import BUDGET, NodeLayer, Scene, is_behind_a_node
from netbuilder.ui.canvas.routing import STEPS
from netbuilder.ui.canvas.style import Style
from netbuilder.ui.canvas.waypoints import paint_points
from netbuilder.ui.theme import Theme

if TYPE_CHECKING:
    from netbuilder.ui.canvas.flow import Flow

FADE = 0.12
"""Seconds a new node takes to appear."""

READABLE = 0.65
"""The smallest zoom at which a network is opened: its words can still be read."""

SOME = 64
"""Nodes or links; when more change, everything is painted again."""

_PIECES = np.arange(0, STEPS, STEPS // 4)[:, None] + np.arange(STEPS // 4 + 1)
"""The points of the pieces of a link that have a rectangle each when it is painted again."""

_WAYS = 0.004  # seconds a frame in which ways around nodes are found
_FIRST_WAYS = 0.03  # of the first frame of a network: it should not be seen settling
_BREATH = 8  # milliseconds until the frame that goes on with that

_SETTLE = 90  # milliseconds without zooming after which faces are drawn anew for the zoom reached
_STEP = 1.2
_BORDER = 18.0  # pixels around the network when all of it is shown


class Viewport(QWidget):
    """Paints a content and moves about in it.

    Signals:
        zoomChanged: (float) pixels a scene unit: 1.0 is 100 %.
        moved: () the camera shows another part.

    Attributes:
        content: Faces and places of what is shown.
        camera: Which part of the scene is shown.
        style_: The colours; `style` is Qt's.
        selection: The nodes drawn as selected.
        selected_frames: The frames drawn as selected.
        live: The pictures on nodes.
        inset: Pixels at the top that something else covers.
        is_opening: Whether the user has not moved about yet, so that the view follows the widget's size.
        has_dots: Whether the grid is drawn.
    """

    zoomChanged = Signal(float)
    moved = Signal()

    def __init__(self, theme: Theme, declarations: Declarations, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.style_ = Style(theme)
        self.content = Content(declarations)
        self.camera = Camera()
        self.selection: frozenset[str] = frozenset()
        self.selected_frames: frozenset[str] = frozenset()
        self._carried: dict[str, Frame] = {}
        self.live = LivePictures()
        self.inset = 0
        self.has_dots = True
        self._layer = NodeLayer()
        self._backing = Backing()
        self._chosen: tuple[list[str], frozenset[str], NDArray[np.bool_]] = ([], frozenset(), np.empty(0, dtype=bool))
        self._detail = (False, Course.FAST)
        self._scale = 1.0
        self.is_opening = True
        self._born: dict[str, float] = {}
        self._settle = QTimer(self, singleShot=True, interval=_SETTLE)
        self._settle.timeout.connect(self._sharpen)
        self._again = QTimer(self, singleShot=True, interval=0)
        self._again.timeout.connect(lambda: self.update())
        self._patience = _FIRST_WAYS
        self._ways = QTimer(self, singleShot=True, interval=_BREATH)
        self._ways.timeout.connect(lambda: self.update())
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(240, 160)

    def set_theme(self, theme: Theme) -> None:
        """Wear another look."""
        self.style_ = Style(theme)
        self.moved.emit()
        self.update()

    # Painting ------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bring the backing up to date and copy what is exposed; what a gesture shows comes on top."""
        self._detail = self._are_cards(), self._course()
        self._align()
        if not self._ways.isActive():
            self._find_ways()
        if self._backing.is_stale and not self._backing.repair(self._painter_of_parts()):
            self._again.start()
        painter = QPainter(self)
        try:
            self._backing.show(painter, event.region())
            if self.invites():
                line = "or open a template from the start page: Ctrl+Shift+N"
                paint_hint(painter, QRectF(self.rect()), self.style_, "Press Tab or drag a layer here", line)
            self.paint_overlay(painter)
        finally:
            painter.end()  # a painter left open by an error would take the whole process down

    def _find_ways(self) -> None:
        """Find ways for some links in view, and paint those again that run otherwise; later frames find the rest."""
        arrays, is_far, until = self.content.arrays, self._detail[1] is Course.STRAIGHT, perf_counter() + self._patience
        self._patience = _WAYS
        changed, is_done = arrays.find_ways(self.shown_area(), until, only_back=is_far)
        if len(changed):
            self._renew_curves(changed)
        if not is_done:
            self.put_ways_off()

    def put_ways_off(self) -> None:
        """Leave ways around nodes to the next frame: this one has enough to do."""
        self._ways.start()

    def _painter_of_parts(self) -> Paint:
        scene, course, marks = self._scene(), self._detail[1], self.marks()
        frames = list({**self.content.frames, **self._carried}.values())

        def paint(painter: QPainter, area: QRectF) -> bool:
            if not is_behind_a_node(scene, area):
                painter.fillRect(area, self.style_.color("canvas"))
                if self.has_dots:
                    paint_dots(painter, area, scene.camera, self.style_)
                paint_frames(painter, frames, area, scene.camera, self.style_, self.selected_frames)
                paint_wires(painter, self.content, area, scene.camera, self.style_, marks, course)
                if not scene.are_cards:
                    paint_points(painter, self.content.arrays, area, scene.camera, self.style_)
            return self._layer.paint(painter, scene, area)

        return paint

    def _align(self) -> None:
        """Bring the backing to where the camera is."""
        ratio = self.devicePixelRatioF()
        look = (self.camera.zoom, self._scale, ratio, self.style_.name, *self._detail)
        self._backing.bring(self.size(), ratio, look, self._origin())

    def _origin(self) -> tuple[int, int]:
        """Return the scene's point in the upper left corner, in whole physical pixels: so that panning scrolls."""
        pixels = self.camera.zoom * self.devicePixelRatioF()
        return floor(self.camera.x * pixels + 0.5), floor(self.camera.y * pixels + 0.5)

    def _are_cards(self) -> bool:
        """Return whether nodes are too small, or too many, to be drawn as more than plain cards."""
        if self.camera.zoom < FAR:
            return True
        arrays = self.content.arrays
        return len(arrays.ids) > CROWD and len(arrays.nodes_in(*self.shown_area())) > CROWD

    def port_near(self, x: float, y: float, reach: float) -> tuple[PortRef, bool] | None:
        """Return the nearest port within `reach` of a point of the scene, and whether it is an input.

        Plain cards show no ports: there a press means the node, which would be all within reach of its ports.
        """
        return None if self._are_cards() else self.content.port_at(x, y, reach)

    def _course(self) -> Course:
        """Return how links are drawn."""
        most = MANY if self.camera.zoom < FAR else 4 * CROWD
        arrays = self.content.arrays
        is_far = len(arrays.wires) > most and len(arrays.edges_in(*self.shown_area())) > most
        return Course.STRAIGHT if is_far else Course.FAST

    def shown_area(self) -> tuple[float, float, float, float]:
        """Return the part of the scene that is shown: left, top, right, bottom."""
        area = self.camera.scene_rect(QRectF(self.rect()))
        return area.left(), area.top(), area.right(), area.bottom()

    def renew(self) -> None:
        """Paint everything again."""
        self._backing.spoil()
        self.update()

    def show_frames(self, frames: Mapping[str, Frame]) -> None:
        """Draw frames where a drag has carried them, by id; the document does not know yet."""
        if frames or self._carried:
            self._carried = dict(frames)
            self.renew()

    def renew_nodes(self, nodes: Collection[str]) -> None:
        """Paint some nodes again."""
        if len(nodes) > SOME:
            self.renew()
            return
        arrays = self.content.arrays
        rects = arrays.rects[arrays.rows(nodes)]
        boxes = np.concatenate([rects[:, :2], rects[:, :2] + rects[:, 2:]], axis=1)
        self._renew(boxes, max(MARGIN * self.camera.zoom, 3.0))

    def renew_links(self, rows: Rows) -> None:
        """Paint some links again, by their rows in the arrays."""
        if len(rows) > SOME:
            self.renew()
            return
        self._renew_curves(self.content.arrays.curves_of(rows))

    def _renew_curves(self, curves: Floats) -> None:
        """Paint again where these curves (k, STEPS + 1, 2) are."""
        if len(curves) > 2 * SOME:
            self.renew()
            return
        pieces = curves[:, _PIECES].reshape(-1, _PIECES.shape[1], 2)
        self._renew(np.concatenate([pieces.min(axis=1), pieces.max(axis=1)], axis=1), 10.0)

    def _renew(self, boxes: Floats, around: float) -> None:
        """Paint boxes (n, 4) of the scene again, each with so many pixels around it."""
        self._align()
        boxes = (boxes - np.array([self.camera.x, self.camera.y] * 2)) * self.camera.zoom
        boxes += np.array([-around, -around, around, around])
        np.clip(boxes, 0, np.array([self.width(), self.height()] * 2), out=boxes)
        region = QRegion()
        for left, top, right, bottom in boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)].tolist():
            area = QRectF(left, top, right - left, bottom - top)
            self._backing.spoil(area)
            region += area.toAlignedRect()
        self.update(region)

    def marks(self) -> Marks:
        """Return the links that are drawn otherwise."""
        return Marks()

    def invites(self) -> bool:
        """Return whether to write what an empty canvas is for."""
        return not self.content.faces and not self.content.frames

    def faded(self) -> frozenset[str]:
        """Return the nodes that step back."""
        return frozenset()

    def paint_overlay(self, painter: QPainter) -> None:
        """Draw what lies above everything, in pixels."""

    def forget_drawn(self) -> None:
        """Forget cached faces: everything is new."""
        self._layer.clear()
        self._born.clear()
        self._patience = _FIRST_WAYS
        self._ways.stop()
        self.renew()

    def welcome(self, nodes: Collection[str]) -> None:
        """Let new nodes appear."""
        self._born.update(dict.fromkeys(nodes, perf_counter()))

    def go_on_welcoming(self) -> bool:
        """Repaint the nodes that are appearing; returns whether one still is."""
        if not self._born:
            return False
        self.renew_nodes(self._born)
        now = perf_counter()
        self._born = {node: born for node, born in self._born.items() if now - born < FADE}
        return bool(self._born)

    def update_pictures(self, nodes: Collection[str]) -> None:
        """Repaint the pictures and meters of these nodes, where they are in view, and nothing else."""
        boxes = []
        for node in nodes:
            geometry = self.content.geometry(node)
            x, y, _, _ = self.content.arrays.rect(node)
            for box in (geometry.picture, geometry.meter if node in self.live.dead else None):
                if box is not None:
                    boxes.append((x + box.x, y + box.y, x + box.x + box.width, y + box.y + box.height))
        self._renew(np.array(boxes, dtype=np.float64).reshape(-1, 4), 2.0)

    def renew_flow(self, before: Flow | None) -> None:
        """Paint the links again whose gradient is another than before, and what explains the colours."""
        flow, arrays = self.live.flow, self.content.arrays
        if flow is before:
            return
        old = before.levels(arrays) if before is not None else UNMEASURED
        new = flow.levels(arrays) if flow is not None else UNMEASURED
        self.renew_links(np.flatnonzero(np.broadcast_to(old != new, len(arrays.wires))))
        self.update()

    def faces_in_view(self) -> list[str]:
        """Return the nodes in view; none where they are drawn as plain cards."""
        if self._are_cards():
            return []
        arrays = self.content.arrays
        return [arrays.ids[row] for row in arrays.nodes_in(*self.shown_area())]

    def _scene(self) -> Scene:
        now = perf_counter()
        fades = {node: min(max((now - born) / FADE, 0.05), 1.0) for node, born in self._born.items()}
        fades.update(dict.fromkeys(self.faded(), 0.35))
        pixels, (x, y) = self.camera.zoom * self.devicePixelRatioF(), self._origin()
        return Scene(
            content=self.content,
            camera=Camera(x / pixels, y / pixels, self.camera.zoom),
            style=self.style_,
            ratio=self.devicePixelRatioF(),
            scale=self._scale,
            selection=self.selection,
            live=self.live.pictures,
            dead=self.live.dead,
            heat=self.live.heat,
            fades=fades,
            selected=self._selected_rows(),
            are_cards=self._detail[0],
            until=now + BUDGET,
        )

    def _selected_rows(self) -> NDArray[np.bool_]:
        """Return by row whether a node is selected; kept, since looking thousands of ids up costs half a frame."""
        ids, selection, _ = self._chosen
        arrays = self.content.arrays
        if ids is not arrays.ids or selection is not self.selection:
            marked = np.zeros(len(arrays.ids), dtype=bool)
            marked[arrays.rows(self.selection)] = True
            self._chosen = (arrays.ids, self.selection, marked)
        return self._chosen[2]

    # The camera ----------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the network until the user has moved about in it; from then on keep the middle where it is."""
        old, new = event.oldSize(), event.size()
        if self.is_opening or not old.isValid():
            self.fit_opening()
        else:
            dx, dy = (new.width() - old.width()) / 2, (new.height() - old.height()) / 2
            self.set_camera(self.camera.moved(dx, dy))

    def set_camera(self, camera: Camera) -> None:
        """Show another part of the scene."""
        zoomed = camera.zoom != self.camera.zoom
        self.camera = camera
        self.is_opening = False
        if zoomed:
            if not 0.5 <= camera.zoom / self._scale <= 2.0:
                self._scale = camera.zoom
            self._settle.start()
            self.zoomChanged.emit(camera.zoom)
        self.moved.emit()
        self.update()

    def _sharpen(self) -> None:
        self._scale = self.camera.zoom
        self.update()

    def zoom_to(self, zoom: float, fixed: QPointF | None = None) -> None:
        """Zoom, keeping what is at `fixed` (the middle, by default) where it is."""
        self.set_camera(self.camera.zoomed(zoom, fixed if fixed is not None else QRectF(self.rect()).center()))

    def zoom_in(self) -> None:
        """Zoom in by one step."""
        self.zoom_to(self.camera.zoom * _STEP)

    def zoom_out(self) -> None:
        """Zoom out by one step."""
        self.zoom_to(self.camera.zoom / _STEP)

    def fit_opening(self) -> None:
        """Show a network that was just opened: whole if its words can be read then, else its beginning."""
        self.fit_all()
        bounds = self.content.bounds()
        if bounds is not None and self.camera.zoom < READABLE:
            left, top, right, bottom = bounds
            x, y = left - _BORDER / READABLE, top - (_BORDER + self.inset) / READABLE
            width, height = self.width() / READABLE, self.height() / READABLE
            if right - left + 2 * _BORDER / READABLE <= width:
                x = (left + right - width) / 2
            if bottom - top + 2 * _BORDER / READABLE <= height:
                y = (top + bottom - height) / 2
            self.set_camera(Camera(x, y, READABLE))
            self._sharpen()
        self.is_opening = True

    def fit_all(self) -> None:
        """Show the whole network."""
        self.show_sharp(self.fitted(None))

    def fit_selection(self) -> None:
        """Show the selected nodes; all, when none is selected."""
        self.show_sharp(self.fitted(self.selection or None))

    def fitted(self, nodes: Collection[str] | None) -> Camera:
        """Return the camera that shows these nodes; None is for all, with the frames around them."""
        arrays = self.content.arrays
        bounds = self.content.bounds() if nodes is None else arrays.bounds(arrays.rows(nodes))
        if bounds is None:
            return Camera(-self.width() / 2, -self.height() / 2)
        left, top, right, bottom = bounds
        scene = QRectF(left, top, right - left, bottom - top)
        camera = Camera.showing(scene, self.width(), self.height() - self.inset, margin=_BORDER)
        return camera.moved(0, self.inset)

    def show_sharp(self, camera: Camera) -> None:
        """Show another part of the scene, its faces drawn for the new zoom at once."""
        self.set_camera(camera)
        self._sharpen()

    def reveal(self, id: str) -> None:
        """Bring a node or a frame into view, if it is not there already."""
        frame = self.content.frames.get(id)
        if frame is not None:
            rect = QRectF(frame.x, frame.y, frame.width, frame.height)
        elif id in self.content.arrays:
            rect = QRectF(*self.content.arrays.rect(id))
        else:
            return
        if not self.camera.scene_rect(QRectF(self.rect())).contains(rect):
            middle, zoom = rect.center(), max(self.camera.zoom, 0.6)
            self.set_camera(Camera(middle.x() - self.width() / 2 / zoom, middle.y() - self.height() / 2 / zoom, zoom))

    def to_view(self, x: float, y: float) -> QPointF:
        """Return where on the widget a point of the scene lies."""
        return self.camera.to_view(QPointF(x, y))

    def port_point(self, node: str, port: str, is_input: bool) -> QPointF:
        """Return where on the widget a port lies."""
        return self.to_view(*self.content.port_place(PortRef(node, port), is_input))

    def link_point(self, target: PortRef) -> QPointF:
        """Return where on the widget the middle of a link lies."""
        row = self.content.arrays.edge_row(target)
        assert row is not None, "a link of the graph in sight has a way"
        x, y = self.content.arrays.curves_of(np.array([row]))[0, STEPS // 2]
        return self.to_view(float(x), float(y))

    def node_rect(self, node: str) -> QRectF:
        """Return where on the widget a node lies."""
        return self.camera.view_rect(QRectF(*self.content.arrays.rect(node)))
