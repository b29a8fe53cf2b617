"""Live pictures on nodes: maps, samples, bars, points, boundaries and the loss's curve, drawn over the cached face.

The arrays of a picture become an image once, when it is first seen; a picture of a node outside the view costs
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

from netbuilder.training.protocol import Picture, PictureKind
from netbuilder.ui import colors
from netbuilder.ui.canvas.buffers import draw_points, draw_polyline, draw_rects
from netbuilder.ui.canvas.faces import Area
from netbuilder.ui.canvas.geometry import Box, Geometry
from netbuilder.ui.canvas.painting import write_text
from netbuilder.ui.canvas.style import Style, text_width
from netbuilder.ui.quantities import is_share

AREAS: Mapping[PictureKind, Area] = {
    PictureKind.POINTS: Area.SQUARE,
    PictureKind.SAMPLES: Area.STRIP,
    PictureKind.THUMBS: Area.STRIP,
    PictureKind.BARS: Area.CHART,
}
"""The pictures that a node's face shows, the most telling first, and the room each takes."""

Curve = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Steps, and a value at each."""

_GAP = 4.0
_NARROW = 4.0  # bars narrower than this have no round corners: nobody would see them
_POINTS = 2_000
_CURVE_POINTS = 120
_LINE = 12.0  # units for a line of text
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class Plane:
    """Points and, behind them, what the network says of the plane they lie in."""

    points: Picture
    boundary: Picture


@dataclass(frozen=True, slots=True)
class Losses:
    """The loss's curves: of every step, and of the validation after every epoch (empty before the first).

    Attributes:
        train: Of every step.
        validation: After every epoch.
        metric: The name of what else the predictions are scored by; "" for nothing.
        scores: Its values, after every epoch.
    """

    train: Curve
    validation: Curve
    metric: str = ""
    scores: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def mark(self) -> tuple[int, int, int, str]:
        """How long they are: curves only grow at their ends."""
        return len(self.train[0]), len(self.validation[0]), len(self.scores), self.metric


def paint_picture(painter: QPainter, box: QRectF, picture: Picture, style: Style, category: str) -> None:
    """Draw a picture into `box`.

    Args:
        painter: In scene units.
        box: The node's picture area.
        picture: Of a kind in `AREAS`.
        style: The colours.
        category: Of the node, for bars.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if picture.kind is PictureKind.BARS:
        _paint_bars(painter, box, np.asarray(picture.data, dtype=np.float64), style, category)
    elif picture.kind is PictureKind.POINTS:
        _paint_backdrop(painter, box, style)
        _paint_points(painter, box, picture, style)
    else:
        _paint_strip(painter, box, picture)


def _paint_strip(painter: QPainter, box: QRectF, picture: Picture) -> None:
    """Draw up to three little images, each with its own proportions in an equal square."""
    size = min((box.width() - 2 * _GAP) / 3, box.height())
    images = strip_images(picture)
    for index, image in enumerate(images):
        cell = QRectF(box.left() + index * (size + _GAP), box.top(), size, size)
        _paint_image(painter, _fit(cell, image.width() / max(image.height(), 1)), image, smooth=False)


def strip_images(picture: Picture) -> list[QImage]:
    """Return the images of a strip: maps in viridis, samples in gray or colour."""
    data = np.ascontiguousarray(picture.data[:3], dtype=np.uint8)
    table = colors.VIRIDIS if picture.kind is PictureKind.THUMBS else colors.GRAY
    return [_image(part, table) for part in data]


