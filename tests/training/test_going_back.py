"""Every change of a run can be taken back, as if it had not been made."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from netbuilder.document import edits
from netbuilder.document.files import loads
from netbuilder.training.protocol import Rewind, Snapshot, Start, State, Step, Stop
from netbuilder.training.run_files import own_files
from netbuilder.training.run_store import RunStore
from tests.builders import node
from tests.training import documents
from tests.training.changes import at_rest, change, finish, gone_back, losses, paused
from tests.training.documents import (
    Run,
    alternating,
    iris,
    planned,
    saved_weights,
    train,
    two_losses,
    with_optimizer,
)

BOTH_HOSTS = True
"""See `conftest`."""


@pytest.mark.parametrize("kind", ["setting", "structure", "optimizer", "batches"])
def test_going_back_is_as_if_nothing_had_been_changed(kind, tmp_path):
    made = iris(8, node("act", "relu"), node("drop", "dropout", p=0.5))
    changed = {
        "setting": edits.set_parameters(made, "drop", {"p": 0.1}),
        "structure": edits.remove_and_heal(edits.set_parameters(made, "hidden", {"units": 12}), ["drop"]),
        "optimizer": with_optimizer(made, "sgd", "cosine"),
        "batches": planned(made, batch_size=30, epochs=9),
    }[kind]
    run = paused(made, tmp_path / "run", 10)
    told = change(run, changed)
    for _ in range(9):
        run.command(Step())
    at_rest(run)
    gone_back(run, told)
    assert run.telemetry[-1].progress.step == 10
    finish(run)
    straight = train(made, tmp_path / "straight")
    store = RunStore.open(tmp_path)
    assert store.series("run", "loss/train").values.tolist() == losses(straight)
    assert store.series("run", "loss/train").steps.tolist() == list(range(1, 29))
    one, other = saved_weights(tmp_path / "run"), saved_weights(tmp_path / "straight")
    assert all(torch.equal(one[key], other[key]) for key in other)


def test_a_run_that_went_back_rests_and_keeps_its_record(tmp_path):
    run = paused(iris(), tmp_path / "run", 2)
    told = change(run, planned(iris(), clip_norm=0.5))
    run.command(Step("epoch"))
    at_rest(run)
    gone_back(run, told)
    assert run.telemetry[-1].progress.state is State.PAUSED
    assert run.telemetry[-1].progress.step == 2
    finish(run)
    record = RunStore.open(tmp_path).run("run")
    assert record is not None
    assert loads(record.document).plan == iris().plan
    kinds = [event.kind for event in RunStore.open(tmp_path).events("run")]
    assert kinds.count("change") == 2


def test_the_record_holds_what_is_trained_now(tmp_path):
    run = paused(iris(), tmp_path / "run", 2)
    wide = edits.set_parameters(iris(), "hidden", {"units": 9})
    change(run, wide)
    finish(run)
    record = RunStore.open(tmp_path).run("run")
    assert record is not None
    assert loads(record.document).graph == wide.graph


def test_dragging_a_number_keeps_one_state(tmp_path):
    run = paused(iris(), tmp_path / "run", 2)
    told = [change(run, planned(iris(), clip_norm=float(norm))) for norm in range(1, 5)]
    assert len({event.data["state"] for event in told}) == 1
    assert len(list((tmp_path / "run" / "changes").glob("*.safetensors"))) == 1
    wide = planned(edits.set_parameters(iris(), "hidden", {"units": 9}), clip_norm=4.0)
    assert change(run, wide).data["number"] == 2, "an edited network is kept apart"
    finish(run)


def test_a_change_after_a_rewind_keeps_the_state_it_was_made_in(tmp_path):
    """Going back to before it leads not to what the rewind has left behind."""
    run = paused(iris(), tmp_path / "run", 2)
    run.command(Snapshot())
    run.command(Step())
    at_rest(run)
    first = change(run, planned(iris(), clip_norm=1.0))
    run.command(Rewind(step=2))
    at_rest(run)
    told = change(run, planned(iris(), clip_norm=2.0))
    assert told.data["number"] == first.data["number"] + 1
    gone_back(run, told)
    assert run.telemetry[-1].progress.step == 2
    assert change(run, planned(iris(), clip_norm=3.0)).data["number"] == told.data["number"] + 1
    finish(run)


@pytest.mark.thread_only
def test_a_run_that_begins_takes_back_no_change_of_an_earlier_one(tmp_path):
    """And one that goes on keeps its own."""
    folder = tmp_path / "run"
    run = paused(iris(), folder, 2)
    change(run, planned(iris(), clip_norm=1.0))
    run.host.send(Stop())
    run.finish()
    (folder / "changes" / "notes.txt").write_text("precious")
    kept = sorted(each.name for each in (folder / "changes").iterdir())
    again = Run(documents.new_host(), folder)
    again.host.send(Start(document=iris(), folder=str(folder), resume=True))
    again.finish()
    assert sorted(each.name for each in (folder / "changes").iterdir()) == kept
    train(iris(), folder)
    assert [each.name for each in (folder / "changes").iterdir()] == ["notes.txt"]
    anew = paused(iris(), folder, 1)
    assert change(anew, planned(iris(), clip_norm=1.0)).data["number"] == 1
    finish(anew)


def test_all_that_a_changed_run_leaves_goes_with_it(tmp_path):
    run = paused(iris(), tmp_path / "run", 3)
    change(run, planned(iris(), clip_norm=1.0))
    finish(run)
    left = {each.name for each in (tmp_path / "run").iterdir()}
    assert "changes" in left
    assert {each.name for each in own_files(tmp_path / "run")} == left


def test_what_came_after_a_change_is_left_behind_as_a_run(tmp_path):
    run = paused(iris(), tmp_path / "run", 2)
    wide = edits.set_parameters(iris(), "hidden", {"units": 9})
    told = change(run, wide)
    for _ in range(3):
        run.command(Step())
    at_rest(run)
    gone_back(run, told)
    finish(run)
    store = RunStore.open(tmp_path)
    record = store.run("run~1")
    assert record is not None
    assert loads(record.document).graph == wide.graph
    assert store.series("run~1", "loss/train").steps.tolist() == [3, 4, 5]


def moments(run: Run) -> list[int]:
    return [moment.step for moment in next(t.timeline for t in reversed(run.telemetry) if t.timeline).moments]


def test_moments_of_the_former_network_are_offered_when_it_is_back(tmp_path):
    run = paused(iris(), tmp_path / "run", 4)
    run.command(Snapshot())
    assert 4 in moments(run)
    run.command(Step())
    told = change(run, edits.set_parameters(iris(), "hidden", {"units": 9}))
    assert moments(run) == []
    run.command(Step())
    run.command(Snapshot())
    assert moments(run) == [6]
    gone_back(run, told)
    assert 4 in moments(run)
    assert 6 not in moments(run)
    finish(run)


def test_a_rewind_beyond_a_change_of_the_batch_size_finds_its_rows(tmp_path):
    """Two steps of 16 rows of the second epoch were done: two of at most 40 are left of its 105."""
    run = paused(iris(), tmp_path / "run", 9)
    run.command(Snapshot())
    run.command(Step())
    run.command(Step())
    change(run, planned(iris(), batch_size=40))
    run.command(Step())
    run.command(Rewind(9))
    assert run.of("rewind")[-1].data["rewound"] == 9
    finish(run)
    assert [event.step for event in run.of("epoch")][-3:] == [11, 14, 17]
    assert run.telemetry[-1].progress.steps == 17


def test_a_damaged_state_is_told_and_the_run_goes_on(tmp_path):
    run = paused(iris(), tmp_path / "run", 2)
    told = change(run, planned(iris(), clip_norm=0.5))
    path = Path(told.data["state"])
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    answer = change(run, iris(), str(path))
    assert answer.data["taken"] is False
    assert "damaged" in answer.text
    assert len(losses(finish(run))) == 28


@pytest.mark.parametrize("kind", ["averaged", "two phases", "accumulating", "two losses"])
def test_every_kind_of_run_takes_a_wider_layer_and_goes_back(kind, tmp_path):
    made = {
        "averaged": planned(iris(), ema_decay=0.9),
        "two phases": alternating(iris()),
        "accumulating": planned(iris(), accumulation=3, clip_norm=0.5),
        "two losses": two_losses(),
    }[kind]
    run = paused(made, tmp_path / "run", 5)
    told = change(run, edits.set_parameters(made, "hidden", {"units": 12}))
    assert told.data["loss"][1] == pytest.approx(told.data["loss"][0], abs=1e-5)
    for _ in range(4):
        run.command(Step())
    at_rest(run)
    gone_back(run, told)
    finish(run)
    one, other = saved_weights(run.folder), saved_weights(train(made, tmp_path / "straight").folder)
    assert all(torch.equal(one[key], other[key]) for key in other)
