"""The report after an import: one sentence, notes, and a table with what did not work out on top."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from netbuilder.ui.dialog import Dialog
from netbuilder.ui.icons import icon

MOST_NOTES = 6
"""How many notes are shown; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is told.

    Attributes:
        title: What was done.
        summary: One sentence.
        notes: More sentences.
        headers: The table's three columns.
        rows: Their texts, and whether the row tells of something that did not work out.
    """

    title: str
    summary: str
    notes: tuple[str, ...]
    headers: tuple[str, str, str]
    rows: tuple[tuple[str, str, str, bool], ...]


class ReportDialog(Dialog):
    """Shows a report; everything in it may come from a hostile file and is plain text."""

    def __init__(self, parent: QWidget, report: Report) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(report.title)
        self.resize(760, 560)
        self._report = report
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(10)
        summary = QLabel(report.summary)
        summary.setProperty("role", "heading")
        notes = list(report.notes[:MOST_NOTES])
        if len(report.notes) > MOST_NOTES:
            notes.append(f"… and {len(report.notes) - MOST_NOTES} more.")
        for label in (summary, *(QLabel(note) for note in notes)):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            layout.addWidget(label)
        self.table = _table(report)
        layout.addWidget(self.table, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close = buttons.button(QDialogButtonBox.StandardButton.Close)
        close.setDefault(True)
        close.setFocus()
        copy = buttons.addButton("Copy table", QDialogButtonBox.ButtonRole.ActionRole)
        copy.setAutoDefault(False)
        copy.clicked.connect(self._copy)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    def _copy(self) -> None:
        rows = (self._report.headers, *(row[:3] for row in self._report.rows))
        QGuiApplication.clipboard().setText("\n".join("\t".join(row) for row in rows))


def _table(report: Report) -> QTableWidget:
    rows = sorted(report.rows, key=lambda row: not row[3])
    table = QTableWidget(len(rows), len(report.headers))
    table.setHorizontalHeaderLabels(report.headers)
    table.verticalHeader().hide()
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setWordWrap(False)
    warning = icon("warning")
    for number, (*texts, failed) in enumerate(rows):
        for column, text in enumerate(texts):
            item = QTableWidgetItem(warning, text) if failed and not column else QTableWidgetItem(text)
            item.setToolTip(text)
            table.setItem(number, column, item)
    header = table.horizontalHeader()
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
    header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
    header.setStretchLastSection(True)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    table.setColumnWidth(0, 330)
    return table
