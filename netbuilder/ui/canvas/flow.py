"""The gradient flow on the links: a colour and a width for the size of the gradient, and the legend that explains them.

The scale is logarithmic: what counts in a deep network is how many powers of ten are lost on the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import ceil, floor, isfinite, log10
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPen

from netbuilder.document.model import Graph, PortRef
from netbuilder.training.protocol import Picture
from netbuilder.ui.canvas.arrays import CanvasArrays, Rows
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.live import UNMEASURED
from netbuilder.ui.canvas.style import Style
from netbuilder.ui.colors import VIRIDIS
from netbuilder.ui.theme import mono_font, ui_font

VANISHING: Final = 1e-6
"""A gradient below this part of what it is where the losses begin has vanished: some ten layers that each leave a
quarter, as a sigmoid does at best, and more than single precision can make up for."""

EXPLODING: Final = 1e3
"""A gradient of more than this many times what it is where the losses begin explodes; so does one that is no number."""

LEVELS: Final = 12
"""Colours between the smallest and the largest."""

_BURST = LEVELS  # the level of gradients that explode
_WIDEST = 2.2  # times as wide as other links, at the upper end
_BOX = QRectF(0, 0, 236, 74)
_EMPTY = 50.0  # its height while there is nothing to explain
_MARGIN = 12.0
_PAD = 10.0

Shade = tuple[Rows, QColor, float]


class Flow:
    """The gradient at the outputs of one graph's nodes.

    Attributes:
        norms: Source port of a link -> the norm of the gradient there.
        start: The norm where the losses begin.
        low: The power of ten at the scale's lower end.
        high: Likewise at its upper end.
    """

    def __init__(self, picture: Picture, graph: Graph, source_of: Callable[[PortRef], PortRef]) -> None:
        """Pick what belongs to a graph.

        Args:
            picture: Of kind FLOW.
            graph: The graph shown.
            source_of: Returns the port, by its node's path, whose value an output port of the graph hands on.
        """
        told = dict(zip(picture.labels, picture.data.tolist(), strict=True))
        self.start = float(picture.extent[0])
        self.norms = _by_port(told, graph, source_of)
        sizes = [norm for norm in self.norms.values() if isfinite(norm) and norm > 0.0]
        least = self.start * VANISHING if isfinite(self.start) else 0.0
        low, high = max(min(sizes, default=1.0), least), max(sizes, default=1.0)
        # Single precision makes 1e-4 a little less than that.
        self.low, self.high = floor(log10(low) + 1e-6), ceil(log10(high) - 1e-6)
        self.high = max(self.high, self.low + 1)
        self._levels: tuple[object, NDArray[np.int8]] | None = None

    def levels(self, arrays: CanvasArrays) -> NDArray[np.int8]:
        """Return (m,): each link's level from 0 to `LEVELS` - 1, `UNMEASURED`, or `LEVELS` where it explodes."""
        known = self._levels
        if known is None or known[0] is not arrays.wires:
            found = [self._level(self.norms.get(wire.source)) for wire in arrays.wires]
            known = self._levels = (arrays.wires, np.array(found, dtype=np.int8))
        return known[1]

    def shades(self, arrays: CanvasArrays, rows: Rows, style: Style) -> Iterator[Shade]:
        """Yield these links by colour, faint ones first, with how many times as wide as other links they are."""
        levels = self.levels(arrays)[rows]
        for level in np.unique(levels).tolist():
            if level == UNMEASURED:
                color, factor = style.color("edge", 0.45), 1.0
            elif level == _BURST:
                color, factor = style.color("bad"), _WIDEST
            else:
                part = level / (LEVELS - 1)
                color, factor = shade(part, style), 0.9 + (_WIDEST - 0.9) * part
            yield rows[levels == level], color, factor

    def describe(self, source: PortRef) -> str:
        """Return what there is to say of a link's gradient in words, "" when it was not measured."""
        norm = self.norms.get(source)
        if norm is None:
            return ""
        if not isfinite(norm):
            return "The gradient here is not finite: it explodes."
        text = f"Gradient {norm:.2g}, {_times(norm, self.start)} where the loss begins"
        if self._explodes(norm):
            return f"{text}. It explodes."
        return f"{text}. It has vanished: what is before this learns nothing." if self._vanishes(norm) else text

    def count(self, arrays: CanvasArrays) -> tuple[int, int]:
        """Return through how many links the gradient has vanished, and through how many it explodes."""
        norms = [self.norms[wire.source] for wire in arrays.wires if wire.source in self.norms]
        return sum(map(self._vanishes, norms)), sum(map(self._explodes, norms))

    def _level(self, norm: float | None) -> int:
        if norm is None:
            return UNMEASURED
        if self._explodes(norm):
            return _BURST
        if norm <= 0.0:
            return 0
        part = (log10(norm) - self.low) / (self.high - self.low)
        return min(max(int(part * LEVELS + 1e-6), 0), LEVELS - 1)

    def _vanishes(self, norm: float) -> bool:
        return norm < VANISHING * self.start or norm == 0.0

    def _explodes(self, norm: float) -> bool:
        return not isfinite(norm) or 0.0 < EXPLODING * self.start < norm


