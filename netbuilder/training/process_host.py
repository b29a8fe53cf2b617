"""A session in a process of its own: what kills it, or stalls it, leaves the window alone.

The process (`session_child`) is started ahead of the first run, since importing torch takes it a second or two, and
lives until the host is left. It and this host speak the protocol's values over pipes (`wire`). A thread reads what is
told into a live view, which the watcher drains as it drains that of a thread's session.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

from netbuilder.foundation.problem import Problem, Severity
from netbuilder.training import wire
from netbuilder.training.events import end_event
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import Command, Event, Progress, Start, State, Stop, Telemetry
from netbuilder.training.session_child import BEAT, CLOSE

SILENCE: Final = 8 * BEAT
"""Seconds without a sign of life after which the process counts as stuck."""

GRACE: Final = 5.0
"""Seconds that the process is given to end by itself when the host is left."""

WORDS: Final = {
    "SIGKILL": "it was killed from outside, as systems do that run out of memory",
    "SIGSEGV": "a fault in compiled code (SIGSEGV)",
    "SIGBUS": "a fault in memory, as when shared memory is full (SIGBUS)",
    "SIGABRT": "compiled code gave up (SIGABRT)",
    "SIGTERM": "it was told to end (SIGTERM)",
}
"""What signals mean, for people."""


class ProcessHost:
    """Implements `SessionHost`: one session at a time, in a process that outlives the sessions but not this program.

    A process that has ended, however it ended, is told as a problem and the end of the run, and the next Start begins
    another one. One that gives no sign of life for `SILENCE` is told as stuck; a Stop then ends it.
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
        self._stuck = self._stopping = False
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
            if isinstance(command, Start) and not self.state.is_active:
                self._first, self._folder = number, command.folder
                self._stuck = self._stopping = False
                self._live.forget_pictures()
                self._live.progress = Progress(state=State.STARTING, acknowledged=number)
            elif isinstance(command, Stop):
                self._stopping = True
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
        silent = self._is_silent(child)
        if silent is not self._stuck:
            self._stuck = silent
            self._live.add_event(_stuck(self._step) if silent else _answers(self._step))
        if silent and self._stopping:
            child.kill("it no longer answered and was ended")

    def _is_silent(self, child: _Child) -> bool:
        return child.is_ready and time.monotonic() - child.heard >= SILENCE

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
        self._bury(child, child.killed_for or _reason(status))

    def _take(self, child: _Child, news: Telemetry, rests: bool) -> None:
        with self._rests:
            child.heard, child.is_ready = time.monotonic(), True
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
                for event in _death(reason, report, self._folder, progress.step):
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
        self.is_ready = self.is_over = False
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


def _reason(status: int) -> str:
    """Say how a process ended."""
    if status >= 0:
        return f"it ended by itself with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return WORDS.get(name, f"signal {name}")


def _death(reason: str, report: str, folder: str, step: int) -> tuple[Event, ...]:
    problem = Problem(
        code="session.died",
        message=f"The training's process has ended: {reason}. The window and what was recorded are unharmed.",
        expected="a process that lives as long as the training",
        found=reason,
    )
    told = Event(kind="problem", text=problem.message, step=step, problems=(problem,), data={"report": report})
    return told, end_event("failed", folder=folder, step=step)


def _stuck(step: int) -> Event:
    problem = Problem(
        code="session.stuck",
        severity=Severity.WARNING,
        message=(
            f"The training's process has not answered for {SILENCE:g} seconds. It may go on by itself, as after a sleep"
            " of the computer; Stop ends it, and the run can be gone on with from where it was saved."
        ),
    )
    return Event(kind="problem", text=problem.message, step=step, problems=(problem,))


def _answers(step: int) -> Event:
    return Event(kind="log", text="The training's process answers again.", step=step)
