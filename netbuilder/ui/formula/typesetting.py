"""Formulas laid out and drawn: boxes of a width, a height above the line and a depth below it.

After the rules of TeX, as far as they show at the sizes of a form: scripts shrink, fractions stand on the height of a
minus sign, operators and relations have room around them, brackets grow with what they hold.
"""

from __future__ import annotations

from typing import Final, assert_never

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPainterPath

from netbuilder.ui.formula.box import (
    SMALLEST,
    Box,
    axis_of,
    empty_box,
    metrics,
    pen_of,
    stroke,
    stroke_width,
    symbol_box,
)
from netbuilder.ui.formula.brackets import bracket_box
from netbuilder.ui.formula.latex import (
    Accent,
    Fenced,
    Fraction,
    Item,
    Role,
    Root,
    Row,
    Script,
    Space,
    Symbol,
    Table,
    roles_of,
)

_SHRINK: Final = 0.74


def lay_out(item: Item, size: float) -> Box:
    """Return a formula's box.

    Args:
        item: The tree, or a part of it.
        size: The height of its letters' font, in pixels.
    """
    match item:
        case Symbol():
            return symbol_box(item, size)
        case Space():
            return empty_box(item.width * size)
        case Row():
            return _row(item.items, size)
        case Script():
            return _script(item, size)
        case Fraction():
            return _fraction(item, size)
        case Root():
            return _root(item, size)
        case Accent():
            return _accent(item, size)
        case Fenced():
            return _fenced(item, size)
        case Table():
            return _table(item, size)
        case _:
            assert_never(item)


def _gap(before: Role, after: Role, size: float) -> float:
    """Return the room between two neighbours."""
    pair = {before, after}
    if Role.RELATION in pair:
        return 0.28 * size
    if Role.BINARY in pair:
        return 0.22 * size
    if before is Role.PUNCTUATION:
        return 0.18 * size
    if before is Role.OPERATOR and after in (Role.ORDINARY, Role.OPERATOR):
        return 0.17 * size
    if after is Role.OPERATOR and before in (Role.ORDINARY, Role.CLOSE):
        return 0.17 * size
    return 0.0


def _row(items: tuple[Item, ...], size: float) -> Box:
    boxes = [lay_out(item, size) for item in items]
    roles = roles_of(items)
    places: list[float] = []
    x = 0.0
    for index, box in enumerate(boxes):
        if index and not isinstance(items[index], Space) and not isinstance(items[index - 1], Space):
            x += _gap(roles[index - 1], roles[index], size)
        places.append(x)
        x += box.width

    def draw(painter: QPainter, left: float, y: float) -> None:
        for place, box in zip(places, boxes, strict=True):
            box.draw(painter, left + place, y)

    ascent = max((box.ascent for box in boxes), default=metrics(size).xHeight())
    return Box(x, ascent, max((box.descent for box in boxes), default=0.0), draw)


def _smaller(size: float) -> float:
    return max(size * _SHRINK, SMALLEST)


def _script(script: Script, size: float) -> Box:
    base = lay_out(script.base, size)
    small = _smaller(size)
    below = lay_out(script.below, small) if script.below else None
    above = lay_out(script.above, small) if script.above else None
    limits = isinstance(script.base, Symbol) and script.base.limits
    return _with_limits(base, below, above, size) if limits else _with_corners(base, below, above, size)


def _with_limits(base: Box, below: Box | None, above: Box | None, size: float) -> Box:
    gap = size * 0.14
    width = max(box.width for box in (base, below, above) if box)
    ascent = base.ascent + (gap + above.height if above else 0)
    descent = base.descent + (gap + below.height if below else 0)

    def draw(painter: QPainter, x: float, y: float) -> None:
        base.draw(painter, x + (width - base.width) / 2, y)
        if below:
            below.draw(painter, x + (width - below.width) / 2, y + base.descent + gap + below.ascent)
        if above:
            above.draw(painter, x + (width - above.width) / 2, y - base.ascent - gap - above.descent)

    return Box(width, ascent, descent, draw)


def _with_corners(base: Box, below: Box | None, above: Box | None, size: float) -> Box:
    drop = max(base.descent + size * 0.05, size * 0.18) if below else 0.0
    rise = max(base.ascent - size * 0.28, size * 0.36) if above else 0.0
    if below and above:  # kept apart
        rise += max(0.0, size * 0.12 - (rise - above.descent) - (drop - below.ascent))
    if below:
        drop = max(drop, below.ascent - size * 0.36)
    x0 = base.width + size * 0.05

    def draw(painter: QPainter, x: float, y: float) -> None:
        base.draw(painter, x, y)
        if below:
            below.draw(painter, x + x0, y + drop)
        if above:
            above.draw(painter, x + x0, y - rise)

    width = x0 + max(box.width for box in (below, above) if box) + size * 0.03
    ascent = max(base.ascent, rise + above.ascent if above else 0.0)
    return Box(width, ascent, max(base.descent, drop + below.descent if below else 0.0), draw)


