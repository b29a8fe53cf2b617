"""The lock of an open project: which window has it, so that a second one on the same file is told."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QLockFile, QSysInfo

from netbuilder.document.sidecar import real, remove_if_empty, sidecar


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a project open.

    Attributes:
        process: The process id.
        host: The computer's name.
        user: The user's name, or "" where the system does not tell.
        since: When it was opened, in seconds since 1970.
    """

    process: int
    host: str
    user: str
    since: float

    @property
    def is_here(self) -> bool:
        """Whether it is a window on this computer."""
        return self.host == QSysInfo.machineHostName()


class DocumentLock:
    """Holds at most one file: the one that is open in this window.

    A lock that a killed process has left is recognised (process id, computer, start of the computer) and taken over.
    """

    def __init__(self) -> None:
        self._lock: QLockFile | None = None
        self._path: Path | None = None

    @property
    def path(self) -> Path | None:
        """The file that is held, or None."""
        return self._path

    def take(self, path: Path) -> bool:
        """Hold a file in place of the one held so far; returns whether it is held now.

        It is not where another window has it, or where nothing can be written beside it.
        """
        path = real(path)
        if path == self._path:
            return True
        self.release()
        target = _lock_path(path)
        with contextlib.suppress(OSError):  # then the lock cannot be made, either
            target.parent.mkdir(exist_ok=True)
        lock = QLockFile(str(target))
        lock.setStaleLockTime(0)  # held for days, if somebody works for days
        if not lock.tryLock(0):
            remove_if_empty(target.parent)
            return False
        self._lock, self._path = lock, path
        return True

    def release(self) -> None:
        """Hold nothing."""
        if self._lock is not None and self._path is not None:
            self._lock.unlock()
            remove_if_empty(sidecar(self._path))
        self._lock = self._path = None

    def holder(self, path: Path) -> Holder | None:
        """Return which other process has a file open; None when none has."""
        path = real(path)
        target = _lock_path(path)
        if path == self._path or not target.exists():
            return None
        lock = QLockFile(str(target))
        lock.setStaleLockTime(0)
        if lock.tryLock(0):
            lock.unlock()
            return None
        if lock.error() is not QLockFile.LockError.LockFailedError:
            return None
        process, host, _ = lock.getLockInfo()
        if process == os.getpid() and host == QSysInfo.machineHostName():
            return None
        return Holder(process, host, _owner(target), _modified(target))

    def break_lock(self, path: Path) -> None:
        """Remove the lock of a window that the user knows to be gone.

        Raises:
            OSError: When the system refuses.
        """
        _lock_path(real(path)).unlink(missing_ok=True)


def _lock_path(path: Path) -> Path:
    return sidecar(path) / f"{path.name[:200]}.lock"


def _owner(path: Path) -> str:
    if sys.platform == "win32":
        return ""
    try:
        return path.owner()
    except (OSError, KeyError):  # gone, or a user that this computer does not know
        return ""


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
