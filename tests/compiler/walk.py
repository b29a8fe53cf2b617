"""What the walks through the catalog do with a layer: compile it, run it, compare it, learn with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from netbuilder.compiler.module import LoadedModule, initialize, load_module
from netbuilder.compiler.program import Program, write_program
from netbuilder.compiler.shapes import ShapeInference, Shapes
from netbuilder.document.model import Document, PortRef
from netbuilder.layers.spec import LayerSpec
from netbuilder.layers.tensor import BATCH, TensorType
from tests.layers.cases import Trial
from tests.layers.samples import LAYER, LENGTH, document_of

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
    """A one-node network, compiled.

    Attributes:
        spec: The node's layer.
        trial: Its parameters and inputs.
        document: The network.
        shapes: Its shapes.
        program: Its text.
        loaded: The text, executed.
        model: A network of it, with weights.
    """

    spec: LayerSpec
    trial: Trial
    document: Document
    shapes: Shapes
    program: Program
    loaded: LoadedModule
    model: nn.Module

    def batch(self, length: int = LENGTH) -> dict[str, Tensor]:
        """Draw a batch, the same each time."""
        inputs = self.trial.inputs.values()
        tensors = [given.tensor(seed, self.trial.samples, length) for seed, given in enumerate(inputs)]
        return {key: tensors[int(port.node[2:], 16)] for key, port in self.program.sources.items()}

    @property
    def outputs(self) -> dict[str, TensorType]:
        """The inferred types of the layer's outputs."""
        ports = self.spec.output_ports(self.trial.values)
        return {port.name: self.shapes.types[PortRef(LAYER, port.name)] for port in ports}


def build(spec: LayerSpec, trial: Trial) -> Built:
    """Compile a one-node network; `module.release` is to be called with its program."""
    document = document_of(spec, trial.values, trial.inputs)
    shapes = INFERENCE.infer(document)
    assert not shapes.problems, [problem.message for problem in shapes.problems]
    program = write_program(document, shapes)
    loaded = load_module(program)
    model = loaded.new_network()
    initialize(model, program, 0)
    return Built(spec, trial, document, shapes, program, loaded, model)


def run(built: Built, batch: Mapping[str, Tensor], other: LoadedModule | None = None) -> dict[str, Tensor]:
    """Return what the layer's output ports give for a batch, dropout and the like drawn from one seed.

    Args:
        built: The network.
        batch: What enters it.
        other: Another execution of its text, with whose functions it is run instead.
    """
    loaded = other or built.loaded
    model = built.model if other is None else _twin(built, other)
    torch.manual_seed(1)
    if built.spec.is_loss:
        ((_, losses),) = loaded.losses.items()
        (value,) = losses(model, batch).values()
        return {"loss": value}
    result = model(**{name: batch[name] for name in built.program.fields})
    results = result if isinstance(result, tuple) else (result,)
    ports = (built.program.results[name].port for name in built.program.outputs)
    return dict(zip(ports, results, strict=True))


def _twin(built: Built, other: LoadedModule) -> nn.Module:
    model = other.network_class()
    model.load_state_dict(built.model.state_dict())
    model.train(built.model.training)
    return model


def concrete(found: TensorType, samples: int, length: int = LENGTH) -> tuple[tuple[int | None, ...], str]:
    """Return an inferred type as the shape and dtype that a real batch must have; None where any size is right."""
    dims: list[int | None] = []
    for dim in found.dims:
        if dim is None or isinstance(dim, int):
            dims.append(dim)
        else:
            dims.append(dim.factor * (samples if dim.symbol == BATCH.symbol else length) + dim.offset)
    return tuple(dims), found.dtype


def compare(built: Built, results: Mapping[str, Tensor], length: int = LENGTH) -> None:
    """Check that every output port has the inferred shape and dtype."""
    for port, found in built.outputs.items():
        tensor = results[port]
        shape, dtype = concrete(found, built.trial.samples, length)
        assert len(shape) == tensor.ndim, (port, found, tuple(tensor.shape))
        same = all(size in (None, real) for size, real in zip(shape, tensor.shape, strict=True))
        assert same, (port, str(found), tuple(tensor.shape))
        assert dtype == str(tensor.dtype).removeprefix("torch."), (port, dtype, tensor.dtype)


def check_source(built: Built, results: Mapping[str, Tensor]) -> None:
    """Check that the program's text, executed by itself with the same weights, gives the same bits."""
    namespace: dict[str, Any] = {"__name__": "exported"}
    exec(compile(built.program.source, "model.py", "exec"), namespace)
    losses = {phase: namespace[function] for phase, function in built.program.phases.items()}
    network = namespace[built.program.class_name]
    alone = LoadedModule(built.program, network, losses, built.loaded._tapped, built.loaded._starts)
    for port, tensor in run(built, built.batch(), alone).items():
        assert torch.equal(tensor.nan_to_num(), results[port].nan_to_num()), port


def check_backward(built: Built, reaches: bool = True) -> None:
    """Check that gradients flow back to every float input and every trainable weight, and are finite.

    Args:
        built: The network.
        reaches: Whether each input's gradient must be other than 0; at its limits a layer may hold back all of it.
    """
    batch = built.batch()
    for tensor in batch.values():
        tensor.requires_grad_(tensor.is_floating_point())
    outputs = run(built, batch)
    total = sum((tensor.square().sum() for tensor in outputs.values() if tensor.requires_grad), torch.zeros(()))
    assert isinstance(total, Tensor)
    read = [tensor for name, tensor in batch.items() if name != UNREAD.get(built.spec.key)]
    learns = any(each.requires_grad for each in (*read, *built.model.parameters()))
    if not learns or not any(tensor.is_floating_point() for tensor in outputs.values()) or built.spec.key in CUT_OFF:
        assert not total.requires_grad
        return
    total.backward()
    for name, tensor in batch.items():
        if tensor.requires_grad and name != UNREAD.get(built.spec.key):
            assert tensor.grad is not None, name
            assert torch.isfinite(tensor.grad).all(), name
            assert not reaches or tensor.grad.abs().sum() > 0 or built.spec.key in NOT_DIFFERENTIABLE, name
    for name, weight in built.model.named_parameters():
        if weight.requires_grad:
            assert weight.grad is not None, name
            assert torch.isfinite(weight.grad).all(), name
