"""Parameters that come in the middle of a run reach their full rate slowly; optimizers hand on their memory."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netbuilder.document.model import Group, Phase, Setting
from netbuilder.training import optimizers
from netbuilder.training.batches import Batch
from netbuilder.training.optimizer_memory import hand_on
from netbuilder.training.updates import WARM_UP, Updater, UpdateSettings

ROWS = torch.linspace(-1, 1, 12).reshape(4, 3)


def losses(model: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
    return {"loss": model(batch["x"]).square().sum()}


def updater(model: nn.Module, key: str = "sgd", **values: object) -> Updater:
    phase = Phase(optimizer=Setting(key=key, values={"learning_rate": 0.01, **values}))
    return Updater(phase, losses, [(Group(), list(model.parameters()))], UpdateSettings(clip_norm=0, steps=1000))


def rates(made: Updater) -> dict[int, float]:
    """Return how many parameters a group has -> its rate."""
    return {len(group["params"]): group["lr"] for group in made.optimizer.param_groups}


def test_what_is_new_rises_to_its_full_rate_beside_the_rest():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3, bias=False))
    made = updater(model)
    made.warm({model[1].weight: 50})
    seen = []
    for step in (50, 99, 149, 150, 151):
        made.run(model, [{"x": ROWS}], step)
        seen.append(rates(made))
    assert [each[1] for each in seen] == pytest.approx([0.0001, 0.005, 0.01, 0.01, 0.01])
    assert all(each[2] == 0.01 for each in seen)
    assert not made.warming


def test_a_group_that_is_all_new_is_not_split():
    model = nn.Linear(3, 3)
    made = updater(model)
    made.warm({model.weight: 7, model.bias: 7})
    made.run(model, [{"x": ROWS}], 7)
    assert rates(made) == {2: pytest.approx(0.01 / WARM_UP)}


def stepped(key: str, **values: object) -> tuple[nn.Linear, Updater]:
    torch.manual_seed(0)
    model = nn.Linear(3, 3)
    made = updater(model, key, **values)
    for step in range(3):
        made.run(model, [{"x": ROWS}], step)
    return model, made


def settings(before: Updater, key: str, values: dict[str, object]) -> tuple[Setting, Setting]:
    return before.setting, Setting(key=key, values={"learning_rate": 0.01, **values})


@pytest.mark.parametrize("key", [spec.key for spec in optimizers.registry()])
def test_a_new_optimizer_of_the_same_kind_goes_on_to_the_last_bit(key):
    (one, straight), (other, before) = stepped(key), stepped(key)
    after = updater(other, key)
    hand_on(after.optimizer, settings(before, key, {}), lambda each: before.optimizer.state[each])
    straight.run(one, [{"x": ROWS}], 3)
    after.run(other, [{"x": ROWS}], 3)
    assert torch.equal(one.weight, other.weight)


CHANGES = [
    ("sgd", {"momentum": 0.0}, "sgd", {"momentum": 0.9}, False),  # there is nothing to remember yet
    ("sgd", {"momentum": 0.9}, "sgd", {"momentum": 0.0}, False),
    ("sgd", {"momentum": 0.9}, "sgd", {"momentum": 0.5, "nesterov": True}, True),
    ("rmsprop", {}, "rmsprop", {"momentum": 0.9}, True),
    ("rmsprop", {"momentum": 0.9}, "rmsprop", {"momentum": 0.0}, True),
    ("adam", {}, "adamw", {}, True),
    ("sgd", {"momentum": 0.9}, "adam", {}, False),
    ("adam", {}, "nadam", {}, False),
]


@pytest.mark.parametrize(("key", "values", "to", "changed", "keeps"), CHANGES)
def test_settings_that_need_more_memory_or_less_go_on(key, values, to, changed, keeps):
    model, before = stepped(key, **values)
    after = updater(model, to, **changed)
    hand_on(after.optimizer, settings(before, to, changed), lambda each: before.optimizer.state[each])
    assert bool(after.optimizer.state.get(model.weight)) is keeps
    for name in after.optimizer.state[model.weight].keys() & before.optimizer.state[model.weight].keys():
        assert torch.equal(after.optimizer.state[model.weight][name], before.optimizer.state[model.weight][name])
    after.run(model, [{"x": ROWS}], 3)
    assert bool(torch.isfinite(model.weight).all())
