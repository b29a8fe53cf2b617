"""Links in numbers: cut, led elsewhere all at once, removed at a port; nodes bypassed, and dropped into links."""

from __future__ import annotations

from functools import partial

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from netbuilder.compiler import meta
from netbuilder.document import edits
from netbuilder.document.model import PortRef
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LINEAR, LOSS, RELU
from tests.ui.canvas.gestures import ALT, CTRL, SHIFT, Key, undoes

RIGHT = Qt.MouseButton.RightButton
PREDICTION = PortRef(LOSS, "prediction")


def links(workspace) -> dict[PortRef, PortRef]:
    return dict(workspace.document.graph.edges)


@pytest.fixture
def settled(view, workspace, qtbot):
    """The network with its prediction linked, and its shapes known."""
    workspace.edit("Connect", partial(edits.connect, target=PREDICTION, source=PortRef(RELU, "y")))
    workspace.edit("Insert", partial(edits.insert_layer, node=LINEAR, port="x", type="flatten", parameters={}))
    meta.warm_up()
    workspace.torch_loaded()
    qtbot.waitUntil(lambda: not workspace.shapes.pending)
    return workspace


def between(hands, one: str, other: str) -> QPoint:
    """Return the middle of the gap between two nodes, at the height of their first ports."""
    left, right = hands.view.node_rect(one), hands.view.node_rect(other)
    return QPoint(round((left.right() + right.left()) / 2), round(left.top() + 44))


# The knife -----------------------------------------------------------------------------------------------------------


def test_the_knife_removes_the_links_that_it_crosses(hands, workspace):
    before = workspace.document
    middle = between(hands, DIGITS, LINEAR)
    hands.drag(middle - QPoint(0, 60), middle + QPoint(0, 120), RIGHT, CTRL)
    assert links(workspace) == {PortRef(RELU, "x"): PortRef(LINEAR, "y")}
    assert workspace.history.undo_title == "Remove 2 links"
    undoes(workspace, before)


def test_a_fast_knife_crosses_what_lies_between_two_events(hands, workspace):
    middle = between(hands, LINEAR, RELU)
    QTest.mousePress(hands.view, RIGHT, CTRL, middle - QPoint(0, 40))
    QTest.mouseRelease(hands.view, RIGHT, CTRL, middle + QPoint(0, 10))
    assert PortRef(RELU, "x") not in links(workspace)


def test_links_are_marked_while_the_knife_is_drawn_and_escape_leaves_them(hands, workspace, view):
    before, middle = workspace.document, between(hands, LINEAR, RELU)
    hands.drag(middle - QPoint(0, 40), middle + QPoint(0, 10), RIGHT, CTRL, release=False)
    assert PortRef(RELU, "x") in view.marks().wrong
    hands.key(Key.Key_Escape)
    QTest.mouseRelease(view, RIGHT, CTRL, middle)
    assert workspace.document == before
    assert PortRef(RELU, "x") not in view.marks().wrong


def test_no_menu_opens_for_the_knife(hands, view):
    at = between(hands, LINEAR, RELU)
    QTest.mousePress(view, RIGHT, CTRL, at)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, view.mapToGlobal(at), CTRL)
    QApplication.sendEvent(view, event)
    assert not view.findChildren(QMenu)
    assert view.hand.gesture is not None
    QTest.mouseRelease(view, RIGHT, CTRL, at)


def test_y_held_makes_a_knife_of_the_left_button(hands, workspace, view):
    middle = between(hands, LINEAR, RELU)
    QTest.keyPress(view, Key.Key_Y)
    hands.drag(middle - QPoint(0, 40), middle + QPoint(0, 10))
    QTest.keyRelease(view, Key.Key_Y)
    assert PortRef(RELU, "x") not in links(workspace)
    before = links(workspace)
    hands.drag(middle - QPoint(0, 40), middle + QPoint(0, 10))
    assert links(workspace) == before, "released, the left button draws a box again"


# Ports ---------------------------------------------------------------------------------------------------------------


def test_ctrl_leads_all_links_of_an_output_to_another(hands, workspace):
    workspace.edit("Connect", partial(edits.connect, target=PREDICTION, source=PortRef(LINEAR, "y")))
    before = workspace.document
    hands.drag(hands.port(LINEAR, "y", False), hands.port(DROPOUT, "y", False), modifiers=CTRL)
    assert links(workspace)[PREDICTION] == links(workspace)[PortRef(RELU, "x")] == PortRef(DROPOUT, "y")
    undoes(workspace, before)


def test_ctrl_on_an_output_without_links_draws_one(hands, workspace):
    hands.drag(hands.port(RELU, "y", False), hands.port(LOSS, "prediction", True), modifiers=CTRL)
    assert links(workspace)[PREDICTION] == PortRef(RELU, "y")


def test_links_that_are_led_and_dropped_on_nothing_stay(hands, workspace):
    before = workspace.document
    hands.drag(hands.port(LINEAR, "y", False), QPoint(500, 600), modifiers=CTRL)
    assert workspace.document == before


def test_links_cannot_be_led_to_what_they_lead_to(hands, workspace):
    before = workspace.document
    hands.drag(hands.port(LINEAR, "y", False), hands.port(RELU, "y", False), modifiers=CTRL)
    assert workspace.document == before


@pytest.mark.parametrize(("node", "port", "is_input", "gone"), [(DIGITS, "image", False, 1), (RELU, "x", True, 1)])
def test_alt_click_removes_all_links_of_a_port(hands, workspace, node, port, is_input, gone):
    before = workspace.document
    hands.click(hands.port(node, port, is_input), ALT)
    assert len(links(workspace)) == len(before.graph.edges) - gone
    undoes(workspace, before)


