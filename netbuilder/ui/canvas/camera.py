"""The camera: which part of the scene the canvas shows, and how large."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF

SMALLEST, LARGEST = 0.02, 4.0


@dataclass(frozen=True, slots=True)
class Camera:
    """A view of the scene.

    Attributes:
        x: The scene's x at the canvas's left edge.
        y: The scene's y at its upper edge.
        zoom: Pixels a scene unit.
    """

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0

    def to_scene(self, point: QPointF) -> QPointF:
        """Return what lies in the scene at a point of the canvas."""
        return QPointF(point.x() / self.zoom + self.x, point.y() / self.zoom + self.y)

    def to_view(self, point: QPointF) -> QPointF:
        """Return where on the canvas a point of the scene lies."""
        return QPointF((point.x() - self.x) * self.zoom, (point.y() - self.y) * self.zoom)

    def scene_rect(self, rect: QRectF) -> QRectF:
        """Return the part of the scene in a rectangle of the canvas."""
        return QRectF(self.to_scene(rect.topLeft()), self.to_scene(rect.bottomRight()))

    def view_rect(self, rect: QRectF) -> QRectF:
        """Return where on the canvas a rectangle of the scene lies."""
        return QRectF(self.to_view(rect.topLeft()), self.to_view(rect.bottomRight()))

    def moved(self, dx: float, dy: float) -> Camera:
        """Return it with what it shows moved by so many pixels."""
        return replace(self, x=self.x - dx / self.zoom, y=self.y - dy / self.zoom)

    def zoomed(self, zoom: float, fixed: QPointF) -> Camera:
        """Return it at another zoom, with the scene at the canvas's point `fixed` staying there."""
        zoom = min(max(zoom, SMALLEST), LARGEST)
        at = self.to_scene(fixed)
        return Camera(at.x() - fixed.x() / zoom, at.y() - fixed.y() / zoom, zoom)

    def towards(self, other: Camera, part: float) -> Camera:
        """Return the camera at a part (0 to 1) of the way to another; zooming is even to the eye."""
        zoom = self.zoom * (other.zoom / self.zoom) ** part
        # Corners move as the visible width does: otherwise what is zoomed at drifts aside on the way.
        inverse, first, last = 1 / zoom, 1 / self.zoom, 1 / other.zoom
        share = part if abs(last - first) < 1e-9 else (inverse - first) / (last - first)
        return Camera(self.x + (other.x - self.x) * share, self.y + (other.y - self.y) * share, zoom)

    @classmethod
    def showing(cls, scene: QRectF, width: float, height: float, largest: float = 1.0, margin: float = 48.0) -> Camera:
        """Return the camera that shows `scene` in the middle of a canvas of that size, no larger than `largest`."""
        zoom = min(
            max(width - 2 * margin, 40.0) / max(scene.width(), 1.0),
            max(height - 2 * margin, 40.0) / max(scene.height(), 1.0),
            largest,
        )
        zoom = min(max(zoom, SMALLEST), LARGEST)
        middle = scene.center()
        return cls(middle.x() - width / 2 / zoom, middle.y() - height / 2 / zoom, zoom)
