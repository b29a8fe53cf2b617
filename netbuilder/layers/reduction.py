"""Reductions: one number from all those along an axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netbuilder.foundation.parameter import Parameter, Values
from netbuilder.layers import relations
from netbuilder.layers.settings import axis, flag, number, sizes, torch_docs
from netbuilder.layers.spec import Check, Dtype, LayerSpec, Mismatch, Port, Rule, Types

_AXES = sizes(
    "axes", "Axes", (-1,), "The axes that disappear; -1 is the last. The batch (0) stays.", minimum=-8, maximum=8
)
_KEEP = flag("keepdim", "Keep axes", False, "Whether they remain with size 1.")


def _axes_code(axes: tuple[int, ...]) -> str:
    return str(axes[0]) if len(axes) == 1 else str(axes)


def _kept(values: Values) -> str:
    """Write `keepdim` only where it is on: methods of tensors do not tell their defaults."""
    return ", keepdim=True" if values["keepdim"] else ""


def _axes_chosen(values: Values, inputs: Types) -> Iterator[Mismatch]:
    rank = inputs["x"].rank
    axes = [index % rank for index in values["axes"]]
    if not axes or len(set(axes)) < len(axes):
        yield relations.expects("x", "one or more axes, each once", _axes_words(values["axes"]), axes=(-1,))


def _axes_words(axes: tuple[int, ...]) -> str:
    return ", ".join(map(str, axes)) or "none"


def _brief(values: Values) -> str:
    return f"axes {_axes_words(values['axes'])}" if len(values["axes"]) != 1 else f"axis {values['axes'][0]}"


def _reduction(
    key: str, title: str, method: str, summary: str, help: str, formula: str, *keywords: str, dtype: Dtype = Dtype.FLOAT
) -> LayerSpec:
    def call(values: Values) -> str:
        return f"x.{method}(dim={_axes_code(values['axes'])}{_kept(values)})"

    return LayerSpec(
        key=key,
        title=title,
        category="shape",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(f"torch.{method}"),
        keywords=("reduce", "axis", "pool", *keywords),
        parameters=(_AXES, _KEEP),
        inputs=(Port(name="x", dtype=dtype),),
        outputs=(Port(name="y", dtype=dtype),),
        call=call,
        checks=(relations.axis_exists("axes"), _axes_chosen),
        brief=_brief,
    )


REDUCTIONS = (
    _reduction(
        "mean",
        "Mean",
        "mean",
        "The average along axes.",
        "Averages along one or more axes, such as over the steps of a sequence (axis 1), to get one vector for the "
        "whole of it.",
        r"\frac{1}{k} \sum_i x_i",
        "average",
        "global",
    ),
    _reduction(
        "sum",
        "Sum",
        "sum",
        "The sum along axes.",
        "Adds everything up along one or more axes. Unlike the average it grows with the number of entries.",
        r"\sum_i x_i",
        "total",
        dtype=Dtype.NUMBER,
    ),
    _reduction(
        "max",
        "Max",
        "amax",
        "The largest number along axes.",
        "Keeps the largest number along one or more axes. When several are largest, they share the gradient.",
        r"\max_i x_i",
        "maximum",
        dtype=Dtype.NUMBER,
    ),
    _reduction(
        "min",
        "Min",
        "amin",
        "The smallest number along axes.",
        "Keeps the smallest number along one or more axes. When several are smallest, they share the gradient.",
        r"\min_i x_i",
        "minimum",
        dtype=Dtype.NUMBER,
    ),
    _reduction(
        "log_sum_exp",
        "LogSumExp",
        "logsumexp",
        "A smooth maximum along axes.",
        "The logarithm of the sum of exponentials: a little more than the largest number, smooth everywhere, and safe "
        "from overflow.",
        r"\ln \sum_i e^{x_i}",
        "smooth maximum",
        "free energy",
    ),
)


def _spread(key: str, title: str, summary: str, formula: str) -> LayerSpec:
    def call(values: Values) -> str:
        return f"x.{key}(dim={_axes_code(values['axes'])}, correction=0{_kept(values)})"

    return LayerSpec(
        key=key,
        title=title,
        category="shape",
        summary=summary,
        help="Measures how far the numbers along the axes are from their average. "
        "Added to a discriminator as a feature it shows a generator that makes the same thing every time.",
        formula=formula,
        reference=torch_docs(f"torch.{key}"),
        keywords=("reduce", "axis", "statistics", "spread"),
        parameters=(_AXES, _KEEP),
        call=call,
        checks=(relations.axis_exists("axes"), _axes_chosen),
        brief=_brief,
    )


SPREADS = (
    _spread("std", "Std", "The standard deviation along axes.", r"\sqrt{\frac{1}{k} \sum_i (x_i - \bar{x})^2}"),
    _spread("var", "Var", "The variance along axes.", r"\frac{1}{k} \sum_i (x_i - \bar{x})^2"),
)


def _along(
    key: str,
    title: str,
    call: str,
    summary: str,
    help: str,
    formula: str,
    page: str,
    *keywords: str,
    more: tuple[Parameter, ...] = (),
    checks: tuple[Check, ...] = (),
    shape: Rule | Callable[[Values, Types], Types] = Rule.SAME,
    given: Dtype = Dtype.FLOAT,
    output: Dtype = Dtype.FLOAT,
) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="shape",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(page),
        keywords=("axis", *keywords),
        parameters=(axis(-1, "The axis it goes along."), *more),
        inputs=(Port(name="x", dtype=given),),
        outputs=(Port(name="y", dtype=output),),
        call=call,
        checks=(relations.axis_exists("axis"), *checks),
        shape=shape,
        brief=lambda values: f"axis {values['axis']}",
    )


ALONG = (
    _along(
        "argmax",
        "ArgMax",
        "x.argmax(dim=axis)",
        "Where the largest number along an axis stands.",
        "Gives the index of the largest number: the class that a classifier decides for. "
        "No gradient flows through it, so put it before an Output, not before a loss.",
        r"\arg\max_i x_i",
        "torch.argmax",
        "decision",
        "class",
        "prediction",
        shape=Rule.META,
        given=Dtype.NUMBER,
        output=Dtype.INT,
    ),
    _along(
        "cumsum",
        "CumSum",
        "x.cumsum(dim=axis)",
        "The running sum along an axis.",
        "Each entry becomes the sum of all up to it. Along time it turns changes into levels.",
        r"y_i = \sum_{j \le i} x_j",
        "torch.cumsum",
        "cumulative",
        "running",
        "integral",
        output=Dtype.NUMBER,
        given=Dtype.NUMBER,
    ),
    _along(
        "normalize",
        "Normalize",
        "F.normalize(x, p=power, dim=axis)",
        "Gives every vector the length 1.",
        "Divides each vector by its length, so that only its direction counts. "
        "Before a MatMul or a comparison it makes similarities lie between -1 and 1.",
        r"\frac{x}{\max(\lVert x \rVert_p, \epsilon)}",
        "torch.nn.functional.normalize",
        "unit length",
        "l2",
        "norm",
        "cosine",
        more=(number("power", "Power", 2.0, "2 is the usual length, 1 the sum of sizes.", 1.0, 16.0),),
    ),
)
