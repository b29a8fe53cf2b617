"""The project's runs as the window knows them: the list, which are selected, which have their curves laid over.

Whatever touches the disk is done on a worker thread (`netbuilder.ui.run_reading`); what comes of it arrives here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.ui.text import file_size

if TYPE_CHECKING:
    from netbuilder.training.run_store import RunStore
    from netbuilder.ui.panels.errands import Errand
    from netbuilder.ui.run_reading import Curves, Found
    from netbuilder.ui.run_rows import Row
    from netbuilder.ui.workspace import Workspace

COLORS = (
    ("#ff7eb6", "#c2267a"),
    ("#3ddbd9", "#00807d"),
    ("#d4a5ff", "#7a3fc9"),
    ("#ffd54a", "#8a6500"),
    ("#8bd450", "#3f7d12"),
    ("#ff9466", "#bf4a12"),
    ("#7fb2ff", "#1a55c4"),
    ("#c9b79c", "#6f5a3a"),
)
"""What runs' curves are drawn in, on dark and on light; none is one of the current run's own."""


TRASH_SECONDS = 86_400
"""So long a deleted run can be brought back."""


class Runs(QObject):
    """What is known of the project's runs.

    Signals:
        changed: () `rows` is another list, or the project has another folder of runs.
        selectionChanged: () other runs are selected.
        overlaysChanged: () other runs are laid over, or their curves arrived.
        deleted: (tuple of str, int) runs went to the trash; how many bytes they take.
        asked: (str) somebody chose the action of this id.

    Attributes:
        rows: A row a run, the newest first.
        keys: Every value that some run has (`run_values`).
        usual: The columns that tell these runs apart.
        selection: Ids of the selected runs, in the order of the table.
        overlays: Id -> the number of its colour, of the runs whose curves are laid over the current one's.
        curves: Id -> what of them has been read.
    """

    changed = Signal()
    selectionChanged = Signal()
    overlaysChanged = Signal()
    deleted = Signal(object, int)
    asked = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self.rows: tuple[Row, ...] = ()
        self.keys: tuple[str, ...] = ()
        self.usual: tuple[str, ...] = ()
        self.selection: tuple[str, ...] = ()
        self.overlays: dict[str, int] = {}
        self.curves: dict[str, Curves] = {}
        self.trashed: tuple[str, ...] = ()
        self._home: Path | None = None
        self._stamp: object = None
        self._errands: dict[str, Errand] = {}
        self._work: list[tuple[Callable[[], Any], Callable[[Any], object]]] = []
        workspace.documentReplaced.connect(self._restart)
        workspace.fileChanged.connect(self._follow_file)
        workspace.stateChanged.connect(self._follow_run)

    @property
    def folder(self) -> Path:
        """The project's folder of runs."""
        from netbuilder.project import runs_folder

        return runs_folder(self._home)

    @property
    def store(self) -> RunStore:
        """The project's store of runs."""
        from netbuilder.training.run_store import RunStore

        return RunStore.open(self.folder)

    @property
    def own(self) -> str:
        """The id of this window's current or last run, where it is one of the project's; else ""."""
        folder = self._workspace.trainer.folder
        return folder.name if folder is not None and folder.parent == self.folder else ""

    def row(self, run: str) -> Row | None:
        """Return the row of a run; None for one that is not there (any more)."""
        return next((row for row in self.rows if row.id == run), None)

    @property
    def selected(self) -> tuple[Row, ...]:
        """The rows of the selected runs."""
        by_id = {row.id: row for row in self.rows}
        return tuple(by_id[run] for run in self.selection if run in by_id)

    # Looking -------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Read the list again, if anything has changed; it is there a moment later."""
        from netbuilder.ui.run_reading import read_runs

        store, stamp, own, known = self.store, self._stamp, self.own, self.rows
        active = self._workspace.state.is_active
        self._errand("look", self._take_found).run(lambda: read_runs(store, stamp, own if active else "", known))

    def select(self, runs: Iterable[str]) -> None:
        """Make these runs the selected ones."""
        chosen = tuple(runs)
        if chosen != self.selection:
            self.selection = chosen
            self.selectionChanged.emit()

    # Overlays ------------------------------------------------------------------------------------------------------

    def set_overlay(self, run: str, shown: bool) -> None:
        """Lay a run's curves over the current one's, or take them away."""
        if shown == (run in self.overlays):
            return
        if shown:
            taken = set(self.overlays.values())
            free = next((number for number in range(len(COLORS)) if number not in taken), len(self.overlays))
            self.overlays[run] = free % len(COLORS)
        else:
            del self.overlays[run]
            self.curves.pop(run, None)
        self.overlaysChanged.emit()
        self._read_curves()

    def clear_overlays(self) -> None:
        """Take all curves away."""
        if self.overlays:
            self.overlays, self.curves = {}, {}
            self.overlaysChanged.emit()

    def color(self, run: str, dark: bool) -> str:
        """Return the colour of a run that is laid over."""
        return COLORS[self.overlays[run]][0 if dark else 1]

    def _read_curves(self, again: Iterable[str] = ()) -> None:
        """Read the curves that are missing, and those of runs that may have gone on."""
        from netbuilder.ui.run_reading import read_curves

        missing = [run for run in self.overlays if run not in self.curves or run in again]
        if missing:
            store = self.store
            self._errand("curves", self._take_curves).run(lambda: {run: read_curves(store, run) for run in missing})

    # Changing ------------------------------------------------------------------------------------------------------

    def mark(self, runs: Iterable[str], **values: Any) -> None:
        """Change what is said of some runs: attributes of `Marks` by name."""
        store, chosen = self.store, tuple(runs)

        def work() -> None:
            for run in chosen:
                store.mark(run, **values)

        self.do(work, lambda _: self.look())

    def delete(self, runs: Iterable[str]) -> None:
        """Move runs to the trash, from which `undelete` brings them back."""
        from netbuilder.training.run_trash import discard, measure

        store, chosen = self.store, tuple(runs)

        def work() -> int:
            size = measure(store, chosen)
            discard(store, chosen)
            return size

        def done(size: int) -> None:
            for run in chosen:
                self.set_overlay(run, False)
            self.trashed = chosen
            self.deleted.emit(chosen, size)
            self.look()

        self.do(work, done)

    def clear_snapshots(self, runs: Iterable[str]) -> None:
        """Remove all snapshots of some runs for good; one that goes on keeps its own."""
        from netbuilder.training.snapshot_room import clear

        store, chosen = self.store, tuple(runs)

        def done(freed: int) -> None:
            self._stamp = ()  # the store knows nothing of snapshots
            self.look()
            self._workspace.message.emit(f"Removed snapshots: {file_size(freed)} are free")

        self.do(lambda: clear(store, chosen), done)

    def undelete(self) -> None:
        """Bring back what was deleted last."""
        from netbuilder.training.run_trash import restore

        store, chosen = self.store, self.trashed
        self.trashed = ()
        if chosen:
            self.do(lambda: restore(store, chosen), lambda _: self.look())

    def forget_trashed(self) -> None:
        """Offer nothing more to bring back: the trash is about to be emptied."""
        self.trashed = ()
        self.deleted.emit((), 0)

    def do(self, work: Callable[[], Any], done: Callable[[Any], object]) -> None:
        """Do something with the store on a worker thread, one thing after the other; problems are raised as usual."""
        self._work.append((work, done))
        if len(self._work) == 1:
            self._errand("work", self._worked).run(work)

    # Inside --------------------------------------------------------------------------------------------------------

    def _errand(self, name: str, done: Callable[[Any], object]) -> Errand:
        if name not in self._errands:
            from netbuilder.ui.panels.errands import Errand

            errand = self._errands[name] = Errand(self)
            errand.done.connect(done)
            errand.failed.connect(self._fail if name != "work" else self._failed_work)
        return self._errands[name]

    def _worked(self, answer: Any) -> None:
        _, done = self._work.pop(0)
        self._go_on()
        done(answer)

    def _failed_work(self, error: NetbuilderError) -> None:
        self._work.pop(0)
        self._go_on()
        self._workspace.problemsRaised.emit(error.problems)
        self.look()

    def _go_on(self) -> None:
        if self._work:
            self._errand("work", self._worked).run(self._work[0][0])

    def _fail(self, error: NetbuilderError) -> None:
        if self._stamp != str(error):  # once, not every two seconds
            self._stamp = str(error)
            self.rows, self.keys, self.usual = (), (), ()
            self.changed.emit()
            self._workspace.problemsRaised.emit(error.problems)

    def _take_found(self, found: Found | None) -> None:
        from netbuilder.training.run_trash import empty_trash

        if found is None or found.folder != self.folder:
            return
        if self._stamp is None:  # the first look: what was deleted long ago goes for good
            store = self.store
            self.do(lambda: empty_trash(store, time.time() - TRASH_SECONDS), lambda _: None)
        self._stamp = found.stamp
        self.rows, self.keys, self.usual = found.rows, found.keys, found.usual
        self.changed.emit()
        ids = {row.id for row in found.rows}
        self.select(run for run in self.selection if run in ids)
        for run in [run for run in self.overlays if run not in ids]:
            self.set_overlay(run, False)
        self._read_curves(row.id for row in found.rows if row.is_running and not row.is_own)

    def _take_curves(self, curves: Mapping[str, Curves]) -> None:
        self.curves.update({run: read for run, read in curves.items() if run in self.overlays})
        self.overlaysChanged.emit()
        self._read_curves()  # those that were asked for meanwhile

    def _restart(self) -> None:
        """Another project is open: nothing is known of its runs until somebody looks."""
        self.select(())  # what is being typed about a run is kept where that run is
        for name, errand in self._errands.items():
            if name != "work":
                errand.forget()
        self._work = [(work, lambda _: None) for work, _ in self._work]  # it is still done, and told to nobody
        self._home, self._stamp, self.trashed = self._workspace.file.home, None, ()
        self.rows, self.keys, self.usual = (), (), ()
        self.clear_overlays()
        self.changed.emit()

    def _follow_file(self) -> None:
        """Saved under another name, the project has another folder of runs."""
        home = self._workspace.file.home
        if home != self._home:
            self._home = home
            self._stamp = None
            self.changed.emit()

    def _follow_run(self, _: object) -> None:
        if self.rows or self._stamp is not None:  # somebody has looked
            self.look()
