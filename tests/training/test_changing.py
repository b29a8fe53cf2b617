"""A run that is changed while it goes on: what is not changed goes on to the last bit, and all can be taken back."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netbuilder.document import edits
from netbuilder.document.files import loads, read_document
from netbuilder.document.model import Document, Group, Setting
from netbuilder.training.protocol import Change, Event, Pause, Resume, Rewind, Snapshot, Start, State, Step, Stop
from netbuilder.training.run_files import own_files
from netbuilder.training.run_store import RunStore
from netbuilder.training.state import load_state
from tests.builders import linear, node
from tests.training import documents
from tests.training.documents import (
    Run,
    alternating,
    begin,
    iris,
    planned,
    saved_weights,
    train,
    two_losses,
    with_optimizer,
)

BOTH_HOSTS = True
"""See `conftest`."""


def paused(document: Document, folder: Path, steps: int) -> Run:
    """Return a run that rests after some steps, and has room for snapshots."""
    run = Run(documents.new_host(), folder)
    run.host.send(Start(document=document, folder=str(folder), paused=True, snapshots=1 << 28))
    for _ in range(steps):
        run.command(Step())
    at_rest(run)
    return run


def at_rest(run: Run) -> None:
    run.until(lambda told: told.progress.state is State.PAUSED)


def change(run: Run, document: Document, state: str = "") -> Event:
    """Send a change; returns what the run said to it."""
    run.command(Change(document=document, state=state))
    return run.of("change")[-1]


def finish(run: Run) -> Run:
    run.host.send(Resume())
    return run.finish()


def losses(run: Run) -> list[float]:
    return run.series("loss/train")


def inserted(document: Document, target: str, key: str, **values: Any) -> Document:
    to, port = target.split(".")
    return edits.insert_layer(document, to, port, key, values, "new", id="new")


def test_a_change_back_and_forth_is_as_none_at_all(tmp_path):
    """Optimizer, order of rows, random numbers: nothing of it is lost when all is made anew."""
    made = iris(8, node("act", "relu"), node("drop", "dropout", p=0.5))
    run = paused(made, tmp_path / "changed", 10)
    sized = edits.set_parameters(made, "drop", {"p": 0.2})
    assert change(run, sized).data["settings"] == ["drop: probability 0.5 → 0.2"]
    change(run, made)
    other = planned(made, batch_size=40, clip_norm=3.0)
    change(run, other)
    change(run, made)
    assert losses(finish(run)) == losses(train(made, tmp_path / "straight"))


def test_a_learning_rate_is_that_of_the_next_step_and_told(tmp_path):
    run = paused(iris(), tmp_path / "run", 3)
    told = change(run, with_optimizer(iris(), "adam", learning_rate=0.0003))
    assert told.text == "Changed: learning rate 0.001 → 0.0003."
    assert told.step == 3
    finish(run)
    rates = dict(zip(run.steps("learning_rate"), run.series("learning_rate"), strict=True))
    assert rates[1] == 0.001
    assert rates[4] == 0.0003


def test_momentum_goes_on(tmp_path):
    """The step after a change equals one by hand with the optimizer's own memory."""
    fast, slow = (with_optimizer(iris(), "sgd", momentum=0.9, learning_rate=rate) for rate in (0.1, 0.001))
    run = paused(fast, tmp_path / "run", 4)
    change(run, slow)
    one = losses(finish(run))
    straight = losses(train(fast, tmp_path / "straight"))
    assert one[:5] == straight[:5], "the loss of a step is that before its update"
    assert one[5:] != straight[5:]


