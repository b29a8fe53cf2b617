"""Draws one face with a QPainter: onto a cached pixmap for the screen, or straight onto a picture or an SVG.

Everything that does not move is drawn here, the shadow and the selection's glow included; live pictures are drawn on
top by `pictures`.
"""

from __future__ import annotations

from math import cos, pi, sin

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QPainter, QPainterPath, QPen, QPolygonF

from netbuilder.foundation.problem import Severity
from netbuilder.ui.canvas.faces import Face
from netbuilder.ui.canvas.geometry import HEADER, PAD, PORT_RADIUS, Box, Geometry, output_text
from netbuilder.ui.canvas.learning import Learning
from netbuilder.ui.canvas.style import Style, elided, fonts, text_path, text_width

_RADIUS = 7.0
_BYPASSED = 0.4  # opacity
_BADGE = 8.0  # radius
_FLAKE = 6.0  # length of a snowflake's arms
_MARK_PAD = 6.0
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_CENTER = Qt.AlignmentFlag.AlignCenter


def paint_face(painter: QPainter, face: Face, geometry: Geometry, style: Style, selected: bool = False) -> None:
    """Draw a node whose top-left corner is the painter's origin.

    Args:
        painter: Antialiasing is switched on here.
        face: What to draw.
        geometry: Where; `measure(face)`.
        style: In which colours.
        selected: Whether to draw the ring and its glow.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    body = QRectF(0, 0, geometry.width, geometry.height)
    _paint_halo(painter, body, style, selected)
    painter.setOpacity(_BYPASSED if face.bypassed else 1.0)
    _paint_body(painter, body, face, style, selected)
    _paint_header(painter, face, geometry, style)
    _paint_rows(painter, face, geometry, style)
    if geometry.line:
        write_text(painter, _rect(geometry.line_box), geometry.line, "text", style.color("muted"), _CENTER, style)
    painter.setOpacity(1.0)
    if face.bypassed and face.inputs and face.outputs:
        _paint_way_through(painter, geometry, style)
    _paint_ports(painter, face, geometry, style)
    if face.learning is not None:
        _paint_learning(painter, face.learning, geometry, style)
    if face.severity in (Severity.ERROR, Severity.WARNING):
        paint_badge(painter, QPointF(geometry.width - 1, 1), face.severity, style)


def _paint_halo(painter: QPainter, body: QRectF, style: Style, selected: bool) -> None:
    """Draw the shadow, and the glow of what is selected, as faint rings: no effect object, equal in every output."""
    if style.is_flat:
        return
    painter.setPen(Qt.PenStyle.NoPen)
    dark = style.theme.is_dark
    shadow = QColor(0, 0, 0, 13 if dark else 6)
    for reach in range(2, 12, 2):
        painter.setBrush(shadow)
        around = body.adjusted(-reach * 0.6, -reach * 0.3, reach * 0.6, reach).translated(0, 1.5)
        painter.drawRoundedRect(around, _RADIUS + reach * 0.6, _RADIUS + reach * 0.6)
    if selected:
        for spread, alpha in ((7.0, 0.07), (5.0, 0.10), (3.0, 0.20)):
            painter.setBrush(style.color("accent", alpha))
            painter.drawRoundedRect(body.adjusted(-spread, -spread, spread, spread), _RADIUS + spread, _RADIUS + spread)


def _paint_body(painter: QPainter, body: QRectF, face: Face, style: Style, selected: bool) -> None:
    shape = QPainterPath()
    shape.addRoundedRect(body, _RADIUS, _RADIUS)
    painter.fillPath(shape, style.color("node"))
    header = QPainterPath()
    header.addRect(QRectF(0, 0, body.width(), HEADER))
    painter.fillPath(shape.intersected(header), style.header(face.category))
    painter.fillRect(QRectF(0, HEADER - 2, body.width(), 2), style.category(face.category))
    border, width = style.color("node_border"), 1.0
    if face.severity is Severity.ERROR:
        border, width = style.color("bad"), 1.5
    if selected:
        border, width = style.color("accent"), 2.0
    pen = QPen(border, width)
    if not face.known:
        pen.setStyle(Qt.PenStyle.DashLine)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    half = width / 2 - 0.5
    painter.drawRoundedRect(body.adjusted(-half, -half, half, half), _RADIUS, _RADIUS)


def _paint_header(painter: QPainter, face: Face, geometry: Geometry, style: Style) -> None:
    middle = HEADER / 2 - 1
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(style.category(face.category))
    painter.drawRoundedRect(QRectF(PAD, middle - 4.5, 9, 9), 2.5, 2.5)
    title = QRectF(geometry.title_x, 0, geometry.title_width, HEADER - 2)
    write_text(painter, title, face.title, "title", style.color("text"), _LEFT, style)
    if geometry.aside:
        write_text(
            painter, _rect(geometry.aside_box), geometry.aside, "text", style.header_text(face.category), _RIGHT, style
        )


def _paint_rows(painter: QPainter, face: Face, geometry: Geometry, style: Style) -> None:
    for row, middle in enumerate(geometry.rows):
        box = QRectF(14, middle - 9, geometry.width - 28, 18)
        right = 0.0
        if row < len(face.outputs):
            name, shape = output_text(face, row)
            text = f"{name} {shape}".strip()
            right = text_width(text, "mono") + 10.0 if text else 0.0
            token = "muted" if face.pending or face.severity is Severity.ERROR else "link"
            write_text(painter, box, text, "mono", style.color(token), _RIGHT, style)
        if row < len(face.inputs):
            box.setWidth(max(box.width() - right, 20.0))
            write_text(painter, box, face.inputs[row], "text", style.color("text"), _LEFT, style)


def _paint_way_through(painter: QPainter, geometry: Geometry, style: Style) -> None:
    """Draw how a value goes through a node that is bypassed."""
    painter.setPen(QPen(style.color("link"), 2.0, Qt.PenStyle.DashLine, Qt.PenCapStyle.FlatCap))
    middle = geometry.rows[0]
    painter.drawLine(QPointF(PORT_RADIUS, middle), QPointF(geometry.width - PORT_RADIUS, middle))


def _paint_ports(painter: QPainter, face: Face, geometry: Geometry, style: Style) -> None:
    for side, count in ((0.0, len(face.inputs)), (geometry.width, len(face.outputs))):
        for row in range(count):
            paint_port(painter, QPointF(side, geometry.rows[row]), style)


def paint_port(painter: QPainter, middle: QPointF, style: Style, token: str = "", radius: float = PORT_RADIUS) -> None:
    """Draw one port: an open ring, or one filled with a token's colour."""
    painter.setPen(QPen(style.color(token or "muted"), 1.6))
    painter.setBrush(style.color(token) if token else style.color("canvas"))
    painter.drawEllipse(middle, radius - 0.8, radius - 0.8)


