"""What the inspector adds for a data node: reading its file off Qt's thread, a preview of its rows, their number."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QGridLayout, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from netbuilder.data import schemas
from netbuilder.data.settings import SHARED
from netbuilder.data.spec import Preview
from netbuilder.document import edits
from netbuilder.document.model import Node, Schema
from netbuilder.foundation.parameter import Kind
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.ui.form import Form
from netbuilder.ui.panels.cards import clear, label, section
from netbuilder.ui.panels.errands import Errand
from netbuilder.ui.panels.mosaic import ImageView, sample_image
from netbuilder.ui.workspace import Workspace

PREVIEW_ROWS = 12
_FILES = (Kind.FILE, Kind.FOLDER)


class DataSection(QWidget):
    """Carries a data node's form into the document, and shows what the node yields.

    A value that changes what the node yields counts once its source could be described with it: then values and schema
    enter the document as one undo entry. Until then they wait in the form, which says why.

    Signals:
        settled: () the reading that was under way has ended.

    Attributes:
        is_busy: Whether a file is being read for values that wait.
    """

    settled = Signal()

    def __init__(self, workspace: Workspace, node: str, form: Form) -> None:
        super().__init__()
        self._workspace, self._node, self._form = workspace, node, form
        self._scope = workspace.scope  # the page may outlive what is in sight: a line says its last word as it goes
        self.is_busy = False
        self._waiting: dict[str, Any] = {}
        self._merge = ""
        self._shown: tuple[Any, ...] | None = None
        self._describing = Errand(self)
        self._describing.done.connect(self._described)
        self._describing.failed.connect(self._refused)
        self._previewing = Errand(self)
        self._previewing.done.connect(self._show_preview)
        self._previewing.failed.connect(self._show_no_preview)
        self.counts = label("", "muted", wrap=True)
        self.message = label("", "muted", wrap=True)
        self.pictures = QWidget()
        self._pictures = QGridLayout(self.pictures)
        self._pictures.setContentsMargins(0, 0, 0, 0)
        self._pictures.setSpacing(4)
        self.table = self._make_table()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(section("Preview"))
        self.notes = label("", "muted", wrap=True)
        for widget in (self.counts, self.notes, self.message, self.pictures, self.table):
            column.addWidget(widget)
        self.notes.hide()
        self.pictures.hide()
        self.table.hide()
        form.edited.connect(self._edit)

    def _make_table(self) -> QTableWidget:
        table = QTableWidget()
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setAccessibleName("The first rows")
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(22)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.setFixedHeight(24 + 22 * 8)
        return table

    @property
    def waits(self) -> bool:
        """Whether values wait in the form, which says why."""
        return bool(self._waiting)

    # Into the document -----------------------------------------------------------------------------------------------

    def show_node(self, node: Node) -> None:
        """Show the document's values, except those that wait."""
        self._form.set_values({**node.parameters, **self._waiting})
        schema = self._workspace.document.schemas.get(node.id)
        self.counts.setText(count_rows(schema, self._form.values()))
        self._request_preview(self._form.values())

    def _edit(self, name: str, value: Any, gesture: str) -> None:
        if not self._is_there:
            return
        self._merge = f"{self._node}.{name}.{gesture}"
        if name in SHARED and not self._waiting:
            self._commit({name: value}, None)
            return
        self._waiting[name] = value
        values, base = self._form.values(), self._base()
        describe = partial(schemas.describe, self._type(), values, base)
        if any(parameter.kind in _FILES for parameter in self._form.parameters):
            self.message.setText("Reading…")
            self.message.show()
            self.is_busy = True
            self._describing.run(describe)
            return
        try:
            schema = describe()
        except NetbuilderError as error:
            self._refused(error)
        else:
            self._described(schema)

    def _described(self, schema: Schema) -> None:
        waiting, self._waiting = self._waiting, {}
        self.message.hide()
        self._form.set_notes({})
        if self._is_there:
            self._commit(waiting, schema)
        self._settle()

    def _refused(self, error: NetbuilderError) -> None:
        notes: dict[str, str] = {}
        last = next(reversed(self._waiting), "")
        for problem in error.problems:
            name = problem.field if problem.field in self._form.fields else last
            notes.setdefault(name, problem.message)
        self.message.setText("Not applied yet: the data node keeps its last good settings.")
        self.message.show()
        self._form.set_notes(notes)
        if not self.isVisible():
            self._workspace.message.emit(error.problems[0].message)
        elif self._is_there:
            self._request_preview(self._form.values())
        self._settle()

    def _settle(self) -> None:
        self.is_busy = False
        self.settled.emit()

    def _commit(self, values: Mapping[str, Any], schema: Schema | None) -> None:
        titles = [self._form.fields[name].parameter.title.lower() for name in values]
        change = partial(edits.set_parameters, node=self._node, values=values, schema=schema, scope=self._scope)
        self._workspace.edit(f"Change {', '.join(titles)}", change, self._merge)

    def _type(self) -> str:
        return self._workspace.document.scope(self._scope).nodes[self._node].type

    @property
    def _is_there(self) -> bool:
        """Whether the node is still in the document."""
        return self._workspace.document.holds(self._node, self._scope)

    def _base(self) -> str:
        return str(self._workspace.file.base)

    # The preview ---------------------------------------------------------------------------------------------------

    def _request_preview(self, values: Mapping[str, Any]) -> None:
        what = tuple((name, value) for name, value in values.items() if name not in SHARED)
        if what == self._shown:
            return
        self._shown = what
        self._previewing.run(partial(schemas.preview, self._type(), values, self._base(), PREVIEW_ROWS))

    def _show_preview(self, preview: Preview) -> None:
        self.notes.setText("".join(f"{note}.\n" for note in preview.notes).rstrip())
        self.notes.setVisible(bool(preview.notes))
        if preview.columns:
            self._form.set_columns(preview.columns)
        self.pictures.setVisible(preview.pictures is not None)
        self.table.setVisible(preview.pictures is None and bool(preview.rows))
        if preview.pictures is not None:
            self._show_pictures([sample_image(one) for one in preview.pictures], preview.captions)
        else:
            self._show_rows(preview)

    def _show_no_preview(self, error: NetbuilderError) -> None:
        self.notes.hide()
        self.pictures.hide()
        self.table.hide()
        if not self._form.note(error.problems[0].field) and not self._waiting:
            self.message.setText(error.problems[0].message)
            self.message.show()

    def _show_pictures(self, images: list[QImage], captions: tuple[str, ...]) -> None:
        clear(self._pictures)
        for index, image in enumerate(images[:PREVIEW_ROWS]):
            cell = QWidget()
            column = QVBoxLayout(cell)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(1)
            view = ImageView(44)
            view.set_image(image)
            column.addWidget(view, 0, Qt.AlignmentFlag.AlignCenter)
            if index < len(captions):
                column.addWidget(label(captions[index], "caption"), 0, Qt.AlignmentFlag.AlignCenter)
            self._pictures.addWidget(cell, index // 4, index % 4)

    def _show_rows(self, preview: Preview) -> None:
        self.table.setColumnCount(len(preview.columns))
        self.table.setHorizontalHeaderLabels(list(preview.columns))
        self.table.setRowCount(min(len(preview.rows), PREVIEW_ROWS))
        for row, texts in enumerate(preview.rows[:PREVIEW_ROWS]):
            for column, text in enumerate(texts):
                self.table.setItem(row, column, QTableWidgetItem(text))


def count_rows(schema: Schema | None, values: Mapping[str, Any]) -> str:
    """Say how many samples there are and how they are split: "1,797 samples: 1,257 train, 270 validation, 270 test"."""
    if schema is None or not schema.rows:
        return ""
    rows = schema.rows
    parts = [round(rows * values.get(name, 0) / 100) for name in ("validation_percent", "test_percent")]
    return f"{rows:,} samples: about {rows - sum(parts):,} train, {parts[0]:,} validation, {parts[1]:,} test"
