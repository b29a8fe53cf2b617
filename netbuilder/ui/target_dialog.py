"""The question that a table of the user's own begins with: which of its columns is to be predicted."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from netbuilder.data.spec import Preview
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.panels.cards import label

_EXAMPLES = 6
_LONGEST = 24


class TargetDialog(Dialog):
    """Shows the columns of a table with some of their values; the last one is proposed."""

    def __init__(self, parent: QWidget, name: str, preview: Preview) -> None:
        """Make the dialog.

        Args:
            parent: The window.
            name: The file's name.
            preview: Its first rows.
        """
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle("What is to be predicted?")
        self.setMinimumWidth(460)
        self._preview = preview
        self.columns = QComboBox()
        self.columns.setAccessibleName("The column to predict")
        self.columns.addItems(preview.columns)
        self.columns.setCurrentIndex(len(preview.columns) - 1)
        self.columns.currentIndexChanged.connect(self._show_values)
        self.values = label("", "muted", wrap=True)
        self.values.setTextFormat(Qt.TextFormat.PlainText)
        use, cancel = QPushButton("Draw a first network"), QPushButton("Cancel")
        use.setProperty("role", "primary")
        use.setDefault(True)
        use.clicked.connect(self.accept)
        cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(use)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        heading = label(f"What is to be predicted from {name}?", "heading", wrap=True)
        heading.setTextFormat(Qt.TextFormat.PlainText)
        column.addWidget(heading)
        column.addWidget(self.columns)
        column.addWidget(self.values)
        column.addWidget(
            label(
                "The other columns are what it is predicted from. Text is taken for classes, numbers for a value; all "
                "of it can be changed afterwards in the data node's settings.",
                "muted",
                wrap=True,
            )
        )
        column.addLayout(buttons)
        self._show_values(self.columns.currentIndex())

    @property
    def target(self) -> str:
        """The column that was picked."""
        return self.columns.currentText()

    def _show_values(self, column: int) -> None:
        different = list(dict.fromkeys(row[column] for row in self._preview.rows if row[column]))
        shown = [text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…" for text in different[:_EXAMPLES]]
        more = ", …" if len(different) > _EXAMPLES else ""
        self.values.setText(f"For example {', '.join(shown)}{more}" if shown else "The first rows have nothing there.")
