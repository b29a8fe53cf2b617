"""Deleted runs come back whole until they are gone for good; nobody else's files are touched."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from netbuilder.data.spec import Prepared
from netbuilder.document.model import Schema
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.data_fingerprint import fingerprint
from netbuilder.training.protocol import Points
from netbuilder.training.run_files import size_of
from netbuilder.training.run_lock import held_run, is_running
from netbuilder.training.run_schema import connect
from netbuilder.training.run_store import FILE_NAME, RunRecord, RunStore, write_points, write_run
from netbuilder.training.run_trash import discard, empty_trash, folder_of, measure, purge, restore
from netbuilder.training.run_values import run_state


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """Two runs, `a` and `b`, each with weights and a snapshot; a stranger's file lies beside those of `b`."""
    with closing(connect(tmp_path / FILE_NAME, create=True)) as connection:
        for run in "ab":
            write_run(connection, RunRecord(id=run, folder=str(tmp_path / run), started=1.0))
            write_points(connection, run, {"loss/train": Points(np.arange(3), np.arange(3.0))}, 1.0)
            (tmp_path / run / "snapshots").mkdir(parents=True)
            (tmp_path / run / "best.safetensors").write_bytes(b"x" * 100)
            (tmp_path / run / "snapshots" / "7.safetensors").write_bytes(b"y" * 50)
        connection.commit()
    (tmp_path / "b" / "my thesis.txt").write_text("precious")
    return RunStore.open(tmp_path)


def _ids(store: RunStore, **options) -> list[str]:
    return [run.id for run in store.list_runs(**options)]


def test_what_is_deleted_is_out_of_sight_and_comes_back_whole(store):
    folder = store.path.parent
    assert measure(store, "ab") == 300
    discard(store, "ab")
    assert _ids(store) == []
    assert _ids(store, trashed=True) == ["b", "a"]
    assert not (folder / "a").exists()
    assert (folder / "b" / "my thesis.txt").exists()
    restore(store, "ab")
    assert _ids(store) == ["b", "a"]
    assert (folder / "a" / "snapshots" / "7.safetensors").read_bytes() == b"y" * 50
    assert len(store.series("a", "loss/train").steps) == 3


def test_for_good_means_record_and_files_but_nobody_elses(store):
    folder = store.path.parent
    discard(store, "a")
    purge(store, "ab")
    assert (_ids(store), _ids(store, trashed=True)) == ([], [])
    assert not (folder / "a").exists()
    assert [each.name for each in (folder / "b").iterdir()] == ["my thesis.txt"]
    assert (folder / "b" / "my thesis.txt").read_text() == "precious"
    assert not (folder / "trash").exists()
    assert len(store.series("a", "loss/train").steps) == 0


def test_the_trash_is_emptied_by_age(store):
    discard(store, "a")
    empty_trash(store, time.time() - 60)
    assert _ids(store, trashed=True) == ["a"]
    empty_trash(store, time.time() + 60)
    assert _ids(store, trashed=True) == []
    assert _ids(store) == ["b"]


def test_a_run_that_goes_on_is_not_deleted(store):
    folder = folder_of(store, "a")
    assert not is_running(folder)
    with held_run(folder):
        assert is_running(folder)
        with pytest.raises(NetbuilderError) as caught:
            purge(store, "a")
        assert caught.value.problems[0].code == "runs.running"
    assert not is_running(folder)
    assert _ids(store) == ["b", "a"]


def test_a_run_is_held_by_one_at_a_time(store):
    folder = folder_of(store, "a")
    with held_run(folder):
        with pytest.raises(NetbuilderError) as caught, held_run(folder):
            pytest.fail("two hold one run")
        assert is_running(folder), "who was refused leaves the mark alone"
    assert caught.value.problems[0].code == "resume.running"
    assert not (folder / "running").exists()


def test_the_mark_of_who_waited_for_a_run_stays(store):
    """It has opened the file of the one before, which goes with that one."""
    folder = folder_of(store, "a")
    held, done = threading.Event(), threading.Event()

    def wait() -> None:
        with held_run(folder):
            held.set()
            done.wait(30)

    waiting = threading.Thread(target=wait)
    with held_run(folder):
        waiting.start()
        time.sleep(0.1)
    try:
        assert held.wait(30)
        assert is_running(folder)
    finally:
        done.set()
        waiting.join()
    assert not (folder / "running").exists()


def test_a_killed_program_leaves_an_interrupted_run(store):
    """In a process of its own, killed while it holds the run: the mark goes with it, and the run can be deleted."""
    folder = folder_of(store, "a")
    code = (
        "import sys, time; from pathlib import Path; from netbuilder.training.run_lock import held_run\n"
        "with held_run(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        assert is_running(folder)
    finally:
        child.kill()
        child.communicate()
    assert (folder / "running").exists()
    assert not is_running(folder)
    assert run_state(store.run("a"), is_running(folder)) == "interrupted"
    purge(store, "a")
    assert _ids(store) == ["b"]


def test_a_run_without_a_folder_can_be_deleted(store):
    store.path.parent.joinpath("a", "best.safetensors").unlink()
    store.path.parent.joinpath("a", "snapshots", "7.safetensors").unlink()
    store.path.parent.joinpath("a", "snapshots").rmdir()
    store.path.parent.joinpath("a").rmdir()
    discard(store, "a")
    restore(store, "a")
    purge(store, "a")
    assert _ids(store) == ["b"]


@pytest.mark.parametrize("name", ["..", ".", "", "../../victim", "a/b", "a\\b", "C:x", "trash", "a\0"])
def test_a_hostile_name_of_a_run_leads_nowhere(store, name):
    victim = store.path.parent.parent / "victim"
    victim.mkdir(exist_ok=True)
    (victim / "best.safetensors").write_bytes(b"z")
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("UPDATE runs SET id = ? WHERE id = 'a'", (name,))
        connection.commit()
    for action in (discard, restore, purge):
        with pytest.raises(NetbuilderError) as caught:
            action(store, (name,))
        assert caught.value.problems[0].code == "runs.name"
    assert (victim / "best.safetensors").exists()


def test_a_link_in_a_runs_folder_is_not_followed(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("kept")
    (tmp_path / "a" / "linked.safetensors").symlink_to(outside)
    purge(store, "a")
    assert (outside / "kept.txt").read_text() == "kept"


def test_sizes_of_what_is_not_there_are_nothing(tmp_path):
    assert size_of(tmp_path / "nowhere") == 0


def test_the_fingerprint_is_of_the_rows_and_nothing_else():
    def prepared(train, notes=(), source="s") -> Prepared:
        return Prepared(schema=Schema(source=source), parts={"train": {"x": train}, "test": {}}, notes=notes)

    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    first = fingerprint(prepared(rows))
    assert fingerprint(prepared(rows.copy(order="F"), notes=("n",), source="t")) == first
    changed = rows.copy()
    changed[3, 2] += 1
    others = [changed, rows[::-1], rows.astype(np.float64), rows.reshape(3, 4), rows[:0]]
    assert len({first, *(fingerprint(prepared(each)) for each in others)}) == 6