def paint_badge(painter: QPainter, middle: QPointF, severity: Severity, style: Style) -> None:
    """Draw the mark of a problem: a disc with an exclamation mark for an error, a triangle for a warning."""
    is_error = severity is Severity.ERROR
    painter.setPen(QPen(style.color("canvas"), 2))
    painter.setBrush(style.color("bad" if is_error else "validation"))
    if is_error:
        painter.drawEllipse(middle, _BADGE, _BADGE)
    else:
        x, y = middle.x(), middle.y()
        painter.drawPolygon(QPolygonF([QPointF(x, y - 9), QPointF(x + 9.5, y + 7), QPointF(x - 9.5, y + 7)]))
    ink = QColor("#ffffff") if is_error else QColor("#1a1206")
    painter.setPen(QPen(ink, 2.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    top = -4.0 if is_error else -3.5
    painter.drawLine(middle + QPointF(0, top), middle + QPointF(0, top + 4.5))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(ink))
    painter.drawEllipse(middle + QPointF(0, 3.9), 1.2, 1.2)


def _paint_learning(painter: QPainter, learning: Learning, geometry: Geometry, style: Style) -> None:
    """Draw how a node's weights learn: a snowflake where they do not, the factor of a rate of their own."""
    box = _rect(learning_box(learning, geometry))
    color = style.color("link" if learning.is_frozen else "muted")
    painter.setPen(QPen(color, 1.0))
    painter.setBrush(style.color("node"))
    painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
    if learning.frozen:
        _paint_snowflake(painter, QPointF(box.left() + _MARK_PAD + _FLAKE - 1, box.center().y()), color)
    words = box.adjusted(_MARK_PAD, 0, -_MARK_PAD, 0)
    write_text(painter, words, learning.mark, "mono", style.color("text"), _RIGHT, style)


def learning_box(learning: Learning, geometry: Geometry) -> Box:
    """Return where the mark of how a node learns is: over the left end of its lower edge."""
    flake = 2 * _FLAKE - 2 if learning.frozen else 0.0
    text = text_width(learning.mark, "mono") + 1.0 if learning.mark else 0.0
    width = flake + text + (4.0 if flake and text else 0.0) + 2 * _MARK_PAD
    return Box(6.0, geometry.height - 5.0, width, 18.0)


def _paint_snowflake(painter: QPainter, middle: QPointF, color: QColor) -> None:
    """Draw six arms, each with a pair of twigs."""
    painter.setPen(QPen(color, 1.3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    for arm in range(6):
        angle = pi / 2 + arm * pi / 3
        way = QPointF(cos(angle), -sin(angle))
        painter.drawLine(middle, middle + way * _FLAKE)
        fork = middle + way * (_FLAKE * 0.55)
        for turn in (-pi / 4, pi / 4):
            twig = QPointF(cos(angle + turn), -sin(angle + turn))
            painter.drawLine(fork, fork + twig * (_FLAKE * 0.36))


def _rect(box: Box) -> QRectF:
    return QRectF(box.x, box.y, box.width, box.height)


def write_text(
    painter: QPainter, box: QRectF, text: str, role: str, color: QColor, alignment: Qt.AlignmentFlag, style: Style
) -> None:
    """Write one line of text into a box, cut where it is too long; as shapes for files that carry no fonts."""
    if style.outlined:
        painter.fillPath(text_path(box, elided(text, role, box.width()), role, alignment), color)
        return
    font: QFont = getattr(fonts(), role)
    painter.setFont(font)
    painter.setPen(color)
    painter.drawText(box, int(alignment | Qt.TextFlag.TextSingleLine), elided(text, role, box.width()))
