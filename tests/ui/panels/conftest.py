"""What the panels' tests share: a real workspace, the theme, and a recorded run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QThreadPool
from pytestqt.qtbot import QtBot

from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.panels.inspector import InspectorPanel
from netbuilder.ui.theme import ThemeController, controller
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.recorded import RecordedHost, attach, open_digits


@pytest.fixture
def workspace(qtbot: QtBot) -> Iterator[Workspace]:
    made = Workspace(Preferences())
    yield made
    made.trainer._timer.stop()
    QThreadPool.globalInstance().waitForDone(10_000)


@pytest.fixture
def digits(workspace: Workspace) -> Workspace:
    open_digits(workspace)
    return workspace


@pytest.fixture
def host(digits: Workspace) -> RecordedHost:
    return attach(digits)


@pytest.fixture
def themes(qtbot: QtBot) -> Iterator[ThemeController]:
    themes = controller()
    _darken(themes)
    yield themes
    _darken(themes)


def _darken(themes: ThemeController) -> None:
    # Giving the application a style sheet is slow, so only where a test has changed it.
    if themes.mode != "dark":
        themes.set_mode("dark")


@pytest.fixture
def inspector(qtbot: QtBot, digits: Workspace, themes: ThemeController) -> InspectorPanel:
    panel = InspectorPanel(digits, themes)
    qtbot.addWidget(panel)
    panel.resize(270, 800)
    panel.show()
    panel.show_selection()
    return panel
