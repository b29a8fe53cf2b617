"""The trial's dialog: it measures behind the window's back, says how far it is, and puts a way into the plan."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.foundation.job import Job
from netbuilder.foundation.preferences import Preferences
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import trial
from netbuilder.training.protocol import State
from netbuilder.training.trial import PLAIN, Row
from netbuilder.ui.action_table import ACTIONS
from netbuilder.ui.theme import controller
from netbuilder.ui.trial_dialog import EMPTY, TrialDialog
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.training.documents import iris

PLAIN_ROW = Row(
    values=PLAIN, title="float32", milliseconds=2.0, speed=1.0, least=1.0, loss=1.5, difference=0.0, is_plan=True
)
HALF = Row(
    values={**PLAIN, "precision": "bf16"},
    title="bfloat16",
    milliseconds=1.0,
    speed=2.0,
    least=1.8,
    loss=1.6,
    difference=0.066,
)
BROKEN = Row(values={**PLAIN, "precision": "fp16"}, title="float16", note="given up: about 9 times as slow")


class Staged:
    """A trial whose rows come when the test says so."""

    def __init__(self, rows: tuple[Row, ...], error: NetbuilderError | None = None) -> None:
        self._rows, self._error = rows, error
        self.go = threading.Event()

    def run(self, job: Job) -> tuple[Row, ...]:
        job.learn(self._rows[:1])
        job.report(0.5, "bfloat16")
        while not self.go.wait(0.01):
            job.report(0.5, "bfloat16")
        if self._error is not None:
            raise self._error
        return self._rows


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    window.furnish()
    window.workspace.open_unsaved(iris())
    return window


def _opened(window: MainWindow, qtbot: QtBot, staged: Staged) -> TrialDialog:
    asked: list[bool] = []

    def order(with_compile: bool) -> Callable[[Job], tuple[Row, ...]]:
        asked.append(with_compile)
        return staged.run

    dialog = TrialDialog(window, order)
    dialog.asked = asked  # type: ignore[attr-defined]
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def _texts(dialog: TrialDialog, row: int) -> list[str]:
    return [dialog.table.item(row, column).text().strip() for column in range(dialog.table.columnCount())]


def test_a_way_is_measured_picked_and_undone(window, qtbot):
    staged = Staged((PLAIN_ROW, HALF, BROKEN))
    dialog = _opened(window, qtbot, staged)
    assert dialog.said.text() == EMPTY
    assert not dialog.use_button.isEnabled()
    dialog.compile.setChecked(True)
    dialog.measure_button.click()
    assert dialog.asked == [True]
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 1)
    qtbot.waitUntil(lambda: (dialog.progress.value(), dialog.said.text()) == (500, "bfloat16"))
    assert (dialog.measure_button.text(), dialog.compile.isEnabled()) == ("Stop", False)
    staged.go.set()
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 3)
    assert _texts(dialog, 0) == ["float32", "2.00", "1.00", "0.00 %", "in the plan"]
    assert _texts(dialog, 1) == ["bfloat16", "1.00", "2.00", "+6.60 %", ""]
    assert _texts(dialog, 2) == ["float16", "–", "–", "–", "given up: about 9 times as slow"]
    assert dialog.said.text() == "Fastest here is bfloat16: 2.00 times as fast as the usual way."
    assert dialog.row is HALF, "the fastest is picked"
    dialog.table.selectRow(2)
    assert not dialog.use_button.isEnabled(), "it could not be measured"
    dialog.table.selectRow(0)
    assert not dialog.use_button.isEnabled(), "it is in the plan"
    dialog.table.selectRow(1)
    dialog.use_button.click()
    workspace = window.workspace
    assert workspace.document.plan.precision == "bf16"
    assert workspace.history.undo_title == "Train in bfloat16"
    workspace.undo()
    assert workspace.document.plan.precision == "float32"


def test_it_is_stopped_and_measured_again(window, qtbot):
    dialog = _opened(window, qtbot, Staged((PLAIN_ROW,)))
    dialog.measure_button.click()
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 1)
    dialog.measure_button.click()
    assert dialog.said.text() == "Stopped: what there is comes from fewer turns."
    assert dialog.measure_button.text() == "Measure again"
    qtbot.waitUntil(lambda: not window.background.is_busy)
    assert dialog.said.text().startswith("Stopped")


def test_closing_gives_the_measurement_up(window, qtbot):
    dialog = _opened(window, qtbot, Staged((PLAIN_ROW,)))
    dialog.measure_button.click()
    assert window.background.is_busy
    dialog.close_button.click()
    qtbot.waitUntil(lambda: not window.background.is_busy)


def test_what_is_in_the_way_is_shown(window, qtbot, monkeypatch):
    told = []
    monkeypatch.setattr(window, "show_problems", lambda title, problems: told.append((title, problems)))
    problem = Problem(code="device.missing", message="There is no such device.")
    staged = Staged((PLAIN_ROW,), NetbuilderError(problem))
    dialog = _opened(window, qtbot, staged)
    dialog.measure_button.click()
    staged.go.set()
    qtbot.waitUntil(lambda: bool(told))
    assert told == [("The trial could not be made", (problem,))]
    assert dialog.said.text() == "It could not be measured."


def test_nothing_faster_is_said(window, qtbot):
    staged = Staged((PLAIN_ROW, replace(HALF, speed=1.01)))
    dialog = _opened(window, qtbot, staged)
    dialog.measure_button.click()
    staged.go.set()
    qtbot.waitUntil(lambda: dialog.said.text() == "No way is clearly faster than the usual one.")


def test_the_menu_opens_it_and_it_measures_the_document_in_another_process(window, qtbot, monkeypatch):
    def touched(*_: object, **__: object) -> None:
        raise AssertionError("the window's own process measures")

    monkeypatch.setattr(trial.Trial, "run", touched)
    window.actions_["train.fastest"].trigger()
    (dialog,) = window.findChildren(TrialDialog)
    dialog.measure_button.click()
    qtbot.waitUntil(lambda: dialog.table.rowCount() >= 2, timeout=90_000)
    assert dialog.measure_button.text() == "Stop", "rows are shown as they become known"
    assert _texts(dialog, 0)[0] == "float32"
    dialog.reject()
    qtbot.waitUntil(lambda: not window.background.is_busy, timeout=20_000)
    assert not multiprocessing.active_children(), "closing ends the process"


def test_a_network_with_errors_shows_them_instead(window, qtbot):
    raised = []
    window.workspace.problemsRaised.connect(raised.append)
    graph = window.workspace.document.graph
    edges = {port: source for port, source in graph.edges.items() if port.node != "scores"}
    window.workspace.open_unsaved(replace(iris(), graph=replace(graph, edges=edges)))
    window.actions_["train.fastest"].trigger()
    assert raised
    assert not window.findChildren(TrialDialog)


def test_it_waits_for_a_run_to_end(window):
    (spec,) = [each for each in ACTIONS if each.id == "train.fastest"]
    assert spec.enabled(window.workspace)
    window.workspace.trainer._state = State.RUNNING
    assert not spec.enabled(window.workspace)
    window.workspace.trainer._state = State.IDLE
