"""The recorder: keeps every scalar of a run, for the watcher now and in the run store for good.

Scalars are collected step by step and handed on in blocks: to the live view, where newer ones push out older ones,
and to the run store's writer thread through a bounded queue, for which the session waits when it is full: nothing
recorded is lost. Should the store fail (a full disk, a damaged file), a problem says so once and the training goes
on.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np

from netbuilder.data.spec import Prepared
from netbuilder.foundation.problem import NetbuilderError, Problem, Severity
from netbuilder.training import run_store
from netbuilder.training.data_fingerprint import fingerprint
from netbuilder.training.left_behind import leave_behind
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import Event, Picture, Points
from netbuilder.training.run_rewind import Cut, forget_after
from netbuilder.training.run_schema import connect, is_busy
from netbuilder.training.run_store import RunRecord

if TYPE_CHECKING:
    import sqlite3

_T = TypeVar("_T")
_Write: TypeAlias = "Callable[[sqlite3.Connection], None]"
QUEUE_SIZE = 256
"""Writes that may wait before the session waits for them."""

COMMIT_SECONDS = 0.5
"""What a killed program may lose of a run's record."""

PATIENCE = 20.0
"""So many seconds a store is waited for that another program writes to; the session waits as well when much waits."""

LOOK_SECONDS = 0.1
"""How often who waits for the writer makes sure that it still writes."""


class RunWriter:
    """Writes to one run store on a thread of its own."""

    def __init__(self, path: Path, report: Callable[[Problem], None]) -> None:
        """Start writing to the store at `path`.

        Args:
            path: The store's file; its folder is created.
            report: Called once, from the writer's thread, when the store fails.
        """
        self._path = path
        self._report = report
        self._queue: queue.Queue[_Write | threading.Event | None] = queue.Queue(QUEUE_SIZE)
        self._urgent = threading.Event()
        self._failed = False
        self._is_over = False  # the thread's own: the last thing was taken from the queue
        self._thread = threading.Thread(target=self._run, name="netbuilder run store", daemon=False)
        self._thread.start()

    def put(self, write: _Write, *, at_once: bool = False) -> None:
        """Queue one write; waits while the queue is full.

        Args:
            write: The write.
            at_once: Whether it is not to wait for others that may come within a moment.
        """
        if self._queue.full():
            self._urgent.set()
        self._queue.put(write)
        if at_once:
            self._urgent.set()

    def settle(self) -> None:
        """Wait until all that was put before is in the store, or the store has failed."""
        written = threading.Event()
        self._queue.put(written)
        self._urgent.set()
        while not written.wait(LOOK_SECONDS) and not self._failed:
            pass

    def close(self) -> None:
        """Write what is queued, then end the thread."""
        self._queue.put(None)
        self._urgent.set()
        self._thread.join()

    def _run(self) -> None:
        import sqlite3

        connection: sqlite3.Connection | None = None
        try:
            connection = self._patiently(self._open)
            self._write_all(connection)
        except Exception as error:
            self._report(error.problems[0] if isinstance(error, NetbuilderError) else _unwritable(self._path, error))
            # Whoever records must not wait for a writer that is no more.
            self._failed = True
            while not self._is_over:
                self._is_over = self._queue.get() is None
            if not isinstance(error, (sqlite3.Error, OSError, NetbuilderError)):
                raise  # a defect of ours
        finally:
            if connection is not None:
                connection.close()

    def _write_all(self, connection: sqlite3.Connection) -> None:
        """Write until closed, now and then: each commit costs more than what it commits.

        What comes is gathered first and then written at once, so that the store is locked for moments only, and other
        programs can write to it as well.
        """
        while not self._is_over:
            gathered = self._gather()
            for write in gathered:
                if not isinstance(write, threading.Event):
                    self._patiently(partial(write, connection), connection.rollback)
            self._patiently(connection.commit)
            for write in gathered:
                if isinstance(write, threading.Event):
                    write.set()

    def _patiently(self, action: Callable[[], _T], undo: Callable[[], None] = lambda: None) -> _T:
        """Do something with the store, again and again for a while where another program holds it.

        Args:
            action: What to do. A lock is refused at the first write of a transaction or at its end, so that no earlier
                write is lost with it.
            undo: Done before it is tried again.

        Raises:
            sqlite3.Error: As the action, and when the other program holds the store for too long.
        """
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return action()
            except Exception as error:
                if not is_busy(error) or self._is_over or time.monotonic() >= end:
                    raise
                undo()

    def _gather(self) -> list[_Write | threading.Event]:
        """Return what came within a moment.

        Nobody waits at the queue: the session would hand over the interpreter with everything that it puts there.
        """
        self._urgent.wait(COMMIT_SECONDS)
        self._urgent.clear()
        gathered: list[_Write | threading.Event] = []
        while len(gathered) < QUEUE_SIZE and not self._is_over:
            try:
                write = self._queue.get_nowait()
            except queue.Empty:
                return gathered
            if write is None:
                self._is_over = True
            else:
                gathered.append(write)
        self._urgent.set()  # there may be more
        return gathered

    def _open(self) -> sqlite3.Connection:
        import sqlite3

        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return connect(self._path, create=True)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # no space, no permission: the file itself is not to blame
                raise
            self._report(_set_aside(self._path, error))
            return connect(self._path, create=True)


