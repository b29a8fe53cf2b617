"""Translation: a graph becomes a computation, operator by operator; what no rule takes becomes opaque."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import defs

from netbuilder.exchange.incoming.onnx import (  # noqa: F401  # each declares its rules
    axes,
    convolution,
    elementwise,
    indexing,
    matrices,
    normalization,
    recurrent,
    reduction,
    resizing,
    sampling,
    windows,
)
from netbuilder.exchange.incoming.onnx.arithmetic import work_out
from netbuilder.exchange.incoming.onnx.dtypes import narrowed
from netbuilder.exchange.incoming.onnx.graph import Branch, OnnxGraph, OnnxNode, tensor_type
from netbuilder.exchange.incoming.onnx.network import AUXILIARY, Network
from netbuilder.exchange.incoming.onnx.reading import read_graph
from netbuilder.exchange.incoming.onnx.registry import RULES
from netbuilder.exchange.incoming.onnx.samples import work_out_for_samples
from netbuilder.exchange.incoming.onnx.scopes import Origin, origin_of, settle, snake
from netbuilder.exchange.incoming.onnx.sizes import work_out_sizes
from netbuilder.exchange.incoming.onnx.values import Constant, Tensor, Unfit, Value
from netbuilder.exchange.incoming.operation import Computation, Entry, Operation, alive
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.layers.tensor import BATCH, TensorType

UNSUPPORTED: Final = "has no layer that computes the same"

_QUANTIZED: Final = (
    "QuantizeLinear",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "QLinearConv",
    "QLinearMatMul",
    "MatMulInteger",
    "ConvInteger",
)
_RANDOM: Final = ("RandomNormal", "RandomUniform", "Bernoulli", "Multinomial")

_REASONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("If", "Loop", "Scan"), "chooses or repeats parts of the network while it runs"),
    **dict.fromkeys(_QUANTIZED, "computes with numbers of few bits (a quantized network)"),
    **dict.fromkeys(_RANDOM, "draws random numbers anew each time"),
}
"""Why operators without a rule are opaque."""

_SETTING: Final = 64
"""How many numbers of a constant an opaque operator shows among its settings."""


def read_onnx(path: Path, job: Job) -> Computation:
    """Read an ONNX file.

    Args:
        path: The file.
        job: Is told the progress; stops the work when cancelled.

    Raises:
        NetbuilderError: When it is missing, damaged, hostile, too large or of a version that is not read.
        Cancelled: When `job` was cancelled.
    """
    graph, notes = read_graph(path, job)
    computation = translate(graph, job)
    title = graph.title if graph.title.isidentifier() and graph.title not in _NO_TITLES else path.stem
    return replace(computation, title=title, notes=(*notes, *computation.notes))


_NO_TITLES: Final = frozenset(("main_graph", "main", "graph", "torch_jit", "tf2onnx", "torch_jit_export"))


def translate(graph: OnnxGraph, job: Job) -> Computation:
    """Return the computation that a graph describes.

    Raises:
        NetbuilderError: When an input has no axis for the samples.
        Cancelled: When `job` was cancelled.
    """
    network = Network(graph)
    translation = _Translation(network, job)
    return translation.run()


class _Translation:
    """Walks through one graph."""

    def __init__(self, network: Network, job: Job) -> None:
        self.net, self.graph, self.job = network, network.graph, job
        self.folded: Counter[str] = Counter()
        self.opaque_types: dict[str, TensorType] = {}

    def run(self) -> Computation:
        """Translate everything."""
        entries = self._entries()
        learned = _learned(self.graph)
        for name, array in self.graph.constants.items():
            self.net.bind(name, Constant(array, name, name in learned))
        self._walk(self.graph.nodes)
        exits = tuple((name, self._exit(name)) for name in self.graph.outputs)
        return self._computation(entries, exits)

    def _entries(self) -> tuple[Entry, ...]:
        used = {name for node in self.graph.nodes for name in node.inputs} | set(self.graph.outputs)
        entries = []
        fixed = self.net.fixed
        for name, declared in self.graph.inputs:
            if not declared.dims:
                if name in used:
                    raise NetbuilderError(_without_samples(name))
                continue
            said = tensor_type(declared, self.net._batches, fixed)
            said = replace(said, dims=(BATCH, *said.dims[1:]))
            entries.append(Entry(name=name, value=name, type=said))
            shown = narrowed(said)
            tensor = Tensor(name, shown)
            self.net.types[name] = shown
            self.net.bind(name, tensor)
            self.net.samples = self.net.samples or tensor
            if any(not isinstance(size, int) and size is None for size in said.dims[1:]):
                self.net.notes.append(f"The input {name} does not say how long some of its axes are.")
        if fixed:
            self.net.notes.append(
                f"The file is for {fixed} sample{'s'[: fixed != 1]} at a time; the project takes any number."
            )
        return tuple(entries)

    def _walk(self, nodes: tuple[OnnxNode, ...]) -> None:
        for number, node in enumerate(nodes):
            if number % 64 == 0:
                self.job.report(0.1 + 0.4 * number / len(nodes), "finding layers")
            self.net.node, self.net.origin = node, origin_of(node)
            self._translate(node)

    def _translate(self, node: OnnxNode) -> None:
        net = self.net
        branch = self._chosen_branch(node)
        if branch is not None:
            self._enter(node, branch)
            return
        operands = [net.value(place) for place in range(len(node.inputs))]
        before = len(net.operations)
        try:
            found = self._values(node, operands)
            values = found if isinstance(found, tuple) else (found,)
            if not net.credit(before, values, kind_of(node)):
                self.folded[kind_of(node)] += 1
        except Unfit as unfit:
            values = self._opaque(node, operands, str(unfit))
        for name, value in zip(node.outputs, values, strict=False):
            if name and value is not None:
                net.bind(name, value)
        net.release()

    def _values(self, node: OnnxNode, operands: list[Value | None]) -> Value | tuple[Value | None, ...]:
        net = self.net
        if all(value is None or isinstance(value, Constant) for value in operands):
            arrays = [value.array if isinstance(value, Constant) else None for value in operands]
            worked = work_out(node, arrays)
            if worked is not None:
                kept = [value for value in operands if isinstance(value, Constant)]
                learned = any(value.learned for value in kept)
                return tuple(Constant(array, "", learned and array.dtype.kind == "f") for array in worked)
        sized = work_out_sizes(node, operands)
        if sized is not None:
            return sized
        sampled = work_out_for_samples(node, operands)
        if sampled is not None:
            return sampled
        rule = RULES.get(node.kind)
        if rule is None:
            raise Unfit(_REASONS.get(node.kind, UNSUPPORTED))
        try:
            return rule(net)
        except (ValueError, IndexError, TypeError, KeyError, AttributeError, OverflowError, ZeroDivisionError) as error:
            # What a file writes into settings may be anything; a rule reads them as what they should be.
            raise Unfit(f"has settings that do not go together ({str(error)[:100]})") from error

    def _opaque(self, node: OnnxNode, operands: list[Value | None], reason: str) -> tuple[Value | None, ...]:
        net = self.net
        names = _port_names(node)
        inputs, settings = {}, dict(_plain_settings(node))
        for name, value in zip(names[0], operands, strict=True):
            if isinstance(value, Constant) and (value.array.size <= _SETTING or value.array.dtype.hasobject):
                settings[name] = tuple(np.ravel(value.array).tolist())
            elif value is not None:
                tensor = self._shown(value)
                if tensor is not None:
                    inputs[name] = tensor
        number = f"v{len(net.operations)}"
        outputs = {port: f"{number}.{port}" for port, name in zip(names[1], node.outputs, strict=True) if name}
        net.operations[number] = Operation(
            origin=kind_of(node),
            reason=reason,
            parameters=settings,
            inputs={port: tensor.name for port, tensor in inputs.items()},
            outputs=outputs,
            scope=net.origin.scopes,
            label=net.origin.label,
        )
        found: list[Value | None] = []
        for port, name in zip(names[1], node.outputs, strict=True):
            if not name:
                found.append(None)
                continue
            said = net.declared(name)
            if said is not None:
                net.types[outputs[port]] = said
            found.append(Tensor(outputs[port], said))
        return tuple(found)

    def _shown(self, value: Value) -> Tensor | None:
        try:
            return self.net.as_tensor(value)
        except Unfit:
            return None

    def _chosen_branch(self, node: OnnxNode) -> Branch | None:
        """Return the branch of an If whose condition stands in the file."""
        condition = self.net.value(0) if node.kind == "If" and node.inputs else None
        if not isinstance(condition, Constant) or condition.array.size != 1:
            return None
        branch = node.attributes.get("then_branch" if condition.array.item() else "else_branch")
        return branch if isinstance(branch, Branch) else None

    def _enter(self, node: OnnxNode, branch: Branch) -> None:
        """Translate the branch of an If in the place of the If."""
        for name, array in branch.constants.items():
            self.net.bind(name, Constant(array, name))
        self.folded[kind_of(node)] += 1
        missing = [name for each in branch.nodes for name in each.inputs if name and not self._knows(name, branch)]
        if missing:
            raise NetbuilderError(_unknown_value(node, missing[0]))
        for inner in branch.nodes:
            self.net.node, self.net.origin = inner, Origin(self.net.origin.scopes, snake(inner.kind))
            self._translate(inner)
        for name, inner_name in zip(node.outputs, branch.outputs, strict=False):
            if inner_name not in self.net.values:
                raise NetbuilderError(_unknown_value(node, inner_name))
            self.net.bind(name, self.net.values[inner_name])

    def _knows(self, name: str, branch: Branch) -> bool:
        return name in self.net.values or any(name in each.outputs for each in branch.nodes)

    def _exit(self, name: str) -> str:
        self.net.node, self.net.origin = OnnxNode("Identity", inputs=(name,)), Origin((), "constant")
        try:
            return self.net.tensor(0).name
        except Unfit:
            known = self.net.value(0)
            raise NetbuilderError(
                Problem(
                    code="import.onnx.output",
                    message=f"The output {name[:80]!r} is no value of a network: it only counts sizes.",
                    found=type(known).__name__.lower(),
                )
            ) from None

    def _computation(self, entries: tuple[Entry, ...], exits: tuple[tuple[str, str], ...]) -> Computation:
        net = self.net
        whole = Computation(entries=entries, exits=exits, operations=tuple(net.operations.values()))
        kept = alive(whole.operations, [value for _, value in exits])
        living = {id(operation) for operation in kept}
        for operation in whole.operations:
            if id(operation) not in living and operation.origin not in ("", AUXILIARY):
                self.folded[operation.origin] += 1
        counted = [operation for operation in kept if operation.origin != AUXILIARY]
        shown = (
            replace(each, counts=each.origin not in ("", AUXILIARY), origin=each.origin or AUXILIARY)
            for each in settle(kept, counted)
        )
        return replace(
            whole,
            operations=tuple(shown),
            types=net.types,
            folded={origin: count for origin, count in self.folded.items() if count > 0},
            notes=tuple(net.notes),
        )


def kind_of(node: OnnxNode) -> str:
    """Return what the coverage table calls an operator."""
    return node.kind if "." in node.kind else f"onnx.{node.kind}"


def _learned(graph: OnnxGraph) -> frozenset[str]:
    """Return which initializers look like weights: floating point, more than one number, not named by a machine.

    Where most have names of parameters ("layer1.conv.weight"), those without such a name are constants.
    """
    names = [name for name, array in graph.constants.items() if array.dtype.kind == "f" and array.size > 1]
    dotted = [name for name in names if "." in name]
    chosen = dotted if 2 * len(dotted) > len(names) else names
    return frozenset(name for name in chosen if not name.startswith(("val_", "const", "Const", "_to_copy")))


def _port_names(node: OnnxNode) -> tuple[list[str], list[str]]:
    """Return what the standard calls an operator's inputs and outputs, or numbers."""
    formal: tuple[list[Any], list[Any]] = ([], [])
    if "." not in node.kind:
        try:
            schema = defs.get_schema(node.kind)
            formal = (list(schema.inputs), list(schema.outputs))
        except onnx.defs.SchemaError:
            pass
    sides = []
    for names, given, word in ((formal[0], node.inputs, "input"), (formal[1], node.outputs, "output")):
        found = [names[place].name if place < len(names) else f"{word}_{place}" for place in range(len(given))]
        repeated = {name for name in found if found.count(name) > 1}
        sides.append([f"{name}_{place}" if name in repeated else name for place, name in enumerate(found)])
    return sides[0], sides[1]


def _plain_settings(node: OnnxNode) -> dict[str, Any]:
    """Return an operator's settings that a project can hold."""
    found: dict[str, Any] = {}
    for name, value in node.attributes.items():
        if isinstance(value, np.ndarray):
            if value.size <= _SETTING and not value.dtype.hasobject:
                found[name] = tuple(np.ravel(value).tolist())
        elif isinstance(value, (int, float, str)) or (isinstance(value, tuple) and len(value) <= _SETTING):
            found[name] = value
    return found


def _without_samples(name: str) -> Problem:
    return Problem(
        code="import.onnx.input",
        message=f"The input {name[:80]!r} is a single number; a project's inputs have an axis for the samples.",
        expected="at least one axis",
        found="a single number",
    )


def _unknown_value(node: OnnxNode, name: str) -> Problem:
    return Problem(
        code="import.onnx.damaged",
        message=f"The file is damaged: {(node.name or node.kind)[:80]!r} reads {name[:80]!r}, which nothing gives.",
    )
