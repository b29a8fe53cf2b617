"""The main job, end to end, with real mouse events on a real (virtual) screen: see `main_job`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(400)
def test_draw_train_and_watch(screen: str, home: Path) -> None:
    assert shutil.which("xdotool"), "xdotool is missing: packaging/bootstrap.py test installs it"
    environment = {**os.environ, "DISPLAY": screen, "NETBUILDER_HOME": str(home), "PYTHONPATH": str(ROOT)}
    environment.pop("QT_QPA_PLATFORM", None)
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "tests.end_to_end.main_job"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=360,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the main job is done" in done.stdout
