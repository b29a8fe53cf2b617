"""Large networks that are sound all through, for measuring: two links a node, laid out in rows."""

from __future__ import annotations

import random
from typing import Any

from netbuilder.document.model import Document, Graph, Layout, Node, Place, PortRef
from netbuilder.project import declarations
from tests.builders import DIGITS

ROW = 50
PITCH = (240.0, 190.0)
PATTERN: tuple[tuple[str, dict[str, Any]], ...] = (
    ("conv2d", {"filters": 4, "padding": "same"}),
    ("add", {"inputs": 4}),
    ("relu", {}),
    ("add", {"inputs": 2}),
)
"""Layers that all give what they take, with 8 inputs in 4 layers."""


def network(count: int) -> Document:
    """Return `count` nodes with about twice as many links, from digits to a loss, with shapes that fit everywhere."""
    chance, specs = random.Random(1), declarations()
    nodes: dict[str, Node] = {}
    edges: dict[PortRef, PortRef] = {}

    def add(id: str, type: str, **parameters: Any) -> None:
        values = specs[type].defaults() | parameters
        nodes[id] = Node(id=id, type=type, label=f"{type.rpartition('.')[2]}_{len(nodes)}", parameters=values)

    add("digits", "data.digits")
    sources = [PortRef("digits", "image")]
    for index in range(count - 4):
        id, (type, parameters) = f"n{index:08x}", PATTERN[index % len(PATTERN)]
        add(id, type, **parameters)
        ports = [port.name for port in specs[type].input_ports(nodes[id].parameters)]
        for step, port in enumerate(ports):
            far = 1 if step == 0 else chance.randint(1, 12)
            edges[PortRef(id, port)] = sources[max(len(sources) - far, min(1, index))]
        sources.append(PortRef(id, "y"))
    add("flat", "flatten")
    add("head", "linear", units=10)
    add("loss", "cross_entropy")
    edges[PortRef("flat", "x")] = sources[-1]
    edges[PortRef("head", "x")] = PortRef("flat", "y")
    edges[PortRef("loss", "prediction")] = PortRef("head", "y")
    edges[PortRef("loss", "target")] = PortRef("digits", "label")
    places = {id: Place(at % ROW * PITCH[0], at // ROW * PITCH[1]) for at, id in enumerate(nodes)}
    return Document(graph=Graph(nodes=nodes, edges=edges), schemas={"digits": DIGITS}, layout=Layout(places=places))
