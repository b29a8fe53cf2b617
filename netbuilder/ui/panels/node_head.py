"""The head of a node's page: its title, and its label, which can be typed."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from netbuilder.ui.panels.cards import ElidedLabel

_LABEL_WIDTH: Final = (44, 220)  # pixels, at least and at most
_SPACING: Final = 6


class LabelEdit(QLineEdit):
    """A node's label: reads as muted text, edits as a line.

    Signals:
        renamed: (str) the user gave another name.
    """

    renamed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setAccessibleName("Label")
        self.setToolTip("The node's name in the PyTorch code; made a unique identifier")
        self.setMaxLength(200)
        self._text = ""
        self.editingFinished.connect(self._finish)

    def show_label(self, text: str) -> None:
        """Show the label in force."""
        self._text = text
        self.setFixedWidth(min(max(self.fontMetrics().horizontalAdvance(text) + 14, _LABEL_WIDTH[0]), _LABEL_WIDTH[1]))
        if self.text() != text and not (self.hasFocus() and self.isModified()):
            self.setText(text)
            self.setCursorPosition(0)  # of a name that is too long, the beginning is seen

    def _finish(self) -> None:
        wish, self._text = self.text().strip(), self._text
        if not wish or wish == self._text:
            self.setText(self._text)
            return
        self.setModified(False)
        self.renamed.emit(wish)


class Head(QWidget):
    """A node's title with its label beside it; below it where the panel has no room for both."""

    def __init__(self, swatch: QWidget, title: ElidedLabel, label: LabelEdit) -> None:
        super().__init__()
        self._swatch, self._title, self._label = swatch, title, label
        self._is_narrow: bool | None = None
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(_SPACING)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(1, 1)
        self._grid.addWidget(swatch, 0, 0)
        self._grid.addWidget(title, 0, 1)
        self.fit()

    def fit(self) -> None:
        """Put the label where there is room for it."""
        title = self._title.fontMetrics().horizontalAdvance(self._title.text())
        needed = self._swatch.width() + title + self._label.width() + 2 * _SPACING
        is_narrow = needed > self.width()
        if is_narrow is self._is_narrow:
            return
        self._is_narrow = is_narrow
        side = Qt.AlignmentFlag.AlignLeft if is_narrow else Qt.AlignmentFlag.AlignRight
        self._label.setAlignment(side)
        self._grid.removeWidget(self._label)
        self._grid.addWidget(self._label, int(is_narrow), 1 if is_narrow else 2, side)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit another width."""
        super().resizeEvent(event)
        self.fit()