@pytest.mark.parametrize("done", [0, 3, 7])
def test_another_batch_size_goes_through_the_rest_of_the_epoch(done, tmp_path):
    """105 rows in batches of 16 are 7 steps; each row is seen once an epoch, however batches change."""
    run = paused(iris(), tmp_path / "run", done)
    change(run, planned(iris(), batch_size=35))
    finish(run)
    rest = -(-(105 - 16 * done) // 35) if done < 7 else 0
    first = done + rest
    epochs = [event.step for event in run.of("epoch")]
    assert epochs == [first, first + 3, first + 6, first + 9]
    assert run.telemetry[-1].progress.steps == first + 9


def test_epochs_can_be_more_and_fewer(tmp_path):
    run = paused(iris(), tmp_path / "more", 2)
    change(run, planned(iris(), epochs=6))
    assert len(finish(run).of("epoch")) == 6
    run = paused(iris(), tmp_path / "fewer", 16)
    change(run, planned(iris(), epochs=1))
    finish(run)
    assert len(run.of("epoch")) == 3, "the epoch in progress is brought to its end"
    assert run.end.data["reason"] == "finished"


def test_a_schedule_knows_the_new_length(tmp_path):
    made = with_optimizer(iris(), "sgd", "linear", learning_rate=1.0)
    run = paused(made, tmp_path / "run", 14)
    change(run, planned(made, epochs=8))
    finish(run)
    rates = dict(zip(run.steps("learning_rate"), run.series("learning_rate"), strict=True))
    assert rates[15] == pytest.approx(1 - 14 / 56, abs=0.02)


def test_averaging_begins_in_the_middle_and_goes_on(tmp_path):
    run = paused(iris(), tmp_path / "run", 3)
    change(run, planned(iris(), ema_decay=0.9))
    change(run, planned(iris(), ema_decay=0.9, batch_size=32))
    finish(run)
    assert (tmp_path / "run" / "average.safetensors").exists()


def hidden_weights(run: Run, told: Event) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the hidden layer's weights before a change and at the end."""
    before = load_state(Path(told.data["state"])).part("model")["hidden.weight"]
    return before, saved_weights(run.folder)["hidden.weight"]


@pytest.mark.parametrize("thaws", [False, True])
def test_a_frozen_layer_stays_until_it_learns_again(thaws, tmp_path):
    run = paused(iris(), tmp_path / "run", 2)
    told = change(run, edits.set_parameters(iris(), "hidden", {"trainable": False}))
    assert told.data["settings"] == ["hidden is frozen"]
    run.command(Step())
    if thaws:
        change(run, iris())
    before, after = hidden_weights(finish(run), told)
    assert torch.equal(before, after) is not thaws


def test_changes_reach_a_run_that_does_not_rest(tmp_path):
    made = iris(8, node("act", "relu"), node("drop", "dropout", p=0.5))
    made = planned(made, epochs=30)
    run = begin(made, tmp_path / "run")
    for number in range(12):
        wish = planned(edits.set_parameters(made, "drop", {"p": number / 20}), batch_size=16 + number)
        run.command(
            Change(document=wish if number % 2 else edits.set_parameters(wish, "hidden", {"units": 8 + number}))
        )
    finish(run)
    assert all(event.data["taken"] for event in run.of("change"))
    assert run.end.data["reason"] == "finished"
    assert len(run.of("epoch")) == 30
    steps = run.steps("loss/train")
    assert steps == list(range(1, len(steps) + 1))


WISHES = st.one_of(
    st.builds(lambda units: ("hidden", units), st.integers(1, 12)),
    st.builds(lambda size: ("batch_size", size), st.integers(2, 60)),
    st.builds(lambda epochs: ("epochs", epochs), st.integers(1, 3)),
    st.sampled_from([("do", Step()), ("do", Pause()), ("do", Resume()), ("back", 0), ("back", 1), ("wait", 0)]),
)


def wished(document: Document, kind: str, value: Any) -> Document:
    if kind == "hidden":
        return edits.set_parameters(document, "hidden", {"units": value})
    return planned(document, **{kind: value})


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(wishes=st.lists(WISHES, max_size=9), rests=st.booleans())
def test_any_sequence_of_changes_leaves_a_run_in_order(wishes, rests, tmp_path_factory):
    """Each row of an epoch once, each step once, and the network that was asked for last."""
    folder = tmp_path_factory.mktemp("changes") / "run"
    document = planned(iris(8, node("act", "relu"), node("drop", "dropout", p=0.5)), epochs=3)
    run = begin(document, folder, paused=rests)
    for kind, value in wishes:
        if kind == "do":
            run.command(value)
        elif kind == "wait":
            time.sleep(0.01)
        elif kind == "back":
            ways = [event for event in run.of("change") if "state" in event.data and Path(event.data["state"]).exists()]
            if not ways or run.of("end"):
                continue
            before = read_document(ways[-1 - value % len(ways)].data["document"])
            if change(run, before, ways[-1 - value % len(ways)].data["state"]).data["taken"]:
                document = before
        elif not run.of("end"):
            told = len(run.of("change"))
            run.command(Change(document=wished(document, kind, value)))
            if len(run.of("change")) > told:  # else it had ended
                assert run.of("change")[-1].data["taken"]
                document = wished(document, kind, value)
    run.host.send(Resume())
    run.finish()
    assert run.end.data["reason"] == "finished"
    steps = RunStore.open(folder.parent).series("run", "loss/train").steps.tolist()
    assert steps == list(range(1, run.end.step + 1))
    assert run.telemetry[-1].progress.steps == run.end.step
    assert len(saved_weights(folder)["hidden.weight"]) == document.graph.nodes["hidden"].parameters["units"]


def test_a_changed_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path):
    """Batches of another size in the middle of an epoch, and a layer that warms up."""
    made = with_optimizer(iris(8, node("act", "relu"), node("drop", "dropout", p=0.5)), "adam", "cosine")
    wish = planned(inserted(made, "scores.x", "linear", **linear("new", 8).parameters), batch_size=20, epochs=6)
    weights = []
    for name in ("straight", "stopped"):
        run = paused(made, tmp_path / name, 10)
        change(run, wish)
        run.command(Step())
        run.command(Step())
        at_rest(run)
        if name == "stopped":
            run.host.send(Stop())
            run.finish()
            run.host.send(Start(document=wish, folder=str(run.folder), resume=True))
            run.host.wait()
        else:
            finish(run)
        weights.append(saved_weights(tmp_path / name))
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    one, other = (RunStore.open(tmp_path).series(name, "loss/train") for name in ("straight", "stopped"))
    assert one.values.tolist() == other.values.tolist()
    assert one.steps.tolist() == other.steps.tolist()


