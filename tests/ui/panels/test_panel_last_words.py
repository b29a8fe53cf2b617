"""Lines that are left by what happens elsewhere: what is typed counts where it was typed, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from PySide6.QtCore import QThreadPool
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from netbuilder.data.sources import registry
from netbuilder.document import edits
from netbuilder.document.model import Document, Node, Place
from netbuilder.ui.panels.block_page import BlockPage
from netbuilder.ui.panels.inspector import InspectorPanel
from netbuilder.ui.panels.node_page import NodePage
from netbuilder.ui.pickers import PathField
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace
from tests.compiler.blocks import staged

TABLE = "ntable001"
LAYER = "r_conv"
BLOCK = "residual"

Lines = dict[str, Callable[[NodePage], QLineEdit]]
LINES: Lines = {"note": lambda page: page.note, "label": lambda page: page.label}


@pytest.fixture
def raised(workspace: Workspace) -> list[object]:
    told: list[object] = []
    workspace.problemsRaised.connect(told.append)
    return told


@pytest.fixture
def inspector(qtbot: QtBot, workspace: Workspace, themes: ThemeController, raised: list[object]) -> InspectorPanel:
    workspace.open_unsaved(staged())
    panel = InspectorPanel(workspace, themes)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitExposed(panel)
    panel.activateWindow()
    return panel


def write(qtbot: QtBot, line: QLineEdit, text: str) -> None:
    line.setFocus()
    qtbot.waitUntil(line.hasFocus)
    line.selectAll()
    QTest.keyClicks(line, text)


def page_in_block(inspector: InspectorPanel, workspace: Workspace) -> NodePage:
    workspace.scopes.open_block(BLOCK)
    workspace.select((LAYER,))
    inspector.show_selection()
    assert isinstance(inspector.page, NodePage)
    return inspector.page


@pytest.mark.parametrize("which", LINES)
def test_what_was_typed_in_a_block_that_is_left_counts_there(
    qtbot: QtBot, inspector: InspectorPanel, workspace: Workspace, raised: list[object], which: str
) -> None:
    write(qtbot, LINES[which](page_in_block(inspector, workspace)), "first")
    workspace.leave()
    inspector.show_selection()
    node = workspace.document.blocks[BLOCK].graph.nodes[LAYER]
    assert {"note": node.note, "label": node.label}[which] == "first"
    assert raised == []


@pytest.mark.parametrize("which", LINES)
def test_what_was_typed_for_a_node_that_is_gone_is_dropped(
    qtbot: QtBot, inspector: InspectorPanel, workspace: Workspace, raised: list[object], which: str
) -> None:
    node = next(iter(workspace.document.graph.nodes))
    workspace.select((node,))
    inspector.show_selection()
    assert isinstance(inspector.page, NodePage)
    write(qtbot, LINES[which](inspector.page), "late")
    workspace.edit("Delete", partial(edits.remove_nodes, nodes=(node,)))
    inspector.show_selection()
    assert raised == []
    assert workspace.history.undo_title == "Delete"


def test_a_file_typed_for_a_node_that_is_gone_is_dropped(
    qtbot: QtBot, inspector: InspectorPanel, workspace: Workspace, raised: list[object]
) -> None:
    node = Node(id=TABLE, type="data.table", label="table", parameters=registry()["data.table"].defaults())
    workspace.edit("Add", partial(edits.add_node, node=node, place=Place(0, 0)))
    workspace.select((TABLE,))
    inspector.show_selection()
    assert isinstance(inspector.page, NodePage)
    field = inspector.page.form.fields["file"]
    assert isinstance(field, PathField)
    write(qtbot, field.line, "flowers.csv")
    workspace.undo()
    inspector.show_selection()
    QThreadPool.globalInstance().waitForDone(5_000)
    qtbot.wait(20)
    assert TABLE not in workspace.document.graph.nodes
    assert raised == []


def test_a_title_typed_for_a_block_that_is_gone_is_dropped(
    qtbot: QtBot, inspector: InspectorPanel, workspace: Workspace, raised: list[object]
) -> None:
    workspace.scopes.open_block(BLOCK)
    inspector.show_selection()
    assert isinstance(inspector.page, BlockPage)
    write(qtbot, inspector.page.title, "Another")
    workspace.edit("Clear", lambda _: Document())
    inspector.show_selection()
    assert raised == []
    assert workspace.document == Document()


def test_a_title_that_is_refused_does_not_stay(
    qtbot: QtBot, inspector: InspectorPanel, workspace: Workspace, raised: list[object]
) -> None:
    workspace.scopes.open_block(BLOCK)
    inspector.show_selection()
    page = inspector.page
    assert isinstance(page, BlockPage)
    before = page.title.text()
    write(qtbot, page.title, "  ")
    page.description.setFocus()
    assert len(raised) == 1
    assert page.title.text() == before == workspace.document.blocks[BLOCK].title


def test_undo_shows_in_a_description_that_has_the_focus(
    qtbot: QtBot, inspector: InspectorPanel, workspace: Workspace
) -> None:
    workspace.scopes.open_block(BLOCK)
    inspector.show_selection()
    page = inspector.page
    assert isinstance(page, BlockPage)
    before = page.description.toPlainText()
    page.description.setFocus()
    QTest.keyClicks(page.description, "Two convolutions. ")
    assert workspace.document.blocks[BLOCK].description.startswith("Two convolutions. ")
    workspace.undo()
    assert page.description.toPlainText() == before == workspace.document.blocks[BLOCK].description
