"""The form: fields for a tuple of `Parameter`s, whoever declares them: layers, sources, optimizers, preferences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QToolButton, QVBoxLayout, QWidget

from netbuilder.document.expressions import is_expression, text_of
from netbuilder.foundation.parameter import Kind, Parameter, defaults
from netbuilder.foundation.steps import Steps, finish
from netbuilder.ui.expression_field import ExpressionField
from netbuilder.ui.field_menu import FieldMenu
from netbuilder.ui.fields import Field
from netbuilder.ui.icons import icon
from netbuilder.ui.numbers import plain_value
from netbuilder.ui.pickers import ColumnField, ColumnsField, make_field
from netbuilder.ui.scrub_label import ScrubLabel
from netbuilder.ui.sight import present

LABELS = 108
"""The width of the labels' column, the same in all forms, so that forms below one another are aligned."""


@dataclass(frozen=True, slots=True)
class _Row:
    label: ScrubLabel
    field: Field
    expression: ExpressionField | None
    note: QLabel


class Form(QWidget):
    """Fields for some parameters, one below the other, with the rarely needed ones folded away.

    Signals:
        edited: (name, canonical value, gesture) the user changed a value; changes of one gesture carry the same text,
            so that they can merge into one undo entry.
        complained: (name) what is typed for this parameter is refused, or no longer.
        takenBack: (name, gesture) a gesture that changed several values to one was cancelled.
        promoted: (name) inside a block: this parameter should become one of the block.

    Attributes:
        fields: The fields by parameter name.
    """

    edited = Signal(str, object, str)
    complained = Signal(str)
    takenBack = Signal(str, str)
    promoted = Signal(str)

    def __init__(
        self,
        parameters: Iterable[Parameter],
        parent: QWidget | None = None,
        *,
        labels: int = LABELS,
        in_block: bool = False,
        at_once: bool = True,
    ) -> None:
        """Make the fields.

        Args:
            parameters: What they edit.
            parent: Qt's owner.
            labels: The width of their names' column; 0 leaves the names out.
            in_block: Whether values may be expressions of a block's parameters.
            at_once: False leaves the fields to `make`, before which there are none.
        """
        super().__init__(parent)
        self._in_block = in_block
        self._block: Mapping[str, Any] = {}
        self._expressions: dict[str, str] = {}
        self._begun: set[str] = set()  # where one is being written that has no value yet
        self.parameters = tuple(parameters)
        self._label_width = labels
        self._rows: dict[str, _Row] = {}
        self._values: dict[str, Any] = defaults(self.parameters)
        self._typing: dict[str, str] = {}
        self._said: dict[str, str] = {}
        self._remarks: frozenset[str] = (
            frozenset()
        )  # names of fields of which something is said though nothing is wrong
        self.fold = QToolButton()
        self._advanced = QWidget()
        if at_once:
            finish(self.make())

    def make(self) -> Steps[None]:
        """Make the fields, in steps: many take longer than a frame."""
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(6)
        usual = QWidget()
        yield from self._fill(usual, [p for p in self.parameters if not p.advanced])
        outer.addWidget(usual)
        yield from self._fill(self._advanced, [p for p in self.parameters if p.advanced])
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

    def set_values(
        self, values: Mapping[str, Any], mixed: Collection[str] = (), block: Mapping[str, Any] | None = None
    ) -> None:
        """Show these values without reporting them as edits.

        Args:
            values: By name; what is missing or not acceptable (a file may hold anything) shows its default and says so.
            mixed: Names whose values differ among the selected nodes.
            block: The parameters of the block that the node is in, for expressions.
        """
        self._block = block or {}
        plain = present(values, self._block) if self._in_block else values
        for parameter in self.parameters:
            row = self._rows[parameter.name]
            self._said.pop(parameter.name, None)
            self._show_expression(parameter.name, values.get(parameter.name))
            try:
                value = parameter.normalize(plain[parameter.name]) if parameter.name in plain else parameter.default
            except ValueError as error:
                value = parameter.default
                self._said[parameter.name] = str(error)
            self._values[parameter.name] = value
            if parameter.name in mixed:
                row.field.set_mixed()
            elif parameter.name in self._said:
                row.field.stand_in(value)
            else:
                row.field.set_value(value)
            self._show_note(parameter.name)
        self._show_relevant()

    def set_notes(self, notes: Mapping[str, str], remarks: Collection[str] = ()) -> None:
        """Say below these fields what is wrong with their values; names left out lose what was said before.

        Args:
            notes: Name -> what is said.
            remarks: Names of those where nothing is wrong.
        """
        self._remarks = frozenset(remarks)
        self._said = {name: text for name, text in notes.items() if name in self._rows}
        for name in self._rows:
            self._show_note(name)

    def note(self, name: str) -> str:
        """Return what is said below a field, "" when nothing is."""
        return self._typing.get(name) or self._said.get(name, "")

    def settle(self) -> bool:
        """Let every field show the value in force, and say whether all that was typed was accepted.

        For the moment at which a dialog would close: what was refused stays said once more, beside the value in force.
        """
        refused = {name: text for name, text in self._typing.items() if self.is_shown(name)}
        self._typing.clear()
        self._said |= refused
        for name in refused:
            self._rows[name].field.restore()
        return not refused

    def set_columns(self, names: Sequence[str]) -> None:
        """Offer these columns in every field that picks columns."""
        for row in self._rows.values():
            if isinstance(row.field, (ColumnField, ColumnsField)):
                row.field.set_columns(names)

    def is_shown(self, name: str) -> bool:
        """Whether this parameter matters with the values in force."""
        parameter = self._rows[name].field.parameter
        return parameter.shown_when is None or parameter.shown_when(self._values)

    def _fill(self, page: QWidget, parameters: Sequence[Parameter]) -> Steps[None]:
        grid = QGridLayout(page)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10 if self._label_width else 0)
        grid.setVerticalSpacing(0)
        grid.setColumnMinimumWidth(0, self._label_width)
        grid.setColumnStretch(1, 1)
        for index, parameter in enumerate(parameters):
            self._add_row(grid, 3 * index, parameter)
            yield

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
        expression = None
        if self._in_block:
            expression = ExpressionField(parameter)
            expression.hide()
            grid.addWidget(expression, line, 1)
            self._connect_expression(parameter.name, field, expression)
            FieldMenu(self, parameter, label, field, expression)
        self._rows[parameter.name] = _Row(label, field, expression, note)
        field.changed.connect(lambda value, name=parameter.name: self._changed(name, value))
        field.takenBack.connect(lambda name=parameter.name: self.takenBack.emit(name, str(field.gesture)))
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

    # Expressions ---------------------------------------------------------------------------------------------------

    def expression(self, name: str) -> str:
        """Return the expression in force for a parameter, "" for a plain value."""
        return self._expressions.get(name, "")

    def begin_expression(self, name: str, text: str = "=") -> None:
        """Let the user write an expression in the place of a value."""
        row = self._rows[name]
        assert row.expression is not None, "only inside blocks"
        row.field.end_gesture()
        self._begun.add(name)
        self._expressions[name] = text.strip().removeprefix("=")
        row.expression.show_expression(self._expressions[name], self._block)
        row.expression.line.setText(text)
        self._complained(name, "")
        self._show_relevant()
        row.expression.setFocus(Qt.FocusReason.OtherFocusReason)

    def end_expression(self, name: str) -> None:
        """Put the value that the expression has in its place."""
        self._expressions.pop(name, None)
        self._begun.discard(name)
        self._complained(name, "")
        self._rows[name].field.end_gesture()
        self._changed(name, self._values[name])

    def _show_expression(self, name: str, value: Any) -> None:
        row = self._rows[name]
        if row.expression is None or not is_expression(value):
            if name not in self._begun:
                self._expressions.pop(name, None)
            return
        self._expressions[name] = text_of(value)
        row.expression.show_expression(text_of(value), self._block)

    def _connect_expression(self, name: str, field: Field, expression: ExpressionField) -> None:
        expression.changed.connect(lambda value: self._changed_expression(name, value))
        expression.complained.connect(lambda text: self._complained(name, text))
        expression.cleared.connect(lambda text: self._clear_expression(name, text))
        for line in field.findChildren(QLineEdit):
            line.textEdited.connect(
                lambda text: self.begin_expression(name, text) if text.strip().startswith("=") else None
            )

    def _changed_expression(self, name: str, value: Any) -> None:
        self._expressions[name] = text_of(value)
        self._begun.discard(name)
        self.edited.emit(name, value, str(self._rows[name].field.gesture))

    def _clear_expression(self, name: str, text: str) -> None:
        """Take what was typed without "=" as a plain value, where it is one; else the expression stays."""
        if name not in self._expressions:
            return
        parameter = self._rows[name].field.parameter
        try:
            value = parameter.normalize(plain_value(parameter, text)) if text else self._values[name]
        except ValueError as error:
            self._complained(name, str(error))
            return
        self._expressions.pop(name)
        self._begun.discard(name)
        self._values[name] = value
        self._rows[name].field.set_value(value)
        self._complained(name, "")
        self._changed(name, value)

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
        self.complained.emit(name)

    def _show_note(self, name: str) -> None:
        row, text = self._rows[name], self.note(name)
        row.note.setText(text)
        row.note.setVisible(bool(text) and self.is_shown(name))
        is_wrong = name not in self._remarks
        row.field.set_invalid(bool(text) and is_wrong)
        role = "bad" if is_wrong else "muted"
        if row.note.property("role") != role:
            row.note.setProperty("role", role)
            row.note.style().polish(row.note)

    def _show_relevant(self) -> None:
        advanced = False
        for parameter in self.parameters:
            row, shown = self._rows[parameter.name], self.is_shown(parameter.name)
            row.label.setVisible(shown and self._label_width > 0)
            row.field.setVisible(shown and parameter.name not in self._expressions)
            if row.expression is not None:
                row.expression.setVisible(shown and parameter.name in self._expressions)
            row.note.setVisible(shown and bool(self.note(parameter.name)))
            advanced |= shown and parameter.advanced
        self.fold.setVisible(advanced)
        self._advanced.setVisible(advanced and self.fold.isChecked())
