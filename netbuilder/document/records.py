"""Records: how a document stands in a file, typed and limited, and the way from records to the document and back.

Each record names the keys that this version knows; all others are kept in the model's `extra` at their place. Lists
of nodes and frames keep the document's order, links are sorted, objects are sorted by key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from sys import intern
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from netbuilder.document.model import (
    About,
    Definition,
    Document,
    Field,
    Frame,
    Graph,
    Group,
    Layout,
    Node,
    Phase,
    Place,
    Plan,
    PortRef,
    Schema,
    Setting,
    StartWeights,
)
from netbuilder.document.values import freeze, freeze_mapping
from netbuilder.foundation import limits

FORMAT = "netbuilder"
VERSION = 1

Json: TypeAlias = dict[str, Any]
Id = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}\Z")]
OptionalId = Annotated[str, Meta(pattern=r"^([A-Za-z][A-Za-z0-9_]{0,63})?\Z")]
Key = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z")]
Label = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z")]
Name = Annotated[str, Meta(max_length=limits.NAME_LENGTH)]
Text = Annotated[str, Meta(max_length=limits.TEXT_LENGTH)]
Port = Annotated[str, Meta(min_length=1, max_length=limits.NAME_LENGTH)]
Coordinate = Annotated[float, Meta(ge=-limits.COORDINATE, le=limits.COORDINATE)]
Extent = Annotated[float, Meta(gt=0, le=limits.COORDINATE)]
End: TypeAlias = tuple[Id, Port]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Ids = Annotated[tuple[Id, ...], Meta(max_length=limits.NODES)]


class AboutRecord(Struct, frozen=True):
    """`about`."""

    title: Name = ""
    description: Text = ""
    template: Name = ""


class NodeRecord(Struct, frozen=True):
    """One of `nodes`."""

    id: Id
    type: Key
    label: Label
    parameters: Json = {}
    tied_to: OptionalId = ""
    note: Text = ""
    bypassed: bool = False


class GraphRecord(Struct, frozen=True):
    """`graph`, of the document and of a block; a link is `[[from node, port], [to node, port]]`."""

    nodes: Annotated[list[NodeRecord], Meta(max_length=limits.NODES)] = []
    edges: Annotated[list[tuple[End, End]], Meta(max_length=limits.EDGES)] = []


class DefinitionRecord(Struct, frozen=True):
    """One of `blocks`; its key is the object's."""

    title: Name
    graph: GraphRecord
    parameters: Annotated[list[Json], Meta(max_length=1_000)] = []
    description: Text = ""
    reference: Name = ""


class FieldRecord(Struct, frozen=True):
    """One of a schema's `fields`."""

    name: Port
    dims: Annotated[tuple[Annotated[int, Meta(ge=-1, le=2**40)], ...], Meta(max_length=limits.DIMENSIONS)] = ()
    dtype: Name = "float32"
    layout: Name = ""
    classes: Annotated[tuple[Name, ...], Meta(max_length=limits.CLASSES)] = ()
    vocabulary: Count = 0


class SchemaRecord(Struct, frozen=True):
    """One of `schemas`; its key is the data node's id."""

    fields: Annotated[list[FieldRecord], Meta(max_length=limits.FIELDS)] = []
    rows: Count = 0
    source: Text = ""


class SettingRecord(Struct, frozen=True):
    """A phase's optimizer or schedule."""

    key: Key
    values: Json = {}


class GroupRecord(Struct, frozen=True):
    """One of a phase's `groups`."""

    nodes: Ids = ()
    rate: Annotated[float, Meta(ge=0, le=1e9)] = 1.0
    weight_decay: Annotated[float, Meta(ge=0, le=1e9)] | None = None


class PhaseRecord(Struct, frozen=True):
    """One of the plan's `phases`."""

    name: Label = "train"
    losses: Ids = ()
    groups: Annotated[list[GroupRecord], Meta(max_length=limits.PHASES)] = []
    optimizer: SettingRecord = SettingRecord("adam")
    schedule: SettingRecord = SettingRecord("constant")
    updates: Annotated[int, Meta(ge=1, le=1_000)] = 1


