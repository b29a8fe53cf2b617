"""The run store: what every run was, did and reached, in one SQLite file beside the runs' folders.

`<project>.runs/runs.sqlite` holds five tables (`run_schema`): `runs` (document, seed, device, versions, data
fingerprints, results), `scalars` (blocks of points), `histograms` (of layers' weights, gradients and values), `events`,
and `marks`: what the user says of a run. It is read with `RunStore` and written by `RunWriter`, whose thread owns the
connection. Any number of programs may read while others write. A damaged store is reported and set aside, never
deleted, and never stops a training.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.protocol import Event, Picture, PictureKind, Points
from netbuilder.training.run_results import note_epoch
from netbuilder.training.run_schema import connect, is_blank, is_busy

if TYPE_CHECKING:
    import sqlite3

FILE_NAME = "runs.sqlite"

_T = TypeVar("_T")

_STEPS = np.dtype("<i8")
_VALUES = np.dtype("<f8")
_COUNTS = np.dtype("<f4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What the user says of a run.

    Attributes:
        name: What to call it; "" for the time of its start.
        tags: Words to find it by, in order.
        notes: Free text.
        pinned: Whether it stands at the head of every list.
        trashed: When it was deleted (seconds since the epoch), while that can be undone; None for one that is there.
    """

    name: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""
    pinned: bool = False
    trashed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run as the store knows it.

    Attributes:
        id: The name of its folder.
        folder: Its folder, when it was recorded.
        title: The document's title.
        started: Seconds since the epoch, UTC.
        ended: Likewise; None while it runs (or when it was killed).
        reason: Why it ended: "finished", "stopped", "early stopping", "failed", ...
        document: The document's JSON text; "" in a list of runs.
        plan: The plan as plain values.
        seed: The plan's seed.
        device: Where it ran, for people.
        versions: Package -> version.
        data: Data node id -> fingerprint of its settings and files.
        content: Data node id -> digest of the rows that were read.
        parameters: Weights of the network.
        steps: Batches done.
        epochs: Epochs done.
        best_epoch: The epoch (from 1) whose weights `best.safetensors` holds.
        results: "last" and "best" -> metric -> value on the validation part, after the last and after the best epoch;
            "last" knows the mean training loss of the epoch as "train_loss", too.
        test: Metric -> value on the test part.
        marks: What the user says of it.
    """

    id: str
    folder: str
    title: str = ""
    started: float
    ended: float | None = None
    reason: str = ""
    document: str = ""
    plan: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    device: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    content: Mapping[str, str] = field(default_factory=dict)
    parameters: int = 0
    steps: int = 0
    epochs: int = 0
    best_epoch: int | None = None
    results: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    marks: Marks = Marks()


COLUMNS: Final = tuple(name for name in RunRecord.__dataclass_fields__ if name != "marks")
"""The columns of the table of runs."""

_TABLES: Final = ("plan", "versions", "data", "content", "results", "test")
_TOLD_BY_THE_WAY: Final = ("id", "content", "epochs", "results")
"""Columns that are not written with the rest of a run's row, once it is there."""

LONGEST_PAUSE: Final = 600.0
"""Seconds between two blocks of points that count as time of the run."""

_MARKS: Final = tuple(Marks.__dataclass_fields__)


