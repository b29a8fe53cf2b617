"""Faces: what a node shows, as plain values worked out from document, declarations, shapes and problems.

No Qt here. A face is hashable and is the key of everything that is cached for drawing: two nodes with equal faces
share one picture, and a node whose face did not change is not drawn again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from netbuilder.data.spec import SourceSpec
from netbuilder.document.blocks import INPUT
from netbuilder.document.identity import fresh_keys, lost_keys
from netbuilder.document.model import Document, Graph, Node, PortRef
from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.parameter import Values
from netbuilder.foundation.problem import Severity
from netbuilder.layers.foreign import foreign_inputs, foreign_outputs, foreign_title, is_foreign
from netbuilder.layers.spec import LayerSpec
from netbuilder.layers.tensor import TensorType
from netbuilder.ui.canvas.learning import Learning, Paces, learning_of
from netbuilder.ui.sight import present

Declarations = Mapping[str, Declaration]
"""Type -> layer spec or source spec, in the palette's order."""


NOTHING: Values = {}

K = TypeVar("K")


class Area(IntEnum):
    """What kind of live picture a face has room for."""

    NONE = 0
    STRIP = 1  # up to three little images side by side
    CHART = 2  # bars
    SQUARE = 3  # points, a decision boundary
    CURVES = 4  # a loss's curves between two lines of numbers


@dataclass(frozen=True, slots=True)
class OutputFace:
    """An output port: its name and the shape of one sample, "" while unknown."""

    name: str
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Face:
    """What a node shows.

    Attributes:
        title: The declaration's title.
        category: For the colour.
        inputs: Names of the input ports, from the top.
        outputs: The output ports, from the top.
        label: The user's own name for the node; "" while it is the one drawn from the type.
        brief: The parameters in one line.
        pending: The shapes are those of before the last edit, or not known yet.
        severity: The worst problem, or None.
        known: Whether this program knows the type.
        bypassed: Whether it is left out of the network.
        learning: How its weights learn; None where they learn like all others, or there are none.
        area: Room for a live picture.
    """

    title: str
    category: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[OutputFace, ...] = ()
    label: str = ""
    brief: str = ""
    pending: bool = False
    severity: Severity | None = None
    known: bool = True
    bypassed: bool = False
    learning: Learning | None = None
    area: Area = Area.NONE


@dataclass(frozen=True, slots=True)
class Links:
    """How many links each port of each node has, so that a port which its type no longer declares still shows."""

    inputs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: Graph) -> Links:
        """Count the links at the ports of a graph."""
        inputs: dict[str, dict[str, int]] = {}
        outputs: dict[str, dict[str, int]] = {}
        for target, source in graph.edges.items():
            inputs.setdefault(target.node, {})[target.port] = 1
            counts = outputs.setdefault(source.node, {})
            counts[source.port] = counts.get(source.port, 0) + 1
        return cls(inputs, outputs)

    def after(self, old: Graph, new: Graph) -> Links:
        """Return the links of a graph whose links before an edit these are."""
        come = fresh_keys(old.edges, new.edges)
        gone = [*lost_keys(old.edges, new.edges), *(target for target in come if target in old.edges)]
        sources = [old.edges[target] for target in gone], [new.edges[target] for target in come]
        return Links(_counted(self.inputs, gone, come), _counted(self.outputs, *sources))


def _counted(
    ports: Mapping[str, Mapping[str, int]], gone: Iterable[PortRef], come: Iterable[PortRef]
) -> Mapping[str, Mapping[str, int]]:
    """Return how many links each port of each node has, when some have gone and some have come."""
    found, own = dict(ports), dict[str, dict[str, int]]()
    for refs, by in ((gone, -1), (come, 1)):
        for node, port in refs:
            if node not in own:
                found[node] = own[node] = dict(found.get(node, ()))
            own[node][port] = own[node].get(port, 0) + by
    for node, counts in own.items():
        if 0 in counts.values():
            found[node] = {port: count for port, count in counts.items() if count}
            if not found[node]:  # else all nodes that there ever were would stay
                del found[node]
    return found


def resolved(declaration: Declaration, values: Values) -> Values:
    """Return all parameters, each wrong one as its default: a node with a bad value still has a face."""
    try:
        return declaration.resolve(values)
    except ValueError:
        good = declaration.defaults()
        for parameter in declaration.parameters:
            if parameter.name in values:
                try:
                    good[parameter.name] = parameter.normalize(values[parameter.name])
                except ValueError:
                    continue  # the compiler reports it as a Problem at this node
        return good


