"""Live edits: carries what is edited while a run is in progress into the run.

Settings (learning rate, dropout, what is frozen) reach it as they are edited, and so does undoing them. A network that
was changed waits until the user applies it. What the run has changed can be taken back, with the weights of that
moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal

from netbuilder.document.files import read_document
from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.protocol import Event, State, Telemetry
from netbuilder.ui.part import Part

if TYPE_CHECKING:
    from netbuilder.ui.workspace import Change, Workspace

CALM_MS = 120
"""How long an edit waits for the next one, so that a number that is dragged is one change."""


class LiveEdits(Part):
    """Compares the document with what the run trains, and sends what differs.

    Signals:
        changed: () `waiting`, `fixed` or `marks` are others.

    Attributes:
        waiting: What the network in training lacks, in words; empty when it is the one that is shown.
        fixed: (node id or "", field) -> why the run in progress keeps another value.
        marks: The changes that the run has made and not taken back, in order: "change" events.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.waiting: tuple[str, ...] = ()
        self.fixed: Mapping[tuple[str, str], str] = {}
        self.marks: tuple[Event, ...] = ()
        self._refused: Document | None = None  # not sent again: the run has said why it cannot be
        self._is_apart = (
            False  # an earlier run goes on that was set otherwise than what is shown: nothing is sent unasked
        )
        self._calm = QTimer(self, singleShot=True, interval=CALM_MS)
        self._calm.timeout.connect(self.catch_up)
        workspace.documentChanged.connect(self._note)
        workspace.stateChanged.connect(self._enter)
        workspace.telemetry.connect(self._listen)
        workspace.documentReplaced.connect(self._forget)

    @property
    def is_open(self) -> bool:
        """Whether a run is in progress that takes changes."""
        state = self._workspace.state
        trainer = self._workspace.trainer
        is_over = state is State.STOPPING or trainer.is_revisiting
        return state.is_active and not is_over and trainer.document is not None

    @property
    def can_go_back(self) -> bool:
        """Whether there is a change that can be taken back."""
        return self.is_open and any(_is_kept(mark) for mark in self.marks)

    def can_go_back_to(self, mark: Event) -> bool:
        """Whether one change can be taken back."""
        return self.is_open and _is_kept(mark)

    def catch_up(self) -> None:
        """Send what can be had at once, and see what waits."""
        self._calm.stop()
        waiting: tuple[str, ...] = ()
        fixed: Mapping[tuple[str, str], str] = {}
        if self.is_open:
            from netbuilder.training.amendments import at_once, compare

            running, wanted = self._running, self._workspace.document
            now = at_once(running, wanted)
            self._is_apart = self._is_apart and now is not running
            if now is not running and now != self._refused and not self._is_apart:
                self._workspace.trainer.change(now)
            else:
                now = running
            amendment = compare(now, wanted)
            settings = amendment.settings if self._is_apart else ()
            waiting, fixed = (*settings, *amendment.structure), amendment.fixed or {}
        if (waiting, fixed) != (self.waiting, self.fixed):
            self.waiting, self.fixed = waiting, fixed
            self.changed.emit()

    def apply(self) -> None:
        """Let the run go on with the network as it is shown."""
        self.catch_up()
        if not self.waiting or not self._workspace.control.may_train():
            return
        from netbuilder.training.amendments import applied

        self._is_apart = False
        self._workspace.trainer.change(applied(self._running, self._workspace.document))
        self.catch_up()

    def discard(self) -> None:
        """Go back to the network that is in training, as an edit that can be undone."""
        if self.is_open:
            running = self._running
            self._workspace.edit("Back to the network in training", lambda document: _with_network(document, running))

    def go_back(self, mark: Event | None = None) -> None:
        """Go back to before a change: weights, curves, and the document.

        Args:
            mark: The change; None means the last one.
        """
        kept = [each for each in self.marks if _is_kept(each)]
        if not self.is_open or not kept:
            return
        chosen = mark or kept[-1]
        together = [each for each in self.marks if each.data["number"] == chosen.data["number"]]
        try:
            before = read_document(str(chosen.data["document"]))
        except NetbuilderError as error:
            self._workspace.problemsRaised.emit(error.problems)
            return
        self._workspace.trainer.change(before, str(chosen.data["state"]))
        title = f"Go back to before: {what_changed(*together)}"
        self._workspace.edit(title, lambda document: replace(_with_network(document, before), plan=before.plan))
        self._workspace.seal()
        self.catch_up()

    def _mark(self, event: Event) -> None:
        """Note a change, or that changes were taken back."""
        if "rewound" in event.data:
            self.marks = tuple(mark for mark in self.marks if mark.step <= event.data["rewound"])
        elif event.kind != "change":
            return
        elif "back" in event.data:
            self.marks = tuple(mark for mark in self.marks if mark.data["number"] < event.data["back"])
        elif "number" in event.data:
            self.marks = (*self.marks, event)

    @property
    def _running(self) -> Document:
        running = self._workspace.trainer.document
        assert running is not None, "a run in progress trains something"
        return running

    def _note(self, change: Change) -> None:
        if self.is_open and not change.difference.is_layout_only:
            self._calm.start()

    def _enter(self, state: State) -> None:
        if state is State.STARTING:
            self.marks, self._refused, self._is_apart = (), None, True
            for event in self._workspace.events:  # of an earlier part of the run
                self._mark(event)
        self.catch_up()

    def _forget(self) -> None:
        self.marks = ()
        self.catch_up()
        self.changed.emit()

    def _listen(self, news: Telemetry) -> None:
        told = [event for event in news.events if event.kind == "change" or "rewound" in event.data]
        if not told:
            return
        for event in told:
            self._mark(event)
            if event.kind == "change":
                self._refused = self._workspace.trainer.note_change(event) or self._refused
                if event.data.keys() & {"number", "back"} or event.problems:  # else it was nothing to a run
                    self._workspace.message.emit(event.text)
        self.catch_up()
        self.changed.emit()


def what_changed(*marks: Event) -> str:
    """Return what some changes were about, in words."""
    return ", ".join(word for mark in marks for word in (*mark.data["settings"], *mark.data["structure"]))


def _is_kept(mark: Event) -> bool:
    """Whether what the run was before a change is still there."""
    return "state" in mark.data and Path(str(mark.data["state"])).exists()


def _with_network(document: Document, other: Document) -> Document:
    """Return a document with another one's network, everything that is still there in its place."""
    graphs = [other.graph, *(block.graph for block in other.blocks.values())]
    known = {**other.layout.places, **document.layout.places}
    places = {id: known[id] for graph in graphs for id in graph.nodes if id in known}
    return replace(
        document,
        graph=other.graph,
        blocks=other.blocks,
        schemas={id: schema for id, schema in {**document.schemas, **other.schemas}.items() if id in other.graph.nodes},
        layout=replace(document.layout, places=places),
    )
