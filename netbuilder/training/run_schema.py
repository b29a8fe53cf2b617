"""The run store's tables, and how the file is opened: created, brought up to date, refused when newer.

`PRAGMA user_version` counts the versions of the tables. A step from one to the next is one transaction, so that two
programs that open the same file at once, or one that is killed meanwhile, leave either the old or the new tables.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from netbuilder.foundation.problem import NetbuilderError, Problem, Severity

if TYPE_CHECKING:
    import sqlite3

VERSION: Final = 3
"""The version of the tables that this program writes."""

BUSY_SECONDS: Final = 5.0
"""So long one program waits for another that is writing."""

_TABLES: Final = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, folder TEXT NOT NULL, title TEXT NOT NULL, started REAL NOT NULL,
    ended REAL, reason TEXT NOT NULL DEFAULT '',
    document TEXT NOT NULL, plan TEXT NOT NULL, seed INTEGER NOT NULL, device TEXT NOT NULL, versions TEXT NOT NULL,
    data TEXT NOT NULL, steps INTEGER NOT NULL DEFAULT 0, best_epoch INTEGER, test TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE scalars (
    number INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, series TEXT NOT NULL,
    count INTEGER NOT NULL, steps BLOB NOT NULL, points BLOB NOT NULL
);
CREATE INDEX scalars_of_run ON scalars (run, series, number);
CREATE TABLE events (
    number INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, step INTEGER NOT NULL,
    kind TEXT NOT NULL, text TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX events_of_run ON events (run, number);
"""

_MARKS: Final = """
ALTER TABLE runs ADD COLUMN content TEXT NOT NULL DEFAULT '{}';
ALTER TABLE runs ADD COLUMN parameters INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN epochs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN results TEXT NOT NULL DEFAULT '{}';
ALTER TABLE scalars ADD COLUMN time REAL;
CREATE TABLE marks (
    run TEXT PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE, name TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL DEFAULT '[]', notes TEXT NOT NULL DEFAULT '', pinned INTEGER NOT NULL DEFAULT 0, trashed REAL
);
"""

_HISTOGRAMS: Final = """
CREATE TABLE histograms (
    number INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, step INTEGER NOT NULL,
    kind TEXT NOT NULL, node TEXT NOT NULL, low REAL NOT NULL, high REAL NOT NULL, counts BLOB NOT NULL
);
CREATE INDEX histograms_of_run ON histograms (run, number);
"""

STEPS: Final = (_TABLES, _MARKS, _HISTOGRAMS)
"""What makes each version of the one before it, from an empty file on."""


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Open the store at `path`, with the settings that both reader and writer use.

    Args:
        path: The file.
        create: Whether to make the file and its tables when they are missing.

    Raises:
        sqlite3.Error: When it cannot be opened or is damaged.
        NetbuilderError: When a newer program made it.
    """
    mode = "rwc" if create else "rw"
    import sqlite3  # with the first run, not with the window: it stays in memory

    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")  # views and triggers of a hostile file call nothing
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        version = _version(connection)
        if version > VERSION:
            raise NetbuilderError(newer(path, version))
        if create:
            connection.execute("PRAGMA journal_mode = WAL")
        if version < VERSION and (create or version):
            _bring_up_to_date(connection)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def is_blank(connection: sqlite3.Connection) -> bool:
    """Whether a store has no tables yet: another program is about to make them."""
    return _version(connection) == 0 and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def is_busy(error: Exception) -> bool:
    """Whether another program held the store for longer than `BUSY_SECONDS`."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def newer(path: Path, version: int) -> Problem:
    """Return the problem that says that a newer program made the store."""
    return Problem(
        code="runs.newer",
        severity=Severity.WARNING,
        message=(
            f"The record of earlier runs, {path.name}, was made by a newer NetBuilder. This one can neither read nor "
            "add to it; it was left as it is."
        ),
        file=str(path),
        expected=f"version {VERSION} or older",
        found=f"version {version}",
    )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the missing tables and columns, unless another program has done so since we looked."""
    connection.isolation_level = None  # a transaction of our own, so that all steps are in it
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in "".join(STEPS[_version(connection) :]).split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    finally:
        connection.isolation_level = "DEFERRED"
