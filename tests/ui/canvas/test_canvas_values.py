"""Values on the cards by real mouse and key events: clicked, typed, scrubbed, set in several nodes at once."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel

from netbuilder.document import edits
from netbuilder.document.blocks import plain_parameter
from netbuilder.foundation.brief import Span, spans
from netbuilder.foundation.parameter import Kind, Parameter
from netbuilder.project import declarations
from netbuilder.ui.actions import Actions
from netbuilder.ui.canvas import menus, tips
from netbuilder.ui.canvas.scrubbing import Track
from netbuilder.ui.field_menu import FieldMenu
from tests.ui.canvas.conftest import DROPOUT, LEFT, LINEAR, NONE, RELU, add, move_pointer, small_network
from tests.ui.canvas.gestures import ALT, CTRL, SHIFT, Key, undoes

POPUPS = pytest.mark.qt_log_ignore("This plugin does not support")
CONV, OTHER, MOONS = "n00000006", "n00000007", "n00000008"


@pytest.fixture
def network(workspace, view):
    """The small network, and below it two convolutions and a made-up data set."""
    document = add(small_network(), CONV, "conv2d", 400, 260)
    document = add(document, OTHER, "conv2d", 600, 260)
    workspace.open_unsaved(add(document, MOONS, "data.moons", 0, 260))
    view.zoom_to(1.0)
    view.fit_all()
    view.zoom_to(1.0)
    return workspace


def spot(view, node: str, name: str) -> QPoint:
    return view.values.rect(view.values.find(node, name)).center().toPoint()


def setting(workspace, node: str, name: str):
    return workspace.document.scope(workspace.scope).nodes[node].parameters[name]


def editor(view):
    return view.values.editor


def is_open(view) -> bool:
    return editor(view) is not None and editor(view).isVisible() and editor(view).value is not None


# Where they are -----------------------------------------------------------------------------------------------------


def test_each_brief_in_pieces_is_the_brief_itself():
    for key, declaration in declarations().items():
        brief, values = getattr(declaration, "brief", None), declaration.defaults()
        if brief is None:
            continue
        pieces = spans(brief, values)
        assert "".join(piece.text for piece in pieces) == brief(values), key
        assert {piece.parameter for piece in pieces} <= {"", *values}, key
        words = "".join(piece.text for piece in pieces if not piece.parameter)
        # What every digit on a card says can be changed there; those of bundled data say how much of it there is.
        assert key in BUNDLED or not any(letter.isdigit() for letter in words), (key, words)


BUNDLED = {"data.digits", "data.iris", "data.wine", "data.breast_cancer", "data.diabetes"}


def test_pieces_name_what_they_show():
    conv = declarations()["conv2d"]
    values = conv.resolve({"filters": 16, "kernel_size": (3, 5), "stride": (2, 2)})
    assert spans(conv.brief, values) == (
        Span("16", "filters"),
        Span(" · "),
        Span("3×5", "kernel_size"),
        Span("/"),
        Span("2", "stride"),
        Span(" · "),
        Span("same", "padding"),
    )
    decoder = declarations()["transformer_decoder_layer"]
    assert spans(decoder.brief, decoder.defaults())[-1] == Span("causal", "causal")


def test_a_text_that_pretends_to_be_a_mark_is_plain_text():
    assert spans(lambda values: values["text"], {"text": "\ue000units\ue0015\ue002"}) == (
        Span("\ue000units\ue0015\ue002"),
    )


@pytest.mark.parametrize("labelled", [False, True], ids=["short", "own label"])
def test_a_value_is_found_where_it_is_drawn(view, hands, network, labelled):
    if labelled:
        network.edit("Rename", lambda document: edits.rename(document, DROPOUT, "keep_most"))
    (value,) = view.values.on(DROPOUT)
    assert value.parameter.name == "p"
    assert value.value == 0.5
    at = view.camera.to_scene(QPointF(spot(view, DROPOUT, "p")))
    assert view.values.at(at.x(), at.y()) == value
    assert (value.box.y > 20) is labelled
    assert view.values.on(RELU) == ()


def test_hovering_underlines_the_value_and_tells_what_it_is(view, network):
    at = QPointF(spot(view, CONV, "filters"))
    move_pointer(view, at, Qt.MouseButton.NoButton, NONE)
    assert view.values.hovered == view.values.find(CONV, "filters")
    assert view.cursor().shape() is Qt.CursorShape.SizeHorCursor
    underlined = view.grab().toImage()
    assert "Click to edit; drag it sideways" in tips.tip_at(view, at)
    move_pointer(view, QPointF(spot(view, CONV, "padding")), Qt.MouseButton.NoButton, NONE)
    assert view.cursor().shape() is Qt.CursorShape.PointingHandCursor
    assert view.grab().toImage() != underlined
    QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    assert view.values.hovered is None


def test_on_a_card_too_small_to_read_a_click_only_selects(view, hands, network):
    view.zoom_to(0.5)
    hands.click(spot(view, CONV, "filters"))
    assert network.selection == {CONV}
    assert not is_open(view)
    assert view.values.at(*view.content.arrays.rect(CONV)[:2]) is None


# The field ----------------------------------------------------------------------------------------------------------


def test_a_click_opens_the_field_and_enter_sets_the_value(view, hands, network):
    before = network.document
    hands.click(spot(view, CONV, "filters"))
    assert is_open(view)
    assert network.selection == {CONV}
    assert editor(view).geometry().contains(spot(view, CONV, "filters"))
    line = QApplication.focusWidget()
    assert line.selectedText() == "32"
    assert editor(view).height() > line.height() + editor(view).caption.height() > 20
    hands.type("48")
    assert network.document is before
    hands.key(Key.Key_Return)
    assert not is_open(view)
    assert setting(network, CONV, "filters") == 48
    assert setting(network, OTHER, "filters") == 32
    assert network.history.undo_title == "Change filters"
    assert QApplication.focusWidget() is view
    undoes(network, before)


def test_escape_leaves_the_value_and_leaving_the_field_takes_it(view, hands, network):
    hands.click(spot(view, DROPOUT, "p"))
    hands.type("0.3")
    hands.key(Key.Key_Escape)
    assert not is_open(view)
    assert setting(network, DROPOUT, "p") == 0.5
    assert network.selection == {DROPOUT}
    hands.click(spot(view, DROPOUT, "p"))
    hands.type("0.3")
    hands.click(hands.at(150, 180))
    assert setting(network, DROPOUT, "p") == 0.3


def test_a_refused_value_is_said_and_keeps_the_field_open(view, hands, network):
    said = []
    network.message.connect(said.append)
    before = network.document
    hands.click(spot(view, DROPOUT, "p"))
    hands.type("7")
    assert "from 0 to" in editor(view).form.note("p")
    inner = [child.geometry() for child in editor(view).form.findChildren(QLabel) if child.text() and child.isVisible()]
    assert inner
    assert all(editor(view).rect().height() > box.height() for box in inner)
    hands.key(Key.Key_Return)
    assert is_open(view)
    hands.click(hands.at(150, 180))
    assert not is_open(view)
    assert network.document is before
    assert any("from 0 to" in text for text in said)


@POPUPS
def test_tab_goes_on_to_the_next_value_and_shift_tab_back(view, hands, network):
    hands.click(hands.header(CONV))
    view.values.edit_selected()
    assert editor(view).value.parameter.name == "filters"
    hands.type("8")
    hands.key(Key.Key_Tab)
    assert setting(network, CONV, "filters") == 8
    assert editor(view).value.parameter.name == "kernel_size"
    hands.type("5")
    hands.key(Key.Key_Tab)  # to the other axis
    hands.type("7")
    hands.key(Key.Key_Tab)
    assert setting(network, CONV, "kernel_size") == (5, 7)
    assert editor(view).value.parameter.name == "padding"
    editor(view).findChild(QComboBox).hidePopup()
    QTest.keyClick(editor(view).findChild(QComboBox), Key.Key_Backtab, SHIFT)
    assert editor(view).value.parameter.name == "kernel_size"
    hands.key(Key.Key_Escape)


@POPUPS
def test_a_choice_is_picked_from_its_list(view, hands, network, qtbot):
    before = network.document
    hands.click(spot(view, CONV, "padding"))
    box = editor(view).findChild(QComboBox)
    assert box.view().isVisible()
    box.view().setCurrentIndex(box.model().index(1, 0))
    QTest.keyClick(box.view(), Key.Key_Return)
    qtbot.waitUntil(lambda: not is_open(view))
    assert setting(network, CONV, "padding") == declarations()["conv2d"].by_name["padding"].choices[1].value
    undoes(network, before)


def test_a_flag_is_ticked(view, hands, network):
    decoder = add(network.document, "n00000009", "transformer_decoder_layer", 0, 420)
    network.open_unsaved(decoder)
    view.zoom_to(1.0)
    view.reveal("n00000009")
    hands.click(spot(view, "n00000009", "causal"))
    hands.key(Key.Key_Space)
    hands.key(Key.Key_Return)
    assert setting(network, "n00000009", "causal") is False
    assert view.values.find("n00000009", "causal") is None


def test_the_field_follows_the_view_and_closes_with_its_value(view, hands, network):
    hands.click(spot(view, CONV, "filters"))
    old = editor(view).pos()
    view.set_camera(view.camera.moved(-30, 20))
    assert editor(view).pos() - old == QPoint(-30, 20)
    network.edit("Delete", lambda document: edits.remove_nodes(document, (CONV,)))
    assert not is_open(view)


def test_e_says_when_a_card_shows_no_value_and_the_menu_offers_it_only_where_it_does(view, hands, network):
    said = []
    network.message.connect(said.append)
    hands.click(hands.header(RELU))
    view.values.edit_selected()
    assert not is_open(view)
    assert said == ["ReLU shows no value on its card: the Inspector has all settings"]
    for node, offered in ((RELU, False), (CONV, True)):
        menu = menus.build(view, QPointF(hands.header(node)))
        (action,) = [each for each in menu.actions() if each.text().startswith("Edit a value")]
        assert action.isEnabled() is offered
        menu.deleteLater()


def test_the_size_of_made_up_data_changes_with_what_the_node_yields(view, hands, network):
    before = network.document
    hands.click(spot(view, MOONS, "samples"))
    hands.type("400")
    hands.key(Key.Key_Return)
    assert network.document.schemas[MOONS].rows == 400
    undoes(network, before)


def test_dragging_a_word_moves_the_node_and_with_alt_a_number_copies_it(view, hands, network):
    place, at = network.document.layout.places[CONV], spot(view, CONV, "padding")
    hands.drag(at, at + QPoint(0, 40))
    assert network.document.layout.places[CONV].y == pytest.approx(place.y + 40, abs=9)
    nodes, at = set(network.document.graph.nodes), spot(view, CONV, "filters")
    hands.drag(at, at + QPoint(0, 60), modifiers=ALT)
    (copy,) = set(network.document.graph.nodes) - nodes
    assert setting(network, copy, "filters") == setting(network, CONV, "filters") == 32


# Scrubbing ----------------------------------------------------------------------------------------------------------


def test_dragging_a_number_changes_it_as_one_entry_and_moves_nothing(view, hands, network):
    before, at = network.document, spot(view, CONV, "kernel_size")
    hands.drag(at, at + QPoint(8, 0), release=False)
    assert setting(network, CONV, "kernel_size") == (5, 5)
    assert view.content.faces[CONV].brief.startswith("32 · 5×5")
    QTest.mouseRelease(view, LEFT, NONE, at + QPoint(8, 0))
    assert network.document.layout == before.layout
    assert network.history.undo_title == "Change kernel size"
    assert not is_open(view)
    undoes(network, before)
    hands.drag(at, at + QPoint(8, 0))
    network.undo()
    assert setting(network, CONV, "kernel_size") == (5, 5)  # two drags are two entries


@pytest.mark.parametrize(("modifiers", "steps"), [(NONE, 10), (SHIFT, 100), (CTRL, 2)])
def test_shift_is_coarse_and_ctrl_fine(view, hands, network, modifiers, steps):
    at = spot(view, CONV, "kernel_size")
    hands.drag(at, at + QPoint(40, 0), modifiers=modifiers)
    assert setting(network, CONV, "kernel_size") == (3 + steps,) * 2


def test_a_scrub_stops_at_the_limit_and_turns_round_there(view, hands, network):
    at = spot(view, DROPOUT, "p")
    QTest.mousePress(view, LEFT, NONE, at)
    move_pointer(view, QPointF(at) - QPointF(900, 0), LEFT, NONE)
    assert setting(network, DROPOUT, "p") == 0.0
    move_pointer(view, QPointF(at) - QPointF(860, 0), LEFT, NONE)
    assert 0.0 < setting(network, DROPOUT, "p") < 0.5
    move_pointer(view, QPointF(at) + QPointF(900, 0), LEFT, NONE)
    assert setting(network, DROPOUT, "p") == declarations()["dropout"].by_name["p"].maximum
    QTest.mouseRelease(view, LEFT, NONE, at)


def test_a_track_leads_back_to_where_it_began_and_goes_by_factors_where_they_matter():
    base = declarations()["rotary_positions"].by_name["base"]
    track = Track(base, 10_000.0)
    assert track.within(20.0) == 20.0
    assert track.at(20) == pytest.approx(100_000, rel=0.2)
    assert track.within(-3.5) == -3.5
    assert track.at(-3) < 10_000 == track.at(0)
    heads = Track(Parameter(name="heads", title="Heads", kind=Kind.INT, default=4, minimum=1, maximum=8), 4)
    assert (heads.within(9.0), heads.within(-50.0)) == (4.0, -3.0)
    assert [heads.at(steps) for steps in (4, 0, -3)] == [8, 4, 1]


def test_escape_brings_the_number_back_without_an_entry(view, hands, network):
    network.edit("Rename", lambda document: edits.rename(document, CONV, "first"))
    network.undo()
    before, at = network.document, spot(view, CONV, "filters")
    hands.drag(at, at + QPoint(40, 0), release=False)
    assert setting(network, CONV, "filters") != 32
    hands.key(Key.Key_Escape)
    assert network.document is before
    assert not network.history.can_undo
    assert network.history.redo_title == "Rename"
    move_pointer(view, QPointF(at) + QPointF(80, 0), LEFT, NONE)
    QTest.mouseRelease(view, LEFT, NONE, at)
    assert network.document is before


def test_another_edit_during_a_scrub_ends_it_and_stays(view, hands, network):
    at = spot(view, CONV, "filters")
    hands.drag(at, at + QPoint(40, 0), release=False)
    network.edit("Rename", lambda document: edits.rename(document, CONV, "first"))
    after = network.document
    assert view.hand.gesture is None
    hands.key(Key.Key_Escape)
    QTest.mouseRelease(view, LEFT, NONE, at)
    assert network.document is after


def test_a_click_with_ctrl_or_shift_selects(view, hands, network):
    hands.click(hands.header(LINEAR))
    hands.click(spot(view, CONV, "filters"), SHIFT)
    assert network.selection == {LINEAR, CONV}
    hands.click(spot(view, CONV, "filters"), CTRL)
    assert network.selection == {LINEAR}
    assert not is_open(view)


# Several nodes ------------------------------------------------------------------------------------------------------


def test_a_value_of_a_selected_node_is_that_of_all_that_share_it(view, hands, network):
    before = network.document
    for node in (CONV, OTHER, RELU):
        hands.click(hands.header(node), SHIFT)
    hands.click(spot(view, OTHER, "filters"))
    hands.type("12")
    hands.key(Key.Key_Return)
    assert [setting(network, node, "filters") for node in (CONV, OTHER)] == [12, 12]
    assert network.selection == {CONV, OTHER, RELU}
    assert network.history.undo_title == "Change filters of 2 nodes"
    undoes(network, before)
    at = spot(view, CONV, "kernel_size")
    hands.drag(at, at + QPoint(8, 0))
    assert [setting(network, node, "kernel_size") for node in (CONV, OTHER)] == [(5, 5)] * 2


def test_who_does_not_accept_a_value_is_said_and_keeps_its_own(view, hands, network):
    said = []
    network.problemsRaised.connect(said.append)
    path = "n00000009"
    network.edit("Add", lambda document: add(document, path, "drop_path", 200, 420))
    old = setting(network, path, "p")
    hands.click(hands.header(DROPOUT))
    hands.click(hands.header(path), SHIFT)
    hands.click(spot(view, DROPOUT, "p"))
    hands.type("1")
    hands.key(Key.Key_Return)
    assert setting(network, DROPOUT, "p") == 1.0
    assert setting(network, path, "p") == old
    ((problem,),) = said
    assert (problem.node, problem.field) == (path, "p")
    assert problem.message == "drop_path: Probability: expected a number from 0 to 0.99, got 1.0."
    assert network.history.undo_title == "Change probability"
    messages = []
    network.message.connect(messages.append)
    at = spot(view, DROPOUT, "p")
    hands.drag(at, at - QPoint(8, 0))
    assert setting(network, path, "p") == setting(network, DROPOUT, "p") == 0.98
    hands.drag(at, at + QPoint(40, 0))
    assert (setting(network, DROPOUT, "p"), setting(network, path, "p")) == (1.0, 0.98)
    assert messages == ["1 of the nodes do not accept this value and keep theirs"]


# Inside a block -----------------------------------------------------------------------------------------------------


@POPUPS
def test_an_expression_is_edited_as_an_expression(view, hands, network):
    network.select((LINEAR, RELU))
    view.blocks.make_selected()
    hands.key(Key.Key_Escape)
    (key,) = network.document.blocks
    network.scopes.open_block(key)
    view.zoom_to(1.0)
    view.fit_all()
    view.zoom_to(1.0)
    linear = next(id for id, node in network.document.blocks[key].graph.nodes.items() if node.type == "linear")
    units = declarations()["linear"].by_name["units"]
    network.edit(
        "Make units a parameter",
        lambda document: edits.promote_parameter(
            document, scope=key, node=linear, parameter="units", declared=plain_parameter(units)
        ),
    )
    value = view.values.find(linear, "units")
    assert value.is_computed
    assert not value.is_scrubbed
    hands.click(spot(view, linear, "units"))
    assert QApplication.focusWidget().text() == "=units"
    hands.type("=units * 2")
    hands.key(Key.Key_Return)
    assert network.document.blocks[key].graph.nodes[linear].parameters["units"] == {"=": "units * 2"}
    assert view.content.faces[linear].brief == "128 units"
    hands.click(spot(view, linear, "units"))
    hands.type("=nothing * 2")
    assert "nothing" in editor(view).form.note("units")
    hands.key(Key.Key_Escape)
    hands.click(spot(view, linear, "units"))
    hands.type("10")
    hands.key(Key.Key_Return)
    assert network.document.blocks[key].graph.nodes[linear].parameters["units"] == 10


@POPUPS
def test_a_value_becomes_the_block_s_for_all_that_share_it(view, hands, network):
    network.select((CONV, OTHER))
    view.blocks.make_selected()
    hands.key(Key.Key_Escape)
    (key,) = network.document.blocks
    network.scopes.open_block(key)
    view.zoom_to(1.0)
    first, second = (id for id, node in network.document.blocks[key].graph.nodes.items() if node.type == "conv2d")
    network.select((first, second))
    before = network.document
    view.values.edit(view.values.find(second, "filters"))
    (menu,) = editor(view).form.findChildren(FieldMenu)
    built = menu.build(QApplication.focusWidget())
    next(action for action in built.actions() if action.text() == "Make it a parameter of the block").trigger()
    built.deleteLater()
    assert not is_open(view)
    assert [setting(network, node, "filters") for node in (first, second)] == [{"=": "filters"}] * 2
    assert view.content.faces[first].brief.startswith("32 ·")
    undoes(network, before)


# The menu's key -----------------------------------------------------------------------------------------------------


def test_e_is_the_canvas_s_own_key_and_a_letter_in_a_field(view, hands, network):
    actions = Actions(view, {"values": lambda: view.values}, network)
    actions.attach_canvas(view)
    actions.refresh()
    hands.key(Key.Key_E)
    assert not is_open(view)
    hands.click(hands.header(LINEAR))
    actions.refresh()
    hands.key(Key.Key_E)
    assert editor(view).value.parameter.name == "units"
    hands.type("1e")
    assert QApplication.focusWidget().text() == "1e"
    hands.key(Key.Key_Escape)
    assert setting(network, LINEAR, "units") == 64
