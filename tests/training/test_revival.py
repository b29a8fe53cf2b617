"""A run whose process dies, is silent or loses its device goes on in another one, once a cause; what cannot is told."""

from __future__ import annotations

import os
import signal
import sys
import time

import psutil
import pytest

from netbuilder.document.model import Document
from netbuilder.foundation import trust
from netbuilder.training import process_host
from netbuilder.training.process_host import ProcessHost
from netbuilder.training.protocol import Change, Pause, Resume, State, Step, Stop, Tempo, Watch
from netbuilder.training.revival import Revival
from netbuilder.training.run_files import STATE
from netbuilder.training.run_store import RunStore
from tests.compiler.test_custom import custom
from tests.training.documents import Run, iris, planned, train
from tests.training.processes import FAULTS, LONG, harm, running, saved, start, stop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")


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
    made = planned(iris(), epochs=3000)
    run = start(own, tmp_path / "a.runs" / "a", made)
    run.until(lambda told: saved(run))
    assert run.telemetry[-1].progress.step < 21_000, "it ended before it could be harmed"
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
