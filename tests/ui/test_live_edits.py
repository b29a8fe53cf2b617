"""Edits while a run is in progress: settings reach it, a changed network waits, and all can be taken back."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.foundation.preferences import Preferences
from netbuilder.training.protocol import Event, State
from netbuilder.ui.canvas.apply_bar import ApplyBar
from netbuilder.ui.canvas.view import CanvasView
from netbuilder.ui.live_edits import what_changed
from netbuilder.ui.panels.chart import Chart
from netbuilder.ui.panels.markers import Marker
from netbuilder.ui.panels.plan_page import PlanPage
from netbuilder.ui.theme import controller
from netbuilder.ui.workspace import Workspace
from tests.builders import node
from tests.training.documents import iris, moons, planned

MINUTE = 60_000


@pytest.fixture(autouse=True)
def collected_here() -> Iterator[None]:
    """No collection on the training thread, as in the program (`netbuilder.ui.collector`): it would free Qt objects."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def workspace(qtbot: QtBot) -> Iterator[Workspace]:
    made = Workspace(Preferences())
    made.torch_loaded()
    yield made
    made.trainer.stop()
    assert made.trainer.wait(60)
    made.trainer.forget()


@pytest.fixture
def resting(workspace: Workspace, qtbot: QtBot) -> Workspace:
    """A workspace whose run rests after its first step."""
    workspace.open_unsaved(planned(iris(8, node("act", "relu"), node("drop", "dropout", p=0.5)), epochs=50))
    workspace.control.step()
    qtbot.waitUntil(lambda: workspace.state is State.PAUSED, timeout=MINUTE)
    return workspace


def changes(workspace: Workspace) -> list[Event]:
    return [event for event in workspace.events if event.kind == "change"]


def wait_for_change(workspace: Workspace, qtbot: QtBot, count: int = 1) -> Event:
    qtbot.waitUntil(lambda: len(changes(workspace)) >= count, timeout=MINUTE)
    return changes(workspace)[-1]


def widen(workspace: Workspace, units: int = 12) -> None:
    workspace.edit("Wider", lambda document: edits.set_parameters(document, "hidden", {"units": units}))


def test_a_setting_reaches_the_run_and_so_does_undoing_it(resting: Workspace, qtbot: QtBot) -> None:
    resting.edit("Drop less", lambda document: edits.set_parameters(document, "drop", {"p": 0.25}))
    wait_for_change(resting, qtbot)
    assert what_changed(*resting.live_edits.marks) == "drop: probability 0.5 → 0.25"
    assert resting.live_edits.waiting == ()
    resting.undo()
    wait_for_change(resting, qtbot, 2)
    assert what_changed(resting.live_edits.marks[-1]) == "drop: probability 0.25 → 0.5"


def test_a_number_that_is_dragged_is_one_change(resting: Workspace, qtbot: QtBot) -> None:
    for size in range(17, 30):
        resting.edit("Batch", lambda document, size=size: edits.change_plan(document, {"batch_size": size}), "drag")
    wait_for_change(resting, qtbot)
    qtbot.wait(300)
    assert [what_changed(event) for event in changes(resting)] == ["batch size 16 → 29"]


def test_a_changed_network_waits_until_it_is_applied(resting: Workspace, qtbot: QtBot) -> None:
    widen(resting)
    qtbot.waitUntil(lambda: resting.live_edits.waiting == ("hidden: units 8 → 12",))
    assert resting.control.is_stale
    assert not changes(resting)
    resting.edit("Clip", lambda document: edits.change_plan(document, {"clip_norm": 1.0}))
    assert what_changed(wait_for_change(resting, qtbot)) == "clip gradients to 0 → 1"
    resting.live_edits.apply()
    told = wait_for_change(resting, qtbot, 2)
    assert what_changed(told) == "hidden: units 8 → 12"
    assert told.data["loss"][1] == pytest.approx(told.data["loss"][0], abs=1e-5)
    assert not resting.control.is_stale


def test_what_waits_can_be_dropped_and_brought_back(resting: Workspace, qtbot: QtBot) -> None:
    resting.edit("Delete", lambda document: edits.remove_and_heal(document, ["drop"]))
    qtbot.waitUntil(lambda: bool(resting.live_edits.waiting))
    resting.live_edits.discard()
    assert "drop" in resting.document.graph.nodes
    assert "drop" in resting.document.layout.places
    qtbot.waitUntil(lambda: not resting.live_edits.waiting)
    resting.undo()
    assert "drop" not in resting.document.graph.nodes


def test_going_back_restores_document_curves_and_run(resting: Workspace, qtbot: QtBot) -> None:
    widen(resting)
    qtbot.waitUntil(lambda: bool(resting.live_edits.waiting))
    resting.live_edits.apply()
    wait_for_change(resting, qtbot)
    assert resting.live_edits.can_go_back
    resting.control.step("epoch")
    qtbot.waitUntil(lambda: resting.progress.step > 5 and resting.state is State.PAUSED, timeout=MINUTE)
    assert len(resting.series["loss/train"]) > 5
    resting.live_edits.go_back()
    wait_for_change(resting, qtbot, 2)
    assert resting.document.graph.nodes["hidden"].parameters["units"] == 8
    assert resting.live_edits.marks == ()
    assert not resting.live_edits.can_go_back
    assert resting.series["loss/train"].steps.tolist() == [1]
    qtbot.waitUntil(lambda: resting.progress.step == 1 and resting.state is State.PAUSED, timeout=MINUTE)
    assert resting.history.undo_title == "Go back to before: hidden: units 8 → 12"