def _by_port(told: Mapping[str, float], graph: Graph, source_of: Callable[[PortRef], PortRef]) -> dict[PortRef, float]:
    """Return the norm at each port that links leave from: told of by port where a node has several, else by node."""
    several = {name.rpartition(".")[0] for name in told if "." in name}
    norms = {}
    for source in dict.fromkeys(graph.edges.values()):
        at = source_of(source)
        norm = told.get(f"{at.node}.{at.port}" if at.node in several else at.node)
        if norm is not None:
            norms[source] = norm
    return norms


def shade(part: float, style: Style) -> QColor:
    """Return the colour of a place on the scale, 0 to 1: viridis without the end that looks like the background."""
    first, last = (80, 255) if style.theme.is_dark else (190, 0)
    red, green, blue = VIRIDIS[round(first + (last - first) * part)].tolist()
    return QColor(red, green, blue)


def paint_legend(painter: QPainter, height: int, flow: Flow | None, content: Content, style: Style) -> None:
    """Explain the colours in the canvas's lower left corner.

    Args:
        painter: In pixels.
        height: Of the canvas.
        flow: What is shown; None while nothing is measured.
        content: The links.
        style: The colours.
    """
    is_empty = flow is None or not flow.norms
    tall = _EMPTY if is_empty else _BOX.height()
    box = QRectF(_MARGIN, height - tall - _MARGIN, _BOX.width(), tall)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(style.color("node_border"), 1))
    painter.setBrush(style.color("node", 0.94))
    painter.drawRoundedRect(box, 7, 7)
    line = QRectF(box.left() + _PAD, box.top() + 7, box.width() - 2 * _PAD, 16)
    _write(painter, line, "Gradient flow", style.color("text"), True)
    if flow is None or is_empty:
        _write(painter, line.translated(0, 20), "Measured while a network trains", style.color("muted"))
        return
    _paint_scale(painter, QRectF(line.left(), line.bottom() + 5, line.width(), 6), flow, style)
    vanished, burst = flow.count(content.arrays)
    if vanished or burst:
        words = [f"{count} {word}" for count, word in ((vanished, "vanished"), (burst, "exploding")) if count]
        _write(painter, line.translated(0, 46), "Links: " + ", ".join(words), style.color("bad"))
    else:
        _write(painter, line.translated(0, 46), "norm of ∂loss / ∂output, 16 samples", style.color("muted"))


def _paint_scale(painter: QPainter, bar: QRectF, flow: Flow, style: Style) -> None:
    """Draw the colours with the powers of ten at both ends and in the middle."""
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    for stop in np.linspace(0.0, 1.0, 9).tolist():
        gradient.setColorAt(stop, shade(stop, style))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(gradient)
    # As wide as the links are at either end.
    painter.drawPolygon(
        [bar.topLeft() + QPointF(0, 2), bar.topRight(), bar.bottomRight(), bar.bottomLeft() + QPointF(0, -2)]
    )
    below = bar.translated(0, 9).adjusted(0, -2, 0, 6)
    painter.setPen(style.color("muted"))
    painter.setFont(mono_font(10))
    sides = ((flow.low, Qt.AlignmentFlag.AlignLeft), (flow.high, Qt.AlignmentFlag.AlignRight))
    for power, side in sides:
        painter.drawText(below, int(side | Qt.AlignmentFlag.AlignVCenter), power_text(power))
    if (flow.low + flow.high) % 2 == 0:
        middle = power_text((flow.low + flow.high) // 2)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignCenter), middle)


def _write(painter: QPainter, line: QRectF, text: str, color: QColor, is_title: bool = False) -> None:
    painter.setPen(color)
    painter.setFont(ui_font(12 if is_title else 11))
    painter.drawText(line, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text)


def power_text(power: int) -> str:
    """Return a power of ten as it is written: 10⁻³."""
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _times(norm: float, start: float) -> str:
    return f"{norm / start:.2g} times that" if start > 0.0 and isfinite(start) else "where there is none"
