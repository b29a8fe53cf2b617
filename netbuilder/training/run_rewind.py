"""Rewinding the run store: what was recorded after a state is forgotten when the run goes on from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from netbuilder.training.protocol import Event
from netbuilder.training.run_results import judge_again

if TYPE_CHECKING:
    import sqlite3

_STEPS = np.dtype("<i8")
_VALUES = np.dtype("<f8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Up to where a run's record is kept, each step included.

    Attributes:
        step: What was recorded at each step.
        epoch_step: What was recorded at an epoch's end: the last one that the state knows of. The state of a run that
            was stopped while validating stands at an end that is still to come.
        rate_step: Learning rates, which are recorded when they change.
    """

    step: int
    epoch_step: int
    rate_step: int

    def of(self, series: str) -> int:
        """Return the last step that is kept of a series."""
        if series.endswith("/validation"):
            return self.epoch_step
        return self.rate_step if series == "learning_rate" else self.step

    def keeps(self, event: Event) -> bool:
        """Return whether an event is kept."""
        return event.kind != "end" and event.step <= (self.epoch_step if event.kind == "epoch" else self.step)


def forget_after(connection: sqlite3.Connection, run: str, cut: Cut) -> None:
    """Forget what was recorded of a run after a state, and that it ended.

    Args:
        connection: To the run store.
        run: The run's id.
        cut: Up to where it is kept.
    """
    series = [name for (name,) in connection.execute("SELECT DISTINCT series FROM scalars WHERE run = ?", (run,))]
    for name in series:
        _cut_series(connection, run, name, cut.of(name))
    connection.execute(
        "DELETE FROM events WHERE run = ? AND (step > ? OR kind = 'end' OR (kind = 'epoch' AND step > ?))",
        (run, cut.step, cut.epoch_step),
    )
    connection.execute("DELETE FROM histograms WHERE run = ? AND step > ?", (run, cut.step))
    connection.execute("UPDATE runs SET ended = NULL, reason = '' WHERE id = ?", (run,))
    judge_again(connection, run, cut.step)


def _cut_series(connection: sqlite3.Connection, run: str, name: str, last: int) -> None:
    """Shorten a series; its blocks are in order, so the first one that needs nothing ends the search."""
    query = "SELECT number, steps, points FROM scalars WHERE run = ? AND series = ? ORDER BY number DESC"
    changed = []
    for number, blob, points in connection.execute(query, (run, name)):
        steps = np.frombuffer(blob, _STEPS)
        kept = int(np.searchsorted(steps, last, side="right"))
        if kept == len(steps):
            break
        values = np.frombuffer(points, _VALUES)[:kept]
        changed.append((kept, steps[:kept].tobytes(), values.tobytes(), number))
    connection.executemany("UPDATE scalars SET count = ?, steps = ?, points = ? WHERE number = ?", changed)
    connection.executemany("DELETE FROM scalars WHERE number = ?", [(each[3],) for each in changed if not each[0]])
