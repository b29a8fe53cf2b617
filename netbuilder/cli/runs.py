"""Runs in the terminal: what was trained, with what, how well; as a table, for programs, for TensorBoard; deleting."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from netbuilder.cli.answers import DONE, Command, print_json
from netbuilder.foundation.problem import NetbuilderError, Problem

if TYPE_CHECKING:
    from netbuilder.training.run_store import RunRecord, RunStore

_SHOWN = 8  # columns of results and settings that a terminal's table has at most


def _runs(asked: argparse.Namespace) -> int:
    store = _store_of(Path(asked.file))
    records = _chosen(store, asked.runs)
    if asked.delete:
        return _delete(store, records, asked.runs)
    if asked.clear_snapshots:
        return _clear_snapshots(store, records, asked.runs)
    if asked.tensorboard:
        return _write_tensorboard(store, records, Path(asked.tensorboard))
    if asked.curves:
        return _print_curves(store, records)
    from netbuilder.exchange.run_tables import run_rows, runs_csv

    rows = run_rows(store, records)
    if asked.json:
        print_json(rows)
    elif asked.csv:
        sys.stdout.write(runs_csv(rows).decode())
    elif rows:
        _print_table(rows)
    else:
        print(f"{asked.file} has no runs yet: train it first.")
    return DONE


def _store_of(file: Path) -> RunStore:
    """Return the store of a project's runs, or of a folder of runs."""
    from netbuilder.project import runs_folder
    from netbuilder.training.run_store import RunStore

    folder = file if file.is_dir() else runs_folder(file)
    if not file.exists() and not folder.is_dir():
        message = f"There is no project {file}, and no folder {folder.name} of its runs."
        raise NetbuilderError(Problem(code="file.missing", message=message, file=str(file)))
    return RunStore.open(folder)


def _chosen(store: RunStore, wishes: Sequence[str]) -> list[RunRecord]:
    """Return the runs that are meant, by id or by the user's name for them; all when none is named."""
    known = store.list_runs()
    if not wishes:
        return list(known)
    found = []
    for wish in wishes:
        fitting = [run for run in known if run.id == wish] or [run for run in known if run.marks.name == wish]
        if len(fitting) != 1:
            raise NetbuilderError(_unknown(wish, len(fitting), known))
        found += fitting
    return list({run.id: run for run in found}.values())


def _unknown(wish: str, count: int, known: Sequence[RunRecord]) -> Problem:
    names = ", ".join(run.id for run in known[:5])
    hint = f" There are {names}." if names else " There are none."
    what = f"{count} runs are called {wish!r}: name one by its id." if count else f"There is no run {wish!r}.{hint}"
    return Problem(code="runs.unknown", message=what, expected=names, found=wish)


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Print what tells the runs apart, as much as a table may hold."""
    from netbuilder.training.run_values import differing, keys_of, title_of

    keys = [key for key in keys_of(rows) if key != "id"]
    results = [key for key in keys if key.startswith(("best/", "test/"))]
    settings = differing(rows, [key for key in keys if key.startswith("plan/")]) if len(rows) > 1 else []
    columns = ["name", "state", "started", "epochs", *(results[:_SHOWN] + settings[:_SHOWN])]
    if any(row["tags"] for row in rows):
        columns.append("tags")
    lines = [[title_of(key) for key in columns], *([_shown(row.get(key)) for key in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _shown(value: Any) -> str:
    from netbuilder.foundation.trust import visible

    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else visible(" ".join(str(value).split()))


def _print_curves(store: RunStore, records: Sequence[RunRecord]) -> int:
    if len(records) != 1:
        message = "Name the one run whose curves are to be printed."
        raise NetbuilderError(Problem(code="runs.one", message=message, found=f"{len(records)} runs"))
    from netbuilder.exchange.run_tables import read_series, series_csv

    for piece in series_csv(read_series(store, records[0].id)):
        sys.stdout.write(piece.decode())
    return DONE


def _write_tensorboard(store: RunStore, records: Sequence[RunRecord], folder: Path) -> int:
    from netbuilder.exchange.run_tables import write_tensorboard
    from netbuilder.foundation.job import Job

    files = write_tensorboard(store, records, folder, Job("Writing event files"))
    for file in files:
        print(file)
    return DONE


def _delete(store: RunStore, records: Sequence[RunRecord], named: Sequence[str]) -> int:
    if not named:
        raise NetbuilderError(Problem(code="runs.delete", message="Name the runs that are to be deleted."))
    from netbuilder.training.run_trash import measure, purge
    from netbuilder.training.run_values import run_name

    for record in records:
        size = measure(store, (record.id,))
        purge(store, (record.id,))
        print(f"Deleted {run_name(record)} ({size / 1e6:,.1f} MB)")
    return DONE


def _clear_snapshots(store: RunStore, records: Sequence[RunRecord], named: Sequence[str]) -> int:
    """Remove the snapshots of the named runs, else of all that are not pinned."""
    from netbuilder.training.run_values import run_name
    from netbuilder.training.snapshot_room import clear

    for record in records:
        if named or not record.marks.pinned:
            print(f"{run_name(record)}: removed {clear(store, (record.id,)) / 1e6:,.1f} MB of snapshots")
    return DONE


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a project (.netb), or its folder of runs (.runs)")
    parser.add_argument("runs", metavar="RUN", nargs="*", help="these runs only, by id or name")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print everything that is known, as JSON for programs")
    how.add_argument("--csv", action="store_true", help="print everything that is known, as a table for programs")
    how.add_argument("--curves", action="store_true", help="print all curves of the one RUN as CSV, a line a step")
    how.add_argument("--tensorboard", metavar="DIR", help="write event files for TensorBoard, a folder a run")
    how.add_argument("--delete", action="store_true", help="delete the named runs and their weights for good")
    how.add_argument(
        "--clear-snapshots",
        action="store_true",
        help="remove the snapshots of the named runs, or of all that are not pinned; curves and weights stay",
    )


COMMANDS: Final = {"runs": Command(_runs, "list, export and delete a project's runs", _arguments)}
