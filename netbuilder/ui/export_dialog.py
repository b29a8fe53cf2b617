"""The export dialog: where the weights come from, where to, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from netbuilder.document.history import History
from netbuilder.exchange.formats import Exported, ExportFormat, Order
from netbuilder.exchange.runs import list_runs, runs_folder
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import Problem
from netbuilder.ui import dialogs
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.form import LABELS, Form

if TYPE_CHECKING:
    from netbuilder.ui.window import MainWindow
    from netbuilder.ui.workspace import Change

TICK = 100
"""Milliseconds between two looks at the progress."""

RUNS = 20
"""So many runs are offered, the newest."""


class ExportDialog(Dialog):
    """Exports the window's network in one format; the window stays usable meanwhile."""

    def __init__(self, window: MainWindow, form: ExportFormat) -> None:
        super().__init__(window)
        self._window, self._format = window, form
        self._job: Job | None = None
        self._history: History | None = None  # of the document that was open as the form was filled in
        self._written = Path()
        self._settings: dict[str, Any] = form.defaults()
        self.setWindowTitle(f"Export: {form.title}")
        self.setMinimumWidth(560)
        self.weights = QComboBox()
        self.target = QLineEdit()
        self.browse = QPushButton("Browse…")
        self.form = Form(form.parameters)
        self.bar = QProgressBar()
        self.detail = QLabel()
        self.outcome = QLabel()
        self.show_folder = QPushButton("Show in folder")
        self.go = QPushButton("Export")
        self.leave = QPushButton("Close")
        self._lay_out()
        self._fill()
        self._clock = QTimer(self, interval=TICK)
        self._clock.timeout.connect(self._show_progress)
        self.browse.clicked.connect(self._browse)
        self.go.clicked.connect(lambda: self._start())
        self.leave.clicked.connect(self._stop_or_close)
        self.show_folder.clicked.connect(self._reveal)
        self.form.edited.connect(lambda name, value, _gesture: self._settings.update({name: value}))
        self.target.textChanged.connect(lambda text: self.go.setEnabled(bool(text.strip())))
        workspace = window.workspace
        workspace.documentReplaced.connect(self._follow)
        workspace.stateChanged.connect(self._follow)
        workspace.documentChanged.connect(self._follow_edit)

    # What it looks like ----------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        heading = QLabel(self._format.title)
        heading.setProperty("role", "heading")
        what = QLabel(f"{self._format.summary} {self._format.help}")
        what.setWordWrap(True)
        grid = QGridLayout()
        grid.setColumnMinimumWidth(0, LABELS)
        grid.setColumnStretch(1, 1)
        grid.setVerticalSpacing(8)
        place = QHBoxLayout()
        place.setSpacing(8)
        place.addWidget(self.target, 1)
        place.addWidget(self.browse)
        for row, (title, field) in enumerate(
            (("Weights", self.weights), ("File" if self._format.suffix else "Folder", self.target))
        ):
            label = QLabel(title)
            label.setProperty("role", "muted")
            label.setBuddy(field)
            grid.addWidget(label, row, 0)
        grid.addWidget(self.weights, 0, 1)
        grid.addLayout(place, 1, 1)
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Export progress")
        self.detail.setProperty("role", "muted")
        self.outcome.setWordWrap(True)
        self.go.setProperty("role", "primary")
        self.go.setDefault(True)
        buttons = QHBoxLayout()
        buttons.addWidget(self.show_folder)
        buttons.addStretch(1)
        buttons.addWidget(self.leave)
        buttons.addWidget(self.go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(heading)
        layout.addWidget(what)
        layout.addLayout(grid)
        layout.addWidget(self.form)
        layout.addWidget(self.bar)
        layout.addWidget(self.detail)
        layout.addWidget(self.outcome)
        layout.addStretch(1)
        layout.addLayout(buttons)
        self.form.setVisible(bool(self._format.parameters))
        hidden: tuple[QWidget, ...] = (self.bar, self.detail, self.outcome, self.show_folder)
        for each in hidden:
            each.hide()

    def _fill(self) -> None:
        workspace = self._window.workspace
        self._history = workspace.history
        self.weights.clear()
        self._fill_weights()
        name = workspace.name if self._format.suffix else f"{workspace.name}-python"
        self.target.setText(str(workspace.file.folder / f"{name}{self._format.suffix}"))
        self.outcome.hide()
        self.show_folder.hide()

    def _fill_weights(self) -> None:
        """Offer the weights there are; what was picked stays picked."""
        had, picked = self.weights.count(), self.weights.currentData()
        self.weights.clear()
        for run in self._runs():
            self.weights.addItem(f"Best weights of the run {run.name}", run)
        self.weights.addItem(self._fresh, None)
        rows = [row for row in range(self.weights.count()) if had and self.weights.itemData(row) == picked]
        self.weights.setCurrentIndex(rows[0] if rows else 0)

    @property
    def _fresh(self) -> str:
        plan = self._window.workspace.document.plan
        return "The weights that the project starts from" if plan.weights else f"Fresh weights from seed {plan.seed}"

    def _follow(self, _: object = None) -> None:
        """Offer what belongs to the document as it is now; what is being exported stays as it was ordered."""
        if self._job is not None:
            return
        if self._history is not self._window.workspace.history:
            self._fill()
        else:
            self._fill_weights()

    def _follow_edit(self, _: Change) -> None:
        self.weights.setItemText(self.weights.count() - 1, self._fresh)

    def _runs(self) -> list[Path]:
        """Return the runs whose weights can be taken: the window's own first, then the file's."""
        workspace = self._window.workspace
        own = workspace.trainer.folder
        found = list_runs(own.parent) if own else []
        mine = [run for run in found if run == own]
        kept = list_runs(runs_folder(home)) if (home := workspace.file.home) else []
        return list(dict.fromkeys([*mine, *kept]))[:RUNS]

    # What it does ----------------------------------------------------------------------------------------------------

    def _browse(self) -> None:
        form = self._format
        if form.suffix:
            kinds = {form.suffix: form.title}
            path = dialogs.name_file(self, f"Export {form.title}", Path(self.target.text()), kinds)
            name = str(path or "")
        else:
            name = self._browse_folder(Path(self.target.text()).expanduser())
        if name:
            self.target.setText(name)

    def _browse_folder(self, target: Path) -> str:
        """Ask for the folder itself where it is there, else for the one to make it in."""
        if target.is_dir():
            return QFileDialog.getExistingDirectory(self, "Export into this folder", str(target))
        around = next((each for each in target.absolute().parents if each.is_dir()), Path.home())
        folder = QFileDialog.getExistingDirectory(self, f"Make the folder {target.name} in", str(around))
        return str(Path(folder) / target.name) if folder else ""

    def _start(self, *, overwrite: bool = False) -> None:
        from netbuilder.project import runs_folder

        workspace = self._window.workspace
        target = Path(self.target.text().strip()).expanduser().absolute()
        if self._format.suffix:
            target = dialogs.with_ending(target, self._format.suffix)
            is_there = target.is_file()
            if is_there and dialogs.ask_replace(self, target) is not dialogs.Answer.YES:
                return
            overwrite = is_there
        self._written = target
        order = Order(
            document=workspace.document,
            format=self._format.key,
            target=target,
            base=workspace.file.base,
            run=self.weights.currentData(),
            runs=runs_folder(workspace.file.home),
            settings=dict(self._settings),
            overwrite=overwrite,
        )
        from netbuilder.exchange.child_process import export_in_child

        self._set_running(True)
        self._job = self._window.background.run(
            f"Exporting {target.name}", lambda job: export_in_child(order, job), self._succeed, self._fail
        )

    def _stop_or_close(self) -> None:
        if self._job is None:
            self.reject()
            return
        self._job.cancel()
        self._set_running(False)
        self._say("Cancelled; nothing was written.", "muted")

    def _succeed(self, exported: Exported) -> None:
        self._set_running(False)
        names = ", ".join(path.name for path in exported.files)
        self._say("\n".join([f"Wrote {names} with {exported.origin}.", *exported.notes]), "good")
        self.show_folder.show()
        self._window.workspace.message.emit(f"Exported {self._format.title} to {self._written}")

    def _fail(self, problems: Sequence[Problem]) -> None:
        self._set_running(False)
        foreign = next((problem for problem in problems if problem.code == "export.foreign"), None)
        if foreign and dialogs.ask_replace(self, Path(foreign.file)) is dialogs.Answer.YES:
            self._start(overwrite=True)
            return
        self._say("\n".join(problem.message for problem in problems), "bad")
        # A path into a block begins with the block's node, which the canvas has.
        node = next((problem.node.partition("/")[0] for problem in problems if problem.node), "")
        if node in self._window.workspace.document.graph.nodes:
            self._window.workspace.reveal(node)

    def _set_running(self, running: bool) -> None:
        if not running:
            self._job = None
        for widget in (self.weights, self.target, self.browse, self.form, self.go):
            widget.setEnabled(not running)
        self.leave.setText("Cancel" if running else "Close")
        self.bar.setVisible(running)
        self.detail.setVisible(running)
        if running:
            self.bar.setRange(0, 0)
            self.detail.setText("Starting…")
            self.outcome.hide()
            self.show_folder.hide()
            self._clock.start()
        else:
            self._clock.stop()
            self._follow()
        self._fit()

    def _show_progress(self) -> None:
        job = self._job
        if job is not None and job.fraction is not None:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * job.fraction))
            self.detail.setText(f"{job.detail}…")

    def _say(self, text: str, role: str) -> None:
        self.outcome.setTextFormat(Qt.TextFormat.PlainText)  # it may quote a hostile file
        self.outcome.setText(text)
        self.outcome.setProperty("role", role)
        self.outcome.style().unpolish(self.outcome)
        self.outcome.style().polish(self.outcome)
        self.outcome.show()
        self._fit()

    def _fit(self) -> None:
        """Take the height that the present content needs."""
        self.resize(self.width(), max(self.sizeHint().height(), self.heightForWidth(self.width())))

    def _reveal(self) -> None:
        folder = self._written.parent if self._format.suffix else self._written
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def reject(self) -> None:
        """Closing the dialog, by whatever key or button, stops the export."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
        self._clock.stop()
        super().reject()
