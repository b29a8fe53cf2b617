"""The Compare panel: all runs on parallel axes, or two of their values against each other."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from netbuilder.ui.icons import icon
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.cards import label
from netbuilder.ui.theme import Theme, ThemeController
from netbuilder.ui.workspace import Workspace

if TYPE_CHECKING:
    from netbuilder.ui.parallel_plot import ParallelPlot
    from netbuilder.ui.run_axes import RunAxis
    from netbuilder.ui.run_rows import Row
    from netbuilder.ui.scatter_plot import ScatterPlot

EMPTY = "Runs that differ in their settings are compared here, each as one line. Train at least two."
FEWEST = 2
_NOT_AXES = frozenset({"name", "state", "tags", "notes", "title", "started"})


class ParallelPanel(QWidget):
    """The plots and what they show; while nobody looks they do nothing.

    Attributes:
        plot: The parallel axes; made at the first showing.
        scatter: Two values against each other.
    """

    plot: ParallelPlot
    scatter: ScatterPlot

    def __init__(self, workspace: Workspace, themes: ThemeController) -> None:
        super().__init__()
        self._workspace, self._runs, self._themes = workspace, workspace.runs, themes
        self._is_built = False
        self._axes: tuple[str, ...] | None = None  # None: those that tell the runs apart
        self._switched: set[str] = set()
        self._color_by: str | None = None
        self._pair: tuple[str, str] | None = None
        self.is_scatter = False

    # Showing -------------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Build at the first showing, and look at every one."""
        super().showEvent(event)
        if not self._is_built:
            self._build()
        self._runs.look()
        self.refresh()

    def refresh(self) -> None:
        """Show the runs as they are known now."""
        if not self._is_built or not self.isVisible():
            return
        rows = [row for row in self._runs.rows if row.values.get("steps")]
        if len(rows) < FEWEST:
            self._stack.setCurrentWidget(self._empty)
            self.count.setText("")
            return
        self.plot.show_runs(rows, self._make_axes(rows), self.color_by)
        self._show_scatter()
        self._stack.setCurrentWidget(self.scatter if self.is_scatter else self.plot)
        self._follow_selection()
        self._tell()

    @property
    def color_by(self) -> str:
        """The value that lines are coloured by."""
        keys = [axis for axis in self._keys() if axis.startswith(("best/", "test/", "last/"))]
        if self._color_by in keys:
            return str(self._color_by)
        monitor = f"best/{self._workspace.document.plan.monitor}"
        return monitor if monitor in keys else next(iter(keys), "")

    @property
    def pair(self) -> tuple[str, str]:
        """The two values of the scatter."""
        if self._pair is not None:
            return self._pair
        settings = [axis.key for axis in self.plot.axes if axis.key != self.color_by]
        return (settings[0] if settings else "duration", self.color_by or "duration")

    def _keys(self) -> list[str]:
        return [key for key in self._runs.keys if key not in _NOT_AXES]

    def _make_axes(self, rows: list[Row]) -> list[RunAxis]:
        from netbuilder.ui.run_axes import usual_axes

        keys = usual_axes(rows, self._keys()) if self._axes is None else [k for k in self._keys() if k in self._axes]
        if self.color_by and self.color_by not in keys:
            keys.append(self.color_by)
        return [self._make_axis(key, rows) for key in keys]

    def _make_axis(self, key: str, rows: Iterable[Row]) -> RunAxis:
        from netbuilder.ui.run_axes import axis_of

        axis = axis_of(key, rows)
        return axis.switched() if key in self._switched else axis

    def _show_scatter(self) -> None:
        rows = [row for row, passes in zip(self.plot.rows, self.plot.passes, strict=True) if passes]
        across, up = (self._make_axis(key, self.plot.rows) for key in self.pair)
        self.scatter.show_runs(rows, across, up, [self.plot.line_color(row) for row in rows])

    # Inside --------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        from netbuilder.ui.panels.chart_files import table
        from netbuilder.ui.panels.plot_export import PlotExport
        from netbuilder.ui.parallel_plot import ParallelPlot
        from netbuilder.ui.scatter_plot import ScatterPlot

        self._is_built = True
        self.plot, self.scatter = ParallelPlot(self._themes.theme), ScatterPlot(self._themes.theme)
        self.count = QLabel()
        self.count.setProperty("role", "muted")
        self.choose = self._button("Select those", "Select the runs that pass in the Runs panel", self._select_passing)
        self.kind = self._button("Scatter", "Two values against each other, with the front of the best", self._switch)
        self.axes = self._button("Axes", "Which values are shown", partial(self._open, "axes"), menu=True)
        self.color = self._button("Colour", "What lines are coloured by", partial(self._open, "color"), menu=True)
        self._empty = label(EMPTY, "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedLayout()
        for widget in (self._empty, self.plot, self.scatter):
            self._stack.addWidget(widget)
        bar = QHBoxLayout()
        bar.setSpacing(8)
        bar.addWidget(self.count, 1)
        for button in (self.choose, self.kind, self.axes, self.color):
            bar.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.addLayout(bar)
        column.addLayout(self._stack, 1)
        for plot in (self.plot, self.scatter):
            plot.chosen.connect(self._runs.select)
        PlotExport(self._workspace, self.plot, "runs", lambda: table(self.plot.table()))
        PlotExport(self._workspace, self.scatter, "runs", lambda: table(self.scatter.table()))
        self.plot.brushed.connect(self._follow_brush)
        self.plot.switched.connect(self.switch_axis)
        self._runs.changed.connect(self.refresh)
        self._runs.selectionChanged.connect(self._follow_selection)
        self._themes.changed.connect(self._restyle)

    def _button(self, text: str, tip: str, call: object, *, menu: bool = False) -> QPushButton:
        button = QPushButton(icon("chevron-down", "muted"), text) if menu else QPushButton(text)
        button.setProperty("role", "quiet")
        button.setToolTip(tip)
        button.clicked.connect(call)
        return button

    def switch_axis(self, key: str) -> None:
        """Make an axis logarithmic where it was linear, and the other way round."""
        self._switched ^= {key}
        self.refresh()

    def color_menu(self) -> QMenu:
        """Return the menu of what lines are coloured by."""
        menu = self._menu()
        for key in self._keys():
            if key.startswith(("best/", "test/", "last/")):
                self._add(menu, key, key == self.color_by, partial(self._color, key))
        return menu

    def axes_menu(self) -> QMenu:
        """Return the menu of axes: all that stand side by side, or the two of the scatter."""
        menu = self._menu()
        if self.is_scatter:
            for number, title in enumerate(("To the right", "Upwards")):
                inner = menu.addMenu(title)
                for key in self._keys():
                    self._add(inner, key, key == self.pair[number], partial(self._set_pair, number, key))
            return menu
        usual = menu.addAction("What tells the runs apart", lambda: self._choose(None))
        usual.setCheckable(True)
        usual.setChecked(self._axes is None)
        menu.addSeparator()
        shown = [axis.key for axis in self.plot.axes]
        for key in self._keys():
            self._add(menu, key, key in shown, partial(self._toggle, key))
        return menu

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        return menu

    def _add(self, menu: QMenu, key: str, checked: bool, call: partial[None]) -> None:
        from netbuilder.training.run_values import title_of

        action = menu.addAction(title_of(key), call)
        action.setCheckable(True)
        action.setChecked(checked)

    def _open(self, which: str) -> None:
        button, menu = (self.axes, self.axes_menu()) if which == "axes" else (self.color, self.color_menu())
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def _toggle(self, key: str) -> None:
        shown = [axis.key for axis in self.plot.axes]
        self._choose([each for each in shown if each != key] if key in shown else [*shown, key])

    def _choose(self, keys: list[str] | None) -> None:
        self._axes = None if keys is None else tuple(keys)
        self.refresh()

    def _color(self, key: str) -> None:
        self._color_by = key
        self.refresh()

    def _set_pair(self, number: int, key: str) -> None:
        self._pair = (key, self.pair[1]) if number == 0 else (self.pair[0], key)
        self.refresh()

    def _switch(self) -> None:
        self.is_scatter = not self.is_scatter
        self.kind.setText("Parallel axes" if self.is_scatter else "Scatter")
        self.refresh()

    def _select_passing(self) -> None:
        rows = zip(self.plot.rows, self.plot.passes, strict=True)
        self._runs.select(row.id for row, passes in rows if passes)

    def _follow_brush(self) -> None:
        self._show_scatter()
        self._tell()

    def _tell(self) -> None:
        from netbuilder.training.run_values import title_of

        count = sum(self.plot.passes)
        words = f"{count:,} of {len(self.plot.rows):,} runs pass" if self.plot.brushes else f"{count:,} runs"
        self.count.setText(f"{words}, coloured by {title_of(self.color_by).lower()}" if self.color_by else words)
        self.choose.setEnabled(bool(self.plot.brushes))

    def _follow_selection(self) -> None:
        for plot in (self.plot, self.scatter):
            plot.select(self._runs.selection)

    def _restyle(self, theme: Theme) -> None:
        for plot in (self.plot, self.scatter):
            plot.set_theme(theme)
        self.refresh()


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return ParallelPanel(workspace, themes)


PANEL = PanelSpec(key="compare", title="Compare", area=Area.BOTTOM, order=36, shortcut="", make=_make, is_spare=True)
