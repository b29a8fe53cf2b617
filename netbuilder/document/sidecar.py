"""The hidden folder beside a project that holds what belongs to it: journals, the lock, earlier versions."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from netbuilder.foundation.preferences import config_folder

FOLDER: Final = ".netbuilder"
JOURNAL: Final = ".journal"
"""How the names of journals end."""


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


def has_journals(files: Iterable[Path]) -> bool:
    """Whether a journal lies beside one of these projects or in the user's folder; says nothing of what is in it.

    Nearly always there is none, and nothing needs to be imported to find that out.
    """
    for folder in {recovery_folder(), *(sidecar(path) for path in files)}:
        with contextlib.suppress(OSError):  # there is no such folder, or it may not be read: nothing can be offered
            if any(name.endswith(JOURNAL) for name in os.listdir(folder)):
                return True
    return False


def remove_if_empty(folder: Path) -> None:
    """Remove one of these folders once nothing is in it."""
    with contextlib.suppress(OSError):  # something is in it, or it is gone or may not be removed: it does no harm
        folder.rmdir()
