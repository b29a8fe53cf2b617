"""Vitals: what is recorded of layers and the computer is right, and measuring it changes nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from mmap import mmap

import numpy as np
import pytest
import torch
from torch import nn

from netbuilder.document.model import Group, Phase, Setting
from netbuilder.training import series_names
from netbuilder.training.protocol import PictureKind, Resume, State, Step, Stop, Watch
from netbuilder.training.run_store import RunStore
from netbuilder.training.series_names import PROCESS, PROCESSOR, THROUGHPUT, is_of_layer, series_of
from netbuilder.training.system_meter import SystemMeter
from netbuilder.training.update_ratios import UpdateRatios
from netbuilder.training.updates import Updater, UpdateSettings
from tests.builders import node, tiny_cnn
from tests.training.documents import begin, iris, planned, train


@pytest.fixture
def every_step(monkeypatch):
    """Look after every step."""
    monkeypatch.setattr("netbuilder.training.probe.SECONDS", 0.0)
    monkeypatch.setattr("netbuilder.training.probe.SHARE", 1e9)
    monkeypatch.setattr("netbuilder.training.session.REPORT_SECONDS", 0.0)


def _updater(model: nn.Module, rate: float = 0.1) -> Updater:
    phase = Phase(name="main", optimizer=Setting(key="sgd", values={"learning_rate": rate, "momentum": 0.0}))
    losses = lambda model, batch: {"loss": model(batch["x"]).square().mean()}  # noqa: E731
    return Updater(phase, losses, [(Group(), list(model.parameters()))], UpdateSettings(clip_norm=0.0, steps=10))


def test_a_ratio_is_how_far_the_step_moved_the_weights():
    torch.manual_seed(0)
    model = nn.Linear(5, 3)
    updater, batch = _updater(model), {"x": torch.randn(7, 5)}
    ratios = UpdateRatios({"layer": model})
    updater.run(model, [batch], 0)
    old = torch.cat([weight.detach().flatten() for weight in model.parameters()]).clone()
    ratios.arm([updater], 2)
    updater.run(model, [batch], 1)
    new = torch.cat([weight.detach().flatten() for weight in model.parameters()])
    updater.run(model, [batch], 2)  # not measured any more
    step, found = ratios.collect()
    assert step == 2
    assert found == {"layer": pytest.approx(float((new - old).norm() / old.norm()), rel=1e-5)}
    assert ratios.collect()[1] == {}


def test_what_is_not_measured_runs_the_optimizers_own_step():
    model = nn.Linear(5, 3)
    updater = _updater(model)
    ratios = UpdateRatios({"layer": model})
    ratios.arm([updater], 1)
    assert "step" in vars(updater.optimizer)
    updater.run(model, [{"x": torch.randn(7, 5)}], 0)
    assert "step" not in vars(updater.optimizer)
    ratios.arm([updater], 2)
    ratios.collect()
    assert "step" not in vars(updater.optimizer)


def test_every_layer_tells_how_it_fares(tmp_path, every_step):
    made = planned(iris(8, node("act", "tanh")), epochs=3)
    run = train(made, tmp_path / "run")
    for layer in ("hidden", "scores"):
        assert all(0 < ratio < 1 for ratio in run.series(series_of(series_names.UPDATE_RATIO, layer)))
        assert run.steps(series_of(series_names.UPDATE_RATIO, layer))[0] == 2, "the step after the first look at one"
    for kind in (series_names.MEAN, series_names.DEVIATION, series_names.ZERO, series_names.SATURATED):
        values = run.series(series_of(kind, "act"))
        assert len(values) == len(run.steps("loss/train"))
        assert all(-1 <= value <= 1 for value in values)
    norms = [run.series(series_of(series_names.GRADIENT_NORM, layer)) for layer in ("hidden", "scores")]
    totals = run.series("gradient_norm")
    assert totals == pytest.approx([math.hypot(*pair) for pair in zip(*norms, strict=True)])


def test_statistics_are_those_of_the_values(tmp_path):
    """A ReLU of values that are all below 0 is 0 everywhere; its input is not."""
    made = planned(iris(8, node("act", "relu")), epochs=1)
    run = train(made, tmp_path / "run")
    assert run.series(series_of(series_names.ZERO, "hidden"))[-1] == 0.0
    zero = run.series(series_of(series_names.ZERO, "act"))[-1]
    assert 0.0 < zero < 1.0
    picture = run.pictures(PictureKind.VALUES)["act"]
    assert picture.extent[0] == 0.0
    assert picture.data[0] / picture.data.sum() >= zero
    assert not run.series(series_of(series_names.SATURATED, "act")), "a ReLU has one flat side"


def test_measuring_changes_nothing(tmp_path, monkeypatch):
    made = planned(iris(8, node("norm", "batch_norm1d"), node("drop", "dropout")), epochs=4, accumulation=2)
    calm = train(made, tmp_path / "calm")
    monkeypatch.setattr("netbuilder.training.probe.SECONDS", 0.0)
    monkeypatch.setattr("netbuilder.training.probe.SHARE", 1e9)
    monkeypatch.setattr("netbuilder.training.session.REPORT_SECONDS", 0.0)
    nosy = train(made, tmp_path / "nosy")
    assert len(nosy.series(series_of(series_names.UPDATE_RATIO, "hidden"))) > 10
    assert nosy.series("loss/train") == calm.series("loss/train")
    assert nosy.series("loss/validation") == calm.series("loss/validation")


def test_the_computers_meters_are_read(tmp_path, every_step):
    run = train(planned(iris(), epochs=3), tmp_path / "run")
    assert run.series(PROCESS)[-1] > 1e7
    assert all(0.0 <= load <= 1.0 for load in run.series(PROCESSOR))
    assert all(value > 0 for value in run.series(THROUGHPUT))


def test_a_meter_reads_what_the_system_says():
    first = SystemMeter(torch.device("cpu")).read()
    size = 64_000_000
    with mmap(-1, size) as block:  # pages of its own: an array may get some that the process has already
        block.write(b"x" * size)
        second = SystemMeter(torch.device("cpu")).read()
    assert second[PROCESS] - first[PROCESS] > 0.8 * size
    assert set(first) == {PROCESS, PROCESSOR}


def test_a_pause_is_no_slow_training(tmp_path, monkeypatch):
    """The throughput is counted from when training goes on."""
    clock = 0.0

    def tick() -> float:
        return clock

    monkeypatch.setattr("netbuilder.training.vitals.time.perf_counter", tick)
    from netbuilder.training.probe import Look
    from netbuilder.training.vitals import Vitals

    told: dict[str, list[float]] = {}

    class Told:
        def add(self, name: str, step: int, value: float) -> None:
            told.setdefault(name, []).append(value)

    class Network:
        device, modules = torch.device("cpu"), {}

    vitals = Vitals(Told(), Network(), [], 10.0, with_norm=True)
    vitals.go_on(0.0, 0)
    clock = 2.0
    vitals.record(Look((), {}), 4)
    vitals.rest()
    clock = 100.0
    vitals.go_on(100.0, 4)
    clock = 101.0
    vitals.record(Look((), {}), 6)
    assert told[THROUGHPUT] == [20.0, 20.0]


def test_each_phase_and_group_tells_its_learning_rate(tmp_path, every_step):
    made = planned(iris(), epochs=2)
    phase = replace(made.plan.phases[0], groups=(Group(), Group(nodes=("scores",), rate=0.1)))
    run = train(planned(made, phases=(phase,)), tmp_path / "run")
    first, second = (run.series(f"learning_rate/{phase.name}/{number}") for number in (1, 2))
    assert second == pytest.approx([0.1 * rate for rate in first])
    assert first


def test_histograms_are_kept_in_the_run_store(tmp_path, every_step):
    run = train(planned(tiny_cnn(6), epochs=1), tmp_path / "run")
    kept = list(RunStore.open(tmp_path).histograms("run"))
    layers = {"stem", "norm", "conv", "scores"}
    assert {each.node for each in kept if each.kind is PictureKind.WEIGHTS} == layers
    assert {each.node for each in kept if each.kind is PictureKind.GRADIENTS} == layers
    assert layers < {each.node for each in kept if each.kind is PictureKind.VALUES}
    last = run.pictures(PictureKind.WEIGHTS)["conv"]
    twin = next(each for each in kept if (each.kind, each.node, each.step) == (last.kind, last.node, last.step))
    assert np.array_equal(twin.data, last.data)
    assert twin.extent == last.extent


def test_a_store_of_before_has_no_histograms(tmp_path):
    import sqlite3

    train(planned(iris(), epochs=1), tmp_path / "run")
    with sqlite3.connect(tmp_path / "runs.sqlite") as connection:
        connection.execute("DROP TABLE histograms")
        connection.execute("PRAGMA user_version = 2")
    assert list(RunStore.open(tmp_path).histograms("run")) == []


def test_histograms_are_drawn_for_who_looks_and_for_the_record(tmp_path, monkeypatch):
    """Looks that are not recorded draw none, unless somebody watches them."""
    monkeypatch.setattr("netbuilder.training.histories.Thinning.next", lambda _: False)
    run = begin(planned(iris(), epochs=1000), tmp_path / "run", paused=True)
    run.command(Step())
    run.until(lambda told: told.progress.state is State.PAUSED and told.progress.step == 1)
    assert run.pictures(PictureKind.WEIGHTS) == {}
    run.command(Watch(histograms=True))
    assert set(run.pictures(PictureKind.WEIGHTS)) == {"hidden", "scores"}
    run.command(Resume())
    run.host.send(Stop())
    run.finish()
    assert list(RunStore.open(tmp_path).histograms("run")) == []


def test_names_of_layers_curves_are_told_from_the_runs():
    assert is_of_layer("update_ratio/b1/0/conv")
    assert not is_of_layer("gradient_norm")
    assert not is_of_layer("accuracy/validation")
    assert not is_of_layer("learning_rate/main/1")
