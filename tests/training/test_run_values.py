"""What runs are compared by: everything is found, named, and told apart."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from netbuilder.document.model import Group, Phase, Setting
from netbuilder.training.run_store import Marks
from netbuilder.training.run_values import (
    differing,
    keys_of,
    lower_is_better,
    plan_values,
    run_name,
    run_state,
    same_but_seed,
    title_of,
    values_of,
)
from tests.training.stored_runs import plan_of, record_of

HERE = Path("/nowhere")


def test_a_plan_lies_flat():
    flat = plan_values(asdict(plan_of(0.01, batch_size=32)))
    assert (flat["optimizer"], flat["learning_rate"], flat["batch_size"]) == ("adam", 0.01, 32)
    assert "phases" not in flat
    assert "groups" not in flat
    plan = plan_of()
    two = replace(
        plan,
        phases=(
            Phase(name="generator", optimizer=Setting(key="sgd", values={"learning_rate": 1.0})),
            Phase(name="critic", groups=(Group(nodes=("a", "b"), rate=0.1),)),
        ),
    )
    flat = plan_values(asdict(two))
    assert (flat["generator.optimizer"], flat["generator.learning_rate"]) == ("sgd", 1.0)
    assert flat["critic.groups"] == "2 at 0.1"


def test_a_strange_plan_does_no_harm():
    assert plan_values({"phases": [3, {"optimizer": 7, "groups": ["x"]}], "epochs": [1, 2], "extra": {"k": 1}}) == {
        "updates": 1,
        "epochs": "1, 2",
    }


def test_where_a_run_stands():
    ended, open_ = record_of(HERE, "a", reason="stopped"), record_of(HERE, "b", ended=None, reason="")
    assert run_state(ended, False) == "stopped"
    assert run_state(open_, False) == "interrupted"
    assert run_state(open_, True) == "running"


def test_values_and_their_names():
    record = record_of(HERE, "a", results={"best": {"loss": 0.25}, "last": {"loss": 0.5, "train_loss": None}})
    values = values_of(record)
    assert (values["name"], values["duration"], values["best/loss"], values["last/loss"]) == ("a", 42, 0.25, 0.5)
    assert values["last/train_loss"] is None
    assert values["test/accuracy"] == 0.9
    assert "plan/seed" not in values
    assert run_name(replace(record, marks=Marks(name="mine"))) == "mine"
    titles = {key: title_of(key) for key in values}
    assert titles["best/loss"] == "Best loss"
    assert titles["plan/learning_rate"] == "Learning rate"
    assert title_of("test/r2") == "Test R²"
    assert all(titles.values())


def test_a_run_in_progress_has_lasted_until_now():
    record = record_of(HERE, "a", ended=None, reason="")
    assert values_of(record, True, record.started + 7)["duration"] == 7
    assert values_of(record)["duration"] is None


def test_columns_stand_in_order_and_tell_what_differs():
    rows = [values_of(record_of(HERE, name, plan=plan_of(rate))) for name, rate in (("a", 1e-3), ("b", 1e-2))]
    keys = keys_of(rows)
    assert keys.index("name") < keys.index("test/loss") < keys.index("plan/optimizer")
    assert differing(rows, [key for key in keys if key.startswith("plan/")]) == ["plan/learning_rate"]
    assert differing(rows[:1], keys) == []


def test_less_of_a_loss_is_better():
    assert lower_is_better("best/loss")
    assert lower_is_better("test/out.mae")
    assert not lower_is_better("best/accuracy")


def test_runs_that_differ_in_their_seed_alone():
    first, second = (record_of(HERE, name, plan=plan_of(seed=seed)) for name, seed in (("a", 0), ("b", 1)))
    assert same_but_seed(first) == same_but_seed(second)
    assert same_but_seed(first) != same_but_seed(replace(second, parameters=7))
    assert same_but_seed(first) != same_but_seed(record_of(HERE, "c", plan=plan_of(0.5)))
