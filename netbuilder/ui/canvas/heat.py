"""Heat: what each node took when the network was profiled, as a colour and a badge at its lower edge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from netbuilder.training.profile_report import NodeProfile, ProfileReport
from netbuilder.ui.canvas.arrays import Rows
from netbuilder.ui.canvas.buffers import draw_rects
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.geometry import Box, Geometry
from netbuilder.ui.canvas.painting import write_text
from netbuilder.ui.canvas.style import Style, text_width
from netbuilder.ui.colors import VIRIDIS
from netbuilder.ui.units import duration

_LEVELS = 8  # colours of cards: all of one colour are drawn in one call
_TALL = 16.0
_BELOW = 9.0  # units that a badge reaches below its node
_PAD = 6.0
_RADIUS = 7.0


@dataclass(frozen=True, slots=True)
class Heat:
    """What one node took.

    Attributes:
        node: The measured times and memory; of a block those of all that is in it.
        share: Its part of the whole network's time, 0 to 1.
        rows: Samples in the batch.
    """

    node: NodeProfile
    share: float
    rows: int

    @property
    def badge(self) -> str:
        """What its badge says."""
        return f"{duration(self.node.seconds)} · {100 * self.share:.0f} %"

    @property
    def words(self) -> str:
        """What its tooltip says."""
        forward, backward = duration(self.node.forward), duration(self.node.backward)
        part = f"{100 * self.share:.1f} % of the network's time"
        return f"A batch of {self.rows:,} takes {forward} forward and {backward} backward: {part}"

    def color(self, style: Style) -> QColor:
        """Return its colour: viridis by the root of its share, so that small parts can be told apart."""
        first, last = (80, 255) if style.theme.is_dark else (190, 0)
        red, green, blue = VIRIDIS[round(first + (last - first) * sqrt(min(self.share, 1.0)))].tolist()
        return QColor(red, green, blue)


def heats(report: ProfileReport, paths: Mapping[str, str]) -> dict[str, Heat]:
    """Return the heat of those nodes that were measured.

    Args:
        report: What was measured.
        paths: Id of a node in sight -> its path.
    """
    found = {id: report.of(path) for id, path in paths.items()}
    return {id: Heat(node, report.share(node), report.rows) for id, node in found.items() if node is not None}


def paint_heat(painter: QPainter, geometry: Geometry, heat: Heat, style: Style) -> None:
    """Draw a ring around a node and its badge.

    Args:
        painter: In scene units, from the node's corner.
        geometry: The node's.
        heat: What it took.
        style: The colours.
    """
    color, box = heat.color(style), badge_box(geometry, heat)
    badge = QRectF(box.x, box.y, box.width, box.height)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(color, 2.0))
    painter.drawRoundedRect(QRectF(0, 0, geometry.width, geometry.height), _RADIUS, _RADIUS)
    painter.setPen(QPen(color, 1.2))
    painter.setBrush(style.color("node"))
    painter.drawRoundedRect(badge, _TALL / 2, _TALL / 2)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawEllipse(QPointF(badge.left() + _PAD + 2.5, badge.center().y()), 3.0, 3.0)
    words = badge.adjusted(_PAD + 8, 0, 0, 0)
    left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    write_text(painter, words, heat.badge, "mono", style.color("text"), left, style)


def badge_box(geometry: Geometry, heat: Heat) -> Box:
    """Return where a node's badge is: over the right end of its lower edge."""
    width = text_width(heat.badge, "mono") + 2 * _PAD + 10.0
    return Box(geometry.width - width - 4.0, geometry.height - _TALL + _BELOW, width, _TALL)


def paint_heat_cards(
    painter: QPainter, content: Content, rows: Rows, camera: Camera, style: Style, heat: Mapping[str, Heat]
) -> None:
    """Draw nodes that are plain cards in the colours of their heat; those that were not measured are left alone."""
    ids = content.arrays.ids
    shares = np.array([heat[ids[row]].share if ids[row] in heat else -1.0 for row in rows.tolist()])
    levels = np.where(shares < 0, -1, np.round(np.sqrt(np.clip(shares, 0, 1)) * (_LEVELS - 1))).astype(int)
    rects = content.arrays.rects[rows].copy()
    rects[:, :2] -= camera.x, camera.y
    rects *= camera.zoom
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(Qt.PenStyle.NoPen)
    for level in _present(levels):
        part = (level / (_LEVELS - 1)) ** 2
        painter.setBrush(Heat(NodeProfile(), part, 0).color(style))
        draw_rects(painter, rects[levels == level])


def _present(levels: np.ndarray[tuple[int], np.dtype[np.int_]]) -> Iterable[int]:
    return [level for level in np.unique(levels).tolist() if level >= 0]
