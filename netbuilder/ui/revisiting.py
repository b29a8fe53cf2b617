"""Revisiting: runs that are over come back into the window, to be looked back at or to go on from one of their moments.

What is read of them is read on a worker thread; the project may not become another one meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from netbuilder.document import edits
from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.protocol import State
from netbuilder.ui.part import Part
from netbuilder.ui.series import RunRecord

if TYPE_CHECKING:
    from netbuilder.training.resumable import Resumable
    from netbuilder.ui.panels.errands import Errand
    from netbuilder.ui.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier run, read.

    Attributes:
        run: Where it is, and up to where it is told.
        document: What it trained, or is to train.
        record: What it told.
    """

    run: Resumable
    document: Document
    record: RunRecord


class Revisiting(Part):
    """Brings runs that are over back into the window."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._errand: Errand | None = None
        self._done: Callable[[Earlier], None] = self._look_back
        self._wish: int | None = None
        workspace.stateChanged.connect(self._enter)
        workspace.documentReplaced.connect(self._forget)

    def look_back(self, run: str, step: int | None = None) -> None:
        """Show what an earlier run of the project left behind, with its curves and the moments that it has kept.

        Args:
            run: Its id.
            step: The step of the moment to show; None for its end.
        """
        if not self._workspace.state.is_active:
            self._wish = step
            self._read(partial(read_whole, self._workspace.runs.folder, run), self._look_back)

    def go_on(self, run: Path, step: int) -> None:
        """Let a run that is over go back to one of its moments, and on from there.

        Args:
            run: Its folder.
            step: The moment's.
        """
        if not self._workspace.state.is_active:
            self._read(partial(read_until, run, step), partial(self._go_on, moment=step))

    def start(self, earlier: Earlier, path: Path | None, moment: int | None = None) -> None:
        """Let an earlier run go on in the window.

        Args:
            earlier: The run.
            path: The project's file.
            moment: The step of the snapshot that it goes on from; None for its newest state.
        """
        workspace, document = self._workspace, earlier.document
        if is_alike(workspace.document, document):
            epochs = document.plan.epochs
            if workspace.document.plan.epochs != epochs:
                workspace.edit(f"Train for {epochs} epochs", lambda now: edits.change_plan(now, {"epochs": epochs}))
        else:
            workspace.message.emit("The run goes on with the network that it began with, not with the one shown")
        workspace.trainer.go_on(document, path, earlier.run.folder, earlier.record, moment)

    def _go_on(self, earlier: Earlier, moment: int) -> None:
        self.start(earlier, self._workspace.file.home, moment)

    def _look_back(self, earlier: Earlier) -> None:
        workspace = self._workspace
        workspace.trainer.revisit(earlier.document, workspace.file.home, earlier.run.folder, earlier.record)
        if is_alike(workspace.document, earlier.document):
            workspace.message.emit(f"Looking back at the run {earlier.run.name}")
        else:
            workspace.message.emit(f"The run {earlier.run.name} trained another network than the one shown")

    def _enter(self, state: State) -> None:
        """Show the moment that was wished for, once the run is there."""
        if state is State.ENDED and self._workspace.trainer.is_revisiting and self._wish is not None:
            step, self._wish = self._wish, None
            self._workspace.past.look(step)

    def _read(self, work: Callable[[], Earlier], done: Callable[[Earlier], None]) -> None:
        if self._errand is None:
            from netbuilder.ui.panels.errands import Errand

            self._errand = Errand(self)
            self._errand.done.connect(self._arrive)
            self._errand.failed.connect(self._fail)
        self._done = done
        self._errand.run(work)

    def _arrive(self, earlier: Earlier) -> None:
        if not self._workspace.state.is_active:  # else another run was begun meanwhile
            self._done(earlier)

    def _fail(self, error: NetbuilderError) -> None:
        self._workspace.problemsRaised.emit(error.problems)

    def _forget(self) -> None:
        if self._errand is not None:
            self._errand.forget()


def is_alike(shown: Document, trained: Document) -> bool:
    """Whether a run trains what is shown, but for the number of epochs."""
    plan = replace(trained.plan, epochs=shown.plan.epochs)
    return (shown.graph, shown.blocks, shown.plan) == (trained.graph, trained.blocks, plan)


def read_whole(runs: Path, run: str) -> Earlier:
    """Return all of a run that is over.

    Raises:
        NetbuilderError: When there is no such run, or it goes on at this moment.
    """
    from netbuilder.training.resumable import own_document, whole

    found = whole(runs, run)
    return Earlier(found, own_document(found), _told(found))


def read_until(run: Path, step: int) -> Earlier:
    """Return a run that is over, up to one of its moments.

    Raises:
        NetbuilderError: When the moment is not kept any more, or is the run's end.
    """
    from netbuilder.training.resumable import at_moment, document_of

    found = at_moment(run, step)
    return Earlier(found, document_of(found), _told(found))


def read_newest(run: Resumable, more: int | None) -> Earlier:
    """Return a run as it was when its newest state was saved.

    Args:
        run: The run.
        more: How many epochs it is to do beyond those that are done; None for as many as it was to do.
    """
    from netbuilder.training.resumable import document_of

    return Earlier(run, document_of(run, more), _told(run))


def _told(run: Resumable) -> RunRecord:
    from netbuilder.training.resumable import read_history

    record = RunRecord()
    record.add(read_history(run))
    return record
