"""Draws a document as a picture, without a window and without a screen: what `netbuilder render` and Export do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSize, QSizeF
from PySide6.QtGui import QGuiApplication, QImage, QImageWriter, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator

from netbuilder.compiler.cost import count_costs
from netbuilder.compiler.problems import find_problems
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.save import atomic_save
from netbuilder.project import Vocabulary
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.drawing import Marks, paint_dots, paint_wires
from netbuilder.ui.canvas.frames import paint_frames
from netbuilder.ui.canvas.knowing import knowledge_of, wrong_ports
from netbuilder.ui.canvas.nodes import Live, paint_live
from netbuilder.ui.canvas.painting import paint_face
from netbuilder.ui.canvas.style import Style
from netbuilder.ui.sight import look
from netbuilder.ui.standpoint import Standpoint
from netbuilder.ui.theme import load_theme

MARGIN = 40.0
"""Around the network, in scene units."""

PIXELS = 16_384
"""Longest side of a PNG: a larger network is drawn smaller."""

POINTS = 14_400
"""Longest side of a page that programs for PDF show."""

SUFFIXES = (".png", ".svg", ".pdf")

THEMES = ("dark", "light", "print")
"""The looks of a picture; "print" is black on white, without grid and shadows."""

Paint: TypeAlias = Callable[[QPainter, float, QRectF], None]
"""Draws everything: the painter, pixels a scene unit, the rectangle to fill."""

_NOTHING: Mapping[str, Live] = {}
_UNMARKED = Marks()


def render_document(document: Document, path: Path, theme: str = "", scale: float = 2.0) -> None:
    """Draw a document with its shapes and problems into a file.

    Args:
        document: What to draw.
        path: Ends with one of `SUFFIXES`.
        theme: One of `THEMES`; "" chooses "print" for a PDF and "dark" otherwise.
        scale: Pixels a scene unit in a PNG.

    Raises:
        NetbuilderError: When the file's kind is another, or it cannot be written.
    """
    _check_kind(path)
    _application()
    shapes = ShapeInference().infer(document)
    sight = look(document, Standpoint(), shapes, count_costs(document, shapes), find_problems(document, shapes))
    content = Content(Vocabulary(lambda: document))
    content.show(document, knowledge_of(sight, {}, document.plan))
    theme = theme or ("print" if path.suffix.lower() == ".pdf" else "dark")
    render_content(content, path, Style(load_theme(theme)), scale, marks=Marks(wrong=wrong_ports(sight)))


def render_content(
    content: Content,
    path: Path,
    style: Style,
    scale: float = 2.0,
    live: Mapping[str, Live] = _NOTHING,
    marks: Marks = _UNMARKED,
) -> None:
    """Draw what a canvas holds into a file, live pictures included.

    Args:
        content: What to draw.
        path: Ends with one of `SUFFIXES`.
        style: The colours.
        scale: Pixels a scene unit in a PNG.
        live: Node id -> its picture.
        marks: Links that are drawn otherwise.

    Raises:
        NetbuilderError: When the file's kind is another, or it cannot be written.
    """
    _check_kind(path)
    content.arrays.find_ways()
    suffix = path.suffix.lower()
    area = _area(content)
    style = replace(style, outlined=suffix == ".svg")  # a PDF carries its fonts, a drawing for browsers does not

    def paint(painter: QPainter, zoom: float, whole: QRectF) -> None:
        _paint(painter, content, style, Camera(area.x(), area.y(), zoom), whole, live, marks)

    makers = {
        ".png": lambda: _png(area, scale, paint),
        ".svg": lambda: _svg(content, area, paint),
        ".pdf": lambda: _pdf(content, area, paint),
    }
    atomic_save(path, makers[suffix]())


def _check_kind(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        kinds = ", ".join(SUFFIXES[:-1]) + f" or {SUFFIXES[-1]}"
        message = f"A picture is written as {kinds}, not as “{path.name}”."
        raise NetbuilderError(Problem(code="render.kind", message=message, file=str(path), expected=kinds))


@cache
def _application() -> QGuiApplication:
    """Return the application that drawing text needs: the one there is, or one without a screen."""
    running = QGuiApplication.instance()
    if isinstance(running, QGuiApplication):
        return running
    before = os.environ.get("QT_QPA_PLATFORM")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        return QGuiApplication(sys.argv[:1])
    finally:
        if before is None:
            del os.environ["QT_QPA_PLATFORM"]
        else:
            os.environ["QT_QPA_PLATFORM"] = before


def _area(content: Content) -> QRectF:
    """Return the part of the scene to draw: all nodes and links."""
    bounds = content.bounds()
    if bounds is None:
        return QRectF(0, 0, 480, 270)
    left, top, right, bottom = bounds
    area = QRectF(left, top, right - left, bottom - top)
    if len(content.arrays.boxes):
        low, high = content.arrays.boxes[:, :2].min(axis=0), content.arrays.boxes[:, 2:].max(axis=0)
        area = area.united(QRectF(low[0], low[1], high[0] - low[0], high[1] - low[1]))
    return area.marginsAdded(QMarginsF(MARGIN, MARGIN, MARGIN, MARGIN))


def _png(area: QRectF, scale: float, paint: Paint) -> bytes:
    scale = min(scale, PIXELS / max(area.width(), area.height()))
    size = QSize(max(round(area.width() * scale), 1), max(round(area.height() * scale), 1))
    image = QImage(size, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    try:
        paint(painter, scale, QRectF(image.rect()))
    finally:
        painter.end()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"png")).write(image)
    return bytes(data.data())


def _svg(content: Content, area: QRectF, paint: Paint) -> bytes:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(QSize(round(area.width()), round(area.height())))
    whole = QRectF(0, 0, area.width(), area.height())
    generator.setViewBox(whole)
    generator.setTitle(_title(content))
    # The text is drawn as shapes: for those who search or listen, the nodes are named here.
    generator.setDescription(", ".join(face.title for face in content.faces.values()))
    painter = QPainter(generator)
    try:
        paint(painter, 1.0, whole)
    finally:
        painter.end()
    buffer.close()
    return bytes(data.data())


def _pdf(content: Content, area: QRectF, paint: Paint) -> bytes:
    """Return a page of the network's size at 96 units an inch, or smaller when it would be too large."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    scale = min(0.75, POINTS / max(area.width(), area.height()))
    size = QSizeF(area.width() * scale, area.height() * scale)
    writer.setPageSize(QPageSize(size, QPageSize.Unit.Point, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    writer.setResolution(1200)
    writer.setTitle(_title(content))
    writer.setCreator("NetBuilder")
    painter = QPainter(writer)
    try:
        painter.scale(scale * 1200 / 72, scale * 1200 / 72)
        paint(painter, 1.0, QRectF(0, 0, area.width(), area.height()))
    finally:
        painter.end()
    buffer.close()
    return bytes(data.data())


def _title(content: Content) -> str:
    return content.document.about.title or "NetBuilder network"


def _paint(
    painter: QPainter,
    content: Content,
    style: Style,
    camera: Camera,
    area: QRectF,
    live: Mapping[str, Live],
    marks: Marks,
) -> None:
    painter.fillRect(area, style.color("canvas"))
    if not style.is_flat:
        paint_dots(painter, area, camera, style)
    paint_frames(painter, content.frames.values(), area, camera, style)
    paint_wires(painter, content, area, camera, style, marks)
    for node in content.arrays.ids:
        x, y, _, _ = content.arrays.rect(node)
        painter.save()
        painter.scale(camera.zoom, camera.zoom)
        painter.translate(x - camera.x, y - camera.y)
        geometry = content.geometry(node)
        paint_face(painter, content.faces[node], geometry, style)
        if node in live and geometry.picture is not None:
            box = geometry.picture
            area_box = QRectF(box.x, box.y, box.width, box.height)
            paint_live(painter, area_box, live[node], style, content.faces[node].category)
        painter.restore()
