"""Panels come off the window and go back, by menu, button and the tab's own menu, and stay so in the next window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QTabBar
from pytestqt.qtbot import QtBot

from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.detaching import _Button
from netbuilder.ui.panels import discover
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.ui.canvas.conftest import small_network

# What the platform without a screen says of every window that is moved.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def _window(qtbot: QtBot) -> MainWindow:
    made = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(made, before_close_func=lambda window: setattr(window, "_may_close", True))
    made.show()
    made.furnish()
    made.workspace.open_unsaved(small_network())
    qtbot.waitUntil(lambda: bool(_bars(made)))
    made.docks.polish_tabs()
    return made


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    return _window(qtbot)


def _bars(window: MainWindow) -> list[QTabBar]:
    return window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)


def _dock(window: MainWindow, key: str) -> QDockWidget:
    found = window.findChild(QDockWidget, key)
    assert found is not None
    return found


def test_the_menu_detaches_the_panel_in_front_and_puts_it_back(window: MainWindow) -> None:
    window.docks.show("curves")
    dock, action = _dock(window, "curves"), window.actions_["view.detach"]
    dock.widget().setFocus()
    action.trigger()
    assert dock.isFloating()
    assert dock.isVisible()
    assert dock.titleBarWidget() is None, "a window of its own has a title bar"
    window.docks.detaching.set_detached(dock, False)
    assert not dock.isFloating()
    assert dock.titleBarWidget() is not None
    assert window.dockWidgetArea(dock) is Qt.DockWidgetArea.BottomDockWidgetArea


def test_the_button_beside_the_tabs_detaches_the_one_in_front(window: MainWindow, qtbot: QtBot) -> None:
    (bar,) = [bar for bar in _bars(window) if bar.count() > 3]
    window.docks.polish_tabs()
    (button,) = [each for each in window.findChildren(_Button) if each._bar is bar]
    shown = window.docks.detaching.dock_of(bar, bar.currentIndex())
    assert shown is not None
    for width in (1400, 900, 1200):  # there is more room than tabs, and less
        window.resize(width, 800)
        qtbot.waitUntil(lambda width=width: window.width() == width)
        assert not bar.geometry().intersects(button.geometry()), "it lies over no tab"
        assert abs(button.geometry().right() - shown.geometry().right()) < 12
        assert bar.geometry().top() <= button.geometry().center().y() <= bar.geometry().bottom()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert shown.isFloating()


def test_a_tabs_menu_detaches_its_panel(window: MainWindow) -> None:
    (bar,) = [bar for bar in _bars(window) if bar.count() > 3]
    index = next(index for index in range(bar.count()) if bar.tabText(index) == "Histograms")
    menu = window.docks.detaching.menu_of(bar, index)
    assert menu is not None
    assert [action.text() for action in menu.actions()] == ["Detach", "Close"]
    menu.actions()[0].trigger()
    assert _dock(window, "histograms").isFloating()
    assert window.docks.detaching.menu_of(bar, -1) is None


def test_what_is_detached_is_so_in_the_next_window(window: MainWindow, qtbot: QtBot) -> None:
    window.docks.detaching.set_detached(_dock(window, "system"), True)
    window.docks.save(window.workspace.preferences)
    again = _window(qtbot)
    assert _dock(again, "system").isFloating()
    assert _dock(again, "system").titleBarWidget() is None
    assert not _dock(again, "curves").isFloating()


def test_titles_leave_windows_of_their_own_alone(window: MainWindow) -> None:
    window.docks.detaching.set_detached(_dock(window, "system"), True)
    window.toggle_titles()
    assert _dock(window, "system").titleBarWidget() is None
    window.toggle_titles()


def test_one_from_behind_another_tab_shows_what_it_holds(window: MainWindow, qtbot: QtBot) -> None:
    behind = _dock(window, "log")
    window.docks.show("curves")
    qtbot.waitUntil(lambda: not behind.widget().isVisible())
    window.docks.detaching.set_detached(behind, True)
    assert behind.widget().isVisible()
    assert behind.width() >= 500
    window.docks.detaching.set_detached(behind, False)
    qtbot.waitUntil(lambda: behind.widget().isVisible())
    window.docks.show("curves")
    qtbot.waitUntil(lambda: not behind.widget().isVisible())


def test_panels_that_few_need_are_closed_at_first_and_open_by_the_menu(window: MainWindow) -> None:
    spare = {spec.key for spec in discover() if spec.is_spare}
    assert "system" in spare
    hidden = {dock.objectName() for dock in window.findChildren(QDockWidget) if dock.isHidden()}
    assert hidden == spare
    next(each for each in window.docks.actions() if each.text() == "System").trigger()
    assert not _dock(window, "system").isHidden()


def test_tabs_that_qt_drops_take_their_button_along(window: MainWindow, qtbot: QtBot) -> None:
    for key in ("histograms", "weights", "activations", "curves", "log"):
        for detached in (True, False):
            window.docks.detaching.set_detached(_dock(window, key), detached)
            window.docks.polish_tabs()
    stray = QTabBar(window)
    stray.addTab("Curves")
    window.docks.detaching.look_after([stray])
    button = next(each for each in window.findChildren(_Button) if each._bar is stray)
    with qtbot.waitSignal(button.destroyed):
        stray.deleteLater()
    window.resize(1000, 700)
    qtbot.waitUntil(lambda: window.width() == 1000)
