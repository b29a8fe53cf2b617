"""Provenance: which layer made each feature of a value, so that features are known again in a network that was edited.

A *feature* is one place along a value's feature axis: a channel of an image, a unit of a vector. Layers that mix
features (linear, convolution, recurrent) make new ones; the rest hands them on, and flattening makes one of each
feature at each place. Features are numbers that are equal in two networks exactly where the same node made the same
unit, which tells the columns of a weight matrix apart when what feeds it was widened, narrowed, concatenated or
flattened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from netbuilder.compiler.bypass import in_force
from netbuilder.compiler.flow import sources_of, spec_of
from netbuilder.compiler.shapes import DATA, ShapeInference
from netbuilder.document.model import Document, Graph, Node, PortRef
from netbuilder.document.topology import order
from netbuilder.layers.spec import LayerSpec
from netbuilder.layers.tensor import TensorType

Labels: TypeAlias = NDArray[np.int64]

_UNIT: Final = 24
"""Bits of a label that say which unit of its layer a feature is."""

_SPOT: Final = 22
"""Bits of a label that say where a flattened feature was."""

_NODES: Final = 1 << (62 - _UNIT - _SPOT)

_SAME_AXIS: Final = frozenset({"activation", "regularization", "normalization"})
_MIXING: Final = frozenset({"glu"})
_ELEMENTWISE: Final = frozenset({"add", "subtract", "multiply", "divide", "maximum", "minimum"})
_HANDING_ON: Final = frozenset({"identity", "cast", "upsample", "input", "output"})


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one value.

    Attributes:
        axis: The feature axis, from 1 or from the end (-1).
        labels: One label a feature.
    """

    axis: int
    labels: Labels


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A document's network laid out flat: nodes by their paths, and the type of every port.

    Attributes:
        graph: The flat graph.
        types: Port -> type.
        inputs: Node path -> its linked inputs as (port, source), in the order of its ports.
    """

    graph: Graph
    types: Mapping[PortRef, TensorType]
    inputs: Mapping[str, Sequence[tuple[str, PortRef]]]

    @classmethod
    def of(cls, document: Document) -> Anatomy:
        """Lay out a document that has no errors, without its bypassed nodes."""
        shapes = ShapeInference().infer(in_force(document))
        graph = shapes.expansion.flat.graph
        return cls(graph, shapes.types, sources_of(graph))

    def source(self, path: str, port: str = "") -> PortRef | None:
        """Return what feeds an input port, or a node's first linked input."""
        return next((source for name, source in self.inputs.get(path, ()) if port in ("", name)), None)


@dataclass(slots=True)
class Numbering:
    """Numbers for output ports, the same in all networks that are compared."""

    numbers: dict[PortRef, int] = field(default_factory=dict)

    def of(self, port: PortRef) -> int:
        """Return a port's number."""
        return self.numbers.setdefault(port, len(self.numbers) + 1)


def trace(anatomy: Anatomy, numbering: Numbering, through: frozenset[str] = frozenset()) -> dict[PortRef, Features]:
    """Return the features of every value that has any.

    Args:
        anatomy: The network.
        numbering: What the networks to be compared share.
        through: Paths of mixing layers that hand their first input on unchanged: those inserted as identity.
    """
    found: dict[PortRef, Features] = {}
    for path in order(anatomy.graph):
        node = anatomy.graph.nodes[path]
        for port, type in _outputs(anatomy, path):
            inputs = [found.get(source) for _, source in anatomy.inputs.get(path, ())]
            handed = _handed_on(anatomy, node, inputs, type, path in through)
            made = handed if handed is not None else _made(node, type, inputs, numbering.of(port))
            if made is not None:
                found[port] = made
    return found


def _outputs(anatomy: Anatomy, path: str) -> list[tuple[PortRef, TensorType]]:
    node = anatomy.graph.nodes[path]
    spec = spec_of(node)
    if spec is not None:
        names = [port.name for port in spec.output_ports(spec.resolve(node.parameters))]
    else:
        names = list(dict.fromkeys(s.port for links in anatomy.inputs.values() for _, s in links if s.node == path))
    ports = [PortRef(path, name) for name in names]
    return [(port, anatomy.types[port]) for port in ports if port in anatomy.types]


def _size(type: TensorType, axis: int) -> int:
    """Return the size of an axis; 0 where it is not a number or not there."""
    if not -type.rank <= axis < type.rank:
        return 0
    size = type.dims[axis]
    return size if isinstance(size, int) else 0


def _made(node: Node, type: TensorType, inputs: Sequence[Features | None], number: int) -> Features | None:
    """Return the features that a layer makes itself."""
    if type.rank < 2 or not type.is_float:
        return None
    axis = _own_axis(node, type, inputs)
    size = _size(type, axis)
    if not 0 < size < 1 << _UNIT or number >= _NODES:
        return None
    return Features(axis, (number << (_UNIT + _SPOT)) + (_units(node, size) << _SPOT))


def _units(node: Node, size: int) -> Labels:
    """Return the numbers of a layer's units; those of a second direction stay apart from a first one that grows."""
    units = np.arange(size, dtype=np.int64)
    if node.parameters.get("bidirectional") is True and size % 2 == 0:
        half = size // 2
        return np.where(units < half, units, units - half + (1 << (_UNIT - 1)))
    return units


