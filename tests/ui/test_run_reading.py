"""Reading the list of runs for the window: what the last list knew is not looked up again, and nothing else kept."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from netbuilder.training.run_files import BEST, LAST, Taken
from netbuilder.training.run_store import RunStore
from netbuilder.ui import run_reading
from netbuilder.ui.run_reading import read_runs
from netbuilder.ui.run_rows import Row
from tests.training.stored_runs import record_of, store_of


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """One run, which goes on."""
    return store_of(tmp_path, [record_of(tmp_path, "a", 0, ended=None, reason="")])


def write(store: RunStore, times: int) -> None:
    """Let the run's folder change, as it does when a state is put in place."""
    folder = run_reading.folder_of(store, "a")
    (folder / BEST).unlink(missing_ok=True)
    (folder / LAST).write_bytes(b"x" * times)
    os.utime(folder, ns=(times, times))


def look(store: RunStore, known: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return the list of runs after the last one."""
    found = read_runs(store, None, "a", known)
    assert found is not None
    return found.rows


def test_what_files_take_follows_their_folder_and_is_looked_up_once(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store, 1)
    rows = look(store, ())
    assert rows[0].taken.size == 1
    write(store, 2)
    rows = look(store, rows)
    assert rows[0].taken.size == 2
    monkeypatch.setattr(run_reading, "taken_by", lambda _: Taken(99))
    assert look(store, rows)[0].taken.size == 2, "nothing has changed"
    assert look(store, ())[0].taken.size == 99, "nothing is known"


def test_looking_at_a_run_that_goes_on_leaves_nothing_behind(store: RunStore) -> None:
    def kept() -> int:
        gc.collect()
        return sum(isinstance(each, Taken) for each in gc.get_objects())

    rows: tuple[Row, ...] = ()
    before = kept()
    for times in range(1, 51):
        write(store, times)
        rows = look(store, rows)
    assert rows[0].taken.size == 50
    assert kept() <= before + 1
    held = [Taken(number) for number in range(9)]
    assert kept() == before + 1 + len(held)
