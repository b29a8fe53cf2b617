"""Closing: at any moment, without a hang, an orphan or a thread destroyed while it runs (promise 20)."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.children import environment
from tests.ui.closing_points import CONTROLS, LIMIT, POINTS

ROOT = Path(__file__).resolve().parents[2]
STUCK = 3
"""The exit status of a program that has left something behind that did not end."""

LOADING = [name for name in POINTS if name.startswith("loading")]
OTHERS = [name for name in POINTS if name not in (*LOADING, *CONTROLS)]


def visit(names: list[str], home: Path, tmp_path: Path) -> tuple[subprocess.CompletedProcess[str], float]:
    """Close at these moments, all in one process; returns it, and the seconds from the last closing to its end."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "tests.ui.closing_points", str(tmp_path), *names],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    ended = time.time()
    said = done.stdout + done.stderr
    assert "Destroyed while" not in said, said
    assert f"closing {names[-1]}" in done.stdout, said
    return done, ended - float(done.stdout.rsplit("closing", 1)[1].split("\n")[0].split()[-1])


def test_there_are_twenty_moments() -> None:
    assert len(LOADING) + len(OTHERS) >= 20


@pytest.mark.timeout(240)
@pytest.mark.parametrize("names", [OTHERS, *([name] for name in LOADING)], ids=lambda names: names[0])
def test_closing_ends_the_program(names: list[str], home: Path, tmp_path: Path) -> None:
    done, seconds = visit(names, home, tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert done.stdout.count("closed ") == len(names), said
    assert seconds <= LIMIT, said


ROUNDS = int(os.environ.get("NETBUILDER_ROUNDS", "20"))
"""Of the slow test; fewer where time is short."""


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_closing_ends_the_program_every_time(home: Path, tmp_path: Path) -> None:
    """Five hundred moments: those in a process that goes on, in another order each time."""
    for number in range(ROUNDS):
        names = random.Random(number).sample(OTHERS, len(OTHERS))
        done, seconds = visit(names, home, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("closed ") == len(names)
        assert seconds <= LIMIT


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", CONTROLS)
def test_what_hangs_is_noticed_and_left(name: str, home: Path, tmp_path: Path) -> None:
    done, seconds = visit([name], home, tmp_path)
    assert done.returncode == STUCK, done.stdout + done.stderr
    assert seconds <= LIMIT
