"""A run's network is edited while it goes on: what was learned stays."""

from __future__ import annotations

import pytest
import torch

from netbuilder.document import edits
from netbuilder.training.protocol import Step
from tests.builders import linear, node
from tests.training.changes import at_rest, change, finish, inserted, losses, paused
from tests.training.documents import (
    iris,
    saved_weights,
    train,
    two_losses,
    with_optimizer,
)

BOTH_HOSTS = True
"""See `conftest`."""


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
