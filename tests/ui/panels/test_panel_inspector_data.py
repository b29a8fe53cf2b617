"""The inspector's page of a data node: its samples, and a file that is described before it counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QThreadPool
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.model import Node, Place
from netbuilder.ui.panels.inspector import InspectorPanel
from netbuilder.ui.panels.node_page import NodePage
from netbuilder.ui.pickers import ChoiceField, PathField
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.inspector_pages import node_page, parameters, retype
from tests.ui.panels.recorded import CONV, DATA


def test_a_data_node_shows_its_first_samples_and_counts(
    inspector: InspectorPanel, digits: Workspace, qtbot: QtBot
) -> None:
    page = node_page(inspector, digits, DATA)
    assert page.data is not None
    qtbot.waitUntil(lambda: page.data is not None and page.data.pictures.isVisible(), timeout=20_000)
    assert page.data.counts.text() == "1,797 samples: about 1,257 train, 270 validation, 270 test"
    retype(page.form.fields["validation_percent"], "20")
    assert parameters(digits, DATA)["validation_percent"] == 20
    assert "359 validation" in page.data.counts.text()


@pytest.fixture
def table(digits: Workspace, tmp_path: Path) -> tuple[str, Path]:
    path = tmp_path / "people.csv"
    path.write_text("age,height,kind\n" + "".join(f"{20 + i},{150 + i},{'ab'[i % 2]}\n" for i in range(40)))
    from netbuilder.data.sources import registry

    spec = next((one for one in registry() if any(p.kind == "columns" for p in one.parameters)), None)
    assert spec is not None, "a source reads tables"
    node = Node(id="ntable001", type=spec.key, label="people", parameters=spec.defaults())
    digits.edit("x", lambda document: edits.add_node(document, node, Place(0, 300)))
    return node.id, path


def file_field(page: NodePage) -> PathField:
    return next(field for field in page.form.fields.values() if isinstance(field, PathField))


def test_a_file_is_described_before_it_counts_and_its_columns_are_offered(
    inspector: InspectorPanel, digits: Workspace, qtbot: QtBot, table: tuple[str, Path]
) -> None:
    id, path = table
    page = node_page(inspector, digits, id)
    field = file_field(page)
    field.line.setText(str(path))
    field.line.editingFinished.emit()
    qtbot.waitUntil(lambda: parameters(digits, id)[field.parameter.name] == str(path), timeout=20_000)
    assert digits.document.schemas[id].rows == 40
    target = next(one for one in page.form.fields.values() if one.parameter.kind == "column")
    assert isinstance(target, ChoiceField)
    qtbot.waitUntil(lambda: target.box.findText("kind") >= 0, timeout=20_000)
    digits.undo()
    assert not parameters(digits, id)[field.parameter.name]
    assert id not in digits.document.schemas or digits.document.schemas[id].rows != 40
    QThreadPool.globalInstance().waitForDone(10_000)


def test_a_file_that_cannot_be_read_says_why_and_keeps_the_old_settings(
    inspector: InspectorPanel, digits: Workspace, qtbot: QtBot, table: tuple[str, Path]
) -> None:
    id, path = table
    page = node_page(inspector, digits, id)
    before = digits.document
    field = file_field(page)
    field.line.setText(str(path.with_name("missing.csv")))
    field.line.editingFinished.emit()
    name = field.parameter.name
    # That it has no file yet may be told first.
    qtbot.waitUntil(lambda: "missing.csv" in page.form.note(name), timeout=20_000)
    assert digits.document is before
    qtbot.wait(400)  # what is found by looking at the files comes now at the latest, and does not take its place
    assert "missing.csv" in page.form.note(name)
    QThreadPool.globalInstance().waitForDone(10_000)


def test_a_file_typed_just_before_another_node_is_selected_still_counts(
    inspector: InspectorPanel, digits: Workspace, qtbot: QtBot, table: tuple[str, Path]
) -> None:
    id, path = table
    page = node_page(inspector, digits, id)
    field = file_field(page)
    field.line.setText(str(path))
    field.line.editingFinished.emit()
    assert page.data is not None
    assert page.data.is_busy
    node_page(inspector, digits, CONV)
    qtbot.waitUntil(lambda: parameters(digits, id)[field.parameter.name] == str(path), timeout=20_000)
    assert digits.document.schemas[id].rows == 40


def test_a_file_read_for_a_node_that_is_gone_changes_nothing(
    inspector: InspectorPanel, digits: Workspace, qtbot: QtBot, table: tuple[str, Path]
) -> None:
    id, path = table
    page = node_page(inspector, digits, id)
    field = file_field(page)
    field.line.setText(str(path))
    field.line.editingFinished.emit()
    digits.edit("Remove", lambda document: edits.remove_nodes(document, [id]))
    before = digits.document
    assert page.data is not None
    with qtbot.waitSignal(page.data.settled, timeout=20_000):
        pass
    assert digits.document is before
