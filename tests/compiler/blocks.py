"""Documents with blocks, for the compiler's tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from netbuilder.document.model import Definition, Document, Node
from tests.builders import DIGITS, chain, conv2d, document, linear, node


def formula(text: str) -> dict[str, str]:
    """Return an expression as a parameter's value."""
    return {"=": text}


def define(
    key: str,
    nodes: Iterable[Node],
    links: Iterable[tuple[str, str]],
    title: str = "",
    parameters: Mapping[str, Any] | None = None,
) -> Definition:
    """Return a definition; `parameters` are names with their defaults."""
    kinds = {int: "int", float: "float", bool: "bool", str: "text", tuple: "ints"}
    declared = tuple({"name": k, "kind": kinds[type(v)], "default": v} for k, v in (parameters or {}).items())
    return Definition(key=key, title=title or key, graph=document(nodes, links).graph, parameters=declared)


def residual_block() -> Definition:
    """Return x -> conv -> norm -> relu -> conv -> norm, plus x through a 1x1 convolution; -> dropout."""
    body = [
        conv2d("r_conv", formula("filters")),  # type: ignore[arg-type]
        node("r_norm", "batch_norm2d"),
        node("r_act", "relu"),
        conv2d("r_last", formula("filters")),  # type: ignore[arg-type]
    ]
    shortcut = conv2d("r_short", formula("filters"), size=1)  # type: ignore[arg-type]
    ends = [node("r_sum", "add", "added"), node("r_drop", "dropout", p=formula("rate"))]
    nodes = [node("r_in", "input", "x"), *body, shortcut, *ends, node("r_out", "output", "y")]
    links = [
        ("r_in.y", "r_conv.x"),
        *chain(*body),
        ("r_in.y", "r_short.x"),
        ("r_last.y", "r_sum.a"),
        ("r_short.y", "r_sum.b"),
        ("r_sum.y", "r_drop.x"),
        ("r_drop.y", "r_out.x"),
    ]
    return define("residual", nodes, links, "Residual block", {"filters": 8, "rate": 0.25})


def stage_block() -> Definition:
    """Return a stage: a residual block as often as the stage is deep."""
    block = node("s_block", "block.residual", "block", filters=formula("width"), rate=0.5, repeat=formula("depth"))
    nodes = [node("s_in", "input", "x"), block, node("s_out", "output", "y")]
    links = [("s_in.y", "s_block.x"), ("s_block.y", "s_out.x")]
    return define("stage", nodes, links, "Stage", {"width": 8, "depth": 1})


def with_blocks(body: Iterable[Node], *definitions: Definition, title: str = "Blocks") -> Document:
    """Return digits -> body -> Flatten -> Linear -> cross entropy."""
    layers = [*body, node("flat", "flatten"), linear("fc", 10)]
    nodes = [node("digits", "data.digits"), *layers, node("loss", "cross_entropy")]
    links = [
        ("digits.image", f"{layers[0].id}.x"),
        *chain(*layers),
        ("fc.y", "loss.prediction"),
        ("digits.label", "loss.target"),
    ]
    given = document(nodes, links, {"digits": DIGITS}, title)
    return replace(given, blocks={each.key: each for each in definitions})


def staged() -> Document:
    """Return a network of two stages of residual blocks and one block alone."""
    body = [
        conv2d("stem", 4),
        node("one", "block.stage", "first", width=4, depth=2),
        node("two", "block.stage", "second", width=6, depth=3),
        node("last", "block.residual", "alone", filters=5),
    ]
    return with_blocks(body, residual_block(), stage_block())


def decoder() -> Document:
    """Return a block with two inputs, repeated: the second input goes to every copy."""
    nodes = [
        node("d_in", "input", "x"),
        node("d_memory", "input", "memory"),
        linear("d_fc", formula("units")),  # type: ignore[arg-type]
        node("d_sum", "add", "added"),
        node("d_act", "tanh"),
        node("d_out", "output", "y"),
    ]
    links = [
        ("d_in.y", "d_fc.x"),
        ("d_fc.y", "d_sum.a"),
        ("d_memory.y", "d_sum.b"),
        ("d_sum.y", "d_act.x"),
        ("d_act.y", "d_out.x"),
    ]
    block = define("decoder", nodes, links, "Decoder layer", {"units": 16})
    body = [node("f", "flatten", "flat"), linear("m", 16), node("dec", "block.decoder", "decode", units=16, repeat=3)]
    links = [
        ("digits.image", "f.x"),
        ("f.y", "m.x"),
        ("f.y", "dec.x"),
        ("m.y", "dec.memory"),
        ("dec.y", "fc.x"),
        ("fc.y", "loss.prediction"),
        ("digits.label", "loss.target"),
    ]
    ends = [linear("fc", 10), node("loss", "cross_entropy")]
    given = document([node("digits", "data.digits"), *body, *ends], links, {"digits": DIGITS}, "Decoder")
    return replace(given, blocks={"decoder": block})
