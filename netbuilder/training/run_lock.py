"""Which runs go on at this moment: a lock of the operating system in the run's folder, which ends with its process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netbuilder.document.journal.holding import hold, is_live
from netbuilder.training.run_files import RUNNING


@contextmanager
def held_run(folder: Path) -> Iterator[None]:
    """Mark a run as going on; the mark goes with the process, even with one that is killed.

    A folder that takes no file (a full disk) is no reason not to train: the run then looks interrupted to others.
    """
    path = folder / RUNNING
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        yield
        return
    hold(descriptor)
    try:
        yield
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            path.unlink()


def is_running(folder: Path) -> bool:
    """Whether some process trains in this run's folder now."""
    return is_live(folder / RUNNING)
