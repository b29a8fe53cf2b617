"""The form: fields for a tuple of `Parameter`s, whoever declares them: layers, sources, optimizers, preferences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from netbuilder.foundation.parameter import Kind, Parameter, defaults
from netbuilder.ui.fields import Field, ScrubLabel
from netbuilder.ui.icons import icon
from netbuilder.ui.pickers import ColumnField, ColumnsField, make_field

LABELS = 108
"""The width of the labels' column, the same in all forms, so that forms below one another are aligned."""


@dataclass(frozen=True, slots=True)
class _Row:
    label: ScrubLabel
    field: Field
    note: QLabel


class Form(QWidget):
    """Fields for some parameters, one below the other, with the rarely needed ones folded away.

    Signals:
        edited: (name, canonical value, gesture) the user changed a value; changes of one gesture carry the same text,
            so that they can merge into one undo entry.

    Attributes:
        fields: The fields by parameter name.
    """

    edited = Signal(str, object, str)

    def __init__(self, parameters: Iterable[Parameter], parent: QWidget | None = None, *, labels: int = LABELS) -> None:
        """Make the fields; `labels` is the width of their names' column."""
        super().__init__(parent)
        self.parameters = tuple(parameters)
        self._label_width = labels
        self._rows: dict[str, _Row] = {}
        self._values: dict[str, Any] = defaults(self.parameters)
        self._typing: dict[str, str] = {}
        self._said: dict[str, str] = {}
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(6)
        outer.addWidget(self._page([p for p in self.parameters if not p.advanced]))
        self.fold = QToolButton()
        self._advanced = self._page([p for p in self.parameters if p.advanced])
        self._add_fold(outer)
        outer.addWidget(self._advanced)
        self._show_relevant()

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields by parameter name."""
        return {name: row.field for name, row in self._rows.items()}

    def values(self) -> dict[str, Any]:
        """Return the value of every parameter."""
        return dict(self._values)

    def set_values(self, values: Mapping[str, Any], mixed: Collection[str] = ()) -> None:
        """Show these values without reporting them as edits.

        Args:
            values: By name; what is missing or not acceptable (a file may hold anything) shows its default and says so.
            mixed: Names whose values differ among the selected nodes.
        """
        for parameter in self.parameters:
            row = self._rows[parameter.name]
            self._said.pop(parameter.name, None)
            try:
                value = parameter.normalize(values[parameter.name]) if parameter.name in values else parameter.default
            except ValueError as error:
                value = parameter.default
                self._said[parameter.name] = str(error)
            self._values[parameter.name] = value
            if parameter.name in mixed:
                row.field.set_mixed()
            else:
                row.field.set_value(value)
            self._show_note(parameter.name)
        self._show_relevant()

    def set_notes(self, notes: Mapping[str, str]) -> None:
        """Say below these fields what is wrong with their values; names left out lose what was said before."""
        self._said = {name: text for name, text in notes.items() if name in self._rows}
        for name in self._rows:
            self._show_note(name)

    def note(self, name: str) -> str:
        """Return what is said below a field, "" when nothing is."""
        return self._typing.get(name) or self._said.get(name, "")

    def set_columns(self, names: Sequence[str]) -> None:
        """Offer these columns in every field that picks columns."""
        for row in self._rows.values():
            if isinstance(row.field, (ColumnField, ColumnsField)):
                row.field.set_columns(names)

    def is_shown(self, name: str) -> bool:
        """Whether this parameter matters with the values in force."""
        parameter = self._rows[name].field.parameter
        return parameter.shown_when is None or parameter.shown_when(self._values)

    def _page(self, parameters: Sequence[Parameter]) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(0)
        grid.setColumnMinimumWidth(0, self._label_width)
        grid.setColumnStretch(1, 1)
        for index, parameter in enumerate(parameters):
            self._add_row(grid, 3 * index, parameter)
        return page

    def _add_row(self, grid: QGridLayout, line: int, parameter: Parameter) -> None:
        field = make_field(parameter)
        label = ScrubLabel(field)
        label.setFixedWidth(self._label_width)
        label.setWordWrap(True)
        label.setMinimumHeight(30)
        note = QLabel()
        note.setProperty("role", "bad")
        note.setWordWrap(True)
        note.setContentsMargins(0, 0, 0, 6)
        note.hide()
        grid.addWidget(label, line, 0)
        if parameter.kind in (Kind.FILE, Kind.FOLDER, Kind.COLUMNS, Kind.CODE):
            grid.addWidget(field, line + 1, 0, 1, 2)
        else:
            grid.addWidget(field, line, 1)
        grid.addWidget(note, line + 2, 0, 1, 2)
        self._rows[parameter.name] = _Row(label, field, note)
        field.changed.connect(lambda value, name=parameter.name: self._changed(name, value))
        field.complained.connect(lambda text, name=parameter.name: self._complained(name, text))

    def _add_fold(self, outer: QVBoxLayout) -> None:
        self.fold.setText("Advanced")
        self.fold.setCheckable(True)
        self.fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.fold.setProperty("role", "fold")
        self.fold.toggled.connect(self._unfold)
        self._unfold(False)
        outer.addWidget(self.fold, 0, Qt.AlignmentFlag.AlignLeft)

    def _unfold(self, opened: bool) -> None:
        self.fold.setIcon(icon("chevron-down" if opened else "chevron-right", "muted"))
        self._advanced.setVisible(opened)

    def _changed(self, name: str, value: Any) -> None:
        self._values[name] = value
        self._said.pop(name, None)
        self._show_note(name)
        self._show_relevant()
        self.edited.emit(name, value, str(self._rows[name].field.gesture))

    def _complained(self, name: str, text: str) -> None:
        if text:
            self._typing[name] = text
        else:
            self._typing.pop(name, None)
        self._show_note(name)

    def _show_note(self, name: str) -> None:
        row, text = self._rows[name], self.note(name)
        row.note.setText(text)
        row.note.setVisible(bool(text) and self.is_shown(name))
        row.field.set_invalid(bool(text))

    def _show_relevant(self) -> None:
        advanced = False
        for parameter in self.parameters:
            row, shown = self._rows[parameter.name], self.is_shown(parameter.name)
            row.label.setVisible(shown)
            row.field.setVisible(shown)
            row.note.setVisible(shown and bool(self.note(parameter.name)))
            advanced |= shown and parameter.advanced
        self.fold.setVisible(advanced)
        self._advanced.setVisible(advanced and self.fold.isChecked())
