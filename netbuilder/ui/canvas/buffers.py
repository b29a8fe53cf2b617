"""Hands numpy arrays to Qt's painter as a whole: one call for thousands of lines, with no Python object for each."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import shiboken6
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QPainter, QPolygonF

Floats = NDArray[np.float64]


def draw_points(painter: QPainter, points: Floats) -> None:
    """Draw points (n, 2)."""
    buffer = _packed(points)
    if len(buffer):
        painter.drawPoints(_wrap(buffer, QPointF), len(buffer))


def draw_lines(painter: QPainter, lines: Floats) -> None:
    """Draw separate lines (n, 4): both ends of each."""
    buffer = _packed(lines)
    if len(buffer):
        painter.drawLines(_wrap(buffer, QLineF), len(buffer))


def draw_rects(painter: QPainter, rects: Floats) -> None:
    """Draw rectangles (n, 4): x, y, width, height."""
    buffer = _packed(rects)
    if len(buffer):
        painter.drawRects(_wrap(buffer, QRectF), len(buffer))


def draw_polyline(painter: QPainter, points: Floats) -> None:
    """Draw one line through points (n, 2), with clean joints."""
    polygon = QPolygonF()
    polygon.resize(len(points))
    address: Any = polygon.data()
    memory: Any = cast("Any", shiboken6.VoidPtr)(address, len(points) * 16, True)  # the stub knows one argument
    np.frombuffer(memory, dtype=np.float64)[:] = points.ravel()
    painter.drawPolyline(polygon)


def _packed(values: Floats) -> Floats:
    return np.ascontiguousarray(values, dtype=np.float64)


def _wrap(buffer: Floats, kind: type[Any]) -> Any:
    # A view of the array's memory as Qt's own array: the caller holds the array until Qt has read it.
    return shiboken6.wrapInstance(buffer.ctypes.data, kind)
