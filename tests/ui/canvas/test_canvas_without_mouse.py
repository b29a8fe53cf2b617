"""Everything by keys: adding, linking, going through links, the list of ports; and what is offered first."""

from __future__ import annotations

import json
from functools import partial

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from netbuilder.document import edits
from netbuilder.document.model import PortRef
from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.canvas.connections import Loose
from netbuilder.ui.usage import NAME, Usage
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LINEAR, LOSS, RELU
from tests.ui.canvas.gestures import CTRL, SHIFT, Key, types, undoes


@pytest.fixture
def keyed(view, workspace, qtbot):
    """The canvas, with the shapes known."""
    workspace.torch_loaded()
    qtbot.waitUntil(lambda: not workspace.shapes.pending)
    return view


def titles(chooser) -> list[str]:
    return [row.title for row in chooser.rows]


# Space ---------------------------------------------------------------------------------------------------------------


def test_a_tap_on_space_asks_for_a_layer(view, hands, workspace):
    before = workspace.document
    hands.key(Key.Key_Space)
    assert view.quick_add.isVisible()
    hands.type("tanh")
    hands.key(Key.Key_Return)
    assert types(workspace)[-1] == "tanh"
    undoes(workspace, before)


def test_space_held_for_panning_asks_for_nothing(view, hands):
    camera = view.camera
    QTest.keyPress(view, Key.Key_Space)
    hands.drag(hands.at(420, 300), hands.at(420, 300) + QPoint(60, 20))
    QTest.keyRelease(view, Key.Key_Space)
    assert view.camera != camera
    assert not view.quick_add.isVisible()


def test_space_with_another_key_or_without_the_focus_asks_for_nothing(view, hands):
    QTest.keyPress(view, Key.Key_Space)
    QTest.keyClick(view, Key.Key_Right)
    QTest.keyRelease(view, Key.Key_Space)
    assert not view.quick_add.isVisible()


# The list of ports ---------------------------------------------------------------------------------------------------


def test_an_output_is_linked_by_keys(keyed, hands, workspace):
    before = workspace.document
    workspace.select((RELU,))
    keyed.link_keys.from_output()
    ports = keyed.link_keys.ports
    assert titles(ports) == ["Output y", "Input x"]
    assert ports.rows[1].detail == "from linear"
    hands.key(Key.Key_Return)
    assert titles(ports)[0] == "cross_entropy · prediction   CrossEntropyLoss"
    hands.key(Key.Key_Return)
    assert workspace.document.graph.edges[PortRef(LOSS, "prediction")] == PortRef(RELU, "y")
    assert keyed.hasFocus()
    undoes(workspace, before)


def test_an_input_is_linked_by_keys_and_letters(keyed, hands, workspace):
    before = workspace.document
    workspace.select((DROPOUT,))
    keyed.link_keys.into_input()
    ports = keyed.link_keys.ports
    assert titles(ports) == ["Input x", "Output y"]
    hands.key(Key.Key_Return)
    hands.type("rel")
    assert titles(ports)[0] == "relu · y   ReLU"
    hands.key(Key.Key_Return)
    assert workspace.document.graph.edges[PortRef(DROPOUT, "x")] == PortRef(RELU, "y")
    undoes(workspace, before)


def test_a_link_that_is_there_is_removed_in_the_same_list(keyed, hands, workspace):
    before = workspace.document
    workspace.select((RELU,))
    keyed.link_keys.into_input()
    hands.key(Key.Key_Return)
    hands.type("remove")
    assert titles(keyed.link_keys.ports) == ["Remove the link from linear · y"]
    hands.key(Key.Key_Return)
    assert PortRef(RELU, "x") not in workspace.document.graph.edges
    undoes(workspace, before)


def test_a_circle_is_refused_with_its_reason(keyed, hands, workspace):
    before = workspace.document
    workspace.select((RELU,))
    keyed.link_keys.from_output()
    hands.key(Key.Key_Return)
    hands.type("linear")
    (row,) = [row for row in keyed.link_keys.ports.rows if row.title.startswith("linear")]
    assert "would close a circle" in row.refusal
    hands.key(Key.Key_Return)
    assert workspace.document is before
    assert keyed.link_keys.ports.isVisible()
    hands.key(Key.Key_Escape)
    assert not keyed.link_keys.ports.isVisible()


