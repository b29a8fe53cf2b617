"""What the system sends at a logout, a closed terminal or Ctrl+C: the window saves what there is and is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from netbuilder.document.files import write_document
from netbuilder.document.recovery import find_offers
from netbuilder.project import runs_folder
from netbuilder.training.resumable import find_resumable
from netbuilder.training.run_store import RunStore
from tests.children import environment
from tests.training.documents import iris, planned

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix"),
    pytest.mark.timeout(180),
]

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 5.0
"""Seconds within which the program promises to be gone."""


@contextmanager
def trained_window(project: Path, home: Path, *how: str) -> Iterator[tuple[psutil.Popen, int, int]]:
    """Open the program, and wait until it trains; yields it, the training's process and the step."""
    write_document(project, planned(iris(), epochs=100_000))
    report = project.with_suffix(".log").open("w+")
    program = psutil.Popen(
        [sys.executable, "-m", "tests.ui.signalled_window", str(project), *how],
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=report,
        text=True,
        start_new_session=True,  # a signal to the group is not one to the tests
    )
    try:
        said = program.stdout.readline()
        assert said.startswith("ready"), project.with_suffix(".log").read_text()
        _, process, step = said.split()
        yield program, int(process), int(step)
    finally:
        if program.poll() is None:
            program.kill()
        program.wait()
        program.stdout.close()
        report.close()


def left_by(program: psutil.Popen) -> list[psutil.Process]:
    """Return the processes that the program has started."""
    return program.children(recursive=True)


def check_saved(project: Path, step: int) -> None:
    """The run ended in order, from where it was; what no file has is offered at the next start."""
    (run,) = find_resumable(runs_folder(project))
    assert run.step >= step
    assert run.record.reason == "stopped"
    assert run.record.steps == run.step, "the very last step is saved"
    (offer,) = find_offers([project])
    assert offer.recovered is not None
    assert "nabcdef01" in offer.recovered.document.graph.nodes


def end(program: psutil.Popen, send) -> None:
    """Send something, and see the program end in order and in time."""
    children = left_by(program)
    began = time.monotonic()
    send()
    status = program.wait(30)
    took = time.monotonic() - began
    assert status == 0
    assert took <= LIMIT
    _, alive = psutil.wait_procs(children, timeout=1)
    assert not alive


@pytest.mark.parametrize(
    ("name", "how"),
    [("SIGTERM", ("thread",)), ("SIGINT", ("thread", "asking"))],
)
def test_a_signal_saves_everything_and_ends_the_program(name, how, tmp_path, home):
    project = tmp_path / "flowers.netb"
    with trained_window(project, home, *how) as (program, _, step):
        end(program, lambda: program.send_signal(getattr(signal, name)))
    check_saved(project, step)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_to_all_processes_at_once_does_too(name, tmp_path, home):
    """As systems send it when a session ends: the training's process gets it as well as the window's."""
    project = tmp_path / "flowers.netb"
    with trained_window(project, home, "process") as (program, process, step):
        assert process != program.pid
        end(program, lambda: os.killpg(program.pid, getattr(signal, name)))
    check_saved(project, step)


def test_nothing_outlives_a_window_that_is_killed(tmp_path, home):
    project = tmp_path / "flowers.netb"
    with trained_window(project, home, "process") as (program, process, _):
        children = left_by(program)
        assert process in [child.pid for child in children]
        program.kill()
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not alive
    (run,) = find_resumable(runs_folder(project))
    assert run.is_interrupted
    assert RunStore.open(runs_folder(project)).series(run.record.id, "loss/train").steps.size
