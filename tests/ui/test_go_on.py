"""Going on with earlier runs in the window."""

from __future__ import annotations

import pytest

from netbuilder.document.files import write_document
from netbuilder.foundation.preferences import Preferences
from netbuilder.training.protocol import State, Stop
from netbuilder.training.resumable import find_resumable
from netbuilder.training.run_files import STATE
from netbuilder.training.run_store import RunStore
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.training.documents import begin, iris, planned, train
from tests.training.test_going_on import history, stopped_at

EPOCH = 7


@pytest.fixture
def window(qtbot):
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    window.furnish()
    window.workspace.torch_loaded()
    return window


@pytest.fixture
def project(tmp_path):
    """A project's file, and the folder of its runs."""
    path = tmp_path / "iris.netb"
    write_document(path, planned(iris(), epochs=3))
    return path


def _interrupt(folder) -> None:
    """Make a run that was stopped look as one that was killed."""
    with RunStore.open(folder.parent)._reading() as connection:
        connection.execute("UPDATE runs SET ended = NULL, reason = ''")
        connection.commit()


def _opened(window, project, qtbot):
    window.workspace.open(project)
    qtbot.waitUntil(lambda: not window.background.is_busy)
    return window.going_on.dialog


def _ended(window, qtbot) -> None:
    qtbot.waitUntil(lambda: window.workspace.state in (State.ENDED, State.FAILED), timeout=30_000)


def test_an_interrupted_run_is_offered_and_goes_on_with_its_curve(window, project, qtbot):
    folder = project.with_suffix(".runs") / "run"
    stopped_at(planned(iris(), epochs=3), folder, EPOCH + 2)
    _interrupt(folder)
    dialog = _opened(window, project, qtbot)
    assert "interrupted" in dialog.intro.text()
    assert "step 9" in dialog.intro.text()
    assert window.workspace.state is State.IDLE, "never by itself"
    dialog.go_on_button.click()
    qtbot.waitUntil(lambda: window.workspace.trainer.folder == folder)
    assert window.workspace.series["loss/train"].steps.tolist() == list(range(1, EPOCH + 3))
    _ended(window, qtbot)
    assert window.workspace.series["loss/train"].steps.tolist() == list(range(1, 3 * EPOCH + 1))
    train(planned(iris(), epochs=3), folder.with_name("whole"))
    assert window.workspace.series["loss/train"].values.tolist() == history(folder.with_name("whole"))["loss/train"][1]
    assert window.workspace.state is State.ENDED
    assert not window.workspace.is_modified


def test_who_declines_is_not_asked_again(window, project, qtbot):
    folder = project.with_suffix(".runs") / "run"
    stopped_at(planned(iris(), epochs=3), folder, 2)
    _interrupt(folder)
    _opened(window, project, qtbot).reject()
    window.going_on.dialog = None
    assert _opened(window, project, qtbot) is None
    window.actions_["train.go_on"].trigger()
    qtbot.waitUntil(lambda: window.going_on.dialog is not None)
    assert window.going_on.dialog.run.is_interrupted


@pytest.mark.parametrize("how", ["stopped", "finished", "none"])
def test_nothing_is_offered_of_what_came_to_its_end(window, project, qtbot, how):
    folder = project.with_suffix(".runs") / "run"
    if how == "stopped":
        stopped_at(planned(iris(), epochs=3), folder, 2)
    elif how == "finished":
        train(planned(iris(), epochs=3), folder)
    assert _opened(window, project, qtbot) is None


def test_a_finished_run_is_trained_for_more_epochs(window, project, qtbot):
    folder = project.with_suffix(".runs") / "run"
    train(planned(iris(), epochs=3), folder)
    window.workspace.open(project)
    window.actions_["train.go_on"].trigger()
    qtbot.waitUntil(lambda: window.going_on.dialog is not None)
    dialog = window.going_on.dialog
    assert dialog.length.count() == 1
    dialog.epochs.setValue(2)
    assert "5 epochs in all" in dialog.hint.text()
    dialog.go_on_button.click()
    qtbot.waitUntil(lambda: window.workspace.trainer.folder == folder)
    assert window.workspace.document.plan.epochs == 5, "the plan says what is trained"
    _ended(window, qtbot)
    assert len(window.workspace.series["loss/train"]) == 5 * EPOCH
    window.workspace.undo()
    assert window.workspace.document.plan.epochs == 3


def test_a_run_of_an_edited_network_goes_on_with_its_own(window, project, qtbot):
    folder = project.with_suffix(".runs") / "run"
    stopped_at(planned(iris(9), epochs=3), folder, 2)
    window.workspace.open(project)
    window.actions_["train.go_on"].trigger()
    qtbot.waitUntil(lambda: window.going_on.dialog is not None)
    with qtbot.waitSignal(window.workspace.message, check_params_cb=lambda text: "began with" in text):
        window.going_on.dialog.go_on_button.click()
    _ended(window, qtbot)
    assert window.workspace.state is State.ENDED
    assert len(window.workspace.series["loss/train"]) == 3 * EPOCH
    assert window.workspace.document.graph.nodes["hidden"].parameters["units"] == 8


def test_a_project_without_runs_says_so(window, project, qtbot):
    window.workspace.open(project)
    window.actions_["train.go_on"].trigger()
    qtbot.waitUntil(lambda: window.going_on.dialog is not None)
    dialog = window.going_on.dialog
    assert "No run" in dialog.intro.text()
    assert not dialog.go_on_button.isEnabled()


def test_a_run_in_progress_is_not_among_those_that_can_go_on(tmp_path):
    run = begin(planned(iris(), epochs=100_000), tmp_path / "x.runs" / "run", paused=True)
    run.until(lambda told: told.progress.state is State.PAUSED)
    run.until(lambda told: (tmp_path / "x.runs" / "run" / STATE).exists())
    assert find_resumable(tmp_path / "x.runs") == ()
    run.host.send(Stop())
    run.finish()
    assert len(find_resumable(tmp_path / "x.runs")) == 1


def test_the_run_that_is_selected_in_the_table_is_picked(window, project, qtbot):
    for name in ("one", "two"):
        stopped_at(planned(iris(), epochs=3), project.with_suffix(".runs") / name, 2)
    window.workspace.open(project)
    for name in ("one", "two", "none"):
        window.workspace.runs.selection = (name,)
        window.going_on.dialog = None
        if name == "none":
            with qtbot.waitSignal(window.workspace.message, check_params_cb=lambda text: "cannot go on" in text):
                window.going_on.show_selected()
        else:
            window.going_on.show_selected()
            qtbot.waitUntil(lambda: window.going_on.dialog is not None)
            assert window.going_on.dialog.run.record.id == name
            window.going_on.dialog.reject()
