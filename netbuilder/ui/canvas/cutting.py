"""The knife: a line drawn across links removes them all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.arrays import Floats
from netbuilder.ui.canvas.gestures import Gesture, Pointer

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView


class CutLinks(Gesture):
    """Removes the links that the pointer crosses: marked at once, removed at release as one undo entry."""

    pans = True
    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, view: CanvasView, start: Pointer) -> None:
        super().__init__(view, start)
        self._line = [start.scene]
        self._cut: frozenset[PortRef] = frozenset()

    def move(self, pointer: Pointer) -> None:
        """Cut on, from where the knife was last."""
        before, after = self._line[-1], pointer.scene
        self._line.append(after)
        arrays = self.view.content.arrays
        left, right = sorted((before.x(), after.x()))
        top, bottom = sorted((before.y(), after.y()))
        rows = arrays.edges_in(left, top, right, bottom)
        knife = np.array([[before.x(), before.y()], [after.x(), after.y()]])
        crossed = rows[_crosses(arrays.curves_of(rows), knife)] if len(rows) else rows
        self._cut |= {arrays.wires[row].target for row in crossed}
        self.view.show_cut(self._cut)
        self.view.update()

    def finish(self, pointer: Pointer) -> None:
        """Remove what was crossed."""
        self.move(pointer)
        cut, self._cut = self._cut, frozenset()
        self.view.show_cut(frozenset())
        if cut:
            self.view.commands.disconnect(cut)

    def cancel(self) -> None:
        """Leave the links."""
        self.view.show_cut(frozenset())

    def paint(self, painter: QPainter) -> None:
        """Draw the knife's way."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.view.style_.color("bad"), 1.6, Qt.PenStyle.DashLine))
        points: list[QPointF] = [self.view.camera.to_view(point) for point in self._line]
        painter.drawPolyline(QPolygonF(points))


def _crosses(curves: Floats, knife: Floats) -> NDArray[np.bool_]:
    """Return which polylines (m, points, 2) a segment (2, 2) crosses: each has its ends on both sides of the other."""
    start, end = knife
    a, b = curves[:, :-1], curves[:, 1:]
    sides = _side(start, end, a) * _side(start, end, b) <= 0
    others = _side(a, b, start) * _side(a, b, end) <= 0
    return np.asarray(np.any(sides & others, axis=1))


def _side(start: Floats, end: Floats, point: Floats) -> Floats:
    """Return on which side of a line a point lies: the sign of the cross product."""
    along, to = end - start, point - start
    return along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0]
