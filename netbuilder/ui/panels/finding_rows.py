"""One finding as a row: what it is, where, on what evidence; a button for every fix, and a way to try them first."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QGridLayout, QLabel, QMenu, QPushButton, QToolButton

from netbuilder.document import edits
from netbuilder.foundation.problem import Fix, NetbuilderError
from netbuilder.ui.icons import icon
from netbuilder.ui.panels.cards import ElidedLabel, clear, label
from netbuilder.ui.panels.problem_rows import SEVERITIES, breakable
from netbuilder.ui.panels.revealing import RevealingRow
from netbuilder.ui.panels.sparkline import Sparkline
from netbuilder.ui.panels.watched import find_node
from netbuilder.ui.panels.wrapping import WrappingLayout
from netbuilder.ui.theme import Theme, ui_font

if TYPE_CHECKING:
    from netbuilder.insight.finding import Finding
    from netbuilder.ui.workspace import Workspace

POINTS = 2000
"""A sparkline shows so many of a curve's last points at most."""


class FindingRow(RevealingRow):
    """A finding that takes the user to its node, offers its fixes, and shows what it rests on."""

    def __init__(self, finding: Finding, workspace: Workspace, theme: Theme) -> None:
        super().__init__(workspace)
        self.finding = finding
        self.setProperty("card", True)
        self._mark = QLabel()
        self._head = ElidedLabel()
        self._head.setFont(ui_font(13, QFont.Weight.DemiBold))
        self._message = label("", wrap=True)
        self._numbers = label("", "number", wrap=True)
        self._buttons = WrappingLayout()
        self.spark = Sparkline(theme)
        grid = QGridLayout(self)
        grid.setContentsMargins(10, 7, 10, 7)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.addWidget(self._mark, 0, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self._head, 0, 1)
        grid.addWidget(self._message, 1, 1)
        grid.addWidget(self._numbers, 2, 1)
        grid.addLayout(self._buttons, 3, 1, 1, 2)
        grid.addWidget(self.spark, 0, 2, 3, 1, Qt.AlignmentFlag.AlignTop)
        grid.setColumnStretch(1, 1)
        self._fixes: tuple[Fix, ...] | None = None
        self._fix_buttons: list[QPushButton] = []
        self.show_finding(finding)

    @property
    def fix_buttons(self) -> list[QPushButton]:
        """The buttons that apply a fix, in order."""
        return list(self._fix_buttons)

    def show_finding(self, finding: Finding) -> None:
        """Show the same finding with newer numbers."""
        self.finding = finding
        name, token, word = SEVERITIES[finding.severity]
        self._mark.setPixmap(icon(name, token).pixmap(QSize(16, 16), self.devicePixelRatioF()))
        self._mark.setToolTip(word)
        self._mark.setAccessibleName(word)
        node = find_node(self._workspace, finding.node) if finding.node else None
        head = f"{finding.title} · {node.label}" if node is not None else finding.title
        self._head.setText(head)
        self._message.setText(breakable(finding.message))
        self._numbers.setText("     ".join(f"{title} {value}" for title, value in finding.evidence.numbers))
        self._numbers.setVisible(bool(finding.evidence.numbers))
        self.lead_to(finding.node if node is not None else "")
        self.setAccessibleName(f"{word}: {head}. {finding.message}")
        if finding.fixes != self._fixes:
            self._fixes = finding.fixes
            self._make_buttons()
        self.show_applied()
        self._draw()

    def show_applied(self) -> None:
        """Mark the fixes that the document has already."""
        for button, fix in zip(self._fix_buttons, self.finding.fixes, strict=True):
            is_done = _is_applied(self._workspace, fix)
            button.setEnabled(not is_done)
            button.setText(f"✓ {fix.title}" if is_done else fix.title)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.spark.set_theme(theme)
        self.show_finding(self.finding)

    def _make_buttons(self) -> None:
        clear(self._buttons)
        self._fix_buttons.clear()
        for fix in self.finding.fixes:
            button = QPushButton(fix.title)
            button.setToolTip("Change the network or the plan like this; Undo takes it back")
            button.clicked.connect(partial(self._workspace.apply_fix, fix))
            self._buttons.addWidget(button)
            self._fix_buttons.append(button)
        self.trying = self._try_button()
        self.trying.setVisible(bool(self.finding.fixes))
        self._buttons.addWidget(self.trying)

    def _try_button(self) -> QToolButton:
        """Return the button that tries fixes before they are made."""
        button = QToolButton()
        button.setText("Try first ▾")
        button.setProperty("role", "bar")
        button.setToolTip("Train shortly with and without a change, from the same weights, and compare")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        for fix in self.finding.fixes:
            menu.addAction(fix.title, partial(self._workspace.experimentRequested.emit, "try", fix))
        button.setMenu(menu)
        return button

    def _draw(self) -> None:
        evidence = self.finding.evidence
        curve = self._workspace.series.get(evidence.series)
        if curve is None:
            self.spark.setVisible(False)
            return
        first = int(curve.steps.searchsorted(evidence.first))
        last = int(curve.steps.searchsorted(evidence.last, "right")) if evidence.last else len(curve)
        first = max(first, last - POINTS)
        self.spark.set_curve(curve.steps[first:last], curve.values[first:last], evidence.limit, evidence.series)


def _is_applied(workspace: Workspace, fix: Fix) -> bool:
    """Whether a fix would change nothing. One that inserts a layer always would: it inserts another."""
    if fix.edit == "insert_layer":
        return False
    try:
        return edits.apply(workspace.document, fix.edit, fix.arguments) == workspace.document
    except NetbuilderError:  # its layer is gone; the button says why when it is pressed
        return False
