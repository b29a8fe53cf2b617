"""Updates: the session's loop equals one by hand, and each phase and group changes what is its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from netbuilder.compiler.module import build
from netbuilder.data.preparation import prepare
from netbuilder.document.model import Document, Group, Setting
from netbuilder.training import optimizers, schedules
from netbuilder.training.batches import batch_sizes, shuffling
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.protocol import Resume, State, Step
from tests.builders import node, tiny_cnn
from tests.training import documents
from tests.training.documents import iris, planned, saved_weights, train


def _by_hand(made: Document) -> list[float]:
    """Train as people write it, with torch's own classes, in the same order of rows."""
    plan = made.plan
    parts = prepare(made.graph.nodes["data"]).parts["train"]
    features, labels = torch.tensor(parts["features"]), torch.tensor(parts["label"])
    model = build(made)
    phase = plan.phases[0]
    text = optimizers.source(phase.optimizer, "model.parameters()", fused="True")
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


def test_a_plateau_lowers_the_rate_by_the_validation_loss(tmp_path):
    made = documents.with_optimizer(iris(), "sgd", learning_rate=0.1)
    setting = Setting(key="plateau", values={"patience": 0, "threshold": 0.9, "gamma": 0.5})  # never good enough
    made = planned(made, phases=(replace(made.plan.phases[0], schedule=setting),))
    run = train(made, tmp_path / "run")
    told = dict(zip(run.steps("learning_rate"), run.series("learning_rate"), strict=True))
    assert [told[step] for step in (7, 14, 21, 28)] == [0.1, 0.1, 0.05, 0.025]


def test_clipping_equals_by_hand_and_tells_the_norm(tmp_path):
    made = planned(iris(), clip_norm=0.1)
    run = train(made, tmp_path / "run")
    assert run.series("loss/train") == _by_hand(made)
    assert len(run.series("gradient_norm")) == run.end.step
    assert max(run.series("gradient_norm")) > 0.1


def _sizes(made: Document) -> list[int]:
    return batch_sizes(len(prepare(made.graph.nodes["data"]).parts["train"]["label"]), made.plan.batch_size)


def test_accumulated_batches_equal_one_larger_batch(tmp_path):
    made = documents.with_optimizer(iris(), "sgd", "cosine", learning_rate=0.1)
    large = train(planned(made, batch_size=24), tmp_path / "large")
    small = train(planned(made, batch_size=8, accumulation=3), tmp_path / "small")
    assert _sizes(planned(made, batch_size=8))[-1] != 8, "the last batch is smaller, and must weigh less"
    assert large.end.step == small.end.step == 4 * len(_sizes(planned(made, batch_size=24)))
    np.testing.assert_allclose(small.series("loss/train"), large.series("loss/train"), rtol=1e-5)
    for key, weight in saved_weights(tmp_path / "large").items():
        torch.testing.assert_close(saved_weights(tmp_path / "small")[key], weight)


def test_accumulation_of_a_mean_is_not_the_mean_of_updates(tmp_path):
    made = documents.with_optimizer(iris(), "sgd", learning_rate=0.1)
    single = train(planned(made, batch_size=8), tmp_path / "single")
    several = train(planned(made, batch_size=8, accumulation=3), tmp_path / "several")
    assert single.end.step > several.end.step
    assert single.series("loss/train")[:4] != several.series("loss/train")[:4]


