"""Runs that are over, back in the window: looked back at, branched from, gone on with, opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QThreadPool
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.files import write_document
from netbuilder.foundation.preferences import Preferences
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.project import Project
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.protocol import PictureKind, State
from netbuilder.training.resumable import at_moment, document_of, whole
from netbuilder.training.run_lock import held_run
from netbuilder.training.run_store import RunStore
from netbuilder.training.snapshot_files import path_of, snapshots_of
from netbuilder.training.snapshots import load_snapshot
from netbuilder.ui.canvas.pictures import Losses
from netbuilder.ui.panels.timeline import Timeline
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.training.documents import iris, planned


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a run of an earlier day."""
    file = tmp_path / "x.netb"
    write_document(file, planned(iris(), epochs=4))
    Project.load(file).train()
    return file


@pytest.fixture
def run(project: Path) -> Path:
    (folder,) = (each for each in project.with_suffix(".runs").iterdir() if each.is_dir())
    return folder


@pytest.fixture
def window(qtbot: QtBot, project: Path) -> MainWindow:
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda _: setattr(window, "_may_close", True))
    window.workspace.open(project)
    window.show()
    window.furnish()
    window.workspace.torch_loaded()
    window.docks.show("runs")
    qtbot.waitUntil(lambda: len(window.workspace.runs.rows) == 1)
    yield window
    QThreadPool.globalInstance().waitForDone(5_000)


def look_back(window: MainWindow, qtbot: QtBot) -> None:
    workspace = window.workspace
    workspace.runs.select([workspace.runs.rows[0].id])
    window.actions_["runs.look_back"].trigger()
    qtbot.waitUntil(lambda: workspace.state is State.ENDED and bool(workspace.past.moments), timeout=30_000)


def look_at(window: MainWindow, qtbot: QtBot, step: int) -> None:
    window.workspace.past.look(step)
    qtbot.waitUntil(lambda: window.workspace.past.is_settled and window.workspace.past.shown == step)


def middle(run: Path) -> int:
    moments = snapshots_of(run)
    return moments[(len(moments) - 1) // 2].step


def ended(window: MainWindow, qtbot: QtBot) -> None:
    workspace = window.workspace
    qtbot.waitUntil(lambda: workspace.state is State.ENDED and not workspace.trainer.is_revisiting, timeout=30_000)


def test_an_earlier_run_has_its_curves_and_moments_in_the_window(window, run, qtbot) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    look_back(window, qtbot)
    workspace = window.workspace
    steps = RunStore.open(run.parent).series(run.name, "loss/train").steps.tolist()
    assert workspace.series["loss/train"].steps.tolist() == steps
    assert [each.step for each in workspace.past.moments] == [each.step for each in snapshots_of(run)]
    window.docks.show("curves")
    assert window.findChild(Timeline).slider.maximum() == len(snapshots_of(run))
    loss = next(id for id, node in workspace.document.graph.nodes.items() if node.type == "cross_entropy")
    assert isinstance(window.canvas.live.pictures[loss], Losses)
    step = middle(run)
    look_at(window, qtbot, step)
    assert {each.step for each in workspace.pictures.values() if each.kind is PictureKind.VECTOR} <= {step}
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_a_new_run_branches_from_an_earlier_one(window, run, qtbot) -> None:
    look_back(window, qtbot)
    look_at(window, qtbot, middle(run))
    window.actions_["time.branch"].trigger()
    ended(window, qtbot)
    assert window.workspace.trainer.folder != run
    assert RunStore.open(run.parent).run(window.workspace.trainer.folder.name).reason == "finished"


def test_an_earlier_run_goes_on_from_a_moment_and_what_came_after_stays(window, run, qtbot) -> None:
    last, step = snapshots_of(run)[-1].step, middle(run)
    look_back(window, qtbot)
    look_at(window, qtbot, step)
    assert window.actions_["time.go_on"].isEnabled()
    window.actions_["time.go_on"].trigger()
    qtbot.waitUntil(lambda: window.workspace.state.is_active, timeout=10_000)
    ended(window, qtbot)
    assert window.workspace.trainer.folder == run
    left = run.with_name(f"{run.name}~1")
    assert snapshots_of(left)[-1].step == last
    assert window.workspace.series["loss/train"].steps.tolist() == [*range(1, last + 1)]


def test_the_end_of_a_run_is_no_moment_to_go_on_from(window, run, qtbot) -> None:
    look_back(window, qtbot)
    told = []
    window.workspace.problemsRaised.connect(told.append)
    window.workspace.revisiting.go_on(run, snapshots_of(run)[-1].step)
    qtbot.waitUntil(lambda: bool(told))
    assert told[0][0].code == "resume.done"


def test_a_moment_opens_as_a_project_with_its_weights(window, run, qtbot) -> None:
    look_back(window, qtbot)
    step = middle(run)
    look_at(window, qtbot, step)
    window.actions_["time.open"].trigger()
    workspace = window.workspace
    qtbot.waitUntil(lambda: workspace.path is None, timeout=10_000)
    start = workspace.document.plan.weights
    kept = load_checkpoint(run.parent / start.file)
    wanted = load_snapshot(run, step).part("model")
    assert kept.about["step"] == step
    assert kept.tensors.keys() == wanted.keys()
    assert all(bool((kept.tensors[key] == wanted[key]).all()) for key in wanted)


def test_another_network_than_the_one_shown_is_told(window, run, qtbot) -> None:
    workspace = window.workspace
    node = next(id for id, each in workspace.document.graph.nodes.items() if each.type == "linear")
    workspace.edit("Widen", lambda document: edits.set_parameters(document, node, {"units": 21}))
    told = []
    workspace.message.connect(told.append)
    look_back(window, qtbot)
    assert any("another network" in text for text in told)


def test_a_run_that_goes_on_elsewhere_is_not_looked_into(window, run, qtbot) -> None:
    told = []
    window.workspace.problemsRaised.connect(told.append)
    with held_run(run):
        window.workspace.revisiting.look_back(run.name)
        qtbot.waitUntil(lambda: bool(told))
    assert told[0][0].code == "resume.running"
    assert window.workspace.state is State.IDLE


def test_a_run_at_a_moment_is_not_done_before_its_epochs_are(run) -> None:
    moments = snapshots_of(run)
    found = at_moment(run, moments[0].step)
    assert (found.step, found.is_newest, found.is_done) == (moments[0].step, False, False)
    assert document_of(found).plan.epochs == 4
    path_of(run, moments[0]).unlink()
    with pytest.raises(NetbuilderError) as told:
        at_moment(run, moments[0].step)
    assert told.value.problems[0].code == "snapshot.missing"
    with pytest.raises(NetbuilderError) as told:
        whole(run.parent, "nothing")
    assert told.value.problems[0].code == "resume.unknown"
