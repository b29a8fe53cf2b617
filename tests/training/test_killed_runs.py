"""Promise 13: a run that is killed at any moment goes on, and comes to what it would have come to, bit for bit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netbuilder.training.resumable import find_resumable
from netbuilder.training.run_files import STATE
from tests.training.killed_runs import EPOCHS
from tests.training.test_going_on import digests, history

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the helper forks")

ROOT = Path(__file__).parents[2]


class Helper:
    """The program that trains in children.

    Attributes:
        seconds: What a whole run takes.
    """

    seconds = 1.0

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.training.killed_runs"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read() == "ready"

    def train(self, folder: Path, kill_after: float | None = None, *, saves: int = 0) -> int:
        """Train in a folder, or go on there.

        Args:
            folder: The run's folder.
            kill_after: Seconds after which it is killed; None for never.
            saves: How many states are to be saved before these seconds begin.

        Returns:
            The exit code; negative: the signal that ended it.
        """
        self._write(str(folder))
        child = int(self._read())
        if kill_after is not None:
            self._await_saves(folder, saves)
            time.sleep(kill_after)
            os.kill(child, signal.SIGKILL)
        self._write("wait for it")
        return int(self._read())

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    @staticmethod
    def _await_saves(folder: Path, saves: int) -> None:
        end = time.monotonic() + 30
        last = _saved(folder)
        while saves and time.monotonic() < end:
            time.sleep(0.001)
            now = _saved(folder)
            saves -= now not in (0, last)
            last = now or last

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _saved(folder: Path) -> int:
    """Return what tells one saved state from another."""
    try:
        return (folder / STATE).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@pytest.fixture(scope="module")
def helper() -> Iterator[Helper]:
    made = Helper()
    yield made
    made.close()


@pytest.fixture(scope="module")
def whole(helper: Helper, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody killed."""
    folder = tmp_path_factory.mktemp("whole") / "x.runs" / "run"
    begun = time.monotonic()
    assert helper.train(folder) == 0
    helper.seconds = time.monotonic() - begun
    return folder


def _kill_and_go_on(helper: Helper, whole: Path, folder: Path, seed: int) -> int:
    """Kill a run again and again, let it come to its end, compare; return how often it was killed on its way."""
    draw = random.Random(seed)
    kills = 0
    code = -signal.SIGKILL
    for _ in range(2):
        saves = draw.randint(0, 6)  # with none it may be killed while it reads or builds
        code = helper.train(folder, draw.uniform(0.0, 0.02 if saves else helper.seconds), saves=saves)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        if (folder / STATE).exists():
            (run,) = find_resumable(folder.parent)
            assert run.is_interrupted
            kills += run.step > 0
    if code:
        assert helper.train(folder) == 0
    assert len(history(folder)["loss/validation"][0]) == EPOCHS
    assert history(folder) == history(whole), f"seed {seed}"
    assert digests(folder) == digests(whole), f"seed {seed}"
    return kills


def test_a_killed_run_goes_on_exactly(helper, whole, tmp_path):
    kills = sum(_kill_and_go_on(helper, whole, tmp_path / f"{seed}.runs" / "run", seed) for seed in range(3))
    assert kills >= 2, "hardly any kill hit a run on its way: this showed little"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_run_goes_on_exactly_often(helper, whole, tmp_path):
    kills = sum(_kill_and_go_on(helper, whole, tmp_path / f"{seed}.runs" / "run", seed) for seed in range(100, 130))
    assert kills >= 45, "too few kills hit a run on its way"
