"""The System panel: how many samples a second, how much memory, and how busy the processors are, over the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from PySide6.QtWidgets import QHBoxLayout, QWidget

from netbuilder.training.footprint import measure
from netbuilder.training.series_names import ALLOCATED, DEVICE, PEAK, PROCESS, PROCESSOR, RESERVED, SYSTEM, THROUGHPUT
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.cards import Card
from netbuilder.ui.panels.chart import Chart
from netbuilder.ui.panels.chart_files import series_table
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.panels.plot_export import PlotExport
from netbuilder.ui.panels.trace import Trace
from netbuilder.ui.theme import Theme, ThemeController
from netbuilder.ui.units import memory
from netbuilder.ui.workspace import Workspace

EMPTY = "Press Train: here you will see what the training takes of the computer."
_TITLES: Mapping[str, tuple[str, str]] = {
    THROUGHPUT: ("samples/s", "accent"),
    PROCESS: ("process", "accent"),
    ALLOCATED: ("tensors on the device", "good"),
    RESERVED: ("held on the device", "muted"),
    PEAK: ("most on the device", "validation"),
    PROCESSOR: ("processor", "accent"),
    DEVICE: ("device", "good"),
}
"""Series -> what it is called, and its colour."""


class MeterCard(Card):
    """One chart of some series, and what they are now in the head."""

    def __init__(self, workspace: Workspace, theme: Theme, title: str, names: Sequence[str], scale: float) -> None:
        """Make the card.

        Args:
            workspace: Whose run is shown.
            theme: The colours.
            title: Its title.
            names: Which series.
            scale: What values are multiplied by on the axis.
        """
        super().__init__(title, EMPTY)
        self._workspace = workspace
        self._names = names
        self._scale = scale
        self._traces: dict[str, tuple[object, Trace]] = {}
        self.chart = Chart(theme)
        self.chart.setAccessibleName(f"{title} over steps")
        self.export = PlotExport(workspace, self.chart, title.partition(" ")[0].lower(), self._values, self.chart.draw)

    def refresh(self, words: str) -> None:
        """Draw what is known by now.

        Args:
            words: What the head says beside the title.
        """
        series = self._workspace.series
        shown = []
        for name in self._names:
            if name in series and len(series[name]):
                known = self._traces.get(name)
                if known is None or known[0] is not series[name]:
                    known = self._traces[name] = (series[name], Trace(*_TITLES[name]))
                known[1].update(series[name].steps, series[name].values * self._scale, 0.0)
                shown.append(known[1])
        self.note.setText(words if shown else "")
        if shown:
            self.chart.set_traces(shown)
            self.show_body(self.chart)
        else:
            self.show_empty()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.chart.set_theme(theme)

    def _values(self) -> Iterable[bytes]:
        series = self._workspace.series
        return series_table({name: series[name] for name in self._names if name in series})


class SystemPanel(LivePanel):
    """Throughput, memory, load."""

    def build(self) -> None:
        """Make the three cards."""
        make = partial(MeterCard, self.workspace, self.theme)
        self.speed = make("Throughput (samples/s)", (THROUGHPUT,), 1.0)
        self.memory = make("Memory (MB)", (PROCESS, ALLOCATED, RESERVED, PEAK), 1e-6)
        self.load = make("Load (%)", (PROCESSOR, DEVICE), 100.0)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(12)
        for card in (self.speed, self.memory, self.load):
            row.addWidget(card, 1)
        self._drawn: object = None

    def refresh(self) -> None:
        """Show what the run has told."""
        series = self.workspace.series
        drawn = tuple((name, id(series[name]), len(series[name])) for name in SYSTEM if name in series)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        last = {name: float(series[name].values[-1]) for name, *_ in drawn}
        self.speed.refresh(f"{last.get(THROUGHPUT, 0.0):,.0f} samples/s")
        self.memory.refresh(self._memory(last))
        loads = [f"{_TITLES[name][0]} {100 * last[name]:.0f} %" for name in (PROCESSOR, DEVICE) if name in last]
        self.load.refresh(", ".join(loads))

    def _memory(self, last: Mapping[str, float]) -> str:
        """Return what was measured beside what was estimated before the start."""
        estimate = memory(measure(self.workspace.document, self.workspace.costs).training)
        if ALLOCATED in last:
            peak = f", at most {memory(last[PEAK])}" if PEAK in last else ""
            return f"tensors take {memory(last[ALLOCATED])}{peak} (estimated {estimate})"
        return f"{memory(last.get(PROCESS, 0.0))}, the network's part estimated {estimate}"

    def restyle(self, theme: Theme) -> None:
        """Draw in other colours."""
        for card in (self.speed, self.memory, self.load):
            card.set_theme(theme)


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return SystemPanel(workspace, themes)


PANEL = PanelSpec(key="system", title="System", area=Area.BOTTOM, order=34, shortcut="", make=_make, is_spare=True)
