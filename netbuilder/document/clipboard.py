"""The clipboard: part of a graph as JSON text, which can be pasted here, into another project or into a mail.

Pasted text may come from anywhere: it is checked like a file, gets fresh ids and unique labels, and is refused as a
whole when anything is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from netbuilder.document.adoption import adopt, edge_count, holds_scope, node_count
from netbuilder.document.block_files import check_complete, layout_of
from netbuilder.document.blocks import BLOCK, block_key, is_block, needed, uses
from netbuilder.document.files import check_frames, check_graphs, convert
from netbuilder.document.model import (
    ROOT,
    Definition,
    Document,
    Frame,
    Graph,
    Layout,
    Node,
    Place,
    PortRef,
    Schema,
    new_id,
)
from netbuilder.document.names import free_label
from netbuilder.document.records import (
    Coordinate,
    DefinitionRecord,
    End,
    FrameRecord,
    GraphRecord,
    Id,
    Key,
    LayoutRecord,
    Routes,
    SchemaRecord,
    definition_from,
    frame_from,
    graph_from,
    layout_from,
    plain,
    plain_definition,
    plain_graph,
    plain_layout,
    plain_routes,
    routes_from,
    schema_from,
)
from netbuilder.document.text import read_json, refuse_file, write_json
from netbuilder.foundation.limits import BLOCKS, COORDINATE, EDGES, FRAMES, NODES
from netbuilder.foundation.problem import NetbuilderError, Problem

FORMAT: Final = "netbuilder-clipboard"
VERSION: Final = 1
MIME: Final = "application/x-netbuilder-graph+json"
NAME: Final = "The clipboard"


class _Record(Struct, frozen=True):
    format: Literal["netbuilder-clipboard"]
    version: Literal[1]
    graph: GraphRecord
    inputs: Annotated[list[tuple[End, End]], Meta(max_length=EDGES)] = []
    schemas: Annotated[dict[Id, SchemaRecord], Meta(max_length=NODES)] = {}
    places: Annotated[dict[Id, tuple[Coordinate, Coordinate]], Meta(max_length=NODES)] = {}
    frames: Annotated[list[FrameRecord], Meta(max_length=FRAMES)] = []
    routes: Routes = []
    blocks: Annotated[dict[Key, DefinitionRecord], Meta(max_length=BLOCKS)] = {}
    layout: LayoutRecord = LayoutRecord()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """Part of a graph, with all that it needs.

    Attributes:
        graph: Nodes, and the links among them in the order of their targets.
        inputs: What else feeds them: target port -> source port outside.
        schemas: What the data nodes among them yield.
        places: Where the nodes lie.
        frames: Frames.
        routes: The points that the links among them are led through.
        blocks: The definitions that they are made of, by key.
        layout: Where the nodes and frames in these lie.
    """

    graph: Graph
    inputs: Mapping[PortRef, PortRef] = field(default_factory=dict)
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    frames: tuple[Frame, ...] = ()
    routes: Mapping[PortRef, tuple[Place, ...]] = field(default_factory=dict)
    blocks: Mapping[str, Definition] = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)


_last: tuple[str, Clip] | None = None  # what was written last: it is mostly what is read next


def take(document: Document, ids: Collection[str], scope: str = ROOT) -> Clip:
    """Return nodes and frames, with the links among them, the blocks they need and a note of what feeds them.

    Args:
        document: Where they are.
        ids: Ids of nodes and frames; others are passed over.
        scope: The graph they are in.
    """
    graph, ids = document.scope(scope), frozenset(ids)
    nodes = {id: node for id, node in graph.nodes.items() if id in ids}
    into = sorted((target, source) for target, source in graph.edges.items() if target.node in nodes)
    inner = {target: source for target, source in into if source.node in nodes}
    places, routes = document.layout.places, document.layout.routes
    blocks = needed(document, uses(Graph(nodes=nodes)))
    return Clip(
        graph=Graph(nodes=nodes, edges=inner),
        inputs={target: source for target, source in into if source.node not in nodes},
        schemas={id: document.schemas[id] for id in nodes if id in document.schemas},
        places={id: places[id] for id in nodes if id in places},
        frames=tuple(each for each in document.layout.frames.values() if each.id in ids and each.scope == scope),
        routes={target: points for target, points in routes.items() if target in inner},
        blocks=blocks,
        layout=layout_of(document, blocks) if blocks else Layout(),
    )


def write(clip: Clip) -> str:
    """Return a clip as text."""
    global _last
    values = {
        "format": FORMAT,
        "version": VERSION,
        "graph": plain_graph(clip.graph),
        "inputs": [[list(source), list(target)] for target, source in clip.inputs.items()],
        "schemas": {id: plain(schema) for id, schema in clip.schemas.items()},
        "places": {id: list(place) for id, place in clip.places.items()},
        "frames": [plain(frame) for frame in clip.frames],
        "routes": plain_routes(clip.routes),
    }
    if clip.blocks:
        values["blocks"] = {key: plain_definition(block) for key, block in clip.blocks.items()}
        values["layout"] = plain_layout(clip.layout)
    text = write_json(values)
    _last = text, clip
    return text


def copy(document: Document, ids: Collection[str], scope: str = ROOT) -> str:
    """Return nodes and frames as text; see `take`."""
    return write(take(document, ids, scope))


def is_clipboard(text: str) -> bool:
    """Return whether `text` looks like something that `copy` wrote: cheap, for enabling Paste."""
    return text.startswith("{") and f'"format": "{FORMAT}"' in text


def read(text: str) -> Clip:
    """Return what a text holds. What this program has written last it still knows, and looks at nothing again.

    Raises:
        NetbuilderError: When the text is nothing that can be pasted.
    """
    if _last is not None and _last[0] == text:
        return _last[1]
    raw = read_json(text.encode(errors="surrogatepass"), NAME)
    record: _Record = convert(raw, _Record, NAME)
    check_graphs([record.graph, *(block.graph for block in record.blocks.values())], NAME)
    check_frames(record.layout.frames, NAME)
    try:
        return _clip_from(record, raw)
    except ValueError as error:
        message = f"{NAME} holds a value that is not acceptable {error}."
        raise NetbuilderError(Problem(code="file.value", message=message)) from error


def _clip_from(record: _Record, raw: dict[str, Any]) -> Clip:
    blocks = {key: definition_from(key, block, raw["blocks"][key]) for key, block in record.blocks.items()}
    check_complete(blocks, NAME)
    return Clip(
        graph=graph_from(record.graph, raw["graph"]),
        inputs={PortRef(*target): PortRef(*source) for source, target in record.inputs},
        schemas={id: schema_from(schema, raw["schemas"][id]) for id, schema in record.schemas.items()},
        places={id: Place(*place) for id, place in record.places.items()},
        frames=tuple(frame_from(*pair) for pair in zip(record.frames, raw.get("frames", []), strict=True)),
        routes=routes_from(record.routes),
        blocks=blocks,
        layout=layout_from(record.layout, raw.get("layout", {})),
    )


def paste(
    document: Document,
    text: str,
    at: Place | None = None,
    keep_inputs: bool = False,
    scope: str = ROOT,
    offset: Place = Place(40.0, 40.0),  # noqa: B008 (immutable)
) -> tuple[Document, tuple[str, ...]]:
    """Add what `copy` wrote; see `put`.

    Raises:
        NetbuilderError: When the text is nothing that can be pasted.
    """
    return put(document, read(text), at, keep_inputs, scope, offset)


def put(
    document: Document,
    clip: Clip,
    at: Place | None = None,
    keep_inputs: bool = False,
    scope: str = ROOT,
    offset: Place = Place(40.0, 40.0),  # noqa: B008 (immutable)
) -> tuple[Document, tuple[str, ...]]:
    """Add a clip, with fresh ids and labels.

    Args:
        document: Where to add it.
        clip: What to add.
        at: Where its top-left corner goes; None keeps the places, moved by `offset`.
        keep_inputs: Whether the copies are fed by what feeds the originals, where that is in this graph.
        scope: The graph to add it to.
        offset: See `at`.

    Returns:
        The new document and the new ids of nodes and frames, in order.

    Raises:
        NetbuilderError: When it cannot be there, or the document would become too large.
    """
    document, fresh = _put(document, clip, at, keep_inputs, scope, offset)
    _check_size(document, fresh)
    return document, fresh


def _check_size(document: Document, fresh: Collection[str]) -> None:
    """Refuse what no file could hold."""
    for count, most, what in (
        (node_count(document), NODES, "nodes"),
        (edge_count(document), EDGES, "links"),
        (len(document.layout.frames), FRAMES, "frames"),
    ):
        if count > most:
            refuse_file(
                "file.large", f"A project holds at most {most:,} {what}; with what is pasted there would be more.", ""
            )
    layout, new = document.layout, frozenset(fresh)
    corners = [corner for held in (layout.places, layout.frames) for id in fresh if (corner := held.get(id))]
    corners += [point for target, points in layout.routes.items() if target.node in new for point in points]
    if any(max(abs(each.x), abs(each.y)) > COORDINATE for each in corners):
        refuse_file("file.place", f"Nothing can lie farther than {COORDINATE:,.0f} from the origin.", "")


def _put(
    document: Document, clip: Clip, at: Place | None, keep_inputs: bool, scope: str, offset: Place
) -> tuple[Document, tuple[str, ...]]:
    document, keys = adopt(document, clip.blocks, clip.layout)
    nodes = [_adopted(node, keys) for node in clip.graph.nodes.values()]
    for node in nodes if scope != ROOT else ():
        if holds_scope(document, node, scope):
            message = f"{document.blocks[scope].title} cannot hold itself: {node.label} cannot be pasted into it."
            raise NetbuilderError(Problem(code="edit.endless", message=message))
    fresh = {id: new_id() for id in clip.graph.nodes}
    graph = document.scope(scope)
    edges = {PortRef(fresh[t.node], t.port): PortRef(fresh[s.node], s.port) for t, s in clip.graph.edges.items()}
    if keep_inputs:
        edges.update(_inputs(clip, graph, fresh))
    graph = replace(graph, nodes={**graph.nodes, **_renewed(nodes, graph, fresh)}, edges={**graph.edges, **edges})
    if scope == ROOT:
        document = replace(document, graph=graph)
    else:
        block = replace(document.blocks[scope], graph=graph)
        document = replace(document, blocks={**document.blocks, scope: block})
    renewed_schemas = {fresh[id]: schema for id, schema in clip.schemas.items() if id in fresh}
    document = replace(document, schemas={**document.schemas, **renewed_schemas})
    return _with_layout(document, clip, fresh, _shift(clip, at, offset), scope)


def _adopted(node: Node, keys: Mapping[str, str]) -> Node:
    return replace(node, type=BLOCK + keys[block_key(node)]) if is_block(node) and block_key(node) in keys else node


def _renewed(pasted: Iterable[Node], graph: Graph, fresh: Mapping[str, str]) -> dict[str, Node]:
    """Return the pasted nodes with fresh ids and labels, their weights tied to what is copied too or still there."""
    taken = {node.label for node in graph.nodes.values()}
    last: dict[str, int] = {}
    nodes = {}
    for old in pasted:
        label = free_label(taken, old.label, last)
        taken.add(label)
        tie = fresh.get(old.tied_to) or (old.tied_to if old.tied_to in graph.nodes else "")
        id = fresh[old.id]
        nodes[id] = Node(  # what `replace` does takes twice as long, and there may be thousands
            id=id,
            type=old.type,
            label=label,
            parameters=old.parameters,
            tied_to=tie,
            note=old.note,
            bypassed=old.bypassed,
            extra=old.extra,
        )
    return nodes


def _inputs(clip: Clip, graph: Graph, fresh: Mapping[str, str]) -> dict[PortRef, PortRef]:
    """Return the links from outside whose source is here; nothing is fed by copies, so they close no circle."""
    return {
        PortRef(fresh[target.node], target.port): source
        for target, source in clip.inputs.items()
        if target.node in fresh and source.node in graph.nodes
    }


def _shift(clip: Clip, at: Place | None, offset: Place) -> Place:
    corners = [*clip.places.values(), *((frame.x, frame.y) for frame in clip.frames)]
    if at is None or not corners:
        return at if at is not None else offset
    return Place(at.x - min(x for x, _ in corners), at.y - min(y for _, y in corners))


def _with_layout(
    document: Document, clip: Clip, fresh: Mapping[str, str], shift: Place, scope: str
) -> tuple[Document, tuple[str, ...]]:
    places = dict(document.layout.places)
    for old, id in fresh.items():
        if old in clip.places:
            x, y = clip.places[old]
            places[id] = Place(x + shift.x, y + shift.y)
    renewed = {
        frame.id: frame
        for frame in (
            replace(each, id=new_id("f"), x=each.x + shift.x, y=each.y + shift.y, scope=scope) for each in clip.frames
        )
    }
    routes = {
        PortRef(fresh[target.node], target.port): tuple(Place(x + shift.x, y + shift.y) for x, y in points)
        for target, points in clip.routes.items()
        if target.node in fresh
    }
    layout = replace(
        document.layout,
        places=places,
        frames={**document.layout.frames, **renewed},
        routes={**document.layout.routes, **routes},
    )
    return replace(document, layout=layout), (*fresh.values(), *renewed)


__all__ = ["FORMAT", "MIME", "Clip", "copy", "is_clipboard", "paste", "put", "read", "take", "write"]