def port_names(
    node: Node, document: Document, declarations: Declarations, links: Links, block: Values = NOTHING
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a node's input and output ports: the declared ones, then linked ones that are declared no more.

    Args:
        node: The node.
        document: What it is in.
        declarations: Type -> declaration.
        links: Which of its ports are linked.
        block: The parameters of the block that it is in.
    """
    return _with_stale(_own_of(node, document, declarations.get(node.type), block), node, links)


def _with_stale(own: _Own, node: Node, links: Links) -> tuple[tuple[str, ...], tuple[str, ...]]:
    stale_inputs = sorted(port for port in links.inputs.get(node.id, ()) if port not in own.inputs)
    stale_outputs = sorted(port for port in links.outputs.get(node.id, ()) if port not in own.outputs)
    return (*own.inputs, *stale_inputs), (*own.outputs, *stale_outputs)


class _Own(NamedTuple):
    """What a node shows by its type and its settings alone."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    brief: str


_KEPT: Final = 4096
_kept: dict[tuple[Any, ...], tuple[LayerSpec, _Own]] = {}

_KEPT_OBJECTS: Final = 16384
_kept_objects: dict[
    tuple[str, int], tuple[Values, LayerSpec, _Own]
] = {}  # by the parameters' identity, which they hold


def _own_of(node: Node, document: Document, spec: Declaration | None, block: Values) -> _Own:
    """Return what a node shows by itself; that of layers is kept, since many in a network are set alike."""
    if block or not isinstance(spec, LayerSpec):
        return _find_own(node, document, spec, block)
    # Copies share their parameters, and what comes back by Undo is what it was.
    same = _kept_objects.get((node.type, id(node.parameters)))
    if same is not None and same[0] is node.parameters and same[1] is spec:
        return same[2]
    own = _own_of_equal(node, document, spec, block)
    if len(_kept_objects) >= _KEPT_OBJECTS:
        _kept_objects.clear()
    _kept_objects[node.type, id(node.parameters)] = node.parameters, spec, own
    return own


def _own_of_equal(node: Node, document: Document, spec: LayerSpec, block: Values) -> _Own:
    """Return what a layer shows by itself, which is that of all layers of its type that are set alike."""
    try:
        key = node.type, *node.parameters.items(), *map(type, node.parameters.values())
        known = _kept.get(key)
    except TypeError:  # a value is an object, such as an expression
        return _find_own(node, document, spec, block)
    if known is None or known[0] is not spec:
        if len(_kept) >= _KEPT:
            _kept.clear()
        _kept[key] = known = spec, _find_own(node, document, spec, block)
    return known[1]


def _find_own(node: Node, document: Document, spec: Declaration | None, block: Values) -> _Own:
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    if isinstance(spec, LayerSpec):
        has_own = callable(spec.inputs) or callable(spec.outputs)  # else its settings say nothing of its ports
        values = resolved(spec, present(node.parameters, block)) if has_own else NOTHING
        inputs = tuple(port.name for port in spec.input_ports(values))
        # A loss ends the network: its number goes nowhere, so it shows no port unless a file has linked it.
        outputs = () if spec.is_loss else tuple(port.name for port in spec.output_ports(values))
    elif is_foreign(node.type):
        inputs = tuple(port.name for port in foreign_inputs(node.parameters))
        outputs = tuple(port.name for port in foreign_outputs(node.parameters))
    elif node.id in document.schemas:
        outputs = tuple(item.name for item in document.schemas[node.id].fields)
    return _Own(inputs, outputs, _brief(spec, node, block))


def own_label(node: Node, declaration: Declaration | None) -> str:
    """Return the node's label when the user chose it, "" when it only repeats the type ("conv2d_3")."""
    label = _bare(node.label)
    names = _names_of(node.type, declaration.title if declaration else node.type)
    is_drawn = any(label.startswith(name) and not label[len(name) :].strip("0123456789") for name in names)
    return "" if is_drawn else node.label


@lru_cache(maxsize=1024)
def _names_of(type_: str, title: str) -> frozenset[str]:
    """Return what the labels that are drawn from a type begin with."""
    return frozenset({_bare(type_), _bare(type_.rsplit(".", 1)[-1]), _bare(title)})


@lru_cache(maxsize=16384)
def _bare(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def _brief(declaration: Declaration | None, node: Node, block: Values) -> str:
    if isinstance(declaration, (LayerSpec, SourceSpec)) and declaration.brief is not None:
        return declaration.brief(resolved(declaration, present(node.parameters, block)))
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What is known about the document beyond itself when a face is made.

    Attributes:
        types: Port -> the type on it, as far as known.
        pending: Ids of nodes whose shapes are not those of this document yet.
        severities: Node id -> its worst problem.
        areas: Node id -> the live picture there is for it.
        values: The parameters of the block in sight, which expressions name; {} in the main graph.
        paces: How fast the weights of its nodes learn.
    """

    types: Mapping[PortRef, TensorType] = field(default_factory=dict)
    pending: frozenset[str] = frozenset()
    severities: Mapping[str, Severity] = field(default_factory=dict)
    areas: Mapping[str, Area] = field(default_factory=dict)
    values: Values = field(default_factory=dict)
    paces: Paces = field(default_factory=Paces)

    def type_of(self, port: PortRef) -> TensorType | None:
        """Return the type on a port, None while unknown."""
        return self.types.get(port)

    def affected(self, other: Knowledge) -> set[str]:
        """Return the nodes of which the other knows something else: theirs are the faces to look at again."""
        changed = set(self.pending ^ other.pending)
        changed |= _differing(self.severities, other.severities) | _differing(self.areas, other.areas)
        return changed | {port.node for port in _differing(self.types, other.types)}


def _differing(old: Mapping[K, object], new: Mapping[K, object]) -> set[K]:
    if old is new:
        return set()
    fresh = fresh_keys(old, new)
    return {*lost_keys(old, new), *(key for key in fresh if old.get(key) != new[key])}


def make_face(node: Node, document: Document, declarations: Declarations, links: Links, knowledge: Knowledge) -> Face:
    """Return what `node` shows."""
    declaration = declarations.get(node.type)
    own = _own_of(node, document, declaration, knowledge.values)
    inputs, outputs = _with_stale(own, node, links)
    types = [knowledge.types.get(PortRef(node.id, name)) for name in outputs]
    return _face(
        node_title(node, document, declaration),
        declaration.category if declaration else "",
        inputs,
        outputs,
        tuple([known.short if known else "" for known in types]),
        own_label(node, declaration),
        # The entrance of a block says nothing of its own: what enters is what feeds the instance.
        "" if _is_entrance(node, document) else own.brief,
        node.id in knowledge.pending,
        knowledge.severities.get(node.id),
        declaration is not None,
        node.bypassed,
        learning_of(node, document, declarations, knowledge.paces, knowledge.values),
        knowledge.areas.get(node.id, Area.NONE),
    )


@lru_cache(maxsize=16384)
def _face(
    title: str, category: str, inputs: tuple[str, ...], names: tuple[str, ...], shapes: tuple[str, ...], *more: Any
) -> Face:
    """Return the face of all nodes that look so: most of many are of few kinds."""
    return Face(title, category, inputs, tuple(map(OutputFace, names, shapes)), *more)


def known_otherwise(face: Face, node: str, knowledge: Knowledge) -> Face:
    """Return the face of a node that is as it was, of which something else is known now."""
    outputs = face.outputs
    types = [knowledge.type_of(PortRef(node, output.name)) for output in outputs]
    shorts = [known.short if known else "" for known in types]
    if any(short != output.shape for short, output in zip(shorts, outputs, strict=True)):
        outputs = tuple(OutputFace(output.name, short) for short, output in zip(shorts, outputs, strict=True))
    pending = node in knowledge.pending
    severity, area = knowledge.severities.get(node), knowledge.areas.get(node, Area.NONE)
    if (outputs, pending, severity, area) == (face.outputs, face.pending, face.severity, face.area):
        return face
    return replace(face, outputs=outputs, pending=pending, severity=severity, area=area)


def _is_entrance(node: Node, document: Document) -> bool:
    """Whether a node is an input of a block."""
    return node.type == INPUT and node.id not in document.graph.nodes


def node_title(node: Node, document: Document, declaration: Declaration | None) -> str:
    """Return what a node is called by its type: "Conv2d"; one that this program does not know by what it says."""
    return _title(declaration) if declaration else _unknown_title(node, document)


def _title(declaration: Declaration) -> str:
    """Return what a node is called: of the custom layer, whose class stands below, the first words."""
    is_custom = isinstance(declaration, LayerSpec) and declaration.is_custom
    return declaration.title.partition(" (")[0] if is_custom else declaration.title


def _unknown_title(node: Node, document: Document) -> str:
    if is_foreign(node.type):
        return foreign_title(node.type)
    block = document.blocks.get(node.type.removeprefix("block."))
    return block.title if block and node.type.startswith("block.") else node.type