def test_a_mistake_does_not_reach_the_run(resting: Workspace, qtbot: QtBot) -> None:
    resting.edit("Cut", lambda document: edits.remove_nodes(document, ["act"]))
    qtbot.waitUntil(lambda: bool(resting.live_edits.waiting))
    with qtbot.waitSignal(resting.problemsRaised):
        resting.live_edits.apply()
    assert not changes(resting)
    assert resting.trainer.document is not None
    assert "act" in resting.trainer.document.graph.nodes


def test_a_refused_change_leaves_what_is_trained(resting: Workspace, qtbot: QtBot) -> None:
    before = resting.trainer.document
    frozen = {id: {"trainable": False} for id in ("hidden", "scores")}
    resting.edit("Freeze", lambda document: edits.set_values(document, frozen))
    assert wait_for_change(resting, qtbot).problems
    assert resting.trainer.document == before
    assert resting.live_edits.marks == ()


def test_fields_say_what_counts_for_the_next_run(workspace: Workspace, qtbot: QtBot) -> None:
    workspace.open_unsaved(planned(moons(), epochs=50))
    page = PlanPage(workspace)
    qtbot.addWidget(page)
    workspace.control.step()
    qtbot.waitUntil(lambda: workspace.state is State.PAUSED, timeout=MINUTE)
    workspace.edit("Seed", lambda document: edits.change_plan(document, {"seed": 3}))
    qtbot.waitUntil(lambda: bool(workspace.live_edits.fixed))
    page.show_document()
    assert "this counts for the next run" in page.plan.note("seed")
    assert workspace.live_edits.waiting == ()
    workspace.undo()
    qtbot.waitUntil(lambda: not workspace.live_edits.fixed)
    page.show_document()
    assert page.plan.note("seed") == ""


def test_a_run_that_goes_on_with_other_settings_is_sent_nothing_unasked(resting: Workspace, qtbot: QtBot) -> None:
    """What the run was changed to before is marked; what is shown now waits until it is applied."""
    resting.edit("Clip", lambda document: edits.change_plan(document, {"clip_norm": 1.0}))
    wait_for_change(resting, qtbot)
    document, folder, record = resting.trainer.document, resting.trainer.folder, resting.trainer.record
    assert document is not None
    assert folder is not None
    resting.control.stop()
    qtbot.waitUntil(lambda: resting.state is State.ENDED, timeout=MINUTE)
    resting.edit("Batch", lambda shown: edits.change_plan(shown, {"batch_size": 30}))
    told = len(changes(resting))
    resting.trainer.go_on(document, None, folder, record)
    resting.control.pause()
    qtbot.waitUntil(lambda: resting.state is State.PAUSED, timeout=MINUTE)
    assert resting.live_edits.waiting == ("batch size 16 → 30",)
    assert what_changed(*resting.live_edits.marks) == "clip gradients to 0 → 1"
    assert len(changes(resting)) == told
    resting.live_edits.apply()
    assert what_changed(wait_for_change(resting, qtbot, told + 1)) == "batch size 16 → 30"
    assert resting.live_edits.waiting == ()


def test_without_a_run_nothing_waits(workspace: Workspace, qtbot: QtBot) -> None:
    workspace.open_unsaved(iris())
    widen(workspace)
    qtbot.wait(200)
    assert workspace.live_edits.waiting == ()
    assert not workspace.live_edits.can_go_back


def test_the_bar_is_there_while_edits_wait(resting: Workspace, qtbot: QtBot) -> None:
    view = CanvasView(resting, controller().theme)
    qtbot.addWidget(view)
    bar = ApplyBar(view, resting.live_edits)
    view.resize(900, 500)
    view.show()
    assert not bar.isVisible()
    widen(resting)
    qtbot.waitUntil(bar.isVisible)
    assert "hidden: units 8 → 12" in bar.words.text()
    assert view.rect().contains(bar.geometry())
    bar.apply.click()
    qtbot.waitUntil(lambda: not bar.isVisible())
    wait_for_change(resting, qtbot)
    widen(resting, 20)
    qtbot.waitUntil(bar.isVisible)
    bar.discard.click()
    qtbot.waitUntil(lambda: not bar.isVisible())
    assert resting.document.graph.nodes["hidden"].parameters["units"] == 12


def test_a_flag_is_found_where_it_is_drawn(qtbot: QtBot) -> None:
    chart = Chart(controller().theme)
    qtbot.addWidget(chart)
    chart.resize(400, 200)
    chart.show()
    chart.set_markers((Marker(5, 1, "learning rate 0.1 → 0.01"),))
    x, left, _ = chart.axes()
    with qtbot.waitSignal(chart.markerChosen) as chosen:
        place = QPointF(x.pixel(5) + 2, left.end + 4).toPoint()
        qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=place)
    assert chosen.args[0].number == 1
