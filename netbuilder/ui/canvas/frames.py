"""Frames: titled, coloured rectangles behind nodes, with a note. Where their parts lie, and how they look."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from enum import Enum

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from netbuilder.document.model import Frame
from netbuilder.ui.canvas.arrays import CanvasArrays
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.notes import note_of
from netbuilder.ui.canvas.style import Style
from netbuilder.ui.theme import ui_font

COLORS: Mapping[str, str] = {
    "gray": "shape",
    "blue": "convolution",
    "violet": "linear",
    "teal": "data",
    "green": "regularization",
    "yellow": "mathematics",
    "orange": "activation",
    "red": "loss",
}
"""A frame's colour -> the category whose colour it is, so that it fits every theme."""

TITLE = 28.0
"""Height of the title's bar, in the scene."""

AROUND = 28.0
"""Room between a frame's sides and the nodes that it was drawn around."""

LEAST = (80.0, 56.0)
"""The smallest width and height."""

_TITLE_PIXELS = 20.0  # the title's bar is never lower on the screen
_BORDER = 5.0  # pixels from a side within which it is taken
_TEXT = 14.0  # pixels of the title at 100 %
_SMALLEST = 11.0  # pixels of the title when the network is far away
_NOTE = 0.35  # the zoom below which notes cannot be read, and are left out


class Part(Enum):
    """A part of a frame that can be taken; the value says which sides go along: left, top, right, bottom."""

    TITLE = (1, 1, 1, 1)
    LEFT = (1, 0, 0, 0)
    TOP = (0, 1, 0, 0)
    RIGHT = (0, 0, 1, 0)
    BOTTOM = (0, 0, 0, 1)
    TOP_LEFT = (1, 1, 0, 0)
    TOP_RIGHT = (0, 1, 1, 0)
    BOTTOM_RIGHT = (0, 0, 1, 1)
    BOTTOM_LEFT = (1, 0, 0, 1)
    NOTE = (0, 0, 0, 0)

    @property
    def cursor(self) -> Qt.CursorShape:
        """The pointer's shape over it."""
        left, top, right, bottom = self.value
        if self is Part.TITLE:
            return Qt.CursorShape.SizeAllCursor
        if self is Part.NOTE:
            return Qt.CursorShape.ArrowCursor
        if (left or right) and (top or bottom):
            is_falling = (left and top) or (right and bottom)
            return Qt.CursorShape.SizeFDiagCursor if is_falling else Qt.CursorShape.SizeBDiagCursor
        return Qt.CursorShape.SizeHorCursor if left or right else Qt.CursorShape.SizeVerCursor


_SIDES = {part.value: part for part in Part}


def rect_of(frame: Frame) -> QRectF:
    """Return a frame's rectangle in the scene."""
    return QRectF(frame.x, frame.y, frame.width, frame.height)


def title_rect(frame: Frame, zoom: float) -> QRectF:
    """Return where a frame's title is in the scene: inside, or above it from far away, where it stays readable."""
    if TITLE * zoom >= _TITLE_PIXELS * 0.6:
        return QRectF(frame.x, frame.y, frame.width, min(TITLE, frame.height / 2))
    height = _TITLE_PIXELS / zoom
    return QRectF(frame.x, frame.y - height, frame.width, height)


def part_at(frame: Frame, x: float, y: float, zoom: float) -> Part | None:
    """Return the part of a frame at a point of the scene; None where the point means what lies above it, or nothing."""
    rect, reach = rect_of(frame), _BORDER / zoom
    if title_rect(frame, zoom).adjusted(0, reach, 0, -reach).contains(x, y):
        return Part.TITLE
    if not rect.adjusted(-reach, -reach, reach, reach).contains(x, y):
        return None
    sides = (
        int(x <= rect.left() + reach),
        int(y <= rect.top() + reach),
        int(x >= rect.right() - reach),
        int(y >= rect.bottom() - reach),
    )
    if any(sides):
        return _SIDES.get(sides, Part.TITLE)
    return Part.NOTE if frame.note and zoom >= _NOTE and y <= _note_bottom(frame) else None


def frame_at(frames: Iterable[Frame], x: float, y: float, zoom: float) -> tuple[Frame, Part] | None:
    """Return the topmost frame that has a part at a point of the scene, and the part."""
    for frame in reversed(in_order(frames)):
        part = part_at(frame, x, y, zoom)
        if part is not None:
            return frame, part
    return None