def test_an_input_that_has_a_link_says_which_would_give_way(keyed, hands, workspace):
    workspace.select((DIGITS,))
    keyed.link_keys.from_output()
    assert [row.detail for row in keyed.link_keys.ports.rows] == ["1×8×8   to linear", "to cross_entropy"]
    hands.type("image")
    hands.key(Key.Key_Return)
    hands.type("relu")
    (row,) = [row for row in keyed.link_keys.ports.rows if row.title.startswith("relu")]
    assert row.detail == "in place of linear · y"


def test_a_new_layer_goes_on_from_the_port(keyed, hands, workspace):
    before = workspace.document
    workspace.select((RELU,))
    keyed.link_keys.from_output()
    hands.key(Key.Key_Return)
    hands.type("new layer")
    hands.key(Key.Key_Return)
    assert keyed.quick_add.isVisible()
    hands.type("tanh")
    hands.key(Key.Key_Return)
    (new,) = workspace.selection
    assert workspace.document.graph.edges[PortRef(new, "x")] == PortRef(RELU, "y")
    undoes(workspace, before)


def test_without_one_layer_selected_the_list_says_what_it_needs(keyed, workspace, qtbot):
    workspace.select((RELU, LINEAR))
    with qtbot.waitSignal(workspace.message) as heard:
        keyed.link_keys.from_output()
    assert "Select one layer" in heard.args[0]


# Going through links -------------------------------------------------------------------------------------------------


def test_the_keys_go_through_a_layers_links_and_insert_into_one(keyed, hands, workspace):
    before = workspace.document
    workspace.select((LINEAR,))
    keyed.link_keys.select_next()
    assert workspace.selected_link == PortRef(LINEAR, "x")
    keyed.link_keys.select_next()
    assert workspace.selected_link == PortRef(RELU, "x")
    keyed.link_keys.select_next()
    assert workspace.selected_link == PortRef(LINEAR, "x")
    keyed.link_keys.select_previous()
    assert workspace.selected_link == PortRef(RELU, "x")
    hands.key(Key.Key_Return)
    assert keyed.quick_add.isVisible()
    hands.type("tanh")
    hands.key(Key.Key_Return)
    (new,) = workspace.selection
    edges = workspace.document.graph.edges
    assert edges[PortRef(RELU, "x")] == PortRef(new, "y")
    assert edges[PortRef(new, "x")] == PortRef(LINEAR, "y")
    undoes(workspace, before)


def test_arrows_lead_from_a_link_to_its_ends(keyed, hands, workspace):
    workspace.select_link(PortRef(RELU, "x"))
    hands.key(Key.Key_Right)
    assert workspace.selection == {RELU}
    workspace.select_link(PortRef(RELU, "x"))
    hands.key(Key.Key_Left)
    assert workspace.selection == {LINEAR}


def test_a_selected_link_is_deleted_by_its_key(keyed, hands, workspace):
    before = workspace.document
    workspace.select((RELU,))
    keyed.link_keys.select_next()
    hands.key(Key.Key_Delete)
    assert PortRef(RELU, "x") not in workspace.document.graph.edges
    undoes(workspace, before)


def test_the_menu_key_opens_the_menu_of_the_selected_link(keyed, workspace, monkeypatch):
    shown: list[QMenu] = []
    monkeypatch.setattr(QMenu, "popup", lambda menu, at: shown.append(menu))
    workspace.select_link(PortRef(RELU, "x"))
    QApplication.sendEvent(keyed, QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(3, 3), QPoint(3, 3)))
    assert "Insert a layer…\tIns" in [action.text() for action in shown[0].actions()]


def test_a_layer_moves_and_more_are_selected_by_keys(keyed, hands, workspace):
    before = workspace.document
    workspace.select((LINEAR,))
    hands.key(Key.Key_Right, SHIFT)
    assert workspace.selection == {LINEAR, RELU}
    hands.key(Key.Key_Down, CTRL)
    assert {workspace.document.layout.places[node].y for node in (LINEAR, RELU)} == {8}
    undoes(workspace, before)


# What is offered first -----------------------------------------------------------------------------------------------


