"""A mosaic: all maps of a layer as one picture, drawn with crisp squares; never an item a map."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from netbuilder.ui.colors import VIRIDIS, Table, indices, qt_table
from netbuilder.ui.panels.axis import value_text

GAP = 3
_MOST = 1024


@dataclass(frozen=True, slots=True)
class Grid:
    """How maps are laid out: `columns` by `rows` tiles of `width` by `height` pixels."""

    columns: int
    rows: int
    width: int
    height: int

    @property
    def places(self) -> int:
        """How many tiles there is room for."""
        return self.columns * self.rows


def lay_out(count: int, shape: tuple[int, int], room: tuple[int, int], *, smallest: int, largest: int) -> Grid:
    """Return the layout with the largest tiles that shows all maps, or as many as fit at the smallest size.

    Args:
        count: How many maps there are.
        shape: A map's height and width.
        room: Pixels across and down.
        smallest: A tile's longer side is at least so many pixels, if need be at the cost of maps.
        largest: And at most so many.
    """
    high, wide = shape
    longer = max(high, wide)
    best: Grid | None = None
    for columns in range(1, count + 1):
        rows = math.ceil(count / columns)
        scale = min((room[0] + GAP) / columns - GAP, ((room[1] + GAP) / rows - GAP) * wide / high) / wide
        scale = min(scale, largest / longer)
        if best is None or scale * wide > best.width:
            best = Grid(columns, rows, max(int(scale * wide), 0), max(int(scale * high), 0))
    assert best is not None, "a mosaic shows at least one map"
    if max(best.width, best.height) >= smallest or best.places <= 1:
        return Grid(best.columns, best.rows, max(best.width, 1), max(best.height, 1))
    width, height = max(smallest * wide // longer, 1), max(smallest * high // longer, 1)
    columns = max((room[0] + GAP) // (width + GAP), 1)
    rows = max((room[1] + GAP) // (height + GAP), 1)
    return Grid(columns, rows, width, height)


def compose(maps: NDArray[np.uint8], grid: Grid, table: Table) -> QImage:
    """Return the maps, already indices into `table`, as one picture; between them it is transparent."""
    count, high, wide = maps.shape
    count = min(count, grid.places)
    rows = math.ceil(count / grid.columns)
    shown = maps[:count]
    if high > grid.height:  # thinned out before it is coloured; what is enlarged, Qt enlarges
        down, across = np.arange(grid.height) * high // grid.height, np.arange(grid.width) * wide // grid.width
        shown = shown[:, down[:, None], across]
        high, wide = grid.height, grid.width
    tiles = from_argb(np.array(qt_table(table), dtype=np.uint32)[shown].reshape(count * high, wide))
    size = QSize(min(count, grid.columns) * (grid.width + GAP) - GAP, rows * (grid.height + GAP) - GAP)
    image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    with QPainter(image) as painter:
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        for index in range(count):
            row, column = divmod(index, grid.columns)
            place = QRect(column * (grid.width + GAP), row * (grid.height + GAP), grid.width, grid.height)
            painter.drawImage(place, tiles, QRect(0, index * high, wide, high))
    return image


def from_argb(pixels: NDArray[np.integer]) -> QImage:
    """Return an array of `0xaarrggbb` numbers as a picture that owns its memory."""
    pixels = np.ascontiguousarray(pixels, dtype=np.uint32)
    high, wide = pixels.shape
    return QImage(pixels.data, wide, high, 4 * wide, QImage.Format.Format_ARGB32_Premultiplied).copy()


class Mosaic(QWidget):
    """Maps side by side, coloured over one common range.

    Signals:
        laidOut: () the size changed, and with it perhaps how many maps are shown.

    Attributes:
        shown: How many of the maps there is room for.
    """

    laidOut = Signal()

    def __init__(self, *, smallest: int = 18, largest: int = 120) -> None:
        super().__init__()
        self.shown = 0
        self._smallest, self._largest = smallest, largest
        self._maps: NDArray[np.float32] = np.zeros((0, 1, 1), np.float32)
        self._range = (0.0, 0.0)
        self._table = VIRIDIS
        self._image: QImage | None = None
        self._grid = Grid(1, 1, 1, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        """Return a size that shows two dozen maps."""
        return QSize(240, 160)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest useful size."""
        return QSize(60, 40)

    def set_maps(self, maps: NDArray[np.float32], low: float, high: float, table: Table = VIRIDIS) -> None:
        """Show maps (count, height, width); `low` gets the table's first colour and `high` its last."""
        self._maps, self._range, self._table = maps[:_MOST], (low, high), table
        self._image = None
        self._compose()
        self.update()

    @property
    def image(self) -> QImage | None:
        """What is drawn."""
        return self._image

    def rows(self) -> Iterator[list[str]]:
        """Yield the maps as a table: a line a row of a map."""
        yield ["map", "row", "values"]
        for number, one in enumerate(self._maps):
            for row, values in enumerate(one):
                yield [str(number), str(row), *map(repr, values.tolist())]

    def _compose(self) -> None:
        if not self._maps.size or min(self.width(), self.height()) < 4:
            self._image, self.shown = None, 0
            return
        ratio = self.devicePixelRatioF()
        room = (int(self.width() * ratio), int(self.height() * ratio))
        count, high, wide = self._maps.shape
        limits = {"smallest": int(self._smallest * ratio), "largest": int(self._largest * ratio)}
        self._grid = lay_out(count, (high, wide), room, **limits)
        self.shown = min(count, self._grid.places)
        self._image = compose(indices(self._maps[: self.shown], *self._range), self._grid, self._table)
        self._image.setDevicePixelRatio(ratio)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the maps out for the new size."""
        self._compose()
        self.laidOut.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the one picture."""
        if self._image is not None:
            with QPainter(self) as painter:
                painter.drawImage(QPointF(0, 0), self._image)

    def map_at(self, point: QPointF) -> int | None:
        """Return which map lies at a point."""
        ratio = self.devicePixelRatioF()
        column = int(point.x() * ratio) // (self._grid.width + GAP)
        row = int(point.y() * ratio) // (self._grid.height + GAP)
        index = row * self._grid.columns + column
        return index if column < self._grid.columns and 0 <= index < self.shown else None

    def event(self, event: QEvent) -> bool:
        """Say which map the pointer is on, and its range."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            index = self.map_at(QPointF(event.pos()))
            if index is None:
                QToolTip.hideText()
            else:
                one = self._maps[index]
                low, high = value_text(float(one.min())), value_text(float(one.max()))
                QToolTip.showText(event.globalPos(), f"map {index + 1} of {len(self._maps)}: {low} to {high}")
            return True
        return super().event(event)


class ImageView(QWidget):
    """One small picture, scaled without smoothing, its proportions kept."""

    def __init__(self, size: int = 40) -> None:
        super().__init__()
        self._image: QImage | None = None
        self.setFixedSize(size, size)

    def set_image(self, image: QImage | None) -> None:
        """Show a picture, or none."""
        self._image = image
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the picture in the middle."""
        if self._image is None:
            return
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
        with QPainter(self) as painter:
            painter.drawImage(QRectF(left, top, size.width(), size.height()), self._image)


def sample_image(sample: NDArray[np.uint8]) -> QImage:
    """Return one sample, (h, w) gray or (h, w, 3) coloured bytes, as a picture."""
    wide = np.asarray(sample, dtype=np.uint32)
    red, green, blue = (wide, wide, wide) if wide.ndim == 2 else (wide[..., 0], wide[..., 1], wide[..., 2])
    return from_argb(np.uint32(0xFF000000) | (red << 16) | (green << 8) | blue)
