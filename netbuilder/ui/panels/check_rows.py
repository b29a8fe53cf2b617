"""What the checks before training saw, as rows: passed ones short, the others with their fixes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton

from netbuilder.ui.icons import icon
from netbuilder.ui.panels.cards import label
from netbuilder.ui.panels.problem_rows import breakable
from netbuilder.ui.panels.revealing import RevealingRow
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


class CheckRow(RevealingRow):
    """One check's result; a click, or Enter, goes to the layer that it is about."""

    def __init__(self, result: Result, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.result = result
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
        self.lead_to(result.node)
        numbers = "   ".join(f"{title} {value}" for title, value in result.numbers)
        self.setToolTip("\n".join(filter(None, (numbers, self.toolTip()))))
        self.setAccessibleName(f"{word}: {result.title}. {result.message}")
