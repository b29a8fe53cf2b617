"""The Curves panel: loss and metrics over steps, the watched layer's maps, the confusion matrix or the boundary."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
    QWidgetAction,
)

from netbuilder.training.protocol import Picture, PictureKind, Points
from netbuilder.training.series_names import SYSTEM, is_of_layer
from netbuilder.ui.icons import icon
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.cards import Card, section
from netbuilder.ui.panels.chart import Chart
from netbuilder.ui.panels.chart_files import series_table
from netbuilder.ui.panels.errands import Errand
from netbuilder.ui.panels.legend import Legend
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.panels.matrices import BoundaryView, ConfusionView
from netbuilder.ui.panels.plot_export import PlotExport, export_plots
from netbuilder.ui.panels.timeline import Timeline
from netbuilder.ui.panels.trace import Placement, Trace, Unit
from netbuilder.ui.panels.watched import MapsCard
from netbuilder.ui.panels.ways_back import WaysBack
from netbuilder.ui.quantities import is_share, quantity_title
from netbuilder.ui.runs import COLORS
from netbuilder.ui.series import Series
from netbuilder.ui.theme import Theme, ThemeController
from netbuilder.ui.workspace import Workspace

if TYPE_CHECKING:
    from netbuilder.exchange.run_tables import Curve
    from netbuilder.ui.overlays import Drawn

EMPTY = "Press Train: the loss will appear here after the first steps."
NO_EPOCH = "The first epoch has not ended yet."
NOTHING = ""  # the right axis shows nothing


class LossCard(Card):
    """The chart with its legend and controls."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__("Loss", EMPTY)
        self._workspace = workspace
        self._sources: dict[str, Series] = {}
        self._traces: dict[str, Trace] = {}
        self._right: str | None = None  # None: the first metric
        self._state: tuple[object, ...] = ()  # what was drawn last; a run that waits tells nothing new
        self._placement = Placement(Unit.STEPS)
        self._drawn: Drawn | None = None  # other runs' lines, made on a worker thread
        self._ordered: object = None
        self._errand = Errand(self)
        self._errand.done.connect(self._take_drawn)
        self.chart = Chart(theme)
        self.ways_back = WaysBack(workspace, self.chart)
        self.export = PlotExport(workspace, self.chart, "curves", self._values, self.chart.draw)
        self.legend = Legend(theme)
        self.head.removeWidget(self.note)
        self.note.hide()
        self.head.insertWidget(1, self.legend, 1)
        self._add_controls()

    def _add_controls(self) -> None:
        self.log = QAction("Logarithmic loss axis", self)
        self.log.setCheckable(True)
        self.log.setToolTip("Equal distances are equal factors")
        self.log.toggled.connect(self.chart.set_logarithmic)
        self.bands = QAction("One band for runs that differ in their seed", self)
        self.bands.setCheckable(True)
        self.bands.setToolTip("Their mean, and one standard deviation to either side")
        self.bands.toggled.connect(self.refresh)
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 99)
        self.smoothing.setAccessibleName("Smoothing")
        self.smoothing.setToolTip("An exponential moving average; the raw line stays, faintly")
        self.smoothing.valueChanged.connect(self.refresh)
        self.smoothing_action = _labelled("Smoothing", self.smoothing, self)
        self.more = QToolButton()
        self.more.setIcon(icon("more", "muted"))
        self.more.setProperty("role", "small")
        self.more.setFixedHeight(20)  # no taller than a title: the cards' heads stand on one line
        self.more.setAccessibleName("More of this chart")
        self.more.setToolTip("Axes, smoothing, export")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.more)
        self.menu.aboutToShow.connect(self.fill_menu)
        self.more.setMenu(self.menu)
        self.head.addWidget(self.more)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.legend.theme = theme
        self.legend.update()
        self.chart.set_theme(theme)

    @property
    def quantities(self) -> list[str]:
        """What the right axis can show: the run's metrics, then the rest."""
        others = (*SYSTEM, "loss/train", "loss/validation")
        runs = self._workspace.runs.curves.values()
        every = dict.fromkeys([*self._workspace.series, *(name for curves in runs for name in curves.series)])
        names = [name for name in every if not (name in others or is_of_layer(name))]
        rest = ("learning_rate", "gradient_norm")
        return [name for name in names if name not in rest] + [name for name in rest if name in names]

    @property
    def right(self) -> str:
        """What the right axis shows."""
        known = self.quantities
        if self._right is not None and (self._right == NOTHING or self._right in known):
            return self._right
        metrics = [name for name in known if name.endswith("/validation")]
        monitor = f"{self._workspace.document.plan.monitor}/validation"
        return monitor if monitor in metrics else (metrics[0] if metrics else NOTHING)

    def set_right(self, name: str) -> None:
        """Show another quantity on the right axis."""
        self._right = name
        self.refresh()

    def _values(self) -> Iterable[bytes]:
        """Return the curves of the current run, and of those that are laid over it under their names."""
        from netbuilder.training.run_values import run_name

        every: dict[str, Curve] = dict(self._workspace.series)
        for curves in self._workspace.runs.curves.values():
            every |= {f"{run_name(curves.record)}: {name}": points for name, points in curves.series.items()}
        return series_table(every)

    def set_unit(self, unit: Unit) -> None:
        """Count something else on the horizontal axis."""
        if unit is not self._placement.unit:
            self._placement = Placement(unit)
            self._sources, self._traces = {}, {}
            self._drawn = self._ordered = None
            self.chart.set_unit(unit)
            self.refresh()

    def fill_menu(self) -> None:
        """Offer what can be shown and done now."""
        self.menu.clear()
        self.menu.addAction(self.log)
        self.menu.addAction(self.smoothing_action)
        self.menu.addAction(self.bands)
        _add_heading(self.menu, "Horizontal axis")
        units = QActionGroup(self.menu)
        for unit in Unit:
            action = self.menu.addAction(unit.value.capitalize())
            action.setCheckable(True)
            action.setChecked(unit is self._placement.unit)
            action.triggered.connect(partial(self.set_unit, unit))
            units.addAction(action)
        _add_heading(self.menu, "Right axis")
        group = QActionGroup(self.menu)
        for name in (*self.quantities, NOTHING):
            action = self.menu.addAction(quantity_title(name).capitalize() if name else "Nothing")
            action.setCheckable(True)
            action.setChecked(name == self.right)
            action.triggered.connect(partial(self.set_right, name))
            group.addAction(action)
        self.menu.addSeparator()
        self.menu.addAction("Show all steps", lambda: self.chart.set_span(None))
        self.ways_back.fill(self.menu)
        self.export.fill(self.menu)

    def refresh(self) -> None:
        """Take in what the run has told since the last time."""
        series = self._workspace.series
        self.ways_back.refresh(in_steps=self._placement.unit is Unit.STEPS)
        right = self.right
        shown = ["loss/train", "loss/validation", right]
        weight = self.smoothing.value() / 100
        self._order_overlays(weight, right)
        state = (
            weight,
            self._drawn,
            *((name, id(series[name]), len(series[name])) for name in shown if name in series),
        )
        if state == self._state:
            return
        self._state = state
        traces = [*self._follow_own(shown, weight), *(self._drawn.traces if self._drawn else ())]
        if not traces:
            self.title.setText("Loss")
            self.legend.set_traces(())
            self.show_empty(NO_EPOCH if series and self._placement.unit is Unit.EPOCHS else EMPTY)
            return
        self.title.setText(f"Loss and {quantity_title(right)}" if right else "Loss")
        self.chart.set_traces(traces, self._drawn.bands if self._drawn else ())
        self.legend.set_traces(traces)
        self.show_body(self.chart)

    def _follow_own(self, shown: Iterable[str], weight: float) -> list[Trace]:
        """Bring the current run's own lines up to date."""
        series, record = self._workspace.series, self._workspace.trainer.record
        clock = record.clock if self._placement.unit is Unit.TIME else record.epochs
        knots = Points(clock.steps, clock.values)
        if any(self._sources[name] is not series.get(name) for name in self._sources):  # another run
            self._sources, self._traces, self._placement = {}, {}, Placement(self._placement.unit)
        for name in shown:
            if name not in series or not len(series[name]):
                continue
            if name not in self._traces:
                self._sources[name], self._traces[name] = series[name], _trace(name)
            at = self._placement.place(name, series[name].steps, knots)
            self._traces[name].update(at, series[name].values[: len(at)], weight)
        return [self._traces[name] for name in shown if name in self._traces and len(self._traces[name].raw)]

    def _order_overlays(self, weight: float, right: str) -> None:
        """Have the lines of other runs made, where they are not those that are drawn."""
        runs, own = self._workspace.runs, self._workspace.runs.own if self._workspace.series else ""
        chosen = {run: number for run, number in runs.overlays.items() if run in runs.curves and run != own}
        known = tuple((runs.curves[run], COLORS[number]) for run, number in chosen.items())
        unit, has_bands = self._placement.unit, self.bands.isChecked()
        order = (tuple(id(curves) for curves, _ in known), right, unit, weight, has_bands)
        if order == self._ordered:
            return
        self._ordered = order
        if not known:
            self._errand.forget()
            self._drawn = None
            return
        from netbuilder.ui.overlays import Order, draw

        wish = Order(runs=known, right=right, unit=unit, weight=weight, has_bands=has_bands)
        self._errand.run(partial(draw, wish))

    def _take_drawn(self, drawn: Drawn) -> None:
        self._drawn = drawn
        self.refresh()


