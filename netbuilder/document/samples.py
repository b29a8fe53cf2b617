"""Samples: a definition looked at on its own, as one instance with its defaults, fed with what its inputs name."""

from __future__ import annotations

from typing import Any, Final

from netbuilder.document.blocks import BLOCK, REPEAT, signature
from netbuilder.document.expressions import ExpressionError, is_expression, substitute, text_of
from netbuilder.document.model import Document, Graph, Layout, Node, Plan, PortRef

SAMPLE: Final = "sample"
"""The id of the only instance in a sample."""

PREFIX: Final = f"{SAMPLE}/0/"
"""What the paths of the nodes in it begin with."""


def sample_of(document: Document, key: str) -> Document:
    """Return a document with one instance of a definition, for its shapes and problems where nothing else is one.

    Args:
        document: Where the definition is.
        key: The definition's key.
    """
    definition = document.blocks[key]
    declared = signature(definition)
    defaults: dict[str, Any] = {each.name: each.default for each in declared.parameters if each.name != REPEAT}
    nodes: dict[str, Node] = {}
    edges: dict[PortRef, PortRef] = {}
    for number, (name, id) in enumerate(declared.inputs.items()):
        given = definition.graph.nodes[id].parameters
        parameters = {each: _plain(value, defaults) for each, value in given.items()}
        source = Node(id=f"input{number}", type="input", label=f"input_{number + 1}", parameters=parameters)
        nodes[source.id] = source
        edges[PortRef(SAMPLE, name)] = PortRef(source.id, "y")
    nodes[SAMPLE] = Node(id=SAMPLE, type=BLOCK + key, label="sample", parameters={**defaults, REPEAT: 1})
    return Document(graph=Graph(nodes=nodes, edges=edges), blocks=document.blocks, plan=Plan(), layout=Layout())


def _plain(value: Any, defaults: dict[str, Any]) -> Any:
    if not is_expression(value):
        return value
    try:
        return substitute(text_of(value), defaults)
    except ExpressionError:  # the compiler reports it at the input itself
        return value
