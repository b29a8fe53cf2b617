"""Problems: everything that is wrong or odd about a document, each at its node and with fixes where there are any.

What shape inference found comes first; here are the links, what is missing, and (in `objectives`) the losses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from netbuilder.compiler.expansion import Expansion, once
from netbuilder.compiler.flow import Flow, is_entry, is_loss, sources_of, spec_of, trace
from netbuilder.compiler.layouts import check_layouts
from netbuilder.compiler.lengths import with_length_fixes
from netbuilder.compiler.objectives import check_objectives, with_class_fixes
from netbuilder.compiler.shapes import DATA, Shapes, wire
from netbuilder.document.model import ROOT, Document, Graph, Node, PortRef
from netbuilder.document.names import unique_label
from netbuilder.document.topology import cycles
from netbuilder.foundation.problem import Fix, Problem, Severity
from netbuilder.layers.spec import Port

_RANKS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.ADVICE: 2}


@dataclass(frozen=True, slots=True)
class _Ports:
    """The ports that a node has now; None where that is unknown."""

    inputs: tuple[Port, ...] | None
    outputs: frozenset[str] | None


def find_problems(document: Document, shapes: Shapes) -> tuple[Problem, ...]:
    """Return all problems of a document, errors first, then by node in document order.

    Args:
        document: What to look at.
        shapes: Its shapes, so far as they are known.
    """
    flat = shapes.expansion.of(document)
    if flat is document:
        return _find(document, document, shapes)
    return once(_find(document, flat, shapes), document)


def _find(drawn: Document, document: Document, shapes: Shapes) -> tuple[Problem, ...]:
    """Return all problems.

    Args:
        drawn: The document as it was drawn.
        document: The same written out.
        shapes: Its shapes.
    """
    graph = document.graph
    if not graph.nodes:
        message = (
            "There is nothing to train yet: drag a data source and layers onto the canvas, or start from a template."
        )
        return (Problem(code="graph.empty", message=message),)
    flow = trace(document)
    used = flow.used
    roots = used if drawn is document else trace(drawn).used
    whole = not (flow.losses or any(node.type == "output" for node in graph.nodes.values()))
    ports = {id: _ports(document, node) for id, node in graph.nodes.items()}
    found = [
        *(with_length_fixes(document, shapes, with_class_fixes(document, shapes, each)) for each in shapes.problems),
        *_same_names(drawn),
        *_all_circles(drawn, shapes.expansion),
        *_stray_links(document, ports),
        *_open_inputs(document, ports, flow, shapes.expansion),
        *_missing_parts(document, flow),
        *check_objectives(document, shapes, flow),
        *check_layouts(document, shapes, sources_of(graph)),
        *([] if whole else _left_out(document, flow)),
    ]
    found = [
        each if whole or not each.node or _is_used(each.node, used, roots, graph) else _milder(each) for each in found
    ]
    position = {id: index for index, id in enumerate(graph.nodes)}
    return tuple(sorted(found, key=lambda each: (_RANKS[each.severity], position.get(each.node, -1))))


def _is_used(path: str, used: frozenset[str], roots: frozenset[str], graph: Graph) -> bool:
    """Whether the network would miss a node; of a block that could not be written out, all of it is missed."""
    inside = "/" in path and path in graph.nodes
    return path in used or (not inside and path.partition("/")[0] in roots)


def _milder(problem: Problem) -> Problem:
    """Return an error of a node that the network does without as a warning."""
    return replace(problem, severity=Severity.WARNING) if problem.is_error else problem


def _ports(document: Document, node: Node) -> _Ports:
    if node.type.startswith(DATA):
        schema = document.schemas.get(node.id)
        return _Ports((), frozenset(field.name for field in schema.fields) if schema else None)
    spec = spec_of(node)
    if spec is None:
        return _Ports(None, None)
    if not callable(spec.inputs) and not callable(spec.outputs):
        return _Ports(spec.inputs, frozenset(port.name for port in spec.outputs))
    try:
        values = spec.resolve(node.parameters)
    except ValueError:
        return _Ports(None, None)
    return _Ports(spec.input_ports(values), frozenset(port.name for port in spec.output_ports(values)))


def _same_names(document: Document) -> Iterator[Problem]:
    """Find nodes of one name in the main graph or in a block; edits give unique ones, files need not."""
    for scope, graph in (("", document.graph), *((key, block.graph) for key, block in document.blocks.items())):
        owners: dict[str, Node] = {}
        for node in graph.nodes.values():
            first = owners.setdefault(node.label, node)
            if first is node:
                continue
            where = f" in the block {document.blocks[scope].title}" if scope else ""
            arguments = {"node": node.id, "label": node.label} | ({"scope": scope} if scope else {})
            new = unique_label(graph, node.label)
            yield Problem(
                code="name.duplicate",
                message=f"Two nodes are called {node.label}{where}, so nobody can tell them apart: rename it to {new}.",
                severity=Severity.WARNING,
                node="" if scope else node.id,
                found=node.label,
                fixes=(Fix(title=f"Rename it to {new}", edit="rename", arguments=arguments),),
            )


def _all_circles(document: Document, expansion: Expansion) -> Iterator[Problem]:
    """Find circles in the main graph and in the blocks: each graph must flow one way by itself."""
    yield from _circles(document.graph, "", ROOT)
    firsts = {instance.key: path for path, instance in reversed(list(expansion.instances.items()))}
    for key, path in firsts.items():
        yield from _circles(document.blocks[key].graph, f"{path}/", key)


def _circles(graph: Graph, prefix: str, scope: str) -> Iterator[Problem]:
    if len(wire(graph).order) == len(graph.nodes):
        return
    for circle in cycles(graph):
        names = " → ".join(graph.nodes[id].label for id in (*circle, circle[0]))
        message = f"The links form a circle: {names}. A network must flow one way; remove one of these links."
        last, first = circle[-1], circle[0]
        closing = [target for target, source in graph.edges.items() if target.node == first and source.node == last]
        fixes = tuple(_unlink(port, scope) for port in closing)
        yield Problem(code="graph.cycle", message=message, node=prefix + first, fixes=fixes)


def _unlink(target: PortRef, scope: str = ROOT) -> Fix:
    arguments = {"target": list(target)} | ({"scope": scope} if scope else {})
    return Fix(title="Remove the link", edit="disconnect", arguments=arguments)


def _stray_links(document: Document, ports: Mapping[str, _Ports]) -> Iterator[Problem]:
    """Find links whose port is gone, because parameters or data changed."""
    nodes = document.graph.nodes
    for target, source in document.graph.edges.items():
        if target.node not in nodes or source.node not in nodes:
            where = target.node if target.node in nodes else source.node if source.node in nodes else ""
            message = "A link leads to a node that is not there."
            yield Problem(code="link.node", message=message, node=where, fixes=(_unlink(target),))
            continue
        inputs, outputs = ports[target.node].inputs, ports[source.node].outputs
        if inputs is not None and target.port not in (port.name for port in inputs):
            message = f"{nodes[target.node].label} has no input {target.port!r} any more, but a link leads there."
            yield Problem(
                code="link.port", message=message, node=target.node, port=target.port, fixes=(_unlink(target),)
            )
        if outputs is not None and source.port not in outputs:
            message = (
                f"{nodes[source.node].label} has no output {source.port!r} any more, "
                f"but a link leads from it to {nodes[target.node].label}."
            )
            yield Problem(
                code="link.port", message=message, node=source.node, port=source.port, fixes=(_unlink(target),)
            )


def _open_inputs(
    document: Document, ports: Mapping[str, _Ports], flow: Flow, expansion: Expansion
) -> Iterator[Problem]:
    """Find inputs that must be linked and are not."""
    graph = document.graph
    loose = _loose_outputs(document, ports)
    told: set[PortRef] = set()
    for id, node in graph.nodes.items():
        missing = [
            port for port in ports[id].inputs or () if not port.optional and PortRef(id, port.name) not in graph.edges
        ]
        for port in missing:
            entrance = expansion.entrances.get(PortRef(id, port.name))
            if entrance is not None and entrance[0] not in told:  # the block that it is in lacks its input
                told.add(entrance[0])
                yield _open_entrance(*entrance)
            if entrance is not None or PortRef(id, port.name) in expansion.cut:
                continue
            alone = len(ports[id].inputs or ()) == 1
            what = "its input" if alone else f"its input {port.name!r}"
            fixes = _links(document, PortRef(id, port.name), port, loose, flow)
            message = f"{node.label} needs a link to {what}."
            yield Problem(code="input.open", message=message, node=id, port=port.name, expected="a link", fixes=fixes)


def _open_entrance(port: PortRef, label: str) -> Problem:
    """Return the problem of a block's input that a layer inside needs."""
    message = f"{label} needs a link to its input {port.port!r}."
    return Problem(code="input.open", message=message, node=port.node, port=port.port, expected="a link")


