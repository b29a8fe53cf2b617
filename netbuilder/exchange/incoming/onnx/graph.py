"""The graph of an ONNX file as plain values: nodes, constants, inputs and outputs; functions are written out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from netbuilder.exchange.incoming.onnx.values import Array
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.layers.tensor import BATCH, TIME, Dim, TensorType

NODES: Final = 100_000
"""Operators in a file, those of functions counted each time they are used; most are worked out while reading."""

DEPTH: Final = 32
"""How deeply functions and branches nest."""

STANDARD: Final = frozenset({"", "ai.onnx"})
"""Names of the standard's own domain of operators."""

SIZES_PER_NAME: Final = 64
"""How many axes a value has at most."""


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One operator.

    Attributes:
        kind: Its name in the standard ("Conv"), with the domain in front when it is not of the standard.
        name: The node's own name, which often tells the module it was in.
        inputs: What it reads; "" for inputs that are left out.
        outputs: What it gives; "" for outputs that are left out.
        attributes: Numbers, texts, lists of those, arrays; `Branch` for a graph inside.
        metadata: What the exporter wrote about its origin.
    """

    kind: str
    name: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reference:
    """An attribute of a function's node that takes the value of the function's own attribute.

    Attributes:
        name: The function's attribute.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Branch:
    """A graph inside an operator (the two of If).

    Attributes:
        nodes: Its operators.
        constants: Its own constants.
        outputs: What it gives.
        inputs: What it is given at each use (the body of Loop and Scan).
    """

    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, Array]
    outputs: tuple[str, ...]
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """An operator that the file itself defines.

    Attributes:
        inputs: Its arguments.
        outputs: What it gives.
        attributes: The names of its settings -> their defaults; None where there is none.
        nodes: What it is made of.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    nodes: tuple[OnnxNode, ...]


@dataclass(frozen=True, slots=True)
class Declared:
    """What a file says of a value's shape and dtype.

    Attributes:
        dims: Sizes: numbers, names of sizes that vary, or None.
        dtype: torch's name of the dtype.
    """

    dims: tuple[int | str | None, ...]
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxGraph:
    """A whole file.

    Attributes:
        title: What the file calls the network.
        opset: The version of the standard's operators.
        nodes: The operators, each after what it reads.
        constants: Initializer -> numbers.
        inputs: (Name, declared type) of what is passed in.
        outputs: What the network gives.
        declared: Value -> what the file says of it, for values within.
        inferred: Works out what follows for all values from what the file says.
    """

    title: str = ""
    opset: int = 13
    nodes: tuple[OnnxNode, ...] = ()
    constants: Mapping[str, Array] = field(default_factory=dict)
    inputs: tuple[tuple[str, Declared], ...] = ()
    outputs: tuple[str, ...] = ()
    declared: Mapping[str, Declared] = field(default_factory=dict)
    inferred: Callable[[], Mapping[str, Declared]] = dict


def too_deep() -> NetbuilderError:
    """Return the error about functions or branches that nest too deeply, or that use themselves."""
    return NetbuilderError(
        Problem(
            code="import.onnx.depth",
            message=f"The file's functions nest more than {DEPTH} deep, or use themselves.",
            expected=f"at most {DEPTH} levels",
        )
    )


def too_many() -> NetbuilderError:
    """Return the error about too many operators."""
    return NetbuilderError(
        Problem(
            code="import.onnx.large",
            message=f"The file has more than {NODES:,} operators.",
            expected=f"at most {NODES:,} operators",
        )
    )


def write_out(nodes: Iterable[OnnxNode], functions: Mapping[str, Function]) -> tuple[OnnxNode, ...]:
    """Return nodes in which each use of a function is replaced by what the function is made of.

    Args:
        nodes: The operators.
        functions: Kind -> function.

    Raises:
        NetbuilderError: When functions use themselves or become too many operators.
    """
    written: list[OnnxNode] = []
    for number, node in enumerate(nodes):
        for each in _written(node, functions, f"{number}", 0):
            written.append(each)
            if len(written) > NODES:
                raise too_many()
    return tuple(written)


def _written(node: OnnxNode, functions: Mapping[str, Function], place: str, depth: int) -> Iterator[OnnxNode]:
    function = functions.get(node.kind)
    if function is None:
        yield node
        return
    if depth >= DEPTH:
        raise too_deep()
    names = dict(zip(function.inputs, (*node.inputs, *[""] * len(function.inputs)), strict=False))
    names |= dict(zip(function.outputs, node.outputs, strict=False))
    given = {name: node.attributes.get(name, default) for name, default in function.attributes.items()}
    for number, inner in enumerate(function.nodes):
        inside = f"{place}.{number}"
        yield from _written(_bound(inner, node, names, given, place), functions, inside, depth + 1)


def _bound(inner: OnnxNode, use: OnnxNode, names: dict[str, str], given: Mapping[str, Any], place: str) -> OnnxNode:
    """Return a function's node with the names and settings of one use of the function."""

    def outer(name: str) -> str:
        return names.setdefault(name, f"{use.name or use.kind}@{place}/{name}") if name else ""

    attributes = {
        key: given.get(value.name) if isinstance(value, Reference) else value for key, value in inner.attributes.items()
    }
    return replace(
        inner,
        name="/".join(part for part in (use.name or use.kind, inner.name or inner.kind) if part),
        inputs=tuple(map(outer, inner.inputs)),
        outputs=tuple(map(outer, inner.outputs)),
        attributes={key: value for key, value in attributes.items() if value is not None},
        metadata=inner.metadata or use.metadata,
    )


def batch_names(graph: OnnxGraph) -> frozenset[str]:
    """Return what the file calls the number of samples: the names of the inputs' first sizes."""
    return frozenset(type.dims[0] for _, type in graph.inputs if type.dims and isinstance(type.dims[0], str))


def fixed_batch(graph: OnnxGraph) -> int:
    """Return the number of samples that the file is for; 0 when it may vary."""
    firsts = [type.dims[0] for _, type in graph.inputs if type.dims]
    return firsts[0] if firsts and isinstance(firsts[0], int) and len(set(firsts)) == 1 else 0


def tensor_type(declared: Declared, batches: frozenset[str], fixed: int) -> TensorType:
    """Return a declared type with the number of samples as N and every other size that varies as T.

    Args:
        declared: What the file says.
        batches: What it calls the number of samples.
        fixed: The number of samples that it is for, or 0.
    """
    dims: list[Dim] = []
    for place, size in enumerate(declared.dims):
        if size in batches or (not place and fixed and size == fixed):
            dims.append(BATCH)
        else:
            dims.append(size if isinstance(size, int) else TIME if isinstance(size, str) else None)
    return TensorType(tuple(dims), declared.dtype)