def in_order(frames: Iterable[Frame]) -> list[Frame]:
    """Return frames as they are drawn: smaller ones above larger ones."""
    return sorted(frames, key=lambda frame: -frame.width * frame.height)


def nodes_inside(arrays: CanvasArrays, frame: Frame) -> list[str]:
    """Return the nodes that lie wholly in a frame, which it carries along."""
    rect = rect_of(frame)
    rows = arrays.nodes_in(rect.left(), rect.top(), rect.right(), rect.bottom())
    return [arrays.ids[row] for row in rows if rect.contains(QRectF(*arrays.rects[row].tolist()))]


def frames_inside(frames: Collection[Frame], frame: Frame) -> list[str]:
    """Return the other frames that lie wholly in a frame."""
    rect = rect_of(frame)
    return [other.id for other in frames if other.id != frame.id and rect.contains(rect_of(other))]


def around(rects: Iterable[QRectF], note: str = "") -> QRectF:
    """Return the rectangle of a frame around others, with room for its title and its note."""
    whole = QRectF()
    for rect in rects:
        whole = whole.united(rect)
    above = TITLE + AROUND / 2 + (note_of(note, whole.width() + 2 * AROUND).height() if note else 0.0)
    return whole.adjusted(-AROUND, -above, AROUND, AROUND)


def placed(frame: Frame, rect: QRectF) -> Frame:
    """Return a frame at another place, in another size; never smaller than `LEAST`."""
    width, height = max(rect.width(), LEAST[0]), max(rect.height(), LEAST[1])
    return replace(frame, x=round(rect.x()), y=round(rect.y()), width=round(width), height=round(height))


def paint_frames(
    painter: QPainter,
    frames: Iterable[Frame],
    area: QRectF,
    camera: Camera,
    style: Style,
    selected: Collection[str] = (),
) -> None:
    """Draw the frames that touch a rectangle of the canvas."""
    part = camera.scene_rect(area)
    for frame in in_order(frames):
        whole = rect_of(frame).united(title_rect(frame, camera.zoom))
        if part.intersects(whole.adjusted(-4, -4, 4, 4)):
            _paint(painter, frame, camera, style, frame.id in selected)


def _paint(painter: QPainter, frame: Frame, camera: Camera, style: Style, selected: bool) -> None:
    category = COLORS.get(frame.color, COLORS["gray"])
    rect = camera.view_rect(rect_of(frame))
    bar = camera.view_rect(title_rect(frame, camera.zoom))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(style.category(category, 0.09 if style.theme.is_dark else 0.10))
    painter.drawRoundedRect(rect, 8, 8)
    painter.save()
    painter.setClipRect(bar, Qt.ClipOperation.IntersectClip)
    painter.setBrush(style.category(category, 0.22))
    painter.drawRoundedRect(rect, 8, 8)
    painter.restore()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(style.color("accent") if selected else style.category(category, 0.55), 2 if selected else 1))
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
    _paint_title(painter, frame, bar, camera.zoom, style)
    if frame.note and camera.zoom >= _NOTE:
        _paint_note(painter, frame, rect, camera.zoom, style)


def _paint_title(painter: QPainter, frame: Frame, bar: QRectF, zoom: float, style: Style) -> None:
    font = ui_font(round(max(_TEXT * zoom, _SMALLEST)))
    font.setBold(True)
    box = bar.adjusted(10 * min(zoom, 1.0), 0, -10 * min(zoom, 1.0), 0)
    text = QFontMetricsF(font).elidedText(frame.title, Qt.TextElideMode.ElideRight, box.width())
    painter.setFont(font)
    painter.setPen(style.color("text"))
    painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def _paint_note(painter: QPainter, frame: Frame, rect: QRectF, zoom: float, style: Style) -> None:
    note = note_of(frame.note, frame.width)
    painter.save()
    painter.setClipRect(rect, Qt.ClipOperation.IntersectClip)
    painter.translate(rect.topLeft() + QPointF(0, TITLE * zoom))
    painter.scale(zoom, zoom)
    note.paint(painter, style)
    painter.restore()


def _note_bottom(frame: Frame) -> float:
    return min(frame.y + TITLE + note_of(frame.note, frame.width).height(), frame.y + frame.height)