def _loose_outputs(document: Document, ports: Mapping[str, _Ports]) -> list[PortRef]:
    """Return the output ports that feed nothing, losses' left out."""
    graph = document.graph
    feeding = set(graph.edges.values())
    return [
        PortRef(id, port)
        for id, node in graph.nodes.items()
        if not is_loss(node)
        for port in sorted(ports[id].outputs or ())
        if PortRef(id, port) not in feeding
    ]


def _links(document: Document, target: PortRef, port: Port, loose: Sequence[PortRef], flow: Flow) -> tuple[Fix, ...]:
    """Return the one link that suggests itself: from the only loose end that can be meant."""
    nodes = document.graph.nodes
    wants_data = is_loss(nodes[target.node]) and port.name == "target"
    ends = [each for each in loose if each.node != target.node and is_entry(nodes[each.node]) == wants_data]
    if wants_data:
        ends = [
            PortRef(id, field.name) for id, schema in document.schemas.items() if id in nodes for field in schema.fields
        ]
        ends = [end for end in ends if end not in flow.entries] or ends
        ends = [end for end in ends if end.port in ("label", "target")] or ends
    elif not ends:
        ends = [each for each in loose if is_entry(nodes[each.node])][:1]
    if len(ends) != 1 or _feeds(document, target.node, ends[0].node):
        return ()
    (end,) = ends
    single = sum(each.node == end.node for each in loose) == 1 and not wants_data
    title = f"Link it to {nodes[end.node].label}" + ("" if single else f", {end.port}")
    return (Fix(title=title, edit="connect", arguments={"target": list(target), "source": list(end)}),)


