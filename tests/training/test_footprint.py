"""Memory as estimated: what optimizers remember, against torch's; and the words for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from netbuilder.compiler.cost import count_costs
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.model import Document, Group, Phase, Setting
from netbuilder.training import optimizers
from netbuilder.training.footprint import in_words, measure
from tests.compiler.documents import cnn, with_parameters


@pytest.mark.parametrize("spec", list(optimizers.registry()), ids=lambda each: each.key)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_an_optimizer_remembers_what_it_says(spec: optimizers.OptimizerSpec, momentum: float) -> None:
    values = spec.resolve({"momentum": momentum} if "momentum" in spec.by_name else {})
    weight = torch.nn.Parameter(torch.ones(50))
    weight.grad = torch.ones(50)
    optimizer = getattr(torch.optim, spec.callee)([weight], **spec.arguments(values))
    optimizer.step()
    remembered = sum(each.numel() for each in optimizer.state[weight].values() if torch.is_tensor(each) and each.dim())
    assert spec.state(values) * 50 == remembered


def measured(given: Document) -> tuple[int, int, int, int]:
    memory = measure(given, count_costs(given, ShapeInference().infer(given)))
    assert memory.training == memory.weights + memory.gradients + memory.optimizer + memory.activations
    assert memory.inference == memory.weights + memory.prediction
    return memory.weights, memory.gradients, memory.optimizer, memory.activations


def test_memory_of_a_plan() -> None:
    weights = 4 * (80 + 1290)
    assert measured(cnn()) == (weights, weights, 2 * weights, 64 * 3888)


def test_frozen_layers_have_weights_alone() -> None:
    own, head = 4 * 80, 4 * 1290
    found = measured(with_parameters(cnn(), "conv", trainable=False))
    assert found[:3] == (own + head, head, 2 * head)


def test_each_phase_remembers_its_own_layers() -> None:
    given = cnn()
    phases = (
        Phase(name="one", groups=(Group(nodes=("conv",)),), optimizer=Setting(key="sgd", values={"momentum": 0.9})),
        Phase(name="two", groups=(Group(nodes=("fc",)),), optimizer=Setting(key="adam")),
        Phase(name="three", optimizer=Setting(key="of a later version")),
    )
    given = replace(given, plan=replace(given.plan, phases=phases, batch_size=2))
    assert measured(given)[2:] == (4 * 80 + 2 * 4 * 1290, 2 * 3888)


def test_an_average_of_the_weights_takes_as_much_as_they_do() -> None:
    given = cnn()
    costs = count_costs(given, ShapeInference().infer(given))
    averaged = measure(replace(given, plan=replace(given.plan, ema_decay=0.9)), costs)
    assert averaged.average == averaged.weights
    assert averaged.training == measure(given, costs).training + averaged.weights


def test_words() -> None:
    assert [in_words(size) for size in (512, 4100, 38e6, 1.44e9)] == ["512 B", "4.1 kB", "38 MB", "1.4 GB"]
