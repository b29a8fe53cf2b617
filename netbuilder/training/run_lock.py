"""Which runs go on at this moment: a lock of the operating system in the run's folder, which ends with its process."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netbuilder.document.journal.holding import hold, is_live
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.run_files import RUNNING


@contextmanager
def held_run(folder: Path) -> Iterator[None]:
    """Mark a run as going on; the mark goes with the process, even with one that is killed.

    A folder that takes no file (a full disk) is no reason not to train: the run then looks interrupted to others.

    Raises:
        NetbuilderError: When the run goes on already.
    """
    path = folder / RUNNING
    try:
        descriptor = _open_held(path)
    except OSError:
        yield
        return
    if descriptor is None:
        raise NetbuilderError(goes_on(folder))
    try:
        yield
    finally:
        _give_up(path, descriptor)


def is_running(folder: Path) -> bool:
    """Whether some process trains in this run's folder now."""
    return is_live(folder / RUNNING)


def goes_on(folder: Path) -> Problem:
    """Return the problem that a run goes on at this moment.

    Args:
        folder: The run's folder.
    """
    message = f"The run {folder.name} goes on at this moment, in this program or another one."
    return Problem(code="resume.running", message=message, file=str(folder))


def _open_held(path: Path) -> int | None:
    """Return the open mark, which is held now; None while another holds it.

    Raises:
        OSError: When the system refuses.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if not hold(descriptor):
            os.close(descriptor)
            return None
        if _is_there(path, descriptor):
            return descriptor
        os.close(descriptor)  # deleted while we waited, by who held it


def _is_there(path: Path, descriptor: int) -> bool:
    """Whether an open file is the one that has this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _give_up(path: Path, descriptor: int) -> None:
    """Delete the mark while it is held: a moment later it may be another's."""
    if sys.platform == "win32":  # what anybody has open is not deleted there, so that another's stays
        os.close(descriptor)
    with contextlib.suppress(OSError):
        path.unlink()
    if sys.platform != "win32":
        os.close(descriptor)
