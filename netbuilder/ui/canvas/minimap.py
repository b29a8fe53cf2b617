"""The minimap: the whole network in the canvas's corner, drawn from the arrays at most 10 times a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.drawing import paint_cards
from netbuilder.ui.canvas.frames import COLORS, in_order, rect_of

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

_SIZE = QSize(150, 84)
_MARGIN = 12
_PAD = 6.0
_INTERVAL = 100  # milliseconds


class Minimap(QWidget):
    """Shows and moves the view; hidden on a small canvas, and where it would only cover what can be seen anyway."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._timer = QTimer(self, singleShot=True, interval=_INTERVAL)
        self._timer.timeout.connect(self.refresh)
        self.setFixedSize(_SIZE)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Overview")
        view.moved.connect(self._ask)

    def settle(self) -> None:
        """Take the place in the lower right corner."""
        parent = self._view.size()
        self.move(parent.width() - self.width() - _MARGIN, parent.height() - self.height() - _MARGIN)

    def _ask(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def refresh(self) -> None:
        """Appear where there is room and need, and draw what the network looks like now."""
        wanted = self._view.workspace.preferences.get("show_minimap")
        room = self._view.width() > 4 * self.width() and self._view.height() > 4 * self.height()
        self.setVisible(bool(wanted) and room and bool(self._view.content.faces) and not self._is_in_the_way())
        self.update()

    def _is_in_the_way(self) -> bool:
        """Return whether it would cover nodes of a network that is in view as a whole, and so needs no overview."""
        arrays, camera = self._view.content.arrays, self._view.camera
        bounds = self._view.content.bounds()
        if bounds is None:
            return False
        left, top, right, bottom = bounds
        shown, covered = camera.scene_rect(QRectF(self._view.rect())), camera.scene_rect(QRectF(self.geometry()))
        is_whole = shown.contains(QRectF(left, top, right - left, bottom - top))
        return is_whole and len(arrays.nodes_in(covered.left(), covered.top(), covered.right(), covered.bottom())) > 0

    def lens(self) -> Camera:
        """Return the camera that shows the network, and where the canvas is, in this widget."""
        shown = self._view.camera.scene_rect(QRectF(self._view.rect()))
        bounds = self._view.content.bounds()
        if bounds is not None:
            left, top, right, bottom = bounds
            network = QRectF(left, top, right - left, bottom - top)
            # The view counts only as far as it is near the network: far away it must not shrink everything to a dot.
            around = network.adjusted(-network.width(), -network.height(), network.width(), network.height())
            shown = network.united(shown.intersected(around))
        return Camera.showing(shown, self.width(), self.height(), largest=0.2, margin=_PAD)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw nodes as cards, and a frame around what the canvas shows."""
        painter = QPainter(self)
        try:
            self._paint(painter)
        finally:
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        style, content = self._view.style_, self._view.content
        painter.setPen(QPen(style.color("node_border"), 1))
        painter.setBrush(style.color("panel", 0.92))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        lens = self.lens()
        painter.setClipRect(QRectF(self.rect()).adjusted(2, 2, -2, -2))
        for frame in in_order(content.frames.values()):
            color = COLORS.get(frame.color, COLORS["gray"])
            painter.fillRect(lens.view_rect(rect_of(frame)), style.category(color, 0.25))
        paint_cards(painter, content, np.arange(len(content.arrays.ids)), lens, style)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(style.color("accent"), 1.2))
        painter.setBrush(style.color("accent", 0.06))
        shown = lens.view_rect(self._view.camera.scene_rect(QRectF(self._view.rect())))
        painter.drawRect(shown.intersected(QRectF(self.rect()).adjusted(2.5, 2.5, -2.5, -2.5)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Show what was clicked."""
        self._show(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the view along."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._show(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Keep it from the canvas."""
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Keep it from the canvas."""
        event.accept()

    def _show(self, event: QMouseEvent) -> None:
        at = self.lens().to_scene(QPointF(event.position()))
        camera, view = self._view.camera, self._view
        half = QPointF(view.width() / 2 / camera.zoom, view.height() / 2 / camera.zoom)
        view.set_camera(Camera(at.x() - half.x(), at.y() - half.y(), camera.zoom))
        event.accept()
