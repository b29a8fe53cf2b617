"""Promise 26: the Qt binding neither loses nor leaks references, and plots survive ten thousand frames.

PySide6 6.12.0 on Python 3.11 drops one reference of `None` or `True` at every call; the process dies after some
hundreds to thousands. Each check runs in a child, since the failure is an abort.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

EMITS = """
import sys
from PySide6.QtCore import QObject, QPointF, Signal

class Sender(QObject):
    fired = Signal(bool)

sender, point = Sender(), QPointF()
sender.fired.connect(lambda value: None)
before = sys.getrefcount(True), sys.getrefcount(None)
for _ in range(20_000):
    sender.fired.emit(True)
    point.setX(1.0)
after = sys.getrefcount(True), sys.getrefcount(None)
assert after[0] - before[0] >= -50 and after[1] - before[1] >= -50, (before, after)
print("sound")
"""

FRAMES = """
import sys
import numpy as np
from PySide6.QtWidgets import QApplication
from netbuilder.ui.panels.chart import Chart
from netbuilder.ui.panels.trace import Trace
from netbuilder.ui.theme import load_theme

class Counted(Chart):
    frames = 0

    def paintEvent(self, event):
        self.frames += 1
        super().paintEvent(event)

application = QApplication([])
chart = Counted(load_theme("dark"))
chart.traces = [Trace("train", "accent", per_step=True)]
chart.resize(160, 100)
chart.show()
before = sys.getrefcount(True), sys.getrefcount(None)
steps = np.arange(10_020)
values = np.sin(steps / 9.0)
for frame in range(10_000):
    chart.traces[0].update(steps[: frame + 20], values[: frame + 20], 0.0)
    chart.refresh()
    application.processEvents()
after = sys.getrefcount(True), sys.getrefcount(None)
assert chart.frames >= 10_000, chart.frames
assert after[0] - before[0] >= -200 and after[1] - before[1] >= -200, (before, after)
print("sound")
"""

# The positive control: what the faulty binding does, done on purpose.
FAULT = """
import ctypes, sys
before = sys.getrefcount(None)
for _ in range(400):
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(None))
assert sys.getrefcount(None) - before >= -50, "references of None were lost"
"""


def run(script: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"QT_QPA_PLATFORM": "offscreen", "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    if path:
        environment["PYTHONPATH"] = f"{path}{os.pathsep}{ROOT}"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=110, env=environment, check=False
    )


@pytest.mark.parametrize("script", [EMITS, FRAMES], ids=["emits", "frames"])
def test_the_binding_is_sound(script: str) -> None:
    result = run(script)
    assert result.stdout.strip() == "sound", result.stderr
    assert result.returncode == 0


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None and True are immortal from 3.12 on: nothing can be lost")
def test_a_lost_reference_is_noticed() -> None:
    result = run(FAULT)
    assert result.returncode != 0
    assert "references of None were lost" in result.stderr


@pytest.mark.pins
@pytest.mark.parametrize("script", [EMITS, FRAMES], ids=["emits", "frames"])
def test_the_oldest_allowed_binding_is_sound(script: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "oldest-binding"
    if not folder.exists():
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "PySide6-Essentials==6.10.0"],
            check=True,
            timeout=110,
        )
    result = run("import PySide6; assert PySide6.__version__ == '6.10.0'\n" + script, folder)
    assert result.stdout.strip() == "sound", result.stderr
