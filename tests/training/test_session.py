"""Sessions: they learn, repeat exactly, equal a loop by hand, and tell what went wrong."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from netbuilder.compiler.module import build
from netbuilder.data.preparation import prepare
from netbuilder.document.edits import apply
from netbuilder.document.model import Document, Group, PortRef, Setting
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import optimizers, schedules
from netbuilder.training.batches import batch_sizes, shuffling
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.protocol import State
from netbuilder.training.run_store import RunStore
from tests.builders import node, tiny_cnn, tiny_mlp
from tests.training import documents
from tests.training.documents import iris, planned, train

KINDS = {
    "classification": (
        lambda: documents.with_optimizer(iris(), "adam", learning_rate=0.02),
        {"loss", "accuracy", "precision", "recall", "f1"},
    ),
    "images": (
        lambda: documents.with_optimizer(planned(tiny_cnn(4), epochs=1), "adam", learning_rate=0.02),
        {"loss", "accuracy", "precision", "recall", "f1"},
    ),
    "regression": (documents.diabetes, {"loss", "mae", "rmse", "r2"}),
    "binary": (documents.binary, {"loss", "accuracy", "precision", "recall", "f1"}),
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


def _by_hand(made: Document) -> list[float]:
    """Train as people write it, with torch's own classes, in the same order of rows."""
    plan = made.plan
    parts = prepare(made.graph.nodes["data"]).parts["train"]
    features, labels = torch.tensor(parts["features"]), torch.tensor(parts["label"])
    model = build(made)
    phase = plan.phases[0]
    fused = "fused=True" if optimizers.find(phase.optimizer)[0].fused else ""
    text = optimizers.source(phase.optimizer, "model.parameters()", fused=bool(fused))
    optimizer = eval(text, {"torch": torch, "model": model})
    sizes = batch_sizes(len(features), plan.batch_size)
    total = len(sizes) * plan.epochs
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: schedules.factor(phase.schedule, step, total))
    generator = shuffling(plan.seed, "data")
    torch.manual_seed(plan.seed)
    losses = []
    for _ in range(plan.epochs):
        order = torch.randperm(len(features), generator=generator)
        for rows in order[: sum(sizes)].split(sizes):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(features[rows]), labels[rows])
            loss.backward()
            if plan.clip_norm:
                torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip_norm)
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
    return losses


@pytest.mark.parametrize("key", [spec.key for spec in optimizers.registry()])
@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_the_loop_equals_one_written_by_hand(key, schedule, tmp_path):
    made = documents.with_optimizer(iris(8, node("act", "relu"), node("drop", "dropout")), key, schedule)
    assert train(made, tmp_path / "run").series("loss/train") == _by_hand(made)


@pytest.mark.parametrize("schedule", [spec.key for spec in schedules.registry()])
def test_every_schedule_equals_one_by_hand_and_is_recorded(schedule, tmp_path):
    made = documents.with_optimizer(iris(), "sgd", schedule, learning_rate=0.1)
    run = train(made, tmp_path / "run")
    assert run.series("loss/train") == _by_hand(made)
    if schedule != "constant":
        steps = run.end.step
        told = dict(zip(run.steps("learning_rate"), run.series("learning_rate"), strict=True))
        setting = Setting(key=schedule)
        assert told[steps] == 0.1 * schedules.factor(setting, steps - 1, steps)


def test_clipping_equals_by_hand_and_tells_the_norm(tmp_path):
    made = planned(iris(), clip_norm=0.1)
    run = train(made, tmp_path / "run")
    assert run.series("loss/train") == _by_hand(made)
    assert len(run.series("gradient_norm")) == run.end.step
    assert max(run.series("gradient_norm")) > 0.1


def test_two_losses_are_summed_and_told_apart(tmp_path):
    run = train(documents.two_losses(), tmp_path / "run")
    total = np.add(run.series("loss.loss/train"), run.series("extra.loss/train"))
    np.testing.assert_allclose(run.series("loss/train"), total, rtol=1e-6)
    assert {"accuracy", "extra.accuracy", "loss", "loss.loss", "extra.loss"} <= set(run.end.data["test"])


def test_alternating_phases_update_what_is_theirs(tmp_path):
    run = train(documents.alternating(iris()), tmp_path / "run")
    losses = run.series("loss/train")
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert run.host.state is State.ENDED


def _weights(folder) -> dict[str, torch.Tensor]:
    return dict(load_checkpoint(folder / "last.safetensors").tensors)


def test_a_frozen_layer_and_its_statistics_stay_as_they_are(tmp_path):
    made = planned(tiny_cnn(4), epochs=1)
    frozen = {
        id: replace(each, parameters={**each.parameters, "trainable": False}) if id in ("norm", "conv") else each
        for id, each in made.graph.nodes.items()
    }
    made = replace(made, graph=replace(made.graph, nodes=frozen))
    before = build(made).state_dict()
    train(made, tmp_path / "run")
    after = _weights(tmp_path / "run")
    same = {key.partition(".")[0] for key in before if torch.equal(before[key], after[key])}
    assert same == {"norm", "conv"}


