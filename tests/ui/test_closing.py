"""Closing: at any moment, without a hang, an orphan or a thread destroyed while it runs (promise 20)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys, time
from PySide6.QtCore import QTimer
from netbuilder.templates import open_template
from netbuilder.training.protocol import State
from netbuilder.ui import dialogs
from netbuilder.ui.app import Program, make_application
from netbuilder.ui.dialogs import Answer

point, delay = sys.argv[1], float(sys.argv[2])
asked = []
dialogs.ask_running = lambda parent: asked.append("running") or Answer.YES
dialogs.ask_unsaved = lambda parent, name: asked.append("unsaved") or Answer.NO
program = Program(make_application())
window, workspace = program.window, program.workspace
workspace.open_unsaved(open_template("digits-mlp"))

def close():
    print("closing in", workspace.state, time.time(), flush=True)
    if not window.close():
        sys.exit("the window refused")

armed = []

def when(state):
    if not armed and ((point == "starting" and state is State.STARTING and workspace.trainer.is_waiting is False)
                      or (point == "running" and state is State.RUNNING)
                      or (point == "ended" and not state.is_active and workspace.events)):
        armed.append(1)
        QTimer.singleShot(round(delay * 1000), close)

def torch_loaded():
    if point in ("paused", "stopping"):
        workspace.train()
        follow.start()
    elif point != "loading":
        workspace.train()

def step():
    if point == "paused" and workspace.state is State.RUNNING:
        workspace.pause()
    elif point == "paused" and workspace.state is State.PAUSED:
        follow.stop(); QTimer.singleShot(round(delay * 1000), close)
    elif point == "stopping" and workspace.state is State.RUNNING:
        workspace.stop()
        follow.stop(); QTimer.singleShot(round(delay * 1000), close)

follow = QTimer(interval=20)
follow.timeout.connect(step)
workspace.stateChanged.connect(when)
program.loader.loaded.connect(torch_loaded)
if point == "loading":
    window.painted.connect(lambda: QTimer.singleShot(round(delay * 1000), close))
status = program.run()
warnings = [text for text in program.crashes.qt_warnings if "propagateSizeHints" not in text]
assert not warnings, warnings
assert not program.crashes.reports, program.crashes.reports
sys.exit(status)
"""

POINTS = [
    *(("loading", delay) for delay in (0.0, 0.05, 0.3, 1.0)),
    *(("starting", delay) for delay in (0.0, 0.01, 0.05, 0.2)),
    *(("running", delay) for delay in (0.0, 0.02, 0.1, 0.3, 0.7, 1.5)),
    *(("paused", delay) for delay in (0.0, 0.2)),
    *(("stopping", delay) for delay in (0.0, 0.01)),
    *(("ended", delay) for delay in (0.0, 0.1)),
]
"""Twenty moments: (what is going on, seconds after it began)."""


def environment(home: Path) -> Mapping[str, str]:
    return {**os.environ, "NETBUILDER_HOME": str(home), "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize(("point", "delay"), [POINTS[0], POINTS[9], POINTS[14]])
def test_closing_ends_the_program(point: str, delay: float, home: Path) -> None:
    close_at(point, delay, home)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("point", "delay"), POINTS)
def test_closing_at_twenty_moments(point: str, delay: float, home: Path) -> None:
    close_at(point, delay, home)


def close_at(point: str, delay: float, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", SCRIPT, point, str(delay)],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    ended = time.time()
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Destroyed while" not in said
    began = float(done.stdout.split("closing in")[1].split()[1])
    assert ended - began <= 5.0, said
