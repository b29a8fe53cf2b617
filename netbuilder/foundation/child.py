"""Work in a process of its own: it cannot disturb this one, and cancelling is ending it. It ends with this one, too.

The child is spawned, never forked, and ours from end to end: what goes to it and comes back are values of this program.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final, TypeVar, cast

from netbuilder.foundation.job import Job
from netbuilder.foundation.lifeline import die_with
from netbuilder.foundation.problem import NetbuilderError, Problem

T = TypeVar("T")

POLL_SECONDS: Final = 0.05
"""How often the parent looks whether it was asked to stop."""


def call_in_child(work: Callable[[Job], T], job: Job, died: Problem) -> T:
    """Call a function in a child process and return what it returns.

    Args:
        work: A function of a module, perhaps a `functools.partial` of one; told how far it is through the job it is
            given there.
        job: Told how far the child is and what it knows so far; cancelling it ends the child.
        died: What to say when the child was ended from outside.

    Raises:
        NetbuilderError: As the function, and when the child died.
        RuntimeError: With the child's traceback, for a defect of ours.
        Cancelled: When the job was cancelled.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_run_for, args=(os.getpid(), work, sender), name=job.title, daemon=True)
    child.start()
    sender.close()
    try:
        job.report(0.0, "Loading PyTorch")
        kind, value = _follow(receiver, job, died)
    finally:
        child.kill()
        child.join()
        child.close()
        receiver.close()
    if kind == "crash":
        raise RuntimeError(value)
    if kind == "problems":
        raise NetbuilderError(value)
    return cast("T", value)


def _follow(receiver: Connection, job: Job, died: Problem) -> tuple[str, Any]:
    """Hand the child's reports on until it says how it ended."""
    try:
        while True:
            job.report(job.fraction, job.detail)
            if not receiver.poll(POLL_SECONDS):
                continue
            kind, value = receiver.recv()
            if kind == "report":
                job.report(*value)
            elif kind == "known":
                job.learn(value)
            else:
                return kind, value
    except EOFError as error:
        raise NetbuilderError(died) from error


class _Reporting(Job):
    """A job whose reports go to the parent."""

    def __init__(self, sender: Connection) -> None:
        super().__init__()
        self._sender = sender

    def report(self, fraction: float | None = None, detail: str = "") -> None:
        """Send how far the work is."""
        self.fraction, self.detail = fraction, detail
        self._sender.send(("report", (fraction, detail)))

    def learn(self, known: object) -> None:
        """Send what is known so far."""
        self._sender.send(("known", known))


def _run_for(parent: int, work: Callable[[Job], object], sender: Connection) -> None:
    """Do the work as long as the parent lives: a compilation of minutes would else go on for nobody."""
    die_with(parent)
    run(work, sender)


def run(work: Callable[[Job], object], sender: Connection) -> None:
    """The child: do the work, and say how it ended: a result, problems, or a traceback."""
    try:
        answer: tuple[str, object] = ("result", work(_Reporting(sender)))
    except NetbuilderError as error:
        answer = ("problems", error.problems)
    except Exception:
        answer = ("crash", traceback.format_exc())
    with contextlib.suppress(BrokenPipeError):  # the parent is gone, and nobody wants to know
        sender.send(answer)
