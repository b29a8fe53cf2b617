"""Formulas broken into lines where there is little room."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from PySide6.QtGui import QPainter

from netbuilder.ui.formula.box import SMALLEST, Box
from netbuilder.ui.formula.latex import Item, Role, Row, Space, Symbol, roles_of
from netbuilder.ui.formula.typesetting import lay_out


def lay_out_lines(row: Row, size: float, width: float) -> Box:
    """Return a formula's box, broken into lines where it would be wider than `width`, and shrunk if that helps none.

    A line ends at a quad; else before a relation, a plus or a minus that stands in no bracket.

    Args:
        row: The formula.
        size: The height of its letters' font, in pixels.
        width: The room, in pixels. A formula that is wider even in the smallest letters keeps its width.
    """
    whole = lay_out(row, size)
    if whole.width <= width:
        return whole
    parts = list(_parts(row))
    box = _stack([lay_out(part, size) for part in parts], size)
    if box.width > width:
        box = _stack([line for part in parts for line in _fill(part, size, width)], size)
    if box.width <= width or size <= SMALLEST:
        return box
    return lay_out_lines(row, max(SMALLEST, size - 1), width)


def _parts(row: Row) -> Iterator[Row]:
    """Yield the parts between the quads."""
    part: list[Item] = []
    for item in row.items:
        if isinstance(item, Space) and item.width >= 1:
            yield Row(tuple(part))
            part = []
        else:
            part.append(item)
    yield Row(tuple(part))


def _fill(part: Row, size: float, width: float) -> Iterator[Box]:
    """Yield the lines of one part, each as full as it can be, those after the first indented."""
    line: tuple[Item, ...] = ()
    for piece in _pieces(part):
        if line and lay_out(Row((*line, *piece)), size).width > width:
            yield lay_out(Row(line), size)
            line = (Space(1.0),)
        line += piece
    yield lay_out(Row(line), size)


def _pieces(part: Row) -> Iterator[tuple[Item, ...]]:
    """Yield what must stay together, each piece beginning with the sign before which a line may end."""
    piece: list[Item] = []
    depth = 0
    for item, role in zip(part.items, roles_of(part.items), strict=True):
        depth += (role is Role.OPEN) - (role is Role.CLOSE)
        is_sum = role is Role.BINARY and isinstance(item, Symbol) and item.text in "+−"
        if depth == 0 and piece and (role is Role.RELATION or is_sum):
            yield tuple(piece)
            piece = []
        piece.append(item)
    yield tuple(piece)


def _stack(lines: list[Box], size: float) -> Box:
    """Return lines under one another, the first on the line of the whole."""
    places = [0.0]
    for before, after in pairwise(lines):
        places.append(places[-1] + before.descent + size * 0.4 + after.ascent)

    def draw(painter: QPainter, x: float, y: float) -> None:
        for place, line in zip(places, lines, strict=True):
            line.draw(painter, x, y + place)

    return Box(max(line.width for line in lines), lines[0].ascent, places[-1] + lines[-1].descent, draw)
