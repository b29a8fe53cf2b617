"""Holding: a lock of the operating system on an open file, which ends with the process, however that ends."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Final

_FAR: Final = 1 << 40
"""Where Windows locks a byte: behind everything that anybody reads."""


def hold(descriptor: int) -> bool:
    """Hold an open file until it is closed, or this process ends in whatever way; False while another one holds it."""
    for _ in range(50):  # somebody may be asking at this moment whether it is held
        if _try_hold(descriptor):
            return True
        time.sleep(0.01)
    return False


def _try_hold(descriptor: int) -> bool:
    """Return whether an open file is held now; False while another holds it."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a disk without locks: nothing tells that it is held
        return True
    return True


def is_live(path: Path) -> bool:
    """Whether a process is writing this journal at this moment."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:  # gone, or not ours to write to: nobody with our rights is writing it
        return False
    try:
        return not _try_hold(descriptor)
    finally:
        os.close(descriptor)
