"""More that happens along an axis: products, norms, votes, medians, orders and running values."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netbuilder.foundation.parameter import Parameter, Values
from netbuilder.layers import relations
from netbuilder.layers.settings import axis, flag, number, torch_docs, whole
from netbuilder.layers.spec import Check, Dtype, LayerSpec, Mismatch, Port, Rule, Types

_GONE = axis(-1, "The axis that disappears.")
_ALONG = axis(-1, "The axis it goes along.")
_KEEP = flag("keepdim", "Keep axis", False, "Whether it remains with size 1.")


def _layer(
    key: str,
    title: str,
    call: str | Callable[[Values], str],
    summary: str,
    help: str,
    formula: str,
    page: str,
    keywords: tuple[str, ...],
    parameters: tuple[Parameter, ...] = (_ALONG,),
    input: Dtype = Dtype.FLOAT,
    outputs: tuple[Port, ...] = (Port(name="y"),),
    target: str = "",
    checks: tuple[Check, ...] = (),
    shape: Rule = Rule.META,
) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="mathematics",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(page),
        keywords=("axis", *keywords),
        parameters=parameters,
        inputs=(Port(name="x", dtype=input),),
        outputs=outputs,
        call=call,
        target=target,
        checks=(relations.axis_exists("axis"), *checks),
        shape=shape,
        brief=lambda values: f"axis {values['axis']}",
    )


def _reduced(method: str, more: str = "") -> Callable[[Values], str]:
    """Write the reduction, with `keepdim` only where it is on."""

    def call(values: Values) -> str:
        return f"x.{method}({more}dim=axis{', keepdim=True' if values['keepdim'] else ''})"

    return call


_REDUCED = (_GONE, _KEEP)
_BOOL_OUT = (Port(name="y", dtype=Dtype.BOOL),)
_INT_OUT = (Port(name="y", dtype=Dtype.INT),)

REDUCTIONS = (
    _layer(
        "prod",
        "Prod",
        _reduced("prod"),
        "The product along an axis.",
        "Multiplies everything up along an axis. Products of many numbers become 0 or infinite quickly; sums of "
        "logarithms do not.",
        r"\prod_i x_i",
        "torch.prod",
        ("product", "multiply", "reduce"),
        _REDUCED,
    ),
    _layer(
        "norm",
        "Norm",
        lambda values: (
            f"torch.linalg.vector_norm(x, ord=power, dim=axis{', keepdim=True' if values['keepdim'] else ''})"
        ),
        "The length of the vectors along an axis.",
        "Measures how long each vector is. 2 is the usual length, 1 the sum of sizes. To make all lengths 1 take "
        "Normalize.",
        r"\lVert x \rVert_p",
        "torch.linalg.vector_norm",
        ("length", "l2", "magnitude", "reduce"),
        (*_REDUCED, number("power", "Power", 2.0, "2 is the usual length, 1 the sum of sizes.", 1.0, 16.0)),
    ),
    _layer(
        "median",
        "Median",
        lambda values: f"x.median(dim=axis{', keepdim=True' if values['keepdim'] else ''}).values",
        "The middle number along an axis.",
        "Half of the numbers are smaller. A few wild values do not move it, unlike the mean. Of an even count it is "
        "the "
        "lower of the two in the middle.",
        r"\operatorname{median}_i x_i",
        "torch.median",
        ("middle", "robust", "statistics", "reduce"),
        _REDUCED,
    ),
    _layer(
        "argmin",
        "ArgMin",
        "x.argmin(dim=axis)",
        "Where the smallest number along an axis stands.",
        "Gives the index of the smallest number, such as the nearest of several distances. No gradient flows through "
        "it.",
        r"\arg\min_i x_i",
        "torch.argmin",
        ("nearest", "index", "decision"),
        (_GONE,),
        outputs=_INT_OUT,
    ),
    _layer(
        "any",
        "Any",
        _reduced("any"),
        "True where something along an axis is.",
        "Says whether a test holds for at least one entry. No gradient flows through true and false.",
        r"x_1 \lor x_2 \lor \dots",
        "torch.any",
        ("or", "logical", "exists", "reduce"),
        _REDUCED,
        Dtype.BOOL,
        _BOOL_OUT,
    ),
    _layer(
        "all",
        "All",
        _reduced("all"),
        "True where everything along an axis is.",
        "Says whether a test holds for every entry. No gradient flows through true and false.",
        r"x_1 \land x_2 \land \dots",
        "torch.all",
        ("and", "logical", "every", "reduce"),
        _REDUCED,
        Dtype.BOOL,
        _BOOL_OUT,
    ),
    _layer(
        "count_nonzero",
        "CountNonzero",
        "x.count_nonzero(dim=axis)",
        "How many entries along an axis are not 0.",
        "Counts what is there: the true ones of a mask, the tokens before the padding. No gradient flows through it.",
        r"\sum_i [x_i \ne 0]",
        "torch.count_nonzero",
        ("count", "sparsity", "length", "reduce"),
        (_GONE,),
        Dtype.ANY,
        _INT_OUT,
    ),
)

RUNNING = (
    _layer(
        "cumprod",
        "CumProd",
        "x.cumprod(dim=axis)",
        "The running product along an axis.",
        "Each entry becomes the product of all up to it. Of step by step chances it makes the chance to get that far.",
        r"y_i = \prod_{j \le i} x_j",
        "torch.cumprod",
        ("cumulative", "running", "product"),
        shape=Rule.SAME,
    ),
    _layer(
        "log_cumsum_exp",
        "LogCumSumExp",
        "x.logcumsumexp(dim=axis)",
        "The running LogSumExp along an axis.",
        "Adds up probabilities from their logarithms, one after the other, without leaving logarithms.",
        r"y_i = \ln \sum_{j \le i} e^{x_j}",
        "torch.logcumsumexp",
        ("cumulative", "running", "smooth maximum"),
        shape=Rule.SAME,
    ),
    _layer(
        "cummax",
        "CumMax",
        "x.cummax(dim=axis).values",
        "The largest number so far, along an axis.",
        "Each entry becomes the largest of all up to it: the highest level a signal has reached.",
        r"y_i = \max_{j \le i} x_j",
        "torch.cummax",
        ("cumulative", "running", "maximum", "record"),
        shape=Rule.SAME,
    ),
    _layer(
        "cummin",
        "CumMin",
        "x.cummin(dim=axis).values",
        "The smallest number so far, along an axis.",
        "Each entry becomes the smallest of all up to it: the lowest level a signal has reached.",
        r"y_i = \min_{j \le i} x_j",
        "torch.cummin",
        ("cumulative", "running", "minimum"),
        shape=Rule.SAME,
    ),
)


def _two_entries(values: Values, inputs: Types) -> Iterator[Mismatch]:
    if inputs["x"].dims[values["axis"]] == 1:
        yield relations.expects("x", f"at least two entries on axis {values['axis']}", inputs["x"])


def _enough_entries(values: Values, inputs: Types) -> Iterator[Mismatch]:
    size, count = inputs["x"].dims[values["axis"]], values["count"]
    if isinstance(size, int) and count > size:
        yield relations.expects("x", f"at least {count} entries on axis {values['axis']}", inputs["x"], count=size)


_DESCENDING = flag("descending", "Largest first", False, "Whether it goes from large to small.")
_WHERE = Port(name="indices", dtype=Dtype.INT, help="Where each stood before.")

ORDER = (
    _layer(
        "diff",
        "Diff",
        "x.diff(dim=axis)",
        "The differences of neighbours along an axis.",
        "Each entry minus the one before it: how a signal changes. The axis becomes one shorter.",
        r"y_i = x_{i+1} - x_i",
        "torch.diff",
        ("difference", "derivative", "change"),
        checks=(_two_entries,),
    ),
    _layer(
        "sort",
        "Sort",
        "x.sort(dim=axis, descending=descending)",
        "Puts the numbers along an axis in order.",
        "Gives the numbers in order and where each stood. Gradients follow the numbers to their old places.",
        r"y_1 \le y_2 \le \dots",
        "torch.sort",
        ("order", "rank", "arrange"),
        (_ALONG, _DESCENDING),
        outputs=(Port(name="y"), _WHERE),
        target="y, indices",
    ),
    _layer(
        "argsort",
        "ArgSort",
        "x.argsort(dim=axis, descending=descending)",
        "Which entry comes first, second, third along an axis.",
        "Gives the indices that would put the numbers in order: a ranking. No gradient flows through it.",
        r"x_{y_1} \le x_{y_2} \le \dots",
        "torch.argsort",
        ("order", "rank", "index"),
        (_ALONG, _DESCENDING),
        outputs=_INT_OUT,
    ),
    _layer(
        "top_k",
        "TopK",
        "x.topk(count, dim=axis, largest=largest)",
        "The few largest numbers along an axis, and where they stood.",
        "Keeps only the largest: the most likely classes, the strongest answers, the experts that a router chooses. "
        "Gradients flow to those alone.",
        r"y_1 \ge \dots \ge y_k",
        "torch.topk",
        ("largest", "best", "mixture of experts", "select"),
        (
            _ALONG,
            whole("count", "Count", 3, "How many are kept."),
            flag("largest", "Largest", True, "Off keeps the smallest instead."),
        ),
        outputs=(Port(name="y"), _WHERE),
        target="y, indices",
        checks=(_enough_entries,),
    ),
)
