"""Blocks on the canvas: making, entering, editing, leaving, dissolving, with real mouse and key events."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from netbuilder.compiler.meta import warm_up
from netbuilder.document import edits
from netbuilder.document.model import PortRef
from netbuilder.training.protocol import Picture, PictureKind, Telemetry
from netbuilder.ui.canvas import menus
from netbuilder.ui.canvas.view import CanvasView
from netbuilder.ui.panels.watched import MapsCard
from netbuilder.ui.standpoint import Standpoint
from netbuilder.ui.theme import load_theme
from netbuilder.ui.workspace import Workspace
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LINEAR, LOSS, RELU, Hands

FLATTEN = "n00000006"
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def instance(workspace: Workspace) -> str:
    (found,) = [id for id, node in workspace.document.graph.nodes.items() if node.type.startswith("block.")]
    return found


@pytest.fixture
def made(view: CanvasView, workspace: Workspace, hands: Hands, qtbot) -> str:
    """Return the instance of a block of Linear and ReLU, called "Dense unit"."""
    qtbot.waitUntil(view.hasFocus)
    flatten = workspace.vocabulary["flatten"].defaults()
    workspace.edit("x", lambda d: edits.insert_layer(d, LINEAR, "x", "flatten", flatten, id=FLATTEN))
    warm_up()
    workspace.torch_loaded()
    qtbot.waitUntil(lambda: not workspace.shapes.pending)
    workspace.select((LINEAR, RELU))
    hands.key(Qt.Key.Key_G, CTRL)
    hands.type("Dense unit")
    hands.key(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not workspace.shapes.pending)
    return instance(workspace)


def double_click(view: CanvasView, at) -> None:
    QTest.mouseDClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)


def test_a_block_is_made_of_the_selection_and_named(view, workspace, hands, made):
    block = workspace.document.blocks["block"]
    assert block.title == "Dense unit"
    assert workspace.document.graph.nodes[made].label == "dense_unit"
    assert view.content.faces[made].title == "Dense unit"
    assert view.content.faces[made].category == "block"
    assert [each.name for each in view.content.faces[made].outputs] == ["y"]
    assert view.content.faces[made].outputs[0].shape == "64"
    assert workspace.document.graph.edges[PortRef(made, "x")] == PortRef(FLATTEN, "y")
    entrance = next(node for node in block.graph.nodes.values() if node.type == "input")
    assert entrance.parameters["dims"] == (64,)


def test_what_cannot_be_in_a_block_is_said(view, workspace, qtbot, hands):
    for chosen, words in (({DIGITS}, "data source"), ({LOSS}, "is a loss")):
        workspace.select(chosen)
        with qtbot.waitSignal(workspace.problemsRaised) as told:
            hands.key(Qt.Key.Key_G, CTRL)
        assert words in told.args[0][0].message
    assert workspace.document.blocks == {}


def test_a_lone_layer_gets_ports_of_its_own(view, workspace, hands):
    workspace.select((DROPOUT,))
    hands.key(Qt.Key.Key_G, CTRL)
    hands.key(Qt.Key.Key_Escape)
    labels = [node.label for node in workspace.document.blocks["block"].graph.nodes.values()]
    assert labels == ["x", "dropout", "y"]


def test_a_double_click_goes_in_and_backspace_out(view, workspace, hands, made, qtbot):
    camera = view.camera
    double_click(view, hands.header(made))
    assert workspace.scope == "block"
    assert workspace.scopes.at == Standpoint("block", f"{made}/0/")
    assert view.trail.isVisible()
    assert [step.text() for step in view.trail.steps] == ["Network", "Dense unit"]
    assert "1 instance changes" in view.trail.note.text()
    assert view.content.faces[RELU].outputs[0].shape == "64"
    assert view.knowledge.type_of(PortRef(LINEAR, "x")) is not None
    workspace.select((RELU,))
    hands.key(Qt.Key.Key_Backspace)
    assert workspace.scope == ""
    assert workspace.selection == {made}
    assert RELU in workspace.document.blocks["block"].graph.nodes, "Backspace in a block goes out, and deletes nothing"
    assert view.camera == camera
    assert not view.trail.isVisible()


def test_enter_goes_in_and_the_bar_leads_out(view, workspace, hands, made):
    hands.key(Qt.Key.Key_Return)
    assert workspace.scope == "block"
    view.trail.steps[0].click()
    assert workspace.scope == ""


def test_each_block_is_found_where_it_was_left(view, workspace, hands, made):
    hands.key(Qt.Key.Key_Return)
    view.zoom_to(2.0)
    there = view.camera
    hands.key(Qt.Key.Key_Backspace)
    assert view.camera != there
    hands.key(Qt.Key.Key_Return)
    assert view.camera == there


def test_an_edit_inside_is_one_entry_and_changes_every_instance(view, workspace, hands, made, qtbot):
    hands.key(Qt.Key.Key_D, CTRL)
    assert len(workspace.document.blocks) == 1
    workspace.select((made,))
    hands.key(Qt.Key.Key_Return)
    assert "2 instances change" in view.trail.note.text()
    double_click(view, hands.at(0, -200))
    hands.type("tanh")
    hands.key(Qt.Key.Key_Return)
    added = [node for node in workspace.document.blocks["block"].graph.nodes.values() if node.type == "tanh"]
    assert len(added) == 1
    assert added[0].id in view.content.faces
    hands.key(Qt.Key.Key_Delete)
    assert added[0].id not in workspace.document.blocks["block"].graph.nodes
    workspace.undo()
    assert added[0].id in view.content.faces


def test_undo_of_the_block_in_sight_leads_to_what_is_left(view, workspace, hands, made, qtbot):
    hands.key(Qt.Key.Key_Return)
    while workspace.scope:
        assert workspace.history.can_undo
        workspace.undo()
    assert set(view.content.faces) == workspace.document.graph.nodes.keys()
    assert RELU in view.content.faces
    workspace.redo()
    assert instance(workspace) in view.content.faces


def test_dissolving_brings_the_layers_back(view, workspace, hands, made):
    hands.key(Qt.Key.Key_G, CTRL | SHIFT)
    graph = workspace.document.graph
    assert sorted(node.type for node in graph.nodes.values() if node.type in ("linear", "relu")) == ["linear", "relu"]
    assert len(workspace.selection) == 2
    (linear,) = [id for id, node in graph.nodes.items() if node.type == "linear"]
    assert graph.edges[PortRef(linear, "x")] == PortRef(FLATTEN, "y")
    workspace.undo()
    assert workspace.document.graph.nodes[made].type == "block.block"


def test_a_mistake_inside_marks_the_instance_and_its_row_leads_in(view, workspace, made, qtbot):
    wrong = {"=": "filters * 2"}
    workspace.edit("x", lambda d: edits.set_parameters(d, node=LINEAR, values={"units": wrong}, scope="block"))
    qtbot.waitUntil(lambda: view.content.faces[made].severity is not None)
    (problem,) = [each for each in workspace.problems if each.code == "block.expression"]
    assert problem.node == f"{made}/0/{LINEAR}"
    workspace.reveal(problem.node)
    assert workspace.scope == "block"
    assert workspace.selection == {LINEAR}
    assert view.content.faces[LINEAR].severity is not None


def test_without_an_instance_a_sample_shows_shapes(view, workspace, made, qtbot):
    workspace.edit("x", lambda d: edits.remove_nodes(d, [made]))
    workspace.scopes.open_block("block")
    assert workspace.scopes.at.sample == "block"
    assert "nothing uses it yet" in view.trail.note.text()
    qtbot.waitUntil(lambda: view.content.faces[RELU].outputs[0].shape == "64")
    workspace.leave()
    assert workspace.scope == ""


def test_blocks_nest_and_the_way_back_is_whole(view, workspace, hands, made, qtbot):
    hands.key(Qt.Key.Key_Return)
    workspace.select((RELU,))
    hands.key(Qt.Key.Key_G, CTRL)
    hands.type("Inner")
    hands.key(Qt.Key.Key_Return)
    (inner,) = workspace.selection
    hands.key(Qt.Key.Key_Return)
    assert [step.text() for step in view.trail.steps] == ["Network", "Dense unit", "Inner"]
    qtbot.waitUntil(lambda: view.content.faces[RELU].outputs[0].shape == "64")
    assert workspace.scopes.at.prefix == f"{made}/0/{inner}/0/"
    view.trail.steps[1].click()
    assert workspace.scope == "block"


def test_an_instance_of_the_library_comes_in_one_entry(view, workspace, hands):
    workspace.library.refresh()
    before = workspace.document
    assert hands.drop("shipped.transformer_encoder_block", hands.at(300, 400))
    assert len(workspace.document.blocks) == 3
    (id,) = workspace.selection
    assert workspace.document.graph.nodes[id].type == "block.transformer_encoder_block"
    workspace.undo()
    assert workspace.document == before
    double_click(view, hands.at(300, 400))
    hands.type("squeeze and")
    hands.key(Qt.Key.Key_Return)
    assert "squeeze_excitation" in workspace.document.blocks


def test_the_menu_of_an_instance(view, workspace, hands, made):
    menu = menus.build(view, view.node_rect(made).center())
    titles = [action.text().split("\t")[0] for action in menu.actions()]
    assert {"Enter block", "Dissolve block", "Make unique", "Save to library", "Make a block"} <= set(titles)
    next(action for action in menu.actions() if action.text() == "Make unique").trigger()
    assert workspace.document.graph.nodes[made].type == "block.dense_unit_2"
    view.blocks.save_selected()
    assert workspace.library.entries["library.dense_unit_2"].definition.title == "Dense unit 2"


def test_weights_are_shared_and_given_back(view, workspace, hands, made):
    hands.key(Qt.Key.Key_D, CTRL)
    (copy,) = workspace.selection
    menu = menus.build(view, view.node_rect(copy).center())
    (shared,) = [action.menu() for action in menu.actions() if action.text() == "Share weights with"]
    shared.actions()[0].trigger()
    assert workspace.document.graph.nodes[copy].tied_to == made
    view.blocks.share_selected()
    assert workspace.document.graph.nodes[copy].tied_to == ""
    workspace.select((made, copy))
    view.blocks.share_selected()
    assert workspace.document.graph.nodes[copy].tied_to == made


def test_live_pictures_of_an_instance_and_of_what_is_in_it(view, workspace, hands, made):
    maps = np.ones((3, 4, 4), dtype=np.float32)
    for path in (f"{made}/0/{LINEAR}", f"{made}/0/{RELU}", FLATTEN):
        workspace.trainer.record.add(
            Telemetry(pictures=(Picture(kind=PictureKind.THUMBS, node=path, step=1, data=maps),))
        )
    view.following.look_again()
    assert view.live.pictures.keys() == {made, FLATTEN}, "an instance shows what it gives out"
    assert view.live.pictures[made].node == f"{made}/0/{RELU}"
    assert workspace.scopes.source_of(made) == f"{made}/0/{RELU}"
    hands.key(Qt.Key.Key_Return)
    labels = {workspace.document.blocks["block"].graph.nodes[id].label for id in view.live.pictures}
    assert labels == {"x", "linear", "relu", "y"}
    workspace.select((LINEAR,))
    assert workspace.trainer.watched == (f"{made}/0/{LINEAR}",)
    assert workspace.is_selected(f"{made}/0/{LINEAR}")
    assert not workspace.is_selected(f"{made}/0/{RELU}")


def test_a_block_s_activations_go_by_its_own_name(view, workspace, qtbot, made):
    maps = np.ones((3, 4, 4), dtype=np.float32)
    picture = Picture(kind=PictureKind.MAPS, node=f"{made}/0/{RELU}", step=1, data=maps, extent=(1.0, 1.0), sample=0)
    workspace.trainer.record.add(Telemetry(pictures=(picture,)))
    workspace.select((made,))
    card = MapsCard(load_theme("dark"))
    qtbot.addWidget(card)
    card.refresh(workspace)
    assert card.title.text() == "Dense unit · 3 maps"
    workspace.scopes.enter(made)
    workspace.select((RELU,))
    card.refresh(workspace)
    assert card.title.text() == "ReLU · 3 maps"


def test_the_gradient_at_the_data_colours_the_links_of_a_block_that_it_feeds(view, workspace, hands, qtbot):
    """What enters is a field of the data, which the run tells of by the field's name."""
    qtbot.waitUntil(view.hasFocus)
    flatten = workspace.vocabulary["flatten"].defaults()
    workspace.edit("x", lambda d: edits.insert_layer(d, LINEAR, "x", "flatten", flatten, id=FLATTEN))
    warm_up()
    workspace.torch_loaded()
    workspace.select((FLATTEN, LINEAR, RELU))
    hands.key(Qt.Key.Key_G, CTRL)
    hands.type("Dense unit")
    hands.key(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not workspace.shapes.pending)
    workspace.preferences.set("show_gradient_flow", True)
    assert workspace.scopes.enter(instance(workspace))
    view.attention.settle()
    inside = f"{view.workspace.scopes.at.prefix}{FLATTEN}"
    told = Picture(
        kind=PictureKind.FLOW,
        node="",
        step=1,
        data=np.array([0.25, 0.5], np.float32),
        extent=(1.0,),
        labels=(f"{DIGITS}.image", inside),
    )
    workspace.trainer.record.add(Telemetry(pictures=(told,)))
    workspace.telemetry.emit(Telemetry(pictures=(told,)))
    workspace.turns.finish()
    (entrance,) = [id for id, node in view.graph.nodes.items() if node.type == "input"]
    assert view.live.flow.norms[PortRef(entrance, "y")] == 0.25
    assert view.live.flow.norms[PortRef(FLATTEN, "y")] == 0.5