def test_the_running_average_equals_one_by_hand_and_is_what_is_judged(tmp_path):
    made = planned(documents.with_optimizer(iris(), "sgd", learning_rate=0.1), batch_size=32, ema_decay=0.6)
    plain = train(planned(made, ema_decay=0.0), tmp_path / "plain")
    run = train(made, tmp_path / "run")
    assert run.series("loss/train") == plain.series("loss/train"), "the average does not train"
    plan, phase = made.plan, made.plan.phases[0]
    parts = prepare(made.graph.nodes["data"]).parts["train"]
    features, labels = torch.tensor(parts["features"]), torch.tensor(parts["label"])
    model = build(made)
    text = optimizers.source(phase.optimizer, "model.parameters()", fused="True")
    optimizer = eval(text, {"torch": torch, "model": model})
    average = {key: weight.double() for key, weight in model.state_dict().items()}
    generator, updates = shuffling(plan.seed, "data"), 0
    for _ in range(plan.epochs):
        order = torch.randperm(len(features), generator=generator)
        for rows in order[: sum(_sizes(made))].split(_sizes(made)):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(features[rows]), labels[rows]).backward()
            optimizer.step()
            updates += 1
            decay = min(0.6, (1 + updates) / (10 + updates))
            for key, weight in model.state_dict().items():
                average[key] = decay * average[key] + (1 - decay) * weight.double()
    last, averaged = (load_checkpoint(tmp_path / "run" / f"{name}.safetensors") for name in ("last", "average"))
    assert averaged.about["updates"] == updates
    for key, weight in model.state_dict().items():
        assert torch.equal(last.tensors[key], weight), "the last weights are those that train on"
        torch.testing.assert_close(averaged.tensors[key], average[key].float())
    assert run.series("loss/validation") != plain.series("loss/validation")
    model.load_state_dict(dict(averaged.tensors))
    held_out = prepare(made.graph.nodes["data"]).parts["validation"]
    with torch.inference_mode():
        scores = model(torch.tensor(held_out["features"]))
        loss = torch.nn.functional.cross_entropy(scores, torch.tensor(held_out["label"]))
    assert run.series("loss/validation")[-1] == pytest.approx(loss.item(), rel=1e-5)
    best = load_checkpoint(tmp_path / "run" / "best.safetensors")
    assert best.about["epoch"] == plan.epochs, "the loss falls all the time"
    assert all(torch.equal(best.tensors[key], averaged.tensors[key]) for key in average)


def test_pauses_change_nothing_about_accumulation_and_average(tmp_path):
    made = planned(documents.with_optimizer(iris(), "adam", "plateau"), batch_size=8, accumulation=2, ema_decay=0.9)
    through = train(made, tmp_path / "through")
    halting = documents.begin(made, tmp_path / "halting", Step(unit="step"), Step(unit="epoch"), paused=True)
    halting.until(lambda told: told.progress.step == through.end.step // 4)
    halting.command(Resume())
    halting.finish()
    for name in ("loss/train", "loss/validation"):
        assert halting.series(name) == through.series(name)
    for name in ("last", "average", "best"):
        one, other = (load_checkpoint(run.folder / f"{name}.safetensors") for run in (through, halting))
        assert all(torch.equal(one.tensors[key], other.tensors[key]) for key in one.tensors)


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


def test_a_frozen_layer_and_its_statistics_stay_as_they_are(tmp_path):
    made = planned(tiny_cnn(4), epochs=1)
    frozen = {
        id: replace(each, parameters={**each.parameters, "trainable": False}) if id in ("norm", "conv") else each
        for id, each in made.graph.nodes.items()
    }
    made = replace(made, graph=replace(made.graph, nodes=frozen))
    before = build(made).state_dict()
    train(made, tmp_path / "run")
    after = saved_weights(tmp_path / "run")
    same = {key.partition(".")[0] for key in before if torch.equal(before[key], after[key])}
    assert same == {"norm", "conv"}


def test_a_node_in_no_group_rests(tmp_path):
    made = planned(iris(), phases=(replace(iris().plan.phases[0], groups=(Group(nodes=("scores",)),)),))
    before = build(made).state_dict()
    train(made, tmp_path / "run")
    after = saved_weights(tmp_path / "run")
    assert torch.equal(before["hidden.weight"], after["hidden.weight"])
    assert not torch.equal(before["scores.weight"], after["scores.weight"])


def test_groups_have_rates_of_their_own(tmp_path):
    made = documents.with_optimizer(iris(), "sgd")
    phase = replace(made.plan.phases[0], groups=(Group(), Group(nodes=("hidden",), rate=0.0)))
    made = planned(made, phases=(phase,))
    before = build(made).state_dict()
    train(made, tmp_path / "run")
    after = saved_weights(tmp_path / "run")
    assert torch.equal(before["hidden.weight"], after["hidden.weight"])
    assert not torch.equal(before["scores.weight"], after["scores.weight"])


def test_seed_and_node_each_give_rows_another_order():
    orders = {tuple(torch.randperm(50, generator=shuffling(seed, node)).tolist()) for seed in range(3) for node in "ab"}
    assert len(orders) == 6
    again = torch.randperm(50, generator=shuffling(2, "b"))
    assert tuple(again.tolist()) in orders
