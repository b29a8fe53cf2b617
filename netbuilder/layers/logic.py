"""Comparison, logic and choice: true or false for each number, and what follows from it."""

from __future__ import annotations

from netbuilder.layers import relations
from netbuilder.layers.settings import number, torch_docs
from netbuilder.layers.spec import Dtype, LayerSpec, Port, Rule

_BOOL = (Port(name="y", dtype=Dtype.BOOL),)
_NUMBER = Port(name="x", dtype=Dtype.NUMBER)
FLOAT_MAX = 3.4028234663852886e38
"""The largest 32-bit floating-point number."""

_HELP = "Gives true or false for each entry, for Where, for a mask, or as numbers through Cast. No gradient flows."

_COMPARISONS = (
    ("equal", "Equal", "==", "=", "torch.eq", "equal to", "Whole numbers compare safely; computed ones rarely are."),
    ("not_equal", "NotEqual", "!=", r"\ne", "torch.ne", "different from", "With the padding token it makes a mask."),
    ("greater", "Greater", ">", ">", "torch.gt", "greater than", "It makes a decision of a score."),
    ("greater_equal", "GreaterEqual", ">=", r"\ge", "torch.ge", "at least", "The limit itself counts."),
    ("less", "Less", "<", "<", "torch.lt", "less than", "It finds what is small enough."),
    ("less_equal", "LessEqual", "<=", r"\le", "torch.le", "at most", "The limit itself counts."),
)


def _between(key: str, title: str, sign: str, symbol: str, page: str, words: str, hint: str) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="mathematics",
        summary=f"True where the first input is {words} the second.",
        help=f"Compares two inputs number by number. {hint} {_HELP}",
        formula=f"y = [a {symbol} b]",
        reference=torch_docs(page),
        keywords=("compare", "test", "mask", "logical", sign),
        inputs=(Port(name="a", dtype=Dtype.NUMBER), Port(name="b", dtype=Dtype.NUMBER)),
        outputs=_BOOL,
        call=f"a {sign} b",
        checks=(relations.broadcastable,),
    )


def _with_number(key: str, title: str, sign: str, symbol: str, page: str, words: str, hint: str) -> LayerSpec:
    return LayerSpec(
        key=f"{key}_scalar",
        title=f"{title}Scalar",
        category="mathematics",
        summary=f"True where a number is {words} a fixed one.",
        help=f"Compares every number with one that you set. {hint} {_HELP}",
        formula=f"y = [x {symbol} v]",
        reference=torch_docs(page),
        keywords=("compare", "test", "mask", "threshold", "logical", sign),
        parameters=(number("value", "Number", 0.0, "What every number is compared with."),),
        inputs=(_NUMBER,),
        outputs=_BOOL,
        call=f"x {sign} value",
        brief=lambda values: f"{sign} {values['value']:g}",
    )


COMPARISONS = tuple(_between(*row) for row in _COMPARISONS)
WITH_NUMBER = tuple(_with_number(*row) for row in _COMPARISONS)


def _logic(key: str, title: str, sign: str, summary: str, help: str, formula: str) -> LayerSpec:
    return LayerSpec(
        key=f"logical_{key}",
        title=title,
        category="mathematics",
        summary=summary,
        help=f"{help} No gradient flows through true and false.",
        formula=formula,
        reference=torch_docs(f"torch.logical_{key}"),
        keywords=("logical", "mask", "condition", key),
        inputs=(Port(name="a", dtype=Dtype.BOOL), Port(name="b", dtype=Dtype.BOOL)),
        outputs=_BOOL,
        call=f"a {sign} b",
        checks=(relations.broadcastable,),
    )


LOGIC = (
    _logic("and", "And", "&", "True where both inputs are.", "Keeps what passes two tests.", r"a \land b"),
    _logic("or", "Or", "|", "True where one input is, or both.", "Keeps what passes one of two tests.", r"a \lor b"),
    _logic("xor", "Xor", "^", "True where exactly one input is.", "Says where two tests disagree.", r"a \oplus b"),
)

NOT = LayerSpec(
    key="logical_not",
    title="Not",
    category="mathematics",
    summary="True becomes false and the reverse.",
    help="Turns a mask around: of the positions that count it makes those that are padding. No gradient flows through "
    "true and false.",
    formula=r"\neg x",
    reference=torch_docs("torch.logical_not"),
    keywords=("logical", "mask", "invert", "negate"),
    inputs=(Port(name="x", dtype=Dtype.BOOL),),
    outputs=_BOOL,
    call="~x",
    shape=Rule.SAME,
)

WHERE = LayerSpec(
    key="where",
    title="Where",
    category="mathematics",
    summary="Takes from one input where a condition holds, else from the other.",
    help="Chooses entry by entry between two inputs. Gradients flow only into what was chosen. Make the condition with "
    "a comparison.",
    formula=r"\begin{cases} a & \text{if } c \\ b & \text{else} \end{cases}",
    reference=torch_docs("torch.where"),
    keywords=("if", "choose", "condition", "mask", "switch"),
    inputs=(
        Port(name="condition", dtype=Dtype.BOOL, help="True where the first is taken."),
        Port(name="a", dtype=Dtype.ANY),
        Port(name="b", dtype=Dtype.ANY),
    ),
    outputs=(Port(name="y", dtype=Dtype.ANY),),
    call="torch.where(condition, a, b)",
    checks=(relations.broadcastable,),
)

MASKED_FILL = LayerSpec(
    key="masked_fill",
    title="MaskedFill",
    category="mathematics",
    summary="Puts a number wherever a mask is true.",
    help="Covers entries that should not count. Before a softmax a very negative number gives them a weight of 0, as "
    "attention does with padding.",
    formula=r"\begin{cases} v & \text{if } m \\ x & \text{else} \end{cases}",
    reference=torch_docs("torch.Tensor.masked_fill"),
    keywords=("mask", "fill", "padding", "causal"),
    parameters=(number("value", "Number", 0.0, "What is put there.", -FLOAT_MAX, FLOAT_MAX),),
    inputs=(Port(name="x"), Port(name="where", dtype=Dtype.BOOL, help="True where the number is put.")),
    call="torch.where(where, value, x)",
    checks=(relations.broadcastable,),
    brief=lambda values: f"{values['value']:g}",
)
