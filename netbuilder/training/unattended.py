"""A run without a window: begun, waited for, stopped by signals."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.protocol import Event, Start, State, Stop, Telemetry

DRAIN_SECONDS: Final = 0.05
"""How often a training's telemetry is taken while waiting for its end."""

Watcher: TypeAlias = Callable[[Telemetry], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a training ended.

    Attributes:
        reason: "finished", "early stopping" or "stopped".
        test: Metric -> value on the test part, by the best weights; {} when it was stopped.
        folder: The run's folder.
        best_epoch: The epoch with the best validation result, from 1; None when there was none.
        steps: Steps done.
    """

    reason: str
    test: Mapping[str, float] = field(default_factory=dict)
    folder: Path
    best_epoch: int | None = None
    steps: int = 0


def run_to_end(start: Start, watch: Watcher) -> Outcome:
    """Run a session to its end.

    The first interrupt (Ctrl-C, SIGTERM, a terminal that is closed) stops it: what was learned is saved, and it can go
    on later. The second one waits for nothing.

    Args:
        start: What to train, and where.
        watch: Is given what is new, and a last time after the end.

    Raises:
        NetbuilderError: When the training failed.
        KeyboardInterrupt: At the second interrupt; the session may still be saving.
    """
    from netbuilder.training.thread_host import ThreadHost

    host = ThreadHost()
    events: list[Event] = []

    def take() -> None:
        telemetry = host.drain()
        events.extend(telemetry.events)
        watch(telemetry)

    host.send(start)
    try:
        with _interrupts_noted() as interrupts:
            stopped = False
            while not host.wait(DRAIN_SECONDS):
                if len(interrupts) > 1:
                    raise KeyboardInterrupt
                if interrupts and not stopped:
                    stopped = True
                    host.send(Stop())
                take()
        take()
    except KeyboardInterrupt:
        raise
    except BaseException:  # whatever the watcher raised: no thread is left behind
        host.send(Stop())
        host.wait()
        raise
    if host.state is State.FAILED:
        _raise_failure(events)
    return _outcome(events, Path(start.folder))


@contextmanager
def _interrupts_noted() -> Iterator[list[int]]:
    """Note every Ctrl-C and SIGTERM in a list instead of raising it: it could break off a line that is being written.

    So is the end of the terminal, unless somebody has seen to it that it ends nothing (`nohup`). Only the main thread
    may do so; elsewhere nothing is noted, and interrupts go where they always go.
    """
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, lambda number, _frame: noted.append(number)) for number in numbers}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_failure(events: list[Event]) -> None:
    problems = [problem for event in events for problem in event.problems if problem.is_error]
    if problems:
        raise NetbuilderError(problems)
    crash = next((event for event in reversed(events) if event.kind == "crash"), None)
    raise RuntimeError(
        str(crash.data.get("traceback", crash.text)) if crash else "the training failed for no known reason"
    )


def _outcome(events: list[Event], folder: Path) -> Outcome:
    end = next((event for event in reversed(events) if event.kind == "end"), None)
    if end is None:  # stopped before anything was built
        return Outcome(reason="stopped", folder=folder)
    return Outcome(
        reason=str(end.data["reason"]),
        test=dict(end.data["test"]),
        folder=folder,
        best_epoch=end.data["best_epoch"],
        steps=end.step,
    )
