"""Turns: what shows a run draws one after another, each painted before the next has its turn."""

from __future__ import annotations

from functools import partial

import pytest
from PySide6.QtCore import QObject
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from netbuilder.training.protocol import Telemetry
from netbuilder.ui.panels.activations import ActivationsPanel
from netbuilder.ui.panels.curves import CurvesPanel
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.panels.weights import WeightsPanel
from netbuilder.ui.theme import ThemeController, controller
from netbuilder.ui.turns import Turns
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.conftest import digits, host, themes, workspace  # noqa: F401
from tests.ui.panels.recorded import RecordedHost, run


class Dial(QWidget):
    """Shows something, and notes when."""

    def __init__(self, name: str, notes: list[str]) -> None:
        super().__init__()
        self.name, self.notes = name, notes

    def show_news(self) -> None:
        self.notes.append(f"{self.name} is told")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        self.notes.append(f"{self.name} is painted")


@pytest.fixture
def parent(qtbot: QtBot) -> QObject:
    return QObject()


def test_each_is_painted_before_the_next_has_its_turn(qtbot: QtBot, parent: QObject) -> None:
    notes: list[str] = []
    dials = [Dial(name, notes) for name in "ABC"]
    for dial in dials:
        qtbot.addWidget(dial)
        dial.show()
        qtbot.waitExposed(dial)
    qtbot.waitUntil(lambda: len(notes) >= 3)
    notes.clear()
    turns = Turns(parent)
    for dial in dials:
        turns.ask(dial, dial.show_news)
    assert not notes
    qtbot.waitUntil(lambda: len(notes) == 6)
    assert notes == [f"{name} is {what}" for name in "ABC" for what in ("told", "painted")]


def test_who_asks_again_keeps_the_place_and_draws_once(qtbot: QtBot, parent: QObject) -> None:
    notes: list[str] = []
    first, second = Dial("A", notes), Dial("B", notes)
    qtbot.addWidget(first), qtbot.addWidget(second)
    turns = Turns(parent)
    for dial in (first, second, first):
        turns.ask(dial, dial.show_news)
    turns.finish()
    assert notes == ["A is told", "B is told"]


def test_who_is_gone_has_no_turn(qtbot: QtBot, parent: QObject) -> None:
    notes: list[str] = []
    gone, there = Dial("A", notes), Dial("B", notes)
    qtbot.addWidget(there)
    turns = Turns(parent)
    turns.ask(gone, gone.show_news), turns.ask(there, there.show_news)
    delete(gone)
    turns.finish()
    assert notes == ["B is told"]


def test_at_rest_no_timer_runs(qtbot: QtBot, parent: QObject) -> None:
    notes: list[str] = []
    dial = Dial("A", notes)
    qtbot.addWidget(dial)
    turns = Turns(parent)
    turns.ask(dial, dial.show_news)
    assert turns.are_waiting
    qtbot.waitUntil(lambda: not turns.are_waiting)
    assert notes == ["A is told"]


@pytest.fixture
def panels(qtbot: QtBot, digits: Workspace, themes: ThemeController) -> list[LivePanel]:  # noqa: F811
    made = [kind(digits, controller()) for kind in (CurvesPanel, ActivationsPanel, WeightsPanel)]
    for panel in made:
        qtbot.addWidget(panel)
        panel.show()
    return made


def test_panels_take_turns_and_those_that_are_hidden_have_none(
    monkeypatch: pytest.MonkeyPatch,
    panels: list[LivePanel],
    digits: Workspace,  # noqa: F811
    host: RecordedHost,  # noqa: F811
) -> None:
    told: list[LivePanel] = []
    for panel in panels:
        monkeypatch.setattr(panel, "refresh", partial(told.append, panel))
    panels[1].hide()
    host.next = run()
    digits.trainer.drain()
    assert not told, "a drain draws nothing itself"
    digits.turns._next()
    assert told == [panels[0]]
    digits.turns.finish()
    assert told == [panels[0], panels[2]]
    panels[1].show()
    assert told[2:] == [panels[1]], "what it missed, it shows at once"


def test_a_panel_that_has_shown_all_gives_its_turn_away(
    monkeypatch: pytest.MonkeyPatch,
    panels: list[LivePanel],
    digits: Workspace,  # noqa: F811
) -> None:
    told: list[str] = []
    monkeypatch.setattr(panels[0], "refresh", lambda: told.append("refreshed"))
    digits.telemetry.emit(Telemetry())
    digits.select(list(digits.document.graph.nodes)[:1])
    assert told == ["refreshed"]
    digits.turns.finish()
    assert told == ["refreshed"]
