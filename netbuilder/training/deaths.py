"""Deaths: how a session's process ended, or that nothing moves in it any more, in words for people. No torch."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Final

from netbuilder.foundation.problem import Problem, Severity
from netbuilder.training import wire
from netbuilder.training.events import DEVICE_FAULT, end_event
from netbuilder.training.protocol import Event, Telemetry

_PLACE: Final = re.compile(r'File "([^"]+)", line (\d+) in (\S+)')
"""A frame in what faulthandler writes."""

WORDS: Final = {
    "SIGKILL": "it was killed from outside, as systems do that run out of memory",
    "SIGSEGV": "a fault in compiled code (SIGSEGV)",
    "SIGBUS": "a fault in memory, as when shared memory is full (SIGBUS)",
    "SIGABRT": "compiled code gave up (SIGABRT)",
    "SIGTERM": "it was told to end (SIGTERM)",
    "SIGILL": "a library uses instructions that this processor does not know (SIGILL)",
}
"""What signals mean, for people."""


def reason_of(status: int) -> str:
    """Say how a process ended."""
    if status >= 0:
        return f"it ended by itself with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return WORDS.get(name, f"signal {name}")


def death(reason: str, report: str, folder: str, step: int) -> tuple[Event, ...]:
    """Return the events that a process is gone, and the run with it.

    Args:
        reason: Why, for people.
        report: The end of what it printed.
        folder: The run's folder.
        step: Steps done.
    """
    problem = Problem(
        code="session.died",
        message=(
            f"The training's process has ended: {reason}{_place(report)}."
            " The window and what was recorded are unharmed."
        ),
        expected="a process that lives as long as the training",
        found=reason,
    )
    told = Event(kind="problem", text=problem.message, step=step, problems=(problem,), data={"report": report})
    return told, end_event("failed", folder=folder, step=step)


def _place(report: str) -> str:
    """Say where in Python a fault happened, if the process could still tell."""
    begin = report.find("(most recent call first)")
    found = _PLACE.search(report, begin) if begin >= 0 else None
    if found is not None and Path(found[1]) == Path(wire.__file__):  # it was waiting for commands: sent from outside
        return ""
    return f", at line {found[2]} of {Path(found[1]).name}, in {found[3]}" if found else ""


def tells_of_a_fault(news: Telemetry) -> bool:
    """Whether the device is of no more use to the process that told this."""
    return any(problem.code == DEVICE_FAULT for event in news.events for problem in event.problems)


def stuck(seconds: float, step: int, *, silent: bool) -> Event:
    """Return the event that nothing moves.

    Args:
        seconds: For how long.
        step: Steps done.
        silent: Whether the process says nothing at all; else it lives, but makes no step.
    """
    if silent:
        what = f"The training's process has not answered for {seconds:g} seconds."
        what += " It may go on by itself, as after a sleep of the computer"
    else:
        what = f"The training has made no step for {seconds:g} seconds. What it does may take long, or it hangs"
    problem = Problem(
        code="session.stuck",
        severity=Severity.WARNING,
        message=f"{what}; Stop ends it, and the run can be gone on with from where it was saved.",
    )
    return Event(kind="problem", text=problem.message, step=step, problems=(problem,))


def answers(step: int) -> Event:
    """Return the event that all goes on."""
    return Event(kind="log", text="The training's process answers again.", step=step)