def _feeds(document: Document, node: str, other: str) -> bool:
    """Whether `node` is upstream of `other`."""
    links = sources_of(document.graph)
    waiting, seen = [other], {other}
    while waiting:
        for _, source in links.get(waiting.pop(), ()):
            if source.node not in seen:
                seen.add(source.node)
                waiting.append(source.node)
    return node in seen


def _missing_parts(document: Document, flow: Flow) -> Iterator[Problem]:
    """Find out whether there are data and a loss."""
    nodes = document.graph.nodes
    data = [node for node in nodes.values() if node.type.startswith(DATA)]
    if not data:
        message = "There is no data source to train on: drag one onto the canvas and link it to the first layer."
        yield Problem(code="data.missing", message=message)
    if not flow.losses:
        message = (
            "There is no loss, so nothing says what to train for: add one behind the last layer and link its target."
        )
        yield Problem(code="loss.missing", message=message)
    for node in data:
        if node.id not in document.schemas:
            message = f"{node.label} has not been read yet, so its fields are not known."
            yield Problem(code="data.schema", message=message, node=node.id)
    for port in flow.entries if flow.losses else ():
        if nodes[port.node].type == "input":
            message = f"Nobody fills the Input {nodes[port.node].label} while training: link a data field instead."
            yield Problem(code="input.unfed", message=message, node=port.node)
    yield from _uneven_data(document, flow)


def _uneven_data(document: Document, flow: Flow) -> Iterator[Problem]:
    used = dict.fromkeys(port.node for port in flow.entries if port.node in document.schemas)
    rows = {id: document.schemas[id].rows for id in used if document.schemas[id].rows}
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{document.graph.nodes[id].label} has {count:,}" for id, count in rows.items())
        message = f"The data sources do not have equally many rows, so they cannot be matched row by row: {counts}."
        yield Problem(code="data.rows", message=message, node=list(rows)[1], severity=Severity.WARNING)


def _left_out(document: Document, flow: Flow) -> Iterator[Problem]:
    """Find layers that lead to no loss and no output: whole islands, and loose ends of what is used."""
    graph = document.graph
    used = flow.used | {id for id, node in graph.nodes.items() if node.type == "output"}
    idle = [id for id in graph.nodes if id not in used]
    neighbours: dict[str, set[str]] = {}
    for target, source in graph.edges.items():
        neighbours.setdefault(target.node, set()).add(source.node)
        neighbours.setdefault(source.node, set()).add(target.node)
    feeding = {source.node for source in graph.edges.values()}
    for island in _islands(idle, neighbours):
        attached = any(neighbours.get(id, set()) & used for id in island)
        if attached:
            for id in island:
                if id not in feeding:
                    message = f"Nothing uses what {graph.nodes[id].label} gives, so it is left out of the network."
                    yield Problem(code="node.unused", message=message, node=id, severity=Severity.ADVICE)
        else:
            names = ", ".join(graph.nodes[id].label for id in island[:4]) + (", …" if len(island) > 4 else "")
            one = len(island) == 1
            message = f"{names} {'is' if one else 'are'} not linked to the network and left out of it."
            yield Problem(code="graph.island", message=message, node=island[0], severity=Severity.WARNING)


def _islands(idle: Iterable[str], neighbours: Mapping[str, Collection[str]]) -> Iterator[list[str]]:
    """Yield groups of idle nodes that are linked with one another, in document order."""
    order = list(idle)
    waiting = set(order)
    for start in order:
        if start not in waiting:
            continue
        waiting.discard(start)
        island, stack = {start}, [start]
        while stack:
            for other in neighbours.get(stack.pop(), ()):
                if other in waiting:
                    waiting.discard(other)
                    island.add(other)
                    stack.append(other)
        yield [id for id in order if id in island]
