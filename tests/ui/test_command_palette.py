"""The command palette: all actions by some letters, without a mouse, also on the start page."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.action_spec import refusal
from netbuilder.ui.action_table import ACTIONS
from netbuilder.ui.command_palette import RECENT, CommandPalette
from netbuilder.ui.matching import match
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.ui.canvas.conftest import small_network

Key = Qt.Key
CTRL = Qt.KeyboardModifier.ControlModifier


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


def palette(window: MainWindow) -> CommandPalette:
    window.show_commands()
    assert window.commands is not None
    return window.commands


def key(key: Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    focus = QApplication.focusWidget()
    assert focus is not None
    QTest.keyClick(focus, key, modifiers)


def test_ctrl_k_opens_it_and_enter_runs_a_command(window: MainWindow) -> None:
    window.canvas.setFocus()
    key(Key.Key_K, CTRL)
    assert window.commands is not None
    assert window.commands.isVisible()
    QTest.keyClicks(QApplication.focusWidget(), "select all")
    assert window.commands.rows[0].title == "Select all"
    key(Key.Key_Return)
    assert not window.commands.isVisible()
    assert window.workspace.selection == window.workspace.document.graph.nodes.keys()
    assert window.canvas.hasFocus()


def test_every_action_is_there_with_its_menu_and_keys(window: MainWindow) -> None:
    rows = {str(row.key): row for row in palette(window).rows}
    assert {spec.id for spec in ACTIONS if not spec.call.startswith("menu.")} <= rows.keys()
    assert rows["graph.arrange"].detail == "Graph › Arrange   Ctrl+L"
    assert rows["view.theme/Dark"].detail.endswith("View › Theme")
    assert {row.title for row in rows.values()} >= {"Light", "Curves"}


def test_what_cannot_be_used_says_why_and_stays(window: MainWindow) -> None:
    commands = palette(window)
    QTest.keyClicks(commands.field, "undo")
    row = commands.rows[0]
    assert (row.title, row.refusal) == ("Undo", "nothing to undo")
    key(Key.Key_Return)
    assert commands.isVisible()
    key(Key.Key_Escape)
    assert not commands.isVisible()


def test_what_was_used_last_comes_first_also_the_next_time(window: MainWindow) -> None:
    for text in ("zoom in", "zoom out"):
        commands = palette(window)
        QTest.keyClicks(commands.field, text)
        key(Key.Key_Return)
    assert [row.title for row in palette(window).rows[:2]] == ["Zoom out", "Zoom in"]
    assert Preferences().get(RECENT) == ["view.zoom_out", "view.zoom_in"]
    Preferences().set(RECENT, 7)
    window.workspace.preferences.set(RECENT, {"edited": "by hand"})
    assert palette(window).rows


def test_it_opens_on_the_start_page(window: MainWindow, qtbot: QtBot) -> None:
    window.show_start()
    commands = palette(window)
    assert commands.isVisible()
    QTest.keyClicks(commands.field, "new net")
    assert commands.rows[0].title == "New network"


def test_entries_of_menus_that_the_window_fills_can_be_run(window: MainWindow) -> None:
    commands = palette(window)
    QTest.keyClicks(commands.field, "light")
    assert commands.rows[0].title == "Light"
    key(Key.Key_Return)
    assert window.workspace.preferences.get("theme") == "light"
    window._set_theme("dark")


def test_every_predicate_of_the_table_that_can_be_false_has_its_reason() -> None:
    named = [spec for spec in ACTIONS if spec.enabled.__name__ not in ("always", "<lambda>")]
    unexplained = {spec.id for spec in named if refusal(spec) == "not possible now"}
    assert unexplained == set()


@pytest.mark.parametrize(
    ("query", "better", "worse"),
    [
        ("fit", "Fit the network", "Outfit"),
        ("sel", "Select all", "Fit the selection"),
        ("selection", "Fit the selection", "Preselections"),
        ("fts", "Fit the selection", "Faults"),
        ("rdo", "Redo", "Undo"),
    ],
)
def test_the_better_match_has_more_points(query: str, better: str, worse: str) -> None:
    assert match(query, better) > match(query, worse)


def test_all_words_have_to_be_found() -> None:
    assert match("fit network", "Fit the network")
    assert not match("fit layer", "Fit the network")
    assert match("fit view", "Fit the network", "View")
    assert not match("x", "Fit")
