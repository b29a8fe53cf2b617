"""Jobs: long work that says how far it is and stops when asked, without knowing who listens."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any


class Cancelled(Exception):
    """The user asked the work to stop; nothing is wrong."""


@dataclass(slots=True)
class Job:
    """Progress and cancellation of one piece of work; safe to read and cancel from any thread.

    Attributes:
        title: What is being done, for the progress display.
        fraction: How much is done, 0 to 1; None while unknown.
        detail: What is being done right now.
        known: What the work has found so far, where it finds one thing after the other; replaced, never changed.
    """

    title: str = ""
    fraction: float | None = None
    detail: str = ""
    known: Any = None
    _cancel: threading.Event = field(default_factory=threading.Event, repr=False)

    def cancel(self) -> None:
        """Ask the work to stop at its next report."""
        self._cancel.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked the work to stop."""
        return self._cancel.is_set()

    def report(self, fraction: float | None = None, detail: str = "") -> None:
        """Say how far the work is.

        Raises:
            Cancelled: When somebody asked the work to stop.
        """
        if self.cancelled:
            raise Cancelled(self.title)
        self.fraction = fraction
        self.detail = detail

    def learn(self, known: Any) -> None:
        """Say what has been found so far."""
        self.known = known
