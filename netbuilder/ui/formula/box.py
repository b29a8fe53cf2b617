"""What formulas are made of: boxes, fonts and strokes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontDatabase, QFontMetricsF, QPainter, QPainterPath, QPen

from netbuilder.ui.formula.latex import Symbol

Draw = Callable[[QPainter, float, float], None]
"""Draws something with its left end on the line at (x, y), in the painter's pen."""

SMALLEST: Final = 8.0
"""Letters are never smaller, in pixels."""

_SERIFS: Final = (
    "STIX Two Text", "Cambria", "Times New Roman", "Liberation Serif", "Noto Serif", "DejaVu Serif",
)  # fmt: skip
"""Faces whose italics look like mathematics and have Greek letters, the first installed one is taken."""


@dataclass(frozen=True, slots=True)
class Box:
    """Something laid out.

    Attributes:
        width: In pixels, as the others.
        ascent: How far it rises above the line.
        descent: How far it reaches below it.
        draw: Draws it.
    """

    width: float
    ascent: float
    descent: float
    draw: Draw

    @property
    def height(self) -> float:
        """All of its height."""
        return self.ascent + self.descent


@cache
def _family() -> str:
    known = set(QFontDatabase.families())
    return next((family for family in _SERIFS if family in known), "serif")


@cache
def _font(size: float, italic: bool = False) -> QFont:
    font = QFont(_family())
    font.setStyleHint(QFont.StyleHint.Serif)
    font.setPixelSize(round(size))
    font.setItalic(italic)
    return font


@cache
def metrics(size: float, italic: bool = False) -> QFontMetricsF:
    """Return the measures of the letters of `size` pixels."""
    return QFontMetricsF(_font(size, italic))


def axis_of(size: float) -> float:
    """Return the height of a minus sign's middle over the line."""
    return metrics(size).xHeight() / 2


def stroke_width(size: float) -> float:
    """Return how thick lines are among letters of `size` pixels."""
    return max(1.0, size / 15)


def pen_of(painter: QPainter, width: float) -> QPen:
    """Return a pen for lines, in the colour of the painter's."""
    return QPen(painter.pen().color(), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.MiterJoin)


def empty_box(width: float) -> Box:
    """Return room in which nothing is drawn."""
    return Box(width, 0.0, 0.0, lambda painter, x, y: None)


def symbol_box(symbol: Symbol, size: float) -> Box:
    """Return the box of characters."""
    if symbol.large:
        return _large_box(symbol, size)
    font, sizes = _font(size, symbol.italic), metrics(size, symbol.italic)
    text = symbol.text

    def draw(painter: QPainter, x: float, y: float) -> None:
        painter.setFont(font)
        painter.drawText(QPointF(x, y), text)

    bounds = sizes.tightBoundingRect(text) if text.strip() else QRectF()
    overhang = max(0.0, bounds.right() - sizes.horizontalAdvance(text)) if symbol.italic else 0.0
    return Box(sizes.horizontalAdvance(text) + overhang, -bounds.top(), bounds.bottom(), draw)


def _large_box(symbol: Symbol, size: float) -> Box:
    """Return a sum's sign, its middle on the axis."""
    big = size * 1.5
    font, sizes = _font(big), metrics(big)
    bounds = sizes.tightBoundingRect(symbol.text)
    drop = bounds.center().y() + axis_of(size)

    def draw(painter: QPainter, x: float, y: float) -> None:
        painter.setFont(font)
        painter.drawText(QPointF(x - bounds.left(), y - drop), symbol.text)

    return Box(bounds.width(), drop - bounds.top(), bounds.bottom() - drop, draw)


def stroke(painter: QPainter, width: float, *points: QPointF) -> None:
    """Draw a line through points."""
    path = QPainterPath(points[0])
    for point in points[1:]:
        path.lineTo(point)
    painter.strokePath(path, pen_of(painter, width))
