"""The clipboard: part of a graph as JSON text, which can be pasted here, into another project or into a mail.

Pasted text may come from anywhere: it is checked like a file, gets fresh ids and unique labels, and is refused as a
whole when anything is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from netbuilder.document.adoption import adopt, edge_count, holds_scope, node_count
from netbuilder.document.block_files import check_complete, layout_of
from netbuilder.document.blocks import BLOCK, block_key, is_block, needed, uses
from netbuilder.document.files import check_frames, check_graphs, convert
from netbuilder.document.model import (
    ROOT,
    Document,
    Frame,
    Graph,
    Node,
    Place,
    PortRef,
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


class _Clip(Struct, frozen=True):
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


def copy(document: Document, ids: Collection[str], scope: str = ROOT) -> str:
    """Return nodes and frames as text, with the links among them, the blocks they need and a note of what feeds them.

    Args:
        document: Where they are.
        ids: Ids of nodes and frames; others are passed over.
        scope: The graph they are in.
    """
    graph = document.scope(scope)
    nodes = {id: node for id, node in graph.nodes.items() if id in ids}
    inner = {t: s for t, s in graph.edges.items() if t.node in nodes and s.node in nodes}
    outer = sorted((t, s) for t, s in graph.edges.items() if t.node in nodes and s.node not in nodes)
    places = document.layout.places
    frames = [frame for frame in document.layout.frames.values() if frame.id in ids and frame.scope == scope]
    blocks = needed(document, uses(Graph(nodes=nodes)))
    clip = {
        "format": FORMAT,
        "version": VERSION,
        "graph": plain_graph(Graph(nodes=nodes, edges=inner)),
        "inputs": [[list(source), list(target)] for target, source in outer],
        "schemas": {id: plain(document.schemas[id]) for id in nodes if id in document.schemas},
        "places": {id: list(places[id]) for id in nodes if id in places},
        "frames": [plain(frame) for frame in frames],
        "routes": plain_routes({t: points for t, points in document.layout.routes.items() if t in inner}),
    }
    if blocks:
        clip["blocks"] = {key: plain_definition(block) for key, block in blocks.items()}
        clip["layout"] = plain_layout(layout_of(document, blocks))
    return write_json(clip)


def is_clipboard(text: str) -> bool:
    """Return whether `text` looks like something that `copy` wrote: cheap, for enabling Paste."""
    return text.startswith("{") and f'"format": "{FORMAT}"' in text


def paste(
    document: Document,
    text: str,
    at: Place | None = None,
    keep_inputs: bool = False,
    scope: str = ROOT,
    offset: Place = Place(40.0, 40.0),  # noqa: B008 (immutable)
) -> tuple[Document, tuple[str, ...]]:
    """Add what `copy` wrote.

    Args:
        document: Where to add it.
        text: The clipboard's text.
        at: Where its top-left corner goes; None keeps the places, moved by `offset`.
        keep_inputs: Whether the copies are fed by what feeds the originals, where that is in this graph.
        scope: The graph to paste into.
        offset: See `at`.

    Returns:
        The new document and the new ids of nodes and frames, in order.

    Raises:
        NetbuilderError: When the text is nothing that can be pasted.
    """
    raw = read_json(text.encode(errors="surrogatepass"), NAME)
    clip: _Clip = convert(raw, _Clip, NAME)
    check_graphs([clip.graph, *(block.graph for block in clip.blocks.values())], NAME)
    check_frames(clip.layout.frames, NAME)
    try:
        pasted, fresh = _paste(document, clip, raw, at, keep_inputs, scope, offset)
    except ValueError as error:
        message = f"{NAME} holds a value that is not acceptable {error}."
        raise NetbuilderError(Problem(code="file.value", message=message)) from error
    _check_size(pasted, fresh)
    return pasted, fresh


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


def _paste(
    document: Document, clip: _Clip, raw: dict[str, Any], at: Place | None, keep_inputs: bool, scope: str, offset: Place
) -> tuple[Document, tuple[str, ...]]:
    pasted = graph_from(clip.graph, raw["graph"])
    blocks = {key: definition_from(key, block, raw["blocks"][key]) for key, block in clip.blocks.items()}
    check_complete(blocks, NAME)
    document, keys = adopt(document, blocks, layout_from(clip.layout, raw.get("layout", {})))
    pasted = replace(pasted, nodes={id: _adopted(node, keys) for id, node in pasted.nodes.items()})
    for node in pasted.nodes.values():
        if holds_scope(document, node, scope):
            message = f"{document.blocks[scope].title} cannot hold itself: {node.label} cannot be pasted into it."
            raise NetbuilderError(Problem(code="edit.endless", message=message))
    schemas = {id: schema_from(schema, raw["schemas"][id]) for id, schema in clip.schemas.items()}
    frames = [frame_from(frame, source) for frame, source in zip(clip.frames, raw.get("frames", []), strict=True)]
    fresh = {id: new_id() for id in pasted.nodes}
    graph = document.scope(scope)
    edges = {PortRef(fresh[t.node], t.port): PortRef(fresh[s.node], s.port) for t, s in pasted.edges.items()}
    if keep_inputs:
        edges.update(_inputs(clip, graph, fresh))
    graph = replace(graph, nodes={**graph.nodes, **_renewed(pasted, graph, fresh)}, edges={**graph.edges, **edges})
    if scope == ROOT:
        document = replace(document, graph=graph)
    else:
        block = replace(document.blocks[scope], graph=graph)
        document = replace(document, blocks={**document.blocks, scope: block})
    renewed_schemas = {fresh[id]: schema for id, schema in schemas.items() if id in fresh}
    document = replace(document, schemas={**document.schemas, **renewed_schemas})
    return _with_layout(document, clip, frames, fresh, _shift(clip, at, offset), scope)


def _adopted(node: Node, keys: Mapping[str, str]) -> Node:
    return replace(node, type=BLOCK + keys[block_key(node)]) if is_block(node) and block_key(node) in keys else node


def _renewed(pasted: Graph, graph: Graph, fresh: Mapping[str, str]) -> dict[str, Node]:
    """Return the pasted nodes with fresh ids and labels, their weights tied to what is copied too or still there."""
    taken = {node.label for node in graph.nodes.values()}
    last: dict[str, int] = {}
    nodes = {}
    for old in pasted.nodes.values():
        label = free_label(taken, old.label, last)
        taken.add(label)
        tie = fresh.get(old.tied_to) or (old.tied_to if old.tied_to in graph.nodes else "")
        nodes[fresh[old.id]] = replace(old, id=fresh[old.id], label=label, tied_to=tie)
    return nodes


def _inputs(clip: _Clip, graph: Graph, fresh: Mapping[str, str]) -> dict[PortRef, PortRef]:
    """Return the links from outside whose source is here; nothing is fed by copies, so they close no circle."""
    return {
        PortRef(fresh[target[0]], target[1]): PortRef(*source)
        for source, target in clip.inputs
        if target[0] in fresh and source[0] in graph.nodes
    }


def _shift(clip: _Clip, at: Place | None, offset: Place) -> Place:
    corners = [*clip.places.values(), *((frame.x, frame.y) for frame in clip.frames)]
    if at is None or not corners:
        return at if at is not None else offset
    return Place(at.x - min(x for x, _ in corners), at.y - min(y for _, y in corners))


def _with_layout(
    document: Document, clip: _Clip, frames: list[Frame], fresh: Mapping[str, str], shift: Place, scope: str
) -> tuple[Document, tuple[str, ...]]:
    places = dict(document.layout.places)
    for old, id in fresh.items():
        if old in clip.places:
            x, y = clip.places[old]
            places[id] = Place(x + shift.x, y + shift.y)
    renewed = {
        frame.id: frame
        for frame in (
            replace(each, id=new_id("f"), x=each.x + shift.x, y=each.y + shift.y, scope=scope) for each in frames
        )
    }
    routes = {
        PortRef(fresh[target.node], target.port): tuple(Place(x + shift.x, y + shift.y) for x, y in points)
        for target, points in routes_from(clip.routes).items()
        if target.node in fresh
    }
    layout = replace(
        document.layout,
        places=places,
        frames={**document.layout.frames, **renewed},
        routes={**document.layout.routes, **routes},
    )
    return replace(document, layout=layout), (*fresh.values(), *renewed)


__all__ = ["FORMAT", "MIME", "copy", "is_clipboard", "paste"]
