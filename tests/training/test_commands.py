"""Commands: pause, resume, step, watch and stop, in any order, leave nothing running and lose nothing."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.protocol import Pause, PictureKind, Resume, Start, State, Step, Stop, Tempo, Watch
from netbuilder.training.thread_host import ThreadHost
from tests.training.documents import Run, begin, iris, planned, train

BOTH_HOSTS = True
"""See `conftest`."""

EPOCH = 7
"""Steps in one epoch of `iris`."""

LONG = 100_000
"""Epochs that no test waits for."""


def _paused(run: Run, step: int) -> None:
    run.until(lambda told: told.progress.state is State.PAUSED and told.progress.step == step)


def _pause_anywhere(run: Run) -> int:
    run.command(Pause())
    run.until(lambda told: told.progress.state is State.PAUSED)
    return run.telemetry[-1].progress.step


@pytest.fixture
def long(tmp_path):
    """A run that is paused before its first step and would last very long; stopped at the end."""
    run = begin(planned(iris(), epochs=LONG), tmp_path / "run", paused=True)
    _paused(run, 0)
    yield run
    run.host.send(Stop())
    run.finish()


def test_paused_from_the_start(long):
    assert long.series("loss/train") == []
    time.sleep(0.05)
    assert long.drain().progress.step == 0


def test_a_step_is_one_batch(long):
    for count in range(1, 4):
        long.command(Step())
        _paused(long, count)
    assert long.steps("loss/train") == [1, 2, 3]


def test_many_steps_at_once_are_all_done(long):
    for _ in range(10):
        long.host.send(Step("batch"))
    _paused(long, 10)


def test_step_to_the_end_of_the_epoch_validates(long):
    long.command(Step("epoch"))
    _paused(long, EPOCH)
    assert [event.data["epoch"] for event in long.of("epoch")] == [1]
    long.command(Step("batch"))
    _paused(long, EPOCH + 1)
    long.command(Step("epoch"))
    _paused(long, 2 * EPOCH)
    assert len(long.series("loss/validation")) == 2


def test_a_tempo_slows_down_and_is_left_again(long):
    long.command(Tempo(5))
    began = time.monotonic()
    long.command(Resume())
    long.until(lambda told: told.progress.step >= 4)
    assert time.monotonic() - began > 0.55, "four steps have three gaps of 0.2 s"
    long.command(Tempo(0.1))  # ten seconds to the next step: commands are obeyed all the same
    began = time.monotonic()
    long.command(Step())
    long.until(lambda told: told.progress.state is State.PAUSED)
    long.command(Resume())
    long.command(Tempo())
    before = long.telemetry[-1].progress.step
    long.until(lambda told: told.progress.step > before + 20)
    assert time.monotonic() - began < 9


def test_a_tempo_changes_nothing_of_what_is_computed(tmp_path):
    plain = train(planned(iris(), epochs=2), tmp_path / "plain")
    slow = begin(planned(iris(), epochs=2), tmp_path / "slow", Tempo(60))
    slow.finish()
    assert slow.series("loss/train") == plain.series("loss/train")
    assert slow.series("loss/validation") == plain.series("loss/validation")


def test_pause_stays_and_resume_goes_on(long):
    long.command(Resume())
    long.until(lambda told: told.progress.step > 20)
    step = _pause_anywhere(long)
    time.sleep(0.1)
    assert long.drain().progress.step == step
    assert long.telemetry[-1].progress.rate == 0.0
    long.command(Resume())
    long.until(lambda told: told.progress.step > step)
    assert long.telemetry[-1].progress.state is State.RUNNING


def test_step_while_running_pauses_after_one_more(long):
    long.command(Resume())
    long.until(lambda told: told.progress.step > 5)
    long.command(Step())
    long.until(lambda told: told.progress.state is State.PAUSED)


def test_pausing_changes_nothing_about_the_result(tmp_path):
    whole = train(iris(), tmp_path / "whole")
    run = begin(iris(), tmp_path / "parts", paused=True)
    for command in (Step(), Step("epoch"), Watch(nodes=("hidden",)), Step(), Step(), Resume()):
        run.command(command)
    run.finish()
    assert run.series("loss/train") == whole.series("loss/train")
    assert run.end.data["test"] == whole.end.data["test"]


@pytest.mark.parametrize("command", [Pause(), Start(document=iris(), folder="elsewhere")])
def test_what_makes_no_sense_while_paused_is_logged(long, command):
    long.command(command)
    long.until(lambda told: any("was ignored" in event.text for event in long.of("log")))
    assert long.host.state is State.PAUSED


def test_resume_while_running_is_logged(long):
    long.command(Resume())
    long.command(Resume())
    long.until(lambda told: any("Resume was ignored" in event.text for event in long.of("log")))


@pytest.mark.parametrize("command", [Pause(), Resume(), Step(), Stop(), Watch()])
def test_without_a_run_commands_are_acknowledged_and_ignored(command):
    host = ThreadHost()
    number = host.send(command)
    told = host.drain()
    assert told.progress.acknowledged == number
    assert told.progress.state is State.IDLE
    assert "was ignored" in told.events[0].text
    assert host.wait(0)


@pytest.mark.thread_only
def test_numbers_count_up_across_runs(tmp_path):
    run = train(planned(iris(), epochs=1), tmp_path / "a")
    number = run.host.send(Start(document=planned(iris(), epochs=1), folder=str(tmp_path / "b")))
    assert number == 2
    assert run.host.state.is_active
    run.finish()
    assert [event.data["folder"][-1] for event in run.of("end")] == ["a", "b"]


def test_watching_while_paused_draws_at_once(long):
    long.drain()
    long.command(Watch(nodes=("hidden",), sample=3))
    long.until(lambda _: set(long.pictures(PictureKind.VECTOR)) == {"hidden"})
    long.command(Watch(nodes=("scores", "nobody"), sample=-5))
    long.until(lambda _: set(long.pictures(PictureKind.VECTOR)) == {"hidden", "scores"})


def test_stop_while_starting_reads_nothing_more(tmp_path, monkeypatch):
    from netbuilder.training import reading

    entered = threading.Event()

    def endless(node, base, job):
        entered.set()
        while True:
            job.report(None, "reading")
            time.sleep(0.005)

    monkeypatch.setattr(reading, "prepare", endless)
    run = begin(iris(), tmp_path / "run")
    assert entered.wait(60)
    number = run.host.send(Stop())
    run.finish(5)
    assert run.host.state is State.ENDED
    assert run.telemetry[-1].progress.acknowledged == number
    assert run.end.data["reason"] == "stopped"


def test_stop_interrupts_a_validation(tmp_path, monkeypatch):
    from netbuilder.training import memory
    from netbuilder.training.network import Network

    reached, sent, observe, calls = threading.Event(), threading.Event(), Network.observe, []

    def slow(self, batch):
        calls.append(1)
        reached.set()
        assert sent.wait(60)
        return observe(self, batch)

    monkeypatch.setattr(Network, "observe", slow)
    monkeypatch.setattr(memory, "EVALUATION_BYTES", 1)
    run = begin(planned(iris(), batch_size=2, epochs=LONG), tmp_path / "run")
    assert reached.wait(60)
    number = run.host.send(Stop())
    sent.set()
    run.finish()
    assert len(calls) == 1
    assert run.telemetry[-1].progress.acknowledged == number
    assert (run.end.data["reason"], run.end.data["best_epoch"]) == ("stopped", None)


@pytest.mark.parametrize("seed", range(20))
def test_stop_at_any_point_ends_soon_and_saves(seed, tmp_path):
    chooser = random.Random(seed)
    run = begin(planned(iris(), epochs=LONG), tmp_path / "run", paused=chooser.random() < 0.3)
    time.sleep(chooser.random() * 0.25)
    for command in chooser.choices((Pause(), Resume(), Step(), Watch(nodes=("hidden",))), k=chooser.randrange(3)):
        run.host.send(command)
    number = run.host.send(Stop())
    run.finish(5)
    assert run.host.state is State.ENDED
    assert run.end.data["reason"] == "stopped"
    assert run.telemetry[-1].progress.acknowledged == number
    if run.end.step:
        assert load_checkpoint(tmp_path / "run" / "last.safetensors").about["step"] == run.end.step


COMMANDS = st.sampled_from((Pause(), Resume(), Step("batch"), Step("epoch"), Watch(nodes=("hidden",)), "wait"))


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(commands=st.lists(COMMANDS, max_size=25), paused=st.booleans(), stop=st.booleans())
def test_any_sequence_of_commands_is_obeyed_in_order(commands, paused, stop, tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    run = begin(planned(iris(), epochs=3), folder / "run", paused=paused)
    last = 1
    for command in commands:
        if command == "wait":
            time.sleep(0.004)
            run.drain()
        else:
            last = run.host.send(command)
    last = run.host.send(Stop() if stop else Resume())
    run.finish(30)
    assert run.host.state is State.ENDED
    assert run.telemetry[-1].progress.acknowledged == last
    assert run.end.data["reason"] in ({"stopped", "finished"} if stop else {"finished"})
    steps = run.steps("loss/train")
    assert steps == list(range(1, run.end.step + 1))
    numbers = [told.progress.acknowledged for told in run.telemetry]
    assert numbers == sorted(numbers)
    if run.end.data["reason"] == "finished":
        assert run.end.step == 3 * EPOCH


def test_nobody_draining_costs_no_memory_and_loses_no_event(tmp_path, monkeypatch):
    from netbuilder.training import live_view

    monkeypatch.setattr(live_view, "CAPACITY", 128)
    run = begin(planned(iris(), epochs=60), tmp_path / "run")
    assert run.host.wait(100)
    told = run.drain()
    assert len(told.series["loss/train"].steps) <= 128 < told.progress.step == 60 * EPOCH
    assert told.series["loss/train"].steps[-1] == 60 * EPOCH
    assert len(run.of("epoch")) == 60
    assert len({(picture.kind, picture.node) for picture in told.pictures}) == len(told.pictures)


@pytest.mark.thread_only
def test_a_program_that_ends_takes_its_session_with_it(tmp_path):
    code = f"""
from tests.training.documents import begin, iris, planned

run = begin(planned(iris(), epochs={LONG}), __import__("pathlib").Path({str(tmp_path)!r}) / "run")
run.until(lambda told: told.progress.step > 10)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert load_checkpoint(tmp_path / "run" / "last.safetensors").about["step"] > 10
