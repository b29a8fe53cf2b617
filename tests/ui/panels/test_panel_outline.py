"""The Outline panel: rows in the order of the flow, blocks lazily, selection both ways, and what it costs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.model import Document, Frame, Graph, Node, PortRef
from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.canvas.block_commands import BlockCommands
from netbuilder.ui.panels.outline import OutlinePanel
from netbuilder.ui.workspace import Workspace
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LINEAR, LOSS, RELU, add, small_network

ACCESSIBLE = Qt.ItemDataRole.AccessibleTextRole


@pytest.fixture
def workspace(qapp: object) -> Workspace:
    workspace = Workspace(Preferences())
    workspace.open_unsaved(small_network())
    return workspace


@pytest.fixture
def panel(qtbot: QtBot, workspace: Workspace) -> OutlinePanel:
    panel = OutlinePanel(workspace)
    qtbot.addWidget(panel)
    panel.resize(700, 300)
    panel.show()
    assert panel.model is not None
    panel.tester = QAbstractItemModelTester(  # type: ignore[attr-defined]
        panel.model, QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    return panel


def labels(panel: OutlinePanel, parent: QModelIndex | None = None) -> list[str]:
    assert panel.model is not None
    parent = parent or QModelIndex()
    return [panel.model.index(row, 0, parent).data() for row in range(panel.model.rowCount(parent))]


def selected(panel: OutlinePanel) -> list[str]:
    return [index.data() for index in panel.tree.selectionModel().selectedRows()]


def row(panel: OutlinePanel, *names: str) -> QModelIndex:
    index = QModelIndex()
    for name in names:
        assert panel.model is not None
        index = panel.model.index(labels(panel, index).index(name), 0, index)
    return index


def choose(panel: OutlinePanel, *rows: QModelIndex) -> None:
    flags = QItemSelectionModel.SelectionFlag
    panel.tree.selectionModel().setCurrentIndex(rows[-1], flags.NoUpdate)
    for number, index in enumerate(rows):
        how = flags.ClearAndSelect if not number else flags.Select
        panel.tree.selectionModel().select(index, how | flags.Rows)


def make_block(workspace: Workspace) -> str:
    return BlockCommands(workspace, lambda node: None).make((LINEAR, RELU), "Dense unit")


def test_rows_stand_in_the_order_of_the_flow(panel: OutlinePanel) -> None:
    assert labels(panel) == ["digits", "linear", "relu", "cross_entropy", "dropout"]


def test_a_row_says_type_shape_and_problems(panel: OutlinePanel, workspace: Workspace, qtbot: QtBot) -> None:
    workspace.torch_loaded()
    qtbot.waitUntil(lambda: not workspace.shapes.pending)
    index = row(panel, "digits")
    assert [index.siblingAtColumn(column).data() for column in range(4)] == ["digits", "Digits", "1×8×8, scalar", ""]
    assert index.data(ACCESSIBLE) == "digits, Digits, 1×8×8, scalar"
    wrong = row(panel, "dropout")
    assert "needs a link" in wrong.siblingAtColumn(3).data()
    assert "needs a link" in wrong.data(ACCESSIBLE)


def test_what_the_canvas_selects_is_selected_here(panel: OutlinePanel, workspace: Workspace) -> None:
    workspace.select((RELU,))
    assert selected(panel) == ["relu"]
    workspace.select((DIGITS, LINEAR, DROPOUT))
    assert sorted(selected(panel)) == ["digits", "dropout", "linear"]
    workspace.select(())
    assert selected(panel) == []


def test_what_is_selected_here_is_selected_on_the_canvas(
    panel: OutlinePanel, workspace: Workspace, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(workspace.revealRequested) as shown:
        choose(panel, row(panel, "relu"))
    assert shown.args == [RELU]
    assert workspace.selection == {RELU}
    choose(panel, row(panel, "linear"), row(panel, "dropout"))
    assert workspace.selection == {LINEAR, DROPOUT}


def test_the_arrow_keys_walk_through_the_network(panel: OutlinePanel, workspace: Workspace) -> None:
    workspace.select((DIGITS,))
    QTest.keyClick(panel.tree, Qt.Key.Key_Down)
    assert workspace.selection == {LINEAR}
    QTest.keyClick(panel.tree, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert workspace.selection == {LINEAR, RELU}


def test_a_blocks_rows_come_when_it_is_opened(panel: OutlinePanel, workspace: Workspace) -> None:
    make_block(workspace)
    order = labels(panel)
    assert order[0] == "digits"
    assert len(order) == 4
    block = row(panel, next(label for label in order if label.startswith("dense")))
    assert labels(panel, block) == ["x", "linear", "relu", "y"]


def test_selection_leads_into_blocks_and_out_again(panel: OutlinePanel, workspace: Workspace) -> None:
    made = make_block(workspace)
    block = row(panel, workspace.document.graph.nodes[made].label)
    choose(panel, row(panel, workspace.document.graph.nodes[made].label, "relu"))
    assert workspace.scope == "dense_unit"
    assert workspace.selection == {RELU}
    choose(panel, row(panel, "digits"))
    assert workspace.scope == ""
    assert workspace.selection == {DIGITS}
    panel.tree.collapse(block)
    workspace.select((made,))
    workspace.scopes.enter(made)
    workspace.select((LINEAR,))
    assert selected(panel) == ["linear"]
    assert panel.tree.currentIndex().parent() == block


def test_enter_goes_into_a_block(panel: OutlinePanel, workspace: Workspace) -> None:
    made = make_block(workspace)
    choose(panel, row(panel, workspace.document.graph.nodes[made].label))
    QTest.keyClick(panel.tree, Qt.Key.Key_Return)
    assert workspace.scope == "dense_unit"


def test_edits_insert_and_remove_their_rows(panel: OutlinePanel, workspace: Workspace) -> None:
    made = make_block(workspace)
    label = workspace.document.graph.nodes[made].label
    panel.tree.expand(row(panel, label))
    workspace.edit("Add", lambda document: add(document, "n00000009", "tanh", 0, 0))
    assert "tanh" in labels(panel)
    assert panel.tree.isExpanded(row(panel, label)), "the rest of the tree stays as it is"
    node = Node(id="n0000000a", type="gelu", label="gelu")
    workspace.edit("Add", lambda document: edits.add_node(document, node, scope="dense_unit"))
    assert "gelu" in labels(panel, row(panel, label))
    workspace.edit("Rename", lambda document: edits.rename(document, DIGITS, "numbers"))
    assert "numbers" in labels(panel)
    while workspace.history.can_undo:
        workspace.undo()
    assert labels(panel) == ["digits", "linear", "relu", "cross_entropy", "dropout"]
    while workspace.history.can_redo:
        workspace.redo()
    assert "gelu" in labels(panel, row(panel, label))
    workspace.edit("Unlink", lambda document: edits.remove_nodes(document, list(document.graph.nodes)))
    assert labels(panel) == []
    workspace.new()
    assert labels(panel) == []


def test_frames_are_rows_too(panel: OutlinePanel, workspace: Workspace, qtbot: QtBot) -> None:
    workspace.edit("Frame", lambda document: edits.add_frame(document, Frame(id="f1", title="Encoder", note="of old")))
    assert labels(panel)[-1] == "Encoder"
    assert row(panel, "Encoder").data(ACCESSIBLE) == "Encoder, Frame"
    with qtbot.waitSignal(workspace.revealRequested) as shown:
        choose(panel, row(panel, "Encoder"))
    assert shown.args == ["f1"]
    assert (workspace.selection, workspace.selected_frames) == (frozenset(), {"f1"})
    choose(panel, row(panel, "relu"), row(panel, "Encoder"))
    assert (workspace.selection, workspace.selected_frames) == ({RELU}, {"f1"})
    workspace.select(())
    workspace.select((), ("f1",))
    assert selected(panel) == ["Encoder"]
    workspace.edit("Title", lambda document: edits.change_frame(document, "f1", {"title": "Decoder"}))
    assert labels(panel)[-1] == "Decoder"
    workspace.edit("Unframe", lambda document: edits.remove_frames(document, ("f1",)))
    assert "Decoder" not in labels(panel)


def test_an_order_that_changes_is_followed(panel: OutlinePanel, workspace: Workspace) -> None:
    workspace.edit("Link", lambda document: edits.connect(document, PortRef(DROPOUT, "x"), PortRef(LINEAR, "y")))
    order = labels(panel)
    assert order.index("dropout") > order.index("linear")
    workspace.edit("Link", lambda document: edits.connect(document, PortRef(RELU, "x"), PortRef(DROPOUT, "y")))
    assert labels(panel) == ["digits", "linear", "dropout", "relu", "cross_entropy"]


def test_hidden_it_follows_nothing_and_catches_up(panel: OutlinePanel, workspace: Workspace, monkeypatch) -> None:
    panel.hide()
    assert panel.model is not None
    with monkeypatch.context() as patch:
        patch.setattr(type(panel.model), "follow", lambda self: pytest.fail("it is hidden"))
        workspace.edit("Add", lambda document: add(document, "n00000009", "tanh", 0, 0))
        workspace.select((LOSS,))
    panel.show()
    assert "tanh" in labels(panel)
    assert selected(panel) == ["cross_entropy"]


def test_before_it_is_shown_there_is_no_model(qtbot: QtBot, workspace: Workspace) -> None:
    panel = OutlinePanel(workspace)
    qtbot.addWidget(panel)
    workspace.select((RELU,))
    workspace.edit("Add", lambda document: add(document, "n00000009", "tanh", 0, 0))
    assert panel.model is None


def test_thousands_of_rows_select_as_one_range(panel: OutlinePanel, workspace: Workspace) -> None:
    ids = [f"n{number:08x}" for number in range(100, 3100)]
    nodes = {id: Node(id=id, type="relu", label=f"relu{id}") for id in ids}
    edges = {PortRef(b, "x"): PortRef(a, "y") for a, b in pairwise(ids)}
    workspace.open_unsaved(Document(graph=Graph(nodes=nodes, edges=edges)))
    assert panel.model is not None
    assert panel.model.rowCount() == 3000
    workspace.select(ids)
    assert panel.model.locate(ids).count() == 1
    assert panel.tree.selectionModel().isRowSelected(2999, QModelIndex())
