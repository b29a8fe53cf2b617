"""Results in the run store: a run's row knows what its last and its best epoch scored, so that lists need no events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from netbuilder.training.protocol import Event

if TYPE_CHECKING:
    import sqlite3


def note_epoch(connection: sqlite3.Connection, run: str, event: Event) -> None:
    """Note what the event of an epoch's end tells in the row of its run, if the store knows that."""
    row = connection.execute("SELECT results FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        return
    metrics = dict(event.data.get("metrics", {}))
    results = {**json.loads(row[0]), "last": {**metrics, "train_loss": event.data.get("train_loss")}}
    if event.data.get("best"):
        results["best"] = metrics
    text = json.dumps(results, sort_keys=True, default=str, separators=(",", ":"))
    connection.execute(
        "UPDATE runs SET steps = ?, epochs = ?, results = ? WHERE id = ?",
        (event.step, event.data.get("epoch", 0), text, run),
    )


def judge_again(connection: sqlite3.Connection, run: str, steps: int) -> None:
    """Bring a run's results to those of its events: some were forgotten, or came from another run.

    Args:
        connection: To the store.
        run: The run.
        steps: Batches that it has done.
    """
    connection.execute("UPDATE runs SET results = '{}', epochs = 0 WHERE id = ?", (run,))
    query = "SELECT kind, text, step, data FROM events WHERE run = ? AND kind = 'epoch' ORDER BY number"
    for kind, text, step, data in list(connection.execute(query, (run,))):
        note_epoch(connection, run, Event(kind=kind, text=text, step=step, data=json.loads(data)))
    connection.execute("UPDATE runs SET steps = ? WHERE id = ?", (steps, run))
