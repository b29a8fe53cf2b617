"""Blocks of attention."""

from __future__ import annotations

from drawn_blocks.drawing import Drawing, formula, number, whole
from netbuilder.document.model import Definition

_PAPER = "Attention Is All You Need (Vaswani et al., 2017), arXiv:1706.03762"
SEQUENCE = (16, 64)

WIDTH = whole("width", 64, "How many features a position has.")
HEADS = whole("heads", 4, "How many things it looks for at once; it must divide the width.", maximum=1024)
DROPOUT = number("dropout", 0.1, "Which share of the values is left out in training.", maximum=0.95)


def _attention(
    key: str, title: str, description: str, reference: str = _PAPER, causal: bool = False, rotary: bool = False
) -> Definition:
    d = Drawing(key, title, description, reference, WIDTH, HEADS)
    x = d.enter(dims=SEQUENCE)
    parts = []
    for name in ("query", "key", "value"):
        part = d.add("linear", name, x, units=formula("width"))
        part = d.add("split_heads", f"{name}_heads", part, heads=formula("heads"))
        if rotary and name != "value":
            part = d.add("rotary_positions", f"turned_{name}", part)
        parts.append(part)
    h = d.add("scaled_dot_product_attention", "attention", *parts, causal=causal)
    h = d.add("merge_heads", "merged", h)
    d.leave(d.add("linear", "projection", h, units=formula("width")))
    return d.done()


def self_attention() -> Definition:
    """Return multi-head self-attention."""
    return _attention(
        "self_attention",
        "Multi-head self-attention",
        "Every position asks all others what they know (query, key), and takes from each as much as fits (value), in "
        "several heads at once. Open it to see what MultiheadAttention is made of.",
    )


def causal_self_attention() -> Definition:
    """Return causal self-attention."""
    return _attention(
        "causal_self_attention",
        "Causal self-attention",
        "Self-attention in which a position sees only itself and those before it: what text generators are made of.",
        causal=True,
    )


def rotary_self_attention() -> Definition:
    """Return causal self-attention with rotary positions."""
    return _attention(
        "rotary_self_attention",
        "Causal self-attention, rotary positions",
        "Causal self-attention whose queries and keys are turned by their position, so that it knows distances and "
        "needs no other positions. Most of today's language models use it.",
        "RoFormer (Su et al., 2021), arXiv:2104.09864",
        causal=True,
        rotary=True,
    )


def cross_attention() -> Definition:
    """Return attention to another sequence."""
    d = Drawing(
        "cross_attention",
        "Multi-head cross-attention",
        "Every position of one sequence asks all positions of another: how a decoder reads what the encoder made.",
        _PAPER,
        WIDTH,
        HEADS,
    )
    x, memory = d.enter(dims=SEQUENCE), d.enter("memory", dims=SEQUENCE)
    parts = []
    for name, source in (("query", x), ("key", memory), ("value", memory)):
        part = d.add("linear", name, source, units=formula("width"))
        parts.append(d.add("split_heads", f"{name}_heads", part, heads=formula("heads")))
    h = d.add("merge_heads", "merged", d.add("scaled_dot_product_attention", "attention", *parts))
    d.leave(d.add("linear", "projection", h, units=formula("width")))
    return d.done()


def additive_attention() -> Definition:
    """Return additive attention of one query over a sequence."""
    d = Drawing(
        "additive_attention",
        "Additive attention",
        "One query looks at a whole sequence and takes a mean of it, weighted by how well each position fits: a small "
        "network of its own tells how well. The first attention there was, for translating with recurrent networks.",
        "Neural Machine Translation by Jointly Learning to Align and Translate (Bahdanau, 2014), arXiv:1409.0473",
        whole("units", 64, "How many units the network that compares has."),
    )
    query, memory = d.enter("query", dims=(64,)), d.enter("memory", dims=SEQUENCE)
    q = d.add("unsqueeze", "each", d.add("linear", "of_query", query, units=formula("units"), bias=False), axis=1)
    m = d.add("linear", "of_memory", memory, units=formula("units"))
    score = d.add("linear", "score", d.add("tanh", "act", d.add("add", "compared", m, q)), units=1, bias=False)
    weights = d.add("softmax", "shares", score, axis=1)
    d.leave(d.add("sum", "blended", d.add("multiply", "weighted", memory, weights), axes=(1,)), "context")
    d.leave(d.add("squeeze", "alignment", weights, axis=2), "weights")
    return d.done()


SELF_ATTENTION = self_attention()
CAUSAL = causal_self_attention()
ROTARY = rotary_self_attention()
CROSS = cross_attention()

ATTENTION = (SELF_ATTENTION, CAUSAL, ROTARY, CROSS, additive_attention())
"""The blocks of this module."""
