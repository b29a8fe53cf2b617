"""Brackets that grow with what they hold."""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPainterPath

from netbuilder.ui.formula.box import Box, empty_box, pen_of, stroke_width


def bracket_box(sign: str, half: float, axis: float, size: float) -> Box:
    """Return a bracket that reaches `half` above and below the axis."""
    if not sign:
        return empty_box(0)
    width = size * 0.36

    def draw(painter: QPainter, x: float, y: float) -> None:
        outline = _outline(sign, width, half)
        outline.translate(x, y - axis)
        painter.strokePath(outline, pen_of(painter, stroke_width(size) * 1.1))

    return Box(width, half + axis, half - axis, draw)


def _outline(sign: str, width: float, half: float) -> QPainterPath:
    """Return a bracket as a line about (0, 0), at the left end of its width."""
    near, far = width * 0.25, width * 0.75
    path = QPainterPath()
    if sign in ")]}⌋⌉":
        mirrored = _outline({")": "(", "]": "[", "}": "{", "⌋": "⌊", "⌉": "⌈"}[sign], width, half)
        for index in range(mirrored.elementCount()):
            element = mirrored.elementAt(index)
            mirrored.setElementPositionAt(index, width - element.x, element.y)
        return mirrored
    if sign == "(":
        path.moveTo(far, -half)
        path.cubicTo(near * 0.6, -half * 0.55, near * 0.6, half * 0.55, far, half)
    elif sign == "{":
        middle, tip = width * 0.5, width * 0.1
        path.moveTo(far + width * 0.1, -half)
        path.cubicTo(middle, -half, middle, -half * 0.9, middle, -half * 0.6)
        path.cubicTo(middle, -half * 0.1, middle, 0, tip, 0)
        path.cubicTo(middle, 0, middle, half * 0.1, middle, half * 0.6)
        path.cubicTo(middle, half * 0.9, middle, half, far + width * 0.1, half)
    elif sign in "|‖":
        for x in (width / 2,) if sign == "|" else (near, far):
            path.moveTo(x, -half)
            path.lineTo(x, half)
    else:
        path.moveTo(far, -half if sign in "[⌈" else half)
        path.lineTo(near, -half if sign in "[⌈" else half)
        path.lineTo(near, half if sign in "[⌈" else -half)
        if sign == "[":
            path.lineTo(far, half)
    return path
