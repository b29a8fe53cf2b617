"""The chooser: a field over a list of rows, ranked while one types; Enter takes the row. No mouse is needed.

What adds layers at the pointer, the list of commands and the list of ports are choosers.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QColor, QFocusEvent, QIcon, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from netbuilder.ui.canvas.announcing import announce
from netbuilder.ui.icons import square

_ROW, _DETAIL = int(Qt.ItemDataRole.UserRole), int(Qt.ItemDataRole.UserRole) + 1
_ROWS = 11
_GAP = 10  # pixels between a title and its detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing to choose.

    Attributes:
        key: What it stands for.
        title: Its name.
        detail: What stands at the right, in grey.
        tip: Its tooltip.
        color: Of the square before it; None for none.
        refusal: Why it cannot be chosen now; "" when it can. Shown in place of the detail, the row in grey.
    """

    key: object
    title: str
    detail: str = ""
    tip: str = ""
    color: QColor | None = None
    refusal: str = ""

    @property
    def words(self) -> str:
        """The row as a screen reader says it."""
        return ", ".join(part for part in (self.title, self.refusal or self.detail) if part)


class _Field(QLineEdit):
    """The search field: arrows and Tab move in the list, Esc closes, leaving it closes."""

    def __init__(self, chooser: Chooser) -> None:
        super().__init__(chooser)
        self._chooser = chooser

    @property
    def back(self) -> QWidget:
        """What has the focus when the chooser closes."""
        return self._chooser.back

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move in the list, choose, close."""
        key = event.key()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._chooser.step(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            self._chooser.step(8 if key == Qt.Key.Key_PageDown else -8)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._chooser.choose()
        elif key == Qt.Key.Key_Escape:
            self._chooser.close_up()
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab moves in the list, too."""
        self._chooser.step(1 if forward else -1)
        return True

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Close when the focus goes elsewhere."""
        super().focusOutEvent(event)
        if event.reason() not in (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason):
            self._chooser.close_up()


class _Delegate(QStyledItemDelegate):
    """Draws a row: its title, elided before the detail at the right."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        """Leave room for the detail."""
        super().initStyleOption(option, index)
        detail = index.data(_DETAIL)
        row: Row = index.data(_ROW)
        if row.refusal:
            grey = option.palette.color(QPalette.ColorRole.PlaceholderText)
            option.palette.setColor(QPalette.ColorRole.Text, grey)
            option.palette.setColor(QPalette.ColorRole.HighlightedText, grey)
        if detail:
            room = option.rect.width() - 18 - (option.decorationSize.width() + 6 if row.color is not None else 0)
            room = max(room - self._width(option, detail) - _GAP, room // 3)
            option.text = option.fontMetrics.elidedText(option.text, Qt.TextElideMode.ElideRight, room)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw the row, and its detail above it."""
        super().paint(painter, option, index)
        detail = index.data(_DETAIL)
        if not detail:
            return
        area = option.rect.adjusted(0, 0, -8, 0)
        area.setLeft(area.right() - self._width(option, detail))
        text = option.fontMetrics.elidedText(detail, Qt.TextElideMode.ElideRight, area.width())
        painter.save()
        painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()

    def _width(self, option: QStyleOptionViewItem, detail: str) -> int:
        """Return what a detail gets: all that it needs, up to two thirds of the row."""
        return min(option.fontMetrics.horizontalAdvance(detail) + 4, option.rect.width() * 2 // 3)


class Chooser(QFrame):
    """A field, a line that says what it is for, and the rows; a child widget, so that no window system places it.

    Attributes:
        field: What is typed into.
        hint: The line.
        list: The rows.
    """

    def __init__(self, parent: QWidget, name: str, width: int) -> None:
        """Make it, hidden.

        Args:
            parent: What it lies on, and what has the focus again when it closes, unless another widget had it.
            name: What the field asks for: "Search layers"; a screen reader says it, too.
            width: In pixels.
        """
        super().__init__(parent)
        self._owner = self._back = parent
        self._colors: dict[int, QIcon] = {}
        self.setObjectName("chooser")
        self.setProperty("card", True)
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.hint = QLabel(self)
        self.hint.setProperty("role", "muted")
        self.field = _Field(self)
        self.list = QListWidget(self)
        self.list.setAccessibleName(name)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setIconSize(QSize(10, 10))
        self.list.setUniformItemSizes(True)
        self.list.setItemDelegate(_Delegate(self.list))
        self.list.itemClicked.connect(lambda _: self.choose())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        for widget in (self.field, self.hint, self.list):
            layout.addWidget(widget)
        self.field.textChanged.connect(self._fill)
        self.setFixedWidth(width)
        self.ask_for(name)
        self.hide()

    @abstractmethod
    def offer(self, query: str) -> Sequence[Row]:
        """Return the rows that answer what was typed, the best first."""

    @abstractmethod
    def take(self, key: object) -> None:
        """Do what the row with this key stands for; the chooser is closed already."""

    def ask_for(self, name: str) -> None:
        """Say what is to be typed."""
        self.field.setPlaceholderText(f"{name}…")
        self.field.setAccessibleName(name)

    def open_at(self, x: float, y: float, hint: str = "") -> None:
        """Open with its upper left corner at a point of the parent, or as near as it fits.

        Args:
            x: In pixels.
            y: In pixels.
            hint: What the line under the field says.
        """
        owner = self._owner
        if not self.isVisible():
            focus = owner.window().focusWidget()
            # From one chooser to another: the first closes now, and there is no way back to it.
            self._back = focus.back if isinstance(focus, _Field) else focus or owner
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))
        self.field.clear()
        self._fill("")
        self.move(
            max(round(min(x, owner.width() - self.width() - 4)), 0),
            max(round(min(y, owner.height() - self.height() - 4)), 0),
        )
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def step(self, by: int) -> None:
        """Move in the list."""
        count = self.list.count()
        if count:
            self.list.setCurrentRow(min(max(self.list.currentRow() + by, 0), count - 1))
            announce(self.field, self._current_words())

    def choose(self) -> None:
        """Take the current row and close; a row that cannot be taken says why and stays."""
        item = self.list.currentItem()
        row: Row | None = item.data(_ROW) if item is not None else None
        if row is None:
            return
        if row.refusal:
            announce(self.field, row.words)
            return
        self.close_up()
        self.take(row.key)

    def close_up(self) -> None:
        """Close without taking anything."""
        if not self.isVisible():
            return
        is_left = not self.field.hasFocus()  # the focus has gone elsewhere already
        self.hide()
        if not is_left:
            (self._back if self._back.isVisible() else self._owner).setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def back(self) -> QWidget:
        """What had the focus before, and has it again when this closes."""
        return self._back

    @property
    def rows(self) -> list[Row]:
        """The rows shown."""
        return [self.list.item(index).data(_ROW) for index in range(self.list.count())]

    def _current_words(self) -> str:
        item = self.list.currentItem()
        row: Row | None = item.data(_ROW) if item is not None else None
        return row.words if row is not None else "Nothing found"

    def _fill(self, query: str) -> None:
        self.list.clear()
        for row in self.offer(query):
            item = QListWidgetItem(row.title)
            if row.color is not None:
                item.setIcon(self._square(row.color))
            item.setData(_ROW, row)
            item.setData(_DETAIL, row.refusal or row.detail)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, row.words)
            item.setToolTip(row.tip)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        rows = min(max(self.list.count(), 1), _ROWS)
        height = self.list.sizeHintForRow(0) if self.list.count() else 22
        self.list.setFixedHeight(rows * height + 2 * self.list.frameWidth())
        self.adjustSize()
        if query:
            announce(self.field, self._current_words())

    def _square(self, color: QColor) -> QIcon:
        icon = self._colors.get(color.rgba())
        if icon is None:
            icon = self._colors[color.rgba()] = square(color)
        return icon
