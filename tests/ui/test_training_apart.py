"""The window while its runs have a process of their own, and when that process dies."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.foundation.preferences import Preferences
from netbuilder.training.process_host import ProcessHost
from netbuilder.training.protocol import PictureKind, State
from netbuilder.training.run_files import STATE
from netbuilder.training.thread_host import ThreadHost
from netbuilder.ui.workspace import Workspace
from tests.training.documents import iris, planned

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")


@pytest.fixture
def apart(qtbot: QtBot, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose runs have a process of their own."""
    preferences = Preferences(tmp_path / "preferences.json")
    preferences.set("train_in", "process")
    workspace = Workspace(preferences)
    workspace.open_unsaved(planned(iris(), epochs=100_000))
    workspace.torch_loaded()
    qtbot.waitUntil(lambda: workspace.is_settled, timeout=20_000)
    yield workspace
    workspace.control.stop()
    assert workspace.trainer.wait(20)
    workspace.trainer.leave()


def until(qtbot: QtBot, workspace: Workspace, state: State) -> None:
    qtbot.waitUntil(lambda: workspace.state is state, timeout=30_000)


def saved(workspace: Workspace) -> bool:
    return workspace.trainer.folder is not None and (workspace.trainer.folder / STATE).exists()


def test_a_run_dies_and_the_window_goes_on(apart: Workspace, qtbot: QtBot) -> None:
    host = apart.trainer._host
    assert isinstance(host, ProcessHost), "it got ready before it was needed"
    apart.control.train()
    qtbot.waitUntil(lambda: apart.trainer.record.progress.step > 10 and saved(apart), timeout=30_000)
    assert host.process_id is not None
    os.kill(host.process_id, signal.SIGSEGV)
    qtbot.waitUntil(lambda: any(event.kind == "resume" for event in apart.events), timeout=30_000)
    until(qtbot, apart, State.RUNNING)
    assert not [event for event in apart.events if event.problems], "it has gone on by itself"
    os.kill(host.process_id, signal.SIGSEGV)
    until(qtbot, apart, State.FAILED)
    problems = [problem for event in apart.events for problem in event.problems]
    assert [problem.code for problem in problems] == ["session.died"]
    apart.control.train()
    qtbot.waitUntil(lambda: apart.trainer.record.progress.step > 10, timeout=30_000)
    apart.control.stop()
    until(qtbot, apart, State.ENDED)
    apart.preferences.set("train_in", "thread")
    apart.control.train()
    assert isinstance(apart.trainer._host, ThreadHost), "the next run follows the preference"
    assert host.process_id is None


def test_what_a_run_that_died_has_kept_can_be_looked_at(apart: Workspace, qtbot: QtBot) -> None:
    apart.control.train()
    qtbot.waitUntil(lambda: apart.trainer.record.progress.step > 10 and bool(apart.past.moments), timeout=30_000)
    folder = apart.trainer.folder
    os.kill(apart.trainer._host.process_id, signal.SIGKILL)
    until(qtbot, apart, State.FAILED)
    assert apart.trainer.is_lost
    step = apart.past.moments[0].step
    apart.past.look(step)
    qtbot.waitUntil(lambda: apart.past.shown == step and apart.past.is_settled, timeout=30_000)
    assert apart.trainer.is_revisiting
    assert apart.trainer.folder == folder
    assert {each.step for each in apart.pictures.values() if each.kind is PictureKind.BARS} == {step}


def seen(workspace: Workspace) -> int | None:
    """Return of which step the picture of the hidden layer's answer is."""
    picture = workspace.trainer.record.pictures.get((PictureKind.VECTOR, "hidden"))
    return picture.step if picture else None


def test_the_network_is_edited_seen_as_it_was_gone_back_with_and_branched(apart: Workspace, qtbot: QtBot) -> None:
    apart.open_unsaved(planned(iris(), epochs=3))
    qtbot.waitUntil(lambda: apart.is_settled, timeout=20_000)
    apart.control.step("epoch")
    qtbot.waitUntil(lambda: apart.progress.step == 7 and apart.state is State.PAUSED, timeout=30_000)
    assert isinstance(apart.trainer._host, ProcessHost)
    apart.past.keep()
    qtbot.waitUntil(lambda: 7 in [moment.step for moment in apart.past.moments], timeout=30_000)
    apart.edit("Wider", lambda document: edits.set_parameters(document, "hidden", {"units": 12}))
    qtbot.waitUntil(lambda: bool(apart.live_edits.waiting))
    apart.live_edits.apply()
    qtbot.waitUntil(lambda: bool(apart.live_edits.marks), timeout=30_000)
    apart.control.step()
    qtbot.waitUntil(lambda: apart.progress.step == 8 and apart.state is State.PAUSED, timeout=30_000)
    apart.live_edits.go_back()
    qtbot.waitUntil(lambda: apart.progress.step == 7 and apart.state is State.PAUSED, timeout=30_000)
    assert apart.document.graph.nodes["hidden"].parameters["units"] == 8
    apart.control.watch(["hidden"])
    apart.past.look(0)
    qtbot.waitUntil(lambda: apart.past.shown == 0, timeout=30_000)
    qtbot.waitUntil(lambda: seen(apart) == 0, timeout=30_000)
    apart.control.train()
    until(qtbot, apart, State.ENDED)
    ended = apart.trainer.folder
    apart.past.look(7)
    qtbot.waitUntil(lambda: apart.past.shown == 7, timeout=30_000)
    apart.past.branch()
    qtbot.waitUntil(lambda: apart.trainer.folder != ended and apart.state is State.ENDED, timeout=30_000)
    assert apart.progress.step == 21
    assert not [event for event in apart.events if event.kind in ("crash", "problem")]