def _add_heading(menu: QMenu, title: str) -> None:
    """Say what the lines below it are about: styled menus leave the titles of Qt's own sections out."""
    menu.addSeparator()
    head = section(title)
    head.setContentsMargins(10, 2, 10, 2)
    action = QWidgetAction(menu)
    action.setDefaultWidget(head)
    action.setEnabled(False)
    action.setText(title)
    menu.addAction(action)


def _labelled(title: str, widget: QWidget, parent: QWidget) -> QWidgetAction:
    """Return a menu's line that holds a widget after its name."""
    line = QWidget()
    row = QHBoxLayout(line)
    row.setContentsMargins(10, 4, 10, 4)
    row.setSpacing(12)
    row.addWidget(QLabel(title))
    row.addWidget(widget, 1)
    action = QWidgetAction(parent)
    action.setDefaultWidget(line)
    return action


def _trace(name: str) -> Trace:
    if name == "loss/train":
        return Trace("train", "accent", per_step=True)
    if name == "loss/validation":
        return Trace("validation", "validation")
    per_step = not name.endswith("/validation")
    return Trace(quantity_title(name), "good", right=True, dashed=True, per_step=per_step, percent=is_share(name))


class AnswerCard(Card):
    """How the network answers: the confusion matrix, or the decision boundary where the input is a plane."""

    def __init__(self, theme: Theme) -> None:
        super().__init__("Confusion", "")
        self.confusion = ConfusionView(theme)
        self.boundary = BoundaryView(theme)
        self._shown: Picture | None = None

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.confusion.set_theme(theme)
        self.boundary.set_theme(theme)

    def refresh(self, workspace: Workspace) -> None:
        """Show the newest picture; hide where there is nothing of the kind."""
        newest = {kind: picture for (kind, _), picture in workspace.pictures.items()}
        boundary, confusion = newest.get(PictureKind.BOUNDARY), newest.get(PictureKind.CONFUSION)
        picture = boundary or confusion
        self.setVisible(picture is not None)
        if picture is None or picture is self._shown:
            return
        self._shown = picture
        if boundary is not None:
            self.title.setText("Decision boundary")
            self.note.setText("")
            points = newest.get(PictureKind.POINTS)
            if points is not None:
                self.boundary.set_points(points.data)
            self.boundary.set_field(boundary.data, boundary.extent)
            self.show_body(self.boundary)
        else:
            self.title.setText("Confusion")
            self.confusion.set_counts(picture.data, picture.labels)
            self.note.setText(self.confusion.summary)
            self.show_body(self.confusion)


