"""The window's speed and memory, beside a window of Qt alone in the same run: run by hand, with `-m benchmark -s`."""

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

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

QT_ONLY = """
import time; began = time.perf_counter()
import json
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
class Window(QMainWindow):
    def paintEvent(self, event):
        print(json.dumps({"first_paint": time.perf_counter() - began}), flush=True)
        QTimer.singleShot(0, QApplication.quit)
application = QApplication([])
window = Window(); window.resize(1600, 1000); window.show()
application.exec()
"""

FIRST_PAINT = """
import time; began = time.perf_counter()
import json, sys
from PySide6.QtCore import QTimer
from netbuilder.ui.app import Program, make_application
program = Program(make_application())
program.open_first(None)
def painted():
    heavy = [name for name in ("torch", "pyqtgraph", "sklearn", "polars", "networkx") if name in sys.modules]
    print(json.dumps({"first_paint": time.perf_counter() - began, "heavy": heavy}), flush=True)
    import os; os._exit(0)
program.loader.start = lambda: None
program.window.painted.connect(painted)
program.run()
"""

LIVE = """
import json, os, sys, time
import psutil
from PySide6.QtCore import QTimer
from netbuilder.templates import open_template
from netbuilder.ui.app import Program, make_application
process, found = psutil.Process(), {}
def memory(): return process.memory_info().rss / 2**20
program = Program(make_application())
workspace = program.workspace
workspace.open_unsaved(open_template(sys.argv[1]))
frames = []
def beat(): frames.append(time.perf_counter())
clock = QTimer(interval=16); clock.timeout.connect(beat)
def intervals():
    gaps = sorted(b - a for a, b in zip(frames, frames[1:])); frames.clear()
    def at(share): return gaps[int(len(gaps) * share)]
    return {"median": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": gaps[-1]}
def painted(): found["window_mb"] = memory(); frames.clear(); clock.start()
def loaded():
    found["loading"] = intervals(); found["with_torch_mb"] = memory()
    QTimer.singleShot(3000, idle)
def idle():
    found["idle"] = intervals()
    node = next(iter(workspace.document.graph.nodes)); workspace.select((node,))
    workspace.train()
def state(now):
    if now.value == "running" and "began" not in found: found["began"] = time.perf_counter(); frames.clear()
    if now.value in ("ended", "failed"):
        seconds = time.perf_counter() - found.pop("began")
        found["training"] = intervals(); found["rate"] = workspace.progress.step / seconds; found["state"] = now.value
        print(json.dumps(found), flush=True); os._exit(0)
program.window.painted.connect(painted)
program.loader.loaded.connect(loaded)
workspace.stateChanged.connect(state)
program.run()
"""

HEADLESS = """
import json, sys, tempfile, time
import psutil
bare = psutil.Process().memory_info().rss / 2**20
import torch, torch._dynamo
with_torch = psutil.Process().memory_info().rss / 2**20
from netbuilder.templates import open_template
from netbuilder.training.protocol import Start
from netbuilder.training.thread_host import ThreadHost
host = ThreadHost()
host.send(Start(document=open_template(sys.argv[1]), folder=tempfile.mkdtemp() + "/run"))
began = None
while host.state.is_active:
    host.drain()
    if began is None and host.state.value == "running": began = time.perf_counter()
    time.sleep(0.02)
seconds = time.perf_counter() - began
host.wait()
print(json.dumps({"rate": host.drain().progress.step / seconds, "torch_mb": with_torch}), flush=True)
"""


def child(script: str, home: Path, *arguments: str) -> Mapping[str, Any]:
    """Run a script and return the JSON object on its last line."""
    environment = {**os.environ, "NETBUILDER_HOME": str(home), "PYTHONPATH": str(ROOT)}
    # "Warm" includes compiled modules, whatever the caller's environment says of writing them.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(home / "bytecode")
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_first_paint(home: Path) -> None:
    (child(QT_ONLY, home), child(FIRST_PAINT, home))  # warm the disk
    qt = statistics.median(child(QT_ONLY, home)["first_paint"] for _ in range(5))
    ours = [child(FIRST_PAINT, home) for _ in range(5)]
    paint = statistics.median(each["first_paint"] for each in ours)
    print(f"\nfirst paint: {paint:.3f} s; Qt alone: {qt:.3f} s; ratio {paint / qt:.1f}; loaded: {ours[0]['heavy']}")
    assert ours[0]["heavy"] == []
    assert paint <= qt * (0.4 / 0.12)


@pytest.mark.parametrize("template", ["digits-mlp", "digits-residual"])
def test_training_beside_the_window(template: str, home: Path) -> None:
    live, headless = child(LIVE, home, template), child(HEADLESS, home, template)
    print(f"\n{template}: {json.dumps(live, indent=1)}\nheadless: {headless}")
    print(f"speed beside the window: {live['rate'] / headless['rate']:.2f}")
    assert live["state"] == "ended"
    assert live["rate"] >= 0.9 * headless["rate"]
    assert live["training"]["p95"] <= 2 * max(live["idle"]["p95"], 0.0167)
    assert live["window_mb"] <= 160
    assert live["with_torch_mb"] - headless["torch_mb"] <= 90
