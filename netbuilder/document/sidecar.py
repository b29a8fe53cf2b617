"""The hidden folder beside a project that holds what belongs to it: journals, the lock, earlier versions."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from netbuilder.foundation.preferences import config_folder

FOLDER: Final = ".netbuilder"


def real(path: Path) -> Path:
    """Return the file that a path stands for, links followed: two ways to one file meet in one folder."""
    return Path(os.path.realpath(path))


def sidecar(path: Path) -> Path:
    """Return the hidden folder beside a project; it need not exist.

    Args:
        path: The project's file.
    """
    return real(path).parent / FOLDER


def recovery_folder() -> Path:
    """Return the user's folder for journals of what has no file, or whose own folder cannot be written to."""
    return config_folder() / "recovery"


def remove_if_empty(folder: Path) -> None:
    """Remove one of these folders once nothing is in it."""
    with contextlib.suppress(OSError):  # something is in it, or it is gone or may not be removed: it does no harm
        folder.rmdir()
