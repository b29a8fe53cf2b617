"""The dialog of earlier versions: when they were saved, how they differ from what is open, what they look like."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from netbuilder.document.model import Document
from netbuilder.document.versions import KEPT, Version
from netbuilder.foundation.problem import Problem
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.differences import describe_difference, describe_size
from netbuilder.ui.network_picture import NetworkPicture
from netbuilder.ui.panels.cards import label
from netbuilder.ui.text import ago, clock, file_size


@dataclass(frozen=True, slots=True)
class Shown:
    """A version as far as it can be read.

    Attributes:
        version: Which.
        document: What it holds; None when it cannot be read.
        problems: Why not.
    """

    version: Version
    document: Document | None
    problems: tuple[Problem, ...] = ()


class VersionsDialog(Dialog):
    """Shows the versions that were kept; nothing in it changes a file.

    Signals:
        restoreRequested: (Shown) make it the open document, as an edit.
        copyRequested: (Shown) open it as a document of its own.
    """

    restoreRequested = Signal(object)
    copyRequested = Signal(object)

    def __init__(self, name: str, current: Document, versions: list[Shown], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Earlier versions")
        self.resize(880, 600)
        self._current, self._versions = current, versions
        self.list = QListWidget()
        self.list.setFixedWidth(230)
        self.list.setAccessibleName("Earlier versions")
        self.picture = NetworkPicture()
        self.heading, self.difference = QLabel(), label("", wrap=True)
        self.heading.setProperty("role", "heading")
        self.restore_button = QPushButton("Restore")
        self.restore_button.setProperty("role", "primary")
        self.restore_button.setDefault(True)
        self.restore_button.setToolTip("Go back to this version; undo leads forth again")
        self.copy_button = QPushButton("Open as a copy")
        self.close_button = QPushButton("Close")
        self._lay_out(name)
        for shown in versions:
            version = shown.version
            mark = ", damaged" if shown.document is None else ""
            self.list.addItem(QListWidgetItem(f"{clock(version.saved)}\n{ago(version.saved)}{mark}"))
        self.list.currentRowChanged.connect(self._show)
        self.restore_button.clicked.connect(lambda: self._answer(self.restoreRequested))
        self.copy_button.clicked.connect(lambda: self._answer(self.copyRequested))
        self.close_button.clicked.connect(self.reject)
        self.list.setCurrentRow(0)
        self.list.setFocus()

    def _lay_out(self, name: str) -> None:
        intro = label(f"What “{name}” held before it was saved, the last {KEPT} times.", wrap=True)
        frame = QFrame()
        frame.setProperty("card", "true")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.picture)
        right = QVBoxLayout()
        right.setSpacing(6)
        right.addWidget(self.heading)
        right.addWidget(self.difference)
        right.addSpacing(6)
        right.addWidget(frame, 1)
        middle = QHBoxLayout()
        middle.setSpacing(16)
        middle.addWidget(self.list)
        middle.addLayout(right, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        for button in (self.close_button, self.copy_button, self.restore_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(14)
        column.addWidget(intro)
        column.addLayout(middle, 1)
        column.addLayout(buttons)

    def _show(self, row: int) -> None:
        shown = self._versions[row]
        self.heading.setText(f"Saved {clock(shown.version.saved)}, {file_size(shown.version.size)}")
        for widget in (self.restore_button, self.copy_button):
            widget.setEnabled(shown.document is not None)
        self.picture.setVisible(shown.document is not None)
        if shown.document is None:
            self.difference.setText(" ".join(problem.message for problem in shown.problems))
            return
        size = describe_size(shown.document)
        self.difference.setText(f"{size}. Against what is open: {describe_difference(self._current, shown.document)}.")
        self.picture.show_document(shown.document)

    def _answer(self, signal: SignalInstance) -> None:
        shown = self._versions[self.list.currentRow()]
        self.accept()
        signal.emit(shown)
