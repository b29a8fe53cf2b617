"""The run store while another program writes to it: it is waited for, and what cannot wait is told."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import run_schema
from netbuilder.training.live_view import LiveView
from netbuilder.training.recorder import Recorder, RunWriter
from netbuilder.training.run_schema import connect
from netbuilder.training.run_store import FILE_NAME, RunRecord, RunStore, write_run


def _begun(folder: Path) -> None:
    """Write a store with one run."""
    with closing(connect(folder / FILE_NAME, create=True)) as connection:
        write_run(connection, RunRecord(id="run1", folder=str(folder / "run1"), started=1.5))
        connection.commit()


@contextmanager
def held_by_another_program(path: Path) -> Iterator[None]:
    """Hold the store's lock for writing."""
    with closing(sqlite3.connect(path, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


def test_a_store_that_another_program_holds_is_waited_for_and_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(run_schema, "BUSY_SECONDS", 0.02)
    _begun(tmp_path)
    told: list[Problem] = []
    with held_by_another_program(tmp_path / FILE_NAME):
        writer = RunWriter(tmp_path / FILE_NAME, told.append)
        recorder = Recorder(LiveView(), writer, "r")
        recorder.begin(RunRecord(id="r", folder=str(tmp_path / "r"), started=2.5))
        for step in range(50):
            recorder.add("s", step, 0.0)
            recorder.flush()
        time.sleep(0.8)  # the writer gathers for half a second, then finds it held again and again
    writer.settle()
    writer.close()
    assert not told
    assert RunStore.open(tmp_path).series("r", "s").steps.tolist() == list(range(50))


def test_a_store_that_another_program_holds_for_too_long_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr(run_schema, "BUSY_SECONDS", 0.02)
    monkeypatch.setattr("netbuilder.training.recorder.PATIENCE", 0.2)
    _begun(tmp_path)
    told: list[Problem] = []
    with held_by_another_program(tmp_path / FILE_NAME):
        writer = RunWriter(tmp_path / FILE_NAME, told.append)
        recorder = Recorder(LiveView(), writer, "r")
        recorder.begin(RunRecord(id="r", folder=str(tmp_path / "r"), started=2.5))
        writer.settle()
    writer.close()
    assert [problem.code for problem in told] == ["runs.unwritable"]


def test_a_store_that_another_program_holds_is_told_as_such(tmp_path, monkeypatch):
    _begun(tmp_path)
    monkeypatch.setattr(run_schema, "BUSY_SECONDS", 0.05)
    store = RunStore.open(tmp_path)
    with held_by_another_program(store.path):
        assert store.list_runs()[0].id == "run1", "readers go on"
        with pytest.raises(NetbuilderError) as caught:
            store.mark("run1", name="x")
        assert caught.value.problems[0].code == "runs.busy"
    store.mark("run1", name="x")
    assert store.list_runs()[0].marks.name == "x"
