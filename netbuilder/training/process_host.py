"""A session in a process of its own: what kills it, or stalls it, leaves the window alone.

The process (`session_child`) is started ahead of the first run, since importing torch takes it a second or two, and
lives until the host is left. It and this host speak the protocol's values over pipes (`wire`). A thread reads what is
told into a live view, which the watcher drains as it drains that of a thread's session.

A run whose process dies, falls silent or loses its device goes on in another one from its last state, once for each
cause (`revival`).
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Final

from netbuilder.training import wire
from netbuilder.training.deaths import (
    answers,
    death,
    fault_told,
    how_it_ended,
    reason_of,
    revived,
    stuck,
    with_ways_on,
)
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import GRACE, Command, Event, Progress, Start, State, Stop, Telemetry
from netbuilder.training.revival import DEVICE, SILENCE, SLEEP, SLEPT, Cause, Revival
from netbuilder.training.session_child import BEAT, CLOSE
from netbuilder.training.session_process import SessionProcess

SILENT_SECONDS: Final = 8 * BEAT
"""Seconds without a sign of life after which the process counts as stuck."""

NO_STEP: Final = 10.0
"""Seconds without a step after which the training may be stuck although its process lives: an endless loop in a layer,
or an evaluation that takes long."""

NO_FIRST_STEP: Final = 60.0
"""Likewise before the first step, which waits for kernels to be compiled."""

STOP_SECONDS: Final = 5.0
"""Seconds that a Stop is given by a training that makes no step, before its process is ended."""


class ProcessHost:
    """Implements `SessionHost`: one session at a time, in a process that outlives the sessions but not this program.

    A process that ends, gives no sign of life for `SILENT_SECONDS`, whose device fails or has slept is replaced by
    another one, in which the run goes on from its last state. That is told by a "revival" event, then by the run's own
    "resume". What cannot go on so, since it has no state yet or has met the same a while ago, is told as a problem and
    the end of the run, and the next Start begins another process. A process that is silent again is told as stuck; a
    Stop then ends it. So is one that lives and makes no step; a Stop that it does not obey within `STOP_SECONDS` ends
    it, too.
    """

    def __init__(self) -> None:
        """Start the process; it gets ready while nobody waits."""
        self._lock = threading.RLock()
        self._live = LiveView()
        self._numbers = 0
        self._rests = threading.Condition(self._lock)
        self._child: SessionProcess | None = None
        self._first = 0  # what was told before this command is of an earlier run
        self._revival = Revival()
        self._due: Cause | None = None  # why another process is to take over, at the next look
        self._looked = time.monotonic()
        self._stuck = False
        self._stop: float | None = None  # when a Stop was sent
        self._left = False
        self._begin()

    def send(self, command: Command) -> int:
        """Queue a command; returns its number. Start begins a session when none is active."""
        with self._lock:
            if self._due is not None and isinstance(command, Stop):
                self._give_up(self._due)
                self._numbers += 1
                return self._numbers
            if self._due is not None:
                self._revive(self._due)
            self._numbers += 1
            number = self._numbers
            child = self._child
            if child is None or child.is_over:
                child = self._begin()
            elif child.is_spoiled and isinstance(command, Start) and not self.state.is_active:
                child.kill("its device failed")
                child = self._begin()
            if isinstance(command, Start) and not self.state.is_active:
                self._first = number
                self._revival.begin(command)
                self._stuck, self._stop = False, None
                self._live.forget_pictures()
                self._live.progress = Progress(state=State.STARTING, acknowledged=number)
            elif isinstance(command, Stop):
                self._stop = time.monotonic() if self._stop is None else self._stop
            elif self.state.is_active:
                self._revival.note(number, command)
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

    def leave(self, patience: float = GRACE) -> None:
        """End the process: a run in progress is stopped and saved first. The host is of no use afterwards."""
        with self._lock:
            self._left = True
            child = self._child
        if child is not None:
            child.leave(patience)
            child.listener.join()

    # -- the process ---------------------------------------------------------------------------------------------------

    @property
    def _step(self) -> int:
        return self._live.progress.step

    def _is_resting(self) -> bool:
        child = self._child
        return not self.state.is_active and (child is None or child.is_over or child.rested >= child.asked)

    def _look_after(self) -> None:
        """Let another process take over where that is due; say so when this one gives no sign of life, or one again."""
        now, before = time.monotonic(), self._looked
        self._looked = now
        if self._due is not None:
            self._revive(self._due)
            return
        child = self._child
        if child is None or not self.state.is_active or child.killed_for:
            return
        # While nobody looked, as when both were stopped, it had no chance to be heard.
        child.quiet += min(now - before, BEAT)
        silent = child.is_ready and child.quiet >= SILENT_SECONDS and now - child.heard >= SILENT_SECONDS
        still = self._is_still(child)
        if silent and self._stop is None and self._revival.allows(SILENCE):
            self._abandon(child, SILENCE)
            return
        if (silent or still) is not self._stuck:
            self._stuck = silent or still
            seconds = SILENT_SECONDS if silent else NO_STEP if self._step else NO_FIRST_STEP
            event = stuck(seconds, self._step, silent=silent) if self._stuck else answers(self._step)
            self._live.add_event(event)
        if self._stop is not None and (silent or (still and now - self._stop >= STOP_SECONDS)):
            child.kill("it no longer answered and was ended")

    def _is_still(self, child: SessionProcess) -> bool:
        """Whether the process lives and the training does not move."""
        return self.state is State.RUNNING and child.still >= (NO_STEP if self._step else NO_FIRST_STEP)

    def _begin(self) -> SessionProcess:
        child = SessionProcess(offset=self._numbers - 1 if self._numbers else 0, asked=self._numbers)
        self._child = child
        child.listener = threading.Thread(target=self._listen, args=(child,), name="netbuilder: listening", daemon=True)
        child.listener.start()
        return child

    def _listen(self, child: SessionProcess) -> None:
        """Take over what the process tells, until it ends."""
        try:
            while True:
                self._take(child, *wire.read(child.answers))
        except EOFError:
            pass
        except Exception as error:  # ours: told as such, and the process is of no use
            child.kill(f"what it told cannot be read ({error})")
        status = child.end()
        self._bury(child, child.killed_for or reason_of(status))

    def _take(self, child: SessionProcess, news: Telemetry, rests: bool, still: float) -> None:
        with self._rests:
            slept = child.hear() >= SLEEP
            child.still = still
            fault = fault_told(news)
            child.is_spoiled = child.is_spoiled or fault is not None
            number = news.progress.acknowledged + child.offset
            if child is not self._child or child.cause is not None or number < self._first:
                return
            is_asked = number > child.offset  # else nothing was asked of this process yet
            cause = DEVICE if fault is not None else SLEPT if slept and self._revival.is_on_gpu else None
            if is_asked and cause is not None and self._may_revive(cause):
                told = news.events[: news.events.index(fault)] if fault is not None else news.events
                self._live.take(replace(news, events=self._heard(child, told)))
                self._abandon(child, cause)
                return
            self._live.take(replace(news, events=self._heard(child, news.events)))
            if is_asked:
                self._live.progress = replace(news.progress, acknowledged=number)
                child.rested = number if rests else child.rested
            self._rests.notify_all()

    def _heard(self, child: SessionProcess, events: tuple[Event, ...]) -> tuple[Event, ...]:
        """Return events with the host's numbers of commands, and the ways on that there are from here."""
        told = []
        for event in events:
            if "command" in event.data:
                event = replace(event, data={**event.data, "command": event.data["command"] + child.offset})
            told.append(with_ways_on(event) if self._revival.can_go_on else event)
        self._revival.hear(told)
        return tuple(told)

    # -- going on in another one ---------------------------------------------------------------------------------------

    def _may_revive(self, cause: Cause) -> bool:
        active = self.state.is_active and self.state is not State.STOPPING
        return active and self._stop is None and not self._left and self._revival.allows(cause)

    def _abandon(self, child: SessionProcess, cause: Cause) -> None:
        """End a process that is of no more use; what comes of it is decided when it is gone."""
        child.cause = cause
        child.kill(cause.text)
        self._live.progress = replace(self._live.progress, state=State.STARTING, rate=0.0, seconds_left=None)

    def _bury(self, child: SessionProcess, reason: str) -> None:
        with self._rests:
            child.is_over = True
            report = child.close()
            if child is self._child and self.state.is_active and not self._left:
                cause = child.cause or Cause(reason, how_it_ended(reason, report))
                if self._may_revive(cause):
                    self._live.add_event(revived(cause, report, self._step))
                    progress = self._live.progress
                    self._live.progress = replace(progress, state=State.STARTING, rate=0.0, seconds_left=None)
                    self._due = cause
                else:
                    self._give_up(cause, report)
            self._rests.notify_all()

    def _revive(self, cause: Cause) -> None:
        """Let another process go on with the run; on the watcher's thread, which lasts."""
        self._due, self._stuck = None, False
        commands = self._revival.commands(cause)
        self._numbers += 1
        self._first = self._numbers
        child = self._begin()
        for command in commands:
            child.send(command)
        self._numbers += len(commands) - 1
        child.asked = self._numbers

    def _give_up(self, cause: Cause, report: str = "") -> None:
        """Tell that the process is gone, and the run with it."""
        self._due = None
        revival, progress = self._revival, self._live.progress
        again, can_go_on = revival.is_again(cause), revival.can_go_on
        for event in death(cause, report, revival.folder, progress.step, again=again, can_go_on=can_go_on):
            self._live.add_event(event)
        asked = self._child.asked if self._child is not None else progress.acknowledged
        self._live.progress = replace(progress, state=State.FAILED, rate=0.0, seconds_left=None, acknowledged=asked)
