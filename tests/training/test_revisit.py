"""Runs that are over: looked into again, gone on with from any of their moments, nothing of what they were lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from netbuilder.document import edits
from netbuilder.document.model import Document
from netbuilder.training.checkpoints import Checkpoint, save_checkpoint
from netbuilder.training.moments import Reason
from netbuilder.training.process_host import ProcessHost
from netbuilder.training.protocol import Look, PictureKind, Resume, Snapshot, Start, State, Stop, Watch
from netbuilder.training.run_files import BEST, STATE, STATE_BEFORE
from netbuilder.training.run_lock import held_run
from netbuilder.training.run_store import RunStore
from netbuilder.training.snapshot_files import path_of, snapshots_of
from netbuilder.training.thread_host import ThreadHost
from tests.training.documents import Run, iris, planned, train
from tests.training.test_going_on import digests, history
from tests.training.test_time_machine import ROOM, begin, go_to, lively, seen, timeline

SEE = Watch(nodes=("hidden",), sample=2)


def over(folder: Path, made: Document | None = None, *kept: int) -> Run:
    """Train a run to its end, with moments kept at these steps."""
    run = begin(made or lively(), folder)
    for step in kept:
        go_to(run, step)
        run.command(Snapshot())
    run.host.send(Resume())
    return run.finish()


def revisit(folder: Path, made: Document, host: ThreadHost | ProcessHost | None = None) -> Run:
    run = Run(host or ThreadHost(), folder)
    run.host.send(Start(document=made, folder=str(folder), revisit=True))
    return run.finish()


def files(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.parent.rglob("*.safetensors")}


def test_an_earlier_run_shows_what_it_showed_and_stays_as_it_was(tmp_path):
    folder, made = tmp_path / "run", lively()
    first = over(folder, made, 3, 9)
    then = {step: seen(first, SEE, Look(step)) for step in (3, 9, None)}
    before, told = files(folder), history(folder)
    again = revisit(folder, made)
    assert again.host.state is State.ENDED
    assert not again.events
    assert [each.step for each in timeline(again).moments] == [each.step for each in snapshots_of(folder)]
    for step, pictures in then.items():
        now = seen(again, SEE, Look(step))
        # What was wrong is told while a run goes on; snapshots keep the confusion matrix only.
        assert now.keys() == pictures.keys() - {(PictureKind.MISTAKES, "")}
        for kind in (PictureKind.VECTOR, PictureKind.CONFUSION):
            key = (kind, "hidden" if kind is PictureKind.VECTOR else "")
            np.testing.assert_array_equal(now[key].data, pictures[key].data)
    assert files(folder) == before
    assert history(folder) == told


def test_a_process_of_its_own_revisits_as_well(tmp_path):
    over(tmp_path / "run", lively(), 3)
    host = ProcessHost()
    try:
        run = revisit(tmp_path / "run", lively(), host)
        assert run.host.state is State.ENDED
        assert seen(run, SEE, Look(3))[PictureKind.VECTOR, "hidden"].step == 3
    finally:
        host.leave()


def test_what_stands_in_the_way_of_revisiting_is_told(tmp_path):
    made = lively()
    over(tmp_path / "run", made)
    other = edits.set_parameters(made, "hidden", {"units": 9})
    wrong = revisit(tmp_path / "run", other)
    assert wrong.host.state is State.FAILED
    assert wrong.of("problem")[0].problems[0].code == "checkpoint.mismatch"
    (tmp_path / "empty").mkdir()
    nothing = revisit(tmp_path / "empty", made)
    assert nothing.of("problem")[0].problems[0].code == "revisit.no_weights"
    save_checkpoint(tmp_path / "empty" / BEST, Checkpoint(tensors={"x": torch.zeros(1)}, paths={}))
    assert revisit(tmp_path / "empty", made).host.state is State.FAILED


@pytest.mark.parametrize("ended", ["finished", "stopped", "killed"])
def test_a_run_that_is_over_goes_on_from_a_moment_and_leaves_the_rest_behind(tmp_path, ended):
    whole, folder, made = tmp_path / "whole" / "run", tmp_path / "back" / "run", lively()
    train(made, whole)
    if ended == "finished":
        over(folder, made, 9)
    else:
        run = begin(made, folder)
        go_to(run, 9)
        run.command(Snapshot())
        go_to(run, 17)
        run.host.send(Stop())
        run.finish()
    if ended == "killed":  # as if no state had been written, and no end
        for name in (STATE, STATE_BEFORE):
            (folder / name).unlink(missing_ok=True)
    before = history(folder)
    last = snapshots_of(folder)[-1].step
    again = Run(ThreadHost(), folder)
    again.host.send(Start(document=made, folder=str(folder), snapshots=ROOM, resume=True, moment=9))
    again.finish()
    (back,) = again.of("rewind")
    assert back.data == {"rewound": 9, "from": last, "run": "run~1"}
    assert again.end.data["reason"] == "finished"
    assert digests(folder) == digests(whole)
    assert history(folder) == history(whole)
    left = folder.with_name("run~1")
    assert snapshots_of(left)[-1].step == last
    later = history(left)
    assert later["loss/train"] == ([*range(10, last + 1)], before["loss/train"][1][9:])
    record = RunStore.open(left.parent).run("run~1")
    assert (record.reason, record.steps) == ("left behind", last)


def test_from_its_last_moment_nothing_is_left_behind(tmp_path):
    folder, made = tmp_path / "run", lively()
    run = begin(made, folder)
    go_to(run, 9)
    run.host.send(Stop())
    run.finish()
    assert snapshots_of(folder)[-1].step == 9
    again = Run(ThreadHost(), folder)
    again.host.send(Start(document=made, folder=str(folder), snapshots=ROOM, resume=True, moment=9))
    again.finish()
    assert not again.of("rewind")
    assert not folder.with_name("run~1").exists()
    assert again.end.data["reason"] == "finished"


def test_what_ended_without_its_last_snapshot_keeps_its_end_where_it_is_left(tmp_path):
    folder, made = tmp_path / "run", planned(iris(), epochs=3)
    over(folder, made, 2)
    end = snapshots_of(folder)[-1]
    path_of(folder, end).unlink()
    again = Run(ThreadHost(), folder)
    again.host.send(Start(document=made, folder=str(folder), snapshots=ROOM, resume=True, moment=2))
    again.finish()
    kept = snapshots_of(folder.with_name("run~1"))[-1]
    assert (kept.step, kept.reason) == (end.step, Reason.END)


def test_a_moment_that_is_gone_or_a_run_in_progress_changes_nothing(tmp_path):
    folder, made = tmp_path / "run", planned(iris(), epochs=2)
    over(folder, made)
    told = history(folder)
    for moment, code in ((5_000, "snapshot.missing"), (0, "resume.running")):
        again = Run(ThreadHost(), folder)
        start = Start(document=made, folder=str(folder), snapshots=ROOM, resume=True, moment=moment)
        if code == "resume.running":
            with held_run(folder):
                again.host.send(start)
                again.finish()
        else:
            again.host.send(start)
            again.finish()
        assert again.host.state is State.FAILED
        assert again.of("problem")[0].problems[0].code == code
    assert history(folder) == told
