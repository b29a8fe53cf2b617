"""States: one is put back whole, also into a run that has since come to more, and what is none is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from netbuilder.document.model import Document, Setting
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.protocol import Rewind, Snapshot, Start, Step
from netbuilder.training.run_store import RunStore
from tests.training import documents
from tests.training.changes import at_rest, change, finish, paused
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
