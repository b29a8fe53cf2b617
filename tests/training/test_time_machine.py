"""The time machine: looking back changes nothing, going back repeats exactly, and nothing that was left is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from netbuilder.document import edits
from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import snapshots
from netbuilder.training.moments import Reason
from netbuilder.training.protocol import (
    Change,
    Command,
    Look,
    Pause,
    Picture,
    PictureKind,
    Resume,
    Rewind,
    Snapshot,
    Start,
    State,
    Step,
    Stop,
    Timeline,
    Watch,
)
from netbuilder.training.run_store import RunStore
from netbuilder.training.snapshot_files import path_of, snapshots_of
from netbuilder.training.snapshots import load_snapshot
from netbuilder.training.state import TrainingState
from tests.builders import linear, node, tiny_cnn
from tests.training import documents
from tests.training.documents import ENDED, Run, iris, planned, train
from tests.training.test_going_on import digests, history

BOTH_HOSTS = True
"""See `conftest`."""

ROOM = 64 << 20
SEE = Watch(nodes=("hidden",), sample=2, gradient_flow=True)


def begin(made: Document, folder: Path, *, paused: bool = True, snapshots: int = ROOM, state: str = "") -> Run:
    """Start a session that keeps snapshots."""
    run = Run(documents.new_host(), folder)
    run.host.send(Start(document=made, folder=str(folder), paused=paused, snapshots=snapshots, state=state))
    return run


def go_to(run: Run, step: int) -> None:
    """Do single steps up to one, and wait there."""
    run.until(lambda told: told.progress.state in (State.PAUSED, *ENDED))
    assert run.host.state is State.PAUSED, run.events
    for _ in range(step - run.telemetry[-1].progress.step):
        run.host.send(Step())
    run.until(lambda told: told.progress.step == step and told.progress.state is State.PAUSED)


def timeline(run: Run) -> Timeline:
    """Return what can be looked back at, as last told."""
    run.drain()
    return [told.timeline for told in run.telemetry if told.timeline is not None][-1]


def seen(run: Run, *commands: Command) -> dict[tuple[PictureKind, str], Picture]:
    """Send commands, wait until they took effect, and return what was drawn for them."""
    run.drain()
    first = len(run.telemetry)
    for command in commands:
        run.command(command)
    run.drain()
    return {(each.kind, each.node): each for told in run.telemetry[first:] for each in told.pictures}


def lively() -> Document:
    """Return a network with all that looking might disturb: dropout, running statistics, an average, momentum."""
    made = iris(8, node("norm", "batch_norm1d"), node("act", "relu"), node("drop", "dropout"))
    return planned(made, epochs=5, ema_decay=0.9)


def test_looking_back_changes_nothing(tmp_path):
    whole = train(lively(), tmp_path / "whole" / "run")
    folder = tmp_path / "looked" / "run"
    run = begin(lively(), folder)
    run.command(SEE)
    for step in (3, 9, 10, 20):
        go_to(run, step)
        run.command(Snapshot())
        for moment in timeline(run).moments:
            run.command(Look(moment.step))
        if step == 10:
            run.command(Look(None))
    run.host.send(Resume())
    run.host.send(Look(3))
    run.finish()
    assert digests(folder) == digests(tmp_path / "whole" / "run")
    assert history(folder) == history(tmp_path / "whole" / "run")
    assert run.end.data["test"] == whole.end.data["test"]


@pytest.mark.parametrize("over", [False, True])
def test_what_is_seen_is_what_was_seen_then(tmp_path, over):
    made = planned(tiny_cnn(6), epochs=1)
    run = begin(made, tmp_path / "run")
    watch = Watch(nodes=("stem",), sample=3)
    go_to(run, 2)
    then = seen(run, Snapshot(), watch)
    go_to(run, 6)
    now = seen(run, watch)
    if over:
        run.host.send(Stop())
        run.finish()
    back = seen(run, Look(2))
    assert timeline(run).shown == 2
    assert [moment.step for moment in timeline(run).moments if moment.reason is Reason.WISH] == [2]
    for key in [(PictureKind.MAPS, "stem"), (PictureKind.KERNELS, "stem"), (PictureKind.WEIGHTS, "stem")]:
        assert back[key].step == 2
        np.testing.assert_array_equal(back[key].data, then[key].data)
        assert not np.array_equal(back[key].data, now[key].data)
    assert not any(kind is PictureKind.GRADIENTS for kind, _ in back), "those of the last step are of other weights"
    again = seen(run, Look(None))
    assert timeline(run).shown is None
    np.testing.assert_array_equal(again[PictureKind.MAPS, "stem"].data, now[PictureKind.MAPS, "stem"].data)
    assert run.finish().of("problem") == [] if over else run.of("problem") == []
    run.host.send(Stop())


def test_a_run_that_goes_on_shows_the_past_all_the_while(tmp_path):
    run = begin(planned(iris(), epochs=100_000), tmp_path / "run")
    go_to(run, 8)
    run.command(Snapshot())
    run.command(SEE)
    run.command(Look(8))
    run.host.send(Resume())
    first = len(run.telemetry)
    run.until(lambda told: told.progress.epoch >= 40)
    steps = {each.step for told in run.telemetry[first:] for each in told.pictures if each.kind is PictureKind.VECTOR}
    assert steps <= {8}
    moved = seen(run, replace(SEE, sample=5))
    assert moved[PictureKind.VECTOR, "hidden"].step == 8
    assert moved[PictureKind.VECTOR, "hidden"].sample == 5
    assert moved[PictureKind.CONFUSION, ""].step == 7, "the validation before it"
    present = seen(run, Look(None))
    assert present[PictureKind.VECTOR, "hidden"].step > 8
    assert present[PictureKind.CONFUSION, ""].step > 8
    run.host.send(Stop())
    run.finish()
    assert not run.of("problem")


def test_of_many_looks_the_newest_is_shown(tmp_path):
    run = begin(iris(), tmp_path / "run")
    for step in (1, 2, 3):
        go_to(run, step)
        run.command(Snapshot())
    run.command(SEE)
    for step in (1, 2, 3, 1, 2):
        run.host.send(Look(step))
    number = run.host.send(Look(1))
    run.until(lambda told: told.progress.acknowledged >= number)
    assert timeline(run).shown == 1
    assert run.pictures(PictureKind.VECTOR)["hidden"].step == 1
    run.host.send(Stop())
    run.finish()


def test_going_back_repeats_what_was_and_keeps_what_is_left(tmp_path):
    train(lively(), tmp_path / "whole" / "run")
    folder = tmp_path / "back" / "run"
    run = begin(lively(), folder)
    go_to(run, 9)
    run.command(Snapshot())
    go_to(run, 17)
    run.command(Rewind(9))
    (back,) = run.of("rewind")
    assert back.data == {"rewound": 9, "from": 17, "run": "run~1"}
    assert run.telemetry[-1].progress.state is State.PAUSED
    assert run.telemetry[-1].progress.step == 9
    assert timeline(run).moments[-1].step == 9
    run.host.send(Resume())
    run.finish()
    assert digests(folder) == digests(tmp_path / "whole" / "run")
    assert history(folder) == history(tmp_path / "whole" / "run")
    left = tmp_path / "back" / "run~1"
    assert [moment.step for moment in snapshots_of(left)][-1] == 17
    whole, later = history(tmp_path / "whole" / "run"), history(left)
    assert later["loss/train"] == ([*range(10, 18)], whole["loss/train"][1][9:17])
    assert later["loss/validation"] == ([14], whole["loss/validation"][1][1:2])
    record = RunStore.open(left.parent).run("run~1")
    assert record is not None
    assert (record.reason, record.steps) == ("left behind", 17)
    assert record.marks.name == "After step 9"
    with closing(sqlite3.connect(left.parent / "runs.sqlite")) as store:
        columns = store.execute("SELECT run, min(step), max(step) FROM histograms GROUP BY run ORDER BY run").fetchall()
        times = store.execute("SELECT count(*), count(time) FROM scalars WHERE run = 'run~1'").fetchone()
    assert [run for run, *_ in columns] == ["run", "run~1"]
    assert columns[1][1] > 9
    assert columns[1][2] <= 17
    assert times[0] == times[1] > 0


def test_going_back_while_it_runs_goes_on(tmp_path):
    run = begin(planned(iris(), epochs=100_000), tmp_path / "run")
    go_to(run, 10)
    run.command(Snapshot())
    run.host.send(Resume())
    run.until(lambda told: told.progress.epoch > 20)
    run.command(Rewind(10))
    (back,) = run.of("rewind")
    run.until(lambda told: told.progress.step > back.data["from"])
    assert run.telemetry[-1].progress.state is State.RUNNING
    run.command(Pause())
    run.command(Rewind(10))
    assert [event.data["run"] for event in run.of("rewind")] == ["run~1", "run~2"]
    run.host.send(Stop())
    run.finish()


def test_a_run_branched_from_a_snapshot_repeats_the_rest(tmp_path):
    folder = tmp_path / "trunk" / "run"
    run = begin(lively(), folder)
    go_to(run, 9)
    run.command(Snapshot())
    run.host.send(Resume())
    run.finish()
    (moment,) = (each for each in snapshots_of(folder) if each.step == 9)
    branch = begin(lively(), tmp_path / "branch" / "run", paused=False, state=str(path_of(folder, moment))).finish()
    assert digests(branch.folder) == digests(folder)


def test_before_a_change_a_moment_is_kept(tmp_path):
    made = iris()
    run = begin(made, tmp_path / "run")
    go_to(run, 4)
    wider = edits.set_parameters(made, "hidden", {"units": 12})
    run.command(Change(document=wider))
    (change,) = run.of("change")
    assert change.data["taken"]
    assert [each.step for each in snapshots_of(tmp_path / "run") if each.reason is Reason.CHANGE] == [4]
    assert 4 not in [each.step for each in timeline(run).moments], "it is of the former network"
    go_to(run, 6)
    run.command(SEE)
    run.command(Look(4))
    assert timeline(run).shown is None
    (problem,) = run.of("problem")[-1].problems
    assert problem.code == "snapshot.mismatch"
    run.host.send(Stop())
    run.finish()


def test_a_damaged_snapshot_is_told_and_never_used(tmp_path):
    train(iris(), tmp_path / "whole" / "run")
    folder = tmp_path / "damaged" / "run"
    run = begin(iris(), folder)
    for step in (5, 9):
        go_to(run, step)
        run.command(Snapshot())
    (moment,) = (each for each in snapshots_of(folder) if each.step == 5)
    path = path_of(folder, moment)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    run.command(SEE)
    run.command(Look(5))
    assert timeline(run).shown is None
    run.command(Rewind(5))
    run.command(Rewind(1234))
    codes = [problem.code for event in run.of("problem") for problem in event.problems]
    assert codes == ["checkpoint.damaged", "checkpoint.damaged", "snapshot.missing"]
    assert not run.of("rewind")
    assert 5 not in {each.step for each in timeline(run).moments}
    run.host.send(Resume())
    run.finish()
    assert digests(folder) == digests(tmp_path / "whole" / "run")


def test_a_full_disk_is_told_once_and_stops_nothing(tmp_path, monkeypatch):
    def full(path, state):
        raise NetbuilderError(Problem(code="save.full", message="the disk is full"))

    monkeypatch.setattr(snapshots, "save_state", full)
    run = begin(iris(), tmp_path / "run")
    for step in (2, 4):
        go_to(run, step)
        run.command(Snapshot())
    run.host.send(Resume())
    run.finish()
    assert [problem.code for event in run.of("problem") for problem in event.problems] == ["save.full"]
    assert run.end.data["reason"] == "finished"


def test_a_budget_that_holds_no_two_is_told_once(tmp_path):
    run = begin(iris(), tmp_path / "run", paused=False, snapshots=5000).finish()
    (event,) = run.of("problem")
    assert event.problems[0].code == "snapshot.room"
    assert not snapshots_of(tmp_path / "run")
    assert run.end.data["reason"] == "finished"


def test_the_budget_of_bytes_is_kept(tmp_path):
    folder = tmp_path / "run"
    run = begin(iris(), folder)
    go_to(run, 1)
    run.command(Snapshot())
    size = max(moment.size for moment in snapshots_of(folder))
    run.host.send(Stop())
    run.finish()
    again = begin(planned(iris(), epochs=60), folder, snapshots=size * 4)
    for step in range(1, 12):
        go_to(again, step)
        again.command(Snapshot())
        assert sum(moment.size for moment in snapshots_of(folder)) <= size * 4
    kept = [moment.step for moment in snapshots_of(folder)]
    assert (kept[0], kept[-1]) == (0, 11)
    again.host.send(Stop())
    again.finish()


def test_what_is_not_a_snapshot_is_left_alone(tmp_path):
    place = tmp_path / "run" / "snapshots"
    place.mkdir(parents=True)
    for name in ("notes.txt", "5-1-nonsense.safetensors", "x-1-time.safetensors", "7-1-time.safetensors"):
        (place / name).write_bytes(b"mine")
    assert [moment.step for moment in snapshots_of(tmp_path / "run")] == [7]
    with pytest.raises(NetbuilderError, match="header"):
        load_snapshot(tmp_path / "run", 7)
    begin(iris(), tmp_path / "run", paused=False).finish()
    assert {"notes.txt", "5-1-nonsense.safetensors", "x-1-time.safetensors"} <= {each.name for each in place.iterdir()}
    assert not (place / "7-1-time.safetensors").exists(), "an earlier run's, which began anew in the same folder"


def test_a_snapshot_of_another_network_is_refused(tmp_path):
    other = iris(8, node("act", "tanh"), linear("more", 8))
    for made, folder in ((other, tmp_path / "other"), (iris(), tmp_path / "run")):
        run = begin(made, folder)
        go_to(run, 2)
        run.command(Snapshot())
        if made is other:
            run.host.send(Stop())
            run.finish()
    (moment,) = (each for each in snapshots_of(tmp_path / "run") if each.step == 2)
    snapshots.save_state(path_of(tmp_path / "run", moment), load_snapshot(tmp_path / "other", 2))
    run.command(SEE)
    run.command(Look(2))
    run.command(Rewind(2))
    codes = [problem.code for event in run.of("problem") for problem in event.problems]
    assert codes == ["snapshot.mismatch", "state.mismatch"]
    assert not (tmp_path / "run~1").exists()
    run.host.send(Resume())
    assert run.finish().end.data["reason"] == "finished"


def test_writing_takes_its_share_of_the_time(tmp_path, monkeypatch):
    """By a clock that the test turns: each snapshot takes 20 ms, each step in between 1 ms."""
    now = [1000.0]
    monkeypatch.setattr(snapshots.time, "perf_counter", lambda: now[0])

    def slow(path, state):
        now[0] += 0.02
        path.write_bytes(b"x")

    monkeypatch.setattr(snapshots, "save_state", slow)
    (tmp_path / "run").mkdir()
    shelf = snapshots.Shelf(tmp_path / "run", ROOM)
    state = TrainingState(tensors={}, about={"step": 0, "epoch": 0})
    shelf.keep(state, Reason.TIME)
    begun, written = now[0], [0.0]
    for step in range(1, 60_001):
        now[0] += 0.001
        if now[0] >= shelf.due:
            shelf.keep(replace(state, about={"step": step, "epoch": 0}), Reason.TIME)
            written.append(now[0] - begun)
    assert 0.02 * len(written) <= snapshots.CREDIT + snapshots.SHARE * (now[0] - begun) + 0.02
    assert len(written) >= 30
    assert sum(at < 1.0 for at in written) >= 5, "the beginning is dense"
    assert len(shelf.moments) <= snapshots.NUMBER
