"""The Health panel: what the rules find in the current or last run, on what evidence, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from netbuilder.ui.icons import icon
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.cards import Card, clear, label, scrolling
from netbuilder.ui.panels.check_rows import CheckRow
from netbuilder.ui.panels.finding_rows import FindingRow
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.text import counted
from netbuilder.ui.theme import Theme, ThemeController
from netbuilder.ui.workspace import Workspace

if TYPE_CHECKING:
    from netbuilder.insight.check import Result
    from netbuilder.insight.finding import Finding

BEFORE = "Press Train: rules watch the run for exploding and vanishing gradients, dead units, overfitting and more."
WATCHING = "Nothing is wrong so far. {count} rules watch this run."
HEALTHY = "Nothing was wrong with the last run, as far as {count} rules can tell."


class HealthPanel(LivePanel):
    """A row a finding; the panel's title counts them."""

    def __init__(self, workspace: Workspace, themes: ThemeController) -> None:
        super().__init__(workspace, themes)
        self.rows: list[FindingRow] = []
        self.check_rows: list[CheckRow] = []
        self._shown: tuple[tuple[Finding, ...], bool, bool] | None = None
        workspace.health.changed.connect(self._count)
        workspace.health.checksChanged.connect(self._show_checks)
        workspace.documentChanged.connect(self._read_document)
        self._count()

    def build(self) -> None:
        """Make the head line and the list."""
        self.summary = label("", "muted", wrap=True)
        self.check = QPushButton(icon("check", "text"), "Check before training")
        self.check.setToolTip("Try the network and its data in a few short runs that change nothing")
        self.check.clicked.connect(lambda: self.workspace.experimentRequested.emit("check", None))
        self.rate = QPushButton("Find learning rate…")
        self.rate.setToolTip("Train shortly with ever larger learning rates and see where the loss falls fastest")
        self.rate.clicked.connect(lambda: self.workspace.experimentRequested.emit("rate", None))
        head = QHBoxLayout()
        head.addWidget(self.summary, 1)
        head.addWidget(self.check)
        head.addWidget(self.rate)
        self.findings, self._column = _scrolling("Findings")
        self.checks = Card("Before training")
        self.checks.setMinimumWidth(260)
        body = QHBoxLayout()
        body.setSpacing(12)
        body.addWidget(self.findings, 3)
        body.addWidget(self.checks, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(8)
        column.addLayout(head)
        column.addLayout(body, 1)
        self._show_checks()

    def refresh(self) -> None:
        """List the findings, where they are news; rows that are there already get newer numbers."""
        findings = self.workspace.health.findings
        news = (findings, self.workspace.state.is_active, bool(self.workspace.series))
        if self._shown is not None and self._shown[0] is findings and self._shown[1:] == news[1:]:
            return
        self._shown = news
        self.summary.setText(self._summary())
        self._share_room()
        if [row.finding.key for row in self.rows] == [finding.key for finding in findings]:
            for row, finding in zip(self.rows, findings, strict=True):
                row.show_finding(finding)
            return
        clear(self._column)
        self.rows = [FindingRow(finding, self.workspace, self.theme) for finding in findings]
        for row in self.rows:
            self._column.addWidget(row)

    def restyle(self, theme: Theme) -> None:
        """Draw in other colours."""
        for row in self.rows:
            row.set_theme(theme)

    def _show_checks(self) -> None:
        """List what the checks saw, what failed first."""
        if not self._built:
            return
        health = self.workspace.health
        self.check_rows = [CheckRow(each, self.workspace) for each in sorted(health.checks, key=_gravity)]
        self.checks.setVisible(bool(self.check_rows))
        self._share_room()
        if not self.check_rows:
            return
        area, column = _scrolling("Checks")
        for row in self.check_rows:
            column.addWidget(row)
        before = self.checks.body
        self.checks.show_body(area)
        if before is not None:
            before.deleteLater()
        self._date_checks()

    def _share_room(self) -> None:
        """Leave all room to the checks while there is no finding."""
        self.findings.setVisible(bool(self.workspace.health.findings) or not self.check_rows)

    def _date_checks(self) -> None:
        """Say how many checks passed, and whether the document is another since."""
        health = self.workspace.health
        if not self._built or not health.checks:
            return
        passed = sum(each.verdict == "pass" for each in health.checks)
        is_old = health.are_checks_old(self.workspace.document)
        self.checks.note.setText(
            f"{passed} of {len(health.checks)} passed" + ("; changed since: check again" if is_old else "")
        )

    def _summary(self) -> str:
        findings = self.workspace.health.findings
        if findings:
            return f"{counted(len(findings), 'finding')}. Each fix is one change that Undo takes back."
        if not self.workspace.series:
            return BEFORE
        from netbuilder.insight.rule import registry

        text = WATCHING if self.workspace.state.is_active else HEALTHY
        return text.format(count=len(registry()))

    def _count(self) -> None:
        count = len(self.workspace.health.findings)
        self.setWindowTitle(f"Health {count}" if count else "Health")
        self._follow()

    def _read_document(self, _: object) -> None:
        """Names and values of the document changed, and with them which fixes are made already."""
        self._shown = None
        self._follow()
        self._date_checks()


def _scrolling(name: str) -> tuple[QScrollArea, QVBoxLayout]:
    """Return an area that scrolls, and the column that its rows go into."""
    frame = QWidget()
    outer = QVBoxLayout(frame)
    outer.setContentsMargins(0, 0, 0, 0)
    column = QVBoxLayout()
    column.setSpacing(8)
    outer.addLayout(column)
    outer.addStretch(1)
    area = scrolling(frame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setAccessibleName(name)
    return area, column


def _gravity(result: Result) -> int:
    return ("fail", "warn", "pass").index(result.verdict)


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return HealthPanel(workspace, themes)


PANEL = PanelSpec(key="health", title="Health", area=Area.BOTTOM, order=38, shortcut="Ctrl+Shift+H", make=_make)
