"""Promise 1 with the real window: killed in the middle of editing, the next start offers what there was."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netbuilder.document.files import loads, write_document
from netbuilder.document.journal.reading import find_journals
from netbuilder.document.model import Document
from netbuilder.document.sidecar import sidecar
from tests.children import environment

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 2.0


def run(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.ui.killed_window", *arguments],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def check(seconds: float, folder: Path) -> None:
    folder.mkdir()
    path = folder / "net.netb"
    write_document(path, Document())
    killed = run("edit", str(path), f"{seconds:.3f}", home=folder / "home")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    lines = [line.split() for line in killed.stdout.splitlines()]
    times = [float(time) for word, time in lines if word != "killed"]
    end = float(lines[-1][1])
    nodes: list[str] = []
    if find_journals(sidecar(path)):
        again = run("recover", home=folder / "home")
        assert again.returncode == 0, again.stderr
        first, text = again.stdout.split("\n", 1)
        assert first == f"True {path}"
        nodes = list(loads(text).graph.nodes)
    assert nodes == [f"n{number:08x}" for number in range(1, len(nodes) + 1)]
    lost = times[len(nodes) :]
    assert not lost or end - lost[0] <= LIMIT, f"{len(lost)} of {len(times)} edits are lost, from {seconds} s of life"


def test_a_killed_window_loses_next_to_nothing(tmp_path: Path) -> None:
    check(random.uniform(0.1, 1.5), tmp_path / "any")
    check(LIMIT + 0.5, tmp_path / "longer")  # so long that something must be there


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_killed_windows_lose_next_to_nothing(tmp_path: Path) -> None:
    for number in range(50):
        check(random.uniform(0.05, 4.0), tmp_path / str(number))
