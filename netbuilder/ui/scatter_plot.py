"""Two values of runs against each other, and the front of those that no other run beats in both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from netbuilder.training.run_values import lower_is_better
from netbuilder.ui.run_axes import RunAxis, pareto_front
from netbuilder.ui.run_rows import Row
from netbuilder.ui.theme import Theme, ui_font

_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 14, 16, 38
_NEAR = 9.0
COSTS = frozenset({"parameters", "duration", "steps", "epochs"})
"""Values of which less is better, beside losses and errors."""


def less_is_better(key: str) -> bool:
    """Whether a front is drawn towards less of a value."""
    return key in COSTS or lower_is_better(key)


class ScatterPlot(QWidget):
    """The plot. A click selects a run, with Ctrl besides the others.

    Signals:
        chosen: (tuple of str) these runs are to be selected.
    """

    chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.rows: list[Row] = []
        self.across: RunAxis | None = None
        self.up: RunAxis | None = None
        self.selection: tuple[str, ...] = ()
        self._colors: list[QColor] = []
        self._hovered = -1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Two values of runs against each other")

    def sizeHint(self) -> QSize:
        """Return a size in which points can be told apart."""
        return QSize(360, 220)

    def show_runs(self, rows: Iterable[Row], across: RunAxis, up: RunAxis, colors: Iterable[QColor]) -> None:
        """Show these runs, each in its colour."""
        self.rows, self.across, self.up, self._colors = list(rows), across, up, list(colors)
        self._hovered = -1
        self.update()

    def select(self, runs: Sequence[str]) -> None:
        """Draw these runs as selected."""
        self.selection = tuple(runs)
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.theme = theme
        self.update()

    @property
    def front(self) -> list[int]:
        """The numbers of the runs that no other beats in both values; [] where one of them is made of words."""
        if self.across is None or self.up is None or self.across.words or self.up.words:
            return []
        keys = (self.across.key, self.up.key)
        points: list[tuple[float, float] | None] = []
        for row in self.rows:
            first, second = (row.values.get(key) for key in keys)
            known = isinstance(first, (int, float)) and isinstance(second, (int, float))
            is_there = known and first == first and second == second
            points.append((float(first), float(second)) if is_there else None)  # type: ignore[arg-type]
        return pareto_front(points, (less_is_better(keys[0]), less_is_better(keys[1])))

    def table(self) -> Iterable[Sequence[object]]:
        """Yield both values of each run, their names first, and whether it is on the front."""
        if self.across is None or self.up is None:
            return
        yield ["Run", self.across.title, self.up.title, "Front"]
        front = set(self.front)
        for number, row in enumerate(self.rows):
            values = (row.values.get(axis.key) for axis in (self.across, self.up))
            yield [row.values.get("name"), *values, number in front]

    def point_of(self, row: Row) -> QPointF | None:
        """Return where a run lies; None where it lacks a value."""
        if self.across is None or self.up is None:
            return None
        x, y = self.across.place(row.values.get(self.across.key)), self.up.place(row.values.get(self.up.key))
        return None if x is None or y is None else self._at(x, y)

    def _at(self, x: float, y: float) -> QPointF:
        width, height = self.width() - _LEFT - _RIGHT, self.height() - _TOP - _BOTTOM
        return QPointF(_LEFT + width * (0.03 + 0.94 * x), self.height() - _BOTTOM - height * (0.03 + 0.94 * y))

    def run_near(self, at: QPointF) -> int:
        """Return the number of the run nearest to a point; -1 where none is near."""
        best, nearest = -1, _NEAR
        for number, row in enumerate(self.rows):
            point = self.point_of(row)
            if point is not None and (distance := (point - at).manhattanLength()) < nearest:
                best, nearest = number, distance
        return best

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint axes, front and points."""
        with QPainter(self) as painter:
            self.draw(painter)

    def draw(self, painter: QPainter) -> None:
        """Draw everything."""
        if self.across is None or self.up is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_axes(painter, self.across, self.up)
        self._paint_front(painter)
        for number, row in enumerate(self.rows):
            point = self.point_of(row)
            if point is None:
                continue
            chosen = row.id in self.selection or number == self._hovered
            painter.setPen(QPen(self.theme.color("text" if chosen else "panel"), 2 if chosen else 1))
            painter.setBrush(self._colors[number])
            painter.drawEllipse(point, 6 if chosen else 4.5, 6 if chosen else 4.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_axes(self, painter: QPainter, across: RunAxis, up: RunAxis) -> None:
        painter.setFont(ui_font(10))
        line, muted, text = (self.theme.color(token) for token in ("line", "muted", "text"))
        for place, words in up.ticks():
            y = self._at(0, place).y()
            painter.setPen(QPen(line, 1))
            painter.drawLine(QPointF(_LEFT, y), QPointF(self.width() - _RIGHT, y))
            painter.setPen(muted)
            painter.drawText(QRectF(0, y - 8, _LEFT - 8, 16), _ENDS, words)
        for place, words in across.ticks():
            painter.setPen(muted)
            x = self._at(place, 0).x()
            painter.drawText(QRectF(x - 40, self.height() - _BOTTOM + 3, 80, 14), _MIDDLE, words)
        painter.setFont(ui_font(11))
        painter.setPen(text)
        painter.drawText(QRectF(_LEFT, self.height() - 18, self.width() - _LEFT - _RIGHT, 16), _MIDDLE, _named(across))
        painter.drawText(QRectF(_LEFT + 4, 0, self.width() - _LEFT, 16), Qt.AlignmentFlag.AlignLeft, f"↑ {_named(up)}")

    def _paint_front(self, painter: QPainter) -> None:
        points = [point for number in self.front if (point := self.point_of(self.rows[number])) is not None]
        if len(points) < 2:
            return
        path = QPainterPath(points[0])
        for before, point in pairwise(points):
            path.lineTo(QPointF(point.x(), before.y()))
            path.lineTo(point)
        painter.setPen(QPen(self.theme.color("good"), 1.4, Qt.PenStyle.DashLine))
        painter.drawPath(path)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point at a run."""
        near = self.run_near(event.position())
        if near != self._hovered:
            self._hovered = near
            self.setToolTip(str(self.rows[near].values.get("name", "")) if near >= 0 else "")
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select a run."""
        near = self.run_near(event.position())
        run: tuple[str, ...] = (self.rows[near].id,) if near >= 0 else ()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and run:
            held = run[0] in self.selection
            run = tuple(each for each in self.selection if each != run[0]) if held else (*self.selection, *run)
        self.chosen.emit(run)


_ENDS = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_MIDDLE = Qt.AlignmentFlag.AlignCenter


def _named(axis: RunAxis) -> str:
    return axis.title + (" (log)" if axis.logarithmic else "")
