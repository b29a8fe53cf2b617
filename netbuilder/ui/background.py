"""Work behind the window's back: a function runs on a thread, what comes of it arrives on Qt's thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from netbuilder.foundation.job import Cancelled, Job
from netbuilder.foundation.problem import NetbuilderError, Problem


@dataclass(frozen=True, slots=True)
class _Work:
    job: Job
    do: Callable[[Job], Any]
    done: Callable[[Any], None]
    refused: Callable[[tuple[Problem, ...]], None] | None
    thread: threading.Thread


class Background(QObject):
    """Runs functions that must not hold up the window. They must not touch widgets.

    Signals:
        failed: (title, tuple of Problem) a piece of work met a mistake of the user's.
    """

    failed = Signal(str, object)
    _ended = Signal(int, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: dict[int, _Work] = {}
        self._count = 0
        self._ended.connect(self._end, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        title: str,
        do: Callable[[Job], Any],
        done: Callable[[Any], None],
        refused: Callable[[tuple[Problem, ...]], None] | None = None,
    ) -> Job:
        """Call `do` on a thread and then `done`, on Qt's thread, with what it returned.

        Args:
            title: What is being done, for messages: "Reading flowers.csv".
            do: The work; be careful not to call the interface in it.
            done: What to do with the result; not called when the work fails or is cancelled.
            refused: What to do with problems, in place of the signal `failed`; not called when it is cancelled.
        """
        self._count += 1
        number, job = self._count, Job(title)
        thread = threading.Thread(target=self._work, args=(number, job, do), name=f"netbuilder: {title}", daemon=True)
        self._running[number] = _Work(job, do, done, refused, thread)
        thread.start()
        return job

    @property
    def is_busy(self) -> bool:
        """Whether anything is running."""
        return bool(self._running)

    def stop(self, timeout: float) -> bool:
        """Cancel everything and wait for it, for closing the program only; False when the time ran out first."""
        deadline = time.monotonic() + timeout
        works = list(self._running.values())
        for work in works:
            work.job.cancel()
        for work in works:
            work.thread.join(max(0.0, deadline - time.monotonic()))
        return not any(work.thread.is_alive() for work in works)

    def _work(self, number: int, job: Job, do: Callable[[Job], Any]) -> None:
        result, error = None, None
        try:
            result = do(job)
        except Exception as caught:  # whatever it is, it is judged on Qt's thread
            error = caught
        self._ended.emit(number, result, error)

    def _end(self, number: int, result: Any, error: Exception | None) -> None:
        work = self._running.pop(number)
        work.thread.join()
        if error is None:
            if not work.job.cancelled:
                work.done(result)
        elif isinstance(error, NetbuilderError):
            if work.refused is None:
                self.failed.emit(work.job.title, error.problems)
            elif not work.job.cancelled:
                work.refused(error.problems)
        elif not isinstance(error, Cancelled):
            raise error
