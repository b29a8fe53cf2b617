"""One problem as a row: icon and word for how much it matters, where, what, and a button for every fix."""

from __future__ import annotations

import re
from functools import partial

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QBoxLayout, QGridLayout, QLabel, QPushButton

from netbuilder.compiler.custom import TRUST
from netbuilder.foundation.problem import Problem, Severity
from netbuilder.ui.icons import icon
from netbuilder.ui.panels.cards import ElidedLabel, label
from netbuilder.ui.panels.revealing import RevealingRow
from netbuilder.ui.panels.watched import find_node
from netbuilder.ui.theme import ui_font
from netbuilder.ui.ways_on import ways_on
from netbuilder.ui.workspace import Workspace

SEVERITIES = {
    Severity.ERROR: ("error", "bad", "Error"),
    Severity.WARNING: ("warning", "validation", "Warning"),
    Severity.ADVICE: ("info", "accent", "Advice"),
}
"""Severity -> (icon, theme token, word)."""


def breakable(text: str) -> str:
    """Return a text whose very long words (a layer's name behind those of its blocks) may be broken at a dot."""
    return re.sub(r"\S{24,}", lambda word: word[0].replace(".", ".\u200b").replace("_", "_\u200b"), text)


class ProblemRow(RevealingRow):
    """A problem that takes the user to its node and offers its fixes."""

    def __init__(self, problem: Problem, workspace: Workspace, *, place: bool = True) -> None:
        """Show a problem.

        Args:
            problem: What to show.
            workspace: Applies fixes and finds the node's label.
            place: Whether to name the node and go there on a click.
        """
        super().__init__(workspace)
        self.problem = problem
        self._wide = place
        self._place = place and bool(problem.node)
        self.setProperty("card", True)
        name, token, word = SEVERITIES[problem.severity]
        mark = QLabel()
        mark.setPixmap(icon(name, token).pixmap(QSize(16, 16), self.devicePixelRatioF()))
        mark.setAccessibleName(word)
        mark.setToolTip(word)
        grid = QGridLayout(self)
        grid.setContentsMargins(10, 7, 10, 7)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.addWidget(mark, 0, 0, Qt.AlignmentFlag.AlignTop)
        head = ElidedLabel(self._head(word))
        head.setFont(ui_font(13, QFont.Weight.DemiBold))
        grid.addWidget(head, 0, 1)
        grid.addWidget(label(breakable(problem.message), wrap=True), 1, 1)
        grid.setColumnStretch(1, 1)
        if problem.expected or problem.found:
            grid.addWidget(label(self._contrast(), "number", wrap=True), 2, 1)
        if problem.fixes or problem.actions:
            grid.addLayout(self._buttons(), 3, 1)
        self.lead_to(problem.node if self._place else "")
        self.setAccessibleName(f"{self._head(word)}: {problem.message}")

    def _head(self, word: str) -> str:
        node = find_node(self._workspace, self.problem.node) if self.problem.node and self._place else None
        where = [node.label if node else "", self.problem.port or self.problem.field]
        if not self._place:
            where = where[1:]
        return " · ".join([word, *filter(None, where)])

    def _contrast(self) -> str:
        parts = (("expected", self.problem.expected), ("found", self.problem.found))
        told = [(title, text) for title, text in parts if text]
        if self._wide:
            return "   ".join(f"{title} {text}" for title, text in told)
        return "\n".join(f"{title:<8} {text}" for title, text in told)  # below one another, to be compared

    def _buttons(self) -> QBoxLayout:
        # Beside the canvas there is width for all; in the inspector they stand below one another.
        direction = QBoxLayout.Direction.LeftToRight if self._wide else QBoxLayout.Direction.TopToBottom
        row = QBoxLayout(direction)
        row.setSpacing(6)
        for fix in self.problem.fixes:
            button = QPushButton(fix.title)
            button.setToolTip("Change the network like this; Undo takes it back")
            button.clicked.connect(partial(self._workspace.apply_fix, fix))
            row.addWidget(button)
        if TRUST in self.problem.actions:
            button = QPushButton("Review and trust…")
            button.setToolTip("Look at the code; it does not run before you agree")
            button.clicked.connect(partial(self._workspace.reviewRequested.emit, self.problem.node))
            row.addWidget(button)
        for way in ways_on(self.problem):
            button = QPushButton(way.title)
            button.setToolTip(way.tip)
            button.clicked.connect(partial(self._workspace.goOnRequested.emit, "", way.how))
            row.addWidget(button)
        row.addStretch(1)
        return row
