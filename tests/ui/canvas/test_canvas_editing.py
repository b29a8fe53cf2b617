"""Moving, selecting and editing by real mouse and key events, each one undo entry."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from netbuilder.document.model import PortRef
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LEFT, LINEAR, LOSS, RELU
from tests.ui.canvas.gestures import CTRL, SHIFT, Key, types, undoes

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
