"""`FormulaView`: a formula as a widget."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from netbuilder.ui.formula.box import Box
from netbuilder.ui.formula.latex import read_formula
from netbuilder.ui.formula.lines import lay_out_lines
from netbuilder.ui.formula.speech import spoken

_SIZE = 15.0
_MARGIN = 3
_WIDTHS = 8  # layouts kept


class FormulaView(QWidget):
    """Draws a formula in the colour of text, as high as it needs for its width; its menu copies it as LaTeX."""

    def __init__(self, text: str) -> None:
        """Make it.

        Raises:
            FormulaError: When `text` is not the LaTeX that `ui.formula.latex` knows.
        """
        super().__init__()
        self._row = read_formula(text)
        self._boxes: dict[int, Box] = {}  # a layout asks for several widths, again and again
        self.setAccessibleName(spoken(self._row))
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        copy = QAction("Copy as LaTeX", self)
        copy.triggered.connect(lambda: QGuiApplication.clipboard().setText(text))
        self.addAction(copy)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def heightForWidth(self, width: int) -> int:
        """Return how high it is when it is so wide."""
        return round(self._laid_out(width).height) + 2 * _MARGIN

    def sizeHint(self) -> QSize:
        """Return the size of the formula on one line, or of what fits an inspector."""
        box = self._laid_out(260)
        return QSize(round(box.width) + 1, round(box.height) + 2 * _MARGIN)

    def minimumSizeHint(self) -> QSize:
        """Return the least size: it is broken into lines and shrinks rather than ask for width."""
        return QSize(40, self.sizeHint().height() if self.width() <= 0 else self.heightForWidth(self.width()))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it."""
        box = self._laid_out(self.width())
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(self.palette().windowText().color())
            box.draw(painter, 0, _MARGIN + box.ascent)

    def _laid_out(self, width: int) -> Box:
        box = self._boxes.get(width)
        if box is None:
            if len(self._boxes) >= _WIDTHS:
                self._boxes.clear()
            box = self._boxes[width] = lay_out_lines(self._row, _SIZE, width)
        return box
