"""One walk through the whole catalog: every layer compiles, has the shapes that were inferred, and learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netbuilder.compiler.module import LoadedModule, initialize, load_module, release
from netbuilder.compiler.program import Program, write_program
from netbuilder.compiler.shapes import ShapeInference, Shapes
from netbuilder.document.files import dumps, loads
from netbuilder.document.model import Document, PortRef
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import LayerSpec
from netbuilder.layers.tensor import BATCH, TensorType
from tests.layers.samples import LAYER, LAYERS, SAMPLES, document_of, samples_of, values_of

INFERENCE = ShapeInference()

NOT_DIFFERENTIABLE = frozenset({"sign", "round", "floor", "ceil", "trunc", "cast"})
"""Layers whose output does not depend smoothly on their input."""

CUT_OFF = frozenset({"one_hot", "constant", "fixed_tensor", "random_normal", "random_uniform", "random_bernoulli"})
"""Layers with numbers at their output that depend on no number at their input."""

UNREAD = {
    "expand_like": "in_like",
    "soft_margin_loss": "in_target",
    "hinge_embedding_loss": "in_target",
    "hinge_loss": "in_target",
    "cosine_embedding_loss": "in_target",
    "margin_ranking_loss": "in_target",
    "learned_constant": "in_x",
}
"""Layer -> the input of which it reads only the sign, or only the number of samples."""


@dataclass
class Built:
    """A one-node network, compiled."""

    document: Document
    shapes: Shapes
    program: Program
    loaded: LoadedModule
    model: nn.Module
    batch: dict[str, Tensor]


def build(spec: LayerSpec, values: Mapping[str, Any]) -> Built:
    """Compile a one-node network and draw a batch for it."""
    inputs = samples_of(spec, values)
    document = document_of(spec, values, inputs)
    shapes = INFERENCE.infer(document)
    assert not shapes.problems, [problem.message for problem in shapes.problems]
    program = write_program(document, shapes)
    loaded = load_module(program)
    model = loaded.new_network()
    initialize(model, program, 0)
    tensors = [given.tensor(seed) for seed, given in enumerate(inputs.values())]
    batch = {key: tensors[int(port.node[2:], 16)] for key, port in program.sources.items()}
    return Built(document, shapes, program, loaded, model, batch)


def run(built: Built, spec: LayerSpec, loaded: LoadedModule, model: nn.Module) -> dict[PortRef, Tensor]:
    """Return what the layer's output ports give for the batch, dropout and the like drawn from one seed."""
    torch.manual_seed(1)
    if spec.is_loss:
        ((_, losses),) = loaded.losses.items()
        (value,) = losses(model, built.batch).values()
        return {PortRef(LAYER, "loss"): value}
    result = model(**{name: built.batch[name] for name in built.program.fields})
    results = result if isinstance(result, tuple) else (result,)
    return dict(zip((built.program.results[name] for name in built.program.outputs), results, strict=True))


def concrete(found: TensorType) -> tuple[tuple[int, ...], str]:
    """Return an inferred type as the shape and dtype that the real batch must have."""
    dims = []
    for dim in found.dims:
        if isinstance(dim, int):
            dims.append(dim)
        else:
            assert dim is not None
            assert dim.symbol == BATCH.symbol
            dims.append(dim.factor * SAMPLES + dim.offset)
    return tuple(dims), found.dtype


def compare(built: Built, spec: LayerSpec, values: Mapping[str, Any], results: Mapping[PortRef, Tensor]) -> None:
    """Check that every output port has the inferred shape and dtype."""
    for port in spec.output_ports(values):
        tensor = results[PortRef(LAYER, port.name)]
        real = tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")
        assert concrete(built.shapes.types[PortRef(LAYER, port.name)]) == real, port.name


def check_source(built: Built, spec: LayerSpec, results: Mapping[PortRef, Tensor]) -> None:
    """Check that the program's text, executed by itself with the same weights, gives the same bits."""
    namespace: dict[str, Any] = {"__name__": "exported"}
    exec(compile(built.program.source, "model.py", "exec"), namespace)
    other = namespace[built.program.class_name]()
    other.load_state_dict(built.model.state_dict())
    losses = {phase: namespace[function] for phase, function in built.program.phases.items()}
    alone = LoadedModule(built.program, type(other), losses, built.loaded._tapped, built.loaded._starts)
    for port, tensor in run(built, spec, alone, other).items():
        assert torch.equal(tensor, results[port]), port


def check_backward(built: Built, spec: LayerSpec) -> None:
    """Check that a gradient reaches every float input, and every trainable weight."""
    for tensor in built.batch.values():
        tensor.requires_grad_(tensor.is_floating_point())
    outputs = run(built, spec, built.loaded, built.model)
    total = sum((tensor.square().sum() for tensor in outputs.values() if tensor.requires_grad), torch.zeros(()))
    assert isinstance(total, Tensor)
    if not any(tensor.is_floating_point() for tensor in outputs.values()) or spec.key in CUT_OFF:
        assert not total.requires_grad
        return
    total.backward()
    for name, tensor in built.batch.items():
        if tensor.requires_grad and name != UNREAD.get(spec.key):
            assert tensor.grad is not None, name
            assert torch.isfinite(tensor.grad).all(), name
            assert tensor.grad.abs().sum() > 0 or spec.key in NOT_DIFFERENTIABLE, name
    for name, weight in built.model.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name


@pytest.mark.parametrize("spec", LAYERS, ids=lambda spec: spec.key)
def test_every_layer_compiles_runs_and_learns(spec: LayerSpec) -> None:
    values = values_of(spec)
    built = build(spec, values)
    try:
        results = run(built, spec, built.loaded, built.model)
        compare(built, spec, values, results)
        check_source(built, spec, results)
        check_backward(built, spec)
        assert loads(dumps(built.document)) == built.document
    finally:
        release(built.program)


def test_a_wrong_shape_would_be_noticed() -> None:
    """The control of the walk: it fails when a layer gives something else than was inferred."""
    spec = catalog()["linear"]
    values = values_of(spec)
    built = build(spec, values)
    try:
        results = run(built, spec, built.loaded, built.model)
        compare(built, spec, values, results)
        for other in (results[PortRef(LAYER, "y")][:, :1], results[PortRef(LAYER, "y")].double()):
            with pytest.raises(AssertionError):
                compare(built, spec, values, {PortRef(LAYER, "y"): other})
    finally:
        release(built.program)
