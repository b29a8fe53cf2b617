"""Arithmetic with a fixed number, and between inputs beyond the four operations."""

from __future__ import annotations

from typing import Any

from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.settings import number, torch_docs
from netbuilder.layers.spec import LayerSpec, Port, Rule


def _brief(values: Values) -> str:
    return f"{values['value']:g}"


def _with_number(
    key: str, title: str, call: str, summary: str, help: str, formula: str, page: str, default: float, **limits: Any
) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="mathematics",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(page),
        keywords=("scalar", "number", "constant", "arithmetic"),
        parameters=(number("value", "Number", default, "The fixed number; it is not learned.", **limits),),
        call=call,
        shape=Rule.SAME,
        brief=_brief,
    )


SCALAR = (
    _with_number(
        "add_scalar",
        "AddScalar",
        "x + value",
        "Adds a fixed number.",
        "Shifts every number by the same amount. A small one keeps a divisor or the argument of a logarithm away from "
        "0; a negative one subtracts.",
        "x + v",
        "torch.add",
        1.0,
    ),
    _with_number(
        "subtract_from_scalar",
        "SubtractFromScalar",
        "value - x",
        "A fixed number minus each number.",
        "With 1 it turns a probability or a gate into its opposite: what the one lets through the other holds back.",
        "v - x",
        "torch.sub",
        1.0,
    ),
    _with_number(
        "multiply_scalar",
        "MultiplyScalar",
        "x * value",
        "Multiplies by a fixed number.",
        "Makes every number larger or smaller by one factor, such as the weight of one term among several.",
        r"v \cdot x",
        "torch.mul",
        1.0,
    ),
    _with_number(
        "divide_scalar",
        "DivideScalar",
        "x / value",
        "Divides by a fixed number.",
        "Brings numbers to another unit, such as pixels from 0 … 255 to 0 … 1, or scores to another temperature before "
        "a softmax.",
        r"\frac{x}{v}",
        "torch.div",
        255.0,
        minimum=1e-12,
    ),
    _with_number(
        "divide_into_scalar",
        "DivideIntoScalar",
        "value / x",
        "A fixed number divided by each number.",
        "Turns durations into rates and distances into closeness. Keep the input away from 0, or infinities end the "
        "training.",
        r"\frac{v}{x}",
        "torch.div",
        1.0,
    ),
    _with_number(
        "power_of_scalar",
        "PowerOfScalar",
        "torch.pow(value, x)",
        "A fixed number to the power of each number.",
        "Grows or, with a base below 1, decays exponentially: 0.5 makes half-lives of numbers.",
        "v^x",
        "torch.pow",
        2.0,
        minimum=1e-6,
        maximum=1e6,
    ),
    _with_number(
        "maximum_scalar",
        "MaximumScalar",
        "torch.clamp(x, min=value)",
        "The larger of each number and a fixed one.",
        "Nothing falls below the number. With 0 it is a ReLU; a little above 0 it makes a divisor safe.",
        r"\max(x, v)",
        "torch.clamp",
        0.0,
    ),
    _with_number(
        "minimum_scalar",
        "MinimumScalar",
        "torch.clamp(x, max=value)",
        "The smaller of each number and a fixed one.",
        "Nothing rises above the number: what is larger is cut, and no gradient flows there.",
        r"\min(x, v)",
        "torch.clamp",
        1.0,
    ),
    _with_number(
        "remainder_scalar",
        "RemainderScalar",
        "torch.remainder(x, value)",
        "What is left after division by a fixed number.",
        "Folds the line into a ring: hours into a day (24), angles into a turn. The result has the divisor's sign.",
        r"x \bmod v",
        "torch.remainder",
        1.0,
        minimum=1e-6,
    ),
)


def _pair(key: str, title: str, call: str, summary: str, help: str, formula: str, page: str, *words: str) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="mathematics",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(page),
        keywords=("two inputs", "arithmetic", *words),
        inputs=(Port(name="a"), Port(name="b")),
        call=call,
        checks=(relations.broadcastable,),
    )


PAIRS = (
    _pair(
        "pow",
        "Pow",
        "torch.pow(a, b)",
        "The first input to the power of the second.",
        "Raises number by number. The first input must be above 0, or powers that are not whole give NaN.",
        "a^b",
        "torch.pow",
        "power",
        "exponent",
    ),
    _pair(
        "squared_difference",
        "SquaredDifference",
        "(a - b).square()",
        "The squared difference of two inputs, number by number.",
        "What a mean squared error averages: large differences count much more than small ones.",
        "(a - b)^2",
        "torch.square",
        "error",
        "distance",
    ),
    _pair(
        "remainder",
        "Remainder",
        "torch.remainder(a, b)",
        "What is left of the first input after division by the second.",
        "Folds the first input into rings whose lengths the second input gives. The result has the divisor's sign.",
        r"a \bmod b",
        "torch.remainder",
        "modulo",
    ),
    _pair(
        "atan2",
        "Atan2",
        "torch.atan2(a, b)",
        "The angle of the point with height a and width b.",
        "Gives the direction of a point, from -π to π, in every quadrant: of a sine and a cosine that a network "
        "predicted it makes the angle.",
        r"\arctan \frac{a}{b} \text{ in the quadrant of } (b, a)",
        "torch.atan2",
        "trigonometric",
        "direction",
    ),
    _pair(
        "hypot",
        "Hypot",
        "torch.hypot(a, b)",
        "The length of the long side of a right triangle.",
        "The root of the sum of two squares, without overflow: the strength of an edge from its two directions.",
        r"\sqrt{a^2 + b^2}",
        "torch.hypot",
        "pythagoras",
        "magnitude",
    ),
    _pair(
        "log_add_exp",
        "LogAddExp",
        "torch.logaddexp(a, b)",
        "The logarithm of the sum of two exponentials.",
        "Adds two probabilities whose logarithms it gets, without leaving logarithms: a smooth maximum of the two.",
        r"\ln(e^a + e^b)",
        "torch.logaddexp",
        "smooth maximum",
    ),
)

LERP = LayerSpec(
    key="lerp",
    title="Lerp",
    category="mathematics",
    summary="Blends two inputs by a third.",
    help="Where the weight is 0 it gives the first input, where it is 1 the second, and a straight blend between. "
    "With a sigmoid for the weight it is the gate of highway networks and of the GRU.",
    formula=r"a + w (b - a)",
    reference=torch_docs("torch.lerp"),
    keywords=("interpolate", "mix", "gate", "highway", "blend"),
    inputs=(Port(name="a"), Port(name="b"), Port(name="weight", help="From 0 (the first) to 1 (the second).")),
    call="a + weight * (b - a)",
    checks=(relations.broadcastable,),
)