class CurvesPanel(LivePanel):
    """Loss and metrics, the watched layer's maps, and how the network answers."""

    def build(self) -> None:
        """Make the three cards."""
        self.loss = LossCard(self.workspace, self.theme)
        self.maps = MapsCard(self.theme)
        self.answer = AnswerCard(self.theme)
        plots = {"activations": self.maps.mosaic, "values": self.maps.bars}
        export_plots(self.workspace, plots | {"confusion": self.answer.confusion, "boundary": self.answer.boundary})
        self.workspace.runs.overlaysChanged.connect(self._follow)
        self.timeline = Timeline(self.workspace.past, self.theme)
        self.workspace.past.changed.connect(self._mark_moment)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(12)
        column.addLayout(row, 1)
        column.addWidget(self.timeline)
        row.addWidget(self.loss, 11)
        row.addWidget(self.maps, 6)
        row.addWidget(self.answer, 4)

    def _mark_moment(self) -> None:
        self.loss.chart.mark(self.workspace.past.shown)

    def refresh(self) -> None:
        """Show what the run has told."""
        self._mark_moment()
        self.loss.refresh()
        self.maps.refresh(self.workspace)
        self.answer.refresh(self.workspace)

    def restyle(self, theme: Theme) -> None:
        """Draw in other colours."""
        for part in (self.loss, self.maps, self.answer, self.timeline):
            part.set_theme(theme)


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return CurvesPanel(workspace, themes)


PANEL = PanelSpec(key="curves", title="Curves", area=Area.BOTTOM, order=10, shortcut="Ctrl+1", make=_make)
