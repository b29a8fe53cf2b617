from __future__ import annotations

import time

import torch

from netbuilder.compiler.cost import count_costs, elements
from netbuilder.compiler.meta import warm_up
from netbuilder.compiler.module import build
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.model import Document
from netbuilder.layers.tensor import BATCH, TIME, TensorType
from tests.compiler.documents import cnn, long_chain, shared, two_heads, with_parameters


def test_parameters_are_those_of_the_module() -> None:
    for given in (cnn(), cnn(trainable=False), two_heads(), shared()):
        costs = count_costs(given, ShapeInference().infer(given))
        weights = list(build(given).parameters())
        assert costs.total.parameters == sum(weight.numel() for weight in weights)
        assert costs.total.trainable == sum(weight.numel() for weight in weights if weight.requires_grad)
        assert costs.complete


def test_costs_of_each_layer() -> None:
    given = cnn()
    nodes = count_costs(given, ShapeInference().infer(given)).nodes
    assert nodes["conv"].parameters == 8 * 9 + 8
    assert nodes["conv"].macs == 8 * 9 * 64
    assert nodes["conv"].elements == 8 * 64
    assert nodes["conv"].bytes == 4 * 8 * 64
    assert nodes["fc"].macs == 1280
    assert nodes["act"].parameters == 0
    assert "loss" not in nodes
    assert "digits" not in nodes


def test_shared_weights_count_once_but_their_work_twice() -> None:
    given = shared()
    nodes = count_costs(given, ShapeInference().infer(given)).nodes
    assert nodes["first"].parameters == 64 * 64 + 64
    assert nodes["second"].parameters == 0
    assert nodes["first"].macs == nodes["second"].macs == 64 * 64


def test_unknown_shapes_make_the_total_a_lower_bound() -> None:
    def incomplete(given: Document) -> None:
        costs = count_costs(given, ShapeInference().infer(given))
        assert not costs.complete

    incomplete(with_parameters(cnn(), "conv", filters=0))


def test_pending_layers_make_the_total_a_lower_bound() -> None:
    warm_up()
    given = long_chain(10)
    costs = count_costs(given, ShapeInference().infer(given, deadline=time.perf_counter() - 1))
    assert not costs.complete
    assert costs.total.parameters > 0


def test_sizes_that_vary_count_as_one() -> None:
    assert elements(TensorType((BATCH, TIME, 5))) == 5
    assert elements(TensorType(())) == 1
    assert torch.float32.itemsize == 4
