"""Optimizers and schedules: one declaration makes them, prints them and matches torch's own."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence

import pytest
import torch

from netbuilder.document.model import Setting
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training import optimizers, schedules

BY_HAND = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=0.001),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.001, weight_decay=0.01),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.001),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.01),
    "nadam": lambda p: torch.optim.NAdam(p),
    "radam": lambda p: torch.optim.RAdam(p),
    "adamax": lambda p: torch.optim.Adamax(p),
    "adadelta": lambda p: torch.optim.Adadelta(p),
    "adafactor": lambda p: torch.optim.Adafactor(p),
    "rprop": lambda p: torch.optim.Rprop(p),
    "asgd": lambda p: torch.optim.ASGD(p),
}


def _model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Tanh(), torch.nn.Linear(7, 3))


def _train(model: torch.nn.Module, optimizer: torch.optim.Optimizer, steps: int = 25) -> list[float]:
    generator = torch.Generator().manual_seed(1)
    losses = []
    for _ in range(steps):
        x, y = torch.randn(8, 5, generator=generator), torch.randn(8, 3, generator=generator)
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_every_optimizer_of_torch_that_fits_is_there():
    assert set(BY_HAND) == {spec.key for spec in optimizers.registry()}
    torch_own = {name for name in torch.optim.__all__ if isinstance(getattr(torch.optim, name), type)} - {"Optimizer"}
    left_out = {"LBFGS", "SparseAdam", "Muon"}  # why: in the module's docstring
    assert {spec.callee for spec in optimizers.registry()} == torch_own - left_out


@pytest.mark.parametrize("key", sorted(BY_HAND))
def test_defaults_train_like_torch_by_hand(key):
    ours, theirs = _model(), _model()
    made = optimizers.make(Setting(key=key), [{"params": list(ours.parameters())}])
    # Fused kernels round in another order, hence the tolerance; the next test is exact.
    assert _train(ours, made) == pytest.approx(_train(theirs, BY_HAND[key](theirs.parameters())), rel=1e-4)


def _other(parameter, value):
    """Return another accepted value of a parameter."""
    if value is False:
        return True
    half = value * 0.5 or 0.125
    return half if half >= parameter.minimum else value * 1.5


@pytest.mark.parametrize("spec", optimizers.registry(), ids=lambda spec: spec.key)
@pytest.mark.parametrize("changed", [False, True], ids=["defaults", "changed"])
def test_the_printed_call_makes_the_same_optimizer(spec, changed):
    values = spec.defaults()
    if changed:
        values = {name: _other(spec.by_name[name], value) for name, value in values.items()}
    setting = Setting(key=spec.key, values=values)
    ours, theirs = _model(), _model()
    made = optimizers.make(setting, [{"params": list(ours.parameters())}])
    fused = "True" if made.defaults.get("fused") else ""
    text = optimizers.source(setting, "parameters", fused=fused)
    printed = eval(text, {"torch": torch, "parameters": list(theirs.parameters())})
    assert isinstance(made, type(printed))
    assert _train(ours, made) == _train(theirs, printed)


def test_the_printed_call_leaves_out_what_torch_assumes_anyway():
    assert optimizers.source(Setting(key="adam")) == "torch.optim.Adam(parameters, lr=0.001)"
    text = optimizers.source(Setting(key="sgd", values={"learning_rate": 0.1, "momentum": 0.0, "nesterov": True}))
    assert text == "torch.optim.SGD(parameters, lr=0.1)"


def test_a_training_does_not_import_torch_s_compiler(tmp_path):
    """It would take a second and 90 MB of every program that trains."""
    code = (
        "import sys, time\n"
        "from netbuilder.templates import open_template\n"
        "from netbuilder.training.protocol import Start, State\n"
        "from netbuilder.training.thread_host import ThreadHost\n"
        "from netbuilder.training import optimizers\n"
        "import torch\n"
        "for spec in optimizers.registry():\n"
        "    weight = torch.ones(3, requires_grad=True)\n"
        "    made = optimizers.make(optimizers.Setting(key=spec.key), [{'params': [weight]}])\n"
        "    made.zero_grad()\n"
        "    weight.sum().backward()\n"
        "    made.step()\n"
        "    made.load_state_dict(made.state_dict())\n"
        "document = open_template('spiral')\n"
        "host = ThreadHost()\n"
        "host.send(Start(document=document, folder=sys.argv[1]))\n"
        "while host.drain().progress.step < 50:\n"
        "    assert host.state is not State.FAILED\n"
        "    time.sleep(0.02)\n"
        "host.close()\n"
        "print([name for name in ('torch', 'sympy', 'torch._dynamo') if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "['torch']"


def test_fused_where_the_device_can():
    made = optimizers.make(Setting(key="adam"), [{"params": [torch.zeros(3, requires_grad=True)]}])
    assert made.defaults["fused"] is True
    assert (
        "fused"
        not in optimizers.make(Setting(key="rmsprop"), [{"params": [torch.zeros(3, requires_grad=True)]}]).defaults
    )


def test_groups_keep_their_own_rate_and_decay():
    weights = [torch.zeros(2, requires_grad=True) for _ in range(2)]
    groups = [{"params": weights[:1], "lr": 0.5}, {"params": weights[1:], "weight_decay": 0.25}]
    first, second = optimizers.make(Setting(key="sgd"), groups).param_groups
    assert (first["lr"], first["weight_decay"]) == (0.5, 0.0)
    assert (second["lr"], second["weight_decay"]) == (0.05, 0.25)


@pytest.mark.parametrize("module", [optimizers, schedules])
def test_what_is_unknown_is_a_problem(module):
    with pytest.raises(NetbuilderError, match="knows no"):
        module.find(Setting(key="lion"))


def test_a_bad_value_is_a_problem_that_names_it():
    with pytest.raises(NetbuilderError, match="Learning rate: expected a number from 0"):
        optimizers.find(Setting(key="adam", values={"learning_rate": -1.0}))
    with pytest.raises(NetbuilderError, match="Drops"):
        schedules.find(Setting(key="step", values={"drops": 0}))


@pytest.mark.parametrize("spec", schedules.registry(), ids=lambda spec: spec.key)
@pytest.mark.parametrize("total", [1, 2, 7, 1000])
def test_factors_stay_between_0_and_1(spec, total):
    for values in ({}, {"percent": 0.0}, {"percent": 100.0}, {"percent": 50.0}):
        values = {name: value for name, value in values.items() if name in spec.by_name}
        factors = [schedules.factor(Setting(key=spec.key, values=values), step, total) for step in range(total + 1)]
        assert all(0.0 <= factor <= 1.0 and math.isfinite(factor) for factor in factors)


def test_schedules_match_torch():
    def theirs(scheduler) -> list[float]:
        rates = []
        for _ in range(100):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return rates

    def ours(key: str, **values: float) -> list[float]:
        return [schedules.factor(Setting(key=key, values=values), step, 100) for step in range(100)]

    def fresh() -> torch.optim.Optimizer:
        return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)

    optimizer = fresh()
    assert ours("cosine") == pytest.approx(theirs(torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)), abs=1e-9)
    optimizer = fresh()
    steps = theirs(torch.optim.lr_scheduler.StepLR(optimizer, 25, gamma=0.5))
    assert ours("step", drops=3, gamma=0.5) == pytest.approx(steps)


def test_more_schedules_match_torch():
    from torch.optim import lr_scheduler

    def theirs(make) -> list[float]:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler, rates = make(optimizer), []
        for _ in range(100):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return rates

    def ours(key: str, **values: object) -> list[float]:
        return [schedules.factor(Setting(key=key, values=values), step, 100) for step in range(100)]

    for found, expected in (
        (ours("multi_step"), lambda o: lr_scheduler.MultiStepLR(o, [50, 75])),
        (ours("exponential", end=0.5), lambda o: lr_scheduler.ExponentialLR(o, 0.5 ** (1 / 100))),
        (ours("linear", end=0.2), lambda o: lr_scheduler.LinearLR(o, 1.0, 0.2, 100)),
        (ours("polynomial", power=3.0), lambda o: lr_scheduler.PolynomialLR(o, 100, 3.0)),
        (ours("cosine_restarts", cycles=4), lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 25)),
        (
            ours("cosine_restarts", cycles=2, growth=3.0, minimum=0.1),
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 25, T_mult=3, eta_min=0.1),
        ),
        (ours("triangular", cycles=5), lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, 10, cycle_momentum=False)),
        (
            ours("triangular", cycles=5, decay=0.5),
            lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, 10, mode="triangular2", cycle_momentum=False),
        ),
    ):
        assert found == pytest.approx(theirs(expected), abs=1e-9)


def test_inverse_square_root_is_that_of_the_first_transformer():
    factors = [schedules.factor(Setting(key="inverse_sqrt"), step, 1000) for step in range(1000)]
    width, rise = 512, 100  # Vaswani et al. 2017, section 5.3, over its own peak
    noam = [width**-0.5 * min((step + 1) ** -0.5, (step + 1) * rise**-1.5) for step in range(1000)]
    assert factors == pytest.approx([rate / max(noam) for rate in noam])


@pytest.mark.parametrize("patience", [0, 1, 3])
@pytest.mark.parametrize("cooldown", [0, 2])
def test_plateau_drops_where_torch_does(patience, cooldown):
    draws = torch.rand(60, generator=torch.Generator().manual_seed(patience)).tolist()
    losses = [draw + 1 / (1 + epoch) for epoch, draw in enumerate(draws)]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience, cooldown=cooldown, eps=0.0
    )
    setting = Setting(key="plateau", values={"patience": patience, "cooldown": cooldown, "gamma": 0.5})
    for epoch, loss in enumerate(losses):
        theirs.step(loss)
        found = schedules.factor(setting, epoch, 60, losses[: epoch + 1])
        assert found == pytest.approx(optimizer.param_groups[0]["lr"])
    assert found < 1


def test_a_loss_below_zero_is_better_when_it_is_smaller_and_not_when_it_is_a_little_larger():
    def drops(losses: list[float], **values: float) -> int:
        setting = Setting(key="plateau", values={"gamma": 0.5, "threshold": 0.1, **values})
        return round(-math.log2(schedules.factor(setting, len(losses), 60, losses)))

    assert drops([-1.0, -0.99, -0.98, -0.97], patience=1) == 1, "each is worse, and was taken for better"
    assert drops([-1.0, -1.05, -1.09], patience=1) == 1, "none is better by a tenth"
    assert drops([-1.0, -1.2, -1.4], patience=0) == 0


@pytest.mark.parametrize(("cycles", "growth"), [(1000, 10.0), (1000, 0.1), (400, 9.5), (1, 10.0)])
def test_as_many_restarts_as_may_be_asked_for_are_computed(cycles, growth):
    setting = Setting(key="cosine_restarts", values={"cycles": cycles, "growth": growth})
    factors = [schedules.factor(setting, step, 50) for step in range(51)]
    assert all(0.0 <= factor <= 1.0 for factor in factors)
    assert factors[0] == 1.0
    if growth > 1:  # the last cycle is nearly all of the run
        assert factors[25] == pytest.approx(0.5, abs=0.1)


def test_warm_up_rises_in_a_straight_line():
    factors = [schedules.factor(Setting(key="cosine", values={"percent": 10.0}), step, 100) for step in range(100)]
    assert factors[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert factors[10] == 1.0
    assert factors[-1] < 0.001
    assert [schedules.factor(Setting(key="warmup"), step, 100) for step in (0, 9, 10, 99)] == [
        1 / 11,
        10 / 11,
        1.0,
        1.0,
    ]


def test_one_cycle_peaks_where_it_says():
    factors = [schedules.factor(Setting(key="one_cycle"), step, 200) for step in range(200)]
    assert factors[0] == pytest.approx(0.04)
    assert factors.index(max(factors)) == 60
    assert factors[-1] < 0.001


@pytest.mark.parametrize("spec", schedules.registry(), ids=lambda spec: spec.key)
def test_the_copied_text_computes_the_same(spec):
    others = {float: lambda value: value * 0.5, int: lambda value: value + 1, tuple: lambda value: (10, *value)}
    values = {name: others[type(value)](value) for name, value in spec.defaults().items()}
    setting = Setting(key=spec.key, values=values)
    losses = [3.0, 2.0, *[2.0] * 20]
    scope = {"math": math, "Sequence": Sequence, "losses": losses}
    exec(schedules.source(setting), scope)
    for step in range(50):
        copied = eval(
            schedules.call(setting, drops=schedules.call_drops(setting)), {**scope, "step": step, "total": 50}
        )
        assert copied == schedules.factor(setting, step, 50, losses)


@pytest.mark.parametrize("spec", [*optimizers.registry(), *schedules.registry()], ids=lambda spec: spec.key)
def test_every_parameter_is_explained_and_has_a_good_default(spec):
    assert spec.summary
    assert spec.help
    for parameter in spec.parameters:
        assert parameter.help
        assert parameter.normalize(parameter.default) == parameter.default
