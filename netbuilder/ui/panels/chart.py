"""The chart: lines over steps, drawn by hand so that a live curve of a million points costs a few milliseconds.

The lines are painted once a refresh into a pixmap; the cursor's readout is painted over it. Nothing here imports a
plotting package, so the chart costs the start nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, cast

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget
from shiboken6 import VoidPtr

from netbuilder.ui.panels.axis import Axis, range_of, tick_text
from netbuilder.ui.panels.decimation import Floats, Pyramid
from netbuilder.ui.panels.markers import FLAG_HEIGHT, Marker, marker_near, paint_markers
from netbuilder.ui.panels.trace import Band, Trace, Unit, color_of
from netbuilder.ui.theme import Theme, mono_font, ui_font


class Chart(QWidget):
    """Lines over steps with a left and a right axis.

    Wheel or + and - zoom, dragging moves, a double click or Home shows everything; Left and Right move the cursor.

    Signals:
        hovered: (step) the cursor stands there; -1 when it left, or stands at no step: the axis counts something else.
        markerChosen: (Marker, QPoint) a flag was pressed, here on the screen.
    """

    hovered = Signal(int)
    markerChosen = Signal(object, object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.traces: list[Trace] = []
        self.bands: list[Band] = []
        self.unit = Unit.STEPS
        self.markers: tuple[Marker, ...] = ()
        self.logarithmic = False
        self.cursor_step: float | None = None
        self.marked: float | None = None
        self._span: tuple[float, float] | None = None
        self._picture: QPixmap | None = None
        self._axes: tuple[Axis, Axis, Axis] | None = None
        self._drag: float | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Loss and metrics over steps")

    def sizeHint(self) -> QSize:
        """Return a size in which curves can be read."""
        return QSize(420, 200)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest useful size."""
        return QSize(160, 80)

    def set_traces(self, traces: Iterable[Trace], bands: Iterable[Band] = ()) -> None:
        """Draw these lines from now on, over these bands."""
        self.traces, self.bands = list(traces), list(bands)
        self.refresh()

    def set_unit(self, unit: Unit) -> None:
        """Count something else on the horizontal axis; the traces must have been placed so."""
        if unit is not self.unit:
            self.unit, self._span, self.cursor_step = unit, None, None
            self.refresh()

    def set_markers(self, markers: tuple[Marker, ...]) -> None:
        """Draw these flags from now on."""
        if markers != self.markers:
            self.markers = markers
            self.refresh()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.theme = theme
        self.refresh()

    def set_logarithmic(self, logarithmic: bool) -> None:
        """Make the left axis logarithmic, or linear."""
        self.logarithmic = logarithmic
        self.refresh()

    def set_span(self, span: tuple[float, float] | None) -> None:
        """Show the steps from one to another; None follows the whole run."""
        end = self._end()
        if span is not None and (span[1] - span[0] >= end or span[1] - span[0] < 2):
            span = None if span[1] - span[0] >= end else self._span
        if span is not None:
            shift = max(0.0, -span[0]) - max(0.0, span[1] - end)
            span = (span[0] + shift, span[1] + shift)
        self._span = span
        self.refresh()

    @property
    def span(self) -> tuple[float, float]:
        """The steps shown."""
        return self._span or (0.0, self._end())

    def refresh(self) -> None:
        """Draw again what the traces hold now: ranges are found and lines made once for each call."""
        self._picture = None
        self.update()

    def axes(self) -> tuple[Axis, Axis, Axis]:
        """Return the axes in force: steps, left, right."""
        if self._picture is None or self._axes is None:
            self._axes = self._measure()
        return self._axes

    def _end(self) -> float:
        ends = [float(trace.raw.steps[-1]) for trace in self.traces if len(trace.raw)]
        return max([*ends, 10.0])

    def _measure(self) -> tuple[Axis, Axis, Axis]:
        has_right = any(trace.right and len(trace.raw) for trace in self.traces)
        area = QRectF(46, 6, max(self.width() - 46 - (46 if has_right else 10), 20), max(self.height() - 28, 20))
        x = Axis(*self.span, area.left(), area.right())
        left = self._vertical(area, right=False)
        right = self._vertical(area, right=True)
        return x, left, right

    def _vertical(self, area: QRectF, *, right: bool) -> Axis:
        logarithmic = self.logarithmic and not right
        lines = [trace.raw for trace in self.traces if trace.right is right]
        lines += [line for band in self.bands if band.right is right for line in (band.low, band.high)]
        found = [line.range(*self.span) for line in lines if len(line)]
        known = [one for one in found if one is not None]
        percent = [trace.percent for trace in self.traces if trace.right and len(trace.raw)]
        if right and percent and all(percent):
            low, high = 0.0, 1.04
        elif known:
            low, high = min(one.low for one in known), max(one.high for one in known)
            if logarithmic and low <= 0:
                smallest = self._smallest_positive(right)
                logarithmic = smallest > 0
                low = smallest or low
            low, high = range_of(low, high, logarithmic=logarithmic)
        else:
            low, high, logarithmic = 0.0, 1.0, False
        return Axis(low, high, area.bottom(), area.top(), logarithmic)

    def _smallest_positive(self, right: bool) -> float:
        values = np.concatenate(
            [trace.raw.outline(*self.span, 512)[1] for trace in self.traces if trace.right is right]
        )
        positive = values[np.isfinite(values) & (values > 0)]
        return float(positive.min()) if len(positive) else 0.0

    # Painting ------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the lines, from the pixmap where nothing changed, and the cursor."""
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.size() != self.size() * ratio:
            self._axes = self._measure()
            self._picture = QPixmap(self.size() * ratio)
            self._picture.setDevicePixelRatio(ratio)
            self._picture.fill(Qt.GlobalColor.transparent)
            with QPainter(self._picture) as painter:
                self.draw(painter)
        with QPainter(self) as painter:
            painter.drawPixmap(0, 0, self._picture)
            if self.hasFocus():
                painter.setPen(QPen(self.theme.color("accent"), 1, Qt.PenStyle.DotLine))
                painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
            if self.marked is not None:
                self._paint_mark(painter, self.marked)
            if self.cursor_step is not None:
                self._paint_cursor(painter)

    def draw(self, painter: QPainter) -> None:
        """Draw axes and lines, without the cursor."""
        self._paint_axes(painter)
        paint_markers(painter, self.markers, *self.axes()[:2], self.theme)
        self._paint_traces(painter)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw for the new size."""
        self.refresh()

    def _paint_axes(self, painter: QPainter) -> None:
        x, left, right = self.axes()
        painter.setFont(ui_font(10))
        line, muted = self.theme.color("line"), self.theme.color("muted")
        step = _distance(left.ticks(34))
        for tick in left.ticks(34):
            y = round(left.pixel(tick)) + 0.5
            painter.setPen(QPen(line, 1))
            painter.drawLine(QPointF(x.start, y), QPointF(x.end, y))
            painter.setPen(muted)
            text = tick_text(tick, tick if left.logarithmic else step)
            painter.drawText(QRectF(0, y - 8, x.start - 8, 16), _RIGHT, text)
        painter.setPen(muted)
        for tick, text in self.unit.ticks(x, 70):
            painter.drawText(QRectF(x.pixel(tick) - 40, left.start + 5, 80, 16), _CENTER, text)
        shown = [trace for trace in self.traces if trace.right and len(trace.raw)]
        if shown:
            painter.setPen(self.theme.color("muted") if shown[0].colors else shown[0].color(self.theme))
            percent, step = all(trace.percent for trace in shown), _distance(right.ticks(34))
            for tick in right.ticks(34):
                text = f"{100 * tick:.0f} %" if percent else tick_text(tick, step)
                painter.drawText(QRectF(x.end + 6, right.pixel(tick) - 8, 42, 16), _LEFT, text)

    def _paint_traces(self, painter: QPainter) -> None:
        x, left, right = self.axes()
        painter.setClipRect(QRectF(x.start, left.end - 2, x.end - x.start, left.start - left.end + 4))
        for band in self.bands:
            self._paint_band(painter, band, right if band.right else left)
        for trace in sorted(self.traces, key=lambda trace: not trace.colors):  # the run's own lie on those of others
            color = trace.color(self.theme)
            vertical = right if trace.right else left
            if len(trace.smoothed):
                faint = QColor(color)
                faint.setAlphaF(0.28)
                self._paint_line(painter, trace.raw, vertical, faint, trace.style)
            self._paint_line(painter, trace.shown, vertical, color, trace.style)

    def _paint_band(self, painter: QPainter, band: Band, vertical: Axis) -> None:
        x = self.axes()[0]
        columns = max(int(x.end - x.start), 1)
        sides = [line.outline(*self.span, columns) for line in (band.low, band.high)]
        at = np.concatenate((x.pixels(sides[0][0]), x.pixels(sides[1][0])[::-1]))
        # What a logarithmic axis cannot show lies below it.
        heights = [np.nan_to_num(vertical.pixels(values), nan=vertical.start) for _, values in sides]
        color = color_of(self.theme, "accent", band.colors)
        color.setAlphaF(0.2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPolygon(polygon(at, np.concatenate((heights[0], heights[1][::-1]))))
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_line(self, painter: QPainter, line: Pyramid, vertical: Axis, color: QColor, style: Qt.PenStyle) -> None:
        x = self.axes()[0]
        steps, values = line.outline(*self.span, max(int(x.end - x.start), 1))
        at, height = x.pixels(steps), vertical.pixels(values)
        # A width of 1 takes Qt's fast path; wider pens cost several times as much.
        painter.setPen(QPen(color, 1, style))
        # Where every column is crossed from top to bottom, smooth edges show nothing and cost ten times as much.
        dense = len(steps) > 2 * (x.end - x.start)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not dense)
        known = np.isfinite(height)
        for part in _runs(known):
            points = polygon(at[part], height[part])
            if part.stop - part.start == 1:
                painter.drawEllipse(QPointF(at[part][0], height[part][0]), 1.5, 1.5)
            else:
                painter.drawPolyline(points)

    def mark(self, step: float | None) -> None:
        """Draw a line at the step that the window's pictures show; None shows now."""
        if step != self.marked:
            self.marked = step
            self.update()

    def _paint_mark(self, painter: QPainter, step: float) -> None:
        x, left, _ = self.axes()
        column = round(x.pixel(step)) + 0.5
        if x.start <= column <= x.end:
            painter.setPen(QPen(self.theme.color("accent"), 2))
            painter.drawLine(QPointF(column, left.end), QPointF(column, left.start))

    def _paint_cursor(self, painter: QPainter) -> None:
        assert self.cursor_step is not None
        x, left, right = self.axes()
        column = round(x.pixel(self.cursor_step)) + 0.5
        painter.setPen(QPen(self.theme.color("muted"), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(column, left.end), QPointF(column, left.start))
        rows = [(self.unit.cursor_text(self.cursor_step), self.theme.color("muted"))]
        near = marker_near(self.markers, x, column)
        if near is not None:
            rows.append((near.short, self.theme.color("text")))
        for trace, value in self.readout():
            rows.append((f"{trace.title}  {trace.text(value)}", trace.color(self.theme)))
            if math.isfinite(value):
                y = (right if trace.right else left).pixel(value)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(trace.color(self.theme))
                painter.drawEllipse(QPointF(column, y), 3, 3)
        self._paint_box(painter, column, rows)

    def _paint_box(self, painter: QPainter, column: float, rows: list[tuple[str, QColor]]) -> None:
        painter.setFont(mono_font(11))
        # The painter's own: others measure letters as they would be without their fitting to the screen's pixels.
        metrics = painter.fontMetrics()
        width = max(metrics.horizontalAdvance(text) for text, _ in rows) + 16
        height = len(rows) * 16 + 10
        left = column + 10 if column + 10 + width < self.width() else column - 10 - width
        box = QRectF(left, 10, width, height)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.theme.color("node_border"), 1))
        painter.setBrush(self.theme.color("panel"))
        painter.drawRoundedRect(box, 6, 6)
        for index, (text, color) in enumerate(rows):
            painter.setPen(color)
            painter.drawText(QRectF(left + 8, 15 + 16 * index, width, 16), _LEFT, text)

    def readout(self) -> list[tuple[Trace, float]]:
        """Return every line's value at the cursor, as far as the readout tells them."""
        if self.cursor_step is None:
            return []
        read = [(trace, trace.at(self.cursor_step)) for trace in self.traces if not trace.quiet]
        return [(trace, value) for trace, value in read if value is not None]

    # Gestures ------------------------------------------------------------------------------------------------------

    def set_cursor(self, step: float | None) -> None:
        """Put the cursor at a step, or take it away."""
        self.cursor_step = None if step is None else float(round(min(max(step, self.span[0]), self.span[1])))
        is_step = self.cursor_step is not None and self.unit is Unit.STEPS
        self.hovered.emit(int(self.cursor_step or 0) if is_step else -1)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the cursor, or the lines."""
        x = self.axes()[0]
        at = x.value(event.position().x())
        if self._drag is not None and self._span:
            shift = self._drag - at
            self.set_span((self._span[0] + shift, self._span[1] + shift))
        else:
            self.set_cursor(at if x.start <= event.position().x() <= x.end else None)

    def leaveEvent(self, event: object) -> None:
        """Take the cursor away."""
        self.set_cursor(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the lines, or of a flag."""
        x, left, _ = self.axes()
        marker = marker_near(self.markers, x, event.position().x())
        if marker is not None and event.position().y() <= left.end + FLAG_HEIGHT:
            self.markerChosen.emit(marker, event.globalPosition().toPoint())
        elif event.button() is Qt.MouseButton.LeftButton:
            self._drag = self.axes()[0].value(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show the whole run."""
        self.set_span(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom around the cursor."""
        self._zoom(0.8 ** (event.angleDelta().y() / 120), self.axes()[0].value(event.position().x()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the cursor and zoom by keys."""
        start, end = self.span
        middle = self.cursor_step if self.cursor_step is not None else (start + end) / 2
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.set_cursor(middle + (1 if key == Qt.Key.Key_Right else -1) * max(round((end - start) / 100), 1))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._zoom(1.25 if key == Qt.Key.Key_Minus else 0.8, middle)
        elif key == Qt.Key.Key_Home:
            self.set_span(None)
        else:
            super().keyPressEvent(event)

    def _zoom(self, factor: float, around: float) -> None:
        start, end = self.span
        self.set_span((around - (around - start) * factor, around + (end - around) * factor))


_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_CENTER = Qt.AlignmentFlag.AlignCenter


def _distance(ticks: list[float]) -> float:
    return ticks[1] - ticks[0] if len(ticks) > 1 else (abs(ticks[0]) if ticks else 1.0)


def _runs(known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], known, [False])).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def polygon(x: Floats, y: Floats) -> QPolygonF:
    """Return points as Qt wants them, copied at once: point by point takes as long as drawing them."""
    points = QPolygonF()
    points.resize(len(x))
    memory: Any = cast("Any", VoidPtr)(points.data(), 16 * len(x), True)  # its stub lacks this constructor
    pairs = np.frombuffer(memory, np.float64).reshape(-1, 2)
    pairs[:, 0], pairs[:, 1] = x, y
    return points
