"""Sessions: they learn, repeat exactly, keep the best and record what they did."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from netbuilder.compiler.module import build
from netbuilder.data.preparation import prepare
from netbuilder.document.edits import apply
from netbuilder.document.model import PortRef
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.data_fingerprint import fingerprint
from netbuilder.training.protocol import State
from netbuilder.training.run_store import RunStore
from tests.builders import node, tiny_cnn, tiny_mlp
from tests.training import documents
from tests.training.documents import fail, iris, planned, train

BOTH_HOSTS = True
"""See `conftest`."""

KINDS = {
    "classification": (
        lambda: documents.with_optimizer(iris(), "adam", learning_rate=0.02),
        {"loss", "accuracy", "precision", "recall", "f1"},
    ),
    "images": (
        lambda: documents.with_optimizer(planned(tiny_cnn(4), epochs=1), "adam", learning_rate=0.02),
        {"loss", "accuracy", "precision", "recall", "f1"},
    ),
    "regression": (lambda: planned(documents.diabetes(), epochs=8), {"loss", "mae", "rmse", "r2"}),
    "binary": (lambda: planned(documents.binary(), epochs=8), {"loss", "accuracy", "precision", "recall", "f1"}),
    "sequence": (
        lambda: documents.with_optimizer(documents.rows_lstm(), "adam", learning_rate=0.02),
        {"loss", "accuracy", "precision", "recall", "f1"},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_network_learns(kind, tmp_path):
    make, metrics = KINDS[kind]
    made = make()
    run = train(made, tmp_path / "run")
    assert run.host.state is State.ENDED
    losses = run.series("loss/train")
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])
    assert set(run.end.data["test"]) == metrics
    assert run.end.data["reason"] == "finished"
    assert [event.data["epoch"] for event in run.of("epoch")] == list(range(1, made.plan.epochs + 1))
    assert len(run.series("loss/validation")) == made.plan.epochs
    assert (tmp_path / "run" / "best.safetensors").is_file()
    assert (tmp_path / "run" / "last.safetensors").is_file()


def test_equal_seeds_give_equal_runs_and_others_do_not(tmp_path):
    made = iris(8, node("act", "relu"), node("drop", "dropout"))
    first, second = train(made, tmp_path / "a"), train(made, tmp_path / "b")
    assert first.series("loss/train") == second.series("loss/train")
    assert first.series("loss/validation") == second.series("loss/validation")
    assert first.end.data["test"] == second.end.data["test"]
    other = train(planned(made, seed=1), tmp_path / "c")
    assert other.series("loss/train") != first.series("loss/train")


def test_early_stopping_keeps_the_best_weights(tmp_path):
    made = documents.with_optimizer(planned(iris(), epochs=200, patience=3), "sgd", learning_rate=2.0, momentum=0.95)
    run = train(made, tmp_path / "run")
    losses = run.series("loss/validation")
    best = losses.index(min(losses)) + 1
    assert run.end.data["reason"] == "early stopping"
    assert len(losses) == best + 3 < 200
    assert run.end.data["best_epoch"] == best
    assert load_checkpoint(tmp_path / "run" / "best.safetensors").about["epoch"] == best


def test_the_monitor_may_be_a_metric(tmp_path):
    run = train(planned(iris(), epochs=10, monitor="accuracy"), tmp_path / "run")
    accuracies = run.series("accuracy/validation")
    assert run.end.data["best_epoch"] == accuracies.index(max(accuracies)) + 1


def test_the_test_part_is_scored_with_the_best_weights(tmp_path):
    made = iris()
    run = train(made, tmp_path / "run")
    model = build(made)
    model.load_state_dict(dict(load_checkpoint(tmp_path / "run" / "best.safetensors").tensors))
    part = prepare(made.graph.nodes["data"]).parts["test"]
    chosen = model.eval()(torch.tensor(part["features"])).argmax(1)
    assert run.end.data["test"]["accuracy"] == pytest.approx(
        (chosen == torch.tensor(part["label"])).float().mean().item()
    )


def test_errors_are_in_the_targets_own_units_and_the_loss_is_not(tmp_path):
    made = documents.diabetes()
    run = train(made, tmp_path / "run")
    model = build(made)
    model.load_state_dict(dict(load_checkpoint(tmp_path / "run" / "best.safetensors").tensors))
    prepared = prepare(made.graph.nodes["data"])
    part, scale = prepared.parts["test"], prepared.fitted["target"]
    errors = model.eval()(torch.tensor(part["features"])).detach().numpy() - part["target"]
    test = run.end.data["test"]
    assert test["loss"] == pytest.approx((errors**2).mean(), rel=1e-4)
    assert test["mae"] == pytest.approx(np.abs(errors * scale.std).mean(), rel=1e-4)
    assert test["rmse"] == pytest.approx(((errors * scale.std) ** 2).mean() ** 0.5, rel=1e-4)
    assert test["mae"] > 20, "the disease's progression is counted in hundreds"


def test_checkpoints_say_which_node_each_weight_is_of(tmp_path):
    train(iris(), tmp_path / "run")
    checkpoint = load_checkpoint(tmp_path / "run" / "best.safetensors")
    assert checkpoint.paths["hidden.weight"] == "hidden"
    assert set(checkpoint.paths) == set(checkpoint.tensors)


def test_the_run_store_holds_what_was_told(tmp_path):
    made = planned(tiny_mlp(8), epochs=3)
    run = train(made, tmp_path / "x.runs" / "run7")
    store = RunStore.open(tmp_path / "x.runs")
    (record,) = store.list_runs()
    assert (record.id, record.reason, record.steps, record.seed) == ("run7", "finished", run.end.step, 0)
    assert record.ended >= record.started
    assert record.test == run.end.data["test"]
    assert record.best_epoch == run.end.data["best_epoch"]
    assert record.versions["torch"] == torch.__version__
    assert record.data["digits"] == prepare(made.graph.nodes["digits"]).schema.source
    assert record.content == {"digits": fingerprint(prepare(made.graph.nodes["digits"]))}
    assert record.parameters == 64 * 8 + 8 + 8 * 10 + 10
    assert (record.epochs, record.results["best"]) == (3, run.of("epoch")[record.best_epoch - 1].data["metrics"])
    assert '"flatten"' in store.run("run7").document
    assert record.plan["epochs"] == 3
    names = {name for told in run.telemetry for name in told.series}
    assert set(store.names("run7")) == names
    for name in names:
        assert store.series("run7", name).values.tolist() == run.series(name)
        assert store.series("run7", name).steps.tolist() == run.steps(name)
    assert [event.kind for event in store.events("run7")] == [event.kind for event in run.events]


def test_a_run_is_recorded_whatever_happens_before_its_first_step(tmp_path):
    table = tmp_path / "rows.csv"
    table.write_text("a,kind\n,x\n" + "1,x\n2,y\n" * 30)
    body = [node("out", "linear", units=2)]
    noted = planned(
        documents.network("data.table", body, "cross_entropy", "features", "label", file=str(table)), epochs=1
    )
    run = train(noted, tmp_path / "x.runs" / "noted")
    assert any("left out" in event.text for event in run.of("log"))
    table.write_text("a,kind\n1,x\n2,y\n")
    failed = fail(noted, tmp_path / "x.runs" / "failed")
    assert [event.kind for event in failed.events] == ["problem", "end"]
    store = RunStore.open(tmp_path / "x.runs")
    assert {record.id: record.reason for record in store.list_runs()} == {"noted": "finished", "failed": "failed"}
    for name, told in (("noted", run), ("failed", failed)):
        assert [event.kind for event in store.events(name)] == [event.kind for event in told.events]
    assert len(store.series("noted", "loss/train").steps) == run.end.step


def test_data_that_changed_since_they_were_drawn_for_are_told_with_a_fix(tmp_path):
    table = tmp_path / "rows.csv"
    table.write_text("a,kind\n" + "1,x\n2,y\n" * 30)
    body = [node("out", "linear", units=2)]
    made = documents.network("data.table", body, "cross_entropy", "features", "label", file=str(table))
    table.write_text("a,b,kind\n" + "1,5,x\n2,6,y\n" * 30)
    (event,) = fail(made, tmp_path / "run").of("problem")
    (problem,) = event.problems
    assert (problem.code, problem.node) == ("data.changed", "data")
    mended = apply(made, problem.fixes[0].edit, problem.fixes[0].arguments)
    assert mended.schemas["data"].fields[0].dims == (2,)
    assert train(planned(mended, epochs=1), tmp_path / "again").end.data["reason"] == "finished"


def test_a_second_run_in_the_same_folder_takes_the_place_of_the_first(tmp_path):
    train(planned(iris(), epochs=2), tmp_path / "x.runs" / "run")
    second = train(planned(iris(), epochs=1, seed=5), tmp_path / "x.runs" / "run")
    store = RunStore.open(tmp_path / "x.runs")
    (record,) = store.list_runs()
    assert (record.seed, record.steps) == (5, second.end.step)
    assert store.series("run", "loss/train").values.tolist() == second.series("loss/train")


def test_without_a_validation_part_training_still_works(tmp_path, monkeypatch):
    from netbuilder.training import reading

    def without(each, base, job):
        made = prepare(each, base, job)
        nothing = {name: column[:0] for name, column in made.parts["test"].items()}
        return replace(made, parts={"train": made.parts["train"], "validation": nothing, "test": nothing})

    monkeypatch.setattr(reading, "prepare", without)
    made = iris()
    run = train(planned(made, patience=2, epochs=5, monitor="accuracy"), tmp_path / "run")
    assert run.end.data["reason"] == "finished"
    assert run.end.data["test"] == {}
    assert run.series("loss/validation") == []
    means = np.reshape(run.series("loss/train"), (5, -1)).mean(axis=1)
    assert run.end.data["best_epoch"] == means.argmin() + 1
    assert [problem.code for event in run.of("problem") for problem in event.problems] == ["plan.monitor"]


def test_a_monitor_that_there_is_not_is_a_warning(tmp_path):
    run = train(planned(documents.diabetes(), monitor="accuracy"), tmp_path / "run")
    (problem,) = [problem for event in run.of("problem") for problem in event.problems]
    assert problem.code == "plan.monitor"
    assert not problem.is_error
    losses = run.series("loss/validation")
    assert run.end.data["best_epoch"] == losses.index(min(losses)) + 1


@pytest.mark.gpu
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_network_learns_on_a_gpu(kind, tmp_path):
    from netbuilder.training.protocol import Start
    from netbuilder.training.thread_host import ThreadHost

    run = documents.Run(ThreadHost(), tmp_path / "run")
    run.host.send(Start(document=KINDS[kind][0](), folder=str(tmp_path / "run"), device="cuda:0"))
    run.finish()
    losses = run.series("loss/train")
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])
    assert set(run.end.data["test"]) == KINDS[kind][1]


def test_nothing_is_left_behind(tmp_path):
    import sys

    threads, interval, intra = threading.active_count(), sys.getswitchinterval(), torch.get_num_threads()
    state = torch.get_rng_state()
    train(iris(), tmp_path / "run")
    assert threading.active_count() == threads
    assert sys.getswitchinterval() == interval
    assert torch.get_num_threads() == intra
    assert torch.is_tensor(state)
    assert sorted(entry.name for entry in (tmp_path / "run").iterdir()) == [
        "best.safetensors",
        "last.safetensors",
        "state.safetensors",
    ]


def test_unused_edges_of_the_helper_are_real():
    # The recurrent document rewires a port by hand: a typo there would make its test pass on something else.
    made = documents.rows_lstm()
    assert made.graph.edges[PortRef("scores", "x")] == PortRef("lstm", "state")
