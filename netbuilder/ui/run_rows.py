"""Rows of the table of runs: what passes the search, in which order, in which words. No Qt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netbuilder.training.run_files import Taken
from netbuilder.training.run_store import RunRecord
from netbuilder.training.run_values import Value, differing, lower_is_better
from netbuilder.ui.quantities import is_share

_RANK = {"loss": 0, "accuracy": 1, "mae": 1, "rmse": 2}
"""Results that people ask for first."""

_NUMBERS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Row:
    """One run in a table.

    Attributes:
        record: The run.
        values: What it is compared by (`run_values`).
        is_running: Whether some process trains it now.
        is_own: Whether that is this window.
        taken: What its files take on the disk.
        changed: When its folder and the one of its snapshots had changed last as that was looked up, in nanoseconds.
    """

    record: RunRecord
    values: Mapping[str, Value]
    is_running: bool = False
    is_own: bool = False
    taken: Taken = field(default_factory=Taken)
    changed: tuple[int, int] = (0, 0)

    @property
    def id(self) -> str:
        """The run's id."""
        return self.record.id

    @property
    def text(self) -> str:
        """What a search looks through."""
        marks = self.record.marks
        words = [self.id, marks.notes, *marks.tags]
        words += [value for key, value in self.values.items() if isinstance(value, str) and key != "notes"]
        return "\n".join(words).casefold()


def arrange(rows: Iterable[Row], words: str, key: str, descending: bool) -> list[Row]:
    """Return the rows that a table shows, in order.

    Args:
        rows: All rows.
        words: What is searched for: each word must occur somewhere in what is said of a run.
        key: The value to sort by.
        descending: Whether the largest comes first.

    Returns:
        Pinned runs first, then by the value; runs without one come last either way, equal ones newest first.
    """
    wanted = words.casefold().split()
    found = [row for row in rows if not wanted or all(word in row.text for word in wanted)]
    found.sort(key=lambda row: (row.record.started, row.id), reverse=True)
    known = [row for row in found if _rank(row.values.get(key)) is not None]
    unknown = [row for row in found if _rank(row.values.get(key)) is None]
    known.sort(key=lambda row: _rank(row.values.get(key)) or (), reverse=descending)
    ordered = known + unknown
    return [row for row in ordered if row.record.marks.pinned] + [row for row in ordered if not row.record.marks.pinned]


def usual_columns(rows: Sequence[Row], keys: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that tell these runs apart: results on validation and test, settings that differ."""
    known = list(keys)
    values = [row.values for row in rows]
    found = ["state", "epochs"]
    for head in ("best/", "test/"):
        results = [key for key in known if key.startswith(head)]
        found += sorted(results, key=lambda key: _RANK.get(key.removeprefix(head), len(_RANK)))[:2]
    found += differing(values, [key for key in known if key.startswith("plan/") or key == "seed"])[:8]
    return (*found, "started", "duration", *(["tags"] if any(row.record.marks.tags for row in rows) else []))


def _rank(value: Value) -> tuple[Any, ...] | None:
    """Return what a value is sorted by: numbers before words, "run 9" before "run 10"; None for one there is not."""
    if value is None or value == "" or value != value:
        return None
    if isinstance(value, (int, float)):
        return (0, value)
    parts = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _NUMBERS.split(value.casefold())]
    return (1, *parts)


def best_of(rows: Sequence[Row], key: str) -> float | None:
    """Return the best value of a result among several runs; None where nothing is to be told apart."""
    if not key.startswith(("best/", "last/", "test/")):
        return None
    values = [value for row in rows if isinstance(value := row.values.get(key), (int, float)) and value == value]
    if len(set(values)) < 2:
        return None
    return min(values) if lower_is_better(key) else max(values)


def is_percent(key: str) -> bool:
    """Whether a value is a part of one."""
    return "/" in key and not key.startswith("plan/") and is_share(key.rpartition("/")[2])
