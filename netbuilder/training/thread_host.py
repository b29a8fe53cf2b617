"""A session on a thread of this process: what the window, the terminal and the tests use by default."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.events import crash, ignored
from netbuilder.training.inbox import Inbox
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import GRACE, Command, Event, Look, Picture, Progress, Start, State, Telemetry, Watch

if TYPE_CHECKING:
    from netbuilder.training.remains import Remains

SWITCH_INTERVAL = 5e-4
"""While a session runs, threads change hands ten times as often as usual: smoother windows, faster training."""


class ThreadHost:
    """Implements `SessionHost`: one session at a time, each on a fresh thread, in which torch is imported.

    What an ended run leaves behind is kept until the next Start or `close`: its network, once, with the best weights
    (those that were tested; the last ones when no epoch was finished), and the probe's fixed samples. A Watch is then
    answered by a thread that lives no longer than the drawing takes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inbox = Inbox()
        self._live = LiveView()
        self._thread: threading.Thread | None = None
        self._remains: Remains | None = None
        self._wishes: dict[type[Watch | Look], tuple[int, Watch | Look]] = {}
        self._drawing = False

    def send(self, command: Command) -> int:
        """Queue a command; returns its number. Start begins a session when none is active."""
        with self._lock:
            if self.state.is_active:
                return self._inbox.send(command)
            number = self._inbox.number()
            if isinstance(command, Start):
                self._begin(number, command)
            else:
                self._answer(number, command)
            return number

    def drain(self) -> Telemetry:
        """Take what is new."""
        return self._live.drain()

    @property
    def state(self) -> State:
        """The session's state now."""
        return self._live.progress.state

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the session has ended and no thread of it is left; False when the time ran out first."""
        end = None if timeout is None else time.monotonic() + timeout
        while (thread := self._thread) is not None:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
            if thread.is_alive():
                return False
            if thread is self._thread:  # else pictures are drawn by another one since
                break
        return True

    def close(self) -> None:
        """Drop what an ended run left behind; a Watch is ignored from now on. A run in progress is left alone."""
        with self._lock:
            self._drop()

    def leave(self, patience: float = GRACE) -> None:
        """Drop what an ended run left behind; a thread that still runs ends by itself soon after the main one."""
        self.close()

    def _drop(self) -> None:
        self._remains, self._wishes = None, {}
        self._live.forget_pictures()

    def _begin(self, number: int, start: Start) -> None:
        self._drop()
        self._inbox.renew()
        self._live.progress = Progress(state=State.STARTING, acknowledged=number)
        # Not a daemon: a thread that is torn down in the middle of a tensor operation aborts the process. The session
        # ends by itself soon after the main thread.
        self._launch(self._run, start, self._thread)

    def _launch(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name="netbuilder session", daemon=False)
        thread.start()
        self._thread = thread

    def _run(self, start: Start, before: threading.Thread | None) -> None:
        final, remains = State.FAILED, None
        if before is not None:
            before.join()  # it may be drawing what an earlier run left behind, which must go before this one comes
        try:
            with fast_switching():
                from netbuilder.training.session import Session

                session = Session(start, self._inbox, self._live)
                final = session.run()
                remains = session.remains
        except Exception as error:  # ours, whatever it is: it must be seen, and must not end the program
            self._live.add_event(crash(error, self._live.progress.step))
        finally:
            self._end(final, remains)

    def _end(self, state: State, remains: Remains | None) -> None:
        """Let nothing come between the last command and the end: what is left is answered as after it."""
        with self._lock:
            self._remains = remains
            self._live.progress = replace(self._live.progress, state=state, rate=0.0, seconds_left=None)
            while (waiting := self._inbox.take()) is not None:
                self._answer(*waiting)

    def _answer(self, number: int, command: Command) -> None:
        """Answer a command that no session takes; the lock is held."""
        if not isinstance(command, (Watch, Look)) or self._remains is None:
            self._acknowledge(number)
            self._live.add_event(ignored(command, "nothing is being trained", self._live.progress.step))
            return
        self._wishes[type(command)] = (number, command)  # in place of one that waits: only the newest is of use
        if not self._drawing:
            self._drawing = True
            self._launch(self._draw, self._remains)

    def _draw(self, remains: Remains) -> None:
        """Draw what is wished for until nothing more is."""
        while wishes := self._take_wishes(remains):
            for _, command in wishes:
                remains.obey(command)
            pictures, event = _look(remains, self._live.progress.step)
            with self._lock:
                if self._remains is not remains:  # another run has begun: these pictures are not its own
                    continue
                self._live.show_moment(pictures, remains.timeline)
                if event is not None:
                    self._live.add_event(event)
                self._acknowledge(max(number for number, _ in wishes))

    def _take_wishes(self, remains: Remains) -> list[tuple[int, Watch | Look]]:
        with self._lock:
            wishes = list(self._wishes.values()) if self._remains is remains else []
            self._wishes = {}
            if not wishes:
                self._drawing = False
            return wishes

    def _acknowledge(self, number: int) -> None:
        progress = self._live.progress
        self._live.progress = replace(progress, acknowledged=max(number, progress.acknowledged))


def _look(remains: Remains, step: int) -> tuple[tuple[Picture, ...], Event | None]:
    """Return what a network looks like, or what went wrong."""
    try:
        return remains.look(), None
    except NetbuilderError as error:
        return (), Event(kind="problem", text=str(error), step=step, problems=error.problems)
    except Exception as error:  # ours: it must be seen, and must not end the program
        return (), crash(error, step)


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
