"""The fields that pick rather than count: check boxes, choices, columns, text, paths; and a field for every `Kind`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
)

from netbuilder.foundation.parameter import Kind, Parameter
from netbuilder.ui.code_field import CodeField
from netbuilder.ui.fields import MIXED, Field, IntsField, NumberField


class BoolField(Field):
    """A check box."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(parameter)
        self.box = QCheckBox()
        self._name(self.box)
        self.setFocusProxy(self.box)
        self.row.addWidget(self.box)
        self.row.addStretch(1)
        self.box.clicked.connect(self._clicked)

    def _clicked(self) -> None:
        self.box.setTristate(False)
        self.end_gesture()
        self._offer(self.box.isChecked())

    def _show(self, value: Any) -> None:
        self.box.setTristate(False)
        self.box.setChecked(bool(value))

    def _show_mixed(self) -> None:
        self.box.setTristate(True)
        self.box.setCheckState(Qt.CheckState.PartiallyChecked)


class ChoiceBox(QComboBox):
    """A combo box that the wheel changes only with the focus."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(4)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the chosen text so that it ends in "…" where it lacks room."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        text = option.currentText if self.currentIndex() >= 0 else self.placeholderText()
        option.currentText = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, self.width() - 32)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Let the form scroll unless the user is in this box."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class ChoiceField(Field):
    """A combo box: a CHOICE, a COLUMN, or an optional BOOL."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(parameter)
        self.box = ChoiceBox()
        self._name(self.box)
        self.setFocusProxy(self.box)
        self.row.addWidget(self.box, 1)
        self._values: list[Any] = []
        self.set_choices([(choice.value, choice.title, choice.help) for choice in parameter.choices])
        self.box.activated.connect(self._activated)

    def set_choices(self, choices: Sequence[tuple[Any, str, str]]) -> None:
        """Replace what the list offers: (value, title, help) each."""
        if self.parameter.optional:
            choices = [(None, self.parameter.none_title, ""), *choices]
        with QSignalBlocker(self.box):
            self.box.clear()
            self._values = [value for value, _, _ in choices]
            for index, (_, title, text) in enumerate(choices):
                self.box.addItem(title)
                self.box.setItemData(index, text or None, Qt.ItemDataRole.ToolTipRole)
        self._show(self._value)

    def stand_in(self, value: Any) -> None:
        """Show that none of the choices is in force: naming one would look as if it were."""
        self._value = value
        self.set_mixed()
        self.box.setPlaceholderText("not known")

    def _activated(self, index: int) -> None:
        self.end_gesture()
        self._offer(self._values[index])

    def _show(self, value: Any) -> None:
        matches = [i for i, known in enumerate(self._values) if type(known) is type(value) and known == value]
        self.box.setPlaceholderText("" if value in (None, "") else str(value))
        self.box.setCurrentIndex(matches[0] if matches else -1)

    def _show_mixed(self) -> None:
        self.box.setPlaceholderText(MIXED)
        self.box.setCurrentIndex(-1)


class ColumnField(ChoiceField):
    """A column of the node's file, picked from those it has."""

    def set_columns(self, names: Sequence[str]) -> None:
        """Offer these columns."""
        choices = [(name, name, "") for name in names]
        if self.parameter.default == "" and names:
            choices.insert(0, ("", self.parameter.none_title, self.parameter.help))
        self.set_choices(choices)
        if not names and not self._value:
            self.box.setPlaceholderText("choose a file first")


