"""Reading runs for the window, on a worker thread: the list, and the curves that are laid over the current run's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from netbuilder.training.protocol import Points
from netbuilder.training.run_files import SNAPSHOTS, taken_by
from netbuilder.training.run_lock import is_running
from netbuilder.training.run_store import RunRecord, RunStore
from netbuilder.training.run_trash import folder_of
from netbuilder.training.run_values import keys_of, same_but_seed, values_of
from netbuilder.ui.run_rows import Row, usual_columns

Stamp: TypeAlias = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A list of runs.

    Attributes:
        folder: The folder that they are in.
        stamp: What tells that nothing has changed since.
        rows: A row a run, the newest first.
        keys: Every value that some run has.
        usual: The columns that tell these runs apart.
    """

    folder: Path
    stamp: object
    rows: tuple[Row, ...]
    keys: tuple[str, ...]
    usual: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """What is drawn of one run.

    Attributes:
        record: The run.
        series: Name -> all its points.
        clock: Step -> seconds since its first steps.
        epochs: Step -> epochs done.
        kin: What runs share that differ in nothing but their seed.
    """

    record: RunRecord
    series: dict[str, Points]
    clock: Points
    epochs: Points
    kin: str


def read_runs(store: RunStore, stamp: object, own: str, known: Iterable[Row] = ()) -> Found | None:
    """Return the list of runs; None when it is what it was.

    Args:
        store: The store.
        stamp: That of the last list.
        own: The run that this window trains now, or "".
        known: The rows of the last list: what is still the same is not made again.

    Raises:
        NetbuilderError: When the store cannot be read.
    """
    files = _stamp(store.path)
    if isinstance(stamp, tuple) and stamp[:2] == (files, own) and _going(store, stamp[2], own) == stamp[3]:
        return None
    records = store.list_runs()
    without_end = tuple(record.id for record in records if record.ended is None)
    going = _going(store, without_end, own)
    before = {row.id: row for row in known}
    rows = tuple(
        _row(record, record.id in going, record.id == own, before.get(record.id), folder_of(store, record.id))
        for record in records
    )
    keys = tuple(keys_of(row.values for row in rows))
    stamp = (files, own, without_end, going)
    return Found(store.path.parent, stamp, rows, keys, usual_columns(rows, keys))


def _row(record: RunRecord, goes_on: bool, is_own: bool, before: Row | None, folder: Path) -> Row:
    # A run's files are written by putting them in place, which changes their folder's time.
    changed = (_time_of(folder), _time_of(folder / SNAPSHOTS))
    is_known = before is not None and before.changed == changed
    if before is not None and is_known and before.record is record and not goes_on and not before.is_running:
        return before
    taken = before.taken if before is not None and is_known else taken_by(folder)
    return Row(record, values_of(record, goes_on), goes_on, is_own, taken, changed)


def _time_of(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _going(store: RunStore, runs: Iterable[str], own: str) -> tuple[str, ...]:
    return tuple(run for run in runs if run == own or is_running(folder_of(store, run)))


def _stamp(path: Path) -> Stamp:
    """Return what changes whenever a store does."""
    found = []
    for file in (path, path.with_name(path.name + "-wal")):
        try:
            status = file.stat()
        except OSError:
            found.append((0, 0))
        else:
            found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)


def is_drawn(name: str) -> bool:
    """Whether a series is one that runs are compared by, not one of a single layer."""
    return name in ("loss/train", "learning_rate", "gradient_norm") or name.endswith("/validation")


def read_curves(store: RunStore, run: str) -> Curves:
    """Return what is drawn of a run.

    Raises:
        NetbuilderError: When the store cannot be read.
    """
    record = store.run(run) or RunRecord(id=run, folder="", started=0.0)
    series = {name: store.series(run, name) for name in store.names(run) if is_drawn(name)}
    ends = [(event.step, event.data.get("epoch")) for event in store.events(run) if event.kind == "epoch"]
    known = [(step, float(epoch)) for step, epoch in ends if isinstance(epoch, int)]
    epochs = Points(
        np.array([0, *(step for step, _ in known)], np.int64), np.array([0.0, *(epoch for _, epoch in known)])
    )
    return Curves(record, series, store.clock(run), epochs, same_but_seed(record))
