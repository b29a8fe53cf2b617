"""Parallel coordinates: an axis a value, a line a run; parts of axes are brushed, and a click selects the run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from netbuilder.training.run_values import lower_is_better
from netbuilder.ui.colors import VIRIDIS
from netbuilder.ui.run_axes import Brush, RunAxis, passing
from netbuilder.ui.run_rows import Row
from netbuilder.ui.theme import Theme, ui_font

_TOP, _BOTTOM, _SIDE = 40, 20, 70
_NEAR = 7.0
"""So many pixels from a line are on it."""

_LEAST = 0.015  # a shorter drag along an axis is a click, which takes its brush away


class ParallelPlot(QWidget):
    """The plot.

    Dragging along an axis brushes a part of it, a click on the axis takes the brush away, a double click on its title
    makes it logarithmic or linear. A click on a line selects its run, with Ctrl besides the others. Left and Right go
    from run to run, Escape takes all brushes away.

    Signals:
        chosen: (tuple of str) these runs are to be selected.
        brushed: () other runs pass.
        switched: (str) the axis of this key is to be logarithmic, or linear again.
    """

    chosen = Signal(object)
    brushed = Signal()
    switched = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.rows: list[Row] = []
        self.axes: list[RunAxis] = []
        self.color_by = ""
        self.selection: tuple[str, ...] = ()
        self.brushes: dict[str, Brush] = {}
        self.passes: list[bool] = []
        self._hovered = -1
        self._drag: tuple[int, float] | None = None
        self._picture: QPixmap | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Runs on parallel axes")

    def sizeHint(self) -> QSize:
        """Return a size in which a few axes can be read."""
        return QSize(560, 220)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest useful size."""
        return QSize(240, 120)

    # What is shown -------------------------------------------------------------------------------------------------

    def show_runs(self, rows: Iterable[Row], axes: Iterable[RunAxis], color_by: str) -> None:
        """Show these runs on these axes, coloured by one value."""
        self.rows, self.axes, self.color_by = list(rows), list(axes), color_by
        keys = {axis.key for axis in self.axes}
        self.brushes = {key: brush for key, brush in self.brushes.items() if key in keys}
        self._hovered = -1
        self._judge()

    def select(self, runs: Sequence[str]) -> None:
        """Draw these runs as selected."""
        self.selection = tuple(runs)
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.theme = theme
        self.refresh()

    def refresh(self) -> None:
        """Draw everything again."""
        self._picture = None
        self.update()

    def set_brush(self, key: str, brush: Brush | None) -> None:
        """Brush a part of an axis, or none of it."""
        if brush is None:
            self.brushes.pop(key, None)
        else:
            self.brushes[key] = brush
        self._judge()
        self.brushed.emit()

    def table(self) -> Iterable[Sequence[object]]:
        """Yield the numbers of the runs that pass, a line a run, their names first."""
        yield ["Run", *(axis.title for axis in self.axes)]
        for row, passes in zip(self.rows, self.passes, strict=True):
            if passes:
                yield [row.values.get("name"), *(row.values.get(axis.key) for axis in self.axes)]

    def _judge(self) -> None:
        self.passes = passing(self.rows, self.axes, self.brushes)
        self.setAccessibleDescription(f"{sum(self.passes)} of {len(self.rows)} runs pass")
        self.refresh()

    # Where things are ----------------------------------------------------------------------------------------------

    def x_of(self, number: int) -> float:
        """Return where an axis stands."""
        room = self.width() - 2 * _SIDE
        return _SIDE + room * (number / (len(self.axes) - 1) if len(self.axes) > 1 else 0.5)

    def y_of(self, place: float) -> float:
        """Return where a place of an axis lies, 0 to 1."""
        return self.height() - _BOTTOM - place * (self.height() - _TOP - _BOTTOM)

    def _place_at(self, y: float) -> float:
        return min(max((self.height() - _BOTTOM - y) / max(self.height() - _TOP - _BOTTOM, 1), 0.0), 1.0)

    def points_of(self, row: Row) -> NDArray[np.float64]:
        """Return a run's point on each axis; nan where it has no value."""
        places = [axis.place(row.values.get(axis.key)) for axis in self.axes]
        y = [np.nan if place is None else self.y_of(place) for place in places]
        return np.column_stack(([self.x_of(number) for number in range(len(self.axes))], y))

    def run_near(self, at: QPointF) -> int:
        """Return the number of the run whose line is nearest to a point; -1 where none is near."""
        best, nearest = -1, _NEAR
        for number, row in enumerate(self.rows):
            if not self.passes[number]:
                continue
            distance = _distance(self.points_of(row), at.x(), at.y())
            if distance < nearest:
                best, nearest = number, distance
        return best

    def axis_near(self, x: float) -> int:
        """Return the number of the axis at a horizontal position; -1 where there is none."""
        near = [(abs(self.x_of(number) - x), number) for number in range(len(self.axes))]
        distance, number = min(near, default=(np.inf, -1))
        return number if distance <= 9 else -1

    # Painting ------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the lines, from the pixmap where nothing changed, and over them what is selected or pointed at."""
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.size() != self.size() * ratio:
            self._picture = QPixmap(self.size() * ratio)
            self._picture.setDevicePixelRatio(ratio)
            self._picture.fill(Qt.GlobalColor.transparent)
            with QPainter(self._picture) as painter:
                self.draw(painter)
        with QPainter(self) as painter:
            painter.drawPixmap(0, 0, self._picture)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for number, row in enumerate(self.rows):
                if row.id in self.selection or number == self._hovered:
                    painter.setPen(QPen(self.theme.color("text"), 4 if row.id in self.selection else 3))
                    painter.drawPath(_path(self.points_of(row)))
                    painter.setPen(QPen(self.line_color(row), 2))
                    painter.drawPath(_path(self.points_of(row)))
            if self.hasFocus():
                painter.setPen(QPen(self.theme.color("accent"), 1, Qt.PenStyle.DotLine))
                painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)

    def draw(self, painter: QPainter) -> None:
        """Draw axes and lines, without what is selected."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        faint = self.theme.color("line")
        painter.setPen(QPen(faint, 1))
        for row, passes in zip(self.rows, self.passes, strict=True):
            if not passes:
                painter.drawPath(_path(self.points_of(row)))
        for row, passes in zip(self.rows, self.passes, strict=True):
            if passes:
                painter.setPen(QPen(self.line_color(row), 1.3))
                painter.drawPath(_path(self.points_of(row)))
        for number, axis in enumerate(self.axes):
            self._paint_axis(painter, number, axis)

    def line_color(self, row: Row) -> QColor:
        """Return a run's colour: bright is good; muted where its value is not known."""
        axis = next((axis for axis in self.axes if axis.key == self.color_by), None)
        place = axis.place(row.values.get(self.color_by)) if axis is not None else None
        if place is None:
            return self.theme.color("muted")
        good = 1.0 - place if lower_is_better(self.color_by) else place
        # The darkest end of the table is lost on a dark background, the brightest on a light one.
        at = 60 + 195 * good if self.theme.is_dark else 200 * good
        red, green, blue = VIRIDIS[round(min(max(at, 0.0), 255.0))].tolist()
        return QColor(red, green, blue)

    def _paint_axis(self, painter: QPainter, number: int, axis: RunAxis) -> None:
        x = round(self.x_of(number)) + 0.5
        painter.setPen(QPen(self.theme.color("muted"), 1))
        painter.drawLine(QPointF(x, self.y_of(0)), QPointF(x, self.y_of(1)))
        if (brush := self.brushes.get(axis.key)) is not None:
            color = self.theme.color("accent")
            painter.setPen(QPen(color, 1))
            color.setAlphaF(0.3)
            painter.setBrush(color)
            top, bottom = self.y_of(brush.high), self.y_of(brush.low)
            painter.drawRoundedRect(QRectF(x - 6, top, 12, max(bottom - top, 2)), 3, 3)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        room = min((self.width() - 2 * _SIDE) / max(len(self.axes) - 1, 1), 2.0 * _SIDE) - 6
        painter.setFont(ui_font(11))
        metrics = QFontMetrics(painter.font())
        painter.setPen(self.theme.color("text"))
        title = metrics.elidedText(axis.title, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(QRectF(x - room / 2, 4, room, 16), Qt.AlignmentFlag.AlignCenter, title)
        painter.setFont(ui_font(10))
        painter.setPen(self.theme.color("muted"))
        if axis.logarithmic:
            painter.drawText(QRectF(x - room / 2, 18, room, 12), Qt.AlignmentFlag.AlignCenter, "log")
        small = QFontMetrics(painter.font())
        for place, text in _apart(axis.ticks(), self.height() - _TOP - _BOTTOM):
            text = small.elidedText(text, Qt.TextElideMode.ElideMiddle, int(room))
            box = QRectF(x + 8, self.y_of(place) - 7, small.horizontalAdvance(text) + 4, 14)
            back = self.theme.color("bar")
            back.setAlphaF(0.75)
            painter.fillRect(box, back)
            painter.drawText(box.adjusted(2, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)

    # Gestures ------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of an axis, or select a run."""
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        at = event.position()
        axis = self.axis_near(at.x())
        if axis >= 0 and at.y() >= _TOP - 8:
            self._drag = (axis, self._place_at(at.y()))
            return
        self._choose(self.run_near(at), bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Brush, or point at a run."""
        at = event.position()
        if self._drag is not None:
            axis, start = self._drag
            low, high = sorted((start, self._place_at(at.y())))
            if high - low >= _LEAST:
                self.set_brush(self.axes[axis].key, Brush(low, high))
            return
        near = self.run_near(at)
        if near != self._hovered:
            self._hovered = near
            self.setToolTip(str(self.rows[near].values.get("name", "")) if near >= 0 else "")
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go; an axis that was only clicked loses its brush."""
        if self._drag is not None:
            axis, start = self._drag
            self._drag = None
            if abs(self._place_at(event.position().y()) - start) < _LEAST:
                self.set_brush(self.axes[axis].key, None)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Make an axis logarithmic, or linear again."""
        axis = self.axis_near(event.position().x())
        if axis >= 0 and event.position().y() < _TOP:
            self.switched.emit(self.axes[axis].key)

    def leaveEvent(self, event: object) -> None:
        """Point at nothing."""
        self._hovered = -1
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go from run to run; take all brushes away."""
        key = event.key()
        shown = [number for number, passes in enumerate(self.passes) if passes]
        if key == Qt.Key.Key_Escape and self.brushes:
            self.brushes = {}
            self._judge()
            self.brushed.emit()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and shown:
            now = [place for place, number in enumerate(shown) if self.rows[number].id in self.selection]
            step = 1 if key == Qt.Key.Key_Right else -1
            self._choose(shown[(now[0] + step) % len(shown)] if now else shown[0], False)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw for the new size."""
        self.refresh()

    def _choose(self, number: int, besides: bool) -> None:
        run: tuple[str, ...] = (self.rows[number].id,) if number >= 0 else ()
        if besides and run:
            held = run[0] in self.selection
            run = tuple(each for each in self.selection if each != run[0]) if held else (*self.selection, *run)
        self.chosen.emit(run)


def _path(points: NDArray[np.float64]) -> QPainterPath:
    """Return a line through the points that are known, broken where one is not."""
    path = QPainterPath()
    is_down = False
    for x, y in points.tolist():
        if y != y:
            is_down = False
        elif is_down:
            path.lineTo(x, y)
        else:
            path.moveTo(x, y)
            is_down = True
    if len(points) == 1 and is_down:
        path.addEllipse(QPointF(*points[0].tolist()), 2, 2)
    return path


def _distance(points: NDArray[np.float64], x: float, y: float) -> float:
    """Return how far a point is from a line."""
    if not len(points):
        return np.inf
    if len(points) == 1:
        points = np.repeat(points, 2, axis=0)
    start, end = points[:-1], points[1:]
    along = end - start
    length = np.maximum((along**2).sum(axis=1), 1e-9)
    part = np.clip((((x, y) - start) * along).sum(axis=1) / length, 0, 1)
    off = start + part[:, None] * along - (x, y)
    distances = np.hypot(off[:, 0], off[:, 1])
    known = distances[np.isfinite(distances)]
    return float(known.min()) if len(known) else np.inf


def _apart(ticks: Sequence[tuple[float, str]], height: float) -> Iterable[tuple[float, str]]:
    """Yield the ticks for which there is room, from below."""
    last = -np.inf
    for place, text in ticks:
        if (place - last) * height >= 13:
            last = place
            yield place, text
