"""Every gesture by real mouse and key events, each one undo entry, each undone."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from netbuilder.document.model import PortRef
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LEFT, LINEAR, LOSS, MIDDLE, RELU

CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
Key = Qt.Key


def undoes(workspace, before) -> None:
    """One undo gives the document of before, and redo the one of after."""
    after = workspace.document
    assert after != before
    workspace.undo()
    assert workspace.document == before
    workspace.redo()
    assert workspace.document == after


def types(workspace) -> list[str]:
    return [node.type for node in workspace.document.graph.nodes.values()]


# Adding -------------------------------------------------------------------------------------------------------------


def test_a_layer_dropped_on_empty_canvas_lies_where_it_was_dropped(view, hands, workspace):
    before = workspace.document
    at = hands.at(420, 300)
    assert hands.drop("conv2d", at)
    (new,) = workspace.selection
    assert workspace.document.graph.nodes[new].type == "conv2d"
    assert hands.header(new).x() == pytest.approx(at.x(), abs=2)
    assert view.node_rect(new).contains(QPointF(at))
    assert workspace.history.undo_title == "Add Conv2d"
    undoes(workspace, before)


def test_a_dropped_data_source_brings_its_schema(hands, workspace):
    hands.drop("data.iris", hands.at(420, 300))
    (new,) = workspace.selection
    assert [field.name for field in workspace.document.schemas[new].fields] == ["features", "label"]


def test_a_data_source_without_a_file_yet_is_added_and_says_what_it_lacks(hands, workspace, qtbot):
    with qtbot.waitSignal(workspace.message) as heard:
        hands.drop("data.table", hands.at(420, 300))
    assert "file" in heard.args[0]
    assert "data.table" in types(workspace)


def test_a_layer_dropped_on_a_link_goes_into_it(view, hands, workspace):
    before = workspace.document
    start, end = (view.port_point(LINEAR, "y", False), view.port_point(RELU, "x", True))
    hands.drop("tanh", ((start + end) / 2).toPoint())
    (new,) = workspace.selection
    edges = workspace.document.graph.edges
    assert edges[PortRef(RELU, "x")] == PortRef(new, "y")
    assert edges[PortRef(new, "x")] == PortRef(LINEAR, "y")
    undoes(workspace, before)


def test_a_loss_ends_a_network_and_so_goes_into_no_link(view, hands, workspace):
    edges = workspace.document.graph.edges
    start, end = (view.port_point(LINEAR, "y", False), view.port_point(RELU, "x", True))
    hands.drop("mse_loss", ((start + end) / 2).toPoint())
    assert "mse_loss" in types(workspace)
    assert workspace.document.graph.edges == edges


def test_alt_keeps_a_dropped_layer_out_of_the_link(view, hands, workspace):
    edges = workspace.document.graph.edges
    start, end = (view.port_point(LINEAR, "y", False), view.port_point(RELU, "x", True))
    hands.drop("tanh", ((start + end) / 2).toPoint(), ALT)
    assert "tanh" in types(workspace)
    assert workspace.document.graph.edges == edges


def test_an_unknown_key_is_not_taken(hands, workspace):
    before = workspace.document
    assert not hands.drop("no_such_layer", hands.at(420, 300))
    assert workspace.document is before


def test_tab_and_some_letters_add_a_layer(view, hands, workspace):
    before = workspace.document
    hands.key(Key.Key_Tab)
    assert view.quick_add.isVisible()
    hands.type("maxpool2")
    hands.key(Key.Key_Return)
    assert not view.quick_add.isVisible()
    assert types(workspace)[-1] == "max_pool2d"
    assert view.hasFocus()
    undoes(workspace, before)


def test_a_network_is_built_from_the_keyboard_alone(view, hands, workspace):
    workspace.new()
    for word in ("digits", "flatten", "linear", "relu", "linear", "crossentropy"):
        hands.key(Key.Key_Tab)
        hands.type(word)
        hands.key(Key.Key_Return)
    graph = workspace.document.graph
    nodes = list(graph.nodes)
    sources = [[source.node for target, source in graph.edges.items() if target.node == node] for node in nodes]
    assert sources == [[], *([node] for node in nodes[:-1])]
    places = [view.content.arrays.rect(node) for node in nodes]
    assert [x for x, *_ in places] == sorted({x for x, *_ in places})
    assert len({y for _, y, *_ in places}) == 1


def test_a_layer_that_cannot_go_on_from_the_selected_one_stands_alone(view, hands, workspace):
    workspace.new()
    for word in ("digits", "spiral"):
        hands.key(Key.Key_Tab)
        hands.type(word)
        hands.key(Key.Key_Return)
    assert types(workspace) == ["data.digits", "data.spiral"]
    assert not workspace.document.graph.edges


def test_double_click_on_nothing_asks_for_a_layer_and_escape_leaves(view, hands, workspace):
    before = workspace.document
    QTest.mouseDClick(view, LEFT, Qt.KeyboardModifier.NoModifier, hands.at(500, 320))
    assert view.quick_add.isVisible()
    hands.key(Key.Key_Escape)
    assert not view.quick_add.isVisible()
    assert workspace.document is before


def test_a_search_for_nothing_known_adds_nothing(view, hands, workspace):
    before = workspace.document
    hands.key(Key.Key_Tab)
    hands.type("qqqqqq")
    hands.key(Key.Key_Return)
    assert workspace.document is before
    assert view.quick_add.list.count() == 0


def test_add_finds_a_free_spot(view, workspace):
    for _ in range(4):
        view.add("relu")
    rects = [view.node_rect(node) for node in workspace.document.graph.nodes]
    for index, one in enumerate(rects):
        assert not any(one.intersects(other) for other in rects[index + 1 :])


# Connecting ---------------------------------------------------------------------------------------------------------


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
    assert view.gesture is not None
    hands.key(Key.Key_Escape)
    assert view.gesture is None
    QTest.mouseRelease(view, LEFT, Qt.KeyboardModifier.NoModifier, hands.port(LOSS, "prediction", True))
    assert workspace.document is before


def test_while_a_link_is_drawn_nodes_that_cannot_take_it_step_back(view, hands):
    hands.drag(hands.port(RELU, "y", False), hands.at(560, 300), release=False)
    assert view.faded() == {DIGITS, LINEAR}  # no inputs; and a circle
    hands.key(Key.Key_Escape)
    assert view.faded() == frozenset()


# Moving and selecting -----------------------------------------------------------------------------------------------


def test_moving_is_one_entry(view, hands, workspace):
    before = workspace.document
    hands.drag(hands.header(DROPOUT), hands.header(DROPOUT) + QPoint(60, 40))
    place = workspace.document.layout.places[DROPOUT]
    assert (place.x, place.y) == (pytest.approx(260, abs=6), pytest.approx(300, abs=6))
    assert workspace.history.undo_title == "Move Dropout"
    undoes(workspace, before)
    assert view.content.arrays.rect(DROPOUT)[:2] == tuple(place)


def test_the_document_learns_of_a_move_only_at_release_and_escape_puts_back(view, hands, workspace):
    before = workspace.document
    hands.drag(hands.header(DROPOUT), hands.header(DROPOUT) + QPoint(60, 40), release=False)
    assert workspace.document is before
    assert view.content.arrays.rect(DROPOUT)[:2] != (200, 260)
    hands.key(Key.Key_Escape)
    assert view.content.arrays.rect(DROPOUT)[:2] == (200, 260)
    QTest.mouseRelease(view, LEFT)
    assert workspace.document is before


def test_a_selection_moves_together(hands, workspace):
    hands.click(hands.header(LINEAR))
    hands.click(hands.header(RELU), CTRL)
    old = workspace.document.layout.places
    hands.drag(hands.header(RELU), hands.header(RELU) + QPoint(0, 80))
    new = workspace.document.layout.places
    assert new[LINEAR].y - old[LINEAR].y == new[RELU].y - old[RELU].y == pytest.approx(80, abs=6)
    assert new[DIGITS] == old[DIGITS]


def test_an_unlinked_node_dropped_on_a_link_goes_into_it(view, hands, workspace):
    before = workspace.document
    start, end = (view.port_point(LINEAR, "y", False), view.port_point(RELU, "x", True))
    hands.drag(hands.header(DROPOUT), ((start + end) / 2).toPoint())
    edges = workspace.document.graph.edges
    assert edges[PortRef(RELU, "x")] == PortRef(DROPOUT, "y")
    assert edges[PortRef(DROPOUT, "x")] == PortRef(LINEAR, "y")
    undoes(workspace, before)


def test_click_selects_ctrl_toggles_shift_adds_and_a_click_on_nothing_clears(hands, workspace):
    hands.click(hands.header(LINEAR))
    assert workspace.selection == {LINEAR}
    hands.click(hands.header(RELU), SHIFT)
    assert workspace.selection == {LINEAR, RELU}
    hands.click(hands.header(LINEAR), CTRL)
    assert workspace.selection == {RELU}
    hands.click(hands.at(500, 320))
    assert workspace.selection == frozenset()


def test_a_rectangle_selects_what_it_touches(view, hands, workspace):
    hands.drag(hands.at(180, -30), hands.at(560, 120), release=False)
    assert view.selection == {LINEAR, RELU}
    assert workspace.selection == frozenset()
    QTest.mouseRelease(view, LEFT, Qt.KeyboardModifier.NoModifier, hands.at(560, 120))
    assert workspace.selection == {LINEAR, RELU}
    hands.drag(hands.at(180, 240), hands.at(360, 380), modifiers=SHIFT)
    assert workspace.selection == {LINEAR, RELU, DROPOUT}
    hands.drag(hands.at(180, 240), hands.at(360, 380), modifiers=CTRL)
    assert workspace.selection == {LINEAR, RELU}


def test_escape_cancels_a_rectangle(view, hands, workspace):
    hands.drag(hands.at(180, -30), hands.at(560, 120), release=False)
    hands.key(Key.Key_Escape)
    assert view.selection == frozenset()
    QTest.mouseRelease(view, LEFT)
    assert workspace.selection == frozenset()


def test_ctrl_a_selects_everything_and_escape_nothing(hands, workspace):
    hands.key(Key.Key_A, CTRL)
    assert len(workspace.selection) == 5
    hands.key(Key.Key_Escape)
    assert workspace.selection == frozenset()


# Editing ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [Key.Key_Delete, Key.Key_Backspace])
def test_delete(hands, workspace, key):
    hands.click(hands.header(RELU))
    before = workspace.document
    hands.key(key)
    assert RELU not in workspace.document.graph.nodes
    assert workspace.selection == frozenset()
    undoes(workspace, before)


def test_ctrl_delete_heals(hands, workspace):
    hands.drag(hands.port(RELU, "y", False), hands.port(LOSS, "prediction", True))
    hands.click(hands.header(RELU))
    hands.key(Key.Key_Delete, CTRL)
    assert workspace.document.graph.edges[PortRef(LOSS, "prediction")] == PortRef(LINEAR, "y")


def test_a_clicked_link_is_deleted(view, hands, workspace):
    before = workspace.document
    start, end = (view.port_point(LINEAR, "y", False), view.port_point(RELU, "x", True))
    hands.click(((start + end) / 2).toPoint())
    assert view.selected_link == PortRef(RELU, "x")
    hands.key(Key.Key_Delete)
    assert PortRef(RELU, "x") not in workspace.document.graph.edges
    undoes(workspace, before)


def test_duplicate_copy_and_paste(view, hands, workspace):
    hands.click(hands.header(LINEAR))
    hands.click(hands.header(RELU), CTRL)
    before = workspace.document
    hands.key(Key.Key_D, CTRL)
    assert len(workspace.document.graph.nodes) == 7
    assert len(workspace.selection) == 2
    assert not workspace.selection & {LINEAR, RELU}
    undoes(workspace, before)
    workspace.select((LINEAR, RELU))
    hands.key(Key.Key_C, CTRL)
    assert QApplication.clipboard().text().startswith("{")
    hands.key(Key.Key_V, CTRL)
    pasted = workspace.document.graph
    assert len(pasted.nodes) == 9
    inner = [t for t, s in pasted.edges.items() if {t.node, s.node} <= workspace.selection]
    assert len(inner) == 1


def test_cut_and_paste_bring_the_same_back(hands, workspace):
    hands.click(hands.header(DROPOUT))
    hands.key(Key.Key_X, CTRL)
    assert "dropout" not in types(workspace)
    hands.key(Key.Key_V, CTRL)
    assert "dropout" in types(workspace)


def test_pasting_other_text_says_so_and_changes_nothing(hands, workspace, qtbot):
    QApplication.clipboard().setText("hello")
    before = workspace.document
    with qtbot.waitSignal(workspace.message) as heard:
        hands.key(Key.Key_V, CTRL)
    assert "no layers" in heard.args[0]
    assert workspace.document is before


def test_f2_renames(view, hands, workspace):
    hands.click(hands.header(LINEAR))
    before = workspace.document
    hands.key(Key.Key_F2)
    field = QApplication.focusWidget()
    assert isinstance(field, QLineEdit)
    field.selectAll()
    hands.type("head")
    hands.key(Key.Key_Return)
    assert workspace.document.graph.nodes[LINEAR].label == "head"
    assert view.content.faces[LINEAR].label == "head"
    assert view.hasFocus()
    undoes(workspace, before)


def test_double_click_on_a_title_renames_and_escape_leaves_it(view, hands, workspace):
    before = workspace.document
    QTest.mouseDClick(view, LEFT, Qt.KeyboardModifier.NoModifier, hands.header(RELU))
    assert view.label_editor.isVisible()
    hands.type("other")
    hands.key(Key.Key_Escape)
    assert not view.label_editor.isVisible()
    assert workspace.document is before


def test_arrange_is_one_entry_and_covers_nothing(view, hands, workspace):
    before = workspace.document
    hands.key(Key.Key_L, CTRL)
    rects = [view.node_rect(node) for node in workspace.document.graph.nodes]
    for index, one in enumerate(rects):
        assert not any(one.intersects(other) for other in rects[index + 1 :])
    undoes(workspace, before)


def test_arrows_walk_and_ctrl_arrows_nudge_in_one_entry(hands, workspace):
    hands.click(hands.header(LINEAR))
    hands.key(Key.Key_Right)
    assert workspace.selection == {RELU}
    hands.key(Key.Key_Left)
    hands.key(Key.Key_Left)
    assert workspace.selection == {DIGITS}
    hands.click(hands.header(DROPOUT))
    before = workspace.document
    for _ in range(3):
        hands.key(Key.Key_Right, CTRL)
    assert workspace.document.layout.places[DROPOUT] == (224, 260)
    undoes(workspace, before)


# The view -----------------------------------------------------------------------------------------------------------


def wheel(view, at: QPointF, degrees: int, modifiers=Qt.KeyboardModifier.NoModifier, pixels=None) -> None:
    event = QWheelEvent(
        at,
        view.mapToGlobal(at),
        pixels or QPoint(),
        QPoint(0, degrees),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.ScrollUpdate if pixels else Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def test_the_wheel_zooms_about_the_pointer(view, qtbot):
    at = QPointF(300, 200)
    under = view.camera.to_scene(at)
    with qtbot.waitSignal(view.zoomChanged) as heard:
        wheel(view, at, 120)
    assert heard.args[0] == view.camera.zoom
    assert view.camera.to_scene(at).x() == pytest.approx(under.x())
    assert view.camera.to_scene(at).y() == pytest.approx(under.y())
    zoom = view.camera.zoom
    wheel(view, at, -120, Qt.KeyboardModifier.ControlModifier)
    assert view.camera.zoom < zoom


def test_a_trackpad_pans(view):
    before = view.camera
    wheel(view, QPointF(300, 200), 40, pixels=QPoint(10, 25))
    assert view.camera.zoom == before.zoom
    assert view.camera.x == pytest.approx(before.x - 10 / before.zoom)
    assert view.camera.y == pytest.approx(before.y - 25 / before.zoom)


def test_the_middle_button_and_space_pan(view, hands, workspace):
    before = view.camera
    hands.drag(QPoint(500, 500), QPoint(560, 540), button=MIDDLE)
    assert view.camera.x == pytest.approx(before.x - 60 / before.zoom)
    QTest.keyPress(view, Key.Key_Space)
    hands.drag(hands.header(LINEAR), hands.header(LINEAR) + QPoint(-60, -40))
    QTest.keyRelease(view, Key.Key_Space)
    assert view.camera.x == pytest.approx(before.x, abs=1)
    assert workspace.selection == frozenset()


def test_home_fits_all_f_the_selection_and_ctrl_0_is_true_size(view, hands):
    view.zoom_to(3.0)
    hands.key(Key.Key_Home)
    area = view.rect()
    for node in view.graph.nodes:
        assert area.contains(view.node_rect(node).toRect())
    hands.click(hands.header(DROPOUT))
    hands.key(Key.Key_F)
    assert view.node_rect(DROPOUT).center().x() == pytest.approx(view.width() / 2, abs=1)
    hands.key(Key.Key_0, CTRL)
    assert view.camera.zoom == 1.0


def test_a_drag_at_the_border_moves_the_view(view, hands, qtbot):
    before = view.camera.x
    hands.drag(hands.header(DROPOUT), QPoint(view.width() - 3, 300), release=False)
    qtbot.waitUntil(lambda: view.camera.x > before + 50)
    place = view.content.arrays.rect(DROPOUT)
    assert place[0] > 200
    hands.key(Key.Key_Escape)


def test_the_minimap_moves_the_view(view, qtbot):
    qtbot.waitUntil(view.minimap.isVisible)
    before = view.camera
    QTest.mouseClick(view.minimap, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(12, 12))
    assert view.camera.zoom == before.zoom
    assert (view.camera.x, view.camera.y) != (before.x, before.y)


def test_pinch_zooms(view, qtbot):
    from PySide6.QtGui import QNativeGestureEvent, QPointingDevice

    at = QPointF(300, 200)
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture,
        QPointingDevice.primaryPointingDevice(),
        2,
        at,
        at,
        view.mapToGlobal(at),
        0.25,
        QPointF(),
    )
    zoom = view.camera.zoom
    QApplication.sendEvent(view, event)
    assert view.camera.zoom == pytest.approx(zoom * 1.25)


def test_hovering_a_link_lights_it_up(view, hands):
    start, end = (view.port_point(LINEAR, "y", False), view.port_point(RELU, "x", True))
    at = (start + end) / 2
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        at,
        view.mapToGlobal(at),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(view, event)
    assert view.hovered_link == PortRef(RELU, "x")
