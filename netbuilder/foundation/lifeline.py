"""The lifeline: a process that was started for another one ends with it, however that ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG of Linux's prctl(2)."""


def die_with(parent: int) -> None:
    """Let Linux end this process with the thread that started it, however that ends.

    Elsewhere the process notices by itself, at its next word to the other one. Ctrl-C in a terminal, and a terminal
    that is closed, reach both: they are the other one's to obey.

    Args:
        parent: The process that started this one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended before the system was told
            os._exit(1)
