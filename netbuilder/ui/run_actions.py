"""What the menu of runs does with the runs that are selected in the Runs panel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QInputDialog

from netbuilder.document import edits
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import Problem
from netbuilder.ui import dialogs
from netbuilder.ui.dialogs import Answer
from netbuilder.ui.progress_dialog import run_with_progress
from netbuilder.ui.text import counted, file_size

if TYPE_CHECKING:
    from netbuilder.document.model import Document, StartWeights
    from netbuilder.training.run_store import RunStore
    from netbuilder.ui.run_rows import Row
    from netbuilder.ui.window import MainWindow


class RunActions:
    """Opens, compares, marks, exports and deletes runs; what takes time is done behind the window's back."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._workspace = window.workspace
        self._runs = window.workspace.runs

    # Opening -------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open what the selected run trained, with its weights, as a new project."""
        row = self._one()
        if row is not None and self._window.files.may_leave():
            work = partial(_read_project, self._runs.store, row.id, self._runs.folder)
            done = partial(self._show_project, _name(row))
            run_with_progress(self._window, f"Opening the run {_name(row)}", work, done)

    def look_back(self) -> None:
        """Show what the selected run left behind, with the moments that it has kept."""
        row = self._one()
        if row is not None:
            self._window.show_network()
            self._workspace.revisiting.look_back(row.id)

    def open_moment(self) -> None:
        """Open what the run in the window trained, with its weights at the moment shown, as a new project."""
        folder, step = self._workspace.trainer.folder, self._workspace.past.shown
        if folder is None or step is None or not self._window.files.may_leave():
            return
        from netbuilder.training.run_store import RunStore

        work = partial(_read_project, RunStore.open(folder.parent), folder.name, self._runs.folder, step=step)
        done = partial(self._show_project, f"{folder.name} at step {step:,}")
        run_with_progress(self._window, f"Opening the run {folder.name}", work, done)

    def start_from(self) -> None:
        """Let the next training start from the selected run's best weights."""
        row = self._one()
        if row is not None:
            work = partial(_keep_weights, self._runs.store, row.id, self._runs.folder)
            run_with_progress(self._window, f"Reading the weights of {_name(row)}", work, partial(self._start, row))

    def compare(self) -> None:
        """Show how the two selected runs differ."""
        chosen = self._runs.selected
        if len(chosen) == 2:
            from netbuilder.ui.run_comparison import read_comparison

            work = partial(read_comparison, self._runs.store, *chosen)
            self._window.background.run("Reading two runs", work, self._show_comparison)

    def show_plot(self) -> None:
        """Show all runs on parallel axes."""
        self._window.docks.show("compare")

    # Marking -------------------------------------------------------------------------------------------------------

    def toggle_overlay(self) -> None:
        """Lay the selected runs' curves over, or take them away where all are."""
        shown = all(run in self._runs.overlays for run in self._runs.selection)
        for run in self._runs.selection:
            self._runs.set_overlay(run, not shown)

    def toggle_pin(self) -> None:
        """Pin the selected runs, or let go of them where all are pinned."""
        chosen = self._runs.selected
        pinned = all(row.record.marks.pinned for row in chosen)
        self._runs.mark((row.id for row in chosen), pinned=not pinned)

    def rename(self) -> None:
        """Ask for a name of the selected run."""
        row = self._one()
        if row is not None:
            now = row.record.marks.name
            text, agreed = QInputDialog.getText(self._window, "Rename the run", f"A name for {row.id}:", text=now)
            if agreed:
                self._runs.mark((row.id,), name=" ".join(text.split()))

    def tag(self) -> None:
        """Ask for a tag that the selected runs get, or lose where all of them have it."""
        known = sorted({tag for row in self._runs.rows for tag in row.record.marks.tags})
        chosen = self._runs.selected
        about = f"A tag for {counted(len(chosen), 'run')}; one that all have is taken away:"
        text, agreed = QInputDialog.getItem(self._window, "Tag", about, known, 0, True)
        tag = " ".join(text.replace(",", " ").split())
        if agreed and tag:
            lose = all(tag in row.record.marks.tags for row in chosen)
            for row in chosen:
                rest = tuple(each for each in row.record.marks.tags if each != tag)
                self._runs.mark((row.id,), tags=rest if lose else (*rest, tag))

    def show_folder(self) -> None:
        """Show the folder in which the selected run's weights lie."""
        row = self._one()
        if row is None:
            return
        from netbuilder.training.run_trash import folder_of

        folder = folder_of(self._runs.store, row.id)
        if folder.is_dir():
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
        else:
            self._refuse("It has no folder", "runs.folder", f"The folder {folder} of this run is gone.", str(folder))

    def delete(self) -> None:
        """Ask, then move the selected runs to the trash."""
        chosen = self._runs.selected
        going = [row for row in chosen if row.is_running]
        if going:
            message = f"The run {_name(going[0])} goes on at this moment: stop it before it is deleted."
            self._refuse("It cannot be deleted yet", "runs.running", message)
        elif chosen:
            from netbuilder.training.run_trash import measure

            ids = [row.id for row in chosen]
            work = partial(measure, self._runs.store, ids)
            self._runs.do(work, partial(self._ask_delete, chosen))

    def clear_snapshots(self) -> None:
        """Ask, then remove the snapshots of the selected runs; of all that are not pinned when none is selected."""
        rows = self._runs.selected or tuple(row for row in self._runs.rows if not row.record.marks.pinned)
        chosen = [row for row in rows if row.taken.snapshots and not row.is_running]
        if not chosen:
            self._workspace.message.emit("No run in the Runs panel has snapshots that could be removed")
            return
        one = len(chosen) == 1
        what = f"the run “{_name(chosen[0])}”" if one else counted(len(chosen), "run")
        detail = (
            f"They take {file_size(sum(row.taken.snapshots for row in chosen))}. Nobody can look back at earlier "
            f"moments of {'this run' if one else 'these runs'} any more, nor branch from them. Curves, settings and "
            "weights stay. This cannot be undone."
        )
        if dialogs.ask(self._window, f"Remove the snapshots of {what}?", detail, "Remove") is Answer.YES:
            self._runs.clear_snapshots(row.id for row in chosen)

    # Exporting -----------------------------------------------------------------------------------------------------

    def export_table(self) -> None:
        """Write all runs as a table."""
        path = self._ask_file("Export the table of runs", "runs.csv")
        if path:
            self._write(f"Writing {path.name}", partial(_write_table, self._runs.store, path), path)

    def export_curves(self) -> None:
        """Write the selected run's curves as a table."""
        row = self._one()
        if row is not None and (path := self._ask_file("Export the curves", f"{row.id}.csv")):
            self._write(f"Writing {path.name}", partial(_write_curves, self._runs.store, row.id, path), path)

    def export_tensorboard(self) -> None:
        """Write event files of the selected runs, or of all."""
        name = QFileDialog.getExistingDirectory(
            self._window, "A folder for TensorBoard", str(self._workspace.file.folder)
        )
        if name:
            work = partial(_write_events, self._runs.store, self._runs.selection, Path(name))
            self._write(f"Writing event files to {name}", work, Path(name))

    # Inside --------------------------------------------------------------------------------------------------------

    def _one(self) -> Row | None:
        chosen = self._runs.selected
        return chosen[0] if len(chosen) == 1 else None

    def _ask_file(self, title: str, name: str) -> Path | None:
        return dialogs.choose_target(self._window, title, self._workspace.file.folder / name, {".csv": "Tables"})

    def _write(self, title: str, work: Callable[[Job], Any], path: Path) -> None:
        run_with_progress(self._window, title, work, lambda _: self._workspace.message.emit(f"Exported {path}"))

    def _refuse(self, title: str, code: str, message: str, file: str = "") -> None:
        self._window.show_problems(title, (Problem(code=code, message=message, file=file),))

    def _ask_delete(self, chosen: tuple[Row, ...], size: int) -> None:
        what = f"the run “{_name(chosen[0])}”" if len(chosen) == 1 else counted(len(chosen), "run")
        detail = (
            f"Curves, settings and weights, {file_size(size)} on the disk. They go to a trash first: Undo in the Runs "
            "panel brings them back; the space is free a day later, or with “Empty the trash”."
        )
        if dialogs.ask(self._window, f"Delete {what}?", detail, "Delete") is Answer.YES:
            self._runs.delete(row.id for row in chosen)

    def empty_trash(self) -> None:
        """Delete for good what is in the trash."""
        from netbuilder.training.run_trash import empty_trash

        store = self._runs.store
        done = "The trash of deleted runs is empty"
        self._runs.do(lambda: empty_trash(store, float("inf")), lambda _: self._workspace.message.emit(done))
        self._runs.forget_trashed()

    def _show_project(self, name: str, document: Document) -> None:
        # A copy of the project as it was: its data files and its weights are found beside the project's file.
        self._workspace.open_recovered(document, None, self._workspace.file.home)
        self._window.show_network()
        start = "its weights" if document.plan.weights else "drawn weights: it has none"
        self._workspace.message.emit(f"Opened the run {name}; training starts from {start}")

    def _start(self, row: Row, start: StartWeights) -> None:
        change: Any = partial(edits.set_start_weights, file=start.file, sha256=start.sha256)
        self._workspace.edit(f"Start from the weights of {_name(row)}", change)
        self._workspace.message.emit(f"Training starts from the best weights of the run {_name(row)}")

    def _show_comparison(self, comparison: Any) -> None:
        from netbuilder.ui.run_comparison_dialog import RunComparisonDialog

        RunComparisonDialog(comparison, self._workspace, self._window).open()


def _name(row: Row) -> str:
    return str(row.values["name"])


def _read_project(store: RunStore, run: str, runs: Path, _: Job, step: int | None = None) -> Document:
    from netbuilder.exchange.run_project import project_of

    return project_of(store, run, runs, step)


def _keep_weights(store: RunStore, run: str, runs: Path, _: Job) -> StartWeights:
    from netbuilder.exchange.run_project import keep_weights

    return keep_weights(store, run, runs)


def _write_table(store: RunStore, path: Path, _: Job) -> None:
    from netbuilder.exchange.run_tables import run_rows, runs_csv
    from netbuilder.foundation.save import atomic_save

    atomic_save(path, runs_csv(run_rows(store, store.list_runs())))


def _write_curves(store: RunStore, run: str, path: Path, _: Job) -> None:
    from netbuilder.exchange.run_tables import write_series

    write_series(store, run, path)


def _write_events(store: RunStore, chosen: tuple[str, ...], folder: Path, job: Job) -> None:
    from netbuilder.exchange.run_tables import write_tensorboard

    records = [record for record in store.list_runs() if not chosen or record.id in chosen]
    write_tensorboard(store, records, folder, job)
