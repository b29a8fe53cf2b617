"""States: one is put back whole, also into a run that has since come to more, and what is none is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from netbuilder.document.model import Document, Group, Setting
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training import amending
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.protocol import Rewind, Snapshot, Start, Step
from netbuilder.training.run_store import RunStore
from netbuilder.training.state import TrainingState, load_generation, load_state, save_generation, save_state
from tests.training import documents
from tests.training.changes import at_rest, change, finish, hidden_weights, losses, paused
from tests.training.documents import Run, iris, planned, train, with_optimizer

BOTH_HOSTS = True
"""See `conftest`."""


def falling() -> Document:
    """Return iris with a learning rate that drops after each epoch but the first: no loss is good enough."""
    made = with_optimizer(iris(), "sgd", learning_rate=0.1)
    schedule = Setting(key="plateau", values={"patience": 0, "threshold": 0.9999})
    return planned(made, phases=(replace(made.plan.phases[0], schedule=schedule),))


def rates(folder: Path) -> dict[int, float]:
    points = RunStore.open(folder.parent).series(folder.name, "learning_rate")
    return dict(zip(points.steps.tolist(), points.values.tolist(), strict=True))


def test_a_rewind_into_the_first_epoch_takes_the_drops_of_the_rate_back(tmp_path):
    run = paused(falling(), tmp_path / "run", 2)
    run.command(Snapshot())
    for _ in range(3):
        run.command(Step("epoch"))
    at_rest(run)
    run.command(Rewind(2))
    finish(run)
    train(falling(), tmp_path / "straight")
    straight = rates(tmp_path / "straight")
    assert min(straight.values()) < 0.1, "nothing dropped: this showed nothing"
    assert rates(tmp_path / "run") == straight


def average_of(run: Run) -> dict[str, torch.Tensor]:
    return dict(load_checkpoint(run.folder / "average.safetensors").tensors)


@pytest.mark.parametrize("comes_by", ["a rewind", "a new run"])
def test_an_average_begins_with_the_weights_of_a_state_that_has_none(comes_by, tmp_path):
    averaged = planned(iris(), ema_decay=0.9)
    straight = paused(iris(), tmp_path / "straight", 4)
    kept = change(straight, averaged).data["state"]
    finish(straight)
    if comes_by == "a rewind":
        run = paused(iris(), tmp_path / "run", 4)
        run.command(Snapshot())
        change(run, averaged)
        run.command(Step("epoch"))
        at_rest(run)
        run.command(Rewind(4))
        finish(run)
    else:
        run = Run(documents.new_host(), tmp_path / "run")
        run.host.send(Start(document=averaged, folder=str(run.folder), state=kept))
        run.finish()
    one, other = average_of(run), average_of(straight)
    assert all(torch.equal(one[key], other[key]) for key in other)


@pytest.fixture
def state(tmp_path) -> TrainingState:
    """A whole state, with all that a state may hold."""
    train(planned(iris(), epochs=1, ema_decay=0.9), tmp_path / "whole")
    return load_state(tmp_path / "whole" / "state.safetensors")


NEEDED = (
    "step", "epoch", "epoch_step", "pace", "without_better", "optimizer", "best", "updates", "rate", "plan", "data",
    "random",
)  # fmt: skip


def assert_refused(path: Path, state: TrainingState, found: str) -> None:
    save_state(path, state)
    with pytest.raises(NetbuilderError) as caught:
        load_state(path)
    (problem,) = caught.value.problems
    assert (problem.code, problem.found) == ("state.format", found)


@pytest.mark.thread_only
def test_a_state_without_one_of_its_values_is_refused(state, tmp_path):
    for name in NEEDED:
        about = {key: value for key, value in state.about.items() if key != name}
        assert_refused(tmp_path / "less.safetensors", replace(state, about=about), name)
        assert_refused(tmp_path / "other.safetensors", replace(state, about={**about, name: "seven"}), name)


@pytest.mark.thread_only
def test_a_state_without_one_of_its_tensors_is_refused(state, tmp_path):
    for name in ("losses/epoch", "losses/held_out", "random/cpu", "random/python", "random/numpy"):
        less = {key: tensor for key, tensor in state.tensors.items() if key != name}
        assert_refused(tmp_path / "less.safetensors", replace(state, tensors=less), name)
        more = {**less, name: torch.zeros(3, 3)}
        assert_refused(tmp_path / "other.safetensors", replace(state, tensors=more), name)


@pytest.mark.thread_only
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pace", [0, 0]),
        ("rate", [0.1, None]),
        ("optimizer", {"main": {"optimizer": "adam"}}),
        ("optimizer", {"main": 3}),
        ("best", {"epoch": 1, "step": 7}),
        ("random", {"python": [3], "numpy": [0, 0, 0.0]}),
        ("plan", {}),
    ],
)
def test_a_state_with_values_of_another_form_is_refused(name, value, state, tmp_path):
    assert_refused(tmp_path / "odd.safetensors", replace(state, about={**state.about, name: value}), name)


@pytest.mark.thread_only
def test_a_state_that_is_not_whole_gives_way_to_the_one_before(state, tmp_path):
    save_generation(tmp_path, state)
    save_generation(tmp_path, replace(state, about={**state.about, "pace": None}))
    found, warnings = load_generation(tmp_path)
    assert found.about["pace"] == state.about["pace"]
    assert [(each.code, each.is_error) for each in warnings] == [("state.format", False)]


def spoiled(path: str, **about: Any) -> None:
    """Write a state again with some of its values changed, sealed."""
    found = load_state(Path(path))
    save_state(Path(path), replace(found, about={**found.about, **about}))


def test_a_run_goes_on_as_it_was_when_a_state_is_not_whole(tmp_path):
    run = paused(iris(), tmp_path / "run", 2)
    path = change(run, planned(iris(), clip_norm=1e9)).data["state"]
    spoiled(path, pace=None)
    answer = change(run, iris(), path)
    assert answer.data["taken"] is False
    assert [problem.code for problem in answer.problems] == ["state.format"]
    assert losses(finish(run)) == losses(train(planned(iris(), clip_norm=1e9), tmp_path / "straight"))


def resting() -> Document:
    """Return iris whose plan leaves the hidden layer as it is; the network is the same."""
    return planned(iris(), phases=(replace(iris().plan.phases[0], groups=(Group(nodes=("scores",)),)),))


def test_weights_go_on_learning_when_a_state_is_of_another_optimizer(tmp_path):
    run = paused(resting(), tmp_path / "run", 2)
    told = change(run, iris())
    found = load_state(Path(told.data["state"])).about["optimizer"]
    spoiled(told.data["state"], optimizer={name: {**own, "optimizer": "sgd"} for name, own in found.items()})
    answer = change(run, resting(), told.data["state"])
    assert [problem.code for problem in answer.problems] == ["state.mismatch"]
    before, after = hidden_weights(finish(run), told)
    assert not torch.equal(before, after)


def test_weights_go_on_learning_when_a_change_finds_no_memory(tmp_path, monkeypatch):
    run = paused(iris(), tmp_path / "run", 3)

    def full(*given: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(amending, "WeightAverage", full)
        assert change(run, planned(resting(), ema_decay=0.9)).data["taken"] is False
    assert losses(finish(run)) == losses(train(iris(), tmp_path / "straight"))
