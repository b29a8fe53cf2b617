"""A session on a thread of this process: what the window, the terminal and the tests use by default."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from netbuilder.training.inbox import Inbox
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import Command, Event, Progress, Start, State, Telemetry

SWITCH_INTERVAL = 5e-4
"""While a session runs, threads change hands ten times as often as usual: smoother windows, faster training."""


class ThreadHost:
    """Implements `SessionHost`: one session at a time, each on a fresh thread, in which torch is imported."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inbox = Inbox()
        self._live = LiveView()
        self._thread: threading.Thread | None = None

    def send(self, command: Command) -> int:
        """Queue a command; returns its number. Start begins a session when none is active."""
        with self._lock:
            if self.state.is_active:
                return self._inbox.send(command)
            number = self._inbox.number()
            if isinstance(command, Start):
                self._begin(number, command)
            else:
                self._ignore(number, command)
            return number

    def drain(self) -> Telemetry:
        """Take what is new."""
        return self._live.drain()

    @property
    def state(self) -> State:
        """The session's state now."""
        return self._live.progress.state

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the session has ended and its thread is gone; False when the time ran out first."""
        thread = self._thread
        if thread is None:
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def _begin(self, number: int, start: Start) -> None:
        self._inbox.renew()
        self._live.progress = Progress(state=State.STARTING, acknowledged=number)
        # Not a daemon: a thread that is torn down in the middle of a tensor operation aborts the process. The session
        # ends by itself soon after the main thread.
        self._thread = threading.Thread(target=self._run, args=(start,), name="netbuilder session", daemon=False)
        self._thread.start()

    def _run(self, start: Start) -> None:
        final = State.FAILED
        try:
            with fast_switching():
                from netbuilder.training.session import Session

                final = Session(start, self._inbox, self._live).run()
        except Exception as error:  # ours, whatever it is: it must be seen, and must not end the program
            self._live.add_event(crash(error, self._live.progress.step))
        finally:
            self._end(final)

    def _end(self, state: State) -> None:
        """Let nothing come between the last command and the end: what is left is acknowledged and ignored."""
        with self._lock:
            while (waiting := self._inbox.take()) is not None:
                self._ignore(*waiting)
            self._live.progress = replace(self._live.progress, state=state, rate=0.0, seconds_left=None)

    def _ignore(self, number: int, command: Command) -> None:
        self._live.progress = replace(self._live.progress, acknowledged=number)
        self._live.add_event(ignored(command, "nothing is being trained", self._live.progress.step))


def ignored(command: Command, reason: str, step: int) -> Event:
    """Return the log entry for a command that makes no sense now."""
    return Event(kind="log", text=f"{type(command).__name__} was ignored: {reason}.", step=step)


def crash(error: BaseException, step: int) -> Event:
    """Return the event for a defect of ours, with the traceback for the crash report."""
    text = "".join(traceback.format_exception(error))
    return Event(kind="crash", text=f"{type(error).__name__}: {error}"[:500], step=step, data={"traceback": text})


_switch_lock = threading.Lock()
_switch_count = 0
_usual_interval = 0.0


@contextmanager
def fast_switching() -> Iterator[None]:
    """Use the short switch interval; the last of several users puts the old one back."""
    global _switch_count, _usual_interval
    with _switch_lock:
        if _switch_count == 0:
            _usual_interval = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH_INTERVAL)
        _switch_count += 1
    try:
        yield
    finally:
        with _switch_lock:
            _switch_count -= 1
            if _switch_count == 0:
                sys.setswitchinterval(_usual_interval)
