"""A run that tells 10,000 points a second, and pictures a hundred times a second, leaves the window what it was.

Its thread keeps its beat, nothing is painted more than 30 times a second, what nobody has taken yet is bounded, and no
memory is taken beside that for the points themselves, which are kept. Times are processor times of Qt's thread: what
other programs take of the machine says nothing of the window.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from netbuilder.training.live_view import CAPACITY
from tests.children import environment

ROOT = Path(__file__).resolve().parents[2]

BEAT_99, BEAT_LONGEST = 50.0, 250.0
"""Milliseconds between two beats of 16 ms each."""

PAINTS, GROWTH_MB = 30.0, 5.0

LEFT_BEHIND = 0.5
"""A curve's array is replaced by a larger one as it grows; the allocator may keep this share of it all for later."""


def flood(home: Path, seconds: float, *also: str) -> Mapping[str, Any]:
    """Flood a window for so long; returns what it went through."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.promises.flooded_window", str(seconds), *also],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=seconds + 100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: Mapping[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def is_kept(found: Mapping[str, Any], clock: str = "computed") -> bool:
    """Whether Qt's thread kept its beat."""
    return bool(found[clock]["p99"] <= BEAT_99 and found[clock]["max"] <= BEAT_LONGEST)


def check(found: Mapping[str, Any]) -> None:
    """Hold a flooded window to what is promised."""
    assert is_kept(found), found
    assert found["drained"] > 0
    assert 0 < found["paints_a_second"] <= PAINTS
    assert found["longest"] <= CAPACITY
    assert found["grown_mb"] <= GROWTH_MB + (1.0 + LEFT_BEHIND) * found["curves_mb"], found


@pytest.mark.timeout(180)
def test_a_flooded_window_keeps_its_beat_and_its_memory(home: Path) -> None:
    check(flood(home, 8.0))


@pytest.mark.timeout(120)
def test_a_window_that_computes_is_noticed(home: Path) -> None:
    assert not is_kept(flood(home, 3.0, "computes"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_window_that_is_flooded_for_long(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = flood(home, 60.0 * float(os.environ.get("FLOOD_MINUTES", "10")))
    with capsys.disabled():
        print(f"\n{json.dumps(found, indent=1)}")
    check(found)
