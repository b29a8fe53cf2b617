"""Layers that join several inputs into one, or one into several."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.settings import INPUTS, LETTERS, axis, many_inputs, torch_docs
from netbuilder.layers.spec import Dtype, LayerSpec, Mismatch, Port, Types


def _same_dtype(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """All inputs are of one dtype; torch would convert some quietly and refuse others."""
    (_, first), *others = inputs.items()
    for name, other in others:
        if other.dtype != first.dtype:
            yield relations.expects(
                name,
                f"the first input's kind of values ({first.dtype})",
                other.dtype,
                ("cast", {"dtype": first.dtype}) if first.dtype in ("float32", "int64", "bool") else ("cast", {}),
            )


CONCAT = LayerSpec(
    key="concat",
    title="Concat",
    category="shape",
    summary="Puts its inputs one after the other along an axis.",
    help="Joins several values along one axis, most often the channels or features (axis 1). "
    "U-Nets and DenseNets use it to hand early features to later layers. All other sizes must be equal.",
    formula="[a, b, …]",
    reference=torch_docs("torch.cat"),
    keywords=("cat", "join", "merge", "skip connection", "concatenate"),
    parameters=(axis(1, "The axis along which they are joined."), INPUTS),
    inputs=many_inputs(Dtype.ANY),
    outputs=(Port(name="y", dtype=Dtype.ANY),),
    call="torch.cat([*inputs], dim=axis)",
    checks=(_same_dtype, relations.axis_exists("axis"), relations.same_except("axis")),
    brief=lambda values: f"axis {values['axis']}",
)

STACK = LayerSpec(
    key="stack",
    title="Stack",
    category="shape",
    summary="Lays its inputs side by side along a new axis.",
    help="Joins several values of one shape along an axis that is made for them, one entry an input.",
    formula="y_{n,k} = x^{(k)}_n",
    reference=torch_docs("torch.stack"),
    keywords=("join", "merge", "pack"),
    parameters=(axis(1, "Where the new axis comes."), INPUTS),
    inputs=many_inputs(Dtype.ANY),
    outputs=(Port(name="y", dtype=Dtype.ANY),),
    call="torch.stack([*inputs], dim=axis)",
    checks=(_same_dtype, relations.axis_exists("axis", extra=1), relations.same_shape),
    brief=lambda values: f"axis {values['axis']}",
)


def _chain(operator: str) -> Callable[[Values], str]:
    def call(values: Values) -> str:
        return f" {operator} ".join(LETTERS[: values["inputs"]])

    return call


ADD = LayerSpec(
    key="add",
    title="Add",
    category="shape",
    summary="Adds its inputs, number by number.",
    help="Adds values of one shape. With one input taken from before a few layers it makes a residual connection: "
    "the layers then only learn what to change, and gradients find a short way back, so that very deep networks train.",
    formula="a + b + …",
    reference=torch_docs("torch.add"),
    keywords=("sum", "plus", "residual", "shortcut", "skip connection", "+"),
    parameters=(INPUTS,),
    inputs=many_inputs(Dtype.NUMBER),
    outputs=(Port(name="y", dtype=Dtype.NUMBER),),
    call=_chain("+"),
    checks=(relations.broadcastable,),
)

MULTIPLY = LayerSpec(
    key="multiply",
    title="Multiply",
    category="shape",
    summary="Multiplies its inputs, number by number.",
    help="Multiplies values of one shape, or one with single entries that count for a whole axis (N × channels × 1 × "
    "1 against an image). "
    "A sigmoid on one side makes it a gate, as in squeeze-and-excitation.",
    formula=r"a \cdot b \cdot \dots",
    reference=torch_docs("torch.mul"),
    keywords=("times", "product", "gate", "mask", "hadamard", "*"),
    parameters=(INPUTS,),
    inputs=many_inputs(Dtype.NUMBER),
    outputs=(Port(name="y", dtype=Dtype.NUMBER),),
    call=_chain("*"),
    checks=(relations.broadcastable,),
)


def _pair(
    key: str, title: str, call: str, summary: str, help: str, formula: str, page: str, dtype: Dtype, *keywords: str
) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="shape",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(page),
        keywords=keywords,
        inputs=(Port(name="a", dtype=dtype), Port(name="b", dtype=dtype)),
        outputs=(Port(name="y", dtype=dtype),),
        call=call,
        checks=(relations.broadcastable,),
    )


PAIRS = (
    _pair(
        "subtract",
        "Subtract",
        "a - b",
        "The first input minus the second.",
        "Subtracts number by number. The difference of two branches says how unlike they are, as in siamese networks.",
        "a - b",
        "torch.sub",
        Dtype.NUMBER,
        "minus",
        "difference",
        "-",
    ),
    _pair(
        "divide",
        "Divide",
        "a / b",
        "The first input divided by the second.",
        "Divides number by number. Keep the second input away from 0 (add a small number or use Softplus), or "
        "infinities end the training.",
        "a / b",
        "torch.div",
        Dtype.FLOAT,
        "quotient",
        "ratio",
        "/",
    ),
    _pair(
        "maximum",
        "Maximum",
        "torch.maximum(a, b)",
        "The larger of two inputs, number by number.",
        "Keeps the larger number at each place. The gradient goes to the input that won.",
        r"\max(a, b)",
        "torch.maximum",
        Dtype.NUMBER,
        "larger",
        "maxout",
    ),
    _pair(
        "minimum",
        "Minimum",
        "torch.minimum(a, b)",
        "The smaller of two inputs, number by number.",
        "Keeps the smaller number at each place. The gradient goes to the input that won.",
        r"\min(a, b)",
        "torch.minimum",
        Dtype.NUMBER,
        "smaller",
    ),
)
