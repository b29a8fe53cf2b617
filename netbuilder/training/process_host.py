"""A session in a process of its own: what kills it, or stalls it, leaves the window alone.

The process (`session_child`) is started ahead of the first run, since importing torch takes it a second or two, and
lives until the host is left. It and this host speak the protocol's values over pipes (`wire`). A thread reads what is
told into a live view, which the watcher drains as it drains that of a thread's session.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

from netbuilder.training import wire
from netbuilder.training.deaths import answers, death, reason_of, stuck, tells_of_a_fault
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import Command, Progress, Start, State, Stop, Telemetry
from netbuilder.training.session_child import BEAT, CLOSE

SILENCE: Final = 8 * BEAT
"""Seconds without a sign of life after which the process counts as stuck."""

NO_STEP: Final = 10.0
"""Seconds without a step after which the training may be stuck although its process lives: an endless loop in a layer,
or an evaluation that takes long."""

NO_FIRST_STEP: Final = 60.0
"""Likewise before the first step, which waits for kernels to be compiled."""

GRACE: Final = 5.0
"""Seconds that the process is given to end by itself when the host is left."""


class ProcessHost:
    """Implements `SessionHost`: one session at a time, in a process that outlives the sessions but not this program.

    A process that has ended, however it ended, is told as a problem and the end of the run, and the next Start begins
    another one. One that gives no sign of life for `SILENCE` is told as stuck; a Stop then ends it. So is one that
    lives and makes no step; a Stop that it does not obey within `GRACE` ends it, too.
    """

    def __init__(self) -> None:
        """Start the process; it gets ready while nobody waits."""
        self._lock = threading.RLock()
        self._live = LiveView()
        self._numbers = 0
        self._rests = threading.Condition(self._lock)
        self._child: _Child | None = None
        self._folder = ""  # of the run in progress
        self._first = 0  # what was told before this command is of an earlier run
        self._stuck = False
        self._stop: float | None = None  # when a Stop was sent
        self._left = False
        self._begin()

    def send(self, command: Command) -> int:
        """Queue a command; returns its number. Start begins a session when none is active."""
        with self._lock:
            self._numbers += 1
            number = self._numbers
            child = self._child
            if child is None or child.is_over:
                child = self._begin()
            elif child.is_spoiled and isinstance(command, Start) and not self.state.is_active:
                child.kill("its device failed")
                child = self._begin()
            if isinstance(command, Start) and not self.state.is_active:
                self._first, self._folder = number, command.folder
                self._stuck, self._stop = False, None
                self._live.forget_pictures()
                self._live.progress = Progress(state=State.STARTING, acknowledged=number)
            elif isinstance(command, Stop):
                self._stop = time.monotonic() if self._stop is None else self._stop
            child.asked = number
            child.send(command)
            return number

    def drain(self) -> Telemetry:
        """Take what is new; says so when the process gives no sign of life."""
        with self._lock:
            self._look_after()
        return self._live.drain()

    @property
    def state(self) -> State:
        """The session's state now."""
        return self._live.progress.state

    @property
    def is_ready(self) -> bool:
        """Whether the process has loaded what a run needs."""
        return self._child is not None and self._child.is_ready

    @property
    def process_id(self) -> int | None:
        """The number of the process; None while there is none."""
        child = self._child
        return child.process.pid if child is not None and not child.is_over else None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the session has ended and nothing is drawn any more; False when the time ran out first."""
        end = None if timeout is None else time.monotonic() + timeout
        with self._rests:
            while not self._is_resting():
                left = BEAT if end is None else min(BEAT, end - time.monotonic())
                if left <= 0:
                    return False
                self._rests.wait(left)
                self._look_after()
        return True

    def close(self) -> None:
        """Drop what an ended run left behind; a Watch is ignored from now on. A run in progress is left alone."""
        with self._lock:
            self._live.forget_pictures()
            if self._child is not None:
                self._child.send(CLOSE)

    def leave(self) -> None:
        """End the process: a run in progress is stopped and saved first. The host is of no use afterwards."""
        with self._lock:
            self._left = True
            child = self._child
        if child is not None:
            child.leave()
            child.listener.join()

    # -- the process ---------------------------------------------------------------------------------------------------

    @property
    def _step(self) -> int:
        return self._live.progress.step

    def _is_resting(self) -> bool:
        child = self._child
        return not self.state.is_active and (child is None or child.is_over or child.rested >= child.asked)

    def _look_after(self) -> None:
        """Say so when the process gives no sign of life, or gives one again; end it when it was told to stop."""
        child = self._child
        if child is None or not self.state.is_active:
            return
        silent, still = self._is_silent(child), self._is_still(child)
        if (silent or still) is not self._stuck:
            self._stuck = silent or still
            seconds = SILENCE if silent else NO_STEP if self._step else NO_FIRST_STEP
            event = stuck(seconds, self._step, silent=silent) if self._stuck else answers(self._step)
            self._live.add_event(event)
        if self._stop is not None and (silent or (still and time.monotonic() - self._stop >= GRACE)):
            child.kill("it no longer answered and was ended")

    def _is_silent(self, child: _Child) -> bool:
        return child.is_ready and time.monotonic() - child.heard >= SILENCE

    def _is_still(self, child: _Child) -> bool:
        """Whether the process lives and the training does not move."""
        return self.state is State.RUNNING and child.still >= (NO_STEP if self._step else NO_FIRST_STEP)

    def _begin(self) -> _Child:
        self._child = child = _Child(offset=self._numbers - 1 if self._numbers else 0, asked=self._numbers)
        child.listener = threading.Thread(target=self._listen, args=(child,), name="netbuilder: listening", daemon=True)
        child.listener.start()
        return child

    def _listen(self, child: _Child) -> None:
        """Take over what the process tells, until it ends."""
        try:
            while True:
                self._take(child, *wire.read(child.answers))
        except EOFError:
            pass
        except (wire.WireError, OSError, TypeError) as error:  # ours: told as such, and the process is of no use
            child.kill(f"what it told cannot be read ({error})")
        status = child.end()
        self._bury(child, child.killed_for or reason_of(status))

    def _take(self, child: _Child, news: Telemetry, rests: bool, still: float) -> None:
        with self._rests:
            child.heard, child.is_ready, child.still = time.monotonic(), True, still
            child.is_spoiled = child.is_spoiled or tells_of_a_fault(news)
            number = news.progress.acknowledged + child.offset
            if child is not self._child or number < self._first:
                return
            self._live.take(news)
            if number > child.offset:  # else nothing was asked of this process yet
                self._live.progress = replace(news.progress, acknowledged=number)
                child.rested = number if rests else child.rested
            self._rests.notify_all()

    def _bury(self, child: _Child, reason: str) -> None:
        with self._rests:
            child.is_over = True
            report = child.close()
            if child is self._child and self.state.is_active and not self._left:
                progress = self._live.progress
                for event in death(reason, report, self._folder, progress.step):
                    self._live.add_event(event)
                self._live.progress = replace(
                    progress, state=State.FAILED, rate=0.0, seconds_left=None, acknowledged=child.asked
                )
            self._rests.notify_all()


class _Child:
    """The process.

    Attributes:
        process: It.
        answers: What it tells.
        offset: What is added to its numbers of commands to make them the host's.
        asked: The host's number of the last command that it was given.
        rested: The number of the last command after which it had nothing to do.
        heard: When it gave the last sign of life.
        still: For how many seconds nothing had moved in it then.
        is_spoiled: Whether the device is of no use to it any more.
        is_ready: Whether it gave one.
        is_over: Whether it has ended.
        killed_for: Why it was ended from here, or "".
        listener: The thread that hears it.
    """

    def __init__(self, offset: int, asked: int) -> None:
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
        self._report: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed at the end
        self.process = subprocess.Popen(
            # -P: nothing that lies beside a project is imported by accident.
            [sys.executable, "-P", "-m", "netbuilder.training.session_child", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._report,
            env={**os.environ, "PYTHONPATH": path},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.commands: BinaryIO = self.process.stdin  # type: ignore[assignment]
        self.answers: BinaryIO = self.process.stdout  # type: ignore[assignment]
        self.offset, self.asked, self.rested = offset, asked, 0
        self.heard = time.monotonic()
        self.still = 0.0
        self.is_ready = self.is_over = self.is_spoiled = False
        self.killed_for = ""
        self.listener: threading.Thread

    def send(self, command: Any) -> None:
        """Give it a command; one that has ended hears nothing, and the end is told by who listens to it."""
        with contextlib.suppress(OSError, ValueError):  # ValueError: its pipe is closed here already
            wire.write(self.commands, command)

    def kill(self, reason: str) -> None:
        """End it at once, for a reason that is told."""
        self.killed_for = reason
        self.process.kill()

    def leave(self) -> None:
        """Let it end by itself; after a while end it."""
        try:
            self.commands.close()
            self.process.wait(GRACE)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()

    def end(self) -> int:
        """Wait for the end; returns the exit status."""
        return self.process.wait()

    def close(self) -> str:
        """Close what belongs to a process that has ended; returns the last lines that it printed."""
        with contextlib.suppress(OSError):  # what was written to it last did not arrive
            self.commands.close()
        self.answers.close()
        with self._report:
            self._report.seek(0)
            return self._report.read()[-8000:].decode(errors="replace").strip()
