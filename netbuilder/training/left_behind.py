"""What a run left behind when it went back: the later part, kept as a run of its own.

Its row, curves and events stand in the run store, its snapshots in a folder of its own, so that one can look at it,
compare with it, and branch a run from its end.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.protocol import Event
from netbuilder.training.run_results import judge_again
from netbuilder.training.run_rewind import Cut, forget_after

if TYPE_CHECKING:
    import sqlite3

REASON = "left behind"
"""Why such a run ended."""

_STEPS = np.dtype("<i8")
_VALUES = np.dtype("<f8")


def make_folder_beside(run: Path) -> Path:
    """Make a folder for what a run leaves behind, beside it.

    Raises:
        NetbuilderError: When the system refuses.
    """
    for number in itertools.count(1):
        folder = run.with_name(f"{run.name}~{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            message = f"What comes after the snapshot cannot be kept: {error.strerror or error}."
            raise NetbuilderError(Problem(code="snapshot.folder", message=message, file=str(folder))) from error
        return folder
    raise AssertionError("numbers do not end")


def event(step: int, begun: int, name: str) -> Event:
    """Return the event that tells that a run went back.

    Args:
        step: Where it goes on.
        begun: Where it stood.
        name: The run that the later part is now.
    """
    text = f"Back at step {step:,}, from step {begun:,}. What came after it is kept as the run {name}."
    return Event(kind="rewind", text=text, step=step, data={"rewound": step, "from": begun, "run": name})


def leave_behind(connection: sqlite3.Connection, run: str, cut: Cut, name: str, steps: int) -> None:
    """Move what was recorded after a state to a run of its own.

    Args:
        connection: To the run store.
        run: The run's id.
        cut: Up to where the run keeps its record.
        name: The id of the other one.
        steps: The steps that the run had done.
    """
    cursor = connection.execute("SELECT * FROM runs WHERE id = ?", (run,))
    row = cursor.fetchone()
    if row is None:
        return
    values = dict(zip((column[0] for column in cursor.description), row, strict=True))
    values |= {"id": name, "folder": str(Path(values["folder"]).with_name(name)), "ended": time.time()}
    values |= {"reason": REASON, "steps": steps, "best_epoch": None, "test": "{}"}
    places = ", ".join(f":{key}" for key in values)
    connection.execute(f"INSERT OR REPLACE INTO runs ({', '.join(values)}) VALUES ({places})", values)
    title = f"After step {cut.step:,}"  # its id is the run's and a little more: in a narrow column both look the same
    connection.execute("INSERT OR REPLACE INTO marks (run, name) VALUES (?, ?)", (name, title))
    series = [found for (found,) in connection.execute("SELECT DISTINCT series FROM scalars WHERE run = ?", (run,))]
    for each in series:
        _copy_series(connection, run, each, cut.of(each), name)
    connection.execute(
        "INSERT INTO events (run, step, kind, text, data) SELECT ?, step, kind, text, data FROM events "
        "WHERE run = ? AND (step > ? OR (kind = 'epoch' AND step > ?)) ORDER BY number",
        (name, run, cut.step, cut.epoch_step),
    )
    connection.execute("UPDATE histograms SET run = ? WHERE run = ? AND step > ?", (name, run, cut.step))
    judge_again(connection, name, steps)
    forget_after(connection, run, cut)


def _copy_series(connection: sqlite3.Connection, run: str, series: str, last: int, name: str) -> None:
    """Copy what a series has after a step."""
    query = "SELECT steps, points, time FROM scalars WHERE run = ? AND series = ? ORDER BY number"
    blocks = []
    for blob, points, at in connection.execute(query, (run, series)):
        steps, values = np.frombuffer(blob, _STEPS), np.frombuffer(points, _VALUES)
        first = int(np.searchsorted(steps, last, side="right"))
        if first < len(steps):
            blocks.append((name, series, len(steps) - first, steps[first:].tobytes(), values[first:].tobytes(), at))
    connection.executemany(
        "INSERT INTO scalars (run, series, count, steps, points, time) VALUES (?, ?, ?, ?, ?, ?)", blocks
    )
