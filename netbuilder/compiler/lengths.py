"""Lengths: fixes for layers whose weights would have to grow with a size that varies."""

from __future__ import annotations

from collections.abc import Mapping

from netbuilder.compiler.flow import spec_of
from netbuilder.compiler.shapes import Shapes
from netbuilder.compiler.wording import insertion, offering
from netbuilder.document.model import Document, Node, PortRef
from netbuilder.foundation.problem import Fix, Problem
from netbuilder.layers.tensor import Size, TensorType


def with_length_fixes(document: Document, shapes: Shapes, problem: Problem) -> Problem:
    """Return a problem of a size that varies with what would make it a fixed one.

    Args:
        document: What it is about.
        shapes: Its shapes.
        problem: Any problem; others are returned as they are.
    """
    node = document.graph.nodes.get(problem.node)
    if problem.code != "shape.varies" or problem.fixes or node is None:
        return problem
    fix = _fix(document, shapes.types, node, problem.port)
    return problem if fix is None else offering(problem, (fix,))


def _fix(document: Document, types: Mapping[PortRef, TensorType], node: Node, port: str) -> Fix | None:
    found, axis = types.get(PortRef(node.id, port)), _axis(node, port)
    if found is None or axis is None:
        return None
    axis %= found.rank
    if found.rank == 2 and _is_length(found, axis):
        return insertion(node.id, port, "unsqueeze", {"axis": 2})
    if _is_length(found, axis):
        fixed = [other for other, size in enumerate(found.dims) if other and isinstance(size, int)]
        if not fixed:
            return None
        first, second = sorted((axis, fixed[-1]))
        return insertion(node.id, port, "transpose", {"first": first, "second": second})
    return _mean_before_merging(document, types, PortRef(node.id, port))


def _axis(node: Node, port: str) -> int | None:
    """Return the axis of an input that a layer takes a size of its weights from."""
    spec = spec_of(node)
    sizes = spec.derived_sizes(spec.resolve(node.parameters)) if spec is not None else {}
    axes = [axis for name, axis in sizes.values() if name == port]
    return next((axis for axis in axes if isinstance(axis, int)), None)


def _is_length(found: TensorType, axis: int) -> bool:
    """Whether an axis is a varying length as it came from the data, not one merged with others."""
    size = found.dims[axis]
    return isinstance(size, Size) and size.factor == 1


def _mean_before_merging(document: Document, types: Mapping[PortRef, TensorType], port: PortRef) -> Fix | None:
    """Return the fix that averages over a length before the layer that merges it with other axes (a Flatten)."""
    seen: set[str] = set()
    while port in document.graph.edges and port.node not in seen:
        seen.add(port.node)
        merging = document.graph.edges[port].node
        inputs = [target for target in document.graph.edges if target.node == merging]
        if len(inputs) != 1 or inputs[0] not in types:
            return None
        (port,) = inputs
        found = types[port]
        lengths = [axis for axis in range(1, found.rank) if _is_length(found, axis)]
        if lengths and found.rank > 2:
            return insertion(merging, port.port, "mean", {"axes": (lengths[0],)})
    return None
