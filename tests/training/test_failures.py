"""Failures: what goes wrong in a session is told in plain words, and the record is closed."""

from __future__ import annotations

import sys
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from netbuilder.data.preparation import prepare
from netbuilder.document.edits import apply
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.failures import out_of_memory
from netbuilder.training.network import Network
from netbuilder.training.protocol import State
from netbuilder.training.run_store import RunStore
from tests.builders import node
from tests.training import documents
from tests.training.documents import fail, iris, planned, saved_weights, train

BOTH_HOSTS = True
"""See `conftest`."""


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
    run = fail(make(), tmp_path / "run")
    (problem,) = [problem for event in run.of("problem") for problem in event.problems]
    assert problem.code == "training.not_finite"
    assert problem.node
    assert node_id in (None, problem.node)
    losses = run.series("loss/train")
    assert np.isfinite(losses).all()
    assert f"step {len(losses) + 1}" in problem.message
    weights = saved_weights(tmp_path / "run")
    assert all(torch.isfinite(weight).all() for weight in weights.values() if weight.is_floating_point())


@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
def test_a_gradient_that_is_no_number_stops_before_the_update(clip_norm, tmp_path):
    # The root of 0 is fine, but its slope there is infinite, and infinity times the slope of a square is no number.
    made = planned(iris(8, node("drop", "dropout"), node("two", "square"), node("root", "sqrt")), clip_norm=clip_norm)
    run = fail(made, tmp_path / "run")
    (problem,) = [problem for event in run.of("problem") for problem in event.problems]
    assert problem.code == "training.not_finite"
    assert problem.node == "hidden"
    assert "gradient_norm = nan" in problem.message
    assert "hidden is the first layer whose gradient is not finite" in problem.message
    assert f"step {run.end.step + 1}:" in problem.message
    assert f"The weights of step {run.end.step} are kept" in problem.message
    assert all(torch.isfinite(weight).all() for weight in saved_weights(tmp_path / "run").values())


@pytest.mark.parametrize("names", [("save_last",), ("save_best",), ("save_last", "save_best")])
def test_a_loss_that_is_no_number_is_told_before_a_full_disk(names, tmp_path, monkeypatch):
    from netbuilder.training.keeper import Keeper

    def full(*_):
        raise NetbuilderError(Problem(code="save.full", message="the disk is full"))

    def spoil(self, *given):
        for name in names:
            monkeypatch.setattr(Keeper, name, full)
        return first_not_finite(self, *given)

    first_not_finite = Network.first_not_finite
    monkeypatch.setattr(Network, "first_not_finite", spoil)
    run = fail(iris(8, node("bad", "log")), tmp_path / "run")
    told = [problem for event in run.of("problem") for problem in event.problems]
    assert [problem.code for problem in told] == ["training.not_finite"] + ["save.full"] * len(names)
    assert told[0].node == "bad"
    assert ("are kept" in told[0].message) is ("save_last" not in names)


def test_a_loss_that_is_no_number_is_told_before_weights_that_cannot_be_read(tmp_path, monkeypatch):
    from netbuilder.training import keeper

    def damaged(path):
        raise NetbuilderError(Problem(code="checkpoint.damaged", message="the file is damaged"))

    monkeypatch.setattr(keeper, "load_checkpoint", damaged)
    monkeypatch.setattr(keeper.Keeper, "is_finite", lambda self: False)
    run = fail(iris(8, node("bad", "log")), tmp_path / "run")
    told = [problem.code for event in run.of("problem") for problem in event.problems]
    assert told == ["training.not_finite", "checkpoint.damaged"]


def test_not_finite_data_is_blamed_on_the_data(tmp_path, monkeypatch):
    from netbuilder.training import reading

    def poisoned(each, base, job):
        made = prepare(each, base, job)
        features = made.parts["train"]["features"].copy()
        features[5, 1] = np.nan
        return replace(made, parts={**made.parts, "train": {**made.parts["train"], "features": features}})

    monkeypatch.setattr(reading, "prepare", poisoned)
    run = fail(iris(), tmp_path / "run")
    assert [problem.node for event in run.of("problem") for problem in event.problems] == ["data"]


@pytest.mark.parametrize("place", ["forward", "backward", "step"])
def test_running_out_of_memory_is_a_problem_with_advice(place, tmp_path, monkeypatch):
    left = []

    def full(*_, **__):
        large = torch.zeros(1000)
        left.append(weakref.ref(large))
        raise torch.OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 16.00 GiB of which"
            " 512.00 MiB is free."
        )

    if place == "backward":
        monkeypatch.setattr(torch.Tensor, "backward", full)
    elif place == "forward":
        monkeypatch.setattr(torch.nn.functional, "cross_entropy", full)
    else:
        monkeypatch.setattr(sys.modules[torch.optim.Adam.__module__], "adam", full)  # which its step calls
    run = fail(iris(), tmp_path / "run")
    (problem,) = [problem for event in run.of("problem") for problem in event.problems]
    assert problem.code == "training.memory"
    assert "2.1 GB more were needed, 537 MB free." in problem.message
    assert "batch size of 8" in problem.message
    assert [each() for each in left] == [None], "what the failed step had made is given back"
    fix, several = problem.fixes
    assert several.arguments == {"values": {"batch_size": 8, "accumulation": 2}}

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


@pytest.mark.parametrize("place", ["saving", "testing"])
def test_a_defect_of_ours_at_the_end_is_recorded_as_a_failure(place, tmp_path, monkeypatch):
    from netbuilder.training.trainer import Trainer

    evaluate = Trainer._evaluate
    if place == "saving":
        monkeypatch.setattr(Trainer, "_save", lambda _: 1 / 0)
    else:
        monkeypatch.setattr(Trainer, "_evaluate", lambda self, part: 1 / 0 if part == "test" else evaluate(self, part))
    run = documents.begin(iris(), tmp_path / "x.runs" / "run")
    assert run.host.wait(60)
    run.drain()
    assert run.host.state is State.FAILED
    assert run.end.data["reason"] == "failed"
    (crash,) = run.of("crash")
    assert "ZeroDivisionError" in crash.text
    assert "in finish" in crash.data["traceback"]
    store = RunStore.open(tmp_path / "x.runs")
    assert store.list_runs()[0].reason == "failed"
    assert [event.kind for event in store.events("run")][-2:] == ["crash", "end"]


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
    run = fail(spoil(iris()), tmp_path / "run")
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
    run = fail(iris(), tmp_path / "file" / "run")
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


@pytest.mark.parametrize(("size", "accumulation"), [(2, 1), (64, 10_000)])
def test_what_is_offered_when_memory_ran_out_is_accepted(size, accumulation):
    made = planned(iris(), batch_size=size, accumulation=accumulation)
    fixes = out_of_memory(made.plan, MemoryError()).fixes
    assert len(fixes) == 2
    for fix in fixes:
        assert apply(made, fix.edit, fix.arguments).plan.batch_size == size // 2
