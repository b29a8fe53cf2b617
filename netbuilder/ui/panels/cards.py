"""What panels are laid out with: cards with a head line, and texts that teach where nothing is to be seen yet."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFont, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QScrollArea,
    QSizePolicy,
    QStackedLayout,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from netbuilder.ui.theme import ui_font


def label(text: str = "", role: str = "", *, wrap: bool = False) -> QLabel:
    """Return a label that the style sheet knows by `role`; its text is plain, whatever it holds."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if role:
        made.setProperty("role", role)
    return made


class ElidedLabel(QLabel):
    """A label that ends in "…" where it lacks room, and says all in its tooltip."""

    def __init__(self, text: str = "", role: str = "") -> None:
        super().__init__(text)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(16)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw as much of the text as there is room for."""
        with QPainter(self) as painter:
            room = self.contentsRect()
            self.style().drawItemText(
                painter, room, int(self.alignment()), self.palette(), True, self._shown(), self.foregroundRole()
            )

    def event(self, event: QEvent) -> bool:
        """Say all of a text that is cut, unless there is a tip of its own."""
        is_tip = event.type() is QEvent.Type.ToolTip and not self.toolTip() and self._shown() != self.text()
        if is_tip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), f"<span>{escape(self.text())}</span>", self)
            return True
        return super().event(event)

    def _shown(self) -> str:
        """Return as much of the text as there is room for."""
        width = self.contentsRect().width()
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, width)


class Card(QFrame):
    """A rounded box: a head line with a title, then one widget, or a text that says what will appear there.

    Attributes:
        head: The head line's layout, for what else stands in it.
        title: The title's label.
        note: Muted text after the title.
    """

    def __init__(self, title: str, empty: str = "", body: QWidget | None = None) -> None:
        super().__init__()
        self.setProperty("card", True)
        self.title = ElidedLabel(title)
        self.title.setFont(ui_font(13, QFont.Weight.DemiBold))
        self.title.setMinimumHeight(20)  # with or without a button beside it, heads stand on one line
        self.note = ElidedLabel("", "muted")
        self.head = QHBoxLayout()
        self.head.setSpacing(10)
        self.head.addWidget(self.title)
        self.head.addWidget(self.note, 1)
        self._empty = label(empty, "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setMinimumWidth(60)
        self._stack = QStackedLayout()
        self._stack.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 10)
        column.setSpacing(6)
        column.addLayout(self.head)
        column.addLayout(self._stack, 1)
        if body is not None:
            self.show_body(body)

    @property
    def body(self) -> QWidget | None:
        """What the card shows; None while it shows its empty text."""
        shown = self._stack.currentWidget()
        return None if shown is self._empty else shown

    @property
    def empty_text(self) -> str:
        """What the card says in place of a body; "" while it has one."""
        return "" if self.body else self._empty.text()

    def show_body(self, body: QWidget) -> None:
        """Show a widget."""
        if self._stack.indexOf(body) < 0:
            self._stack.addWidget(body)
        self._stack.setCurrentWidget(body)

    def show_empty(self, text: str = "") -> None:
        """Show the empty text, perhaps another one."""
        if text:
            self._empty.setText(text)
        self._stack.setCurrentWidget(self._empty)


def scrolling(widget: QWidget) -> QScrollArea:
    """Return a frameless area that a widget fills, and is scrolled in where it has less room than it needs."""
    area = QScrollArea()
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidgetResizable(True)
    area.setWidget(widget)
    return area


class TallArea(QScrollArea):
    """Holds what may be taller than the screen: it asks for all of its height, and scrolls where it gets less."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self._content = widget
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(widget)

    def sizeHint(self) -> QSize:
        """Return the size of what is in it, as far as the screen leaves room with a dialog around it."""
        hint, room = self._content.sizeHint(), self.screen().availableGeometry().height() - _AROUND
        width = hint.width() + self.verticalScrollBar().sizeHint().width()
        return QSize(width, max(_LEAST, min(hint.height(), room)))

    def minimumSizeHint(self) -> QSize:
        """Return a few lines, in the width that they need."""
        width = self._content.minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        return QSize(width, min(_LEAST, self._content.sizeHint().height()))


_AROUND, _LEAST = 220, 120
"""Pixels: what a dialog has above and below such an area, and the frame that the desktop gives it; three lines."""


def section(text: str) -> QLabel:
    """Return a section's head: "PARAMETERS"."""
    made = label(text.upper(), "section")
    made.setContentsMargins(0, 12, 0, 2)
    return made


def clear(layout: QLayout) -> None:
    """Take every widget out of a layout and delete it."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.setParent(None)
            widget.deleteLater()