class Recorder:
    """Collects a run's scalars and events and hands them on."""

    def __init__(self, live: LiveView, writer: RunWriter, run: str) -> None:
        """Record the run whose id is `run`."""
        self._live = live
        self._writer = writer
        self._id = run
        self._steps: dict[str, array[int]] = {}
        self._values: dict[str, array[float]] = {}

    def begin(self, record: RunRecord) -> None:
        """Begin the run's record; what an earlier run in the same folder left there is forgotten."""
        # At once: a run that is killed in its first moments is in the record, too.
        self._writer.put(lambda connection: run_store.begin_run(connection, record), at_once=True)

    def go_on(self, record: RunRecord, cut: Cut) -> None:
        """Go on with a run's record; what was recorded after the state that it goes on from is forgotten."""
        self.forget_after(cut)
        self.run(record)

    def forget_after(self, cut: Cut) -> None:
        """Forget what was recorded after a state."""
        self._writer.put(lambda connection: forget_after(connection, self._id, cut))

    def leave_behind(self, cut: Cut, name: str, steps: int) -> None:
        """Move what was recorded after a state to a run of its own."""
        self._writer.put(lambda connection: leave_behind(connection, self._id, cut, name, steps))

    def settle(self) -> None:
        """Hand on what was collected, and wait until it is in the store or the store has failed."""
        self.flush()
        self._writer.settle()

    def run(self, record: RunRecord) -> None:
        """Write the run's row again: what is known by now."""
        self._writer.put(lambda connection: run_store.write_run(connection, record))

    def content(self, prepared: Mapping[str, Prepared]) -> None:
        """Write what rows the run reads; they are digested on the writer's thread, not while the session waits."""

        def write(connection: sqlite3.Connection) -> None:
            connection.commit()  # nobody else waits for the digests
            digests = {node: fingerprint(rows) for node, rows in prepared.items()}
            run_store.write_content(connection, self._id, digests)

        self._writer.put(write)

    def add(self, series: str, step: int, value: float) -> None:
        """Keep one scalar."""
        steps = self._steps.get(series)
        if steps is None:
            steps = self._steps[series] = array("q")
            self._values[series] = array("d")
        steps.append(step)
        self._values[series].append(value)

    def event(self, event: Event) -> None:
        """Show and keep one event."""
        self._live.add_event(event)
        self.keep(event)

    def keep(self, event: Event) -> None:
        """Keep one event that is shown already."""
        self._writer.put(lambda connection: run_store.write_event(connection, self._id, event))

    def histograms(self, pictures: Sequence[Picture]) -> None:
        """Keep some histograms; whoever watches gets them as pictures."""
        if pictures:
            self._writer.put(lambda connection: run_store.write_histograms(connection, self._id, pictures))

    def flush(self) -> None:
        """Hand on what was collected."""
        if not self._steps:
            return
        series = {
            name: Points(np.frombuffer(steps, np.int64), np.frombuffer(self._values[name], np.float64))
            for name, steps in self._steps.items()
        }
        self._steps, self._values = {}, {}
        self._live.add_points(series)
        now = time.time()
        self._writer.put(lambda connection: run_store.write_points(connection, self._id, series, now))


def _set_aside(path: Path, error: Exception) -> Problem:
    """Rename a damaged store, so that a fresh one can be begun, and say so."""
    aside = next(
        candidate for n in itertools.count(1) if not (candidate := path.with_name(f"{path.name}.damaged-{n}")).exists()
    )
    for suffix in ("", "-wal", "-shm"):
        member = path.with_name(path.name + suffix)
        if member.exists():
            member.rename(aside.with_name(aside.name + suffix))
    return Problem(
        code="runs.set_aside",
        severity=Severity.WARNING,
        message=(
            f"The record of earlier runs cannot be read ({error}). It was kept as {aside.name} and a new one begun."
        ),
        file=str(aside),
    )


def _unwritable(path: Path, error: Exception) -> Problem:
    return Problem(
        code="runs.unwritable",
        severity=Severity.WARNING,
        message=(
            f"This run cannot be recorded in {path.name} ({error}). The training goes on; its curves will not be kept."
        ),
        file=str(path),
    )
