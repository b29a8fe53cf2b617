"""How often the window asks a run for news: often enough to look alive, and never so often that training suffers.

Whatever Qt's thread computes is taken from training: Python runs one thread at a time. So the time between two drains
follows from what the last ones cost with all the painting that they brought about.
"""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time
from typing import Final

SHARE: Final = 0.07
"""How much of its own thread's processor time the window may take while something trains."""

FASTEST, SLOWEST = 66, 250
"""Milliseconds between two drains."""

_WEIGHT: Final = 0.25


class Pace:
    """Measures Qt's thread from drain to drain."""

    def __init__(self, clock: Callable[[], float] = thread_time) -> None:
        """Begin at the fastest pace.

        Args:
            clock: Tells the processor time that this thread has used, in seconds.
        """
        self._clock = clock
        self._cost = 0.0
        self._before = clock()

    def restart(self) -> None:
        """Do not count what was spent since the last drain: nothing was being trained."""
        self._before = self._clock()

    def wait(self) -> int:
        """Return how long to wait until the next drain, in milliseconds; call it once a drain."""
        now = self._clock()
        # One long paint, such as a panel's first, must not slow down the drains for seconds.
        spent = min(now - self._before, SHARE * SLOWEST / 1000)
        self._before = now
        self._cost += _WEIGHT * (spent - self._cost)
        return round(min(max(1000 * self._cost / SHARE, FASTEST), SLOWEST))
