"""The window while its runs have a process of their own, and when that process dies."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

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
