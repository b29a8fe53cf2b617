"""Mixed precision: what computes in 16 bits, what stays float32, and the scaler of float16."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import nn

from netbuilder.document.model import Group, Phase, Setting
from netbuilder.training.network import Network
from netbuilder.training.precision import compute_in, in_precision
from netbuilder.training.protocol import PictureKind, Resume, State, Stop, Watch
from netbuilder.training.updates import NonFiniteError, Updater, UpdateSettings
from tests.builders import linear, node, tiny_cnn
from tests.training.documents import begin, fail, iris, planned, rows_lstm, saved_weights, train, two_losses

CPU = torch.device("cpu")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_layers_compute_in_16_bits_and_results_are_float32(precision):
    network = Network(planned(tiny_cnn(), precision=precision), CPU)
    batch = {"image": torch.rand(4, 1, 8, 8), "label": torch.tensor([0, 1, 2, 3])}
    seen = {}
    with network.evaluating():
        observed = network.observe(batch)
        network.tap(batch, lambda path, value: seen.update({path: value.dtype}))
    half = torch.bfloat16 if precision == "bf16" else torch.float16
    assert seen["stem"] == seen["scores"] == half
    assert observed.outputs[0].dtype == observed.losses["loss"].dtype == torch.float32
    assert {value.dtype for value in network.model.state_dict().values()} <= {torch.float32, torch.int64}
    assert network.model.state_dict().keys() == Network(tiny_cnn(), CPU).model.state_dict().keys()


def test_float32_changes_nothing():
    model = nn.Linear(2, 2)
    compute_in(model, "float32", "cpu")
    assert type(model) is nn.Linear
    assert in_precision(len, "float32", "cpu") is len


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_it_learns_as_well(precision, tmp_path):
    made = planned(iris(), epochs=30)
    plain, half = train(made, tmp_path / "a"), train(planned(made, precision=precision), tmp_path / "b")
    assert half.end.data["reason"] == "finished"
    assert half.series("loss/train")[-1] == pytest.approx(plain.series("loss/train")[-1], rel=0.15)
    assert half.series("loss/train") != plain.series("loss/train")
    assert bool(half.series("loss_scale")) == (precision == "fp16")
    assert all(torch.isfinite(value).all() for value in saved_weights(tmp_path / "b").values())


@pytest.mark.parametrize("made", [rows_lstm(), two_losses()], ids=["lstm", "two losses"])
def test_all_that_is_looked_at_is_seen_in_bfloat16_too(made, tmp_path):
    run = begin(planned(made, precision="bf16", epochs=1), tmp_path / "run", paused=True)
    run.until(lambda told: told.progress.state is State.PAUSED)
    run.command(Watch(nodes=tuple(made.graph.nodes), gradient_flow=True))
    run.until(lambda told: run.pictures(PictureKind.FLOW))
    (flow,) = run.pictures(PictureKind.FLOW).values()
    assert (flow.data > 0).any()
    assert run.pictures(PictureKind.BARS)
    assert not run.of("problem")
    run.host.send(Stop())
    run.finish()


class _Loud(nn.Module):
    """One weight whose gradient is `factor` times the input, computed in float16."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1, bias=False)
        self.factor = factor
        nn.init.ones_(self.layer.weight)

    def forward(self, x):
        return self.layer(x) * self.factor


def _updater(model: nn.Module, **settings) -> Updater:
    compute_in(model, "fp16", "cpu")
    phase = Phase(optimizer=Setting(key="sgd", values={"learning_rate": 0.001}))
    losses = lambda model, batch: {"loss": model(batch["x"]).mean()}  # noqa: E731
    given = UpdateSettings(**{"clip_norm": 0.0, "steps": 100, "precision": "fp16", **settings})
    return Updater(phase, losses, [(Group(), list(model.parameters()))], given)


@pytest.mark.parametrize("clip_norm", [0.0, 0.5])
def test_an_update_whose_gradient_left_the_range_is_left_out_and_the_scale_falls(clip_norm):
    model = _Loud(100.0)
    updater = _updater(model, clip_norm=clip_norm)
    batch = {"x": torch.ones(1, 1)}
    scales, weights = [], []
    for step in range(12):
        updater.run(model, [batch], step)
        scales.append(updater.loss_scale)
        weights.append(model.layer.weight.item())
    assert scales[0] == 32768.0
    assert scales[-1] == scales[-2] < 1000.0, "until it fits"
    left_out = sum(a > b for a, b in itertools.pairwise([65536.0, *scales]))
    assert weights[:left_out] == [1.0] * left_out
    expected = 0.001 * (clip_norm or 100.0)
    assert weights[left_out] == pytest.approx(1.0 - expected, rel=1e-3)


def test_a_gradient_that_no_scale_makes_finite_ends_the_run():
    model = _Loud(1.0)
    model.layer.weight.register_hook(lambda gradient: gradient * torch.nan)
    updater = _updater(model)
    batch = {"x": torch.ones(1, 1)}
    for step in range(16):  # 65536 halved sixteen times is 1
        updater.run(model, [batch], step)
    with pytest.raises(NonFiniteError) as caught:
        updater.run(model, [batch], 16)
    assert "gradient_norm" in caught.value.values
    assert model.layer.weight.item() == 1.0


def test_a_value_beyond_float16_ends_the_run_with_its_node_named(tmp_path):
    made = iris(8, node("act", "tanh"), linear("wide", 4), node("huge", "multiply_scalar", value=1e6))
    run = fail(planned(made, precision="fp16"), tmp_path / "run")
    (problem,) = run.of("problem")[0].problems
    assert problem.code == "training.not_finite"
    assert problem.node == "huge"
    assert train(planned(made, precision="bf16", clip_norm=1e-3), tmp_path / "other").end.data["reason"] == "finished"


def test_a_layer_that_cannot_compute_in_float16_is_named_and_float32_is_offered(tmp_path, monkeypatch):
    run = begin(planned(iris(), precision="fp16"), Path(tmp_path) / "run", paused=True)
    run.until(lambda told: told.progress.state is State.PAUSED)

    def refuse(*_, **__):
        raise RuntimeError("\"addmm\" not implemented for 'Half'")

    monkeypatch.setattr(nn.functional, "linear", refuse)
    run.host.send(Resume())
    run.finish()
    (problem,) = run.of("problem")[0].problems
    assert problem.node == "hidden"
    assert "float16" in problem.message
    assert problem.fixes[0].arguments == {"values": {"precision": "float32"}}
