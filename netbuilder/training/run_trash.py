"""Deleting runs in two steps: into a trash from which they come back, then for good.

A run in the trash keeps its record, hidden, and its files lie in `<project>.runs/trash/<run>`. Only files that are
NetBuilder's are ever moved or deleted: a folder that the user chose for a run may hold others.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.run_files import own_files, size_of
from netbuilder.training.run_lock import is_running
from netbuilder.training.run_store import RunStore

TRASH: Final = "trash"
"""The folder, among the runs, of what was deleted and can come back."""


def folder_of(store: RunStore, run: str) -> Path:
    """Return a run's folder: the one of its name beside the store, wherever the project has gone since.

    Raises:
        NetbuilderError: When a damaged or hostile store names a run that is no folder's name.
    """
    if run in ("", ".", "..", TRASH) or any(sign in run for sign in "/\\:\0"):
        message = f"The record of earlier runs names a run {run!r}, which cannot be a folder beside it."
        raise NetbuilderError(Problem(code="runs.name", message=message, file=str(store.path)))
    return store.path.parent / run


def measure(store: RunStore, runs: Iterable[str]) -> int:
    """Return how many bytes on the disk the files of some runs take."""
    return sum(size_of(folder_of(store, run)) for run in runs)


def discard(store: RunStore, runs: Iterable[str]) -> None:
    """Move runs to the trash.

    Raises:
        NetbuilderError: When one of them goes on at this moment, or the system refuses; those before it are in the
            trash by then.
    """
    for run in runs:
        folder = folder_of(store, run)
        if is_running(folder):
            message = f"The run {run} goes on at this moment: stop it before it is deleted."
            raise NetbuilderError(Problem(code="runs.running", message=message, file=str(folder)))
        _move(folder, _trash_of(store, run))
        store.mark(run, trashed=time.time())


def restore(store: RunStore, runs: Iterable[str]) -> None:
    """Bring runs back from the trash.

    Raises:
        NetbuilderError: When the system refuses; those before it are back by then.
    """
    for run in runs:
        _move(_trash_of(store, run), folder_of(store, run))
        store.mark(run, trashed=None)


def purge(store: RunStore, runs: Iterable[str]) -> None:
    """Delete runs for good, whether they are in the trash or not.

    Raises:
        NetbuilderError: When one of them goes on at this moment, or the system refuses.
    """
    for run in runs:
        discard(store, (run,))
        try:
            shutil.rmtree(_trash_of(store, run), ignore_errors=False)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise NetbuilderError(_refusal(_trash_of(store, run), error)) from error
        store.delete(run)
    with contextlib.suppress(OSError):  # others may be in it
        (store.path.parent / TRASH).rmdir()


def empty_trash(store: RunStore, before: float) -> None:
    """Delete for good what was moved to the trash before a time (seconds since the epoch).

    Raises:
        NetbuilderError: When the store cannot be read or the system refuses.
    """
    old = [run.id for run in store.list_runs(trashed=True) if run.marks.trashed is None or run.marks.trashed < before]
    purge(store, old)


def _trash_of(store: RunStore, run: str) -> Path:
    return store.path.parent / TRASH / folder_of(store, run).name


def _move(source: Path, target: Path) -> None:
    """Move a run's own files; its folder goes with the last file in it."""
    if not source.is_dir():
        return
    try:
        target.mkdir(parents=True, exist_ok=True)
        for each in own_files(source):
            each.replace(target / each.name)
        if not any(source.iterdir()):
            source.rmdir()
    except OSError as error:
        raise NetbuilderError(_refusal(source, error)) from error


def _refusal(folder: Path, error: OSError) -> Problem:
    message = f"The files of the run {folder.name} cannot be moved or deleted: {error.strerror or error}."
    return Problem(code="runs.files", message=message, file=str(folder))