def test_a_node_in_no_group_rests(tmp_path):
    made = planned(iris(), phases=(replace(iris().plan.phases[0], groups=(Group(nodes=("scores",)),)),))
    before = build(made).state_dict()
    train(made, tmp_path / "run")
    after = _weights(tmp_path / "run")
    assert torch.equal(before["hidden.weight"], after["hidden.weight"])
    assert not torch.equal(before["scores.weight"], after["scores.weight"])


def test_groups_have_rates_of_their_own(tmp_path):
    made = documents.with_optimizer(iris(), "sgd")
    phase = replace(made.plan.phases[0], groups=(Group(), Group(nodes=("hidden",), rate=0.0)))
    made = planned(made, phases=(phase,))
    before = build(made).state_dict()
    train(made, tmp_path / "run")
    after = _weights(tmp_path / "run")
    assert torch.equal(before["hidden.weight"], after["hidden.weight"])
    assert not torch.equal(before["scores.weight"], after["scores.weight"])


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
    assert '"flatten"' in record.document
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
    failed = _fails(noted, tmp_path / "x.runs" / "failed")
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
    (event,) = _fails(made, tmp_path / "run").of("problem")
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
    from netbuilder.training import trainer

    def without(each, base, job):
        made = prepare(each, base, job)
        nothing = {name: column[:0] for name, column in made.parts["test"].items()}
        return replace(made, parts={"train": made.parts["train"], "validation": nothing, "test": nothing})

    monkeypatch.setattr(trainer, "prepare", without)
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


# -- what goes wrong --------------------------------------------------------------------------------------------------


def _fails(made: Document, folder) -> documents.Run:
    run = train(made, folder)
    assert run.host.state is State.FAILED
    assert run.end.data["reason"] == "failed"
    return run


@pytest.mark.parametrize(
    ("make", "node_id"),
    [
        # the logarithm of negative numbers, in the first forward pass
        (lambda: iris(8, node("bad", "log")), "bad"),
        (lambda: iris(8, node("act", "tanh"), node("bad", "sqrt")), "bad"),
        # a rate so high that weights overflow
        (lambda: documents.with_optimizer(iris(8, node("act", "relu")), "sgd", learning_rate=1e12), None),
        (lambda: documents.with_optimizer(documents.diabetes(), "sgd", learning_rate=1e10), None),
        (lambda: iris(8, *(node(f"exp{number}", "exp") for number in range(4))), None),
    ],
    ids=["log", "sqrt", "rate", "regression", "exp"],
)
def test_a_loss_that_is_no_number_stops_before_the_update(make, node_id, tmp_path):
    run = _fails(make(), tmp_path / "run")
    (problem,) = [problem for event in run.of("problem") for problem in event.problems]
    assert problem.code == "training.not_finite"
    assert problem.node
    assert node_id in (None, problem.node)
    losses = run.series("loss/train")
    assert np.isfinite(losses).all()
    assert f"step {len(losses) + 1}" in problem.message
    weights = _weights(tmp_path / "run")
    assert all(torch.isfinite(weight).all() for weight in weights.values() if weight.is_floating_point())


@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
def test_a_gradient_that_is_no_number_stops_before_the_update(clip_norm, tmp_path):
    # The root of 0 is fine, but its slope there is infinite, and infinity times the slope of a square is no number.
    made = planned(iris(8, node("drop", "dropout"), node("two", "square"), node("root", "sqrt")), clip_norm=clip_norm)
    run = _fails(made, tmp_path / "run")
    (problem,) = [problem for event in run.of("problem") for problem in event.problems]
    assert problem.code == "training.not_finite"
    assert problem.node == "hidden"
    assert "gradient_norm = nan" in problem.message
    assert "hidden is the first layer whose gradient is not finite" in problem.message
    assert f"step {run.end.step + 1}:" in problem.message
    assert f"The weights of step {run.end.step} are kept" in problem.message
    assert all(torch.isfinite(weight).all() for weight in _weights(tmp_path / "run").values())


def test_not_finite_data_is_blamed_on_the_data(tmp_path, monkeypatch):
    from netbuilder.training import trainer

    def poisoned(each, base, job):
        made = prepare(each, base, job)
        features = made.parts["train"]["features"].copy()
        features[5, 1] = np.nan
        return replace(made, parts={**made.parts, "train": {**made.parts["train"], "features": features}})

    monkeypatch.setattr(trainer, "prepare", poisoned)
    run = _fails(iris(), tmp_path / "run")
    assert [problem.node for event in run.of("problem") for problem in event.problems] == ["data"]


