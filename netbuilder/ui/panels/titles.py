"""What a node is: its declaration, its title and its colour's category, whichever registry declares it."""

from __future__ import annotations

from netbuilder.document.model import Node
from netbuilder.foundation.declaration import Declaration
from netbuilder.layers.foreign import foreign_title, is_foreign


def declaration_of(node: Node) -> Declaration | None:
    """Return the layer or data source that a node is; None when this program lacks it."""
    if node.type.startswith("data."):
        from netbuilder.data.sources import registry

        return registry().get(node.type)
    from netbuilder.layers.catalog import catalog

    return catalog().get(node.type)


def node_title(node: Node) -> str:
    """Return what the interface calls a node: its declaration's title."""
    if is_foreign(node.type):
        return foreign_title(node.type)
    declaration = declaration_of(node)
    return declaration.title if declaration else node.type