class StartWeightsRecord(Struct, frozen=True):
    """The plan's `weights`."""

    file: Annotated[str, Meta(min_length=1, max_length=limits.NAME_LENGTH)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class PlanRecord(Struct, frozen=True):
    """`plan`; the ranges are those of `document.plan`."""

    phases: Annotated[list[PhaseRecord], Meta(min_length=1, max_length=limits.PHASES)] | None = None
    epochs: Annotated[int, Meta(ge=1, le=1_000_000)] = 20
    batch_size: Annotated[int, Meta(ge=1, le=1_000_000)] = 64
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    clip_norm: Annotated[float, Meta(ge=0, le=1e9)] = 0.0
    accumulation: Annotated[int, Meta(ge=1, le=10_000)] = 1
    ema_decay: Annotated[float, Meta(ge=0, le=0.999999)] = 0.0
    patience: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    monitor: Name = "loss"
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    memory_format: Literal["auto", "contiguous", "channels_last"] = "auto"
    compile: bool = False
    cuda_graphs: bool = False
    threads: Annotated[int, Meta(ge=0, le=1_024)] = 0
    weights: StartWeightsRecord | None = None


Points = Annotated[list[tuple[Coordinate, Coordinate]], Meta(min_length=1, max_length=limits.WAYPOINTS)]
Routes = Annotated[list[tuple[End, Points]], Meta(max_length=limits.EDGES)]
"""Links by their targets, each with the points that it is led through."""


class FrameRecord(Struct, frozen=True):
    """One of `layout.frames`."""

    id: Id
    title: Name = ""
    color: Name = ""
    x: Coordinate = 0.0
    y: Coordinate = 0.0
    width: Extent = 320.0
    height: Extent = 200.0
    note: Text = ""
    scope: Annotated[str, Meta(max_length=limits.KEY_LENGTH)] = ""


class LayoutRecord(Struct, frozen=True):
    """`layout`."""

    places: Annotated[dict[Id, tuple[Coordinate, Coordinate]], Meta(max_length=2 * limits.NODES)] = {}
    frames: Annotated[list[FrameRecord], Meta(max_length=limits.FRAMES)] = []
    routes: Routes = []


class DocumentRecord(Struct, frozen=True):
    """The file."""

    format: Literal["netbuilder"]
    version: int
    about: AboutRecord = AboutRecord()
    graph: GraphRecord = GraphRecord()
    blocks: Annotated[dict[Key, DefinitionRecord], Meta(max_length=limits.BLOCKS)] = {}
    plan: PlanRecord = PlanRecord()
    schemas: Annotated[dict[Id, SchemaRecord], Meta(max_length=limits.NODES)] = {}
    layout: LayoutRecord = LayoutRecord()


def document_from(record: DocumentRecord, raw: Json) -> Document:
    """Build the document.

    Args:
        record: The typed values.
        raw: What they were converted from, for the keys that they do not name.

    Raises:
        ValueError: When a free value (a parameter, a kept key) is not acceptable; says which.
    """
    blocks = _object(raw, "blocks")
    schemas = _object(raw, "schemas")
    return Document(
        graph=graph_from(record.graph, _object(raw, "graph")),
        blocks={key: definition_from(key, block, blocks[key]) for key, block in record.blocks.items()},
        plan=_plan(record.plan, _object(raw, "plan")),
        schemas={key: schema_from(schema, schemas[key]) for key, schema in record.schemas.items()},
        layout=layout_from(record.layout, _object(raw, "layout")),
        about=About(**_fields(record.about), extra=_extra(record.about, _object(raw, "about"))),
        extra=_extra(record, raw),
    )


def graph_from(record: GraphRecord, raw: Json) -> Graph:
    """Build a graph; see `document_from`.

    Ids and names of ports are interned: they stand in many places, and equal ones are then told by a look at where
    they are.
    """
    nodes = {}
    for node, source in zip(record.nodes, raw.get("nodes", []), strict=True):
        id, parameters = intern(node.id), _free(node.parameters, f"the parameters of {node.label!r}")
        own = {"id": id, "type": intern(node.type), "parameters": parameters}
        nodes[id] = Node(**{**_fields(node), **own}, extra=_extra(node, source))
    edges = {_port(target): _port(origin) for origin, target in record.edges}
    return Graph(nodes=nodes, edges=edges, extra=_extra(record, raw))


def _port(pair: tuple[str, str]) -> PortRef:
    return PortRef(intern(pair[0]), intern(pair[1]))


def schema_from(record: SchemaRecord, raw: Json) -> Schema:
    """Build a schema; see `document_from`."""
    fields = tuple(
        Field(**_fields(field), extra=_extra(field, source))
        for field, source in zip(record.fields, raw.get("fields", []), strict=True)
    )
    return Schema(fields=fields, rows=record.rows, source=record.source, extra=_extra(record, raw))


def frame_from(record: FrameRecord, raw: Json) -> Frame:
    """Build a frame; see `document_from`."""
    return Frame(**_fields(record), extra=_extra(record, raw))


def definition_from(key: str, record: DefinitionRecord, raw: Json) -> Definition:
    """Build a block's definition; see `document_from`."""
    return Definition(
        key=key,
        title=record.title,
        graph=graph_from(record.graph, _object(raw, "graph")),
        parameters=tuple(_free(each, f"the parameters of block {key!r}") for each in record.parameters),
        description=record.description,
        reference=record.reference,
        extra=_extra(record, raw),
    )


def _plan(record: PlanRecord, raw: Json) -> Plan:
    phases: tuple[Phase, ...] = (Phase(),)
    if record.phases is not None:
        phases = tuple(_phase(*pair) for pair in zip(record.phases, raw["phases"], strict=True))
    weights: StartWeights | None = None
    if record.weights is not None:
        weights = StartWeights(**_fields(record.weights), extra=_extra(record.weights, _object(raw, "weights")))
    return Plan(**{**_fields(record), "phases": phases, "weights": weights}, extra=_extra(record, raw))


def _phase(record: PhaseRecord, raw: Json) -> Phase:
    groups: tuple[Group, ...] = (Group(),)
    if "groups" in raw:
        pairs = zip(record.groups, raw["groups"], strict=True)
        groups = tuple(Group(**_fields(group), extra=_extra(group, source)) for group, source in pairs)
    own = {
        "groups": groups,
        "optimizer": _setting(record.optimizer, _object(raw, "optimizer")),
        "schedule": _setting(record.schedule, _object(raw, "schedule")),
    }
    return Phase(**{**_fields(record), **own}, extra=_extra(record, raw))


def _setting(record: SettingRecord, raw: Json) -> Setting:
    values = _free(record.values, f"the values of {record.key!r}")
    return Setting(key=record.key, values=values, extra=_extra(record, raw))


def layout_from(record: LayoutRecord, raw: Json) -> Layout:
    """Build a layout; see `document_from`."""
    frames = zip(record.frames, raw.get("frames", []), strict=True)
    return Layout(
        places={intern(id): Place(*place) for id, place in record.places.items()},
        frames={frame.id: frame_from(frame, source) for frame, source in frames},
        routes=routes_from(record.routes),
        extra=_extra(record, raw),
    )


def _fields(record: Struct) -> Json:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def _object(raw: Json, key: str) -> Json:
    value: Json = raw.get(key, {})
    return value


def _extra(record: Struct, raw: Json) -> Json:
    known = record.__struct_fields__
    unknown = {key: value for key, value in raw.items() if key not in known}
    return _free(unknown, "keys of a newer version") if unknown else {}


def _free(values: Json, place: str) -> Json:
    try:
        return freeze_mapping(values)
    except ValueError as error:
        raise ValueError(f"in {place}: {error}") from None


def plain_document(document: Document) -> Json:
    """Return the document as the JSON value of a file."""
    return {
        **document.extra,
        "format": FORMAT,
        "version": VERSION,
        "about": plain(document.about),
        "graph": plain_graph(document.graph),
        "blocks": {key: plain_definition(block) for key, block in document.blocks.items()},
        "plan": plain(document.plan),
        "schemas": {id: plain(schema) for id, schema in document.schemas.items()},
        "layout": plain_layout(document.layout),
    }


def plain_layout(layout: Layout) -> Json:
    """Return a layout as a JSON value."""
    return {
        **layout.extra,
        "places": {id: [place.x, place.y] for id, place in layout.places.items()},
        "frames": [plain(frame) for frame in layout.frames.values()],
        "routes": plain_routes(layout.routes),
    }


def plain_routes(routes: Mapping[PortRef, tuple[Place, ...]]) -> list[Any]:
    """Return the routes of links as a JSON value, sorted by target."""
    return [[list(target), [list(point) for point in routes[target]]] for target in sorted(routes)]


def routes_from(record: Routes) -> dict[PortRef, tuple[Place, ...]]:
    """Build the routes of links."""
    return {PortRef(*target): tuple(Place(*point) for point in points) for target, points in record}


def plain_graph(graph: Graph) -> Json:
    """Return a graph as a JSON value: nodes in their order, links sorted by target."""
    edges = [[list(graph.edges[target]), list(target)] for target in sorted(graph.edges)]
    return {**graph.extra, "nodes": [plain(node) for node in graph.nodes.values()], "edges": edges}


def plain(value: Any) -> Any:
    """Return a model value (a node, a plan, a frame, ...) as a JSON value, its kept keys at their place."""
    if hasattr(value, "__dataclass_fields__"):
        own = {name: plain(getattr(value, name)) for name in value.__dataclass_fields__ if name != "extra"}
        return {**value.extra, **own}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def plain_definition(block: Definition) -> Json:
    """Return a definition as a JSON value; its key is the one it stands under."""
    own = {
        "title": block.title,
        "description": block.description,
        "reference": block.reference,
        "graph": plain_graph(block.graph),
        "parameters": plain(block.parameters),
    }
    return {**block.extra, **own}


__all__ = [
    "FORMAT",
    "VERSION",
    "DefinitionRecord",
    "DocumentRecord",
    "FrameRecord",
    "GraphRecord",
    "LayoutRecord",
    "SchemaRecord",
    "definition_from",
    "document_from",
    "frame_from",
    "freeze",
    "graph_from",
    "layout_from",
    "plain",
    "plain_definition",
    "plain_document",
    "plain_graph",
    "plain_layout",
    "schema_from",
]
