"""The Problems panel: what is wrong with the document and what the last run met, where, and what can be done."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from netbuilder.foundation.problem import Problem, Severity
from netbuilder.training.protocol import Telemetry
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.cards import clear, label
from netbuilder.ui.panels.problem_rows import ProblemRow
from netbuilder.ui.panels.watched import find_node
from netbuilder.ui.theme import Theme, ThemeController
from netbuilder.ui.ways_on import with_fixes
from netbuilder.ui.workspace import Workspace

NONE = "No problems. The network can be trained."
EMPTY = "No problems. Add a layer to begin."
MOST = 200
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.ADVICE: 2}


class ProblemsPanel(QScrollArea):
    """A row a problem; the window's title of this panel counts them."""

    def __init__(self, workspace: Workspace, themes: ThemeController) -> None:
        super().__init__()
        self._workspace = workspace
        self._shown: tuple[object, ...] | None = None
        self._rows: list[ProblemRow] = []
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Problems")
        self.setWidgetResizable(True)
        frame = QWidget()
        outer = QVBoxLayout(frame)
        outer.setContentsMargins(12, 8, 12, 8)
        self._column = QVBoxLayout()
        self._column.setSpacing(8)
        self.empty = label(NONE, "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        outer.addLayout(self._column)
        outer.addWidget(self.empty, 1)
        outer.addStretch(0)
        self.setWidget(frame)
        workspace.shapesChanged.connect(self.refresh)
        workspace.documentReplaced.connect(self.refresh)
        workspace.documentChanged.connect(self.refresh)
        workspace.stateChanged.connect(self.refresh)
        workspace.telemetry.connect(self._hear)
        themes.changed.connect(self._restyle)
        self.refresh()

    @property
    def rows(self) -> list[ProblemRow]:
        """The rows, most severe first."""
        return self._rows

    def refresh(self, _: object = None) -> None:
        """Count the problems; list them where somebody looks."""
        document = self._workspace.document
        told = (with_fixes(problem, document) for event in self._workspace.events for problem in event.problems)
        every = (*told_last(told), *self._workspace.problems)
        problems = tuple(sorted(every, key=lambda problem: _ORDER[problem.severity]))
        self.setWindowTitle(f"Problems {len(problems)}" if problems else "Problems")
        if self.isVisible():
            self._list(problems)

    def showEvent(self, event: QShowEvent) -> None:
        """List what there is."""
        super().showEvent(event)
        self.refresh()

    def _list(self, problems: tuple[Problem, ...]) -> None:
        self.empty.setVisible(not problems)
        self.empty.setText(NONE if self._workspace.document.graph.nodes else EMPTY)
        nodes = (find_node(self._workspace, problem.node) for problem in problems)
        named = (problems, tuple(node.label if node else "" for node in nodes))
        if named == self._shown:
            return
        self._shown = named
        clear(self._column)
        self._rows = [ProblemRow(problem, self._workspace) for problem in problems[:MOST]]
        for row in self._rows:
            self._column.addWidget(row)
        if len(problems) > MOST:
            self._column.addWidget(label(f"and {len(problems) - MOST:,} more", "muted"))

    def _hear(self, news: Telemetry) -> None:
        if any(event.problems for event in news.events):
            self.refresh()

    def _restyle(self, theme: Theme) -> None:
        self._shown = None
        self.refresh()


def told_last(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return what a run has told of, once each: the last of what it told again and again."""
    return tuple({problem.code: problem for problem in problems}.values())


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return ProblemsPanel(workspace, themes)


PANEL = PanelSpec(key="problems", title="Problems", area=Area.BOTTOM, order=40, shortcut="Ctrl+4", make=_make)
