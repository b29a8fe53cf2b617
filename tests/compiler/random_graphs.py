"""Hypothesis draws networks that are right: branches, merges, layers with several outputs, shared weights, blocks.

Every value that the network computes is kept with one sample's sizes, and a layer is only drawn where those suit it.
What nobody reads in the end becomes an output. Blocks work along the last axis of vectors or sequences; their sizes
follow from parameters by expressions; they may hold one another, be repeated, and share the weights of another
instance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import strategies as st

from netbuilder.document.model import Definition, Document, Graph, Node, PortRef
from netbuilder.layers.catalog import catalog

Dims = tuple[int, ...]

SMOOTH = ("relu", "tanh", "gelu", "sigmoid", "silu", "softplus", "identity", "abs")
MERGES = ("add", "multiply", "maximum", "subtract")
STARTS: tuple[Dims, ...] = ((6,), (5, 6), (4, 6, 6))
"""One sample's sizes of the inputs: a vector, a sequence, a picture."""

SIZES = st.sampled_from([2, 4, 6, 8])


@dataclass(frozen=True)
class Value:
    """An output port and one sample's sizes of what it gives."""

    port: PortRef
    dims: Dims


@dataclass
class Sketch:
    """A graph in the making.

    Attributes:
        draw: Hypothesis's.
        ids: Where node ids come from, unique in the document.
        nodes: The nodes by id.
        edges: The links.
        values: Everything that the nodes give.
        owners: Layers and instances whose weights another may share: id -> the last size of what they read.
        widths: The last size of what those give.
    """

    draw: st.DrawFn
    ids: count[int]
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[PortRef, PortRef] = field(default_factory=dict)
    values: list[Value] = field(default_factory=list)
    owners: dict[str, int] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)

    def add(
        self, type: str, reads: Mapping[str, Value] | None = None, label: str = "", tied_to: str = "", **parameters: Any
    ) -> str:
        """Add a node and its links; return its id."""
        id = f"n{next(self.ids):08x}"
        spec = catalog().get(type)
        values = {**(spec.defaults() if spec else {}), **parameters}
        label = label or f"{type.replace('block.', '')}_{id[-3:]}"
        self.nodes[id] = Node(id=id, type=type, label=label, parameters=values, tied_to=tied_to)
        self.edges |= {PortRef(id, port): value.port for port, value in (reads or {}).items()}
        return id

    def give(self, id: str, dims: Dims, port: str = "y") -> Value:
        """Note what an output port of a node gives."""
        value = Value(PortRef(id, port), dims)
        self.values.append(value)
        return value

    def own(self, id: str, size: int, width: int) -> None:
        """Note that a node's weights, for values of a last size, may be shared; it gives values of another."""
        self.owners[id], self.widths[id] = size, width

    def pick(self, suits: Callable[[Dims], bool] = lambda dims: True) -> Value:
        """Draw a value, a late one more often, so that networks become deep."""
        fitting = [value for value in self.values if suits(value.dims)]
        back = self.draw(st.integers(0, 2 * len(fitting)))
        return fitting[-1 - back] if back < len(fitting) else fitting[-1]

    @property
    def graph(self) -> Graph:
        """The graph as it is."""
        return Graph(nodes=self.nodes, edges=self.edges)

    def close(self, most: int) -> None:
        """Make outputs of what nobody reads, at most so many, the rest added up in none of them."""
        read = set(self.edges.values())
        open_ = [value for value in self.values if value.port not in read] or self.values[-1:]
        for number, value in enumerate(open_[-most:]):
            self.add("output", {"x": value}, f"out_{number}")


@dataclass(frozen=True)
class Block:
    """A definition and what an instance of it gives.

    Attributes:
        definition: The block.
        width: The last size of its output, from its parameter `units`.
        reads: Its input ports.
    """

    definition: Definition
    width: Callable[[int], int]
    reads: tuple[str, ...]


# -- layers ----------------------------------------------------------------------------------------------------


def _smooth(sketch: Sketch) -> None:
    value = sketch.pick()
    sketch.give(sketch.add(sketch.draw(st.sampled_from(SMOOTH)), {"x": value}), value.dims)


