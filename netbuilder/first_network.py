"""A first network for data of the user's own: plain, small, and ready to be trained.

Tables get two hidden layers, images a small convolutional network; the target decides the last layer and the loss.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from netbuilder.data import schemas, sources
from netbuilder.document import edits
from netbuilder.document.model import Document, Field, Node, Place, PortRef, new_id
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.layers.catalog import catalog

TABLES: Final = (".csv", ".tsv", ".parquet")
"""How the names of tables end."""

_DATA, _GAP = 268.0, 40.0
_NARROWEST = 132.0
_LARGE = 64
"""Images of so many pixels get a convolution more."""

_START = Place(0.0, 0.0)
_Layer = tuple[str, str, dict[str, Any]]


def data_node(path: Path) -> Node:
    """Return a fresh data node that reads a table or a folder of images."""
    kind, name = ("data.images", "folder") if path.is_dir() else ("data.table", "file")
    return Node(
        id=new_id(),
        type=kind,
        label=path.stem,
        parameters={**sources.registry()[kind].defaults(), name: str(path)},
    )


def begin_with(path: Path) -> Document:
    """Return a project that learns from a table or a folder of images, with a first network.

    Raises:
        NetbuilderError: When the data cannot be read; the problems name file and line.
    """
    node = data_node(path.absolute())
    schema = schemas.describe(node.type, node.parameters)
    document = Document()
    document = replace(document, about=replace(document.about, title=path.stem))
    return draw(edits.add_node(document, node, _START, schema), node.id)


def why_not(document: Document, node: str) -> str:
    """Say why no first network can be drawn behind a node; "" when it can."""
    if node not in document.schemas:
        return "its data could not be read yet"
    if any(source.node == node for source in document.graph.edges.values()):
        return "it feeds a network already"
    schema = document.schemas[node]
    if len(schema.fields) < 2 or schema.fields[0].layout not in ("F", "CHW"):
        return "there is none for data of this kind"
    return ""


def draw(document: Document, node: str) -> Document:
    """Return the document with a first network between a data node's first field and a loss against its second.

    Args:
        document: What to change.
        node: The data node's id, in the main graph.

    Raises:
        NetbuilderError: When `why_not` has a reason.
    """
    why = why_not(document, node)
    if why:
        label = document.graph.nodes[node].label
        raise NetbuilderError(Problem(code="first.data", message=f"No network for {label}: {why}.", node=node))
    place = document.layout.places.get(node, _START)
    field, target = document.schemas[node].fields[:2]
    last = PortRef(node, field.name)
    layers = [*_body(field), _head(target)]
    x = place.x + _DATA
    for type, label, values in layers:
        document, id = _add(document, type, label, values, Place(x, place.y - 60.0))
        x += _width(type, label)
        document = edits.connect(document, PortRef(id, "x"), last)
        last = PortRef(id, "y")
    loss = "cross_entropy" if target.classes else "mse_loss"
    document, id = _add(document, loss, "loss", {}, Place(x, place.y))
    document = edits.connect(document, PortRef(id, "prediction"), last)
    return edits.connect(document, PortRef(id, "target"), PortRef(node, target.name))


def _add(document: Document, type: str, label: str, values: dict[str, Any], place: Place) -> tuple[Document, str]:
    node = Node(id=new_id(), type=type, label=label, parameters={**catalog()[type].defaults(), **values})
    return edits.add_node(document, node, place), node.id


def _width(type: str, label: str) -> float:
    """Return about how much room a layer takes with the gap behind it, in units of the canvas."""
    name = "" if label.startswith(type) else label
    return max(_NARROWEST, 60.0 + 8.5 * len(catalog()[type].title) + 6.0 * len(name)) + _GAP


def _body(field: Field) -> list[_Layer]:
    if field.layout == "F":
        return [
            ("linear", "hidden1", {"units": 64}),
            ("relu", "relu1", {}),
            ("linear", "hidden2", {"units": 64}),
            ("relu", "relu2", {}),
        ]
    layers: list[_Layer] = []
    shortest = min(field.dims[1:])
    for stage in range(1, 3 if shortest < _LARGE else 4):
        layers += [("conv2d", f"conv{stage}", {"filters": 8 * 2**stage}), ("relu", f"relu{stage}", {})]
        if shortest >= 8:
            layers.append(("max_pool2d", f"pool{stage}", {}))
            shortest //= 2
    return [*layers, ("global_avg_pool", "average", {})]


def _head(target: Field) -> _Layer:
    if target.classes:
        return "linear", "scores", {"units": len(target.classes)}
    return "linear", "value", {"units": max(1, target.dims[0] if target.dims else 1)}
