"""A session in a process of its own: it does what a thread's does, and takes nobody with it when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from netbuilder.document.model import Document
from netbuilder.foundation import trust
from netbuilder.training import process_host
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
    Tempo,
    Watch,
)
from netbuilder.training.revival import Revival
from netbuilder.training.run_files import STATE
from netbuilder.training.run_store import RunStore
from netbuilder.training.state import load_state
from tests.compiler.test_custom import custom
from tests.training.documents import Run, iris, planned, train

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")

LONG = 100_000


@pytest.fixture(scope="module")
def host() -> Iterator[ProcessHost]:
    made = ProcessHost()
    yield made
    made.leave()
    assert made.process_id is None


@pytest.fixture
def own() -> Iterator[ProcessHost]:
    """A host whose process may be harmed."""
    made = ProcessHost()
    yield made
    made.leave()


def start(host: ProcessHost, folder, made, *, paused: bool = False) -> Run:
    run = Run(host, folder)
    run.host.drain()
    run.host.send(Start(document=made, folder=str(folder), paused=paused))
    return run


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


FAULTS = {
    "SIGSEGV": "a fault in compiled code",
    "SIGKILL": "killed from outside",
    "SIGABRT": "compiled code gave up",
    "SIGBUS": "a fault in memory",
    "SIGILL": "instructions that this processor does not know",
    "SIGFPE": "signal SIGFPE",
    "nonsense": "it ended by itself with status 1",
    "SIGSTOP": "its process no longer answered",
}


def harm(host: ProcessHost, fault: str) -> None:
    """Do something to the process that it does not survive."""
    assert host.process_id is not None
    if fault == "nonsense":
        host._child.commands.write(bytes(8) + bytes(8))
        host._child.commands.flush()
    else:
        os.kill(host.process_id, getattr(signal, fault))


def saved(run: Run) -> bool:
    return (run.folder / STATE).exists()


def running(host: ProcessHost, folder) -> Run:
    """Return a run in progress that has a state to go on from."""
    run = start(host, folder, planned(iris(), epochs=LONG))
    run.until(lambda told: told.progress.state is State.RUNNING and told.progress.step > 5 and saved(run))
    return run


def survive(host: ProcessHost, folder, fault: str) -> Run:
    """Let the process die in the middle of a run, which goes on in another one."""
    run = running(host, folder)
    process, began = host.process_id, time.monotonic()
    harm(host, fault)
    run.until(lambda _: bool(run.of("revival")))
    took = time.monotonic() - began
    assert took <= (process_host.SILENT_SECONDS + 2 if fault == "SIGSTOP" else 1.0), "it is told at once"
    run.until(lambda told: bool(run.of("resume")) and told.progress.state is State.RUNNING)
    (event,), (resumed,) = run.of("revival"), run.of("resume")
    for told in (event, resumed):
        assert FAULTS[fault] in told.text
        assert FAULTS[fault] in told.data["cause"]
    assert "at line" not in event.text, "it was waiting for commands, which is no place to look at"
    at = run.telemetry[-1].progress.step
    run.until(lambda told: told.progress.step > at)
    assert run.of("problem") == [] == run.of("end")
    assert host.process_id != process
    number = run.telemetry[-1].progress.acknowledged
    assert run.host.send(Watch()) == number + 1, "numbers count up across processes"
    return run


def stop(run: Run) -> None:
    run.host.send(Stop())
    run.finish()
    assert run.end.data["reason"] == "stopped"


@pytest.mark.timeout(300)
def test_a_run_outlives_its_process(tmp_path, monkeypatch):
    host = ProcessHost()
    try:
        for fault in FAULTS:
            monkeypatch.setattr(process_host, "SILENT_SECONDS", 4.0 if fault == "SIGSTOP" else 60.0)
            stop(survive(host, tmp_path / fault, fault))
    finally:
        host.leave()


ROUNDS = int(os.environ.get("NETBUILDER_ROUNDS", "200"))
"""Of the slow tests; fewer where time is short."""


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_many_runs_outlive_their_processes(tmp_path, monkeypatch):
    host = ProcessHost()
    try:
        for number in range(ROUNDS):
            for fault in FAULTS:
                monkeypatch.setattr(process_host, "SILENT_SECONDS", 4.0 if fault == "SIGSTOP" else 60.0)
                stop(survive(host, tmp_path / f"{fault}-{number}", fault))
    finally:
        host.leave()


def test_a_process_that_answers_nothing_for_fifteen_seconds_is_replaced(own, tmp_path):
    """As seen after a sleep of the computer: the seconds are those of every day."""
    run = running(own, tmp_path / "run")
    process = psutil.Process(own.process_id)
    process.suspend()
    end = time.monotonic() + 15
    run.until(lambda told: time.monotonic() > end and told.progress.state is State.RUNNING)
    assert [event.data["cause"] for event in run.of("resume")] == ["its process no longer answered"]
    assert not process.is_running()
    stop(run)


def test_what_comes_again_is_told(tmp_path):
    host = ProcessHost()
    try:
        run = survive(host, tmp_path / "run", "SIGSEGV")
        harm(host, "SIGSEGV")
        run.finish(10)
        assert run.host.state is State.FAILED
        (problem,) = [problem for event in run.of("problem") for problem in event.problems]
        assert problem.code == "session.died"
        assert problem.message.startswith("The training has stopped again: its process has ended: a fault in compiled")
        assert problem.actions == ("go_on",)
        assert run.events[-1].kind == "end"
        assert (run.end.data["reason"], run.end.data["folder"]) == ("failed", str(run.folder))
        again = start(host, tmp_path / "again", planned(iris(), epochs=1)).finish()
        assert again.end.data["reason"] == "finished"
    finally:
        host.leave()


def test_a_run_that_has_saved_nothing_yet_cannot_go_on(tmp_path):
    host = ProcessHost()
    try:
        run = start(host, tmp_path / "run", planned(iris(), epochs=LONG), paused=True)
        run.until(lambda told: told.progress.state is State.PAUSED or saved(run))
        for each in run.folder.glob("state*"):
            each.unlink()
        harm(host, "SIGKILL")
        run.finish(10)
        (problem,) = [problem for event in run.of("problem") for problem in event.problems]
        assert (problem.code, problem.actions) == ("session.died", ())
        assert run.of("revival") == []
    finally:
        host.leave()


def test_a_run_that_was_revived_learns_what_it_would_have_learned(own, tmp_path):
    made = planned(iris(), epochs=500)
    run = start(own, tmp_path / "a.runs" / "a", made)
    run.until(lambda told: saved(run) and told.progress.step < 2000)
    harm(own, "SIGKILL")
    run.finish()
    assert len(run.of("resume")) == 1
    train(made, tmp_path / "b.runs" / "b")
    there, here = RunStore.open(tmp_path / "a.runs"), RunStore.open(tmp_path / "b.runs")
    for name in ("loss/train", "loss/validation", "accuracy/validation"):
        one, other = there.series("a", name), here.series("b", name)
        assert one.steps.tolist() == other.steps.tolist()
        assert one.values.tolist() == other.values.tolist()
    assert "resume" in [event.kind for event in there.events("a")], "the run's record knows"
    assert run.telemetry[-1].progress.step == here.series("b", "loss/train").steps[-1]


def test_what_was_asked_of_a_process_is_asked_of_the_next(own, tmp_path):
    run = running(own, tmp_path / "x.runs" / "run")
    run.command(Tempo(20.0))
    run.command(Pause())
    os.kill(own.process_id, signal.SIGSTOP)
    number = own.send(Change(document=planned(iris(), epochs=LONG, batch_size=20)))
    harm(own, "SIGKILL")
    run.until(lambda _: bool(run.of("change")))
    run.until(lambda told: told.progress.state is State.PAUSED)
    (changed,) = run.of("change")
    assert changed.data["taken"]
    assert changed.data["command"] >= number
    run.command(Step())
    run.until(lambda told: told.progress.state is State.PAUSED)
    run.command(Resume())
    assert own._revival._start.tempo == 20.0
    harm(own, "SIGABRT")
    run.until(lambda told: len(run.of("resume")) == 2 and told.progress.state is State.RUNNING)
    assert run.of("problem") == [], "it goes on with the document that was changed"
    stop(run)


def test_a_run_on_a_gpu_begins_anew_from_its_state_after_a_sleep(own, tmp_path, monkeypatch):
    monkeypatch.setattr(process_host, "SLEEP", 0.0)
    run = running(own, tmp_path / "run")
    assert run.of("revival") == [], "the processor forgets nothing"
    monkeypatch.setattr(Revival, "is_on_gpu", property(lambda _: True))
    run.until(lambda told: bool(run.of("resume")) and told.progress.state is State.RUNNING)
    monkeypatch.undo()
    assert "the computer slept" in run.of("revival")[0].text
    stop(run)


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


def test_one_that_is_silent_again_is_told_and_may_go_on(own, tmp_path, monkeypatch):
    monkeypatch.setattr(process_host, "SILENT_SECONDS", 4.0)
    run = survive(own, tmp_path / "run", "SIGSTOP")
    pid = own.process_id
    os.kill(pid, signal.SIGSTOP)
    run.until(lambda _: any(p.code == "session.stuck" for event in run.of("problem") for p in event.problems))
    assert run.host.state is State.RUNNING
    os.kill(pid, signal.SIGCONT)
    step = run.telemetry[-1].progress.step
    run.until(lambda told: told.progress.step > step)
    run.until(lambda _: any("answers again" in event.text for event in run.of("log")))
    assert own.process_id == pid
    os.kill(pid, signal.SIGSTOP)
    run.until(lambda _: len(run.of("problem")) == 2)
    run.host.send(Stop())
    run.finish(10)
    assert run.host.state is State.FAILED
    assert "no longer answered" in run.of("problem")[-1].text


def test_while_nobody_looks_no_silence_counts(own, tmp_path, monkeypatch):
    """As when a terminal stops the window and the training together."""
    monkeypatch.setattr(process_host, "SILENT_SECONDS", 4.0)
    run = running(own, tmp_path / "run")
    os.kill(own.process_id, signal.SIGSTOP)
    time.sleep(6)
    run.drain()
    os.kill(own.process_id, signal.SIGCONT)
    step = run.telemetry[-1].progress.step
    run.until(lambda told: told.progress.step > step)
    assert run.of("revival") == []
    stop(run)


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


FAILING_DEVICE = """\
import os
class Fault(nn.Module):
    def forward(self, x):
        real = self.training and x.device.type == "cpu"  # not while its shapes are found
        if real and os.path.exists({state!r}) and not os.path.exists({mended!r}):
            if {comes_back}:
                open({mended!r}, "w").close()
            raise torch.AcceleratorError("CUDA error: unknown error (999)")
        return x
