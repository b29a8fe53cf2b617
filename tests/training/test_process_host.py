"""A session in a process of its own: it does what a thread's does, and takes nobody with it when it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from netbuilder.document.model import Document
from netbuilder.foundation import trust
from netbuilder.foundation.module_process import start_module
from netbuilder.training import process_host, session_process
from netbuilder.training.live_view import CAPACITY
from netbuilder.training.process_host import ProcessHost
from netbuilder.training.protocol import (
    Change,
    Look,
    Pause,
    PictureKind,
    Resume,
    Rewind,
    Snapshot,
    Start,
    State,
    Step,
    Stop,
    Watch,
)
from netbuilder.training.run_files import STATE
from netbuilder.training.state import load_state
from tests.compiler.test_custom import custom
from tests.training.documents import Run, iris, planned, train
from tests.training.processes import LONG, harm, running, start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")


@pytest.fixture(scope="module")
def host() -> Iterator[ProcessHost]:
    made = ProcessHost()
    yield made
    made.leave()
    assert made.process_id is None


def test_a_process_that_cannot_be_understood_is_ended_and_the_next_run_begins(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(
            session_process, "start_module", lambda _, parent: start_module("tests.training.babbling_child", parent)
        )
        made = ProcessHost()
        run = Run(made, tmp_path / "run")
        made.send(Start(document=iris(), folder=str(run.folder)))
        run.until(lambda told: told.progress.state is State.FAILED, 20)
    (problem,) = (problem for event in run.of("problem") for problem in event.problems)
    assert problem.code == "session.died"
    assert "cannot be read" in problem.message
    again = Run(made, tmp_path / "again")
    made.send(Start(document=iris(), folder=str(again.folder)))
    assert again.finish().end.data["reason"] == "finished"
    made.leave()


def test_it_learns_what_a_thread_learns_bit_for_bit(host, tmp_path):
    there, here = start(host, tmp_path / "a", iris()).finish(), train(iris(), tmp_path / "b")
    assert there.series("loss/train") == here.series("loss/train")
    assert there.series("loss/validation") == here.series("loss/validation")
    assert there.end.data["test"] == here.end.data["test"]
    assert (tmp_path / "a" / "best.safetensors").is_file()
    assert there.host.state is State.ENDED


def test_it_obeys(host, tmp_path):
    run = start(host, tmp_path / "run", planned(iris(), epochs=LONG), paused=True)
    run.until(lambda told: told.progress.state is State.PAUSED)
    for count in (1, 2):
        run.command(Step())
        run.until(lambda told, count=count: told.progress.step == count)
    run.command(Watch(nodes=("hidden",)))
    assert "hidden" in run.pictures(PictureKind.VECTOR)
    run.command(Change(document=planned(iris(), epochs=LONG, batch_size=20)))
    assert [event.text for event in run.of("change")] == ["Changed: batch size 16 → 20."]
    run.command(Resume())
    run.until(lambda told: told.progress.step > 20)
    run.command(Pause())
    run.until(lambda told: told.progress.state is State.PAUSED)
    run.host.send(Stop())
    run.finish()
    assert run.end.data["reason"] == "stopped"


def test_what_an_ended_run_leaves_can_be_looked_at(host, tmp_path):
    run = start(host, tmp_path / "run", planned(iris(), epochs=1)).finish()
    run.telemetry.clear()
    run.host.send(Watch(nodes=("hidden",)))
    run.finish()
    assert "hidden" in run.pictures(PictureKind.VECTOR)
    run.host.close()
    run.command(Watch(nodes=("hidden",)))
    assert any("was ignored" in event.text for event in run.of("log"))


def test_the_past_can_be_looked_at_and_gone_back_to(host, tmp_path):
    run = Run(host, tmp_path / "run")
    run.host.drain()
    made = planned(iris(), epochs=LONG)
    run.host.send(Start(document=made, folder=str(tmp_path / "run"), paused=True, snapshots=1 << 26))
    run.command(Watch(nodes=("hidden",)))
    for step in (1, 2, 3):
        run.command(Step())
        run.until(lambda told, step=step: told.progress.step == step and told.progress.state is State.PAUSED)
        run.command(Snapshot())
    run.command(Look(2))
    run.drain()
    told = [each.timeline for each in run.telemetry if each.timeline is not None][-1]
    assert told.shown == 2
    assert [moment.step for moment in told.moments] == [0, 1, 2, 3]
    assert run.pictures(PictureKind.VECTOR)["hidden"].step == 2
    run.command(Rewind(1))
    assert run.telemetry[-1].progress.step == 1
    run.host.send(Stop())
    run.finish()
    assert [event.data["rewound"] for event in run.of("rewind")] == [1]


def test_one_that_is_told_to_end_saves_its_run(tmp_path):
    """What a system sends to all processes when its session ends."""
    host = ProcessHost()
    try:
        run = running(host, tmp_path / "run")
        harm(host, "SIGTERM")
        run.finish(10)
        assert run.end.data["reason"] == "stopped"
        assert run.of("problem") == [] == run.of("revival")
        assert load_state(run.folder / STATE).step == run.telemetry[-1].progress.step
    finally:
        host.leave()


def test_one_that_dies_while_nothing_is_trained_has_failed_nobody(tmp_path):
    host = ProcessHost()
    try:
        start(host, tmp_path / "a", planned(iris(), epochs=1)).finish()
        harm(host, "SIGKILL")
        while host.process_id is not None:
            time.sleep(0.01)
        assert host.state is State.ENDED
        assert not host.drain().events
    finally:
        host.leave()


ORPHAN = """
import sys, time
from netbuilder.training.process_host import ProcessHost
from netbuilder.training.protocol import Start
from tests.training.documents import iris, planned
host = ProcessHost()
host.send(Start(document=planned(iris(), epochs=100_000), folder=sys.argv[1]))
while host.drain().progress.step < 5:
    time.sleep(0.01)
