"""Interleavings: control commands in any order, over runs that begin, end and go on, leave a consistent state.

Whatever was sent, what was recorded has no gap and nothing twice, and the run, gone on with to its end, comes to what
it would have come to without any of it: pausing, stepping, stopping, extending and going on change no number.
"""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netbuilder.training.protocol import Pause, Resume, Start, State, Step, Stop, Watch
from netbuilder.training.run_files import has_state
from netbuilder.training.run_lock import is_running
from netbuilder.training.thread_host import ThreadHost
from tests.training.documents import Run, iris, planned, train
from tests.training.test_going_on import digests, history

EPOCH = 7
SHORT, LONG = 2, 3
"""Epochs of the runs that are begun, and of those that are extended."""

ACTIONS = (
    "start",
    "begin paused",
    "extend",
    "pause",
    "resume",
    "batch",
    "epoch",
    "stop",
    "watch",
    "close",
    "wait",
    "end",
)


@dataclass
class Driver:
    """Sends what is drawn to one host, and keeps what must be so at any moment."""

    folder: Path
    run: Run = field(init=False)
    last: int = 0
    starts: int = 0

    def __post_init__(self) -> None:
        self.run = Run(ThreadHost(), self.folder)

    def act(self, action: str) -> None:
        """Do one thing."""
        host, is_idle = self.run.host, not self.run.host.state.is_active
        match action:
            case "start" | "begin paused":
                self.starts += is_idle
                document = planned(iris(), epochs=SHORT)
                self.last = host.send(
                    Start(document=document, folder=str(self.folder), paused=action != "start", resume=self._may_go_on)
                )
            case "extend":
                if self._may_go_on:
                    self.extend()
            case "pause":
                self.last = host.send(Pause())
            case "resume":
                self.last = host.send(Resume())
            case "batch" | "epoch":
                self.last = host.send(Step(action))
            case "stop":
                self.last = host.send(Stop())
            case "watch":
                self.last = host.send(Watch(nodes=("hidden",)))
            case "close":
                host.close()
            case "wait":
                time.sleep(0.003)
            case "end":
                self.last = host.send(Stop())
                assert host.wait(60)
        self.run.drain()

    def extend(self) -> None:
        """Go on for the long course."""
        self.starts += not self.run.host.state.is_active
        document = planned(iris(), epochs=LONG)
        self.last = self.run.host.send(Start(document=document, folder=str(self.folder), resume=True))

    @property
    def _may_go_on(self) -> bool:
        return not self.run.host.state.is_active and has_state(self.folder) and not is_running(self.folder)

    def settle(self) -> None:
        """Let what is under way come to its end."""
        if self.run.host.state.is_active:
            self.last = self.run.host.send(Resume())
        self.run.finish()
        assert self.run.host.state in (State.IDLE, State.ENDED)
        assert self.run.telemetry[-1].progress.acknowledged == self.last
        assert len(self.run.of("end")) == self.starts
        assert not is_running(self.folder)


@cache
def _whole(folder: Path) -> tuple[object, object]:
    train(planned(iris(), epochs=LONG), folder)
    return history(folder), digests(folder)


def _check(actions: list[str], folder: Path, whole: tuple[object, object]) -> None:
    driver = Driver(folder)
    threads = threading.active_count()
    for action in actions:
        driver.act(action)
    driver.settle()
    assert threading.active_count() == threads
    if not has_state(folder):  # nothing was ever begun, or it was stopped before there was anything to save
        driver.act("start")
        driver.settle()
    steps = history(folder)["loss/train"][0]
    assert steps == list(range(1, len(steps) + 1))
    driver.extend()
    driver.settle()
    assert (history(folder), digests(folder)) == whole
    driver.run.host.close()
    shutil.rmtree(folder.parent)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What the long course comes to at one go."""
    return _whole(tmp_path_factory.mktemp("whole") / "x.runs" / "run")


SEQUENCES = st.lists(st.sampled_from(ACTIONS), max_size=10)


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@_settings(20)
@given(actions=SEQUENCES)
def test_any_interleaving_ends_in_a_consistent_state(actions, whole, tmp_path_factory):
    _check(actions, tmp_path_factory.mktemp("interleaving") / "x.runs" / "run", whole)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@_settings(200)
@given(actions=SEQUENCES)
def test_200_interleavings_end_in_a_consistent_state(actions, whole, tmp_path_factory):
    _check(actions, tmp_path_factory.mktemp("interleaving") / "x.runs" / "run", whole)