def test_a_dropped_link_offers_what_fits_and_anything_when_it_is_typed(keyed, hands, workspace, qtbot):
    before = workspace.document
    hands.drag(hands.port(DIGITS, "image", False), hands.at(420, 420))
    offered = [row.key for row in keyed.quick_add.rows]
    assert "conv2d" in offered
    assert not {"conv1d", "data.digits", "embedding"} & set(offered)
    hands.type("conv")
    rows = keyed.quick_add.rows
    assert [row.detail for row in rows if row.key == "conv2d"] == [""]
    assert [row.detail for row in rows if row.key == "conv1d"] == ["does not fit"]
    assert [row.key for row in rows].index("conv2d") < [row.key for row in rows].index("conv1d")
    keyed.quick_add.field.setText("conv1d")
    keyed.quick_add.field.selectAll()
    hands.key(Key.Key_Return)
    (new,) = workspace.selection
    assert workspace.document.graph.nodes[new].type == "conv1d"
    assert workspace.document.graph.edges[PortRef(new, "x")] == PortRef(DIGITS, "image")
    undoes(workspace, before)


def test_what_was_used_before_comes_first(keyed, hands, workspace):
    def first() -> str:
        keyed.quick_add.ask(keyed.rect().center().toPointF(), Loose.begin(keyed.graph, (PortRef(RELU, "y"),), False))
        row = keyed.quick_add.rows[0]
        keyed.quick_add.close_up()
        return f"{row.key}: {row.detail}"

    assert first() == "conv2d: "
    for _ in range(2):
        loose = Loose.begin(keyed.graph, (PortRef(RELU, "y"),), False)
        keyed.commands.add("dropout", keyed.commands.free_spot(900, 0), loose)
    assert first() == "dropout: often after ReLU"


def test_a_connection_counts_as_use(keyed, workspace):
    keyed.commands.connect(PortRef(DROPOUT, "x"), PortRef(RELU, "y"))
    assert keyed.commands.usage.follows("relu", "dropout") == 1


def test_use_is_remembered_in_plain_json(tmp_path, qapp):
    preferences = Preferences(tmp_path)
    usage = Usage(preferences)
    for _ in range(3):
        usage.note_added("tanh")
        usage.note_followed("linear", "tanh")
    usage.save()
    kept = json.loads((tmp_path / "preferences.json").read_text())["values"][NAME]
    assert kept == {"added": {"tanh": 3}, "followed": {"linear": {"tanh": 3}}}
    again = Usage(Preferences(tmp_path))
    assert again.weight("tanh", "linear") > again.weight("tanh") > again.weight("relu") == 0.0


@pytest.mark.parametrize(
    "kept",
    [
        7,
        "x",
        {"added": [1], "followed": 3},
        {"added": {"a": "b", "c": -1, "d": 10**9}, "followed": {"a": {"b": None}}},
    ],
)
def test_counts_that_are_none_are_left_out(tmp_path, kept, qapp):
    preferences = Preferences(tmp_path)
    preferences.set(NAME, kept)
    assert Usage(preferences).weight("a", "b") == 0.0


def test_the_tables_stay_small(tmp_path, qapp):
    usage = Usage(Preferences(tmp_path))
    for number in range(700):
        usage.note_added(f"type{number}")
        usage.note_followed(f"type{number}", "relu")
    for _ in range(3000):
        usage.note_added("conv2d")
    usage.save()
    kept = Preferences(tmp_path).get(NAME)
    assert len(kept["added"]) <= 300
    assert len(kept["followed"]) <= 300
    assert kept["added"]["conv2d"] < 1000


def test_a_name_typed_in_full_comes_first_and_what_feeds_the_layer_already_last(keyed, hands, workspace):
    for node, name in ((RELU, "relu_2"), (DROPOUT, "relu")):  # the one that is meant is the farther one
        workspace.edit("Rename", partial(edits.rename, node=node, label=name))
    workspace.select((RELU,))
    keyed.link_keys.into_input()
    hands.key(Key.Key_Return)
    ends = [title.partition(" ")[0] for title in titles(keyed.link_keys.ports)]
    assert ends.index("digits") < ends.index("relu")
    hands.key(Key.Key_Escape)
    workspace.select((LOSS,))
    keyed.link_keys.into_input()
    hands.key(Key.Key_Return)
    ends = [title.partition(" ")[0] for title in titles(keyed.link_keys.ports)]
    assert ends.index("digits") > ends.index("relu")  # its labels feed the loss
    hands.type("relu")
    assert titles(keyed.link_keys.ports)[0].startswith("relu ·")
