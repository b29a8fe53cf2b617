"""Runs as files for other programs: a table of all runs, a table of a run's curves, TensorBoard event files."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from netbuilder.exchange.event_files import write_events
from netbuilder.foundation.job import Job
from netbuilder.foundation.save import atomic_save
from netbuilder.training.protocol import Points
from netbuilder.training.run_lock import is_running
from netbuilder.training.run_store import RunRecord, RunStore
from netbuilder.training.run_trash import folder_of
from netbuilder.training.run_values import Value, keys_of, run_name, values_of

_ROWS = 4096  # written at once


def run_rows(store: RunStore, records: Iterable[RunRecord]) -> list[dict[str, Value]]:
    """Return a row a run: its id, its values (`run_values`), times as ISO 8601 in UTC."""
    rows = []
    for record in records:
        values = values_of(record, record.ended is None and is_running(folder_of(store, record.id)))
        values["started"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.started))
        rows.append({"id": record.id, **values})
    return rows


def runs_csv(rows: Sequence[Mapping[str, Value]]) -> bytes:
    """Return a table of runs: a line a run, a column a value, empty where a run has none."""
    keys = keys_of(rows)
    return _text([keys, *([_cell(row.get(key)) for key in keys] for row in rows)])


class Curve(Protocol):
    """Points of one series, steps ascending: those of a store or of a run that is watched."""

    @property
    def steps(self) -> NDArray[np.int64]:
        """When."""
        ...

    @property
    def values(self) -> NDArray[np.float64]:
        """What."""
        ...


def series_csv(series: Mapping[str, Curve]) -> Iterator[bytes]:
    """Yield a table of curves, piece by piece: a line a step, a column a series, empty where it has no point."""
    names = [name for name, points in series.items() if len(points.steps)]
    yield _text([["step", *names]])
    steps = np.unique(np.concatenate([series[name].steps for name in names])) if names else np.empty(0, np.int64)
    for start in range(0, len(steps), _ROWS):
        part = steps[start : start + _ROWS]
        columns = [[str(step) for step in part.tolist()]]
        for name in names:
            known, values = series[name].steps, series[name].values
            at = np.minimum(np.searchsorted(known, part), len(known) - 1)
            hits = known[at] == part
            columns.append([repr(v) if hit else "" for v, hit in zip(values[at].tolist(), hits, strict=True)])
        yield _text(zip(*columns, strict=True))


def read_series(store: RunStore, run: str) -> dict[str, Points]:
    """Return all series of a run.

    Raises:
        NetbuilderError: When the store cannot be read.
    """
    return {name: store.series(run, name) for name in store.names(run)}


def write_series(store: RunStore, run: str, path: Path) -> None:
    """Write a run's curves as one CSV file.

    Raises:
        NetbuilderError: When the store cannot be read or the file cannot be written.
    """
    atomic_save(path, series_csv(read_series(store, run)))


def write_tensorboard(store: RunStore, records: Iterable[RunRecord], folder: Path, job: Job) -> list[Path]:
    """Write an event file a run, each in a folder of the run's name, as TensorBoard wants them.

    Returns:
        The files.

    Raises:
        NetbuilderError: When the store cannot be read or a file cannot be written.
        Cancelled: When the job was cancelled.
    """
    files: list[Path] = []
    known, taken = list(records), set[str]()
    for index, record in enumerate(known):
        job.report(index / len(known), run_name(record))
        name = _folder_name(record, taken)
        path = folder / name / f"events.out.tfevents.{int(record.started):010d}.netbuilder"
        write_events(path, read_series(store, record.id), store.clock(record.id), record.started)
        files.append(path)
    return files


def _folder_name(record: RunRecord, taken: set[str]) -> str:
    """Return a folder's name for a run, which no other run has: its own name so far as files allow."""
    name = re.sub(r"[^\w .=+-]", "_", run_name(record)).strip(" .")[:80] or record.id
    if name in taken:
        name = f"{name} {record.id}"
    taken.add(name)
    return name


def _cell(value: Value) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def _text(rows: Iterable[Iterable[Any]] | Collection[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