def _fraction(fraction: Fraction, size: float) -> Box:
    inner = max(size * 0.92, SMALLEST)
    above, below = lay_out(fraction.above, inner), lay_out(fraction.below, inner)
    axis, gap, pad = axis_of(size), size * 0.2, size * 0.12
    width = max(above.width, below.width) + 2 * pad

    def draw(painter: QPainter, x: float, y: float) -> None:
        above.draw(painter, x + (width - above.width) / 2, y - axis - gap - above.descent)
        below.draw(painter, x + (width - below.width) / 2, y - axis + gap + below.ascent)
        stroke(painter, stroke_width(size), QPointF(x + pad / 2, y - axis), QPointF(x + width - pad / 2, y - axis))

    return Box(width, axis + gap + above.height, gap - axis + below.height, draw)


def _root(root: Root, size: float) -> Box:
    body = lay_out(root.body, size)
    gap, sign = size * 0.16, size * 0.55
    ascent = max(body.ascent, metrics(size).xHeight()) + gap
    descent = body.descent + size * 0.05

    def draw(painter: QPainter, x: float, y: float) -> None:
        height = ascent + descent
        points = (
            QPointF(x, y + descent - height * 0.42),
            QPointF(x + sign * 0.25, y + descent - height * 0.48),
            QPointF(x + sign * 0.55, y + descent),
            QPointF(x + sign, y - ascent),
            QPointF(x + sign + body.width + size * 0.1, y - ascent),
        )
        stroke(painter, stroke_width(size), *points)
        body.draw(painter, x + sign + size * 0.05, y)

    return Box(sign + body.width + size * 0.12, ascent + stroke_width(size), descent, draw)


def _accent(accent: Accent, size: float) -> Box:
    body = lay_out(accent.body, size)
    gap, rise = size * 0.12, size * 0.16

    def draw(painter: QPainter, x: float, y: float) -> None:
        body.draw(painter, x, y)
        top, middle = y - body.ascent - gap, x + body.width / 2 + (0 if accent.mark == "overline" else size * 0.06)
        half = body.width / 2 if accent.mark == "overline" else size * 0.2
        if accent.mark in ("bar", "overline"):
            stroke(painter, stroke_width(size), QPointF(middle - half, top), QPointF(middle + half, top))
        elif accent.mark == "hat":
            tip = QPointF(middle, top - rise)
            stroke(painter, stroke_width(size), QPointF(middle - half, top), tip, QPointF(middle + half, top))
        else:
            wave = QPainterPath(QPointF(middle - half, top))
            wave.cubicTo(middle - half / 2, top - rise * 2, middle + half / 2, top + rise, middle + half, top - rise)
            painter.strokePath(wave, pen_of(painter, stroke_width(size)))

    return Box(body.width, body.ascent + gap + rise, body.descent, draw)


def _fenced(fenced: Fenced, size: float) -> Box:
    body = lay_out(fenced.body, size)
    axis = axis_of(size)
    half = max(body.ascent - axis, body.descent + axis, size * 0.5) + size * 0.08
    left, right = bracket_box(fenced.left, half, axis, size), bracket_box(fenced.right, half, axis, size)

    def draw(painter: QPainter, x: float, y: float) -> None:
        left.draw(painter, x, y)
        body.draw(painter, x + left.width, y)
        right.draw(painter, x + left.width + body.width, y)

    ascent, descent = max(body.ascent, half + axis), max(body.descent, half - axis)
    return Box(left.width + body.width + right.width, ascent, descent, draw)


def _table(table: Table, size: float) -> Box:
    body = _cells(table, size)
    if table.kind != "cases":
        return body
    axis = axis_of(size)
    brace = bracket_box("{", max(body.ascent - axis, body.descent + axis), axis, size * 1.25)

    def draw(painter: QPainter, x: float, y: float) -> None:
        brace.draw(painter, x + size * 0.12, y)
        body.draw(painter, x + brace.width + size * 0.22, y)

    return Box(brace.width + size * 0.22 + body.width, body.ascent, body.descent, draw)


def _cells(table: Table, size: float) -> Box:
    """Return a table without its bracket, its middle on the axis."""
    rows = [[lay_out(cell, size) for cell in row] for row in table.rows]
    columns = max(map(len, rows))
    widths = [max((row[column].width for row in rows if column < len(row)), default=0.0) for column in range(columns)]
    between = {"cases": size, "aligned": size * 0.28, "matrix": size * 0.8}[table.kind]
    starts = [sum(widths[:column]) + between * column for column in range(columns)]
    ascents = [max(max(box.ascent for box in row), metrics(size).capHeight()) for row in rows]
    descents = [max(max(box.descent for box in row), size * 0.1) for row in rows]
    height = sum(ascents) + sum(descents) + size * 0.4 * (len(rows) - 1)
    top = height / 2 + axis_of(size)

    def draw(painter: QPainter, x: float, y: float) -> None:
        line = y - top
        for row, ascent, descent in zip(rows, ascents, descents, strict=True):
            line += ascent
            for column, box in enumerate(row):
                slack = widths[column] - box.width
                shift = slack * _ALIGNED[table.kind, column % 2]
                box.draw(painter, x + starts[column] + shift, line)
            line += descent + size * 0.4

    return Box(starts[-1] + widths[-1], top, height - top, draw)


_ALIGNED: Final = {
    ("cases", 0): 0.0, ("cases", 1): 0.0, ("aligned", 0): 1.0, ("aligned", 1): 0.0,
    ("matrix", 0): 0.5, ("matrix", 1): 0.5,
}  # fmt: skip
"""How much of the room beside a cell is on its left, by the table's kind and the column."""
