"""What the checks before training saw, as rows: passed ones short, the others with their fixes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont, QMouseEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton

from netbuilder.ui.icons import icon
from netbuilder.ui.panels.cards import label
from netbuilder.ui.panels.problem_rows import breakable
from netbuilder.ui.panels.watched import find_node
from netbuilder.ui.panels.wrapping import WrappingLayout
from netbuilder.ui.theme import ui_font

if TYPE_CHECKING:
    from netbuilder.insight.check import Result
    from netbuilder.ui.workspace import Workspace

LOOKS = {
    "pass": ("check", "good", "Passed"),
    "warn": ("warning", "validation", "Warning"),
    "fail": ("error", "bad", "Failed"),
}
"""Verdict -> (icon, theme token, word)."""


class CheckRow(QFrame):
    """One check's result; a click goes to the layer that it is about."""

    def __init__(self, result: Result, workspace: Workspace) -> None:
        super().__init__()
        self.result = result
        self._workspace = workspace
        name, token, word = LOOKS[result.verdict]
        mark = QLabel()
        mark.setPixmap(icon(name, token).pixmap(QSize(16, 16), self.devicePixelRatioF()))
        mark.setToolTip(word)
        mark.setAccessibleName(word)
        head = label(result.title)
        head.setFont(ui_font(13, QFont.Weight.DemiBold))
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 2, 0, 2)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        grid.addWidget(mark, 0, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(head, 0, 1)
        grid.addWidget(label(breakable(result.message), "muted", wrap=True), 1, 1)
        self.setToolTip("   ".join(f"{title} {value}" for title, value in result.numbers))
        self.fix_buttons: list[QPushButton] = []
        if result.fixes:
            line = WrappingLayout()
            for fix in result.fixes:
                button = QPushButton(fix.title)
                button.setToolTip("Change the network or the plan like this; Undo takes it back")
                button.clicked.connect(partial(workspace.apply_fix, fix))
                line.addWidget(button)
                self.fix_buttons.append(button)
            grid.addLayout(line, 2, 1)
        if result.node:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(f"{word}: {result.title}. {result.message}")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the click: Qt tells of a release only those that took the press."""
        event.setAccepted(bool(self.result.node))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Go to the node."""
        node = self.result.node
        if node and self.rect().contains(event.position().toPoint()) and find_node(self._workspace, node) is not None:
            self._workspace.reveal(node)