class ColumnsField(Field):
    """Several columns of the node's file: a list with check boxes."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(parameter)
        self.row.setContentsMargins(0, 0, 0, 6)
        self.list = QListWidget()
        self.list.setMinimumWidth(60)
        self._name(self.list)
        self.setFocusProxy(self.list)
        self.row.addWidget(self.list, 1)
        self.hint = QLabel(f"None ticked: {parameter.none_title}")
        self.hint.setProperty("role", "muted")
        self.row.setDirection(QBoxLayout.Direction.TopToBottom)
        self.row.addWidget(self.hint)
        self._columns: list[str] = []
        self.list.itemChanged.connect(self._toggled)
        self.set_columns(())

    def set_columns(self, names: Sequence[str]) -> None:
        """Offer these columns; chosen ones that the file lacks stay in the list until they are taken out."""
        self._columns = list(names)
        self._show(self._value)

    def _toggled(self, _: QListWidgetItem) -> None:
        self.end_gesture()
        items = [self.list.item(row) for row in range(self.list.count())]
        self._offer(tuple(item.text() for item in items if item.checkState() is Qt.CheckState.Checked))

    def _show(self, value: Any) -> None:
        chosen = tuple(value or ())
        names = self._columns + [name for name in chosen if name not in self._columns]
        with QSignalBlocker(self.list):
            self.list.clear()
            for name in names:
                item = QListWidgetItem(name, self.list)
                item.setFlags(
                    Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable
                )
                item.setCheckState(Qt.CheckState.Checked if name in chosen else Qt.CheckState.Unchecked)
                if name not in self._columns and self._columns:
                    item.setToolTip("The file has no such column.")
            if not names:
                item = QListWidgetItem("choose a file first", self.list)
                item.setFlags(Qt.ItemFlag.NoItemFlags)
        self.hint.setVisible(bool(names) and not chosen and not self._mixed)
        rows = min(max(len(names), 1), 7)
        self.list.setFixedHeight(rows * max(self.list.sizeHintForRow(0), 18) + 8)

    def _show_mixed(self) -> None:
        self._show(())


class TextField(Field):
    """A line of text."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(parameter)
        self.line = QLineEdit()
        self._name(self.line)
        self.setFocusProxy(self.line)
        self.row.addWidget(self.line, 1)
        self.line.textEdited.connect(self._typed)
        self.line.editingFinished.connect(self.end_gesture)

    def _typed(self, text: str) -> None:
        self._offer(None if not text and self.parameter.optional else text)

    def _says(self, value: Any) -> bool:
        return self.line.text() == (value or "")

    def _show(self, value: Any) -> None:
        self.line.setPlaceholderText(self.parameter.none_title if self.parameter.optional else "")
        if not self._says(value):
            self.line.setText(value or "")

    def _show_mixed(self) -> None:
        self.line.clear()
        self.line.setPlaceholderText(MIXED)


class PathField(TextField):
    """A file or a folder: a line, which counts once it is left, and a button that browses."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(parameter)
        self.row.setSpacing(4)
        self.line.setMinimumWidth(60)
        self.line.textEdited.disconnect(self._typed)
        self.line.editingFinished.connect(self._finished)
        self.button = QPushButton("Browse…")
        self.button.setProperty("role", "quiet")
        self.button.setAccessibleName(f"Browse for {parameter.title}")
        self.button.clicked.connect(self._browse)
        self.row.addWidget(self.button)

    def _finished(self) -> None:
        if not self._mixed or self.line.text():
            self._typed(self.line.text().strip())

    def _browse(self) -> None:
        if self.parameter.kind is Kind.FOLDER:
            path = QFileDialog.getExistingDirectory(self, self.parameter.title, self.line.text())
        else:
            path, _ = QFileDialog.getOpenFileName(self, self.parameter.title, self.line.text())
        if path:
            self.end_gesture()
            self._typed(path)
            self._show(self._value)


_FIELDS: Mapping[Kind, Callable[[Parameter], Field]] = {
    Kind.INT: NumberField,
    Kind.FLOAT: NumberField,
    Kind.BOOL: BoolField,
    Kind.CHOICE: ChoiceField,
    Kind.TEXT: TextField,
    Kind.FLOATS: IntsField,
    Kind.INTS: IntsField,
    Kind.FILE: PathField,
    Kind.FOLDER: PathField,
    Kind.COLUMN: ColumnField,
    Kind.COLUMNS: ColumnsField,
    Kind.CODE: CodeField,
}


def make_field(parameter: Parameter) -> Field:
    """Return the widget that edits `parameter`."""
    if parameter.kind is Kind.BOOL and parameter.optional:
        field: Field = ChoiceField(parameter)
        assert isinstance(field, ChoiceField)
        field.set_choices([(True, "yes", ""), (False, "no", "")])
    else:
        field = _FIELDS[parameter.kind](parameter)
    field.restore()
    return field
