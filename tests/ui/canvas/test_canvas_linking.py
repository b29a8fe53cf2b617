"""Linking nodes by real mouse events, each one undo entry."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from netbuilder.document.model import PortRef
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LEFT, LINEAR, LOSS, RELU
from tests.ui.canvas.gestures import Key, undoes


def test_dragging_from_output_to_input_connects(hands, workspace):
    before = workspace.document
    hands.drag(hands.port(RELU, "y", False), hands.port(LOSS, "prediction", True))
    assert workspace.document.graph.edges[PortRef(LOSS, "prediction")] == PortRef(RELU, "y")
    undoes(workspace, before)


def test_dragging_from_input_to_output_connects_too(hands, workspace):
    hands.drag(hands.port(LOSS, "prediction", True), hands.port(RELU, "y", False))
    assert workspace.document.graph.edges[PortRef(LOSS, "prediction")] == PortRef(RELU, "y")


def test_a_link_jumps_to_a_port_within_the_snap_radius(hands, workspace):
    hands.drag(hands.port(RELU, "y", False), hands.port(LOSS, "prediction", True) + QPoint(-15, -12))
    assert workspace.document.graph.edges[PortRef(LOSS, "prediction")] == PortRef(RELU, "y")


def test_a_link_dropped_on_a_body_takes_the_free_port(hands, workspace):
    hands.drag(hands.port(RELU, "y", False), hands.header(LOSS))
    assert workspace.document.graph.edges[PortRef(LOSS, "prediction")] == PortRef(RELU, "y")


def test_a_link_that_would_close_a_circle_is_refused_with_its_reason(hands, workspace, qtbot):
    before = workspace.document
    with qtbot.waitSignal(workspace.message) as heard:
        hands.drag(hands.port(RELU, "y", False), hands.header(LINEAR))
    assert "circle" in heard.args[0]
    assert workspace.document is before


def test_a_node_cannot_feed_itself(hands, workspace):
    before = workspace.document
    hands.drag(hands.port(DROPOUT, "y", False), hands.port(DROPOUT, "x", True))
    assert workspace.document is before


def test_pulling_a_link_off_removes_it(hands, workspace):
    before = workspace.document
    hands.drag(hands.port(RELU, "x", True), hands.at(330, 200))
    assert PortRef(RELU, "x") not in workspace.document.graph.edges
    undoes(workspace, before)


def test_a_link_is_led_to_another_input_in_one_step(hands, workspace):
    before = workspace.document
    hands.drag(hands.port(RELU, "x", True), hands.port(DROPOUT, "x", True))
    edges = workspace.document.graph.edges
    assert PortRef(RELU, "x") not in edges
    assert edges[PortRef(DROPOUT, "x")] == PortRef(LINEAR, "y")
    undoes(workspace, before)


def test_a_link_put_back_where_it_was_changes_nothing(hands, workspace):
    before = workspace.document
    hands.drag(hands.port(RELU, "x", True), hands.port(RELU, "x", True) + QPoint(-9, 6))
    assert workspace.document is before


def test_a_link_dropped_on_nothing_offers_layers_that_take_it(view, hands, workspace):
    before = workspace.document
    hands.drag(hands.port(RELU, "y", False), hands.at(560, 300))
    assert view.quick_add.isVisible()
    offered = {view.quick_add.list.item(row).text() for row in range(view.quick_add.list.count())}
    assert "Linear" in offered
    assert "Digits" not in offered
    hands.type("softmax")
    hands.key(Key.Key_Return)
    (new,) = workspace.selection
    assert workspace.document.graph.edges[PortRef(new, "x")] == PortRef(RELU, "y")
    undoes(workspace, before)


def test_a_link_dropped_on_nothing_from_an_input_offers_what_can_feed_it(view, hands, workspace):
    hands.drag(hands.port(LOSS, "prediction", True), hands.at(560, 300))
    hands.type("linear")
    hands.key(Key.Key_Return)
    (new,) = workspace.selection
    assert workspace.document.graph.edges[PortRef(LOSS, "prediction")] == PortRef(new, "y")


def test_escape_cancels_a_link(view, hands, workspace):
    before = workspace.document
    hands.drag(hands.port(RELU, "y", False), hands.port(LOSS, "prediction", True), release=False)
    assert view.hand.gesture is not None
    hands.key(Key.Key_Escape)
    assert view.hand.gesture is None
    QTest.mouseRelease(view, LEFT, Qt.KeyboardModifier.NoModifier, hands.port(LOSS, "prediction", True))
    assert workspace.document is before


def test_while_a_link_is_drawn_nodes_that_cannot_take_it_step_back(view, hands):
    hands.drag(hands.port(RELU, "y", False), hands.at(560, 300), release=False)
    assert view.faded() == {DIGITS, LINEAR}  # no inputs; and a circle
    hands.key(Key.Key_Escape)
    assert view.faded() == frozenset()
