"""Documents for the compiler's tests, written with default parameters so that they follow the catalog."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netbuilder.document.model import Document
from tests.builders import DIGITS, chain, document, linear, node

LOSS = [("fc.y", "loss.prediction"), ("digits.label", "loss.target")]


def cnn(**conv: Any) -> Document:
    """Return digits -> Conv2d -> ReLU -> MaxPool2d -> Flatten -> Linear -> cross entropy."""
    body = [
        node("conv", "conv2d", **{"filters": 8, **conv}),
        node("act", "relu"),
        node("pool", "max_pool2d"),
        node("flat", "flatten"),
        linear("fc", 10),
    ]
    nodes = [node("digits", "data.digits"), *body, node("loss", "cross_entropy")]
    return document(nodes, [("digits.image", "conv.x"), *chain(*body), *LOSS], {"digits": DIGITS}, "Digits CNN")


def residual() -> Document:
    """Return a network with a branch around a convolution."""
    body = [node("stem", "conv2d", filters=4), node("act", "relu"), node("conv", "conv2d", filters=4)]
    tail = [node("flat", "flatten"), linear("fc", 10)]
    links = [
        ("digits.image", "stem.x"),
        *chain(*body),
        ("conv.y", "sum.a"),
        ("act.y", "sum.b"),
        ("sum.y", "flat.x"),
        *chain(*tail),
        *LOSS,
    ]
    nodes = [node("digits", "data.digits"), *body, node("sum", "add", "added"), *tail, node("loss", "cross_entropy")]
    return document(nodes, links, {"digits": DIGITS}, "")


def two_heads() -> Document:
    """Return a classifier that also reconstructs its input: two losses, one Output, a target that is computed."""
    nodes = [
        node("digits", "data.digits"),
        node("flat", "flatten"),
        linear("code", 16, initializer="xavier_uniform"),
        linear("picture", 64),
        linear("fc", 10),
        node("loss", "cross_entropy"),
        node("again", "flatten"),
        node("likeness", "mse_loss"),
        node("out", "output", "logits"),
    ]
    links = [
        ("digits.image", "flat.x"),
        ("flat.y", "code.x"),
        ("code.y", "picture.x"),
        ("code.y", "fc.x"),
        ("fc.y", "out.x"),
        *LOSS,
        ("picture.y", "likeness.prediction"),
        ("digits.image", "again.x"),
        ("again.y", "likeness.target"),
    ]
    return document(nodes, links, {"digits": DIGITS}, "Two heads")


def shared(width: int = 64) -> Document:
    """Return a network whose second Linear shares the first one's weights."""
    first = linear("first", width)
    body = [node("flat", "flatten"), first, replace(linear("second", width), tied_to="first"), linear("fc", 10)]
    nodes = [node("digits", "data.digits"), *body, node("loss", "cross_entropy")]
    return document(nodes, [("digits.image", "flat.x"), *chain(*body), *LOSS], {"digits": DIGITS})


def with_parameters(given: Document, id: str, **values: Any) -> Document:
    """Return a document with some of a node's parameters changed."""
    return with_node(given, id, parameters={**given.graph.nodes[id].parameters, **values})


def with_node(given: Document, id: str, **changes: Any) -> Document:
    """Return a document with a node changed."""
    changed = replace(given.graph.nodes[id], **changes)
    return replace(given, graph=replace(given.graph, nodes={**given.graph.nodes, id: changed}))


def long_chain(length: int) -> Document:
    """Return digits -> convolutions, normalizations, activations and poolings, `length` layers in all."""
    kinds = ("conv2d", "batch_norm2d", "relu", "conv2d", "group_norm")
    parameters: dict[str, dict[str, Any]] = {"group_norm": {"groups": 1}}
    body = []
    for index in range(length):
        kind = kinds[index % len(kinds)]
        own = {"filters": 8 + index % 7} if kind == "conv2d" else parameters.get(kind, {})
        body.append(node(f"n{index}", kind, **own))
    links = [("digits.image", "n0.x"), *chain(*body)]
    return document([node("digits", "data.digits"), *body], links, {"digits": DIGITS})
