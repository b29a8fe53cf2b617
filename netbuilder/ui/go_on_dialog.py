"""The dialog of runs that can go on: where each stands, and how many epochs more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from netbuilder.training.resumable import MOST_EPOCHS, Resumable
from netbuilder.training.run_values import run_state
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.panels.cards import label
from netbuilder.ui.text import clock, counted

INTRO: Final = "Runs of “{}” that can go on from where they stopped, as if nothing had come between."
EMPTY: Final = (
    "No run of “{}” has left a state behind yet. A run saves one when it is paused or stopped, and as it goes."
)
INTERRUPTED: Final = (
    "The training of “{}” was interrupted: the program or the computer ended in the midst of it, {}. It can go on from"
    " what was saved then: step {:,}, {} of {:,}."
)
HEADS: Final = ("Run", "State", "Epochs", "Steps", "Saved")
WIDTHS: Final = (0, 110, 130, 90, 130)
REST, MORE = "rest", "more"


class GoOnDialog(Dialog):
    """Lets the user pick a run, and how long it is to go on.

    Signals:
        chosen: (Resumable, number of epochs more or None) go on with it; None for as many as it was to do.
    """

    chosen = Signal(object, object)

    def __init__(
        self, name: str, runs: Sequence[Resumable], interrupted: Resumable | None, parent: QWidget | None = None
    ) -> None:
        """Make the dialog.

        Args:
            name: The project's.
            runs: The newest first.
            interrupted: The one that the dialog was opened for by itself; None when the user asked for it.
            parent: The window.
        """
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle("Go on with a run")
        self.resize(720, 420)
        self._runs = runs
        self.intro = label(_intro(name, runs, interrupted), wrap=True)
        self.table = _table()
        self.length = QComboBox()
        self.length.setAccessibleName("How long")
        self.epochs = QSpinBox()
        self.epochs.setRange(1, MOST_EPOCHS)
        self.epochs.setAccessibleName("Epochs more")
        self.hint = label("", "muted", wrap=True)
        self.go_on_button, self.close_button = QPushButton("Go on"), QPushButton("Not now" if interrupted else "Close")
        self.go_on_button.setProperty("role", "primary")
        self.go_on_button.setDefault(True)
        self._lay_out()
        for run in runs:
            self._add(run)
        self.table.itemSelectionChanged.connect(self._refresh)
        self.table.itemDoubleClicked.connect(lambda _: self._answer())
        self.length.currentIndexChanged.connect(lambda _: self._explain())
        self.epochs.valueChanged.connect(lambda _: self._explain())
        self.go_on_button.clicked.connect(self._answer)
        self.close_button.clicked.connect(self.reject)
        if runs:
            self.table.selectRow(runs.index(interrupted) if interrupted else 0)
            self.table.setFocus()
        self._refresh()

    def _lay_out(self) -> None:
        length = QHBoxLayout()
        length.setSpacing(8)
        length.addWidget(self.length)
        length.addWidget(self.epochs)
        length.addStretch(1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.go_on_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(self.intro)
        column.addWidget(self.table, 1)
        column.addLayout(length)
        column.addWidget(self.hint)
        column.addLayout(buttons)

    def _add(self, run: Resumable) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        state = run_state(run.record, is_running=False)
        texts = (run.name, state, f"{run.epoch:,} of {run.epochs:,}", f"{run.step:,}", clock(run.saved))
        for column, text in enumerate(texts):
            self.table.setItem(row, column, QTableWidgetItem(text))

    def pick(self, run: Resumable) -> None:
        """Pick a run."""
        self.table.selectRow(self._runs.index(run))

    @property
    def run(self) -> Resumable | None:
        """The run that is picked."""
        return self._runs[self.table.currentRow()] if self.table.selectedItems() else None

    def _refresh(self) -> None:
        run = self.run
        left = max(0, run.epochs - run.epoch) if run is not None else 0
        self.length.clear()
        if run is not None and not run.is_done:
            self.length.addItem(f"For the {counted(left, 'epoch')} left" if left else "To its end", REST)
        self.length.addItem("For so many more epochs:", MORE)
        for widget in (self.length, self.go_on_button):
            widget.setEnabled(run is not None)
        self._explain()

    def _explain(self) -> None:
        """Say what a longer course means for the learning rate."""
        run, is_more = self.run, self.length.currentData() == MORE
        self.epochs.setEnabled(run is not None and is_more)
        if run is None or not is_more:
            self.hint.setText("")
            return
        total = run.epoch + self.epochs.value()
        text = f"{counted(total, 'epoch')} in all."
        if any(phase.get("schedule", {}).get("key") != "constant" for phase in run.record.plan.get("phases", ())):
            text += (
                " The learning-rate schedule is stretched over all of them: the rate may jump where the run goes on."
            )
        self.hint.setText(text)

    def _answer(self) -> None:
        run = self.run
        if run is not None:
            self.accept()
            self.chosen.emit(run, self.epochs.value() if self.length.currentData() == MORE else None)


def _intro(name: str, runs: Sequence[Resumable], interrupted: Resumable | None) -> str:
    if interrupted is not None:
        epochs = counted(interrupted.epoch, "epoch")
        return INTERRUPTED.format(name, _when(interrupted), interrupted.step, epochs, interrupted.epochs)
    return (INTRO if runs else EMPTY).format(name)


def _when(run: Resumable) -> str:
    when = clock(run.saved)
    return f"at {when}" if when[:1].isdigit() and ":" in when[:3] else when


def _table() -> QTableWidget:
    table = QTableWidget(0, len(HEADS))
    table.setHorizontalHeaderLabels(HEADS)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setAccessibleName("Runs that can go on")
    table.setShowGrid(False)
    table.verticalHeader().hide()
    header = table.horizontalHeader()
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setHighlightSections(False)
    for column, width in enumerate(WIDTHS):
        table.setColumnWidth(column, width)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return table
