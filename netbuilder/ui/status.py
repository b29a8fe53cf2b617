"""The status bar: the session's state, the network's size, the file's, the canvas's scale."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from netbuilder.training.footprint import Memory, in_words, measure
from netbuilder.training.protocol import State
from netbuilder.ui.panels.cards import ElidedLabel
from netbuilder.ui.text import ago, compact, counted, grouped
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace

_STATES = {
    State.IDLE: ("Ready", "muted"),
    State.STARTING: ("Starting", "validation"),
    State.RUNNING: ("Training", "good"),
    State.PAUSED: ("Paused", "validation"),
    State.STOPPING: ("Stopping", "validation"),
    State.ENDED: ("Trained", "good"),
    State.FAILED: ("Failed", "bad"),
}
"""State -> (what it is called, the token of its dot): the colour never stands alone."""


class StatusBar(QStatusBar):
    """The window's last line.

    Signals:
        healthRequested: () the number of findings was clicked.
    """

    healthRequested = Signal()

    def __init__(self, workspace: Workspace, theme: ThemeController, parent: QWidget) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self._workspace, self._theme = workspace, theme
        self.state = QLabel()
        self.state.setObjectName("stateText")
        self.counts = QLabel()
        self.parameters = QLabel()
        self.costs = QLabel()
        self.memory = QLabel()
        self.health = QLabel()
        self.health.setObjectName("healthText")
        self.note = ElidedLabel()  # a long line must not make the window wider
        self.saved = QLabel()
        self.zoom = QLabel("100 %")
        for label in (self.state, self.counts, self.parameters, self.costs, self.memory, self.health):
            self.addWidget(label)
        self.addWidget(self.note, 1)
        for label in (self.saved, self.zoom):
            self.addPermanentWidget(label)
        self._clock = QTimer(self, interval=5000)
        self._clock.timeout.connect(self._show_saved)
        self._clock.start()
        workspace.stateChanged.connect(self._show_state)
        workspace.documentChanged.connect(self._show_state)
        workspace.documentReplaced.connect(self._show_state)
        workspace.shapesChanged.connect(self.show_size)
        workspace.scopeChanged.connect(self.show_size)
        workspace.fileChanged.connect(self._show_saved)
        self._fade = QTimer(self, singleShot=True, interval=4000)
        self._fade.timeout.connect(self._show_state)
        workspace.message.connect(self.show_note)
        workspace.past.changed.connect(self._show_state)
        theme.changed.connect(self._show_state)
        self.health.linkActivated.connect(self._ask_for_health)
        workspace.health.changed.connect(self._show_health)
        theme.changed.connect(self._show_health)
        self._show_state()
        self._show_health()
        self.show_size()
        self._show_saved()

    def show_zoom(self, scale: float) -> None:
        """Show the canvas's scale; 1.0 is 100 %."""
        self.zoom.setText(f"{scale * 100:.0f} %")

    def show_note(self, text: str) -> None:
        """Show one line for some seconds beside the rest; where room lacks, what the network costs gives its own."""
        self._show_note(text)
        self._fade.start()

    def _show_note(self, text: str) -> None:
        self.note.setText(text)
        self._make_room()

    def _make_room(self) -> None:
        costs = (self.parameters, self.costs, self.memory)
        others = (self.state, self.counts, *costs, self.health, self.saved, self.zoom)
        taken = sum(each.sizeHint().width() + 6 for each in others if each in costs or not each.isHidden())
        is_tight = bool(self.note.text()) and self.width() - taken < self.note.sizeHint().width() + 6
        for each in costs:
            each.setVisible(not is_tight)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give back the room that there is."""
        super().resizeEvent(event)
        self._make_room()

    def show_size(self) -> None:
        """Show how many nodes are in sight, and how large the whole network is."""
        costs = self._workspace.costs
        graph = self._workspace.document.scope(self._workspace.scope)
        self.counts.setText(f"{counted(len(graph.nodes), 'node')} · {counted(len(graph.edges), 'link')}")
        # Costs come from shapes: while some are still pending (PyTorch is loading), a number would be wrong.
        known = not self._workspace.shapes.pending
        self.parameters.setText(f"{grouped(costs.total.parameters) if known else '…'} parameters")
        self.costs.setText(f"{compact(costs.total.macs) if known else '…'} multiply-adds")
        memory = measure(self._workspace.document, costs)
        self.memory.setText(f"{in_words(memory.training) if known else '…'} to train")
        self.memory.setToolTip(_memory_tip(memory, self._workspace.document.plan.batch_size) if known else "")

    def _show_state(self, _: object = None) -> None:
        title, token = _STATES[self._workspace.state]
        color = getattr(self._theme.theme, token)
        shown = self._workspace.past.shown
        moment = "" if shown is None else f" · showing step {shown:,}"
        self.state.setText(f'<span style="color:{color}">●</span>&nbsp; {title}{moment}')
        if not self._fade.isActive():
            self._show_note("Edits wait to be applied (F9)" if self._workspace.control.is_stale else "")

    def _show_health(self, _: object = None) -> None:
        findings = self._workspace.health.findings
        self.health.setVisible(bool(findings))
        color = self._theme.theme.validation
        count = counted(len(findings), "finding")
        link = f'<a href="health" style="color:{self._theme.theme.text};text-decoration:none">{count}</a>'
        self.health.setText(f'<span style="color:{color}">▲</span>&nbsp; {link}')
        told = "<br>".join(f"<b>{escape(each.title)}</b>: {escape(each.message)}" for each in findings)
        self.health.setToolTip(f"{told}<br><br>The Health panel shows the evidence and offers fixes.")

    def _ask_for_health(self, _: str) -> None:
        self.healthRequested.emit()

    def _show_saved(self) -> None:
        saved = self._workspace.file.saved_at
        if self._workspace.path is None:
            self.saved.setText("Not saved yet" if self._workspace.is_modified else "")
        elif self._workspace.is_modified:
            self.saved.setText("Edited" if saved is None else f"Edited; saved {ago(saved)}")
        else:
            self.saved.setText("Saved" if saved is None else f"Saved {ago(saved)}")


def _memory_tip(memory: Memory, batch: int) -> str:
    """Say what the memory for training consists of, and what predicting takes."""
    rows = (
        ("Weights", memory.weights),
        ("Gradients", memory.gradients),
        ("Optimizer", memory.optimizer),
        *([("Average of the weights", memory.average)] if memory.average else []),
        (f"Activations of {counted(batch, 'sample')}", memory.activations),
        ("<b>To train</b>", memory.training),
        ("<b>To predict one sample</b>", memory.inference),
    )
    cells = "".join(
        f"<tr><td>{name}&nbsp;&nbsp;</td><td align='right'>{in_words(size)}</td></tr>" for name, size in rows
    )
    return (
        f"<table>{cells}</table>Estimated: lengths that vary count as 1; the program itself and the data come on top."
    )