@pytest.mark.parametrize("place", ["forward", "step"])
def test_running_out_of_memory_is_a_problem_with_advice(place, tmp_path, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    if place == "forward":
        monkeypatch.setattr(torch.nn.functional, "cross_entropy", full)
    else:
        monkeypatch.setattr(torch.optim.Adam, "step", full)
    run = _fails(iris(), tmp_path / "run")
    (problem,) = [problem for event in run.of("problem") for problem in event.problems]
    assert problem.code == "training.memory"
    assert "batch size of 8" in problem.message
    (fix,) = problem.fixes
    from netbuilder.document.edits import apply

    assert apply(iris(), fix.edit, fix.arguments).plan.batch_size == 8
    monkeypatch.undo()
    assert train(iris(), tmp_path / "again").host.state is State.ENDED


def test_a_defect_of_ours_is_told_with_its_traceback(tmp_path, monkeypatch):
    from netbuilder.training.keeper import Keeper

    monkeypatch.setattr(Keeper, "offer", lambda *_: 1 / 0)
    run = documents.begin(iris(), tmp_path / "run")
    assert run.host.wait(60)
    run.drain()
    assert run.host.state is State.FAILED
    (crash,) = run.of("crash")
    assert "ZeroDivisionError" in crash.text
    assert "in end_epoch" in crash.data["traceback"]
    assert run.end.data["reason"] == "failed"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda made: replace(made, graph=replace(made.graph, edges={})), ""),
        (lambda made: documents.with_optimizer(made, "lion"), "knows no optimizer"),
        (lambda made: documents.with_optimizer(made, "adam", "spiral"), "knows no schedule"),
        (lambda made: documents.with_optimizer(made, "adam", learning_rate=-1.0), "Learning rate"),
        (lambda made: planned(made, phases=(replace(made.plan.phases[0], groups=()),)), "nothing to train"),
    ],
)
def test_mistakes_are_problems(spoil, words, tmp_path):
    run = _fails(spoil(iris()), tmp_path / "run")
    assert words in run.of("problem")[0].text
    assert all(event.problems for event in run.of("problem"))


def test_a_device_that_is_not_there_is_a_problem(tmp_path):
    from netbuilder.training.protocol import Start
    from netbuilder.training.thread_host import ThreadHost

    run = documents.Run(ThreadHost(), tmp_path)
    run.host.send(Start(document=iris(), folder=str(tmp_path / "run"), device="cuda:77"))
    run.finish()
    assert run.host.state is State.FAILED
    assert "no device called 'cuda:77'" in run.of("problem")[0].text


def test_a_folder_that_cannot_be_made_is_a_problem(tmp_path):
    (tmp_path / "file").write_text("in the way")
    run = _fails(iris(), tmp_path / "file" / "run")
    assert "cannot be made" in run.of("problem")[0].text


def test_a_damaged_run_store_does_not_stop_training(tmp_path):
    folder = tmp_path / "x.runs"
    folder.mkdir()
    (folder / "runs.sqlite").write_bytes(b"garbage" * 1000)
    run = train(iris(), folder / "run")
    assert run.host.state is State.ENDED
    assert [problem.code for event in run.of("problem") for problem in event.problems] == ["runs.set_aside"]
    assert RunStore.open(folder).list_runs()[0].reason == "finished"


@pytest.mark.parametrize("recovers", [True, False])
def test_a_full_disk_is_told_once_and_training_goes_on(recovers, tmp_path, monkeypatch):
    from netbuilder.training import keeper

    save, calls = keeper.save_checkpoint, []

    def full(path, checkpoint):
        calls.append(path)
        if len(calls) > 1 and not (recovers and len(calls) > 4):
            raise NetbuilderError(Problem(code="save.full", message="the disk is full"))
        return save(path, checkpoint)

    monkeypatch.setattr(keeper, "save_checkpoint", full)
    monkeypatch.setattr(keeper, "SAVE_SECONDS", 0.0)
    run = train(iris(), tmp_path / "run")
    assert len(run.of("epoch")) == 4
    assert run.host.state is (State.ENDED if recovers else State.FAILED)
    assert run.end.data["reason"] == ("finished" if recovers else "failed")
    codes = [problem.code for event in run.of("problem") for problem in event.problems]
    assert codes == ["save.full"] * (1 if recovers else 2)
    assert load_checkpoint(tmp_path / "run" / "last.safetensors").about["step"] == (28 if recovers else 0)


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
    assert sorted(entry.name for entry in (tmp_path / "run").iterdir()) == ["best.safetensors", "last.safetensors"]


def test_unused_edges_of_the_helper_are_real():
    # The recurrent document rewires a port by hand: a typo there would make its test pass on something else.
    made = documents.rows_lstm()
    assert made.graph.edges[PortRef("scores", "x")] == PortRef("lstm", "state")
