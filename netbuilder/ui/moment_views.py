"""What two moments differ in, drawn: layers, losses and metrics, the confusion matrix, the answers to samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from netbuilder.ui.colors import diverging, indices, qt_table
from netbuilder.ui.panels.axis import value_text
from netbuilder.ui.panels.cards import clear, label
from netbuilder.ui.panels.layer_list import GAP, RIGHT, Layer, LayerList
from netbuilder.ui.panels.matrices import ConfusionView, Painted
from netbuilder.ui.panels.mosaic import from_argb
from netbuilder.ui.quantities import is_share, quantity_title
from netbuilder.ui.theme import Theme, mono_font, ui_font
from netbuilder.ui.workspace import Workspace

if TYPE_CHECKING:
    from netbuilder.training.comparison import Answers, Comparison, LayerChange

_LEAST: Final = 1e-4
"""Where the bars of changes begin; they end at 10, ten times the first norm."""

_NUMBER = 64.0  # pixels for a value at a column's right end


class ChangeList(LayerList):
    """A row a layer: how far its weights moved, as a part of their norm, and by which angle they turned."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__(workspace, theme, ("Moved by", "Turned by"), 34)
        self.setAccessibleName("How far each layer's weights moved")
        self.changes: dict[str, LayerChange] = {}

    def paint_cell(self, painter: QPainter, layer: Layer, column: int, box: QRectF) -> None:
        """Draw a bar with its number, or an angle."""
        change = self.changes.get(layer.path)
        if change is None:
            return
        if column == 0:
            part = min(max(math.log10(max(change.relative, _LEAST) / _LEAST) / math.log10(10 / _LEAST), 0.0), 1.0)
            bar = QRectF(box.left(), box.center().y() - 4, max((box.width() - _NUMBER) * part, 2.0), 8)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.color("accent"))
            painter.drawRoundedRect(bar, 2, 2)
            self._write(painter, box, moved_text(change.relative), _NUMBER)
        else:
            self._write(painter, box, angle_text(change.cosine), box.width())

    def boxes(self) -> list[tuple[float, float]]:
        """Return each column's left edge and width: an angle needs less room than a bar."""
        (left, name), (start, wide), (_, other) = super().boxes()
        angle = min(other, 60.0)
        return [(left, name), (start, wide + other - angle), (start + wide + other - angle + GAP, angle)]

    def explain(self, layer: Layer, column: int, point: QPointF, box: QRectF) -> str:
        """Say it in words."""
        change = self.changes.get(layer.path)
        if change is None:
            return f"{layer.label}: only one of the moments has it"
        return (
            f"{layer.label}: the norm of its weights went from {value_text(change.before)} to "
            f"{value_text(change.after)}; they moved by {moved_text(change.relative)} of the first, and turned by "
            f"{angle_text(change.cosine)}"
        )

    def rows(self) -> Iterator[list[str]]:
        """Yield each layer's numbers."""
        yield ["node", "label", "norm before", "norm after", "distance", "cosine"]
        for layer in self.layers:
            if change := self.changes.get(layer.path):
                numbers = (change.before, change.after, change.distance, change.cosine)
                yield [layer.path, layer.label, *map(repr, numbers)]

    def _write(self, painter: QPainter, box: QRectF, text: str, width: float) -> None:
        painter.setFont(mono_font(12))
        painter.setPen(self.theme.color("text"))
        painter.drawText(QRectF(box.right() - width, box.top(), width, box.height()), RIGHT, text)


def moved_text(relative: float) -> str:
    """Write how far weights moved, as a part of their first norm."""
    if math.isinf(relative):
        return "from 0"
    return f"{100 * relative:.3g} %" if relative < 10 else f"{relative:.3g} x"


def angle_text(cosine: float) -> str:
    """Write the angle that belongs to a cosine."""
    return "–" if math.isnan(cosine) else f"{math.degrees(math.acos(cosine)):.3g}°"


class ValueTable(QWidget):
    """A row a loss or metric: then, later, and the difference."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, tuple[float, float]] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(9)
        self._grid.setVerticalSpacing(3)

    def show_values(self, comparison: Comparison) -> None:
        """Show a comparison's losses and metrics."""
        clear(self._grid)
        self._grid.setRowStretch(len(self.values) + 1, 0)  # the line below the last table's last one
        self.values = dict(comparison.metrics)
        heads = ("", *(f"step {step:,}" for step in comparison.steps), "change")
        for column, text in enumerate(heads):
            self._put(0, column, text, "muted")
        for row, (name, (then, later)) in enumerate(self.values.items(), 1):
            percent = is_share(name)
            texts = [_value(value, percent) for value in (then, later)]
            gap = later - then
            sign = "+" if gap > 0 else ""
            texts.append("–" if math.isnan(gap) else sign + _value(gap, percent))
            self._put(row, 0, metric_title(name), "")
            for column, text in enumerate(texts, 1):
                self._put(row, column, text, "")
        self._grid.setRowStretch(len(self.values) + 1, 1)

    def rows(self) -> Iterator[list[str]]:
        """Yield the numbers."""
        yield ["series", "before", "after"]
        for name, (then, later) in self.values.items():
            yield [name, repr(then), repr(later)]

    def _put(self, row: int, column: int, text: str, role: str) -> None:
        made = label(text, role)
        if column:
            made.setAlignment(RIGHT)
            made.setFont(mono_font(12) if row else ui_font(12))
        self._grid.addWidget(made, row, column)


