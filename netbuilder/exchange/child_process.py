"""Exporting in a process of its own.

The exporters need hundreds of megabytes, patch torch while they work, and cannot be interrupted. So the window's
process stays as it was, training goes on undisturbed, and cancelling is ending the child.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Final

from netbuilder.exchange.formats import Exported, Order, export, find_format
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.save import sweep_temporaries

POLL_SECONDS: Final = 0.05
"""How often the parent looks whether it was asked to stop."""


def export_in_child(order: Order, job: Job) -> Exported:
    """Do what `formats.export` does, in a child process.

    Args:
        order: What, how and where to.
        job: Told how far the child is; cancelling it ends the child.

    Raises:
        NetbuilderError: As `formats.export`, and when the child died.
        Cancelled: When the job was cancelled; nothing is left behind.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    was_there = order.target.exists()
    child = context.Process(target=_work, args=(order, sender), name="netbuilder export", daemon=True)
    child.start()
    sender.close()
    try:
        job.report(0.0, "Loading PyTorch")
        result = _follow(receiver, job)
    finally:
        child.kill()
        child.join()
        child.close()
        receiver.close()
        _tidy(order, was_there=was_there)
    if isinstance(result, str):
        raise RuntimeError(result)
    if isinstance(result, tuple):
        raise NetbuilderError(result)
    return result


def _follow(receiver: Connection, job: Job) -> Exported | tuple[Problem, ...] | str:
    """Hand the child's reports on until it says how it ended: what it wrote, problems, or a traceback."""
    try:
        while True:
            job.report(job.fraction, job.detail)
            if not receiver.poll(POLL_SECONDS):
                continue
            kind, value = receiver.recv()
            if kind == "end":
                found: Exported | tuple[Problem, ...] | str = value
                return found
            job.report(*value)
    except EOFError as error:
        message = "The export was ended from outside, perhaps because memory ran out. Nothing was written."
        raise NetbuilderError(Problem(code="export.died", message=message)) from error


def _tidy(order: Order, *, was_there: bool) -> None:
    """Remove what a child that was ended in the midst of writing has left."""
    is_folder = not find_format(order.format).suffix
    sweep_temporaries(order.target if is_folder else order.target.parent)
    if is_folder and not was_there:
        with contextlib.suppress(OSError):  # it holds the export, or was never made
            order.target.rmdir()


class _Reporting(Job):
    """A job whose reports go to the parent."""

    def __init__(self, sender: Connection) -> None:
        super().__init__(title="Exporting")
        self._sender = sender

    def report(self, fraction: float | None = None, detail: str = "") -> None:
        """Send how far the work is."""
        self._sender.send(("report", (fraction, detail)))


def _work(order: Order, sender: Connection) -> None:
    """The child: export, and say how it ended."""
    with contextlib.suppress(ImportError):  # torch shows progress with it where it is installed
        from tqdm import tqdm

        tqdm.set_lock(threading.RLock())  # its own is a semaphore, which outlives a child that is ended
    try:
        result: Exported | tuple[Problem, ...] | str = export(order, _Reporting(sender))
    except NetbuilderError as error:
        result = error.problems
    except Exception:
        result = traceback.format_exc()
    with contextlib.suppress(BrokenPipeError):  # the parent is gone, and nobody wants to know
        sender.send(("end", result))