"""


def on_a_failing_device(folder, *, comes_back: bool) -> Document:
    """Return a network whose device fails once there is a state: as after a sleep or a driver's crash."""
    code = FAILING_DEVICE.format(state=str(folder / STATE), mended=str(folder / "mended"), comes_back=comes_back)
    trust.grant([code])
    return planned(iris(8, custom("fault", code)), epochs=LONG)


def test_a_run_goes_on_when_its_device_comes_back(own, tmp_path):
    process = own.process_id
    run = start(own, tmp_path / "run", on_a_failing_device(tmp_path / "run", comes_back=True))
    run.until(lambda told: bool(run.of("resume")) and told.progress.state is State.RUNNING)
    assert run.of("problem") == []
    assert [event.data["cause"] for event in run.of("resume")] == ["its device reported a fault"]
    assert own.process_id != process
    stop(run)


def test_a_device_that_does_not_come_back_is_told_with_what_can_be_done(own, tmp_path):
    run = start(own, tmp_path / "run", on_a_failing_device(tmp_path / "run", comes_back=False)).finish()
    assert len(run.of("revival")) == 1, "it was tried once"
    (problem,) = [problem for event in run.of("problem") for problem in event.problems]
    assert problem.code == "training.device"
    assert "999" in problem.found
    assert problem.actions == ("go_on", "go_on_cpu")
    before = own.process_id
    run.command(Watch())
    assert any("was ignored" in event.text for event in run.of("log")), "there is no network to look at"
    again = start(own, tmp_path / "b", planned(iris(), epochs=1)).finish()
    assert again.end.data["reason"] == "finished"
    assert own.process_id != before


def test_nobody_draining_costs_no_memory_and_loses_no_event(host, tmp_path):
    """Ten thousand steps that nobody looks at: the newest points are kept, and every event."""
    run = start(host, tmp_path / "run", planned(iris(), epochs=1500))
    assert host.wait(100)
    told = run.drain()
    assert len(told.series["loss/train"].steps) <= CAPACITY < told.progress.step == 1500 * 7
    assert told.series["loss/train"].steps[-1] == 1500 * 7
    assert len(run.of("epoch")) == 1500
    assert len({(picture.kind, picture.node) for picture in told.pictures}) == len(told.pictures)