def metric_title(name: str) -> str:
    """Return what people call a series: "accuracy/validation" is "accuracy"."""
    if name in ("loss/train", "loss/validation"):
        return {"loss/train": "loss (train)", "loss/validation": "loss (val.)"}[name]
    return quantity_title(name)


def _value(value: float, percent: bool) -> str:
    if math.isnan(value):
        return "–"
    return f"{100 * value:.1f} %" if percent else value_text(value)


class ConfusionChange(ConfusionView):
    """How the confusion matrix changed: more of a kind in one colour, fewer in the other."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._change: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._shares = (0.0, 0.0)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        super().set_theme(theme)
        self._color()

    def set_both(self, before: NDArray[np.int64], after: NDArray[np.int64], labels: tuple[str, ...]) -> None:
        """Show what `after` has more than `before`; both have the same shape."""
        self.set_counts(np.maximum(before, after), labels)
        shown = len(self._counts)
        self._change = (after - before)[:shown, :shown]
        self._shares = _right(before), _right(after)
        self._color()
        self.setAccessibleDescription(self.summary)

    def _color(self) -> None:
        limit = float(np.abs(self._change).max(initial=0)) or 1.0
        colors = np.array(qt_table(diverging(self.theme.is_dark)), dtype=np.uint32)
        self._image = from_argb(colors[indices(self._change.astype(np.float64), -limit, limit)])
        self.update()

    @property
    def summary(self) -> str:
        """How many were right: "90.1 → 97.8 %"."""
        return f"{100 * self._shares[0]:.1f} → {100 * self._shares[1]:.1f} %"

    def rows(self) -> Iterator[list[str]]:
        """Yield the differences: a line a true class."""
        yield ["truth", *self._labels]
        for name, counts in zip(self._labels, self._change.tolist(), strict=True):
            yield [name, *map(str, counts)]

    def ink(self, row: int, column: int) -> QColor:
        """Return the colour of a cell's number."""
        return self.theme.color("text")

    def number(self, row: int, column: int) -> str:
        """Return what a cell says."""
        return f"{self._change[row, column]:+d}" if self._change[row, column] else ""

    def describe(self, row: int, column: int) -> str:
        """Say what a cell counts."""
        change = int(self._change[row, column])
        words = "as many as before" if not change else f"{abs(change):,} {'more' if change > 0 else 'fewer'}"
        return f"truth {self._labels[row]}, predicted {self._labels[column]}: {words}"


def _right(counts: NDArray[np.int64]) -> float:
    return float(np.trace(counts) / max(int(counts.sum()), 1))


class AnswersView(Painted):
    """What the network said to each of the fixed samples, then and later; what changed stands out."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._texts: list[tuple[str, str]] = []
        self._gaps: NDArray[np.float64] = np.zeros(0)

    def set_answers(self, answers: Answers, labels: tuple[str, ...]) -> None:
        """Show the chosen classes, or the values where there is one a sample."""
        before, after = answers.before.astype(np.float64), answers.after.astype(np.float64)
        self._gaps = np.linalg.norm(after - before, axis=1)
        if before.shape[1] == 1:
            self._texts = [(value_text(a), value_text(b)) for a, b in zip(before[:, 0], after[:, 0], strict=True)]
        else:
            pairs = zip(*(each.tolist() for each in answers.chosen), strict=True)
            names = dict(enumerate(labels))
            self._texts = [(names.get(a, str(a)), names.get(b, str(b))) for a, b in pairs]
        self.setAccessibleDescription(self.summary)
        self.update()

    @property
    def summary(self) -> str:
        """How many samples are answered otherwise."""
        others = sum(a != b for a, b in self._texts)
        return f"{others} of {len(self._texts)} changed"

    def rows(self) -> Iterator[list[str]]:
        """Yield each sample's answers."""
        yield ["sample", "before", "after", "distance"]
        for index, ((a, b), gap) in enumerate(zip(self._texts, self._gaps.tolist(), strict=True), 1):
            yield [str(index), a, b, repr(gap)]

    def minimumSizeHint(self) -> QSize:
        """Return the room in which each sample's line can be read."""
        return QSize(130, 8 * 15)

    def _boxes(self) -> list[QRectF]:
        count = len(self._texts)
        columns = 2 if count > 8 else 1
        lines = -(-count // columns) or 1
        height, width = min(self.height() / lines, 24.0), self.width() / columns
        return [QRectF(at // lines * width, at % lines * height, width - 2, height) for at in range(count)]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw a line a sample."""
        with QPainter(self) as painter:
            painter.setFont(ui_font(11))
            for index, (box, (a, b)) in enumerate(zip(self._boxes(), self._texts, strict=True), 1):
                changed = a != b
                painter.setPen(self.theme.color("muted"))
                painter.drawText(QRectF(box.left(), box.top(), 16, box.height()), RIGHT, str(index))
                painter.setPen(self.theme.color("text" if changed else "muted"))
                rest = box.adjusted(22, 0, 0, 0)
                words = f"{a} → {b}" if changed else a
                text = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(rest.width()))
                painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter, text)

    def explain(self, point: QPointF) -> str:
        """Say how far a sample's answer moved."""
        for index, box in enumerate(self._boxes()):
            if box.contains(point):
                a, b = self._texts[index]
                return f"sample {index + 1}: {a}, then {b}; the answer moved by {value_text(float(self._gaps[index]))}"
        return ""
