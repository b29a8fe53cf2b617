"""The Mistakes panel: what was wrong, of all pairs of classes or of one."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from netbuilder.training.protocol import Picture, PictureKind, Progress, State, Telemetry
from netbuilder.ui.panels.mistakes import ALL, EMPTY, RIGHT, MistakesPanel
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.recorded import RecordedHost, tell

TOLD = ((0, 1, 0.99), (2, 0, 0.9), (0, 1, 0.6))


@pytest.fixture
def panel(qtbot: QtBot, digits: Workspace, themes: ThemeController) -> MistakesPanel:
    made = MistakesPanel(digits, themes)
    qtbot.addWidget(made)
    made.resize(900, 260)
    made.show()
    return made


def picture(told: tuple[tuple[int, int, float], ...], step: int) -> Telemetry:
    extent = tuple(float(value) for each in told for value in each)
    data = np.full((len(told), 8, 8), 200, np.uint8)
    made = Picture(
        kind=PictureKind.MISTAKES,
        node="",
        step=step,
        data=data,
        extent=extent,
        labels=("cat", "dog", "owl"),
        caption=f"{len(told)} of 90 are wrong",
    )
    return Telemetry(progress=Progress(state=State.RUNNING, step=step), pictures=(made,))


def test_before_a_run_the_panel_says_what_it_is_for(panel: MistakesPanel) -> None:
    assert panel.empty.text() == EMPTY
    assert not panel.tiles.isVisible()


def test_mistakes_of_one_pair_are_picked_and_stay_picked(
    panel: MistakesPanel, digits: Workspace, host: RecordedHost
) -> None:
    tell(digits, host, picture(TOLD, 10))
    assert panel.tiles.shown == 3
    assert panel.note.text() == "3 of 90 are wrong at step 10; the surest first"
    assert [panel.pairs.itemText(row) for row in range(3)] == [ALL, "cat → dog", "owl → cat"]
    assert "cat, taken for dog with 99 %" in panel.tiles.accessibleDescription()
    panel.pairs.setCurrentIndex(1)
    assert panel.tiles.shown == 2
    tell(digits, host, picture((*TOLD, (0, 1, 0.5)), 20))
    assert panel.pairs.currentText() == "cat → dog"
    assert panel.tiles.shown == 3


def test_a_network_without_mistakes_is_said_to_have_none(
    panel: MistakesPanel, digits: Workspace, host: RecordedHost
) -> None:
    tell(digits, host, picture(TOLD, 10))
    tell(digits, host, picture((), 20))
    assert panel.empty.text() == RIGHT
    assert panel.empty.isVisible()
