"""Blocks in the panels: the definition's page, expressions in fields, promoting, the palette and its menus."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from netbuilder.compiler.meta import warm_up
from netbuilder.document import edits
from netbuilder.document.blocks import block_key, is_block, signature
from netbuilder.ui.palette import Palette
from netbuilder.ui.panels.block_page import BlockPage
from netbuilder.ui.panels.inspector import InspectorPanel
from netbuilder.ui.panels.node_page import NodePage
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace
from tests.compiler.blocks import staged

POPUPS = pytest.mark.qt_log_ignore("This plugin does not support")
"""For tests in which a list of names may open: without a screen Qt says that it cannot raise it."""


@pytest.fixture
def blocks(workspace: Workspace, qtbot: QtBot) -> Workspace:
    warm_up()
    workspace.open_unsaved(staged())
    workspace.torch_loaded()
    qtbot.waitUntil(lambda: not workspace.shapes.pending)
    return workspace


@pytest.fixture
def inspector(blocks: Workspace, themes: ThemeController, qtbot: QtBot) -> InspectorPanel:
    panel = InspectorPanel(blocks, themes)
    qtbot.addWidget(panel)
    panel.resize(300, 800)
    panel.show()
    qtbot.waitExposed(panel)
    panel.activateWindow()
    return panel


def inside(inspector: InspectorPanel, workspace: Workspace, node: str) -> NodePage:
    workspace.scopes.open_block("residual")
    workspace.select((node,))
    inspector.show_selection()
    assert isinstance(inspector.page, NodePage)
    return inspector.page


def block_page(inspector: InspectorPanel, workspace: Workspace, key: str = "residual") -> BlockPage:
    workspace.scopes.open_block(key)
    inspector.show_selection()
    assert isinstance(inspector.page, BlockPage)
    return inspector.page


def filters(workspace: Workspace) -> object:
    return workspace.document.blocks["residual"].graph.nodes["r_conv"].parameters["filters"]


def test_an_expression_is_shown_with_what_it_comes_to(inspector: InspectorPanel, blocks: Workspace) -> None:
    page = inside(inspector, blocks, "r_conv")
    assert page.form.expression("filters") == "filters"
    assert page.form.fields["filters"].isHidden()
    row = page.form._rows["filters"].expression
    assert row is not None
    assert row.line.text() == "=filters"
    assert row.result.text() == "is 4 here"
    assert page.facts.texts()["Out"] == "N × 4 × 8 × 8"


@POPUPS
def test_typing_another_expression_edits_all_copies(inspector: InspectorPanel, blocks: Workspace, qtbot: QtBot) -> None:
    page = inside(inspector, blocks, "r_conv")
    row = page.form._rows["filters"].expression
    assert row is not None
    row.setFocus()
    row.line.selectAll()
    QTest.keyClicks(row.line, "=filters * 2")
    assert filters(blocks) == {"=": "filters * 2"}
    assert row.result.text() == "is 8 here"
    before = blocks.document
    QTest.keyClicks(row.line, " + width")
    assert "no parameter called 'width'" in page.form.note("filters")
    assert blocks.document is before
    row.line.selectAll()
    QTest.keyClicks(row.line, "24")
    QTest.keyClick(row.line, Qt.Key.Key_Return)
    assert filters(blocks) == 24
    assert not page.form.fields["filters"].isHidden()


@POPUPS
def test_an_equals_sign_begins_an_expression(inspector: InspectorPanel, blocks: Workspace) -> None:
    page = inside(inspector, blocks, "r_conv")
    page.form.end_expression("filters")
    assert filters(blocks) == 4
    box = page.form.fields["filters"].box  # type: ignore[attr-defined]
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "=")
    row = page.form._rows["filters"].expression
    assert row is not None
    assert not row.isHidden()
    QTest.keyClicks(row.line, "min(filters, 3)")
    assert filters(blocks) == {"=": "min(filters, 3)"}


@POPUPS
def test_names_are_completed(inspector: InspectorPanel, blocks: Workspace) -> None:
    page = inside(inspector, blocks, "r_conv")
    row = page.form._rows["filters"].expression
    assert row is not None
    row.line.clear()
    QTest.keyClicks(row.line, "=2 * fi")
    assert row.line.names.currentCompletion() == "filters"
    row.line.names.activated.emit("filters")
    assert row.line.text() == "=2 * filters"
    assert filters(blocks) == {"=": "2 * filters"}
    row.line.list.hide()


def test_no_expressions_in_the_main_graph(inspector: InspectorPanel, blocks: Workspace) -> None:
    blocks.select(("fc",))
    inspector.show_selection()
    assert isinstance(inspector.page, NodePage)
    assert all(row.expression is None for row in inspector.page.form._rows.values())


def test_a_value_becomes_a_parameter_of_the_block(inspector: InspectorPanel, blocks: Workspace) -> None:
    page = inside(inspector, blocks, "r_conv")
    menu = page.form.findChild(type(page.form))  # no other form inside
    assert menu is None
    page.form.promoted.emit("kernel_size")
    block = blocks.document.blocks["residual"]
    assert block.parameters[-1]["name"] == "kernel_size"
    assert block.graph.nodes["r_conv"].parameters["kernel_size"] == {"=": "kernel_size"}
    assert blocks.history.undo_title == "Make kernel size a parameter"


def test_the_page_of_a_block(inspector: InspectorPanel, blocks: Workspace) -> None:
    page = block_page(inspector, blocks)
    assert page.title.text() == "Residual block"
    assert page.facts.texts()["Instances"] == "2"
    page.title.selectAll()
    QTest.keyClicks(page.title, "Skip unit")
    QTest.keyClick(page.title, Qt.Key.Key_Return)
    assert blocks.document.blocks["residual"].title == "Skip unit"
    page.description.setPlainText("Adds what it was given.")
    assert blocks.document.blocks["residual"].description == "Adds what it was given."
    page.defaults.edited.emit("filters", 16, "1")
    assert blocks.document.blocks["residual"].parameters[0]["default"] == 16


def test_parameters_are_declared_renamed_and_removed(
    inspector: InspectorPanel, blocks: Workspace, qtbot: QtBot
) -> None:
    page = block_page(inspector, blocks)
    dialog = page.ask(None)
    dialog.form.set_values({"name": "class", "kind": "int", "default": "8"})
    dialog.confirm()
    assert "cannot name a block's parameter" in dialog.trouble.text()
    dialog.form.set_values({"name": "depth", "kind": "int", "default": "eight"})
    dialog.confirm()
    assert "expected a whole number" in dialog.trouble.text()
    dialog.form.set_values({"name": "depth", "kind": "int", "default": "2", "minimum": 1.0, "help": "How deep."})
    dialog.confirm()
    assert blocks.document.blocks["residual"].parameters[-1] == {
        "name": "depth", "title": "Depth", "kind": "int", "default": 2, "minimum": 1.0, "help": "How deep.",
    }  # fmt: skip
    dialog = page.ask(0)
    dialog.form.set_values({**dialog.form.values(), "name": "channels"})
    dialog.confirm()
    assert filters(blocks) == {"=": "channels"}
    with qtbot.waitSignal(blocks.problemsRaised) as told:
        page.remove(0)
    assert "still used" in told.args[0][0].message
    page.remove(2)
    assert [each["name"] for each in blocks.document.blocks["residual"].parameters] == ["channels", "rate"]
    page.move_by(1, -1)
    assert [each["name"] for each in blocks.document.blocks["residual"].parameters] == ["rate", "channels"]


def test_an_instances_page_follows_what_the_block_declares(
    inspector: InspectorPanel, blocks: Workspace, qtbot: QtBot
) -> None:
    node = next(node for node in blocks.document.graph.nodes.values() if is_block(node))
    blocks.select((node.id,))
    inspector.show_selection()
    assert isinstance(inspector.page, NodePage)
    assert "extra" not in inspector.page.form.fields
    key = block_key(node)
    declared = (*blocks.document.blocks[key].parameters, {"name": "extra", "kind": "int", "default": 3})
    blocks.edit("Declare", partial(edits.set_block, key=key, parameters=declared))
    qtbot.waitUntil(lambda: isinstance(inspector.page, NodePage) and "extra" in inspector.page.form.fields)
    blocks.undo()
    qtbot.waitUntil(lambda: isinstance(inspector.page, NodePage) and "extra" not in inspector.page.form.fields)


def test_parameters_beside_one_that_is_not_in_order(
    inspector: InspectorPanel, blocks: Workspace, themes: ThemeController
) -> None:
    block = blocks.document.blocks["residual"]
    unknown = {"name": "future", "kind": "tensor", "default": 1}
    parameters = (unknown, *block.parameters)
    changed = {**blocks.document.blocks, "residual": replace(block, parameters=parameters)}
    blocks.open_unsaved(replace(blocks.document, blocks=changed))
    page = block_page(inspector, blocks)
    assert "future" not in page.defaults.fields
    page.move_by(0, 1)
    names = [str(each["name"]) for each in blocks.document.blocks["residual"].parameters]
    assert names == [str(each["name"]) for each in reversed(block.parameters)]
    blocks.undo()
    assert blocks.document.blocks["residual"].parameters == parameters


def test_a_choice_keeps_its_titles_and_kinds_when_something_else_is_changed(
    inspector: InspectorPanel, blocks: Workspace
) -> None:
    page = block_page(inspector, blocks)
    choices = [{"value": 2, "title": "twice"}, {"value": True, "title": "always"}, {"value": "own", "title": "by hand"}]
    declared = {"name": "mode", "kind": "choice", "default": True, "choices": choices}
    blocks.edit("Declare", partial(edits.set_block, key="residual", parameters=[declared, *page._raw()]))
    dialog = page.ask(0)
    assert dialog.form.values()["choices"] == "2, True, own"
    assert dialog.form.values()["default"] == "True"
    dialog.form.fields["help"].offer("How often.")
    dialog.form.fields["choices"].offer("2, True, own, never")
    dialog.confirm()
    (parameter,) = [each for each in signature(blocks.document.blocks["residual"]).parameters if each.name == "mode"]
    assert parameter.help == "How often."
    assert parameter.default is True
    assert [(each.value, each.title) for each in parameter.choices] == [
        *((each["value"], each["title"]) for each in choices),
        ("never", "never"),
    ]


def test_a_dialog_does_not_close_with_an_older_number(
    inspector: InspectorPanel, blocks: Workspace, qtbot: QtBot
) -> None:
    dialog = block_page(inspector, blocks).ask(None)
    qtbot.waitExposed(dialog)
    dialog.form.fields["name"].offer("heads")
    dialog.form.fields["default"].offer("2")
    line = dialog.form.fields["minimum"].findChildren(QLineEdit)[0]
    line.setFocus()
    QTest.keyClicks(line, "many")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert dialog.isVisible()
    assert "expected a number" in dialog.form.note("minimum")
    QTest.keyClick(line, Qt.Key.Key_Return)  # what is shown now is what is taken
    assert not dialog.isVisible()
    assert "heads" in [each["name"] for each in blocks.document.blocks["residual"].parameters]


@pytest.mark.parametrize(
    ("values", "default"),
    [
        ({"kind": "choice", "choices": "relu, gelu", "default": "gelu"}, "gelu"),
        ({"kind": "bool", "default": "yes"}, True),
        ({"kind": "ints", "length": 2, "default": "3 x 5"}, (3, 5)),
        ({"kind": "float", "default": "0,5"}, 0.5),
        ({"kind": "text", "default": "any"}, "any"),
    ],
)
def test_a_parameter_of_each_kind(
    inspector: InspectorPanel, blocks: Workspace, values: dict[str, object], default: object
) -> None:
    page = block_page(inspector, blocks)
    dialog = page.ask(None)
    dialog.form.set_values({"name": "extra", **values})
    dialog.confirm()
    assert dialog.trouble.text() == ""
    assert blocks.document.blocks["residual"].parameters[-1]["default"] == default


def test_the_palette_lists_the_projects_blocks_first(blocks: Workspace, themes: ThemeController, qtbot: QtBot) -> None:
    palette = Palette(themes, blocks)
    qtbot.addWidget(palette)
    palette.show()
    qtbot.waitUntil(lambda: bool(blocks.library.entries))
    qtbot.waitUntil(lambda: "Bottleneck block" in listed(palette))
    assert listed(palette)[:2] == ["Residual block", "Stage"]
    blocks.edit("x", lambda d: d.__class__(graph=d.graph))
    assert "Stage" not in listed(palette)


def listed(palette: Palette) -> list[str]:
    heads = [palette.tree.topLevelItem(row) for row in range(palette.tree.topLevelItemCount())]
    (head,) = [head for head in heads if head is not None and head.text(0) == "BLOCKS"]
    return [head.child(row).text(0) for row in range(head.childCount())]


def test_menus_of_blocks_in_the_palette(blocks: Workspace, themes: ThemeController, qtbot: QtBot) -> None:
    palette = Palette(themes, blocks)
    qtbot.addWidget(palette)
    menu = palette.menus.build("block.stage")
    assert menu is not None
    actions = {action.text(): action for action in menu.actions()}
    assert not actions["Remove from the project (in use)"].isEnabled()
    actions["Save to library"].trigger()
    assert "library.stage" in blocks.library.entries
    actions["Open"].trigger()
    assert blocks.scope == "stage"
    palette.menus.rename("library.stage", "My stage")
    assert blocks.library.entries["library.my_stage"].definition.title == "My stage"
    with qtbot.waitSignal(blocks.message) as said:
        actions["Save to library"].trigger()
    assert "Saved" in said.args[0]
    palette.menus.delete("library.my_stage")
    assert "library.my_stage" not in blocks.library.entries
    assert palette.menus.build("conv2d") is None


def test_a_shipped_block_that_the_project_has_already_is_opened_all_the_same(
    blocks: Workspace, themes: ThemeController, qtbot: QtBot
) -> None:
    palette = Palette(themes, blocks)
    qtbot.addWidget(palette)
    palette._read_library()
    for _ in range(2):
        menu = palette.menus.build("shipped.bottleneck")
        assert menu is not None
        menu.actions()[0].trigger()
        assert blocks.document.blocks[blocks.scope].title == "Bottleneck block"
        blocks.leave()
        assert not blocks.scope
    blocks.undo()
    assert "Bottleneck block" not in [each.title for each in blocks.document.blocks.values()]


def test_a_block_that_is_renamed_is_called_so_on_its_instance_s_page(
    inspector: InspectorPanel, blocks: Workspace, qtbot: QtBot
) -> None:
    nodes = blocks.document.graph.nodes
    instance = next(id for id, node in nodes.items() if node.type == "block.residual")
    blocks.select((instance,))
    inspector.show_selection()
    blocks.edit("Rename", partial(edits.set_block, key="residual", title="Another name"))
    qtbot.waitUntil(lambda: "Another name" in [each.text() for each in inspector.page.findChildren(QLabel)])
