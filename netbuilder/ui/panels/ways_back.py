"""Ways back: the changes of a run as flags on its curve, from each of which one goes back to before it.

Where a run has gone on by itself in another process there is a flag, too, which says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QMenu

from netbuilder.training.protocol import Event
from netbuilder.ui.live_edits import what_changed
from netbuilder.ui.panels.chart import Chart
from netbuilder.ui.panels.markers import Marker
from netbuilder.ui.workspace import Workspace

_MOST = 6
"""So many of the last changes are in the menu."""


class WaysBack(QObject):
    """Puts flags on a chart, and offers to go back."""

    def __init__(self, workspace: Workspace, chart: Chart) -> None:
        super().__init__(chart)
        self._workspace, self._chart = workspace, chart
        chart.markerChosen.connect(self._offer)

    def refresh(self, *, in_steps: bool) -> None:
        """Show the run's changes, and where it has gone on by itself.

        Args:
            in_steps: Whether the chart counts steps; where it counts something else there are no flags.
        """
        marks = self._workspace.live_edits.marks if in_steps else ()
        again = [event for event in self._workspace.events if "cause" in event.data] if in_steps else []
        revivals = (Marker(each.step, 0, each.text) for each in again if each.kind == "resume")
        self._chart.set_markers(tuple(sorted((*map(_marker, marks), *revivals), key=lambda marker: marker.step)))

    def fill(self, menu: QMenu) -> None:
        """Offer to go back to before the last changes."""
        numbers = dict.fromkeys(int(mark.data["number"]) for mark in self._workspace.live_edits.marks)
        self._add(menu, list(numbers)[-_MOST:])

    def _add(self, menu: QMenu, numbers: Iterable[int]) -> None:
        """Offer to go back to before some changes; those that share what was kept are one."""
        edits, numbers = self._workspace.live_edits, list(numbers)
        if numbers:
            menu.addSeparator()
            menu.addAction("Go back to before:").setEnabled(False)
        for number in reversed(numbers):
            marks = [mark for mark in edits.marks if mark.data["number"] == number]
            text = Marker(marks[0].step, number, what_changed(*marks)).short
            action = menu.addAction(f"{text}  (step {marks[0].step:,})")
            action.setEnabled(edits.can_go_back_to(marks[0]))
            action.triggered.connect(partial(edits.go_back, marks[0]))

    def _offer(self, marker: Marker, place: QPoint) -> None:
        if not marker.number:
            self._workspace.message.emit(marker.text)
            return
        menu = QMenu(self._chart)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._add(menu, [marker.number])
        menu.popup(place)


def _marker(mark: Event) -> Marker:
    return Marker(mark.step, int(mark.data["number"]), what_changed(mark))
