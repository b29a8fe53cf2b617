"""Tiny documents for everybody's tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from netbuilder.document.model import (
    About,
    Document,
    Field,
    Graph,
    Layout,
    Node,
    Place,
    PortRef,
    Schema,
)

DIGITS = Schema(
    fields=(
        Field(name="image", dims=(1, 8, 8), dtype="float32", layout="CHW"),
        Field(name="label", dtype="int64", classes=tuple("0123456789")),
    ),
    rows=1797,
)
"""What `data.digits` yields."""

WEIGHTS = {"initializer": "default", "trainable": True}


def node(id: str, type: str, label: str = "", **parameters: Any) -> Node:
    """Return a node; its label is its id unless given."""
    return Node(id=id, type=type, label=label or id, parameters=parameters)


def link(source: str, target: str) -> tuple[PortRef, PortRef]:
    """Return an edge (target, source) from "n1.y" and "n2.x"."""
    to, origin = target.split("."), source.split(".")
    return PortRef(to[0], to[1]), PortRef(origin[0], origin[1])


def document(
    nodes: Iterable[Node],
    links: Iterable[tuple[str, str]] = (),
    schemas: Mapping[str, Schema] | None = None,
    title: str = "",
) -> Document:
    """Return a document with its nodes in one row.

    Args:
        nodes: The nodes.
        links: Pairs of ("source.port", "target.port").
        schemas: Data node id -> what it yields.
        title: The document's title.
    """
    nodes = list(nodes)
    return Document(
        graph=Graph(nodes={each.id: each for each in nodes}, edges=dict(link(*pair) for pair in links)),
        schemas=schemas or {},
        layout=Layout(places={each.id: Place(260.0 * i, 0.0) for i, each in enumerate(nodes)}),
        about=About(title=title),
    )


def chain(*nodes: Node) -> list[tuple[str, str]]:
    """Return the links of a chain in which every output is called y and every input x."""
    return [(f"{a.id}.y", f"{b.id}.x") for a, b in pairwise(nodes)]


def linear(id: str, units: int, **parameters: Any) -> Node:
    """Return a Linear layer."""
    return node(id, "linear", **{"units": units, "bias": True, **WEIGHTS, **parameters})


def conv2d(id: str, filters: int, size: int = 3, **parameters: Any) -> Node:
    """Return a Conv2d layer that keeps height and width when `size` is odd."""
    own = {
        "filters": filters,
        "kernel_size": (size, size),
        "stride": (1, 1),
        "padding": "same",
        "dilation": (1, 1),
        "groups": 1,
        "bias": True,
    }
    return node(id, "conv2d", **{**own, **WEIGHTS, **parameters})


def tiny_mlp(hidden: int = 32) -> Document:
    """Return digits -> Flatten -> Linear -> ReLU -> Linear -> cross entropy."""
    body = [
        node("flat", "flatten"),
        linear("hidden", hidden),
        node("act", "relu"),
        linear("scores", 10),
    ]
    links = [
        ("digits.image", "flat.x"),
        *chain(*body),
        ("scores.y", "loss.prediction"),
        ("digits.label", "loss.target"),
    ]
    nodes = [node("digits", "data.digits"), *body, node("loss", "cross_entropy")]
    return document(nodes, links, {"digits": DIGITS}, "Tiny MLP")


def tiny_cnn(filters: int = 8) -> Document:
    """Return digits -> a convolution with a residual branch -> pooling -> Flatten -> Linear -> cross entropy."""
    stem = [conv2d("stem", filters), node("norm", "batch_norm2d"), node("act", "relu"), conv2d("conv", filters)]
    head = [node("pool", "max_pool2d"), node("flat", "flatten"), linear("scores", 10)]
    links = [
        ("digits.image", "stem.x"),
        *chain(*stem),
        ("conv.y", "sum.a"),
        ("act.y", "sum.b"),
        ("sum.y", "pool.x"),
        *chain(*head),
        ("scores.y", "loss.prediction"),
        ("digits.label", "loss.target"),
    ]
    nodes = [node("digits", "data.digits"), *stem, node("sum", "add", "added"), *head, node("loss", "cross_entropy")]
    return document(nodes, links, {"digits": DIGITS}, "Tiny CNN")
