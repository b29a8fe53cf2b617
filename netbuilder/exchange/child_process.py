"""Exporting in a process of its own.

The exporters need hundreds of megabytes, patch torch while they work, and cannot be interrupted. So the window's
process stays as it was, training goes on undisturbed, and cancelling is ending the child.
"""

from __future__ import annotations

import contextlib
import threading
from functools import partial

from netbuilder.exchange.formats import Exported, Order, export, find_format
from netbuilder.foundation.child import call_in_child
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import Problem
from netbuilder.foundation.save import sweep_temporaries


def export_in_child(order: Order, job: Job) -> Exported:
    """Do what `formats.export` does, in a child process.

    Args:
        order: What, how and where to.
        job: Told how far the child is; cancelling it ends the child.

    Raises:
        NetbuilderError: As `formats.export`, and when the child died.
        Cancelled: When the job was cancelled; nothing is left behind.
    """
    message = "The export was ended from outside, perhaps because memory ran out. Nothing was written."
    was_there = order.target.exists()
    try:
        return call_in_child(partial(_work, order), job, Problem(code="export.died", message=message))
    finally:
        _tidy(order, was_there=was_there)


def _tidy(order: Order, *, was_there: bool) -> None:
    """Remove what a child that was ended in the midst of writing has left."""
    is_folder = not find_format(order.format).suffix
    sweep_temporaries(order.target if is_folder else order.target.parent)
    if is_folder and not was_there:
        with contextlib.suppress(OSError):  # it holds the export, or was never made
            order.target.rmdir()


def _work(order: Order, job: Job) -> Exported:
    """The child: export."""
    with contextlib.suppress(ImportError):  # torch shows progress with it where it is installed
        from tqdm import tqdm

        tqdm.set_lock(threading.RLock())  # its own is a semaphore, which outlives a child that is ended
    return export(order, job)