def test_another_optimizer_begins_anew(tmp_path):
    run = paused(iris(), tmp_path / "run", 5)
    assert change(run, with_optimizer(iris(), "sgd")).text == "Changed: optimizer Adam → SGD."
    assert len(losses(finish(run))) == 28


# The network ---------------------------------------------------------------------------------------------------------


def test_a_wider_layer_goes_on_where_it_was(tmp_path):
    run = paused(iris(8), tmp_path / "run", 20)
    told = change(run, edits.set_parameters(iris(8), "hidden", {"units": 24}))
    assert told.data["structure"] == ["hidden: units 8 → 24"]
    before, after = told.data["loss"]
    assert after == pytest.approx(before, abs=1e-5)
    finish(run)
    assert saved_weights(tmp_path / "run")["hidden.weight"].shape == (24, 4)
    assert run.end.data["reason"] == "finished"
    assert len(losses(run)) == 28


def test_what_is_unchanged_keeps_what_its_optimizer_remembers(tmp_path):
    """A layer put in front of the loss that begins as the identity: the other layers' next update is the same."""
    made = with_optimizer(iris(8, node("act", "relu")), "adam", learning_rate=0.01)
    run = paused(made, tmp_path / "run", 6)
    told = change(run, inserted(made, "scores.x", "relu"))
    assert told.data["loss"][0] == told.data["loss"][1]
    assert losses(finish(run)) == losses(train(made, tmp_path / "straight"))


def test_what_is_put_in_warms_up(tmp_path):
    made = with_optimizer(iris(8, node("act", "relu")), "adam", learning_rate=0.01)
    run = paused(made, tmp_path / "run", 14)
    told = change(run, inserted(made, "scores.x", "linear", **linear("new", 8).parameters))
    before, after = told.data["loss"]
    assert after == pytest.approx(before, abs=1e-6)
    run.command(Step())
    at_rest(run)
    weights = torch.tensor(0.0)
    finish(run)
    weights = saved_weights(tmp_path / "run")["new.weight"]
    moved = (weights - torch.eye(8)).abs().max()
    assert 0 < moved < 0.015, "14 steps of a hundredth of the rate, rising by a hundredth each"


def test_a_layer_is_removed_and_a_loss_stays(tmp_path):
    run = paused(two_losses(), tmp_path / "run", 3)
    without = edits.remove_nodes(two_losses(), ["extra", "second"])
    told = change(run, without)
    assert told.data["structure"] == ["second, extra removed"]
    finish(run)
    assert "second.weight" not in saved_weights(tmp_path / "run")


def test_an_impossible_edit_is_told_and_the_run_goes_on(tmp_path):
    made = iris()
    run = paused(made, tmp_path / "run", 3)
    broken = edits.remove_nodes(made, ["act"])
    told = change(run, broken)
    assert told.data["taken"] is False
    assert told.problems
    assert told.text.startswith("The change was not made, and the run goes on as it was")
    assert losses(finish(run)) == losses(train(made, tmp_path / "straight"))


def test_wrong_settings_are_told_and_the_run_goes_on(tmp_path):
    made = iris()
    run = paused(made, tmp_path / "run", 3)
    phase = replace(made.plan.phases[0], optimizer=Setting(key="adam", values={"learning_rate": -1.0}))
    assert change(run, planned(made, phases=(phase,))).data["taken"] is False
    frozen = edits.set_values(made, {id: {"trainable": False} for id in ("hidden", "scores")})
    assert change(run, frozen).data["taken"] is False
    assert losses(finish(run)) == losses(train(made, tmp_path / "straight"))


def test_seed_and_data_stay(tmp_path):
    run = paused(iris(), tmp_path / "run", 1)
    told = change(run, planned(iris(), seed=4))
    assert told.data["taken"] is False
    assert [problem.field for problem in told.problems] == ["seed"]
    finish(run)


# Going back ----------------------------------------------------------------------------------------------------------


def gone_back(run: Run, told: Event) -> None:
    """Go back to before a change."""
    answer = change(run, read_document(told.data["document"]), told.data["state"])
    assert answer.data["back"] == told.data["number"]
    assert run.of("rewind")[-1].data["rewound"] == told.step


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


def test_a_layer_gets_a_rate_of_its_own(tmp_path):
    made = with_optimizer(iris(), "sgd", learning_rate=0.1)
    run = paused(made, tmp_path / "run", 3)
    phase = replace(made.plan.phases[0], groups=(Group(nodes=("hidden",), rate=0.0), Group()))
    told = change(run, planned(made, phases=(phase,)))
    assert told.data["settings"] == ["parameter groups changed"]
    before, after = hidden_weights(finish(run), told)
    assert torch.equal(before, after)


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
