"""Pictures with axes: the confusion matrix, the decision boundary with its points, bars of a vector."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from netbuilder.ui.canvas.buffers import draw_rects
from netbuilder.ui.colors import VIRIDIS, diverging, indices, qt_table
from netbuilder.ui.panels.axis import value_text
from netbuilder.ui.panels.mosaic import from_argb
from netbuilder.ui.theme import Theme, ui_font

_CENTER = Qt.AlignmentFlag.AlignCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Painted(QWidget):
    """A widget that draws itself in the theme's colours and explains what the pointer is on."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(170, 170)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest useful size."""
        return QSize(70, 60)

    def explain(self, point: QPointF) -> str:
        """Return what lies at a point, in words."""
        return ""

    def event(self, event: QEvent) -> bool:
        """Show the explanation as a tooltip."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.explain(QPointF(event.pos())))
            return True
        return super().event(event)


class ConfusionView(Painted):
    """A confusion matrix: a row a true class, coloured by its share of the row."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._counts: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._labels: tuple[str, ...] = ()
        self._image: QImage | None = None

    def set_counts(self, counts: NDArray[np.int64], labels: tuple[str, ...]) -> None:
        """Show a matrix whose rows are the truth.

        A network may have more outputs than the data has classes: those that never occur are left out, and those that
        do are called by their number.
        """
        met = np.flatnonzero(counts.any(axis=0) | counts.any(axis=1))
        shown = max(len(labels), int(met[-1]) + 1 if len(met) else 0) or len(counts)
        counts = counts[:shown, :shown]
        self._counts = counts
        self._labels = (*labels, *map(str, range(len(labels), len(counts))))[: len(counts)]
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        colors = np.array(qt_table(VIRIDIS), dtype=np.uint32)
        self._image = from_argb(colors[indices(share, 0.0, 1.0)])
        self.setAccessibleDescription(self.summary)
        self.update()

    @property
    def summary(self) -> str:
        """How many are right: "97.8 % right"."""
        total = int(self._counts.sum())
        return f"{100 * int(np.trace(self._counts)) / total:.1f} % right" if total else ""

    def rows(self) -> Iterator[list[str]]:
        """Yield the matrix as a table: a line a true class."""
        yield ["truth", *self._labels]
        for name, counts in zip(self._labels, self._counts.tolist(), strict=True):
            yield [name, *map(str, counts)]

    def _area(self) -> QRectF:
        metrics = QFontMetrics(ui_font(10))
        widest = max((metrics.horizontalAdvance(name) for name in self._labels), default=0)
        margin = min(widest, 0.32 * self.width()) + 6
        side = min(self.width() - margin, self.height() - 16)
        return QRectF(margin, 0, side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the cells, and the class names where there is room for them."""
        if self._image is None or not len(self._counts):
            return
        area = self._area()
        with QPainter(self) as painter:
            painter.drawImage(area, self._image)
            cell = area.width() / len(self._counts)
            painter.setFont(ui_font(10))
            painter.setPen(self.theme.color("muted"))
            metrics = QFontMetrics(painter.font())
            every = max(int(np.ceil(12 / cell)), 1)
            for index in range(0, len(self._counts), every):
                name = self._labels[index]
                middle = (index + 0.5) * cell
                text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(area.left()) - 5)
                painter.drawText(QRectF(0, area.top() + middle - 8, area.left() - 5, 16), _RIGHT, text)
                text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(cell * every) - 3)
                painter.drawText(
                    QRectF(area.left() + middle - cell * every / 2, area.bottom() + 1, cell * every, 15), _CENTER, text
                )
            if cell >= 26:
                self._paint_numbers(painter, area, cell)

    def _paint_numbers(self, painter: QPainter, area: QRectF, cell: float) -> None:
        for row, column in np.ndindex(self._counts.shape):
            painter.setPen(self.ink(row, column))
            place = QRectF(area.left() + column * cell, area.top() + row * cell, cell, cell)
            painter.drawText(place, _CENTER, self.number(row, column))

    def explain(self, point: QPointF) -> str:
        """Say what a cell counts."""
        area = self._area()
        if not len(self._counts) or not area.contains(point):
            return ""
        cell = area.width() / len(self._counts)
        row = min(int((point.y() - area.top()) / cell), len(self._counts) - 1)
        column = min(int((point.x() - area.left()) / cell), len(self._counts) - 1)
        return self.describe(row, column)

    def ink(self, row: int, column: int) -> QColor:
        """Return the colour of a cell's number: Viridis ends in a bright yellow, where dark figures can be read."""
        bright = 2 * self._counts[row, column] > self._counts[row].sum()
        return QColor(Qt.GlobalColor.black if bright else Qt.GlobalColor.white)

    def number(self, row: int, column: int) -> str:
        """Return what a cell says where there is room for it."""
        return str(self._counts[row, column])

    def describe(self, row: int, column: int) -> str:
        """Say what a cell counts."""
        return f"truth {self._labels[row]}, predicted {self._labels[column]}: {self._counts[row, column]:,} samples"


class BoundaryView(Painted):
    """What the network answers all over the plane of its two inputs, with the data's points."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._field: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._extent = (0.0, 0.0, 1.0, 1.0)
        self._points: NDArray[np.float32] = np.zeros((0, 3), np.float32)

    def set_field(self, field: NDArray[np.float32], extent: tuple[float, ...]) -> None:
        """Show answers (h, w), the first row at the smallest y; `extent` is x0, y0, x1, y1."""
        self._field = field
        self._extent = (extent[0], extent[1], extent[2], extent[3]) if len(extent) == 4 else self._extent
        self.update()

    def set_points(self, points: NDArray[np.float32]) -> None:
        """Show points: x, y and class or value."""
        self._points = points
        self.update()

    def rows(self) -> Iterator[list[str]]:
        """Yield what is answered at each place of the grid."""
        yield ["x", "y", "value"]
        x0, y0, x1, y1 = self._extent
        high, wide = self._field.shape
        for y, line in zip(np.linspace(y0, y1, high).tolist(), self._field.tolist(), strict=True):
            for x, value in zip(np.linspace(x0, x1, wide).tolist(), line, strict=True):
                yield [repr(x), repr(y), repr(value)]

    def _scale(self) -> tuple[float, float]:
        values = self._points[:, 2] if len(self._points) else self._field.ravel()
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
        return (low, high) if high > low else (low, low + 1.0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the field, then the points."""
        if not self._field.size:
            return
        low, high = self._scale()
        two = low == 0.0 and high == 1.0
        table = np.array(qt_table(diverging(self.theme.is_dark) if two else VIRIDIS), dtype=np.uint32)
        area = self._area()
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(area, from_argb(table[indices(self._field[::-1], low, high)]))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setClipRect(area)
            painter.setPen(QPen(self.theme.color("canvas"), 1))
            x0, y0, x1, y1 = self._extent
            tones = indices(self._points[:, 2], low, high) if len(self._points) else np.zeros(0, np.uint8)
            for (x, y, _), tone in zip(self._points.tolist(), tones.tolist(), strict=True):
                place = QPointF(
                    area.left() + (x - x0) / (x1 - x0) * area.width(),
                    area.bottom() - (y - y0) / (y1 - y0) * area.height(),
                )
                painter.setBrush(QColor.fromRgb(int(table[tone])))
                painter.drawEllipse(place, 3.0, 3.0)

    def _area(self) -> QRectF:
        x0, y0, x1, y1 = self._extent
        scale = min(self.width() / (x1 - x0), self.height() / (y1 - y0))
        return QRectF(0, 0, scale * (x1 - x0), scale * (y1 - y0))

    def explain(self, point: QPointF) -> str:
        """Say what the network answers at a place."""
        area = self._area()
        if not self._field.size or not area.contains(point):
            return ""
        across, down = (point.x() - area.left()) / area.width(), 1 - (point.y() - area.top()) / area.height()
        rows, columns = self._field.shape
        value = self._field[min(int(down * rows), rows - 1), min(int(across * columns), columns - 1)]
        x0, y0, x1, y1 = self._extent
        return f"x {x0 + across * (x1 - x0):.2f}, y {y0 + down * (y1 - y0):.2f}: {value_text(float(value))}"


class BarsView(Painted):
    """A vector as bars around zero, with class names below where they are known."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._values: NDArray[np.float32] = np.zeros(0, np.float32)
        self._labels: tuple[str, ...] = ()

    def set_values(self, values: NDArray[np.float32], labels: tuple[str, ...] = ()) -> None:
        """Show these numbers."""
        self._values = np.nan_to_num(values)
        self._labels = labels if len(labels) == len(values) else ()
        self.update()

    def rows(self) -> Iterator[list[str]]:
        """Yield each bar's value."""
        yield ["index", "label", "value"]
        for index, value in enumerate(self._values.tolist()):
            yield [str(index), self._labels[index] if self._labels else "", repr(value)]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the bars; the largest stands out."""
        if not self._values.size:
            return
        with QPainter(self) as painter:
            width, height, zero, unit = self._measure()
            largest = int(self._values.argmax())
            accent, rest = self.theme.color("accent"), self.theme.color("accent")
            rest.setAlphaF(0.55)
            gap = min(0.25 * width, 6.0)
            painter.setPen(Qt.PenStyle.NoPen)
            bars = np.empty((len(self._values), 4))
            bars[:, 0] = np.arange(len(bars)) * width + gap / 2
            bars[:, 1] = zero - np.maximum(self._values, 0.0) * unit
            bars[:, 2] = max(width - gap, 1.0)
            bars[:, 3] = np.maximum(np.abs(self._values) * unit, 1.0)
            stands_out = np.arange(len(bars)) == (largest if self._labels else -1)
            for chosen, brush in ((~stands_out, rest), (stands_out, accent)):
                painter.setBrush(brush)
                draw_rects(painter, bars[chosen])
            painter.setPen(QPen(self.theme.color("line"), 1))
            painter.drawLine(QPointF(0, zero), QPointF(self.width(), zero))
            painter.setPen(self.theme.color("muted"))
            painter.setFont(ui_font(10))
            metrics = QFontMetrics(painter.font())
            for index, name in enumerate(self._labels):
                text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(width) - 2)
                painter.drawText(QRectF(index * width, height + 2, width, 15), _CENTER, text)

    def _measure(self) -> tuple[float, float, float, float]:
        height = self.height() - (18 if self._labels else 0)
        low, high = min(float(self._values.min()), 0.0), max(float(self._values.max()), 0.0)
        unit = (height - 4) / ((high - low) or 1.0)
        width = min(self.width() / len(self._values), 96.0)
        return width, height, 2 + high * unit, unit

    def explain(self, point: QPointF) -> str:
        """Say a bar's value."""
        if not self._values.size:
            return ""
        index = int(point.x() / self._measure()[0])
        if not 0 <= index < len(self._values):
            return ""
        name = self._labels[index] if self._labels else f"unit {index + 1}"
        return f"{name}: {value_text(float(self._values[index]))}"
