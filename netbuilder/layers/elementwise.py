"""Mathematics on each number: exponentials, roots, waves, limits and scales."""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.settings import brief_of, choice, number, torch_docs
from netbuilder.layers.spec import Dtype, LayerSpec, Mismatch, Port, Rule, Types


def _function(key: str, title: str, summary: str, help: str, formula: str, *keywords: str) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="mathematics",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(f"torch.{key}"),
        keywords=("mathematics", "function", *keywords),
        call=f"torch.{key}(x)",
        shape=Rule.SAME,
    )


FUNCTIONS = (
    _function(
        "abs",
        "Abs",
        "Drops the sign.",
        "Makes every number positive: how large it is counts, not which way. Used for distances and penalties.",
        "|x|",
        "absolute",
        "magnitude",
    ),
    _function(
        "exp",
        "Exp",
        "e to the power of each number.",
        "Grows very fast: numbers above 88 become infinite. A variational autoencoder uses it to turn a log-variance "
        "into a variance.",
        "e^x",
        "exponential",
    ),
    _function(
        "log",
        "Log",
        "The natural logarithm.",
        "Only for positive numbers: 0 gives minus infinity and negative numbers NaN. Put Clamp, Softplus or Sigmoid "
        "before it.",
        r"\ln x",
        "logarithm",
    ),
    _function(
        "log1p",
        "Log1p",
        "The logarithm of one plus each number.",
        "Compresses counts and amounts, and leaves 0 at 0. For numbers above -1.",
        r"\ln(1 + x)",
        "logarithm",
        "compress",
    ),
    _function(
        "sqrt",
        "Sqrt",
        "The square root.",
        "Only for numbers of at least 0. Its slope at 0 is infinite, so keep the input a little above.",
        r"\sqrt{x}",
        "root",
    ),
    _function(
        "square",
        "Square",
        "Each number times itself.",
        "Makes every number positive, and large ones count much more than small ones.",
        "x^2",
        "power",
    ),
    _function(
        "reciprocal",
        "Reciprocal",
        "One divided by each number.",
        "Turns large into small and small into large. Keep the input away from 0, or infinities end the training.",
        r"\frac{1}{x}",
        "inverse",
        "divide",
    ),
    _function(
        "sin",
        "Sin",
        "The sine: a wave.",
        "A periodic activation. Networks that represent pictures or sounds as functions of a place or a time use it.",
        r"\sin x",
        "siren",
        "periodic",
        "trigonometric",
    ),
    _function(
        "cos",
        "Cos",
        "The cosine: a wave.",
        "A periodic activation like Sin, but 1 at 0 and the same on both sides.",
        r"\cos x",
        "periodic",
        "trigonometric",
    ),
    _function(
        "atan",
        "Atan",
        "The arc tangent.",
        "Squeezes every number between -π/2 and π/2, more slowly than tanh does.",
        r"\arctan x",
        "trigonometric",
    ),
    _function(
        "erf",
        "Erf",
        "The error function.",
        "An S-shaped curve between -1 and 1: the share of a normal distribution within x. GELU is made of it.",
        r"\operatorname{erf} x",
        "gaussian",
    ),
    _function(
        "neg",
        "Negate",
        "Turns the sign around.",
        "Positive becomes negative and the reverse: what should grow can be made to shrink.",
        "-x",
        "minus",
    ),
    _function(
        "sign",
        "Sign",
        "-1, 0 or 1.",
        "Keeps only the sign. Its slope is 0 everywhere, so nothing before it learns through it.",
        r"\operatorname{sign} x",
        "binary",
    ),
    _function(
        "round",
        "Round",
        "The nearest whole number.",
        "Rounds, halves to the even neighbour. Its slope is 0 everywhere, so nothing before it learns through it.",
        r"\operatorname{round} x",
        "quantize",
    ),
    _function(
        "floor",
        "Floor",
        "The next whole number below.",
        "Rounds down. Its slope is 0 everywhere, so nothing before it learns through it.",
        r"\lfloor x \rfloor",
        "quantize",
    ),
)


