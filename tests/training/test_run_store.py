"""The run store: what was recorded is what was told; what is damaged is reported and kept."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import recorder as recorder_module
from netbuilder.training import run_schema, run_store
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import Event, Points
from netbuilder.training.recorder import QUEUE_SIZE, Recorder, RunWriter
from netbuilder.training.run_rewind import Cut
from netbuilder.training.run_schema import connect
from netbuilder.training.run_store import FILE_NAME, Marks, RunRecord, RunStore


class _Log(list[Problem]):
    def __call__(self, problem: Problem) -> None:
        self.append(problem)


def _record(folder: Path, run: str = "run1", **values) -> RunRecord:
    return RunRecord(id=run, folder=str(folder / run), started=1.5, **values)


def _write(folder: Path, run: str = "run1", steps: int = 1000) -> _Log:
    problems = _Log()
    writer = RunWriter(folder / FILE_NAME, problems)
    recorder = Recorder(LiveView(), writer, run)
    recorder.run(_record(folder, run, plan={"epochs": 3}, seed=7))
    for step in range(1, steps + 1):
        recorder.add("loss/train", step, 1.0 / step)
        if step % 100 == 0:
            recorder.flush()
            recorder.event(Event(kind="epoch", text=f"Epoch {step // 100}", step=step, data={"epoch": step // 100}))
    recorder.flush()
    recorder.run(_record(folder, run, plan={"epochs": 3}, seed=7, ended=2.5, reason="finished", test={"loss": 0.5}))
    writer.close()
    return problems


def test_everything_that_was_recorded_can_be_read(tmp_path):
    assert _write(tmp_path) == []
    store = RunStore.open(tmp_path)
    (run,) = store.list_runs()
    assert (run.id, run.seed, run.plan, run.reason, run.test) == ("run1", 7, {"epochs": 3}, "finished", {"loss": 0.5})
    points = store.series("run1", "loss/train")
    assert points.steps.tolist() == list(range(1, 1001))
    assert points.values.tolist() == [1.0 / step for step in range(1, 1001)]
    assert [event.data["epoch"] for event in store.events("run1")] == list(range(1, 11))
    assert store.names("run1") == ("loss/train",)


def test_special_numbers_survive(tmp_path):
    writer = RunWriter(tmp_path / FILE_NAME, _Log())
    recorder = Recorder(LiveView(), writer, "r")
    recorder.run(_record(tmp_path, "r"))
    for step, value in enumerate((float("nan"), float("inf"), -0.0, 5e-324, 1e308)):
        recorder.add("s", step, value)
    recorder.flush()
    writer.close()
    values = RunStore.open(tmp_path).series("r", "s").values
    np.testing.assert_array_equal(values, [float("nan"), float("inf"), -0.0, 5e-324, 1e308])


def test_a_run_is_in_the_record_as_soon_as_it_begins(tmp_path, monkeypatch):
    """One that is killed in its first moments can be looked at, too."""
    monkeypatch.setattr(recorder_module, "COMMIT_SECONDS", 60.0)
    writer = RunWriter(tmp_path / FILE_NAME, _Log())
    Recorder(LiveView(), writer, "r").begin(_record(tmp_path, "r"))
    end = time.monotonic() + 20
    while RunStore.open(tmp_path).run("r") is None:
        assert time.monotonic() < end, "it waits for what comes later"
        time.sleep(0.02)
    writer.close()


def test_what_does_not_exist_is_empty(tmp_path):
    store = RunStore.open(tmp_path / "nowhere")
    assert store.list_runs() == ()
    assert store.run("x") is None
    assert len(store.series("x", "loss/train").steps) == 0
    assert not (tmp_path / "nowhere").exists()


def test_runs_are_apart_and_can_be_deleted(tmp_path):
    _write(tmp_path, "a", 100)
    _write(tmp_path, "b", 200)
    store = RunStore.open(tmp_path)
    assert len(store.series("a", "loss/train").steps) == 100
    store.delete("a")
    assert [run.id for run in store.list_runs()] == ["b"]
    assert store.names("a") == ()
    assert len(store.series("b", "loss/train").steps) == 200


def test_a_full_queue_makes_the_recorder_wait_and_loses_nothing(tmp_path):
    import threading

    writer = RunWriter(tmp_path / FILE_NAME, _Log())
    recorder = Recorder(LiveView(), writer, "r")
    recorder.run(_record(tmp_path, "r"))
    gate = threading.Event()
    writer.put(lambda connection: gate.wait(30) and None)
    count = QUEUE_SIZE * 3
    thread = threading.Thread(target=lambda: [_flush_one(recorder, step) for step in range(count)])
    thread.start()
    thread.join(0.3)
    assert thread.is_alive(), "the recorder must wait for a full queue"
    gate.set()
    thread.join(30)
    writer.close()
    assert RunStore.open(tmp_path).series("r", "s").steps.tolist() == list(range(count))


def _flush_one(recorder: Recorder, step: int) -> None:
    recorder.add("s", step, 0.0)
    recorder.flush()


def test_a_damaged_store_is_reported_to_readers(tmp_path):
    _write(tmp_path)
    file = tmp_path / FILE_NAME
    data = bytearray(file.read_bytes())
    for place in range(0, len(data), 256):
        data[place] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(NetbuilderError, match="cannot be read") as caught:
        RunStore.open(tmp_path).list_runs()
    assert caught.value.problems[0].code == "runs.damaged"


def test_a_damaged_store_is_kept_aside_and_a_new_one_begun(tmp_path):
    garbage = b"this is no database" * 100
    (tmp_path / FILE_NAME).write_bytes(garbage)
    problems = _write(tmp_path)
    assert [problem.code for problem in problems] == ["runs.set_aside"]
    assert (tmp_path / f"{FILE_NAME}.damaged-1").read_bytes() == garbage
    assert len(RunStore.open(tmp_path).series("run1", "loss/train").steps) == 1000


def test_a_store_that_cannot_be_written_is_reported_once_and_nobody_waits(tmp_path):
    (tmp_path / FILE_NAME).mkdir()  # no file can be opened here, not even by root
    problems = _Log()
    writer = RunWriter(tmp_path / FILE_NAME, problems)
    recorder = Recorder(LiveView(), writer, "r")
    for step in range(QUEUE_SIZE * 3):
        _flush_one(recorder, step)
    writer.close()
    assert [problem.code for problem in problems] == ["runs.unwritable"]


def test_a_disk_that_fills_up_is_reported_and_training_goes_on(tmp_path):
    problems = _Log()
    writer = RunWriter(tmp_path / FILE_NAME, problems)
    recorder = Recorder(LiveView(), writer, "r")
    recorder.run(_record(tmp_path, "r"))
    writer.put(lambda connection: connection.execute("PRAGMA max_page_count = 20") and None)
    for step in range(50_000):
        recorder.add("s", step, float(step))
        if step % 50 == 0:
            recorder.flush()
    recorder.flush()
    writer.close()
    assert [problem.code for problem in problems] == ["runs.unwritable"]
    assert "full" in problems[0].message


def test_a_block_of_the_wrong_length_is_refused(tmp_path):
    _write(tmp_path)
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("UPDATE scalars SET steps = x'00' WHERE number = 3")
    connection.commit()
    connection.close()
    with pytest.raises(NetbuilderError, match="wrong length"):
        RunStore.open(tmp_path).series("run1", "loss/train")


def test_the_tables_and_the_record_agree(tmp_path):
    with closing(connect(tmp_path / FILE_NAME, create=True)) as connection:
        for table, names in (("runs", set(run_store.COLUMNS)), ("marks", {"run", *Marks.__dataclass_fields__})):
            assert {row[1] for row in connection.execute(f"PRAGMA table_info({table})")} == names


def test_a_store_of_the_first_version_is_brought_up_to_date(tmp_path):
    file = tmp_path / FILE_NAME
    with closing(sqlite3.connect(file)) as old:
        old.executescript(run_schema.STEPS[0] + "PRAGMA user_version = 1;")
        old.execute(
            "INSERT INTO runs (id, folder, title, started, document, plan, seed, device, versions, data) "
            "VALUES ('old', '/x/old', 'T', 3.0, '{}', '{}', 4, 'CPU', '{}', '{}')"
        )
        old.commit()
    store = RunStore(file)
    (record,) = store.list_runs()
    assert (record.id, record.seed, record.marks, record.results) == ("old", 4, Marks(), {})
    store.mark("old", name="kept")
    assert store.list_runs()[0].marks.name == "kept"
    with closing(sqlite3.connect(file)) as now:
        assert now.execute("PRAGMA user_version").fetchone() == (run_schema.VERSION,)


def test_a_newer_store_is_neither_read_nor_touched_and_training_goes_on(tmp_path):
    _write(tmp_path)
    file = tmp_path / FILE_NAME
    with closing(sqlite3.connect(file)) as newer:
        newer.execute(f"PRAGMA user_version = {run_schema.VERSION + 1}")
        newer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = file.read_bytes()
    with pytest.raises(NetbuilderError) as caught:
        RunStore(file).list_runs()
    assert caught.value.problems[0].code == "runs.newer"
    assert [problem.code for problem in _write(tmp_path, "other")] == ["runs.newer"]
    assert file.read_bytes() == before
    assert not list(tmp_path.glob("*.damaged*"))


def test_marks_are_kept_apart_from_what_the_run_tells(tmp_path):
    _write(tmp_path)
    store = RunStore.open(tmp_path)
    store.mark("run1", name="the good one", tags=("a", "b c"))
    store.mark("run1", notes="line 1\nline 2", pinned=True)
    writer = RunWriter(store.path, _Log())
    recorder = Recorder(LiveView(), writer, "run1")
    recorder.run(_record(tmp_path, reason="stopped"))
    writer.close()
    (record,) = store.list_runs()
    assert record.marks == Marks(name="the good one", tags=("a", "b c"), notes="line 1\nline 2", pinned=True)
    assert record.reason == "stopped"
    store.mark("nobody", name="x")
    assert [run.id for run in store.list_runs()] == ["run1"]


def test_an_epoch_is_noted_in_the_row_at_once(tmp_path):
    writer = RunWriter(tmp_path / FILE_NAME, _Log())
    recorder = Recorder(LiveView(), writer, "r")
    recorder.run(_record(tmp_path, "r"))
    for epoch, (loss, best) in enumerate(((0.5, True), (0.3, True), (0.4, False)), 1):
        data = {"epoch": epoch, "metrics": {"loss": loss}, "best": best, "train_loss": 0.1}
        recorder.event(Event(kind="epoch", text="", step=10 * epoch, data=data))
    writer.close()
    (record,) = RunStore.open(tmp_path).list_runs()
    assert (record.epochs, record.steps, record.ended) == (3, 30, None)
    assert record.results == {"last": {"loss": 0.4, "train_loss": 0.1}, "best": {"loss": 0.3}}


def test_a_view_in_place_of_a_table_calls_nothing(tmp_path):
    _write(tmp_path, steps=100)
    called = []
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as hostile:
        hostile.create_function("spy", 0, lambda: called.append(1) or "")
        hostile.execute("ALTER TABLE runs RENAME TO real")
        hostile.execute("CREATE VIEW runs AS SELECT *, spy() FROM real")
        hostile.commit()
    with closing(connect(tmp_path / FILE_NAME)) as connection:
        connection.create_function("spy", 0, lambda: called.append(1) or "")
        with pytest.raises(sqlite3.OperationalError, match="unsafe use"):
            connection.execute("SELECT * FROM runs").fetchall()
    assert called == []
    with pytest.raises(NetbuilderError):
        RunStore.open(tmp_path).list_runs()


@pytest.mark.parametrize(
    ("name", "code"),
    [("SQLITE_READONLY_DBMOVED", "runs.read_only"), ("SQLITE_FULL", "runs.full"), ("SQLITE_ERROR", "runs.damaged")],
)
def test_why_a_store_is_of_no_use_is_told(tmp_path, name, code):
    error = sqlite3.OperationalError("words")
    error.sqlite_errorname = name
    problem = run_store.refused(tmp_path / FILE_NAME, error)
    assert problem.code == code
    assert FILE_NAME in problem.message


def test_results_follow_when_a_run_goes_back(tmp_path):
    writer = RunWriter(tmp_path / FILE_NAME, _Log())
    recorder = Recorder(LiveView(), writer, "r")
    recorder.run(_record(tmp_path, "r"))
    for epoch, (loss, best) in enumerate(((0.5, True), (0.6, False), (0.1, True)), 1):
        data = {"epoch": epoch, "metrics": {"loss": loss}, "best": best, "train_loss": 0.1}
        recorder.event(Event(kind="epoch", text="", step=10 * epoch, data=data))
    recorder.leave_behind(Cut(step=20, epoch_step=20, rate_step=20), "r~1", 30)
    writer.close()
    by_id = {record.id: record for record in RunStore.open(tmp_path).list_runs()}
    assert (by_id["r"].epochs, by_id["r"].steps) == (2, 20)
    assert by_id["r"].results == {"last": {"loss": 0.6, "train_loss": 0.1}, "best": {"loss": 0.5}}
    assert (by_id["r~1"].epochs, by_id["r~1"].results["best"]) == (3, {"loss": 0.1})


def test_a_long_pause_is_no_time_of_the_run(tmp_path):
    with closing(connect(tmp_path / FILE_NAME, create=True)) as connection:
        run_store.write_run(connection, _record(tmp_path, "r"))
        for number, at in enumerate((100.0, 101.0, 90_000.0, 89_999.0, 90_001.5)):
            block = Points(np.array([number + 1]), np.array([0.5]))
            run_store.write_points(connection, "r", {"loss/train": block}, at)
        connection.commit()
    clock = RunStore.open(tmp_path).clock("r")
    assert clock.steps.tolist() == [1, 2, 3, 4, 5]
    assert clock.values.tolist() == [0, 1, 601, 601, 603.5]
    assert len(RunStore.open(tmp_path).clock("nobody").steps) == 0


def test_the_clock_ascends_and_ends_with_the_last_step(tmp_path):
    _write(tmp_path, steps=500)
    clock = RunStore.open(tmp_path).clock("run1")
    assert clock.steps.tolist() == [100, 200, 300, 400, 500]
    assert clock.values[0] == 0
    assert (np.diff(clock.values) >= 0).all()


def test_two_programs_write_and_a_third_reads_meanwhile(tmp_path):
    """Each in a process of its own, all from an empty folder on: the tables are made by whoever comes first."""
    code = (
        "import sys; from pathlib import Path; from tests.training.test_run_store import _write;"
        "problems = _write(Path(sys.argv[1]), sys.argv[2], 3000); sys.exit(len(problems))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), f"run{number}"]) for number in range(3)]
    store, seen = RunStore.open(tmp_path), 0
    while any(writer.poll() is None for writer in writers):
        runs = store.list_runs()
        assert len(runs) >= seen
        seen = len(runs)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert len(store.list_runs()) == 3
    for number in range(3):
        assert len(store.series(f"run{number}", "loss/train").steps) == 3000
    assert not list(tmp_path.glob("*.damaged*"))


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE runs SET plan = '[1]'",
        "UPDATE runs SET results = '{\"best\": 3}'",
        "UPDATE runs SET versions = 'no json'",
        "INSERT INTO marks (run, tags) VALUES ('run1', '7')",
        "DROP TABLE marks",
        "UPDATE runs SET plan = x'ff00'",
    ],
)
def test_nonsense_in_the_tables_is_told_as_damage(tmp_path, damage):
    _write(tmp_path, steps=100)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute(damage)
        connection.commit()
    with pytest.raises(NetbuilderError) as caught:
        RunStore.open(tmp_path).list_runs()
    assert caught.value.problems[0].code == "runs.damaged"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_in_a_write_never_makes_the_session_wait(tmp_path):
    problems = _Log()
    writer = RunWriter(tmp_path / FILE_NAME, problems)
    writer.put(lambda connection: 1 / 0)
    for _ in range(QUEUE_SIZE * 2):
        writer.put(lambda connection: None)
    writer.close()
    assert "division" in problems[0].message


def test_a_list_makes_only_new_rows_and_forgets_deleted_ones(tmp_path):
    for run in ("a", "b"):
        _write(tmp_path, run, 100)
    store = RunStore.open(tmp_path)
    first = {run.id: run for run in store.list_runs()}
    assert {run.id: id(run) for run in store.list_runs()} == {name: id(run) for name, run in first.items()}
    store.delete("a")
    deleted = first.pop("a")
    store.list_runs()
    assert sys.getrefcount(deleted) == 2, "this name and the question: the store keeps what is there alone"
