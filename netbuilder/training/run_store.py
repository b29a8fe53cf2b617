"""The run store: what every run was, did and reached, in one SQLite file beside the runs' folders.

`<project>.runs/runs.sqlite` holds three tables: `runs` (document, seed, device, versions, data fingerprint, result),
`scalars` (blocks of points) and `events`. It is read with `RunStore` and written by `RunWriter`, whose thread owns
the connection. A damaged store is reported and set aside, never deleted, and never stops a training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.protocol import Event, Points

if TYPE_CHECKING:
    import sqlite3

FILE_NAME = "runs.sqlite"

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, folder TEXT NOT NULL, title TEXT NOT NULL, started REAL NOT NULL,
    ended REAL, reason TEXT NOT NULL DEFAULT '',
    document TEXT NOT NULL, plan TEXT NOT NULL, seed INTEGER NOT NULL, device TEXT NOT NULL, versions TEXT NOT NULL,
    data TEXT NOT NULL, steps INTEGER NOT NULL DEFAULT 0, best_epoch INTEGER, test TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE IF NOT EXISTS scalars (
    number INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, series TEXT NOT NULL,
    count INTEGER NOT NULL, steps BLOB NOT NULL, points BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS scalars_of_run ON scalars (run, series, number);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, step INTEGER NOT NULL,
    kind TEXT NOT NULL, text TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_run ON events (run, number);
PRAGMA user_version = 1;
"""

_STEPS = np.dtype("<i8")
_VALUES = np.dtype("<f8")


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
        document: The document's JSON text.
        plan: The plan as plain values.
        seed: The plan's seed.
        device: Where it ran, for people.
        versions: Package -> version.
        data: Data node id -> fingerprint of the prepared data.
        steps: Batches done.
        best_epoch: The epoch (from 1) whose weights `best.safetensors` holds.
        test: Metric -> value on the test part.
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
    steps: int = 0
    best_epoch: int | None = None
    test: Mapping[str, float] = field(default_factory=dict)


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Open the store at `path`, with the settings that both reader and writer use.

    Raises:
        sqlite3.Error: When it cannot be opened or is damaged.
    """
    mode = "rwc" if create else "rw"
    import sqlite3  # with the first run, not with the window: it stays in memory

    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=5.0)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        if create:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(SCHEMA)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


class RunStore:
    """Reads the runs recorded in one folder; every call opens the file afresh, so any thread may use it."""

    def __init__(self, path: Path) -> None:
        """Read from the store file at `path`; it need not exist (yet)."""
        self.path = path

    @classmethod
    def open(cls, folder: str | Path) -> RunStore:
        """Return the store of a `.runs` folder."""
        return cls(Path(folder) / FILE_NAME)

    def list_runs(self) -> tuple[RunRecord, ...]:
        """Return all runs, the newest first.

        Raises:
            NetbuilderError: When the store cannot be read.
        """
        columns = ", ".join(RunRecord.__dataclass_fields__)
        with self._reading() as connection:
            rows = (
                connection.execute(f"SELECT {columns} FROM runs ORDER BY started DESC, id DESC") if connection else ()
            )
            return tuple(_record(row) for row in rows)

    def run(self, run: str) -> RunRecord | None:
        """Return the run whose id is `run`, or None."""
        return next((record for record in self.list_runs() if record.id == run), None)

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

    def events(self, run: str) -> tuple[Event, ...]:
        """Return a run's events in order (without problems' fixes: those are for the moment they happen)."""
        query = "SELECT kind, text, step, data FROM events WHERE run = ? ORDER BY number"
        with self._reading() as connection:
            rows = connection.execute(query, (run,)) if connection else ()
            return tuple(
                Event(kind=kind, text=text, step=step, data=json.loads(data)) for kind, text, step, data in rows
            )

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
                yield connection
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


def begin_run(connection: sqlite3.Connection, record: RunRecord) -> None:
    """Add one run's row in place of everything that is known of an earlier run with its id."""
    connection.execute("DELETE FROM runs WHERE id = ?", (record.id,))
    write_run(connection, record)


def write_run(connection: sqlite3.Connection, record: RunRecord) -> None:
    """Add or replace one run's row."""
    values = {name: getattr(record, name) for name in RunRecord.__dataclass_fields__}
    for name in ("plan", "versions", "data", "test"):
        values[name] = dumps(values[name])
    names = list(values)
    updates = ", ".join(f"{name} = excluded.{name}" for name in names if name != "id")
    connection.execute(
        f"INSERT INTO runs ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)}) "
        f"ON CONFLICT (id) DO UPDATE SET {updates}",
        values,
    )


def write_points(connection: sqlite3.Connection, run: str, series: Mapping[str, Points]) -> None:
    """Append one block of points to each of some series."""
    connection.executemany(
        "INSERT INTO scalars (run, series, count, steps, points) VALUES (?, ?, ?, ?, ?)",
        [
            (
                run,
                name,
                len(points.steps),
                points.steps.astype(_STEPS).tobytes(),
                points.values.astype(_VALUES).tobytes(),
            )
            for name, points in series.items()
        ],
    )


def write_event(connection: sqlite3.Connection, run: str, event: Event) -> None:
    """Append one event."""
    connection.execute(
        "INSERT INTO events (run, step, kind, text, data) VALUES (?, ?, ?, ?, ?)",
        (run, event.step, event.kind, event.text, dumps(event.data)),
    )


def dumps(value: Any) -> str:
    """Return compact JSON text; what JSON lacks is written as its text."""
    return json.dumps(value, sort_keys=True, default=str, separators=(",", ":"))


def _record(row: tuple[Any, ...]) -> RunRecord:
    values = dict(zip(RunRecord.__dataclass_fields__, row, strict=True))
    for name in ("plan", "versions", "data", "test"):
        values[name] = json.loads(values[name])
        if not isinstance(values[name], dict):
            raise ValueError(f"{name} is not a table")
    return RunRecord(**values)


def _array(blob: Any, dtype: np.dtype[Any], count: Any) -> Any:
    if not isinstance(blob, bytes) or len(blob) != count * dtype.itemsize:
        raise ValueError("a block of points has the wrong length")
    return np.frombuffer(blob, dtype)
