"""How often the window asks a run for news: often enough to look alive, and never so often that training suffers.

Whatever Qt's thread computes is taken from training: Python runs one thread at a time. So the time between two drains
follows from what the last ones cost with all the painting that they brought about, and from how much of a processor
the program gets. Beside a training in a process of its own the window takes nothing but a part of another processor.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, process_time, thread_time
from typing import Final, NamedTuple

SHARE: Final = 0.04
"""How much of the program's processor time the window may take while something trains."""

SHARE_APART: Final = 0.15
"""How much of a processor the window may take while something trains in a process of its own."""

FASTEST, SLOWEST = 66, 400
"""Milliseconds between two drains."""

_WEIGHT: Final = 0.25
_LEAST_SPEED: Final = 0.5
"""A program that computes less than half of the time is waiting, not starved: it need not save."""


class Clocks(NamedTuple):
    """Seconds: of this thread's processor time, of the program's, and on the wall."""

    thread: float
    process: float
    wall: float


def read_clocks() -> Clocks:
    """Read the system's clocks."""
    return Clocks(thread_time(), process_time(), perf_counter())


class Pace:
    """Measures Qt's thread from drain to drain."""

    def __init__(self, read: Callable[[], Clocks] = read_clocks) -> None:
        """Begin at the fastest pace.

        Args:
            read: Reads the clocks.
        """
        self._read = read
        self._cost = 0.0
        self._speed = 1.0
        self._before = read()

    def restart(self) -> None:
        """Do not count what was spent since the last drain: nothing was being trained."""
        self._before = self._read()

    def wait(self, *, apart: bool = False) -> int:
        """Return how long to wait until the next drain, in milliseconds; call it once a drain.

        Args:
            apart: Whether the training has a process of its own.
        """
        before, now = self._before, self._read()
        self._before = now
        # One long paint, such as a panel's first, must not slow down the drains for seconds.
        spent = min(now.thread - before.thread, (SHARE_APART if apart else SHARE) * SLOWEST / 1000)
        speed = (now.process - before.process) / max(now.wall - before.wall, 1e-3)
        self._cost += _WEIGHT * (spent - self._cost)
        self._speed += _WEIGHT * (min(max(speed, _LEAST_SPEED), 1.0) - self._speed)
        share = SHARE_APART if apart else SHARE * self._speed
        return round(min(max(1000 * self._cost / share, FASTEST), SLOWEST))