def _own_axis(node: Node, type: TensorType, inputs: Sequence[Features | None]) -> int:
    """Return the axis along which a layer makes features."""
    spec = spec_of(node)
    if spec is None or spec.category == "convolution" or type.rank == 2:
        return 1
    if spec.category in ("linear", "recurrent", "attention"):
        return -1
    if type.rank == 3 and inputs and inputs[0] is not None:
        return inputs[0].axis
    return 1 if type.rank > 3 else -1


def _handed_on(
    anatomy: Anatomy, node: Node, inputs: Sequence[Features | None], type: TensorType, is_identity: bool
) -> Features | None:
    """Return the features that a layer hands on; None when it makes its own."""
    if not inputs or node.type.startswith(DATA):
        return None
    spec, first = spec_of(node), inputs[0]
    if spec is None or first is None:
        return None
    before = anatomy.types.get(anatomy.inputs[node.id][0][1])
    if before is None:
        return None
    if spec.key == "concat":
        return _joined(spec, node, [each for each in inputs if each is not None], type, len(inputs))
    if spec.key == "flatten":
        return _flattened(spec, node, first, before, type)
    if spec.key in _ELEMENTWISE:
        return next((each for each in inputs if each is not None and _fits(each, type)), None)
    if spec.key == "image_to_sequence":
        return Features(-1, first.labels) if first.axis == 1 and len(first.labels) == _size(type, -1) else None
    if spec.key == "sequence_to_image":
        return Features(1, first.labels) if first.axis == -1 and len(first.labels) == _size(type, 1) else None
    hands_on = is_identity or spec.key in _HANDING_ON or (spec.category in _SAME_AXIS and spec.key not in _MIXING)
    hands_on = hands_on or (first.axis == 1 and (_keeps_channels(spec, node, before)))
    return first if hands_on and _fits(first, type) else None


def _keeps_channels(spec: LayerSpec, node: Node, before: TensorType) -> bool:
    """Whether a layer works on each channel by itself: pooling, padding in space, a depthwise convolution."""
    if spec.category == "pooling" or "_pad" in spec.key:
        return True
    if spec.category != "convolution" or "groups" not in node.parameters:
        return False
    channels, values = _size(before, 1), spec.resolve(node.parameters)
    return channels > 1 and values["groups"] == channels == values["filters"]


def _fits(features: Features, type: TensorType) -> bool:
    return len(features.labels) == _size(type, features.axis)


def _joined(spec: LayerSpec, node: Node, inputs: Sequence[Features], type: TensorType, count: int) -> Features | None:
    axis = int(spec.resolve(node.parameters)["axis"])
    if len(inputs) != count or len({each.axis for each in inputs}) != 1:
        return None
    own = inputs[0].axis
    if axis % type.rank != own % type.rank:
        return inputs[0] if _fits(inputs[0], type) else None
    joined = Features(own, np.concatenate([each.labels for each in inputs]))
    return joined if _fits(joined, type) else None


def _flattened(
    spec: LayerSpec, node: Node, features: Features, before: TensorType, type: TensorType
) -> Features | None:
    """Return one feature for each feature at each place, in the order in which flattening puts them."""
    dims = before.dims[1:]
    if int(spec.resolve(node.parameters)["start_axis"]) != 1 or not all(isinstance(size, int) for size in dims):
        return None
    sizes = [size for size in dims if isinstance(size, int)]
    own = (features.axis - 1) % len(sizes) if features.axis > 0 else len(sizes) + features.axis
    places = [size for axis, size in enumerate(sizes) if axis != own]
    bits = _SPOT // max(len(places), 1)
    if (
        any(size >= 1 << bits for size in places)
        or prod(sizes) != _size(type, 1)
        or (features.labels % (1 << _SPOT)).any()
    ):
        return None
    labels = features.labels.reshape([-1 if axis == own else 1 for axis in range(len(sizes))])
    shift = 0
    for axis, size in enumerate(sizes):
        if axis != own:  # where it was, so that a smaller image keeps its corner
            shape = [-1 if each == axis else 1 for each in range(len(sizes))]
            labels = labels + (np.arange(size, dtype=np.int64) << shift).reshape(shape)
            shift += bits
    return Features(1, np.ascontiguousarray(np.broadcast_to(labels, sizes)).ravel())


def places_of(before: Labels, after: Labels) -> Labels:
    """Return for each feature of `after` its place in `before`, -1 where it was not there.

    Where nothing is known again (what feeds a layer was replaced), places correspond from the first on.
    """
    if len(before) == len(after) and bool((before == after).all()):
        return np.arange(len(after))
    known: dict[int, list[int]] = {}
    for place, label in reversed(list(enumerate(before.tolist()))):
        known.setdefault(label, []).append(place)
    found = np.array([known[label].pop() if known.get(label) else -1 for label in after.tolist()], np.int64)
    return found if (found >= 0).any() else corner(len(before), len(after))


def corner(before: int, after: int) -> Labels:
    """Return the places when the leading ones correspond."""
    places = np.arange(after)
    return np.where(places < before, places, -1)
