"""The panels: their entries in View > Panels, and the keys that bring them to front."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QLabel
from pytestqt.qtbot import QtBot

from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.dialogs import ShortcutsDialog
from netbuilder.ui.panels import discover
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    made = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(made, before_close_func=lambda window: setattr(window, "_may_close", True))
    made.show()
    made.furnish()
    qtbot.waitUntil(lambda: not panel(made, "weights").isVisible())
    return made


def panel(window: MainWindow, key: str):
    dock = window.findChild(QDockWidget, key)
    assert dock is not None
    return dock.widget()


def entry(window: MainWindow, title: str) -> QAction:
    return next(each for each in window.actions_.menus["panels"].actions() if each.text() == title)


def test_a_panel_behind_another_comes_to_front_and_one_in_front_closes(window: MainWindow, qtbot: QtBot) -> None:
    action = entry(window, "Weights && gradients")
    assert action.isChecked()
    action.trigger()
    qtbot.waitUntil(lambda: panel(window, "weights").isVisible())
    assert action.isChecked()
    action.trigger()
    assert window.findChild(QDockWidget, "weights").isHidden()
    assert not action.isChecked()
    action.trigger()
    qtbot.waitUntil(lambda: panel(window, "weights").isVisible())
    assert action.isChecked()


def test_a_closed_panel_opens_in_front(window: MainWindow, qtbot: QtBot) -> None:
    action = entry(window, "System")
    assert not action.isChecked()
    action.trigger()
    qtbot.waitUntil(lambda: panel(window, "system").isVisible())
    assert action.isChecked()


def test_the_menu_has_every_panel_with_its_keys_also_the_one_beside_the_canvas(window: MainWindow) -> None:
    keys = {each.text(): each.shortcut().toString() for each in window.actions_.menus["panels"].actions()}
    for spec in discover():
        title = next(title for title in keys if title.replace("&&", "&") == spec.title)
        assert keys[title] == spec.shortcut
    window.actions_["graph.find"].trigger()
    entry(window, "PyTorch code").trigger()
    assert window.docks.tabs.currentIndex() == 1


def test_an_entry_s_text_follows_the_panel_s_title(window: MainWindow) -> None:
    panel(window, "problems").setWindowTitle("Problems 3")
    assert entry(window, "Problems 3").shortcut().toString() == "Ctrl+4"


def test_the_list_of_shortcuts_has_the_panels(qtbot: QtBot, window: MainWindow) -> None:
    dialog = ShortcutsDialog(window)
    qtbot.addWidget(dialog)
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    for spec in discover():
        if spec.shortcut:
            assert spec.title in texts
            assert spec.shortcut in texts
    assert all(label.textFormat() is not Qt.TextFormat.RichText for label in dialog.findChildren(QLabel))


def test_the_start_page_keeps_panels_away(window: MainWindow) -> None:
    window.show_start()
    entry(window, "System").trigger()
    assert window.findChild(QDockWidget, "system").isHidden()
    window.show_network()
    entry(window, "System").trigger()
    assert not window.findChild(QDockWidget, "system").isHidden()


def test_a_tab_says_from_the_start_what_its_panel_counts(window: MainWindow) -> None:
    dock = window.findChild(QDockWidget, "problems")
    assert panel(window, "problems").windowTitle() == "Problems 1"  # the empty canvas
    assert dock is not None
    assert dock.windowTitle() == "Problems 1"


def test_on_a_low_screen_the_canvas_keeps_the_larger_part(qtbot: QtBot) -> None:
    made = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(made, before_close_func=lambda window: setattr(window, "_may_close", True))
    made.resize(1024, 576)  # 1280 x 720 at 125 %
    made.show()
    made.furnish()
    qtbot.waitUntil(lambda: made.canvas.height() > panel(made, "curves").height())
