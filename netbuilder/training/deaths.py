"""Deaths: how a session's process ended, or that nothing moves in it any more, in words for people. No torch."""

from __future__ import annotations

import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Final

from netbuilder.foundation.problem import Problem, Severity
from netbuilder.training import wire
from netbuilder.training.events import DEVICE_FAULT, GO_ON, GO_ON_CPU, end_event
from netbuilder.training.protocol import Event, Telemetry
from netbuilder.training.revival import Cause

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


def how_it_ended(reason: str, report: str) -> str:
    """Return why a process is of no more use that has ended.

    Args:
        reason: Why, for people; see `reason_of`.
        report: The end of what it printed.
    """
    return f"its process has ended: {reason}{_place(report)}"


def revived(cause: Cause, report: str, step: int) -> Event:
    """Return the event that a run is about to go on in another process.

    Args:
        cause: Why.
        report: The end of what the old one printed.
        step: Steps done by then.
    """
    text = f"The training goes on in a new process from where it was saved last: {cause.text}."
    return Event(kind="revival", text=text, step=step, data={"cause": cause.text, "report": report})


def death(cause: Cause, report: str, folder: str, step: int, *, again: bool, can_go_on: bool) -> tuple[Event, ...]:
    """Return the events that a process is gone, and the run with it.

    Args:
        cause: Why.
        report: The end of what it printed.
        folder: The run's folder.
        step: Steps done.
        again: Whether the run has gone on by itself after the same before.
        can_go_on: Whether the run has saved a state.
    """
    problem = Problem(
        code="session.died",
        message=(
            f"The training has stopped{' again' if again else ''}: {cause.text}."
            " The window and what was recorded are unharmed."
            + (" The run can go on from where it was saved last." if can_go_on else "")
        ),
        expected="a process that lives as long as the training",
        found=cause.text,
        actions=(GO_ON,) if can_go_on else (),
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


def fault_told(news: Telemetry) -> Event | None:
    """Return the event that the device is of no more use to the process that told this; None when it is."""
    found = (event for event in news.events if any(problem.code == DEVICE_FAULT for problem in event.problems))
    return next(found, None)


def with_ways_on(event: Event) -> Event:
    """Return an event whose problems offer what another process can do: it is no remedy that has to be chosen."""
    if not any(problem.code == DEVICE_FAULT for problem in event.problems):
        return event
    problems = tuple(
        replace(problem, actions=(GO_ON, GO_ON_CPU)) if problem.code == DEVICE_FAULT else problem
        for problem in event.problems
    )
    return replace(event, problems=problems)


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
