"""On the plan's page: whether the network was checked before training, what failed, and the buttons for short runs."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from netbuilder.ui.panels.cards import label
from netbuilder.ui.panels.wrapping import WrappingLayout
from netbuilder.ui.workspace import Workspace

UNCHECKED = "Not checked yet."


class ChecksLine(QWidget):
    """A sentence of the last checks, and two buttons."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.text = label(UNCHECKED, "muted", wrap=True)
        self.check = QPushButton("Check")
        self.check.setToolTip("Try the network and its data in a few short runs that change nothing")
        self.check.clicked.connect(self._check)
        self.rate = QPushButton("Find learning rate…")
        self.rate.setToolTip("Train shortly with ever larger learning rates, and see where the loss falls")
        self.rate.clicked.connect(self._find_rate)
        buttons = WrappingLayout()
        buttons.addWidget(self.check)
        buttons.addWidget(self.rate)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.text)
        column.addLayout(buttons)
        workspace.health.checksChanged.connect(self.refresh)
        workspace.documentChanged.connect(self.refresh)
        self.refresh()

    def refresh(self, _: object = None) -> None:
        """Say how the last checks came out, and whether they are about the document as it is."""
        health = self._workspace.health
        if not health.checks:
            self.text.setText(UNCHECKED)
            return
        wrong = [each.title for each in health.checks if each.verdict != "pass"]
        passed = f"{len(health.checks) - len(wrong)} of {len(health.checks)} checks passed"
        told = f"{passed}; look at: {', '.join(wrong)}." if wrong else f"{passed}."
        is_old = health.are_checks_old(self._workspace.document)
        self.text.setText(f"{told} The network has changed since." if is_old else told)

    def _check(self) -> None:
        self._workspace.experimentRequested.emit("check", None)

    def _find_rate(self) -> None:
        self._workspace.experimentRequested.emit("rate", None)
