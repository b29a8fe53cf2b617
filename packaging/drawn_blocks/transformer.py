"""Blocks of transformers."""

from __future__ import annotations

from drawn_blocks.attention import CAUSAL, CROSS, DROPOUT, HEADS, ROTARY, SELF_ATTENTION, SEQUENCE, WIDTH
from drawn_blocks.drawing import Drawing, formula, whole
from netbuilder.document.model import Definition, PortRef

_PAPER = "Attention Is All You Need (Vaswani et al., 2017), arXiv:1706.03762"
_PRE_NORM = "On Layer Normalization in the Transformer Architecture (Xiong et al., 2020), arXiv:2002.04745"
_EXPANSION = whole("expansion", 4, "How many times more units the feed-forward part has in its middle.", maximum=64)


def feed_forward() -> Definition:
    """Return a transformer's feed-forward part."""
    d = Drawing(
        "feed_forward",
        "Feed-forward",
        "Thinks about every position by itself: widens it, rectifies smoothly, narrows it. Half of a transformer.",
        _PAPER,
        WIDTH,
        _EXPANSION,
        DROPOUT,
    )
    x = d.enter(dims=SEQUENCE)
    h = d.add("gelu", "act", d.add("linear", "widen", x, units=formula("width * expansion")))
    h = d.add("linear", "narrow", d.add("dropout", "drop", h, p=formula("dropout")), units=formula("width"))
    d.leave(h)
    return d.done()


FEED_FORWARD = feed_forward()


def _block(
    key: str, title: str, description: str, reference: str, attention: Definition, pre: bool, decoder: bool = False
) -> Definition:
    d = Drawing(key, title, description, reference, WIDTH, HEADS, _EXPANSION, DROPOUT)
    x = d.enter(dims=SEQUENCE)
    memory = d.enter("memory", dims=SEQUENCE) if decoder else None

    def around(source: PortRef, name: str, inner: Definition, *others: PortRef, **values: object) -> PortRef:
        """Add a part with its shortcut, dropout and normalization."""
        first = d.add("layer_norm", f"norm_{name}", source) if pre else source
        h = d.block(inner, name, first, *others, width=formula("width"), **values)
        h = d.add("add", f"added_{name}", source, d.add("dropout", f"drop_{name}", h, p=formula("dropout")))
        return h if pre else d.add("layer_norm", f"norm_{name}", h)

    heads = {"heads": formula("heads")}
    h = around(x, "attention", attention, **heads)
    if memory is not None:
        h = around(h, "cross_attention", CROSS, memory, **heads)
    inside = {"expansion": formula("expansion"), "dropout": formula("dropout")}
    d.leave(around(h, "feed_forward", FEED_FORWARD, **inside))
    return d.done()


def encoders() -> tuple[Definition, ...]:
    """Return the encoder and decoder blocks."""
    return (
        _block(
            "transformer_encoder_block",
            "Transformer encoder block",
            "Self-attention, then feed-forward, each normalized before and added to what was there (pre-norm): the "
            "arrangement that trains without tricks. Repeat it for depth; give it positions first.",
            _PRE_NORM,
            SELF_ATTENTION,
            pre=True,
        ),
        _block(
            "transformer_encoder_block_post",
            "Transformer encoder block (post-norm)",
            "The encoder block as first published: what is added is normalized afterwards. It wants a warm-up of the "
            "learning rate.",
            _PAPER,
            SELF_ATTENTION,
            pre=False,
        ),
        _block(
            "transformer_causal_block",
            "Transformer causal block",
            "What text generators stack: causal self-attention, then feed-forward, each normalized before. Give it "
            "positions first.",
            "Language Models are Unsupervised Multitask Learners (Radford et al., 2019)",
            CAUSAL,
            pre=True,
        ),
        _block(
            "transformer_rotary_block",
            "Transformer causal block, rotary positions",
            "A causal block that knows positions by itself: queries and keys are turned by them.",
            "RoFormer (Su et al., 2021), arXiv:2104.09864",
            ROTARY,
            pre=True,
        ),
        _block(
            "transformer_decoder_block",
            "Transformer decoder block",
            "Causal self-attention over what was written so far, cross-attention to what the encoder made of the "
            "source (memory), then feed-forward, each normalized before.",
            _PRE_NORM,
            CAUSAL,
            pre=True,
            decoder=True,
        ),
        _block(
            "transformer_decoder_block_post",
            "Transformer decoder block (post-norm)",
            "The decoder block as first published: what is added is normalized afterwards.",
            _PAPER,
            CAUSAL,
            pre=False,
            decoder=True,
        ),
    )


def embedding() -> Definition:
    """Return token embedding with sinusoidal positions."""
    d = Drawing(
        "token_embedding",
        "Token embedding with positions",
        "Turns each token into features and adds the waves that tell its position: the entrance of a transformer.",
        _PAPER,
        WIDTH,
        DROPOUT,
    )
    x = d.enter("tokens", dims=(16,), dtype="int64")
    h = d.add("positional_encoding", "positions", d.add("embedding", "embed", x, features=formula("width")))
    d.leave(d.add("dropout", "drop", h, p=formula("dropout")))
    return d.done()


def patch_embedding() -> Definition:
    """Return patch embedding."""
    d = Drawing(
        "patch_embedding",
        "Patch embedding",
        "Cuts an image into squares and turns each into a row of features, with a learned position: the entrance of a "
        "vision transformer.",
        "An Image is Worth 16x16 Words (Dosovitskiy et al., 2020), arXiv:2010.11929",
        whole("width", 64, "How many features a patch becomes."),
        whole("patch", 4, "How many pixels high and wide a patch is.", maximum=1024),
    )
    x = d.enter(dims=(3, 32, 32))
    size = formula("patch")
    h = d.add("conv2d", "cut", x, filters=formula("width"), kernel_size=size, stride=size, padding="valid")
    d.leave(d.add("learned_positions", "positions", d.add("image_to_sequence", "patches", h)))
    return d.done()


TRANSFORMER = (FEED_FORWARD, *encoders(), embedding(), patch_embedding())
"""The blocks of this module."""
