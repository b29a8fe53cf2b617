"""The inbox: numbered commands on their way to a session, and the means to interrupt its preparations."""

from __future__ import annotations

import itertools
import queue

from netbuilder.foundation.job import Job
from netbuilder.training.protocol import Command, Stop


class Inbox:
    """Commands in the order they were sent: one host puts them in, one session at a time takes them out."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._queue: queue.SimpleQueue[tuple[int, Command]] = queue.SimpleQueue()
        self.job = Job(title="Starting")

    def renew(self) -> None:
        """Get ready for another session: an old Stop must not cancel its preparations."""
        self.job = Job(title="Starting")

    def number(self) -> int:
        """Return the next command's number."""
        return next(self._numbers)

    def send(self, command: Command) -> int:
        """Queue a command and return its number; Stop also interrupts reading data and building."""
        number = self.number()
        self._queue.put((number, command))
        if isinstance(command, Stop):
            self.job.cancel()
        return number

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits; cheap enough to ask between any two steps."""
        return self._queue.empty()

    def take(self, timeout: float = 0.0) -> tuple[int, Command] | None:
        """Return the next command and its number, or None when none came within `timeout` seconds."""
        try:
            return self._queue.get(timeout=timeout) if timeout else self._queue.get_nowait()
        except queue.Empty:
            return None
