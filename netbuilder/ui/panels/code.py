"""The PyTorch code panel: the very text that is trained and exported, line by line the canvas's nodes."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QFrame, QGraphicsOpacityEffect, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from netbuilder.compiler.program import Program, write_program
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.ui.icons import icon
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.cards import clear, label
from netbuilder.ui.panels.code_view import CodeView
from netbuilder.ui.panels.errands import Errand
from netbuilder.ui.panels.problem_rows import ProblemRow
from netbuilder.ui.standpoint import shown_as
from netbuilder.ui.theme import Theme, ThemeController
from netbuilder.ui.workspace import Workspace

DEBOUNCE_MS = 200
WAITING = "The code appears as soon as PyTorch is loaded and all shapes are known."
EMPTY = "The network's PyTorch code appears here as you build it: add a layer and connect it."
CURRENT = "What Train runs and Export writes. Click a line to select its node."
STALE = "This is the last text without errors. Mend these first:"
_MOST = 3


class CodePanel(QWidget):
    """Writes the program while it is seen, shortly after the last edit, on a worker thread.

    Attributes:
        program: What is shown; None before the first.
    """

    def __init__(self, workspace: Workspace, themes: ThemeController) -> None:
        super().__init__()
        self._workspace, self._themes = workspace, themes
        self.program: Program | None = None
        self._stale = True
        self.status = label("", "muted", wrap=True)
        self.copy_button = QPushButton(icon("copy", "muted"), "Copy")
        self.copy_button.setProperty("role", "quiet")
        self.copy_button.setToolTip("Copy the whole text")
        self.copy_button.clicked.connect(self.copy)
        self.view = CodeView(themes.theme)
        self.view.clicked.connect(self._select_line)
        self._fade = QGraphicsOpacityEffect(self.view)
        self._fade.setOpacity(0.45)
        self._fade.setEnabled(False)
        self.view.setGraphicsEffect(self._fade)
        self._lay_out()
        self._timer = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
        self._timer.timeout.connect(self.write)
        self._errand = Errand(self)
        self._errand.done.connect(self._show_program)
        self._errand.failed.connect(self._show_errors)
        workspace.documentChanged.connect(self._follow)
        workspace.shapesChanged.connect(self._follow)
        workspace.documentReplaced.connect(self._forget)
        workspace.selectionChanged.connect(self._mark)
        themes.changed.connect(self._restyle)

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 6, 12, 0)
        bar.addWidget(self.status, 1)
        bar.addWidget(self.copy_button)
        self.errors = QFrame()
        self._errors = QVBoxLayout(self.errors)
        self._errors.setContentsMargins(12, 0, 12, 4)
        self.errors.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(bar)
        column.addWidget(self.errors)
        column.addWidget(self.view, 1)

    def copy(self) -> None:
        """Put the text on the clipboard."""
        QGuiApplication.clipboard().setText(self.view.toPlainText())
        self._workspace.message.emit("Copied the PyTorch code")

    def showEvent(self, event: QShowEvent) -> None:
        """Write what was missed."""
        super().showEvent(event)
        if self._stale:
            self.write()

    def write(self) -> None:
        """Write the program of the document as it is now."""
        self._timer.stop()
        document, shapes = self._workspace.document, self._workspace.shapes
        if not document.graph.nodes or shapes.pending:
            self._errand.forget()
            self._show_state(WAITING if shapes.pending else EMPTY, ())
            if not document.graph.nodes:
                self.program = None
                self.view.set_code("")
            return
        self._stale = False
        self._errand.run(partial(write_program, document, shapes))

    def _follow(self, _: object = None) -> None:
        self._stale = True
        if self.isVisible():
            self._timer.start()

    def _forget(self) -> None:
        self.program = None
        self.view.set_code("")
        self._follow()

    def _show_program(self, program: Program) -> None:
        self.program = program
        self.view.set_code(program.source)
        self._show_state(CURRENT, ())
        self._mark()

    def _show_errors(self, error: NetbuilderError) -> None:
        self._show_state(STALE if self.program else "The code appears once these are mended:", error.problems)

    def _show_state(self, text: str, problems: tuple[Problem, ...]) -> None:
        self.status.setText(text)
        self._fade.setEnabled(bool(problems) or text == WAITING)
        self.copy_button.setEnabled(self.program is not None)
        clear(self._errors)
        self.errors.setVisible(bool(problems))
        for problem in problems[:_MOST]:
            self._errors.addWidget(ProblemRow(problem, self._workspace))
        if len(problems) > _MOST:
            self._errors.addWidget(label(f"and {len(problems) - _MOST:,} more: see Problems", "muted"))

    def _mark(self) -> None:
        if self.program is None:
            return
        document, at, chosen = self._workspace.document, self._workspace.scopes.at, self._workspace.selection
        lines = {line for line, path in self.program.lines.items() if shown_as(document, path, at) in chosen}
        self.view.mark_lines(lines, scroll=self.isVisible())

    def _select_line(self, line: int) -> None:
        path = self.program.lines.get(line, "") if self.program else ""
        if path:
            self._workspace.reveal(path)

    def _restyle(self, theme: Theme) -> None:
        self.view.set_theme(theme)


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return CodePanel(workspace, themes)


PANEL = PanelSpec(key="code", title="PyTorch code", area=Area.TAB, order=10, shortcut="Ctrl+6", make=_make)
