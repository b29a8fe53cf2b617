"""Fixtures for every test: a home of its own, no sockets, no leftover threads, and a real screen for those that ask."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# Widgets are drawn offscreen; tests that need a real screen start the program in a child process (see `screen`).
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# One intra-op thread: many small tests run faster so, and two cores are not fought over.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Importing all tests leaves little garbage, and looking for it again and again takes a third of the time.
gc.disable()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh folder for preferences, recovery and unsaved runs, so that no test sees another's or the user's."""
    folder = tmp_path / "netbuilder-home"
    monkeypatch.setenv("NETBUILDER_HOME", str(folder))
    return folder


_modules_when_frozen = 0


def freeze() -> None:
    """Keep what is there out of the collections to come, which would spend nearly all their time on it.

    First what is left over is collected, which a frozen object never is.
    """
    global _modules_when_frozen
    gc.collect()
    gc.freeze()
    _modules_when_frozen = len(sys.modules)


@pytest.fixture(scope="module", autouse=True)
def frozen_before() -> None:
    """Leave what earlier modules have made out of the collections of this one."""
    freeze()


@pytest.fixture(autouse=True)
def collected_here() -> Iterator[None]:
    """Collect garbage on this thread only, as the program does: elsewhere it would delete Qt's objects.

    After each test: a window that an earlier test has closed would still follow what is global.
    """
    if len(sys.modules) > _modules_when_frozen + 100:  # the test before has imported something large
        freeze()
    gc.disable()
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def clipboard_emptied() -> Iterator[None]:
    """Empty the clipboard: without a screen it is a static object, which would delete Python's data after Python."""
    yield
    gui = sys.modules.get("PySide6.QtGui")
    if gui and gui.QGuiApplication.instance():
        gui.QGuiApplication.clipboard().clear()


@pytest.fixture(autouse=True)
def no_leftover_threads() -> Iterator[None]:
    """Fail a test that leaves one of our threads running."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = [t for t in threading.enumerate() if t not in before and t.name.startswith("netbuilder")]
        if not left:
            return
        time.sleep(0.02)
    pytest.fail("threads left running: " + ", ".join(thread.name for thread in left))


@pytest.fixture
def screen() -> Iterator[str]:
    """A real X screen of 1600 x 1000 pixels; yields its DISPLAY, for child processes."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the virtual screen is Xvfb, which is for Linux")
    assert shutil.which("Xvfb"), "Xvfb is missing: packaging/bootstrap.py test installs it"
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    try:
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)
