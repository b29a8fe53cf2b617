"""A run's settings are changed while it goes on: what is not changed goes on to the last bit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from netbuilder.document import edits
from netbuilder.document.model import Group, Setting
from netbuilder.training.protocol import Change, Start, State, Step, Stop
from netbuilder.training.run_store import RunStore
from tests.builders import linear, node
from tests.training.changes import at_rest, change, finish, hidden_weights, inserted, losses, paused
from tests.training.documents import (
    begin,
    iris,
    planned,
    saved_weights,
    train,
    with_optimizer,
)

BOTH_HOSTS = True
"""See `conftest`."""


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


def test_a_layer_gets_a_rate_of_its_own(tmp_path):
    made = with_optimizer(iris(), "sgd", learning_rate=0.1)
    run = paused(made, tmp_path / "run", 3)
    phase = replace(made.plan.phases[0], groups=(Group(nodes=("hidden",), rate=0.0), Group()))
    told = change(run, planned(made, phases=(phase,)))
    assert told.data["settings"] == ["parameter groups changed"]
    before, after = hidden_weights(finish(run), told)
    assert torch.equal(before, after)


@pytest.mark.parametrize("epochs", [1, 2])
def test_who_goes_to_the_end_of_an_epoch_stops_there_though_batches_change(epochs, tmp_path):
    smaller = Change(document=planned(iris(), batch_size=8))
    run = begin(iris(), tmp_path / "run", *([Step("epoch")] * epochs), smaller, paused=True)
    run.until(lambda told: told.progress.state is State.PAUSED and told.progress.step > 0)
    assert run.telemetry[-1].progress.epoch == epochs
    assert run.telemetry[-1].progress.step == 14 * epochs, "of 106 rows"
    finish(run)
