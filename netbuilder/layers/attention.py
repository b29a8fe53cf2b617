"""Attention: every position of a sequence looks at every other and takes what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from netbuilder.foundation.brief import in_words
from netbuilder.foundation.parameter import Kind, Parameter, Values
from netbuilder.layers import relations
from netbuilder.layers.settings import brief_of, choice, flag, known, number, paper, torch_docs, whole
from netbuilder.layers.spec import WEIGHTS, Dtype, LayerSpec, Mismatch, Port, Types
from netbuilder.layers.tensor import TensorType

ATTENTION_PAPER = paper("Attention Is All You Need (Vaswani et al., 2017)", "1706.03762")

SEQUENCE = Port(name="x", ranks=(3,), layout="NTF", help="A sequence: one row of features a position.")
OUTPUT = Port(name="y", ranks=(3,), layout="NTF")
MASK = Port(
    name="mask", dtype=Dtype.BOOL, ranks=(2,), layout="NT", optional=True, help="True where a position is padding."
)
_CAUSAL_MASK = "nn.Transformer.generate_square_subsequent_mask(x.shape[1], device=x.device, dtype=torch.bool)"

HEADS = whole("heads", "Heads", 4, "How many things it looks for at once; it must divide the features.", maximum=1024)


def _causal(default: bool, **more: Any) -> Parameter:
    return flag(
        "causal",
        "Causal",
        default,
        "Whether a position may look only at itself and those before it, as a text generator must.",
        **more,
    )


def _sizes_of(values: Values, inputs: Types) -> tuple[int, int, int]:
    query = inputs["x"]
    keys = inputs.get("context", query)
    return known(query.dims[1]), known(keys.dims[1]), known(query.dims[2])


def _attention_macs(values: Values, inputs: Types, outputs: Types) -> int:
    steps, context, features = _sizes_of(values, inputs)
    own = known(inputs["context"].dims[2]) if "context" in inputs else features
    projections = 2 * steps * features * features + 2 * context * own * features
    return projections + 2 * steps * context * features


def _multihead_inputs(values: Values) -> tuple[Port, ...]:
    context = Port(name="context", ranks=(3,), layout="NTF", help="The sequence that is looked at.")
    return (SEQUENCE, context, MASK) if values["cross"] else (SEQUENCE, MASK)


def _multihead_outputs(values: Values) -> tuple[Port, ...]:
    weights = Port(name="weights", ranks=(3,), help="Who looks at whom: N × positions × positions looked at.")
    return (OUTPUT, weights) if values["give_weights"] else (OUTPUT,)


def _multihead_make(values: Values) -> str:
    context = ", kdim=context_features, vdim=context_features" if values["cross"] else ""
    return f"nn.MultiheadAttention(features, heads, dropout=dropout, bias=bias{context}, batch_first=True)"


def _multihead_call(values: Values) -> str:
    source = "context" if values["cross"] else "x"
    causal = f", attn_mask={_CAUSAL_MASK}, is_causal=True" if values["causal"] and not values["cross"] else ""
    weights = "" if values["give_weights"] else ", need_weights=False"
    return f"me(x, {source}, {source}, key_padding_mask=mask{weights}{causal})"


def _mask_matches(values: Values, inputs: Types) -> Iterator[Mismatch]:
    mask, looked_at = inputs.get("mask"), inputs.get("context", inputs["x"])
    if mask is not None and not relations.may_equal(mask.dims[1], looked_at.dims[1]):
        yield relations.expects("mask", f"an entry for each position of {looked_at}", mask)


MULTIHEAD_ATTENTION = LayerSpec(
    key="multihead_attention",
    title="MultiheadAttention",
    category="attention",
    summary="Every position looks at all others and takes what it needs.",
    help="Each position asks a question (query), compares it with what every position offers (key) and takes a blend "
    "of what they hold (value). "
    "Several heads ask several questions at once. With cross-attention the answers come from a second sequence, the "
    "context.",
    formula=r"\begin{aligned} H_i &= \operatorname{softmax} \left( \frac{Q_i K_i^{\top}}{\sqrt{d}} \right) V_i \\ "
    r"y &= [H_1, \dots, H_h] W^{\top} + b \end{aligned}",
    reference=torch_docs("torch.nn.MultiheadAttention"),
    keywords=("attention", "self attention", "cross attention", "transformer", "mha", "query", "key", "value"),
    parameters=(
        HEADS,
        number("dropout", "Dropout", 0.0, "The share of looks dropped while training.", 0.0, 1.0),
        flag("cross", "Cross-attention", False, "Whether it looks at a second sequence, the context."),
        _causal(False, shown_when=lambda values: not values["cross"]),
        flag("give_weights", "Give weights", False, "Adds an output that says who looks at whom.", advanced=True),
        flag("bias", "Bias", True, "Adds learned numbers to the projections.", advanced=True),
        *WEIGHTS,
    ),
    inputs=_multihead_inputs,
    outputs=_multihead_outputs,
    make=_multihead_make,
    call=_multihead_call,
    target=lambda values: "y, weights" if values["give_weights"] else "y, _",
    derived={"features": ("x", -1), "context_features": ("context", -1)},
    checks=(relations.divides("heads", "features", axis=-1), _mask_matches),
    weights=("*proj_weight", "out_proj.weight"),
    macs=_attention_macs,
    brief=lambda values: brief_of(
        f"{values['heads']} heads", in_words(values, "cross", "cross") if values["cross"] else _when_causal(values)
    ),
)


def _encoder_parameters(causal: bool) -> tuple[Parameter, ...]:
    return (
        HEADS,
        whole(
            "feedforward",
            "Inner units",
            256,
            "How wide the two linear layers inside are; often four times the features.",
        ),
        number("dropout", "Dropout", 0.1, "The share of numbers dropped while training.", 0.0, 1.0),
        choice(
            "activation",
            "Activation",
            (("relu", "ReLU", "As in the paper."), ("gelu", "GELU", "As in most later transformers.")),
            "Between the two linear layers.",
        ),
        flag("norm_first", "Normalize first", False, "Normalizes before attention: deep stacks train more easily."),
        _causal(causal),
        *WEIGHTS,
    )


def _layer_make(name: str) -> Callable[[Values], str]:
    def make(values: Values) -> str:
        activation = "activation=activation, " if values["activation"] != "relu" else ""
        return (
            f"nn.{name}(features, heads, dim_feedforward=feedforward, dropout=dropout, {activation}"
            "batch_first=True, norm_first=norm_first)"
        )

    return make


def _encoder_call(values: Values) -> str:
    causal = f"src_mask={_CAUSAL_MASK}, is_causal=True, " if values["causal"] else ""
    return f"me(x, {causal}src_key_padding_mask=mask)"


def _encoder_macs(values: Values, inputs: Types, outputs: Types) -> int:
    steps, _, features = _sizes_of(values, inputs)
    inner: int = 2 * steps * features * values["feedforward"]
    return _attention_macs(values, inputs, outputs) + inner


def _when_causal(values: Values) -> str:
    return in_words(values, "causal", "causal") if values["causal"] else ""


def _layer_brief(values: Values) -> str:
    return brief_of(f"{values['heads']} heads", str(values["feedforward"]), _when_causal(values))


ENCODER_LAYER = LayerSpec(
    key="transformer_encoder_layer",
    title="TransformerEncoderLayer",
    category="attention",
    summary="One block of a transformer: attention, then two linear layers.",
    help="Self-attention mixes the positions, two linear layers work on each, with shortcuts and normalization around "
    "both. "
    "Stack several. Add a PositionalEncoding before the first, for attention does not know the order. "
    "With Causal on, a stack of these is a language model.",
    formula=r"z = \text{Norm}(x + \text{Attention}(x)), \quad y = \text{Norm}(z + \text{FF}(z))",
    reference=ATTENTION_PAPER,
    keywords=("transformer", "encoder", "bert", "gpt", "vit", "block"),
    parameters=_encoder_parameters(False),
    inputs=(SEQUENCE, MASK),
    outputs=(OUTPUT,),
    make=_layer_make("TransformerEncoderLayer"),
    call=_encoder_call,
    derived={"features": ("x", -1)},
    checks=(relations.divides("heads", "features", axis=-1), _mask_matches),
    weights=("self_attn.*weight", "linear?.weight"),
    macs=_encoder_macs,
    brief=_layer_brief,
)


def _decoder_call(values: Values) -> str:
    causal = f"tgt_mask={_CAUSAL_MASK}, tgt_is_causal=True, " if values["causal"] else ""
    return f"me(x, context, {causal}memory_key_padding_mask=mask)"


def _same_features(values: Values, inputs: Types) -> Iterator[Mismatch]:
    x, context = inputs["x"], inputs["context"]
    if not relations.may_equal(x.dims[-1], context.dims[-1]):
        yield relations.expects(
            "context", f"as many features as x ({x})", context, ("linear", {"units": known(x.dims[-1])})
        )


def _decoder_macs(values: Values, inputs: Types, outputs: Types) -> int:
    steps, _, features = _sizes_of(values, inputs)
    itself = _attention_macs(values, {"x": inputs["x"]}, outputs)
    inner: int = 2 * steps * features * values["feedforward"]
    return itself + _attention_macs(values, inputs, outputs) + inner


DECODER_LAYER = LayerSpec(
    key="transformer_decoder_layer",
    title="TransformerDecoderLayer",
    category="attention",
    summary="One block of a transformer's decoder: it looks at itself and at a context.",
    help="Causal self-attention over what has been written so far, then cross-attention to the context that the "
    "encoder read, "
    "then two linear layers. Translation and other sequence-to-sequence networks stack several.",
    formula=r"u = \text{Norm}(x + \text{Attention}(x)), \quad v = \text{Norm}(u + \text{Attention}(u, c)), \quad "
    r"y = \text{Norm}(v + \text{FF}(v))",
    reference=ATTENTION_PAPER,
    keywords=("transformer", "decoder", "seq2seq", "translation", "cross attention", "block"),
    parameters=_encoder_parameters(True),
    inputs=(
        SEQUENCE,
        Port(name="context", ranks=(3,), layout="NTF", help="What the encoder made of the source."),
        MASK,
    ),
    outputs=(OUTPUT,),
    make=_layer_make("TransformerDecoderLayer"),
    call=_decoder_call,
    derived={"features": ("x", -1)},
    checks=(relations.divides("heads", "features", axis=-1), _same_features, _mask_matches),
    weights=("*_attn.*weight", "linear?.weight"),
    macs=_decoder_macs,
    brief=_layer_brief,
)


def _product_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    query, key, value = inputs["query"], inputs["key"], inputs["value"]
    if not query.rank == key.rank == value.rank:
        yield relations.expects("key", f"as many axes as the query ({query})", key if key.rank != query.rank else value)
    elif not relations.may_equal(query.dims[-1], key.dims[-1]):
        yield relations.expects("key", f"as many features as the query ({query})", key)
    elif not relations.may_equal(key.dims[-2], value.dims[-2]):
        yield relations.expects("value", f"as many positions as the key ({key})", value)
    elif values["causal"] and "mask" in inputs:
        yield relations.expects("mask", "no mask beside Causal: put it into the mask", inputs["mask"], causal=False)
    elif "mask" in inputs and inputs["mask"].dtype not in ("bool", "float32"):
        fix = ("cast", {"dtype": "bool"})
        yield relations.expects("mask", "true or false, or numbers to add", inputs["mask"].dtype, fix)
    else:
        yield from _heads_fit(bool(values["grouped"]), query, key, value)
        yield from _mask_fits(inputs)


def _heads_fit(grouped: bool, query: TensorType, key: TensorType, value: TensorType) -> Iterator[Mismatch]:
    """Each query head has a key and a value head, or shares them with others where heads are grouped."""
    if query.rank != 4:
        return
    shares = relations.divisible(query.dims[1], known(key.dims[1]))
    if not relations.may_equal(key.dims[1], value.dims[1]):
        yield relations.expects("value", f"as many heads as the key ({key})", value)
    elif grouped and not shares:
        yield relations.expects("key", f"a number of heads that divides those of the query ({query})", key)
    elif not grouped and not relations.may_equal(query.dims[1], key.dims[1]):
        fix = {"grouped": True} if shares else {}
        yield relations.expects("key", f"as many heads as the query ({query})", key, **fix)


def _mask_fits(inputs: Types) -> Iterator[Mismatch]:
    """A mask is laid over the products: aligned at the last axis, each size that of the products or 1."""
    if "mask" not in inputs:
        return
    query, key, mask = inputs["query"], inputs["key"], inputs["mask"]
    products = TensorType((*query.dims[:-1], key.dims[-2]))
    pairs = zip(reversed(mask.dims), reversed(products.dims), strict=False)
    if mask.rank > products.rank or not all(one == 1 or relations.may_equal(one, other) for one, other in pairs):
        yield relations.expects("mask", f"sizes of the products ({products}), or 1, from the last axis on", mask)


def _product_macs(values: Values, inputs: Types, outputs: Types) -> int:
    heads = known(inputs["query"].dims[1]) if inputs["query"].rank == 4 else 1
    looks = heads * known(inputs["query"].dims[-2]) * known(inputs["key"].dims[-2])
    return looks * (known(inputs["query"].dims[-1]) + known(inputs["value"].dims[-1]))


def _product_call(values: Values) -> str:
    scale = "" if values["scale"] is None else ", scale=scale"
    grouped = ", enable_gqa=True" if values["grouped"] else ""
    look = ", is_causal=True" if values["causal"] else ", attn_mask=mask"
    return f"F.scaled_dot_product_attention(query, key, value{look}{scale}{grouped})"


SCALED_DOT_PRODUCT = LayerSpec(
    key="scaled_dot_product_attention",
    title="ScaledDotProductAttention",
    category="attention",
    summary="Attention without weights, for a query, key and value that you make yourself.",
    help="The heart of attention: compares each query with every key and blends the values accordingly. "
    "Make the three with Linear layers. MultiheadAttention contains all of it.",
    formula=r"y = \operatorname{softmax} \left( \frac{Q K^{\top}}{\sqrt{d}} \right) V",
    reference=torch_docs("torch.nn.functional.scaled_dot_product_attention"),
    keywords=("attention", "sdpa", "query", "key", "value"),
    parameters=(
        _causal(False),
        Parameter(
            name="scale",
            title="Scale",
            kind=Kind.FLOAT,
            default=None,
            help="What the products are multiplied by before the softmax.",
            minimum=0.0,
            maximum=1e6,
            optional=True,
            none_title="1 / √features",
            advanced=True,
        ),
        flag(
            "grouped", "Grouped heads", False, "Whether several query heads share a key and value head.", advanced=True
        ),
    ),
    inputs=(
        *(
            Port(name=name, ranks=(3, 4), help="N × positions × features, or N × heads × positions × features.")
            for name in ("query", "key", "value")
        ),
        Port(
            name="mask",
            dtype=Dtype.ANY,
            ranks=(2, 3, 4),
            optional=True,
            help="True where a query may look, or numbers that are added to the products.",
        ),
    ),
    outputs=(Port(name="y", ranks=(3, 4)),),
    call=_product_call,
    checks=(_product_fits,),
    macs=_product_macs,
)