def test_a_link_being_drawn_says_what_would_arrive(hands, settled, view):
    hands.drag(hands.port(LINEAR, "y", False), hands.port(DROPOUT, "x", True), release=False)
    assert view.hand.gesture._words() == ("N × 64 · float32 → x", "accent")
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(500, 600))
    view.quick_add.close_up()
    hands.drag(hands.port(LINEAR, "y", False), hands.port(LOSS, "target", True), release=False)
    words, token = view.hand.gesture._words()
    assert token == "validation"
    assert words
    hands.key(Key.Key_Escape)


# Bypassing -----------------------------------------------------------------------------------------------------------


def test_a_bypassed_node_is_as_if_it_were_not_there(hands, settled, view, qtbot):
    settled.select((RELU,))
    before = settled.document
    view.selected.bypass()
    assert settled.document.graph.nodes[RELU].bypassed
    assert view.content.faces[RELU].bypassed
    assert settled.history.undo_title == "Bypass ReLU"
    undoes(settled, before)
    qtbot.waitUntil(lambda: not settled.shapes.pending)
    assert str(settled.sight.types[PortRef(RELU, "y")]) == "N × 64"
    assert RELU not in settled.costs.nodes
    view.selected.bypass()
    assert settled.history.undo_title == "Use ReLU again"
    assert not settled.document.graph.nodes[RELU].bypassed


def test_what_follows_could_not_do_without_is_not_bypassed(settled, view, qtbot):
    (flatten,) = (id for id, node in settled.document.graph.nodes.items() if node.type == "flatten")
    settled.select((flatten,))
    before = settled.document
    with qtbot.waitSignal(settled.message) as told:
        view.selected.bypass()
    assert told.args[0] == "flatten makes N × 64 of N × 1 × 8 × 8: what follows could not do without it"
    assert settled.document == before


@pytest.mark.parametrize(("node", "why"), [(DIGITS, "digits has no input"), (LOSS, "cross_entropy has no output")])
def test_nodes_with_nothing_to_hand_on_are_not_bypassed(settled, view, qtbot, node, why):
    settled.select((node,))
    with qtbot.waitSignal(settled.message) as told:
        view.selected.bypass()
    assert told.args[0].startswith(why)
    assert not settled.document.graph.nodes[node].bypassed


def test_of_several_nodes_those_that_can_are_bypassed(settled, view):
    settled.select((DIGITS, RELU, DROPOUT))
    view.selected.bypass()
    assert {id for id, node in settled.document.graph.nodes.items() if node.bypassed} == {RELU, DROPOUT}


# Dropping into links -------------------------------------------------------------------------------------------------


def test_a_node_dropped_into_a_link_moves_what_follows_aside(hands, workspace, view):
    before = workspace.document
    rect = view.node_rect(DROPOUT)
    hands.drag(hands.header(DROPOUT), between(hands, LINEAR, RELU))
    places = workspace.document.layout.places
    assert links(workspace)[PortRef(DROPOUT, "x")] == PortRef(LINEAR, "y")
    assert links(workspace)[PortRef(RELU, "x")] == PortRef(DROPOUT, "y")
    width = view.content.arrays.rect(DROPOUT)[2]
    assert places[RELU].x >= places[DROPOUT].x + width
    assert places[DIGITS] == before.layout.places[DIGITS]
    assert rect.width() > 0
    undoes(workspace, before)


def test_alt_during_the_drag_lets_a_node_lie_on_a_link(hands, workspace):
    start, end = hands.header(DROPOUT), between(hands, LINEAR, RELU)
    hands.drag(start, end, release=False)
    from tests.ui.canvas.conftest import move_pointer

    move_pointer(hands.view, end, Qt.MouseButton.LeftButton, ALT)
    QTest.mouseRelease(hands.view, Qt.MouseButton.LeftButton, ALT, end)
    assert PortRef(DROPOUT, "x") not in links(workspace)


# Copies --------------------------------------------------------------------------------------------------------------


def test_alt_and_a_drag_leave_the_node_and_move_a_copy(hands, workspace, view):
    before = workspace.document
    start = hands.header(RELU)
    hands.drag(start, start + QPoint(40, 160), modifiers=ALT)
    (copy,) = workspace.document.graph.nodes.keys() - before.graph.nodes.keys()
    places = workspace.document.layout.places
    assert places[RELU] == before.layout.places[RELU]
    assert places[copy].y > places[RELU].y
    assert workspace.selection == {copy}
    assert view.content.arrays.rect(RELU)[:2] == tuple(before.layout.places[RELU])
    undoes(workspace, before)


def test_a_copy_that_is_cancelled_leaves_nothing(hands, workspace, view):
    before, start = workspace.document, hands.header(RELU)
    hands.drag(start, start + QPoint(40, 160), modifiers=ALT, release=False)
    hands.key(Key.Key_Escape)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, ALT, start)
    assert workspace.document == before
    assert view.content.arrays.rect(RELU)[:2] == tuple(before.layout.places[RELU])


def test_duplicates_and_pasted_nodes_can_keep_their_inputs(workspace, view):
    workspace.select((RELU,))
    view.selected.duplicate_with_inputs()
    (copy,) = workspace.selection
    assert links(workspace)[PortRef(copy, "x")] == PortRef(LINEAR, "y")
    view.selected.copy()
    view.selected.paste_with_inputs()
    (pasted,) = workspace.selection
    assert pasted != copy
    assert links(workspace)[PortRef(pasted, "x")] == PortRef(LINEAR, "y")
    view.selected.paste()
    (alone,) = workspace.selection
    assert PortRef(alone, "x") not in links(workspace)


def test_shift_and_drag_still_add_to_the_selection(hands, workspace):
    workspace.select((RELU,))
    hands.click(hands.header(LINEAR), SHIFT)
    assert workspace.selection == {RELU, LINEAR}
