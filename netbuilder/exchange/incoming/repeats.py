"""Repeats: equal block instances in series become one that is repeated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from netbuilder.document.blocks import MOST_REPEATS, REPEAT, block_key, is_block, signature
from netbuilder.document.model import Definition, Graph, PortRef


def repeated(
    graph: Graph, paths: Mapping[str, str], definitions: Mapping[str, Definition]
) -> tuple[Graph, dict[str, str]]:
    """Return a graph in which equal instances in series are one, and the paths of what is in them.

    Args:
        graph: The graph; no instance in it is repeated yet.
        paths: Path of a node -> anything.
        definitions: The definitions by key.
    """
    chains = _Series(graph, definitions).chains()
    if not chains:
        return graph, dict(paths)
    places = {id: (chain[0], number) for chain in chains for number, id in enumerate(chain)}
    lasts = {chain[-1]: chain[0] for chain in chains}
    labels = {node.label for id, node in graph.nodes.items() if places.get(id, ("", 0))[1] == 0}
    nodes = {}
    for id, node in graph.nodes.items():
        if id not in places:
            nodes[id] = node
        elif places[id][1] == 0:
            count = next(len(chain) for chain in chains if chain[0] == id)
            stem = re.sub(r"_\d+$", "", node.label)
            label = stem if stem not in labels else node.label  # "layer_0", "layer_1", ... become "layer"
            labels.add(label)
            nodes[id] = replace(node, label=label, parameters={**node.parameters, REPEAT: count})
    edges = {
        target: PortRef(lasts.get(source.node, source.node), source.port)
        for target, source in graph.edges.items()
        if target.node in nodes
    }
    found = {}
    for path, value in paths.items():
        head, _, rest = path.partition("/")
        if head in places:
            first, number = places[head]
            path = f"{first}/{number}/{rest.partition('/')[2]}"
        found[path] = value
    return Graph(nodes=nodes, edges=edges), found


class _Series:
    """Looks for instances that follow each other."""

    def __init__(self, graph: Graph, definitions: Mapping[str, Definition]) -> None:
        self.graph, self.definitions = graph, definitions
        self.readers: dict[str, list[tuple[PortRef, PortRef]]] = {}
        for target, source in graph.edges.items():
            self.readers.setdefault(source.node, []).append((source, target))

    def chains(self) -> list[list[str]]:
        """Return the ids of each series of two or more."""
        following = {id: after for id in self.graph.nodes if (after := self._next(id))}
        starts = following.keys() - following.values()
        found = []
        for id in self.graph.nodes:
            if id in starts:
                chain = [id]
                while chain[-1] in following and len(chain) < MOST_REPEATS:
                    chain.append(following[chain[-1]])
                found.append(chain)
        return found

    def _next(self, id: str) -> str:
        """Return the instance that is the next copy of an instance, or ""."""
        node = self.graph.nodes[id]
        reads = self.readers.get(id, [])
        if not is_block(node) or not reads:
            return ""
        after = self.graph.nodes[reads[0][1].node]
        if after.id == id or after.type != node.type or after.parameters != node.parameters:
            return ""
        ports = signature(self.definitions[block_key(node)])
        inputs, outputs = list(ports.inputs), list(ports.outputs)
        if len(inputs) < len(outputs) or len(reads) != len(outputs):
            return ""
        edges = self.graph.edges
        passed = all(
            edges.get(PortRef(after.id, port)) == PortRef(id, output)
            for port, output in zip(inputs, outputs, strict=False)
        )
        shared = all(
            edges.get(PortRef(after.id, port)) == edges.get(PortRef(id, port)) for port in inputs[len(outputs) :]
        )
        return after.id if passed and shared else ""
