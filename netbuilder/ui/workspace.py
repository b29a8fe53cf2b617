"""The workspace: what the window's parts share, and the only thing they know of each other.

It holds the open document, its history, the selection, the shapes and problems of the current document, and the
training session's latest telemetry. Parts (canvas, panels, toolbar) are given the workspace, listen to its signals and
call its methods; they never call one another. Qt's thread owns it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from netbuilder.compiler.cost import Costs
from netbuilder.compiler.shapes import Shapes
from netbuilder.data.places import has_relative, placed
from netbuilder.document import edits
from netbuilder.document.diff import Difference, diff
from netbuilder.document.history import History
from netbuilder.document.model import Document, PortRef
from netbuilder.foundation import trust
from netbuilder.foundation.preferences import Preferences
from netbuilder.foundation.problem import Fix, NetbuilderError, Problem
from netbuilder.library import Library
from netbuilder.project import Vocabulary
from netbuilder.training.protocol import Event, Picture, PictureKind, Progress, State
from netbuilder.ui.analysis import Analysis
from netbuilder.ui.health import Health
from netbuilder.ui.live_edits import LiveEdits
from netbuilder.ui.project_file import ProjectFile
from netbuilder.ui.revisiting import Revisiting
from netbuilder.ui.run_control import RunControl
from netbuilder.ui.runs import Runs
from netbuilder.ui.scopes import Scopes
from netbuilder.ui.series import Series
from netbuilder.ui.sight import Sight
from netbuilder.ui.standpoint import Standpoint, standpoint_of
from netbuilder.ui.time_travel import TimeTravel
from netbuilder.ui.trainer import Trainer
from netbuilder.ui.turns import Turns


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the document: the values before and after, and what differs."""

    old: Document
    new: Document
    difference: Difference


def _document_of(workspace: weakref.ref[Workspace]) -> Document:
    found = workspace()
    assert found is not None, "what asks belongs to the workspace"
    return found.document