def _image(data: NDArray[np.uint8], table: colors.Table) -> QImage:
    data = np.ascontiguousarray(data)
    height, width = data.shape[:2]
    if data.ndim == 3:
        return QImage(data.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
    image = QImage(data.tobytes(), width, height, width, QImage.Format.Format_Indexed8)
    image.setColorTable(colors.qt_table(table))
    # The copy owns its pixels; a QImage over bytes would need them kept alive.
    return image.convertToFormat(QImage.Format.Format_RGB32)


def _boundary_image(picture: Picture, dark: bool) -> QImage:
    data = np.asarray(picture.data, dtype=np.float64)
    finite = data[np.isfinite(data)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    return _image(colors.indices(data[::-1], low, high), colors.diverging(dark))


def _fit(box: QRectF, ratio: float) -> QRectF:
    """Return the largest rectangle of that width to height in the middle of `box`."""
    width = min(box.width(), box.height() * ratio)
    height = width / ratio
    return QRectF(box.center().x() - width / 2, box.center().y() - height / 2, width, height)


def _paint_image(painter: QPainter, box: QRectF, image: QImage, smooth: bool) -> None:
    # Small images are enlarged to hard pixels, as people expect of maps; large ones are shrunk smoothly.
    shrinks = image.width() > box.width() * 1.5
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth or shrinks)
    clip = QPainterPath()
    clip.addRoundedRect(box, 2, 2)
    painter.save()
    painter.setClipPath(clip, Qt.ClipOperation.IntersectClip)
    painter.drawImage(box, image)
    painter.restore()


def _paint_backdrop(painter: QPainter, box: QRectF, style: Style) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(style.color("canvas"))
    painter.drawRoundedRect(box, 4, 4)


def _paint_bars(painter: QPainter, box: QRectF, values: NDArray[np.float64], style: Style, category: str) -> None:
    """Draw bars from a common base line: below the middle when values have both signs."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    if not values.size:
        return
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    span = (high - low) or 1.0
    pitch = box.width() / values.size
    width = max(pitch - max(pitch * 0.28, 0.5), 0.5)
    base = box.bottom() + low / span * box.height()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(style.category(category))
    tall = np.maximum(np.abs(values) / span * box.height(), 1.5)
    left = box.left() + np.arange(values.size) * pitch + (pitch - width) / 2
    top = np.where(values >= 0, base - tall, base)
    bars = np.stack([left, top, np.full_like(left, width), tall], axis=1)
    if width < _NARROW:
        draw_rects(painter, bars)
        return
    for x, y, wide, high in bars.tolist():
        painter.drawRoundedRect(QRectF(x, y, wide, high), 2.0, min(2.0, high / 2))


def paint_plane(painter: QPainter, box: QRectF, plane: Plane, style: Style) -> None:
    """Draw points over what the network says of the plane they lie in."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    square = _fit(box, 1.0)
    _paint_backdrop(painter, square, style)
    # Half faded, so that points of the same class still stand out.
    painter.save()
    painter.setOpacity(painter.opacity() * 0.55)
    _paint_image(painter, square, _boundary_image(plane.boundary, style.theme.is_dark), smooth=True)
    painter.restore()
    x0, y0, x1, y1 = plane.boundary.extent
    _paint_points(painter, square, plane.points, style, (x0, y0, x1, y1), reach=1.7)


def _paint_points(
    painter: QPainter,
    box: QRectF,
    picture: Picture,
    style: Style,
    extent: tuple[float, float, float, float] | None = None,
    reach: float = 2.6,
) -> None:
    data = np.asarray(picture.data, dtype=np.float64)
    data = data[np.isfinite(data).all(axis=1)][:_POINTS]
    if not len(data):
        return
    if extent is None:
        box = box.adjusted(5, 5, -5, -5)
        extent = (*data[:, :2].min(axis=0).tolist(), *data[:, :2].max(axis=0).tolist())
    low, high = np.array(extent[:2]), np.array(extent[2:])
    at = (data[:, :2] - low) / np.where(high > low, high - low, 1.0)
    spots = np.stack([box.left() + at[:, 0] * box.width(), box.bottom() - at[:, 1] * box.height()], axis=1)
    spots = spots.clip((box.left(), box.top()), (box.right(), box.bottom()))
    values = data[:, 2]
    levels = colors.indices(values, float(values.min()), float(values.max())) // 32
    table = colors.diverging(style.theme.is_dark)
    for level in np.unique(levels):
        red, green, blue = table[min(int(level) * 36, 255)].tolist()
        painter.setPen(QPen(QColor(red, green, blue), reach, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        draw_points(painter, spots[levels == level])


def paint_dead(painter: QPainter, geometry: Geometry, picture: Picture, style: Style) -> None:
    """Draw how many units are dead: a meter at a node's lower edge, and the percentage over its picture.

    Args:
        painter: In scene units, from the node's corner.
        geometry: The node's.
        picture: Of kind DEAD.
        style: The colours.
    """
    count, total = picture.data.tolist()
    meter = QRectF(geometry.meter.x, geometry.meter.y, geometry.meter.width, geometry.meter.height)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(style.color("dots"))
    painter.drawRoundedRect(meter, 1.5, 1.5)
    painter.setBrush(style.color("validation"))
    painter.drawRoundedRect(QRectF(meter.topLeft(), QSizeF(max(meter.width() * count / total, 3.0), 3.0)), 1.5, 1.5)
    if geometry.picture is not None:
        word = "dead" if picture.extent[0] == picture.extent[1] else "saturated"
        _paint_chip(painter, geometry.picture, f"{percent(count / total)} {word}", style)


def _paint_chip(painter: QPainter, box: Box, text: str, style: Style) -> None:
    """Write a few words over the lower right corner of a picture."""
    width = text_width(text, "mono") + 8.0
    chip = QRectF(box.x + box.width - width, box.y + box.height - 15.0, width, 15.0)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(style.color("node", 0.86))
    painter.drawRoundedRect(chip, 3, 3)
    # Text is measured a little narrower than it is drawn at some zooms: it would be cut in a box that just fits.
    room = chip.adjusted(-4, 0, 4, 0)
    write_text(painter, room, text, "mono", style.color("text"), Qt.AlignmentFlag.AlignCenter, style)


def percent(part: float) -> str:
    """Return a part of a whole in words: neither none nor all unless it is so."""
    if 0.0 < part < 0.01:
        return "< 1 %"
    return f"{min(round(100 * part), 99 if part < 1.0 else 100)} %"


def paint_losses(painter: QPainter, box: QRectF, losses: Losses, style: Style, category: str) -> None:
    """Draw the training's loss so far and the validation's over it, between lines that say what they are now."""
    curves = [_thinned(curve) for curve in (losses.train, losses.validation)]
    spots = np.concatenate(curves)
    if len(curves[0]) < 2:
        return
    scored = bool(losses.metric and len(losses.scores))
    _write_losses(painter, QRectF(box.left(), box.top(), box.width(), _LINE), losses, style, category)
    if scored:
        _write_score(painter, QRectF(box.left(), box.bottom() - _LINE, box.width(), _LINE), losses, style)
    box = box.adjusted(0, _LINE + 3, 0, -(_LINE + 2) if scored else 0)
    low, high = spots.min(axis=0), spots.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for spots, color in zip(curves, (style.category(category), style.color("validation")), strict=True):
        if len(spots) < 2:
            continue
        at = (spots - low) / span
        points = np.stack([box.left() + at[:, 0] * box.width(), box.bottom() - at[:, 1] * box.height()], axis=1)
        painter.setPen(QPen(color, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        draw_polyline(painter, points)


def score_text(metric: str, value: float) -> str:
    """Return a metric's value as people write it: shares in percent."""
    return f"{100 * value:.1f} %" if is_share(metric) else f"{value:.3g}"


def _write_losses(painter: QPainter, line: QRectF, losses: Losses, style: Style, category: str) -> None:
    """Write the last values: the training's at the left, the validation's at the right."""
    for (_, values), color, side in (
        (losses.train, style.category(category), _LEFT),
        (losses.validation, style.color("validation"), _RIGHT),
    ):
        if len(values):
            write_text(painter, line, f"{values[-1]:.3g}", "mono", color, side, style)


def _write_score(painter: QPainter, line: QRectF, losses: Losses, style: Style) -> None:
    """Write what else the predictions are scored by; of a long name the end is left out, never the number."""
    score = score_text(losses.metric, float(losses.scores[-1]))
    write_text(painter, line, score, "mono", style.color("text"), _RIGHT, style)
    name = line.adjusted(0, 0, -text_width(score, "mono") - 6, 0)
    write_text(painter, name, losses.metric.replace("_", " "), "text", style.color("muted"), _LEFT, style)


def _thinned(curve: Curve) -> NDArray[np.float64]:
    """Return the points (n, 2) of a curve, means of equal spans when it is long; what is not finite is left out."""
    steps, values = curve
    good = np.isfinite(values)
    xs, ys = steps[good].astype(np.float64), values[good]
    if len(ys) > _CURVE_POINTS:
        starts = np.linspace(0, len(ys), _CURVE_POINTS, endpoint=False).astype(np.intp)
        counts = np.diff(np.append(starts, len(ys)))
        xs, ys = np.add.reduceat(xs, starts) / counts, np.add.reduceat(ys, starts) / counts
    return np.stack([xs, ys], axis=1)
