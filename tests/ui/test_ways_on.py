"""What a person can do in one click about a run that failed: in the message, among the problems, on the run's card."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QMessageBox, QPushButton

from netbuilder.document.files import write_document
from netbuilder.foundation.preferences import Preferences
from netbuilder.foundation.problem import Problem
from netbuilder.training.events import GO_ON, GO_ON_APART, GO_ON_CPU
from netbuilder.training.failures import device_fault
from netbuilder.training.protocol import Event, State, Telemetry
from netbuilder.training.resumable import find_resumable
from netbuilder.ui.panels.curves import CurvesPanel
from netbuilder.ui.panels.problems import ProblemsPanel
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.training.documents import iris, planned
from tests.training.test_going_on import stopped_at

DIED = Problem(code="session.died", message="The training has stopped: its process has ended.", actions=(GO_ON,))


@pytest.fixture
def window(qtbot, tmp_path):
    """A window with a project whose run was stopped in its second epoch."""
    path = tmp_path / "iris.netb"
    made = planned(iris(), epochs=3)
    write_document(path, made)
    stopped_at(made, path.with_suffix(".runs") / "run", 9)
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    window.furnish()
    window.workspace.open(path)
    window.workspace.torch_loaded()
    qtbot.waitUntil(lambda: not window.background.is_busy)
    return window


def tell(window: MainWindow, problem: Problem) -> QMessageBox:
    """Let the run tell a problem; returns the message that it becomes."""
    event = Event(kind="problem", text=problem.message, problems=(problem,))
    window.workspace.trainer.record.events.append(event)
    window.workspace.telemetry.emit(Telemetry(events=(event,)))
    return window.findChildren(QMessageBox)[-1]


def buttons(widget) -> dict[str, QPushButton]:
    return {button.text(): button for button in widget.findChildren(QPushButton) if button.text()}


def has_gone_on(window: MainWindow, qtbot) -> None:
    workspace = window.workspace
    qtbot.waitUntil(lambda: workspace.state is State.ENDED, timeout=60_000)
    assert [event.step for event in workspace.events if event.kind == "resume"] == [9]
    assert workspace.progress.step == 21


def test_the_message_goes_on(window, qtbot):
    box = tell(window, DIED)
    assert set(buttons(box)) == {"Go on", "OK"}
    assert box.defaultButton().text() == "Go on"
    buttons(box)["Go on"].click()
    has_gone_on(window, qtbot)


def test_the_problems_panel_goes_on(window, qtbot):
    tell(window, DIED).close()
    window.docks.show("problems")
    panel = window.findChild(ProblemsPanel)
    assert panel.windowTitle() == "Problems 1"
    (row,) = panel.rows
    buttons(row)["Go on"].click()
    has_gone_on(window, qtbot)
    assert panel.windowTitle() == "Problems", "another run has met nothing yet"


def test_the_runs_card_goes_on(window, qtbot):
    workspace = window.workspace
    window.docks.show("runs")
    workspace.runs.look()
    qtbot.waitUntil(lambda: len(workspace.runs.rows) == 1)
    workspace.runs.select(["run"])
    (button,) = [each for each in window.findChildren(QPushButton) if each.text() == "Go on" and each.isVisible()]
    button.click()
    has_gone_on(window, qtbot)
    workspace.runs.look()
    qtbot.waitUntil(lambda: workspace.runs.rows[0].values["state"] == "finished")
    qtbot.waitUntil(lambda: not button.isVisible())


def test_the_menu_goes_on_with_the_newest_run(window, qtbot):
    window.actions_["train.go_on_last"].trigger()
    has_gone_on(window, qtbot)


def test_a_device_that_failed_is_left_in_one_click(window, qtbot):
    fault = device_fault(RuntimeError("CUDA error: unknown error"))
    assert fault.actions == (GO_ON_APART, GO_ON_CPU)
    window.toolbar.set_devices((("cpu", "CPU"), ("cuda:0", "GPU")))
    window.toolbar.choose_device("cuda:0")
    box = tell(window, fault)
    assert set(buttons(box)) == {"Go on in a process of its own", "Train on the CPU", "OK"}
    buttons(box)["Train on the CPU"].click()
    assert (window.workspace.trainer.device, window.toolbar.device.text()) == ("cpu", "CPU")
    has_gone_on(window, qtbot)


def test_going_on_in_a_process_of_its_own_is_a_preference_from_then_on(window, qtbot):
    box = tell(window, replace(DIED, actions=(GO_ON_APART,)))
    buttons(box)["Go on in a process of its own"].click()
    assert window.workspace.preferences.get("train_in") == "process"
    has_gone_on(window, qtbot)
    window.workspace.trainer.leave()


def test_a_run_that_saved_nothing_begins_anew(window, qtbot):
    workspace = window.workspace
    (run,) = find_resumable(workspace.runs.folder)
    for each in run.folder.glob("state*"):
        each.unlink()
    workspace.goOnRequested.emit("run", "")
    qtbot.waitUntil(lambda: workspace.state is State.ENDED, timeout=60_000)
    assert workspace.trainer.folder.name != "run"


def test_a_run_that_is_done_is_asked_about(window, qtbot):
    window.actions_["train.go_on_last"].trigger()
    has_gone_on(window, qtbot)
    window.actions_["train.go_on_last"].trigger()
    qtbot.waitUntil(lambda: window.going_on.dialog is not None and window.going_on.dialog.isVisible())
    window.going_on.dialog.reject()


def test_where_a_run_went_on_by_itself_there_is_a_flag(window, qtbot):
    workspace = window.workspace
    window.actions_["train.go_on_last"].trigger()
    has_gone_on(window, qtbot)
    text = "Going on from step 9: its process has ended."
    workspace.trainer.record.events.append(Event(kind="resume", text=text, step=9, data={"cause": "it ended"}))
    window.docks.show("curves")
    loss = window.findChild(CurvesPanel).loss
    loss.refresh()
    assert [(marker.step, marker.text) for marker in loss.chart.markers] == [(9, text)]
