"""The viewport: a widget that shows a content through a camera. What is edited and how is `view`'s business."""

from __future__ import annotations

from collections.abc import Collection
from time import perf_counter

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QWidget

from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.drawing import Marks, paint_dots, paint_hint, paint_wires
from netbuilder.ui.canvas.faces import Declarations
from netbuilder.ui.canvas.live import LivePictures
from netbuilder.ui.canvas.nodes import NodeLayer, Scene
from netbuilder.ui.canvas.style import Style
from netbuilder.ui.theme import Theme

FADE = 0.12
"""Seconds a new node takes to appear."""

_SETTLE = 90  # milliseconds without zooming after which faces are drawn anew for the zoom reached
_STEP = 1.2
_MARGIN = 28.0  # pixels around the network when all of it is shown


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
        live: The pictures on nodes.
    """

    zoomChanged = Signal(float)
    moved = Signal()

    def __init__(self, theme: Theme, declarations: Declarations, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.style_ = Style(theme)
        self.content = Content(declarations)
        self.camera = Camera()
        self.selection: frozenset[str] = frozenset()
        self.live = LivePictures()
        self._layer = NodeLayer()
        self._scale = 1.0
        self._was_sized = False
        self._born: dict[str, float] = {}
        self._settle = QTimer(self, singleShot=True, interval=_SETTLE)
        self._settle.timeout.connect(self._sharpen)
        self._again = QTimer(self, singleShot=True, interval=0)
        self._again.timeout.connect(lambda: self.update())
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(240, 160)

    def set_theme(self, theme: Theme) -> None:
        """Wear another look."""
        self.style_ = Style(theme)
        self.moved.emit()
        self.update()

    # Painting ------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is exposed."""
        painter = QPainter(self)
        try:
            self._paint(painter, QRectF(event.rect()))
        finally:
            painter.end()  # a painter left open by an error would take the whole process down

    def _paint(self, painter: QPainter, area: QRectF) -> None:
        painter.fillRect(area, self.style_.color("canvas"))
        paint_dots(painter, area, self.camera, self.style_)
        if not self.content.faces:
            line = "or open a template from the start page"
            paint_hint(painter, QRectF(self.rect()), self.style_, "Press Tab or drag a layer here", line)
        paint_wires(painter, self.content, area, self.camera, self.style_, self.marks())
        if not self._layer.paint(painter, self._scene(), area):
            self._again.start()
        self.paint_overlay(painter)

    def marks(self) -> Marks:
        """Return the links that are drawn otherwise."""
        return Marks()

    def faded(self) -> frozenset[str]:
        """Return the nodes that step back."""
        return frozenset()

    def paint_overlay(self, painter: QPainter) -> None:
        """Draw what lies above everything, in pixels."""

    def forget_drawn(self) -> None:
        """Forget cached faces: everything is new."""
        self._layer.clear()
        self._born.clear()

    def welcome(self, nodes: Collection[str]) -> None:
        """Let new nodes appear."""
        self._born.update(dict.fromkeys(nodes, perf_counter()))

    def is_welcoming(self) -> bool:
        """Return whether a node is still appearing."""
        now = perf_counter()
        self._born = {node: born for node, born in self._born.items() if now - born < FADE}
        return bool(self._born)

    def update_pictures(self, nodes: Collection[str]) -> None:
        """Repaint the pictures of these nodes, where they are in view, and nothing else."""
        region = QRegion()
        for node in nodes:
            box = self.content.geometry(node).picture
            if box is not None:
                x, y, _, _ = self.content.arrays.rect(node)
                region += self._pixels(QRectF(x + box.x, y + box.y, box.width, box.height))
        self.update(region & QRegion(self.rect()))

    def _pixels(self, scene: QRectF) -> QRect:
        return self.camera.view_rect(scene).toAlignedRect().adjusted(-2, -2, 2, 2)

    def _scene(self) -> Scene:
        now = perf_counter()
        fades = {node: min(max((now - born) / FADE, 0.05), 1.0) for node, born in self._born.items()}
        fades.update(dict.fromkeys(self.faded(), 0.35))
        return Scene(
            content=self.content,
            camera=self.camera,
            style=self.style_,
            ratio=self.devicePixelRatioF(),
            scale=self._scale,
            selection=self.selection,
            live=self.live.pictures,
            fades=fades,
        )

    # The camera ----------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the whole network once there is a size, and keep the middle where it is at later ones."""
        old, new = event.oldSize(), event.size()
        if not self._was_sized or not old.isValid():
            self._was_sized = True
            self.fit_all()
        else:
            dx, dy = (new.width() - old.width()) / 2, (new.height() - old.height()) / 2
            self.set_camera(self.camera.moved(dx, dy))

    def set_camera(self, camera: Camera) -> None:
        """Show another part of the scene."""
        zoomed = camera.zoom != self.camera.zoom
        self.camera = camera
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

    def zoom_reset(self) -> None:
        """Show nodes in their true size."""
        self.zoom_to(1.0)

    def fit_all(self) -> None:
        """Show the whole network."""
        self._fit(None)

    def fit_selection(self) -> None:
        """Show the selected nodes; all, when none is selected."""
        self._fit(self.selection or None)

    def _fit(self, nodes: Collection[str] | None) -> None:
        arrays = self.content.arrays
        bounds = arrays.bounds(None if nodes is None else arrays.rows(nodes))
        if bounds is None:
            self.set_camera(Camera(-self.width() / 2, -self.height() / 2))
        else:
            left, top, right, bottom = bounds
            scene = QRectF(left, top, right - left, bottom - top)
            self.set_camera(Camera.showing(scene, self.width(), self.height(), margin=_MARGIN))
        self._sharpen()

    def reveal(self, node: str) -> None:
        """Bring a node into view, if it is not there already."""
        if node not in self.content.arrays:
            return
        rect = QRectF(*self.content.arrays.rect(node))
        if not self.camera.scene_rect(QRectF(self.rect())).contains(rect):
            middle, zoom = rect.center(), max(self.camera.zoom, 0.6)
            self.set_camera(Camera(middle.x() - self.width() / 2 / zoom, middle.y() - self.height() / 2 / zoom, zoom))

    def to_view(self, x: float, y: float) -> QPointF:
        """Return where on the widget a point of the scene lies."""
        return self.camera.to_view(QPointF(x, y))

    def port_point(self, node: str, port: str, is_input: bool) -> QPointF:
        """Return where on the widget a port lies."""
        return self.to_view(*self.content.port_place(PortRef(node, port), is_input))

    def node_rect(self, node: str) -> QRectF:
        """Return where on the widget a node lies."""
        return self.camera.view_rect(QRectF(*self.content.arrays.rect(node)))
