"""Layers that join several inputs into one, or one into several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from netbuilder.foundation.brief import in_words
from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations, remedies
from netbuilder.layers.settings import INPUTS, LETTERS, axis, elements, flag, known, many_inputs, number, torch_docs
from netbuilder.layers.spec import Dtype, LayerSpec, Mismatch, Port, Types, other_input
from netbuilder.layers.tensor import Dim

CASTS = ("float32", "int64", "bool")
"""What a Cast layer can give."""


def _same_dtype(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """All inputs are of one dtype; torch would convert some quietly and refuse others."""
    (name, first), *others = inputs.items()
    for other, found in others:
        if found.dtype != first.dtype:
            port, against = (other, name) if first.dtype in CASTS else (name, other)
            wanted, given = inputs[against].dtype, inputs[port].dtype
            words = f"the kind of values of {other_input(against)} ({wanted})"
            fixes = (remedies.cast(wanted),) if wanted in CASTS else ()
            yield replace(relations.expects(port, words, given, *fixes), against=against)


CONCAT = LayerSpec(
    key="concat",
    title="Concat",
    category="shape",
    summary="Puts its inputs one after the other along an axis.",
    help="Joins several values along one axis, most often the channels or features (axis 1). "
    "U-Nets and DenseNets use it to hand early features to later layers. All other sizes must be equal.",
    formula=r"y = [a, b, \dots]",
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
    formula=r"a + b + \dots",
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


def _goes_with(one: Dim, other: Dim) -> bool:
    return relations.may_equal(one, other) or 1 in (one, other)


def _inner_sizes(values: Values, inputs: Types) -> Iterator[Mismatch]:
    a, b = inputs["a"], inputs["b"]
    if a.rank != b.rank or not all(map(_goes_with, a.dims[:-2], b.dims[:-2])):
        yield relations.expects("b", f"the axes of the first input but the last two ({a})", b)
        return
    wanted = b.dims[-1] if values["transpose"] else b.dims[-2]
    if not relations.may_equal(a.dims[-1], wanted):
        yield Mismatch(
            port="b",
            message=f"expects {'as many columns' if values['transpose'] else 'as many rows'} "
            f"as the first input has columns ({a}), got {b}",
            expected=str(a.dims[-1]),
            found=str(wanted),
            set={"transpose": not values["transpose"]}
            if relations.may_equal(a.dims[-1], b.dims[-2] if values["transpose"] else b.dims[-1])
            else {},
        )


def _matmul_macs(values: Values, inputs: Types, outputs: Types) -> int:
    return elements(outputs["y"]) * known(inputs["a"].dims[-1])


MATMUL = LayerSpec(
    key="matmul",
    title="MatMul",
    category="shape",
    summary="Multiplies two matrices, sample by sample.",
    help="Every row of the first input meets every column of the second. It compares all with all, or mixes by "
    "computed weights: "
    "attention is two of these with a softmax between. For query times key switch Transpose on.",
    formula=r"y_{i,k} = \sum_j a_{i,j} b_{j,k}",
    reference=torch_docs("torch.matmul"),
    keywords=("matrix product", "batch", "bmm", "dot product", "attention", "@"),
    parameters=(flag("transpose", "Transpose second", False, "Swaps rows and columns of the second input first."),),
    inputs=(Port(name="a", ranks=(3, 4, 5), help="N × rows × columns."), Port(name="b", ranks=(3, 4, 5))),
    outputs=(Port(name="y", ranks=(3, 4, 5)),),
    call=lambda values: "a @ b.transpose(-2, -1)" if values["transpose"] else "a @ b",
    checks=(_inner_sizes,),
    macs=_matmul_macs,
    brief=lambda values: in_words(values, "transpose", "a · bᵀ" if values["transpose"] else ""),
)

COSINE_SIMILARITY = LayerSpec(
    key="cosine_similarity",
    title="CosineSimilarity",
    category="shape",
    summary="How alike the directions of two vectors are, from -1 to 1.",
    help="Compares two vectors by the angle between them, whatever their lengths: 1 for the same direction, 0 for "
    "unrelated ones, -1 for opposite ones. "
    "Searches and siamese networks compare embeddings with it.",
    formula=r"\frac{a \cdot b}{\lVert a \rVert \lVert b \rVert}",
    reference=torch_docs("torch.nn.CosineSimilarity"),
    keywords=("compare", "angle", "siamese", "embedding", "similarity"),
    parameters=(axis(-1, "The axis that holds the vectors; it disappears."),),
    inputs=(Port(name="a"), Port(name="b")),
    call="F.cosine_similarity(a, b, dim=axis)",
    checks=(relations.axis_exists("axis"), relations.same_shape),
    brief=lambda values: f"axis {values['axis']}",
)

PAIRWISE_DISTANCE = LayerSpec(
    key="pairwise_distance",
    title="PairwiseDistance",
    category="shape",
    summary="How far two vectors are apart.",
    help="Measures the distance between the feature vectors of two inputs, sample by sample. "
    "Siamese networks learn to make it small for things that belong together.",
    formula=r"\lVert a - b + \epsilon \rVert_p",
    reference=torch_docs("torch.nn.PairwiseDistance"),
    keywords=("compare", "euclidean", "siamese", "embedding"),
    parameters=(number("power", "Power", 2.0, "2 is the usual distance, 1 the sum of differences.", 1.0, 16.0),),
    inputs=(Port(name="a", ranks=(2, 3), layout="NF"), Port(name="b", ranks=(2, 3), layout="NF")),
    call="F.pairwise_distance(a, b, p=power)",
    checks=(relations.same_shape,),
)
