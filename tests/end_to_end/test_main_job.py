"""Stories from end to end, with real mouse and key events on a real (virtual) screen: `main_job`, `residual_cnn`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(story: str, screen: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Let a hand use the real window on a screen of its own."""
    assert shutil.which("xdotool"), "xdotool is missing: packaging/bootstrap.py test installs it"
    environment = {**os.environ, "DISPLAY": screen, "NETBUILDER_HOME": str(home), "PYTHONPATH": str(ROOT)}
    environment.pop("QT_QPA_PLATFORM", None)
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", f"tests.end_to_end.{story}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=360,
        check=False,
    )


@pytest.mark.timeout(400)
def test_draw_train_and_watch(screen: str, home: Path) -> None:
    done = run("main_job", screen, home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the main job is done" in done.stdout


@pytest.mark.timeout(400)
def test_build_a_residual_cnn_from_an_empty_canvas(screen: str, home: Path) -> None:
    done = run("residual_cnn", screen, home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the network is built and trained" in done.stdout