class RunStore:
    """Reads the runs recorded in one folder; every call opens the file afresh, so any thread may use it."""

    def __init__(self, path: Path) -> None:
        """Read from the store file at `path`; it need not exist (yet)."""
        self.path = path

    @classmethod
    def open(cls, folder: str | Path) -> RunStore:
        """Return the store of a `.runs` folder."""
        return cls(Path(folder) / FILE_NAME)

    def list_runs(self, *, trashed: bool = False) -> tuple[RunRecord, ...]:
        """Return all runs without their documents, the newest first.

        Args:
            trashed: Whether to return those that were deleted, in place of those that are there.

        Raises:
            NetbuilderError: When the store cannot be read.
        """
        where = f"marks.trashed IS {'NOT ' if trashed else ''}NULL"
        key = (self.path, trashed)
        known = _last_lists.get(key, {})
        made = self._made(lambda row: (row, known.get(row) or _record(row)), where, (), with_document=False)
        records = dict(made)
        if records:
            _last_lists[key] = records
        else:
            _last_lists.pop(key, None)
        return tuple(records.values())

    def run(self, run: str) -> RunRecord | None:
        """Return the run whose id is `run`, with its document; None when there is none.

        Raises:
            NetbuilderError: When the store cannot be read.
        """
        return next(iter(self._made(_record, "runs.id = ?", (run,), with_document=True)), None)

    def _made(
        self, make: Callable[[tuple[Any, ...]], _T], where: str, values: tuple[Any, ...], *, with_document: bool
    ) -> list[_T]:
        columns = [f"runs.{name}" if with_document or name != "document" else "''" for name in COLUMNS]
        columns += [f"marks.{name}" for name in _MARKS]
        query = (
            f"SELECT {', '.join(columns)} FROM runs LEFT JOIN marks ON marks.run = runs.id WHERE {where} "
            "ORDER BY runs.started DESC, runs.id DESC"
        )
        with self._reading() as connection:
            return list(map(make, connection.execute(query, values))) if connection else []

    def names(self, run: str) -> tuple[str, ...]:
        """Return the names of a run's series, in the order they first appeared."""
        query = "SELECT series FROM scalars WHERE run = ? GROUP BY series ORDER BY min(number)"
        with self._reading() as connection:
            return tuple(name for (name,) in connection.execute(query, (run,))) if connection else ()

    def series(self, run: str, name: str) -> Points:
        """Return all points of one series; empty when there are none.

        Raises:
            NetbuilderError: When the store cannot be read.
        """
        query = "SELECT count, steps, points FROM scalars WHERE run = ? AND series = ? ORDER BY number"
        with self._reading() as connection:
            rows = list(connection.execute(query, (run, name))) if connection else []
            steps = [_array(blob, _STEPS, count) for count, blob, _ in rows]
            values = [_array(blob, _VALUES, count) for count, _, blob in rows]
        return Points(
            np.concatenate([np.empty(0, np.int64), *steps]).astype(np.int64, copy=False),
            np.concatenate([np.empty(0, np.float64), *values]).astype(np.float64, copy=False),
        )

    def clock(self, run: str) -> Points:
        """Return at which steps it was how many seconds after the run's first ones, as points that ascend.

        What passed between two blocks of points counts, but not more than ten minutes: the run rested, or was gone on
        with another day.
        """
        query = "SELECT time, substr(steps, -8) FROM scalars WHERE run = ? AND series = 'loss/train' ORDER BY number"
        with self._reading() as connection:
            rows = list(connection.execute(query, (run,))) if connection else []
            known = [(float(time), int(_array(blob, _STEPS, 1)[0])) for time, blob in rows if time is not None]
        times, steps = np.array([time for time, _ in known]), np.array([step for _, step in known], np.int64)
        passed = np.clip(np.diff(times, prepend=times[:1]), 0.0, LONGEST_PAUSE)
        return Points(steps, np.cumsum(passed))

    def events(self, run: str) -> tuple[Event, ...]:
        """Return a run's events in order (without problems' fixes: those are for the moment they happen)."""
        query = "SELECT kind, text, step, data FROM events WHERE run = ? ORDER BY number"
        with self._reading() as connection:
            rows = connection.execute(query, (run,)) if connection else ()
            return tuple(
                Event(kind=kind, text=text, step=step, data=json.loads(data)) for kind, text, step, data in rows
            )

    def mark(self, run: str, **values: Any) -> None:
        """Change what the user says of a run.

        Args:
            run: Which; nothing happens when the store does not know it.
            values: Attributes of `Marks` by name.

        Raises:
            NetbuilderError: When the store cannot be written.
        """
        stored = {name: dumps(list(value)) if name == "tags" else value for name, value in values.items()}
        names = [name for name in _MARKS if name in stored]
        assert len(names) == len(stored) > 0, "marks are changed by their names"
        query = (
            f"INSERT INTO marks (run, {', '.join(names)}) SELECT id, {', '.join(':' + name for name in names)} "
            "FROM runs WHERE id = :run ON CONFLICT (run) DO UPDATE SET "
            f"{', '.join(f'{name} = excluded.{name}' for name in names)}"
        )
        with self._reading() as connection:
            if connection:
                connection.execute(query, {"run": run, **stored})
                connection.commit()

    def histograms(self, run: str) -> Iterator[Picture]:
        """Yield a run's histograms in the order they were made; none of a run recorded before there were any.

        Raises:
            NetbuilderError: When the store cannot be read.
        """
        query = "SELECT kind, node, step, low, high, counts FROM histograms WHERE run = ? ORDER BY number"
        with self._reading() as connection:
            if connection is None:
                return
            for kind, node, step, low, high, blob in connection.execute(query, (run,)):
                counts = _array(blob, _COUNTS, len(blob) // _COUNTS.itemsize)
                yield Picture(kind=PictureKind(kind), node=node, step=step, data=counts, extent=(low, high))

    def delete(self, run: str) -> None:
        """Forget a run; its folder is left alone."""
        with self._reading() as connection:
            if connection:
                connection.execute("DELETE FROM runs WHERE id = ?", (run,))
                connection.commit()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        if not self.path.exists():
            yield None
            return
        import sqlite3

        try:
            with closing(connect(self.path)) as connection:
                yield None if is_blank(connection) else connection
        except sqlite3.OperationalError as error:
            raise NetbuilderError(refused(self.path, error)) from error
        except (sqlite3.Error, ValueError, TypeError, RecursionError) as error:
            raise NetbuilderError(damaged(self.path, error)) from error


def damaged(path: Path, error: Exception) -> Problem:
    """Return the problem that says that the store cannot be read."""
    return Problem(
        code="runs.damaged",
        message=f"The record of earlier runs, {path.name}, cannot be read: {error}.",
        file=str(path),
        expected="a run store (SQLite)",
        found=str(error),
    )


def refused(path: Path, error: sqlite3.OperationalError) -> Problem:
    """Return the problem that says why the store is of no use now: another program writes, the disk is full."""
    name = getattr(error, "sqlite_errorname", "")
    if is_busy(error):
        why, code = "another program has been writing to it for long. Try again in a moment", "runs.busy"
    elif name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        why, code = "you may not write there, or the disk is read-only", "runs.read_only"
    elif name.startswith("SQLITE_FULL"):
        why, code = "the disk is full", "runs.full"
    else:
        return damaged(path, error)
    message = f"The record of earlier runs, {path.name}, cannot be used now: {why}."
    return Problem(code=code, message=message, file=str(path), found=str(error))


def begin_run(connection: sqlite3.Connection, record: RunRecord) -> None:
    """Add one run's row in place of everything that is known of an earlier run with its id."""
    connection.execute("DELETE FROM runs WHERE id = ?", (record.id,))
    write_run(connection, record)


def write_run(connection: sqlite3.Connection, record: RunRecord) -> None:
    """Add one run's row, or write again what is known of it by now; marks, content and results are written apart."""
    values = {name: getattr(record, name) for name in COLUMNS}
    values |= {name: dumps(values[name]) for name in _TABLES}
    updates = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in _TOLD_BY_THE_WAY)
    connection.execute(
        f"INSERT INTO runs ({', '.join(COLUMNS)}) VALUES ({', '.join(':' + name for name in COLUMNS)}) "
        f"ON CONFLICT (id) DO UPDATE SET {updates}",
        values,
    )