print(host.process_id, flush=True)
time.sleep(60)
"""


def test_no_orphan_outlives_the_program(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(tmp_path / "run")], stdout=subprocess.PIPE, env={**os.environ}
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    assert child.is_running()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs([child], timeout=10)
    assert not alive


def test_leaving_stops_and_saves_a_run(tmp_path):
    host = ProcessHost()
    run = running(host, tmp_path / "run")
    host.leave()
    assert host.process_id is None
    assert (run.folder / "last.safetensors").is_file()


LAYER = """\
import os, ctypes
class Fault(nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 0

    def forward(self, x):
        self.count += 1
        if self.count > 40 and self.training:
            {fault}
        return x
"""

BY_A_LAYER = {
    "ctypes.string_at(0)": "a fault in compiled code (SIGSEGV), at line",
    "os.abort()": "compiled code gave up (SIGABRT), at line",
    "os._exit(3)": "it ended by itself with status 3",
    "os._exit(0)": "it ended by itself with status 0",
}


def faulty(fault: str) -> Document:
    """Return a network with a layer of the user's that does something terrible after some steps."""
    code = LAYER.format(fault=fault)
    trust.grant([code])
    return planned(iris(8, custom("fault", code)), epochs=LONG)


def test_a_layer_that_brings_its_process_down_leaves_the_program_alone(tmp_path):
    host = ProcessHost()
    try:
        for number, (fault, words) in enumerate(BY_A_LAYER.items()):
            run = start(host, tmp_path / str(number), faulty(fault)).finish()
            (problem,) = [problem for event in run.of("problem") for problem in event.problems]
            assert problem.code == "session.died"
            assert words in problem.message
    finally:
        host.leave()


def test_a_layer_that_loops_without_end_is_told_and_ended_by_stop(tmp_path, monkeypatch):
    monkeypatch.setattr(process_host, "NO_STEP", 1.0)
    monkeypatch.setattr(process_host, "STOP_SECONDS", 0.5)
    host = ProcessHost()
    try:
        run = start(host, tmp_path / "run", faulty("while True: pass"))
        run.until(lambda _: bool(run.of("problem")))
        assert "has made no step for 1 seconds" in run.of("problem")[0].text
        assert run.host.state is State.RUNNING
        run.host.send(Stop())
        run.finish(20)
        assert "no longer answered" in run.of("problem")[-1].text
        assert start(host, tmp_path / "again", planned(iris(), epochs=1)).finish().end.data["reason"] == "finished"
    finally:
        host.leave()


def test_a_pause_is_not_taken_for_a_stop(host, tmp_path, monkeypatch):
    monkeypatch.setattr(process_host, "NO_STEP", 0.5)
    run = running(host, tmp_path / "run")
    run.command(Pause())
    end = time.monotonic() + 1.5
    run.until(lambda _: time.monotonic() > end)
    run.host.send(Stop())
    assert run.finish().of("problem") == []


def test_nobody_draining_costs_no_memory_and_loses_no_event(host, tmp_path):
    """Ten thousand steps that nobody looks at: the newest points are kept, and every event."""
    run = start(host, tmp_path / "run", planned(iris(), epochs=1500))
    assert host.wait(100)
    told = run.drain()
    assert len(told.series["loss/train"].steps) <= CAPACITY < told.progress.step == 1500 * 7
    assert told.series["loss/train"].steps[-1] == 1500 * 7
    assert len(run.of("epoch")) == 1500
    assert len({(picture.kind, picture.node) for picture in told.pictures}) == len(told.pictures)
