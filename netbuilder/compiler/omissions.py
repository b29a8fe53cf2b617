"""Omissions: what a document lacks (data, a loss), what it leaves out, and names that it gives twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from netbuilder.compiler.flow import Flow
from netbuilder.compiler.shapes import DATA
from netbuilder.compiler.structure import Structure
from netbuilder.document.model import Document, Node
from netbuilder.document.names import unique_label
from netbuilder.foundation.problem import Fix, Problem, Severity


def _same_names(structure: Structure) -> Iterator[Problem]:
    """Find nodes of one name in the main graph or in a block; edits give unique ones, files need not."""
    document = structure.drawn
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


def _missing_parts(structure: Structure) -> Iterator[Problem]:
    """Find out whether there are data and a loss."""
    document, flow = structure.flat, structure.flow
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


def _left_out(structure: Structure) -> Iterator[Problem]:
    """Find layers that lead to no loss and no output: whole islands, and loose ends of what is used."""
    if structure.is_open:
        return
    graph = structure.graph
    used = structure.used | {id for id, node in graph.nodes.items() if node.type == "output"}
    idle = [id for id in graph.nodes if id not in used]
    if not idle:
        return
    neighbours: dict[str, set[str]] = {}
    for target, source in graph.edges.items():
        neighbours.setdefault(target.node, set()).add(source.node)
        neighbours.setdefault(source.node, set()).add(target.node)
    feeding = {source.node for source in graph.edges.values()}
    for island in _islands(idle, neighbours, structure.position):
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


def _islands(
    idle: Iterable[str], neighbours: Mapping[str, Collection[str]], position: Mapping[str, int]
) -> Iterator[list[str]]:
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
        yield sorted(island, key=position.__getitem__)


OMISSION_CHECKS: Final = (_same_names, _missing_parts, _left_out)
"""What a document's structure lacks, leaves out or names twice."""
