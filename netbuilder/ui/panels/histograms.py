"""The Histograms panel: how each layer's weights, gradients and activations were spread, all along the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPen, QShowEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QWidget

from netbuilder.training.histories import Histories, History
from netbuilder.training.protocol import PictureKind
from netbuilder.ui.colors import VIRIDIS, indices, qt_table
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.axis import short_text
from netbuilder.ui.panels.cards import Card
from netbuilder.ui.panels.errands import Errand
from netbuilder.ui.panels.layer_list import LEFT, RIGHT, Layer, LayerList, layers_of
from netbuilder.ui.panels.layer_panel import scrolled
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.panels.mosaic import from_argb
from netbuilder.ui.panels.plot_export import export_plots
from netbuilder.ui.theme import Theme, ThemeController, mono_font
from netbuilder.ui.workspace import Workspace

if TYPE_CHECKING:
    from netbuilder.training.run_store import RunStore

EMPTY = (
    "Press Train: here you will see how every layer's weights, gradients and activations are spread, "
    "from the first step to the last."
)
ROWS = 48
"""Bins of the picture from the smallest value to the largest."""

_KINDS = (PictureKind.WEIGHTS, PictureKind.GRADIENTS, PictureKind.VALUES)
_NUMBERS = 46.0  # pixels for the ends of the scale


class HistogramList(LayerList):
    """A row a layer: a picture each for weights, gradients and activations, steps to the right, values upward."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        titles = ("Weights over steps", "Gradients over steps", "Activations over steps")
        super().__init__(workspace, theme, titles, 64, stretch=4)
        self.setAccessibleName("Histograms over time by layer")
        self.earlier: Histories | None = None
        self._images: dict[tuple[PictureKind, str], tuple[object, QImage]] = {}

    @property
    def histories(self) -> Mapping[tuple[PictureKind, str], History]:
        """What is drawn: an earlier run's while one is chosen, else this one's."""
        return (self.earlier or self._workspace.trainer.record.histories).known

    def set_layers(self, layers: list[Layer]) -> None:
        """Show these layers."""
        super().set_layers(layers)
        known = self.histories
        self._images = {key: image for key, image in self._images.items() if key in known}

    def paint_cell(self, painter: QPainter, layer: Layer, column: int, box: QRectF) -> None:
        """Draw one history with the ends of its scale."""
        history = self.histories.get((_KINDS[column], layer.path))
        if history is None or not len(history):
            return
        area = self._area(box)
        image = self._image(_KINDS[column], layer.path, history, max(int(area.width()), 1))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(area, image)
        low, high = history.range
        painter.setFont(mono_font(9))
        painter.setPen(self.theme.color("muted"))
        numbers = QRectF(box.left(), area.top(), _NUMBERS - 5, area.height())
        painter.drawText(numbers, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop), short_text(high))
        painter.drawText(numbers, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom), short_text(low))
        if low < 0 < high:
            zero = area.bottom() + low / (high - low) * area.height()
            line = self.theme.color("text")
            line.setAlphaF(0.35)
            painter.setPen(QPen(line, 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(area.left(), zero), QPointF(area.right(), zero))
        steps = QRectF(area.left(), area.bottom() + 1, area.width(), 12)
        painter.setPen(self.theme.color("muted"))
        painter.drawText(steps, LEFT, f"{history.steps[0]:,}")
        painter.drawText(steps, RIGHT, f"{history.steps[-1]:,}")

    def explain(self, layer: Layer, column: int, point: QPointF, box: QRectF) -> str:
        """Say which values lie at a place."""
        history, area = self.histories.get((_KINDS[column], layer.path)), self._area(box)
        if history is None or not len(history) or not area.contains(point):
            return ""
        low, high = history.range
        steps = np.array(history.steps)
        at = steps[0] + (point.x() - area.left()) / area.width() * (_end(history) - steps[0])
        index = max(int(np.searchsorted(steps, at, side="right")) - 1, 0)
        value = high - (point.y() - area.top()) / area.height() * (high - low)
        row = min(max(int((value - low) / (high - low) * ROWS), 0), ROWS - 1)
        share = float(history.density(ROWS, low, high)[row, index])
        near = f"within {short_text((high - low) / ROWS)} of {short_text(value)}"
        return f"{layer.label}, step {steps[index]:,}: {100 * share:.1f} % of the values {near}"

    def rows(self) -> Iterator[list[str]]:
        """Yield every column: its range, then the counts of equal bins."""
        yield ["node", "label", "quantity", "step", "low", "high", "counts"]
        for layer in self.layers:
            for kind in _KINDS:
                history = self.histories.get((kind, layer.path))
                for step, low, high, counts in history.columns() if history is not None else ():
                    numbers = [repr(low), repr(high), *map(repr, counts.tolist())]
                    yield [layer.path, layer.label, kind.value, str(step), *numbers]

    def _area(self, box: QRectF) -> QRectF:
        return box.adjusted(_NUMBERS, 3, 0, -15)

    def _image(self, kind: PictureKind, path: str, history: History, width: int) -> QImage:
        """Return a history's picture, drawn anew when there is more or other room."""
        state = (id(history), len(history), history.steps[-1], history.range, width)
        known = self._images.get((kind, path))
        if known is None or known[0] != state:
            known = self._images[kind, path] = (state, heat_map(history, width))
        return known[1]


def heat_map(history: History, width: int) -> QImage:
    """Return a history as a picture: `ROWS` high, large values at the top, each column as wide as its steps.

    Args:
        history: With at least one column.
        width: Pixels across.
    """
    low, high = history.range
    density = np.sqrt(history.density(ROWS, low, high))  # the tails stay visible
    steps = np.array(history.steps)
    at = np.linspace(steps[0], _end(history), width, endpoint=False)
    across = np.maximum(np.searchsorted(steps, at, side="right") - 1, 0)
    shades = indices(density[::-1][:, across], 0.0, float(density.max()) or 1.0)
    return from_argb(np.array(qt_table(VIRIDIS), dtype=np.uint32)[shades])


def _end(history: History) -> float:
    """Return where the newest column ends: as far from its step as that is from the one before."""
    steps = history.steps
    return float(2 * steps[-1] - steps[-2] if len(steps) > 1 else steps[-1] + 1)


def read_histories(store: RunStore, run: str) -> Histories:
    """Return a run's histograms as far as memory allows; on a worker thread, there may be thousands.

    Raises:
        NetbuilderError: When the store cannot be read.
    """
    histories = Histories()
    histories.take(store.histograms(run))
    return histories


class HistogramsPanel(LivePanel):
    """The list of layers."""

    histograms = "histograms"

    def build(self) -> None:
        """Make the card."""
        self.list = HistogramList(self.workspace, self.theme)
        export_plots(self.workspace, {"histograms": self.list})
        self._area = scrolled(self.list)
        self.card = Card("Histograms over time", EMPTY)
        self.runs = QComboBox()
        self.runs.setAccessibleName("Run")
        self.runs.setToolTip("Which of the project's runs is shown")
        self.runs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.runs.activated.connect(self._choose_run)
        self.only = QCheckBox("Only selected")
        self.only.toggled.connect(self.refresh)
        self.card.head.addWidget(self.runs)
        self.card.head.addWidget(self.only)
        self._reading = Errand(self)
        self._reading.done.connect(self._take_earlier)
        self._reading.failed.connect(lambda error: self.workspace.problemsRaised.emit(error.problems))
        self.workspace.runs.changed.connect(self._list_runs)
        self._list_runs()
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.addWidget(self.card)
        self._drawn: object = None

    def showEvent(self, event: QShowEvent) -> None:
        """See which runs there are."""
        super().showEvent(event)
        self.workspace.runs.look()

    def _list_runs(self) -> None:
        """Offer the project's earlier runs, the newest first."""
        from netbuilder.training.run_values import run_name  # with the first look at runs, not with the window

        chosen = self.runs.currentData()
        rows = [row for row in self.workspace.runs.rows if row.id != self.workspace.runs.own]
        self.runs.clear()
        self.runs.addItem("This run", "")
        for row in rows:
            self.runs.addItem(run_name(row.record), row.id)
        self.runs.setCurrentIndex(max(self.runs.findData(chosen), 0))
        self.runs.setVisible(bool(rows))
        if self.runs.currentData() != (chosen or ""):  # it was deleted, or the project is another
            self._choose_run()

    def _choose_run(self) -> None:
        run, store = self.runs.currentData(), self.workspace.runs.store
        if run:
            self._reading.run(lambda: read_histories(store, run))
        else:
            self._reading.forget()
            self._take_earlier(None)

    def _take_earlier(self, histories: Histories | None) -> None:
        self.list.earlier = histories
        self._drawn = None
        self.refresh()

    def refresh(self) -> None:
        """Show what the run has told."""
        known = self.list.histories
        told = dict.fromkeys(path for _, path in known)
        layers = layers_of(self.workspace, told, selected_only=self.only.isChecked())
        newest = max((history.steps[-1] for history in known.values() if len(history)), default=-1)
        drawn = layers, newest, len(known), self.workspace.selection
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self.list.set_layers(layers)
        self.card.note.setText(f"to step {newest:,}; brighter is more" if layers else "")
        if layers:
            self.card.show_body(self._area)
        else:
            none = EMPTY if self.list.earlier is None else "No histograms were recorded of this run's layers."
            self.card.show_empty("No layer is selected." if told and self.only.isChecked() else none)

    def restyle(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.list.set_theme(theme)


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return HistogramsPanel(workspace, themes)


PANEL = PanelSpec(key="histograms", title="Histograms", area=Area.BOTTOM, order=33, shortcut="", make=_make)
