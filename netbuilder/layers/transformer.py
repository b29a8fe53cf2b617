"""Whole transformers: stacks of encoder and decoder blocks in one node."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netbuilder.foundation.brief import in_words
from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.attention import ATTENTION_PAPER, DECODER_LAYER, ENCODER_LAYER, MASK, OUTPUT, SEQUENCE
from netbuilder.layers.settings import brief_of, known, whole
from netbuilder.layers.spec import LayerSpec, Mismatch, Port, Types

_LAYERS = whole("layers", "Blocks", 2, "How many blocks follow each other, each with weights of its own.", maximum=256)


def _block(name: str, values: Values) -> str:
    activation = "activation=activation, " if values["activation"] != "relu" else ""
    return (
        f"nn.{name}(features, heads, dim_feedforward=feedforward, dropout=dropout, {activation}"
        "batch_first=True, norm_first=norm_first)"
    )


def _encoder_make(values: Values) -> str:
    return f"nn.TransformerEncoder({_block('TransformerEncoderLayer', values)}, layers, enable_nested_tensor=False)"


def _decoder_make(values: Values) -> str:
    return f"nn.TransformerDecoder({_block('TransformerDecoderLayer', values)}, layers)"


def _brief(values: Values) -> str:
    return brief_of(
        f"{values['layers']} blocks",
        f"{values['heads']} heads",
        in_words(values, "causal", "causal" if values["causal"] else ""),
    )


def _stacked(block: LayerSpec) -> Callable[[Values, Types, Types], int]:
    """Return the cost of as many blocks as there are."""

    def macs(values: Values, inputs: Types, outputs: Types) -> int:
        assert block.macs is not None
        count: int = values["layers"]
        return count * block.macs(values, inputs, outputs)

    return macs


def _encoder_call(values: Values) -> str:
    mask = "nn.Transformer.generate_square_subsequent_mask(x.shape[1], device=x.device, dtype=torch.bool)"
    causal = f"mask={mask}, is_causal=True, " if values["causal"] else ""
    return f"me(x, {causal}src_key_padding_mask=mask)"


ENCODER = LayerSpec(
    key="transformer_encoder",
    title="TransformerEncoder",
    category="attention",
    summary="A stack of transformer blocks that read a sequence.",
    help="Several encoder blocks in one node: each mixes the positions by attention and works on each by two linear "
    "layers. Add positions before it, for attention does not know the order. With Causal on it is a language model.",
    formula=r"y = B_k(\dots B_2(B_1(x)))",
    reference=ATTENTION_PAPER,
    keywords=("transformer", "encoder", "bert", "gpt", "vit", "stack"),
    parameters=(_LAYERS, *ENCODER_LAYER.parameters),
    inputs=(SEQUENCE, MASK),
    outputs=(OUTPUT,),
    make=_encoder_make,
    call=_encoder_call,
    derived={"features": ("x", -1)},
    checks=ENCODER_LAYER.checks,
    weights=("*self_attn.*weight", "*linear?.weight"),
    macs=_stacked(ENCODER_LAYER),
    brief=_brief,
)

_DECODER_INPUTS = DECODER_LAYER.inputs
assert isinstance(_DECODER_INPUTS, tuple)


def _decoder_call(values: Values) -> str:
    mask = "nn.Transformer.generate_square_subsequent_mask(x.shape[1], device=x.device, dtype=torch.bool)"
    causal = f"tgt_mask={mask}, tgt_is_causal=True, " if values["causal"] else ""
    return f"me(x, context, {causal}memory_key_padding_mask=mask)"


DECODER = LayerSpec(
    key="transformer_decoder",
    title="TransformerDecoder",
    category="attention",
    summary="A stack of transformer blocks that write a sequence while looking at another.",
    help="Several decoder blocks in one node: each looks at what has been written so far, then at the context that an "
    "encoder read. Translation, captions and speech recognition use it.",
    formula=r"y = B_k(\dots B_1(x, c), c)",
    reference=ATTENTION_PAPER,
    keywords=("transformer", "decoder", "seq2seq", "translation", "cross attention", "stack"),
    parameters=(_LAYERS, *DECODER_LAYER.parameters),
    inputs=_DECODER_INPUTS,
    outputs=(OUTPUT,),
    make=_decoder_make,
    call=_decoder_call,
    derived={"features": ("x", -1)},
    checks=DECODER_LAYER.checks,
    weights=("*_attn.*weight", "*linear?.weight"),
    macs=_stacked(DECODER_LAYER),
    brief=_brief,
)


def _transformer_make(values: Values) -> str:
    activation = "activation=activation, " if values["activation"] != "relu" else ""
    # By default torch plans a shortcut for padded batches, and warns where these settings rule it out.
    shortcut = values["heads"] % 2 == 0 and not values["norm_first"]
    encoder = _encoder_make(values).replace("layers, enable", "layers, nn.LayerNorm(features), enable")
    return (
        "nn.Transformer(features, heads, layers, layers, feedforward, dropout, "
        f"{activation}{'' if shortcut else f'custom_encoder={encoder}, '}batch_first=True, norm_first=norm_first)"
    )


def _transformer_call(values: Values) -> str:
    mask = "nn.Transformer.generate_square_subsequent_mask(target.shape[1], device=target.device, dtype=torch.bool)"
    causal = f", tgt_mask={mask}, tgt_is_causal=True" if values["causal"] else ""
    return f"me(source, target{causal}, src_key_padding_mask=mask, memory_key_padding_mask=mask)"


def _source_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    source, target, mask = inputs["source"], inputs["target"], inputs.get("mask")
    if not relations.may_equal(source.dims[0], target.dims[0]):
        yield relations.expects("target", f"as many samples as the source ({source})", target)
    elif not relations.may_equal(source.dims[-1], target.dims[-1]):
        fix = ("linear", {"units": known(source.dims[-1])})
        yield relations.expects("target", f"as many features as the source ({source})", target, fix)
    elif mask is not None and not relations.may_equal(mask.dims[1], source.dims[1]):
        yield relations.expects("mask", f"an entry for each position of {source}", mask)


def _transformer_macs(values: Values, inputs: Types, outputs: Types) -> int:
    source, target = inputs["source"], inputs["target"]
    assert ENCODER.macs is not None
    assert DECODER.macs is not None
    reads = ENCODER.macs(values, {"x": source}, outputs)
    return reads + DECODER.macs(values, {"x": target, "context": source}, outputs)


TRANSFORMER = LayerSpec(
    key="transformer",
    title="Transformer",
    category="attention",
    summary="A whole transformer: it reads one sequence and writes another.",
    help="An encoder and a decoder of as many blocks each, as in the paper that made them famous. Give both sequences "
    "as features with positions added, the target shifted right by one, and turn what comes out into scores by a "
    "Linear layer.",
    formula=r"y = \text{Decoder}(t, \text{Encoder}(s))",
    reference=ATTENTION_PAPER,
    keywords=("transformer", "encoder decoder", "seq2seq", "translation"),
    parameters=(_LAYERS, *DECODER_LAYER.parameters),
    inputs=(
        Port(name="source", ranks=(3,), layout="NTF", help="What is read."),
        Port(name="target", ranks=(3,), layout="NTF", help="What has been written so far."),
        MASK,
    ),
    outputs=(OUTPUT,),
    make=_transformer_make,
    call=_transformer_call,
    derived={"features": ("source", -1)},
    checks=(relations.divides("heads", "features", axis=-1, port="source"), _source_fits),
    weights=("*_attn.*weight", "*linear?.weight"),
    macs=_transformer_macs,
    brief=_brief,
)