def write_content(connection: sqlite3.Connection, run: str, content: Mapping[str, str]) -> None:
    """Write what rows a run has read: data node id -> digest."""
    connection.execute("UPDATE runs SET content = ? WHERE id = ?", (dumps(content), run))


def write_points(connection: sqlite3.Connection, run: str, series: Mapping[str, Points], at: float) -> None:
    """Append one block of points, complete at the time `at` (seconds since the epoch), to each of some series."""
    connection.executemany(
        "INSERT INTO scalars (run, series, count, steps, points, time) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                run,
                name,
                len(points.steps),
                points.steps.astype(_STEPS).tobytes(),
                points.values.astype(_VALUES).tobytes(),
                at,
            )
            for name, points in series.items()
        ],
    )


def write_histograms(connection: sqlite3.Connection, run: str, pictures: Sequence[Picture]) -> None:
    """Append some histograms."""
    connection.executemany(
        "INSERT INTO histograms (run, step, kind, node, low, high, counts) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (run, each.step, each.kind.value, each.node, *each.extent[:2], each.data.astype(_COUNTS).tobytes())
            for each in pictures
        ],
    )


def write_event(connection: sqlite3.Connection, run: str, event: Event) -> None:
    """Append one event; an epoch's is noted in the run's row as well, so that a list of runs needs no events."""
    connection.execute(
        "INSERT INTO events (run, step, kind, text, data) VALUES (?, ?, ?, ?, ?)",
        (run, event.step, event.kind, event.text, dumps(event.data)),
    )
    if event.kind == "epoch":
        note_epoch(connection, run, event)


def dumps(value: Any) -> str:
    """Return compact JSON text; what JSON lacks is written as its text."""
    return json.dumps(value, sort_keys=True, default=str, separators=(",", ":"))


def _record(row: tuple[Any, ...]) -> RunRecord:
    values = dict(zip(COLUMNS, row, strict=False))
    for name in _TABLES:
        values[name] = _table(values[name], name)
    for name, result in values["results"].items():
        if not isinstance(result, dict):
            raise ValueError(f"the {name} results are not a table")
    return RunRecord(**values, marks=_marks(dict(zip(_MARKS, row[len(COLUMNS) :], strict=True))))


_last_lists: dict[tuple[Path, bool], Mapping[tuple[Any, ...], RunRecord]] = {}
"""What was listed last, by rows: lists are read again and again, and most of their rows are what they were."""


def _table(text: Any, name: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not a table")
    return value


def _marks(values: dict[str, Any]) -> Marks:
    if values["tags"] is None:  # a run of which nobody has said anything
        return Marks()
    tags = json.loads(values["tags"])
    if not isinstance(tags, list):
        raise ValueError("tags are not a list")
    return Marks(**{**values, "tags": tuple(map(str, tags)), "pinned": bool(values["pinned"])})


def _array(blob: Any, dtype: np.dtype[Any], count: Any) -> Any:
    if not isinstance(blob, bytes) or len(blob) != count * dtype.itemsize:
        raise ValueError("a block of points has the wrong length")
    return np.frombuffer(blob, dtype)