def _ends_ordered(values: Values, inputs: Types) -> Iterator[Mismatch]:
    if values["lower"] > values["upper"]:
        yield relations.expects(
            "x",
            f"a lower end of at most the upper end ({values['upper']:g})",
            f"{values['lower']:g}",
            lower=values["upper"],
            upper=values["lower"],
        )


CLAMP = LayerSpec(
    key="clamp",
    title="Clamp",
    category="mathematics",
    summary="Keeps numbers within two limits.",
    help="Replaces what lies beyond a limit by the limit. Put it before a logarithm or a division to keep them safe. "
    "No gradient flows where it cuts.",
    formula=r"\min(\max(x, l), u)",
    reference=torch_docs("torch.clamp"),
    keywords=("clip", "limit", "range", "hardtanh"),
    parameters=(
        number("lower", "Lower end", 0.0, "The smallest output."),
        number("upper", "Upper end", 1.0, "The largest output."),
    ),
    call="torch.clamp(x, lower, upper)",
    checks=(_ends_ordered,),
    shape=Rule.SAME,
    brief=lambda values: f"{values['lower']:g} … {values['upper']:g}",
)

POWER = LayerSpec(
    key="power",
    title="Power",
    category="mathematics",
    summary="Each number to a fixed power.",
    help="Raises every number to the same power. A power that is not whole needs numbers of at least 0, a negative "
    "one numbers other than 0.",
    formula="x^p",
    reference=torch_docs("torch.pow"),
    keywords=("pow", "exponent", "root"),
    parameters=(number("exponent", "Exponent", 2.0, "2 squares, 0.5 takes the root, -1 inverts.", -16.0, 16.0),),
    call="x ** exponent",
    shape=Rule.SAME,
    brief=lambda values: f"{values['exponent']:g}",
)


def _scale_call(values: Values) -> str:
    return "x * factor + offset" if values["offset"] else "x * factor"


SCALE = LayerSpec(
    key="scale",
    title="Scale",
    category="mathematics",
    summary="Multiplies by a fixed factor and adds a fixed number.",
    help="Brings numbers to another range, such as pixels from 0 … 255 to 0 … 1 (factor 1/255) or from 0 … 1 to -1 … "
    "1 (factor 2, offset -1). "
    "Nothing is learned; a learned one is LayerScale.",
    formula=r"s x + o",
    reference=torch_docs("torch.mul"),
    keywords=("multiply", "factor", "offset", "shift", "rescale", "gain"),
    parameters=(
        number("factor", "Factor", 1.0, "What every number is multiplied by."),
        number("offset", "Offset", 0.0, "What is added afterwards."),
    ),
    call=_scale_call,
    shape=Rule.SAME,
    brief=lambda values: brief_of(f"× {values['factor']:g}", f"+ {values['offset']:g}" if values["offset"] else ""),
)

CAST = LayerSpec(
    key="cast",
    title="Cast",
    category="shape",
    summary="Turns whole numbers into floating-point ones, or the reverse.",
    help="Changes the kind of the values and not their size. Layers with weights compute with floating-point numbers; "
    "class targets and embeddings take whole ones. No gradient flows through whole numbers.",
    formula=r"y = \text{dtype}(x)",
    reference=torch_docs("torch.Tensor.to"),
    keywords=("convert", "dtype", "float", "int", "type", "to"),
    parameters=(
        choice(
            "dtype",
            "Kind of values",
            (
                ("float32", "numbers", "32-bit floating point."),
                ("int64", "whole numbers", "Cuts off what follows the point."),
                ("bool", "true or false", "Everything but 0 is true."),
            ),
            "What the values become.",
        ),
    ),
    inputs=(Port(name="x", dtype=Dtype.ANY),),
    outputs=(Port(name="y", dtype=Dtype.ANY),),
    call=lambda values: f"x.to(torch.{values['dtype']})",
    brief=lambda values: str(values["dtype"]),
)
