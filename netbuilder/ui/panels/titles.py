"""What a node is: its declaration and its title, whichever registry or block declares it."""

from __future__ import annotations

from netbuilder.document.model import Document, Node
from netbuilder.foundation.declaration import Declaration
from netbuilder.layers.foreign import foreign_title, is_foreign
from netbuilder.project import declaration_for


def declaration_of(document: Document, node: Node) -> Declaration | None:
    """Return the layer, data source or block that a node is; None when this program lacks it."""
    return declaration_for(document, node.type)


def node_title(document: Document, node: Node) -> str:
    """Return what the interface calls a node: its declaration's title."""
    if is_foreign(node.type):
        return foreign_title(node.type)
    declaration = declaration_of(document, node)
    return declaration.title if declaration else node.type