class Workspace(QObject):
    """What the window's parts share.

    Signals:
        documentChanged: (Change) after every edit, undo and redo.
        documentReplaced: () another document was opened; everything is new.
        selectionChanged: () `selection` or `selected_frames` is another set of ids, or `selected_link` another link.
        shapesChanged: () `shapes` and `problems` were recomputed (perhaps partly: see `Shapes.pending`).
        fileChanged: () `path`, the title or `is_modified` changed.
        stateChanged: (State) the training session's state changed.
        telemetry: (Telemetry) what is new, about 15 times a second while a session lives.
        message: (str) one line for the status bar and the log.
        problemsRaised: (tuple of Problem) something that was asked for could not be done; for a dialog.
        scopeChanged: () another graph is in sight: a block was entered or left.
        libraryChanged: () a block was saved to the user's library, renamed or deleted.
        revealRequested: (str) bring this node of the graph in sight into view.
        experimentRequested: (str, object) a short run is wanted: "check", "rate", or "try" with the fix to be tried.
        goOnRequested: (str, str) let a run go on at once: its id, or "" for the last one; and how (see `ways_on`).
        reviewRequested: (str) show the code of the node with this path and ask whether it may run.
    """

    documentChanged = Signal(object)
    documentReplaced = Signal()
    selectionChanged = Signal()
    shapesChanged = Signal()
    fileChanged = Signal()
    stateChanged = Signal(object)
    telemetry = Signal(object)
    message = Signal(str)
    problemsRaised = Signal(object)
    scopeChanged = Signal()
    libraryChanged = Signal()
    revealRequested = Signal(str)
    experimentRequested = Signal(str, object)
    goOnRequested = Signal(str, str)
    reviewRequested = Signal(str)

    def __init__(self, preferences: Preferences, parent: QObject | None = None) -> None:
        """Begin with an empty, unsaved document.

        Args:
            preferences: Where recent files are remembered.
            parent: Qt's owner.
        """
        super().__init__(parent)
        self.preferences = preferences
        self.history = History(Document())
        self.selection: frozenset[str] = frozenset()
        self.selected_frames: frozenset[str] = frozenset()
        self.selected_link: PortRef | None = None
        self.file = ProjectFile(preferences)
        self.analysis = Analysis(self.document, self)
        self.library = Library()
        document = partial(_document_of, weakref.ref(self))  # no circle: a workspace goes when nobody holds it
        self.vocabulary = Vocabulary(document, self.library)
        self.scopes = Scopes(document, self.analysis, self)
        self.analysis.changed.connect(self._learn)
        self.scopes.learned.connect(self.shapesChanged)
        self.scopes.changed.connect(self._scope_changed)
        self.analysis.data.message.connect(self.message)
        self.trainer = Trainer(
            self, lambda: self.preferences.get("train_in") == "process", lambda: self.preferences.snapshot_room
        )
        self.trainer.stateChanged.connect(self.stateChanged)
        self.trainer.telemetry.connect(self.telemetry)
        self.trainer.message.connect(self.message)
        self.turns = Turns(self)
        self.past = TimeTravel(self)
        self.health = Health(self.trainer, self.analysis, self)
        self.health.placed.connect(self._note_health)
        self.runs = Runs(self)
        self.live_edits = LiveEdits(self)
        self.control = RunControl(self)
        self.revisiting = Revisiting(self)

    # The document ------------------------------------------------------------------------------------------------

    @property
    def document(self) -> Document:
        """The document being edited."""
        return self.history.document

    def edit(self, title: str, change: Callable[[Document], Document], merge: str = "") -> None:
        """Replace the document by `change(document)` as one undo entry.

        Args:
            title: What Undo will say: "Add Conv2d".
            change: A pure function, usually a partial of `netbuilder.document.edits`. When it raises a
                `NetbuilderError`, nothing changes and `problemsRaised` tells.
            merge: Edits in a row with the same non-empty key become one entry (a scrubbed number).
        """
        old = self.document
        try:
            new = change(old)
        except NetbuilderError as error:
            self.problemsRaised.emit(error.problems)
            return
        if new is old:
            return
        self.history.push(title, new, merge)
        self._changed(old)

    def seal(self) -> None:
        """End a gesture: the next edit starts an undo entry of its own."""
        self.history.seal()

    def apply_fix(self, fix: Fix) -> None:
        """Apply a problem's fix as one undo entry titled like the fix."""
        self.edit(fix.title, lambda document: edits.apply(document, fix.edit, fix.arguments))

    def undo(self) -> None:
        """Go one entry back."""
        self._travel("Undo", self.history.undo_title, self.history.undo)

    def redo(self) -> None:
        """Go one entry forth again."""
        self._travel("Redo", self.history.redo_title, self.history.redo)

    def select(self, nodes: Iterable[str], frames: Iterable[str] = ()) -> None:
        """Make these nodes, and these frames, the selection; ids that the graph in sight lacks are left out."""
        self._choose(nodes, None, frames)

    def select_link(self, target: PortRef | None) -> None:
        """Select the link that ends at `target` in place of nodes; None selects no link."""
        if target is None:
            self._choose(self.selection, None, self.selected_frames)
        else:
            self._choose((), target)

    def reveal(self, path: str) -> None:
        """Go into the block that a node is in, if any, select the node and bring it into view.

        Args:
            path: The node's path.
        """
        to, node = standpoint_of(self.document, path, self.scopes.at)
        if to.scope != self.scope:  # in another copy of the block in sight it is in sight already
            self.scopes.go(to)
        self.select((node,))
        self.revealRequested.emit(node)

    # Blocks --------------------------------------------------------------------------------------------------------

    @property
    def scope(self) -> str:
        """The graph in sight: the main graph, or a block's key."""
        return self.scopes.at.scope

    @property
    def sight(self) -> Sight:
        """What is known of the graph in sight."""
        return self.scopes.sight

    def leave(self) -> None:
        """Go one block up, and select the one that was left."""
        at = self.scopes.at
        if not at.scope:
            return
        self.scopes.go(at.steps(self.document)[-2])
        if at.door:
            self.select((at.door,))

    def is_selected(self, path: str) -> bool:
        """Whether a node path leads to or through a selected node, in the copy in sight."""
        prefix = self.scopes.at.prefix
        return path.startswith(prefix) and path[len(prefix) :].partition("/")[0] in self.selection

    # Shapes --------------------------------------------------------------------------------------------------------

    @property
    def shapes(self) -> Shapes:
        """The types on the document's ports, as far as they are known."""
        return self.analysis.shapes

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The document's problems, as far as shapes are known."""
        return self.analysis.problems

    @property
    def costs(self) -> Costs:
        """Parameters and multiply-adds, as far as shapes are known."""
        return self.analysis.costs

    @property
    def is_settled(self) -> bool:
        """Whether shapes, problems and costs are those of the document as it is now."""
        return self.analysis.is_settled

    def trust(self, texts: Iterable[str]) -> None:
        """Let Python that the user has looked at, or has typed, run from now on."""
        try:
            trust.grant(texts)
        except NetbuilderError as error:
            self.problemsRaised.emit(error.problems)
            return
        self.analysis.follow(self.document, self.file.base)
        self.scopes.settle()

    def torch_loaded(self) -> None:
        """Torch is imported from now on: shapes go on, and a training that waited for it starts."""
        self.analysis.torch_loaded()
        self.scopes.torch_loaded()
        self.trainer.torch_loaded()

    # The file ------------------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path | None:
        """The document's file; None while it has none."""
        return self.file.path

    @property
    def name(self) -> str:
        """What the title calls the document."""
        if self.path:
            return self.path.stem
        return f"{self.file.origin.stem} (copy)" if self.file.origin else self.document.about.title or "untitled"

    @property
    def is_modified(self) -> bool:
        """Whether the document differs from its file."""
        return not self.history.is_clean

    def new(self) -> None:
        """Begin an empty document."""
        self._replace(Document(), None)

    def open(self, path: Path) -> None:
        """Open a file in place of the current document.

        Raises:
            NetbuilderError: When it cannot be read; the current document stays.
        """
        self._replace(self.file.read(path), path)

    def open_unsaved(self, document: Document) -> None:
        """Open a document that has no file yet, such as a template's."""
        self._replace(document, None)

    def open_recovered(self, document: Document, path: Path | None, origin: Path | None = None) -> None:
        """Open a document that no file holds.

        Args:
            document: What was recovered.
            path: The file that it goes on from and will be saved to; None makes it a document without a file.
            origin: The file that it is a copy of, when it has none of its own.
        """
        self._replace(document, path, origin, saved=False)

    def reload(self) -> None:
        """Take over what another program has written to the file, as an edit that can be undone.

        Raises:
            NetbuilderError: When it cannot be read; the document stays.
        """
        assert self.path is not None, "there is a file to read"
        document = self.file.read(self.path)
        if not diff(self.document, document).is_empty:
            self.edit(f"Reload {self.path.name}", lambda _: document)
        self.file.take_stamp()
        self.history.mark_saved()
        self.fileChanged.emit()

    def save(self, path: Path | None = None) -> None:
        """Write the document to its file, or to `path`, which becomes its file.

        Raises:
            NetbuilderError: When it cannot be written; the file is as it was and the document stays modified.
        """
        target = path or self.path
        assert target is not None, "a document without a file needs a path"
        is_news = self.is_modified or target != self.path or self.file.is_changed_outside
        before, folder = self.file.base, target.absolute().parent
        if before.absolute() != folder and has_relative(self.document):
            self.edit("Name the data from the new folder", lambda document: placed(document, before, folder))
        trouble = self.file.write(target, placed(self.document, before, folder), keep=is_news)
        self.history.mark_saved()
        self.analysis.data.follow(self.document, self.file.base)
        self.fileChanged.emit()
        self.message.emit(f"Saved {target.name}" + (f"; {trouble}" if trouble else ""))

    # Training ------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where the training session stands."""
        return self.trainer.state

    @property
    def progress(self) -> Progress:
        """How far the run is."""
        return self.trainer.record.progress

    @property
    def series(self) -> Mapping[str, Series]:
        """The run's curves so far, by name."""
        return self.trainer.record.series

    @property
    def pictures(self) -> Mapping[tuple[PictureKind, str], Picture]:
        """The newest picture of each (kind, node path)."""
        return self.trainer.record.pictures

    @property
    def events(self) -> list[Event]:
        """What has happened in the run, in order."""
        return self.trainer.record.events

    # Inside --------------------------------------------------------------------------------------------------------

    def _choose(self, nodes: Iterable[str], link: PortRef | None, frames: Iterable[str] = ()) -> None:
        """Select what of this is in the document."""
        graph, known = self.document.scope(self.scope), self.document.layout.frames
        chosen, link = frozenset(nodes) & graph.nodes.keys(), link if link in graph.edges else None
        framed = frozenset(id for id in frames if id in known and known[id].scope == self.scope)
        if (chosen, link, framed) != (self.selection, self.selected_link, self.selected_frames):
            self.selection, self.selected_link, self.selected_frames = chosen, link, framed
            self.selectionChanged.emit()
            self.control.watch_selection()

    def _travel(self, verb: str, title: str, move: Callable[[], Document]) -> None:
        old, chosen = self.document, self.selection
        if move() is not old:
            self._changed(old)
            # What comes back is what the user looks for next: it is selected, as it was when it was added or deleted.
            before = old.scope(self.scope).nodes if not self.scope or self.scope in old.blocks else {}
            came = self.document.scope(self.scope).nodes.keys() - before.keys()
            if came:
                self.select(came)
            elif verb == "Undo" and chosen and not self.selection and self.scope in ("", *old.blocks):
                # What had been added is gone: the user stands again at what it hung on.
                edges = old.scope(self.scope).edges.items()
                self.select(source.node for target, source in edges if target.node in chosen)
            self.message.emit(f"{verb}: {title}")

    def _note_health(self) -> None:
        self.scopes.note(tuple(finding.problem for finding in self.health.findings if finding.node))

    def _learn(self) -> None:
        self.scopes.forget()
        self.shapesChanged.emit()

    def _scope_changed(self) -> None:
        self.selection, self.selected_link, self.selected_frames = frozenset(), None, frozenset()
        self.scopeChanged.emit()
        self.selectionChanged.emit()

    def _changed(self, old: Document) -> None:
        self.scopes.settle()
        change = Change(old, self.document, diff(old, self.document))
        self.documentChanged.emit(change)
        self._choose(self.selection, self.selected_link, self.selected_frames)
        if not change.difference.is_layout_only:
            self.analysis.follow(self.document, self.file.base)
        self.fileChanged.emit()

    def _replace(
        self, document: Document, path: Path | None, origin: Path | None = None, *, saved: bool = True
    ) -> None:
        self.history = History(document)
        if not saved:
            self.history.mark_unsaved()
        self.file.path = path
        self.file.origin = origin
        self.scopes.at = Standpoint()
        self.scopes.forget()
        self.selection, self.selected_link, self.selected_frames = frozenset(), None, frozenset()
        self.trainer.forget()
        self.health.take_checks((), None)
        self.analysis.forget()
        self.analysis.follow(document, self.file.base)
        self.documentReplaced.emit()
        self.selectionChanged.emit()
        self.fileChanged.emit()