def _linear(sketch: Sketch) -> None:
    value, units = sketch.pick(lambda dims: len(dims) < 3), sketch.draw(SIZES)
    id = sketch.add("linear", {"x": value}, units=units, bias=sketch.draw(st.booleans()))
    sketch.own(id, value.dims[-1], units)
    sketch.give(id, (*value.dims[:-1], units))


def _shared(sketch: Sketch) -> None:
    """Add a layer or an instance that shares another's weights."""
    able = [
        (id, value)
        for id, size in sketch.owners.items()
        for value in sketch.values
        if value.dims[-1] == size and len(value.dims) < 3
    ]
    if able:
        owner, value = sketch.draw(st.sampled_from(able))
        node = sketch.nodes[owner]
        id = sketch.add(node.type, {"x": value}, "", owner, **node.parameters)
        sketch.give(id, (*value.dims[:-1], sketch.widths[owner]))


def _normalize(sketch: Sketch) -> None:
    value = sketch.pick(lambda dims: len(dims) < 3)
    sketch.give(sketch.add("layer_norm", {"x": value}), value.dims)


def _split(sketch: Sketch) -> None:
    value = sketch.pick(lambda dims: dims[-1] % 2 == 0)
    id = sketch.add("split", {"x": value}, axis=-1, parts=2)
    for port in ("a", "b"):
        sketch.give(id, (*value.dims[:-1], value.dims[-1] // 2), port)


def _recurrent(sketch: Sketch) -> None:
    value, units = sketch.pick(lambda dims: len(dims) == 2), sketch.draw(SIZES)
    both = sketch.draw(st.booleans())
    id = sketch.add(sketch.draw(st.sampled_from(["lstm", "gru", "rnn"])), {"x": value}, units=units, bidirectional=both)
    width = units * (1 + both)
    sketch.give(id, (value.dims[0], width), "sequence")
    sketch.give(id, (width,), "state")


def _convolution(sketch: Sketch) -> None:
    value, filters = sketch.pick(lambda dims: len(dims) == 3), sketch.draw(SIZES)
    sketch.give(sketch.add("conv2d", {"x": value}, filters=filters), (filters, *value.dims[1:]))


def _pool(sketch: Sketch) -> None:
    value = sketch.pick(lambda dims: len(dims) == 3)
    if min(value.dims[1:]) >= 2:
        sketch.give(sketch.add("max_pool2d", {"x": value}), (value.dims[0], *(size // 2 for size in value.dims[1:])))
    else:
        sketch.give(sketch.add("global_avg_pool", {"x": value}), value.dims[:1])


def _flatten(sketch: Sketch) -> None:
    value = sketch.pick(lambda dims: len(dims) > 1)
    size = 1
    for each in value.dims:
        size *= each
    sketch.give(sketch.add("flatten", {"x": value}), (size,))


def _merge(sketch: Sketch) -> None:
    one = sketch.pick()
    other = sketch.pick(lambda dims: dims == one.dims)
    id = sketch.add(sketch.draw(st.sampled_from(MERGES)), {"a": one, "b": other})
    sketch.give(id, one.dims)


def _concat(sketch: Sketch) -> None:
    one = sketch.pick()
    other = sketch.pick(lambda dims: dims[:-1] == one.dims[:-1])
    id = sketch.add("concat", {"a": one, "b": other}, axis=-1)
    sketch.give(id, (*one.dims[:-1], one.dims[-1] + other.dims[-1]))


_ANYWHERE = (_smooth, _merge, _concat, _split)
_BY_RANK = {1: (_linear, _shared, _normalize), 2: (_linear, _shared, _normalize, _recurrent, _flatten), 3: ()}


def _grow(sketch: Sketch, blocks: list[Block]) -> None:
    """Add one layer, or an instance of a block, that suits a value."""
    ranks = {len(value.dims) for value in sketch.values}
    able: list[Callable[[Sketch], None]] = [*_ANYWHERE, *(each for rank in ranks for each in _BY_RANK[rank])]
    if not any(value.dims[-1] % 2 == 0 for value in sketch.values):
        able.remove(_split)
    if 3 in ranks:
        able += [_convolution, _pool, _flatten]
    if blocks and ranks & {1, 2}:
        able += [lambda sketch: _instance(sketch, blocks)] * 6
    sketch.draw(st.sampled_from(able))(sketch)


# -- blocks ----------------------------------------------------------------------------------------------------


def _instance(sketch: Sketch, blocks: list[Block]) -> None:
    """Add an instance of a block, perhaps repeated."""
    block = sketch.draw(st.sampled_from(blocks))
    value = sketch.pick(lambda dims: len(dims) < 3)
    reads = {"x": value}
    if "memory" in block.reads:
        reads["memory"] = sketch.pick(lambda dims: dims[:-1] == value.dims[:-1])
    units = sketch.draw(SIZES)
    id = sketch.add(f"block.{block.definition.key}", reads, units=units, repeat=sketch.draw(st.integers(1, 3)))
    width = block.width(units)
    if len(reads) == 1:
        sketch.own(id, value.dims[-1], width)
    sketch.give(id, (*value.dims[:-1], width))


@st.composite
def _blocks(draw: st.DrawFn, ids: count[int]) -> list[Block]:
    """Draw up to three definitions; each may hold instances of those before it."""
    made: list[Block] = []
    for number in range(draw(st.sampled_from([0, 1, 2, 2, 3]))):
        made.append(draw(_block(ids, f"b{number}", made)))
    return made


@st.composite
def _block(draw: st.DrawFn, ids: count[int], key: str, known: list[Block]) -> Block:
    """Draw a definition: x -> layers whose sizes are expressions of `units` -> y, perhaps with x or a memory joined."""
    sketch = Sketch(draw, ids)
    reads = ("x", "memory") if draw(st.booleans()) else ("x",)
    entries = {name: Value(PortRef(sketch.add("input", label=name, dims=(8,)), "y"), (0,)) for name in reads}
    factor = draw(st.integers(1, 3))
    wide = {"=": f"units * {factor}"}
    value = Value(PortRef(sketch.add("linear", {"x": entries["x"]}, units=wide), "y"), (0,))
    if "memory" in entries:
        other = Value(PortRef(sketch.add("linear", {"x": entries["memory"]}, units=wide), "y"), (0,))
        value = Value(PortRef(sketch.add("add", {"a": value, "b": other}), "y"), (0,))
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from([*SMOOTH, "layer_norm", "residual", *(["nested"] * 8 if known else [])]))
        if kind == "nested":
            inner = draw(st.sampled_from(known))
            inside = {"x": value, "memory": value} if "memory" in inner.reads else {"x": value}
            repeat = {"=": "max(1, units // 4)"} if draw(st.booleans()) else draw(st.integers(1, 2))
            id = sketch.add(f"block.{inner.definition.key}", inside, units={"=": "units"}, repeat=repeat)
            # Whatever the inner block gives, the next layer makes as many of it as before.
            id = sketch.add("linear", {"x": Value(PortRef(id, "y"), (0,))}, units=wide)
        elif kind == "residual":
            branch = Value(PortRef(sketch.add("linear", {"x": value}, units=wide), "y"), (0,))
            id = sketch.add("add", {"a": value, "b": branch})
        else:
            id = sketch.add(kind, {"x": value})
        value = Value(PortRef(id, "y"), (0,))
    sketch.add("output", {"x": value}, "y")
    definition = Definition(
        key=key,
        title=f"Block {key}",
        graph=sketch.graph,
        parameters=({"name": "units", "kind": "int", "default": 4, "minimum": 1},),
    )
    return Block(definition, lambda units: units * factor, reads)


@st.composite
def networks(draw: st.DrawFn, layers: int = 10) -> Document:
    """Draw a network without a mistake, of at most so many layers and instances, its inputs `in_0`, `in_1`.

    Each has float inputs of the sizes in its `dims`, and one to three outputs.
    """
    ids = count(1)
    blocks = draw(_blocks(ids))
    sketch = Sketch(draw, ids)
    for number, dims in enumerate(draw(st.lists(st.sampled_from(STARTS), min_size=1, max_size=2))):
        sketch.give(sketch.add("input", label=f"in_{number}", dims=dims), dims)
    for _ in range(draw(st.integers(1, layers))):
        _grow(sketch, blocks)
    sketch.close(3)
    return Document(graph=sketch.graph, blocks={block.definition.key: block.definition for block in blocks})
