"""What File > Import and Load weights do: read on a thread, with progress, then show what became of everything."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFileDialog

from netbuilder.document import edits
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import Problem
from netbuilder.ui.openings import NETWORKS, WEIGHTS
from netbuilder.ui.progress_dialog import run_with_progress

if TYPE_CHECKING:
    from netbuilder.document.history import History
    from netbuilder.document.model import Document, StartWeights
    from netbuilder.ui.import_dialog import Report
    from netbuilder.ui.window import MainWindow


class ImportActions:
    """Asks for a file, reads it behind the window's back, and opens what comes of it."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._workspace = window.workspace

    # What the actions call -----------------------------------------------------------------------------------------

    def network(self) -> None:
        """Ask for a network in another format and make a project of it."""
        path = self._ask("Import a network", "Networks", NETWORKS)
        if path:
            self.read_network(path)

    def weights(self) -> None:
        """Ask for a file of weights and start from those whose names and shapes match."""
        path = self._ask("Load weights", "Weights", WEIGHTS)
        if path:
            self.read_weights(path)

    # What others call ----------------------------------------------------------------------------------------------

    def read_network(self, path: Path) -> None:
        """Make a project of a network in another format, in place of the current one."""
        if self._window.files.may_leave():
            run_with_progress(
                self._window,
                f"Importing {path.name}",
                partial(_import_network, path),
                partial(self._show_network, path, self._workspace.document),
            )

    def read_weights(self, path: Path) -> None:
        """Start from the weights in a file, so far as names and shapes match."""
        if not self._workspace.document.graph.nodes:
            message = f"“{path.name}” holds weights. Open or draw the network first that they are for."
            self._window.show_problems(
                "There is no network", (Problem(code="weights.no_network", message=message, file=str(path)),)
            )
            return
        document, project = self._workspace.document, self._workspace.file.home
        run_with_progress(
            self._window,
            f"Loading weights from {path.name}",
            partial(_match_weights, path, document, project),
            partial(self._show_weights, path, self._workspace.history),
        )

    # Inside --------------------------------------------------------------------------------------------------------

    def _ask(self, title: str, kind: str, suffixes: tuple[str, ...]) -> Path | None:
        patterns = " ".join(f"*{suffix}" for suffix in suffixes)
        name, _ = QFileDialog.getOpenFileName(
            self._window, title, str(self._workspace.file.folder), f"{kind} ({patterns});;All files (*)"
        )
        return Path(name) if name else None

    def _show_network(self, path: Path, before: Document, found: tuple[Document, Report]) -> None:
        document, report = found
        is_other = self._workspace.document is not before or self._workspace.state.is_active
        if is_other and not self._window.files.may_leave():  # it was asked about what was open then
            return
        self._workspace.open_unsaved(document)
        self._window.show_network()
        self._workspace.message.emit(f"Imported {path.name}")
        _show_report(self._window, report)

    def _show_weights(self, path: Path, history: History, found: tuple[StartWeights | None, Report]) -> None:
        start, report = found
        if self._workspace.history is not history:
            self._workspace.message.emit(f"{path.name} was not loaded: another network has been opened meanwhile")
            return
        if start is not None:
            change: Any = partial(edits.set_start_weights, file=start.file, sha256=start.sha256)
            self._workspace.edit(f"Load weights from {path.name}", change)
            self._workspace.message.emit(f"Training starts from the weights of {path.name}")
        _show_report(self._window, report)


def _show_report(window: MainWindow, report: Report) -> None:
    from netbuilder.ui.import_dialog import ReportDialog

    ReportDialog(window, report).open()


def _import_network(path: Path, job: Job) -> tuple[Document, Report]:
    from netbuilder.exchange.incoming.formats import import_file
    from netbuilder.project import Project, runs_folder
    from netbuilder.ui.import_dialog import Report

    imported = import_file(path, job)
    project = Project(imported.document, weights=imported.weights)
    if imported.weights:
        job.report(0.95, "keeping the weights")
        project.keep_weights(runs_folder(None))
    rows = tuple((row.origin, f"{row.count:,}", row.became, bool(row.reason)) for row in imported.coverage.rows)
    report = Report(
        title=f"Imported {path.name}",
        summary=imported.coverage.summary,
        notes=imported.notes,
        headers=("Operator", "Count", "Became"),
        rows=rows,
    )
    return project.document, report


def _match_weights(path: Path, document: Document, file: Path | None, job: Job) -> tuple[StartWeights | None, Report]:
    from netbuilder.exchange.incoming.weight_names import describe
    from netbuilder.project import Project, runs_folder
    from netbuilder.ui.import_dialog import Report

    project = Project(document, file)
    matches = project.load_weights(path, job)
    start = None
    if matches.matched:
        project.keep_weights(runs_folder(file))
        start = project.document.plan.weights
    rows = tuple(
        (fate.name or fate.key, "×".join(map(str, fate.shape)) or "one number", describe(fate), bool(fate.reason))
        for fate in matches.fates
    )
    report = Report(
        title=f"Weights from {path.name}",
        summary=matches.summary,
        notes=() if start else ("Nothing was changed.",),
        headers=("Tensor", "Shape", "What became of it"),
        rows=rows,
    )
    return start, report
