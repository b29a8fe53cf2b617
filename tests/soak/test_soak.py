"""A window that works for long stays as it is in memory, threads, files and widgets: `pytest -m soak -s tests/soak`."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.children import environment

ROOT = Path(__file__).resolve().parents[2]
MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
GROWTH_MB = 4.0
"""How much more the last third of a run may take than the one before it; what an hour adds is printed."""


def work(home: Path, seconds: float, host: str) -> Mapping[str, Any]:
    """Let somebody work in the window for so long."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.soak_child", str(seconds), host],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=seconds + 300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: Mapping[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


@pytest.mark.timeout(180)
def test_a_round_of_work_leaves_nothing_to_complain_of(home: Path) -> None:
    found = work(home, 1.0, "thread")
    assert found["complaints"] == []
    assert found["samples"]
    assert all(sample["mb"] > 0 and sample["widgets"] > 0 for sample in found["samples"])


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("host", ["thread", "process"])
def test_work_without_end(host: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = work(home, 60 * MINUTES, host)
    samples = found["samples"]
    third = len(samples) // 3
    before, last = samples[third : 2 * third], samples[2 * third :]

    def middle(part: list[dict[str, float]], name: str) -> float:
        return statistics.median(sample[name] for sample in part)

    hours = (middle(last, "seconds") - middle(before, "seconds")) / 3600
    grown = middle(last, "mb") - middle(before, "mb")
    with capsys.disabled():
        print(f"\n{host}: {len(samples)} rounds in {MINUTES:g} minutes")
        for name in ("mb", "threads", "files", "widgets"):
            print(f"  {name:8s} {middle(before, name):8.1f} {middle(last, name):8.1f}")
        print(f"  memory: {grown:+.1f} MB in {60 * hours:.0f} minutes, {grown / hours:+.1f} MB an hour")
    assert found["complaints"] == []
    assert grown <= GROWTH_MB
    for name in ("threads", "files"):
        assert middle(last, name) <= middle(before, name) + 1, name
    # How many there are depends on what is in sight, which comes round every few rounds.
    assert max(sample["widgets"] for sample in last) <= 1.02 * max(sample["widgets"] for sample in before)
