"""States: one is put back whole, also into a run that has since come to more, and what is none is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from netbuilder.document.model import Document, Setting
from netbuilder.training.protocol import Rewind, Snapshot, Step
from netbuilder.training.run_store import RunStore
from tests.training.changes import at_rest, finish, paused
from tests.training.documents import iris, planned, train, with_optimizer

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
