"""Targets: which of a batch's fields a loss's target is, also where it was rewritten on its way. Needs no torch."""

from __future__ import annotations

from netbuilder.compiler.program import Program
from netbuilder.document.model import Document, PortRef

REWRITINGS = frozenset({"cast", "flatten", "identity", "reshape", "squeeze", "unsqueeze"})
"""Layers that keep every value of a target and their order."""


def raw_target(document: Document, program: Program, node: str) -> str:
    """Return the batch's key of what a loss's target is a mere rewriting of (a label cast to float), or "".

    Args:
        document: What was drawn.
        program: Its text.
        node: The loss node.
    """
    graph = document.graph
    keys = {port: key for key, port in program.sources.items()}
    port = graph.edges.get(PortRef(node, "target"))
    while port is not None and port not in keys and graph.nodes[port.node].type in REWRITINGS:
        port = graph.edges.get(PortRef(port.node, "x"))
    return keys.get(port, "") if port is not None else ""
