"""The menus' keys in the whole window: they reach the canvas while it has the focus, and no field loses its letters."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDockWidget, QMessageBox
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.model import About, PortRef
from netbuilder.foundation.preferences import Preferences
from netbuilder.foundation.problem import Problem
from netbuilder.training.protocol import State
from netbuilder.ui.theme import controller
from netbuilder.ui.usage import NAME
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.ui.canvas.conftest import LINEAR, RELU, small_network

Key = Qt.Key
NONE, CTRL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    with qtbot.waitExposed(window):
        window.show()
    window.furnish()
    window.workspace.open_unsaved(small_network())
    qtbot.wait(30)  # what showing it brought with it takes the focus once more
    window.activateWindow()
    window.canvas.setFocus()
    qtbot.waitUntil(window.canvas.hasFocus)
    return window


def press(key: Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
    focus = QApplication.focusWidget()
    assert focus is not None
    QTest.keyClick(focus, key, modifiers)


def test_o_and_i_list_the_ports(window: MainWindow) -> None:
    window.workspace.select((RELU,))
    for key, first in ((Key.Key_O, "Output y"), (Key.Key_I, "Input x")):
        press(key)
        ports = window.canvas.link_keys.ports
        assert ports.isVisible()
        assert ports.rows[0].title == first
        press(Key.Key_Escape)
        assert window.canvas.hasFocus()


def test_the_point_goes_through_links_and_insert_puts_a_layer_into_one(window: MainWindow) -> None:
    window.workspace.select((LINEAR,))
    press(Key.Key_Period)
    press(Key.Key_Period)
    assert window.workspace.selected_link == PortRef(RELU, "x")
    press(Key.Key_Comma)
    assert window.workspace.selected_link == PortRef(LINEAR, "x")
    press(Key.Key_Insert)
    assert window.canvas.quick_add.isVisible()


def test_ctrl_f_and_f3_find(window: MainWindow) -> None:
    press(Key.Key_F, CTRL)
    bar = window.canvas.find_bar
    assert bar.field.hasFocus()
    QTest.keyClicks(bar.field, "relu")
    press(Key.Key_F3)
    assert window.workspace.selection == {RELU}
    press(Key.Key_Escape)
    window.workspace.select(())
    press(Key.Key_F3, SHIFT)
    assert window.workspace.selection == {RELU}


def test_find_leaves_the_start_page_and_the_code(window: MainWindow) -> None:
    window.show_start()
    window.actions_["find.open"].trigger()
    assert not window.is_start_page_shown
    assert window.canvas.find_bar.isVisible()


def test_a_field_keeps_its_letters(window: MainWindow) -> None:
    window.workspace.select((RELU,))
    field = window.docks.palette.field
    field.setFocus()
    QTest.keyClicks(field, "oi.,fm y")
    assert field.text() == "oi.,fm y"
    assert window.workspace.selection == {RELU}
    press(Key.Key_F, CTRL | SHIFT)
    assert field.hasFocus()


def test_one_list_gives_way_to_another_and_the_focus_comes_back(window: MainWindow) -> None:
    press(Key.Key_Tab)
    assert window.canvas.quick_add.isVisible()
    press(Key.Key_K, CTRL)
    assert window.commands is not None
    assert window.commands.isVisible()
    assert window.commands.field.hasFocus()
    assert not window.canvas.quick_add.isVisible()
    press(Key.Key_Escape)
    assert window.canvas.hasFocus()


def test_who_goes_elsewhere_is_not_called_back(window: MainWindow) -> None:
    press(Key.Key_Tab)
    window.docks.palette.field.setFocus()
    assert not window.canvas.quick_add.isVisible()
    assert window.docks.palette.field.hasFocus()


def test_closing_remembers_what_was_used(window: MainWindow) -> None:
    window.canvas.add("tanh")
    window.close_now()
    assert Preferences().get(NAME)["added"] == {"tanh": 1}


@pytest.mark.parametrize(
    "id", ["graph.add", "graph.arrange", "frame.note", "edit.select_all", "edit.value", "view.fit"]
)
@pytest.mark.parametrize("away", ["start", "code"])
def test_what_is_done_on_the_canvas_is_seen(window: MainWindow, id: str, away: str) -> None:
    window.workspace.select((RELU,))
    if away == "start":
        window.show_start()
    else:
        window.docks.tabs.setCurrentIndex(1)
    window.actions_[id].trigger()
    assert not window.is_start_page_shown
    assert window.canvas.isVisible()


def test_switching_a_preference_moves_nobody(window: MainWindow) -> None:
    window.docks.tabs.setCurrentIndex(1)
    window.actions_["live.pictures"].trigger()
    assert not window.canvas.isVisible()


def test_menus_say_what_a_key_does_now(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, action = window.workspace, window.actions_["train.train"]
    steps = [window.actions_[f"train.{name}"] for name in ("step", "step_epoch", "profile")]
    for state, text, can_train, can_step in (
        (State.IDLE, "&Train", True, True),
        (State.STARTING, "&Train", False, True),
        (State.RUNNING, "Pa&use", True, True),
        (State.PAUSED, "Res&ume", True, True),
        (State.STOPPING, "&Train", False, False),
        (State.ENDED, "&Train", True, True),
    ):
        workspace.trainer._enter(state)
        assert (action.text(), action.isEnabled()) == (text, can_train), state
        assert [each.isEnabled() for each in steps] == [can_step] * 3, state


def test_an_edit_s_title_with_an_ampersand_is_no_access_key(window: MainWindow) -> None:
    window.workspace.edit("Reload R&D.netb", lambda document: edits.set_about(document, About(title="x")))
    assert window.actions_["edit.undo"].text() == "&Undo Reload R&&D.netb"


def test_entering_needs_one_block(window: MainWindow) -> None:
    window.workspace.select((RELU,))
    window.canvas.blocks.make_selected()
    window.canvas.label_editor.hide()
    (block,) = window.workspace.selection
    assert window.actions_["block.enter"].isEnabled()
    window.workspace.select((block, LINEAR))
    assert not window.actions_["block.enter"].isEnabled()
    assert window.actions_["block.dissolve"].isEnabled()


def holds(window: MainWindow, key: str) -> bool:
    dock = window.findChild(QDockWidget, key)
    focus = QApplication.focusWidget()
    return dock is not None and focus is not None and dock.isAncestorOf(focus)


def test_f6_goes_round_the_window_and_back(window: MainWindow) -> None:
    rounds = [lambda key=key: holds(window, key) for key in ("inspector", "curves", "palette")]
    rounds += [lambda: window.toolbar.isAncestorOf(QApplication.focusWidget()), window.canvas.hasFocus]
    for is_there in rounds:
        press(Key.Key_F6)
        assert is_there()
    for is_there in (*reversed(rounds[:-1]), rounds[-1]):
        press(Key.Key_F6, SHIFT)
        assert is_there()


def test_e_leads_to_the_inspector_where_the_card_shows_no_value(window: MainWindow) -> None:
    window.workspace.select((RELU,))
    press(Key.Key_E)
    assert window.canvas.hasFocus()  # it has no settings at all
    workspace = window.workspace
    workspace.edit("Group", lambda document: edits.make_block(document, (LINEAR,), "inner"))
    workspace.select(node for node in workspace.document.graph.nodes if node not in small_network().graph.nodes)
    window.findChild(QDockWidget, "inspector").close()
    press(Key.Key_E)
    assert holds(window, "inspector")
    assert QApplication.focusWidget().accessibleName() == "Repeat"


def test_a_panel_that_closes_gives_the_keys_back_to_the_canvas(window: MainWindow) -> None:
    press(Key.Key_F6)
    assert holds(window, "inspector")
    press(Key.Key_7, CTRL)
    assert window.findChild(QDockWidget, "inspector").isHidden()
    assert window.canvas.hasFocus()


def test_a_problem_of_a_layer_leads_to_it(window: MainWindow) -> None:
    window.show_problems("It could not begin", [Problem(code="x", message="No file.", node=LINEAR)])
    (box,) = window.findChildren(QMessageBox)
    (show,) = [button for button in box.buttons() if button.text() == "Show it"]
    QTest.mouseClick(show, Qt.MouseButton.LeftButton)
    assert window.workspace.selection == {LINEAR}
