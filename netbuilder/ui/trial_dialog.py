"""The dialog of the measured trial: ways to train, how fast each is here, and one of them for the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from netbuilder.document import edits
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import Problem
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.panels.cards import label
from netbuilder.ui.workspace import Workspace

if TYPE_CHECKING:
    from netbuilder.training.trial import Row
    from netbuilder.ui.window import MainWindow

INTRO = (
    "Trains this network for some seconds in several ways, in turns, on this computer and your data, and compares speed"
    " and loss. Nothing of it is kept, and other programs that are busy disturb it."
)
COMPILE = "Try torch.compile as well, which takes from seconds to minutes"
EMPTY = "Nothing is measured yet."
HEADS = ("Way", "ms a step", "Times as fast", "Loss differs by", "")
LOOK = 150
"""Milliseconds between two looks at what is known by now."""


class TrialDialog(Dialog):
    """Measures when asked to, shows what is found, and puts the way that the user picks into the plan."""

    def __init__(self, window: MainWindow, order: Callable[[bool], Callable[[Job], Sequence[Row]]]) -> None:
        """Make the dialog.

        Args:
            window: Whose document it is about, and which works in the background.
            order: Returns what measures, and tells its job the rows so far; is told whether to try the compiler.
        """
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle("Find the fastest way to train")
        self.resize(820, 520)
        self._window, self._workspace, self._order = window, window.workspace, order
        self._job: Job | None = None
        self._shown: Sequence[Row] = ()
        self.compile = QCheckBox(COMPILE)
        self.table = _table()
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.said = label(EMPTY, "muted", wrap=True)
        self.measure_button, self.use_button = QPushButton("Measure"), QPushButton("Use it")
        self.close_button = QPushButton("Close")
        self._timer = QTimer(self, interval=LOOK)
        self._timer.timeout.connect(self._look)
        self.table.itemSelectionChanged.connect(self._refresh)
        self.table.itemDoubleClicked.connect(lambda _: self._use())
        self.measure_button.clicked.connect(self._measure_or_stop)
        self.use_button.clicked.connect(self._use)
        self.close_button.clicked.connect(self.reject)
        self._lay_out()
        self._refresh()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.measure_button)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.use_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(label(INTRO, wrap=True))
        column.addWidget(self.compile)
        column.addWidget(self.table, 1)
        column.addWidget(self.progress)
        column.addWidget(self.said)
        column.addLayout(buttons)

    @property
    def row(self) -> Row | None:
        """The way that is picked, if it could be measured."""
        at = self.table.currentRow() if self.table.selectedItems() else -1
        row = self._shown[at] if 0 <= at < len(self._shown) else None
        return row if row is not None and row.speed is not None else None

    def done(self, result: int) -> None:
        """Close; what is being measured is given up."""
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
        super().done(result)

    # -- measuring -----------------------------------------------------------------------------------------------------

    def _measure_or_stop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._end("Stopped: what there is comes from fewer turns." if self._shown else EMPTY)
            return
        self._show(())
        self._job = self._window.background.run(
            "Finding the fastest way to train",
            self._order(self.compile.isChecked()),
            self._measured,
            self._refused,
        )
        self._timer.start()
        self._refresh()

    def _look(self) -> None:
        if self._job is None:
            return
        if self._job.known is not None and self._job.known is not self._shown:
            self._show(self._job.known)
        self.progress.setValue(round(1000 * (self._job.fraction or 0.0)))
        self.said.setText(self._job.detail)

    def _measured(self, rows: Sequence[Row]) -> None:
        if self._job is None:  # stopped, or closed, a moment before
            return
        from netbuilder.training.trial import fastest

        self._show(rows)
        best = fastest(rows)
        if best is None:
            self._end("None of the ways could be measured.")
            return
        self.table.selectRow(list(rows).index(best))
        gain = f"{best.title}: {best.speed:.2f} times as fast as the usual way."
        self._end("No way is clearly faster than the usual one." if best is rows[0] else f"Fastest here is {gain}")

    def _refused(self, problems: tuple[Problem, ...]) -> None:
        if self._job is not None:
            self._end("It could not be measured.")
            self._window.show_problems("The trial could not be made", problems)

    def _end(self, text: str) -> None:
        self._job = None
        self._timer.stop()
        self.said.setText(text)
        self._refresh()

    # -- what is shown -------------------------------------------------------------------------------------------------

    def _show(self, rows: Sequence[Row]) -> None:
        chosen = self.table.currentRow() if self.table.selectedItems() else -1
        self._shown = rows
        self.table.setRowCount(len(rows))
        for at, row in enumerate(rows):
            for column, text in enumerate(_cells(row)):
                item = QTableWidgetItem(text if column < len(HEADS) - 1 else f"\N{EM SPACE}{text}")
                item.setToolTip(_tip(row) if column in (1, 2) else text)
                if column in (1, 2, 3):
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(at, column, item)
        if 0 <= chosen < len(rows):
            self.table.selectRow(chosen)

    def _refresh(self) -> None:
        busy = self._job is not None
        self.measure_button.setText("Stop" if busy else "Measure again" if self._shown else "Measure")
        self.compile.setEnabled(not busy)
        self.progress.setVisible(busy)
        row = self.row
        self.use_button.setEnabled(not busy and row is not None and not row.is_plan)
        self.use_button.setToolTip("The plan says so already" if row is not None and row.is_plan else "")
        for button, is_next in ((self.measure_button, not self._shown), (self.use_button, bool(self._shown))):
            button.setDefault(is_next)
            button.setProperty("role", "primary" if is_next and not busy else None)
            button.style().unpolish(button)
            button.style().polish(button)

    def _use(self) -> None:
        row = self.row
        if row is None or row.is_plan or self._job is not None:
            return
        use(self._workspace, row.values, row.title)
        self.accept()


def use(workspace: Workspace, values: Mapping[str, Any], title: str) -> None:
    """Put a way into the plan, as an edit that can be undone.

    Args:
        workspace: Whose document's plan.
        values: The plan's settings.
        title: The way, for people.
    """
    workspace.edit(f"Train in {title}", partial(edits.change_plan, values=values))


def _cells(row: Row) -> tuple[str, ...]:
    from netbuilder.training.trial import percent

    note = "; ".join(filter(None, ("in the plan" if row.is_plan else "", row.note)))
    if row.milliseconds is None or row.speed is None or row.difference is None:
        return row.title, "–", "–", "–", note
    return row.title, f"{row.milliseconds:.2f}", f"{row.speed:.2f}", percent(row.difference), note


def _tip(row: Row) -> str:
    if row.speed is None or row.least is None:
        return row.note
    return f"Median of all turns: {row.speed:.2f}; at least {row.least:.2f} in all turns but one"


def _table() -> QTableWidget:
    table = QTableWidget(0, len(HEADS))
    table.setAccessibleName("Ways to train")
    table.setHorizontalHeaderLabels(HEADS)
    table.verticalHeader().hide()
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setShowGrid(False)
    table.setWordWrap(False)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    for column in range(1, 4):
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        table.model().setHeaderData(column, Qt.Orientation.Horizontal, right, Qt.ItemDataRole.TextAlignmentRole)
    header.setStretchLastSection(True)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    table.setColumnWidth(0, 270)
    return table
