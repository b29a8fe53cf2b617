"""The template gallery: chips that filter, and a card a template with its picture, its measured mark and time."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from netbuilder.templates import Template, list_templates
from netbuilder.ui.panels.wrapping import WrappingLayout
from netbuilder.ui.theme import ThemeController

_WIDEST, _NARROWEST = 296, 250
"""A card's width, as far as the window allows: rather a little narrower than a column less."""

_GAP = 18
_MARGIN = 18
"""Right of the cards: the scroll bar's."""


_ORDER = ("First steps", "Images", "Tables", "Sequences")
"""The chips, from where one begins; other categories follow by name."""


def _rank(category: str) -> tuple[int, str]:
    return (_ORDER.index(category) if category in _ORDER else len(_ORDER), category)


class Gallery(QWidget):
    """All templates.

    Signals:
        chosen: (key) the user wants this one.
    """

    chosen = Signal(str)

    def __init__(self, theme: ThemeController) -> None:
        super().__init__()
        self._cards: list[Card] = []
        self._columns = 0
        templates = list_templates()
        self._chips = QButtonGroup(self)
        self._chips.setExclusive(True)
        chips = WrappingLayout(8)
        categories = sorted({template.category for template in templates}, key=_rank)
        for title in ("All", *categories):
            chips.addWidget(self._chip(title))
        self._grid = QGridLayout()
        self._grid.setSpacing(_GAP)
        for template in templates:
            card = Card(template, theme)
            card.chosen.connect(self.chosen)
            self._cards.append(card)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, _MARGIN, 24)
        layout.setSpacing(18)
        layout.addLayout(chips)
        layout.addLayout(self._grid)
        layout.addStretch(1)
        self._chips.buttons()[0].setChecked(True)
        self._chips.buttonClicked.connect(lambda _: self._arrange())
        # Without this the columns that are there would keep the page from becoming narrower.
        self.setMinimumWidth(_NARROWEST + _MARGIN)
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the cards out in as many columns as there is room for."""
        super().resizeEvent(event)
        if self._room() != self._columns:
            self._arrange()
        self._fit()

    def _chip(self, title: str) -> QPushButton:
        chip = QPushButton(title)
        chip.setCheckable(True)
        chip.setProperty("role", "chip")
        self._chips.addButton(chip)
        return chip

    def _room(self) -> int:
        return max(1, (self.width() - _MARGIN + _GAP) // (_NARROWEST + _GAP))

    def _fit(self) -> None:
        width = (self.width() - _MARGIN + _GAP) // self._columns - _GAP
        for card in self._cards:
            card.setFixedWidth(max(_NARROWEST, min(width, _WIDEST)))

    def _arrange(self) -> None:
        self._columns = self._room()
        chip = self._chips.checkedButton()
        category = chip.text() if chip is not None else "All"
        while self._grid.takeAt(0) is not None:
            pass
        shown = [card for card in self._cards if category in ("All", card.template.category)]
        for card in self._cards:
            card.setParent(self)
            card.setVisible(card in shown)
        for index, card in enumerate(shown):
            row, column = divmod(index, self._columns)
            self._grid.addWidget(card, row, column, Qt.AlignmentFlag.AlignLeft)
        for column in range(8):
            self._grid.setColumnStretch(column, 1 if column == self._columns else 0)


class Card(QFrame):
    """One template.

    Signals:
        chosen: (key) it was clicked, or Enter was pressed on it.
    """

    chosen = Signal(str)

    def __init__(self, template: Template, theme: ThemeController) -> None:
        super().__init__()
        self.template = template
        self.setProperty("card", True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(f"{template.title}: {template.subtitle}. {template.description}")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(15, 14, 15, 13)
        layout.setSpacing(3)
        layout.addWidget(_Picture(str(template.picture), theme))
        layout.addSpacing(10)
        layout.addWidget(_label(template.title, "heading"))
        layout.addWidget(_label(template.subtitle, "link"))
        layout.addSpacing(5)
        layout.addWidget(_label(template.description, "muted"))
        layout.addStretch(1)
        layout.addSpacing(7)
        line = QFrame()
        line.setObjectName("cardLine")
        line.setFixedHeight(1)
        layout.addWidget(line)
        layout.addSpacing(6)
        foot = QHBoxLayout()
        foot.addWidget(_label(template.mark, "good"))
        foot.addStretch(1)
        foot.addWidget(_label(template.time, "muted"))
        layout.addLayout(foot)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose it."""
        if event.button() is Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.chosen.emit(self.template.key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose it with Enter or Space."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self.template.key)
        else:
            super().keyPressEvent(event)


class _Picture(QWidget):
    """A template's picture, centred on a panel."""

    def __init__(self, path: str, theme: ThemeController) -> None:
        super().__init__()
        self._theme = theme
        self._path = path
        self._pixmap: QPixmap | None = None
        self.setFixedHeight(124)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw it; it is read from the file when it is first seen."""
        if self._pixmap is None:
            self._pixmap = QPixmap(self._path)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        shape = QPainterPath()
        shape.addRoundedRect(self.rect(), 6, 6)
        # The pictures have a ground of their own, the same in both themes: it goes on around them.
        image = self._pixmap.toImage()
        painter.fillPath(shape, image.pixelColor(0, 0) if not image.isNull() else QColor(self._theme.theme.canvas))
        if not self._pixmap.isNull():
            size = self._pixmap.size().scaled(self.size() - QSize(8, 8), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRect(
                (self.width() - size.width()) // 2, (self.height() - size.height()) // 2, size.width(), size.height()
            )
            painter.setClipPath(shape)
            painter.drawPixmap(place, self._pixmap)
        painter.end()


def _label(text: str, role: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setWordWrap(role == "muted")
    return label
