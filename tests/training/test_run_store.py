"""The run store: what was recorded is what was told; what is damaged is reported and kept."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import run_store
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import Event
from netbuilder.training.recorder import QUEUE_SIZE, Recorder, RunWriter
from netbuilder.training.run_store import FILE_NAME, RunRecord, RunStore


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


def test_the_table_and_the_record_agree():
    columns = {
        line.split()[0]
        for part in run_store.SCHEMA.split("runs (")[1].split(");")[0].split(",")
        if (line := part.strip())
    }
    assert columns == set(RunRecord.__dataclass_fields__)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_in_a_write_never_makes_the_session_wait(tmp_path):
    problems = _Log()
    writer = RunWriter(tmp_path / FILE_NAME, problems)
    writer.put(lambda connection: 1 / 0)
    for _ in range(QUEUE_SIZE * 2):
        writer.put(lambda connection: None)
    writer.close()
    assert "division" in problems[0].message
