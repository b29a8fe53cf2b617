"""Functions of each number beyond the everyday ones: waves, hyperbolas, powers, rounding, and tests for what broke."""

from __future__ import annotations

from netbuilder.layers.settings import number, torch_docs
from netbuilder.layers.spec import Dtype, LayerSpec, Port, Rule


def _function(
    key: str, title: str, call: str, summary: str, help: str, formula: str, page: str, *keywords: str
) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="mathematics",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(page),
        keywords=("mathematics", "function", *keywords),
        call=call,
        shape=Rule.SAME,
    )


_ANGLE = "Angles count in radians: a full turn is 2π."
_ANGLES = (
    ("tan", "Tan", "The tangent.", f"Repeats every π and shoots to infinity in between, at π/2. {_ANGLE}", r"\tan x"),
    (
        "asin",
        "Asin",
        "The arc sine: the angle whose sine a number is.",
        f"Only for numbers from -1 to 1, and infinitely steep at both ends; all others give NaN. {_ANGLE}",
        r"\arcsin x",
    ),
    (
        "acos",
        "Acos",
        "The arc cosine: the angle whose cosine a number is.",
        "Only for numbers from -1 to 1, and infinitely steep at both ends; all others give NaN. Of a cosine similarity "
        "it makes the angle between two vectors.",
        r"\arccos x",
    ),
)
_HYPERBOLIC = (
    (
        "sinh",
        "Sinh",
        "The hyperbolic sine.",
        "Half the difference of the exponentials of x and -x: almost x around 0, and exponential far out.",
        r"\frac{e^x - e^{-x}}{2}",
    ),
    (
        "cosh",
        "Cosh",
        "The hyperbolic cosine.",
        "Half the sum of the exponentials of x and -x: the curve of a hanging chain, 1 at 0 and steep on both sides.",
        r"\frac{e^x + e^{-x}}{2}",
    ),
    (
        "asinh",
        "Asinh",
        "The inverse hyperbolic sine: a logarithm for both signs.",
        "Almost x around 0 and logarithmic far out on both sides. It compresses amounts that may be negative, where a "
        "logarithm fails.",
        r"\ln(x + \sqrt{x^2 + 1})",
    ),
    (
        "acosh",
        "Acosh",
        "The inverse hyperbolic cosine.",
        "Only for numbers of at least 1; all others give NaN. Distances in hyperbolic space, where trees embed well, "
        "are made of it.",
        r"\ln(x + \sqrt{x^2 - 1})",
    ),
    (
        "atanh",
        "Atanh",
        "The inverse hyperbolic tangent: undoes tanh.",
        "Spreads numbers between -1 and 1 over the whole line; the ends themselves become infinite.",
        r"\frac{1}{2} \ln \frac{1 + x}{1 - x}",
    ),
)
_POWERS = (
    (
        "exp2",
        "Exp2",
        "Two to the power of each number.",
        "Each step of 1 doubles the result. Numbers above 127 become infinite.",
        "2^x",
    ),
    (
        "expm1",
        "Expm1",
        "e to the power of each number, minus one.",
        "The way back from Log1p, and exact for numbers close to 0, where Exp minus 1 loses its digits.",
        "e^x - 1",
    ),
    (
        "log2",
        "Log2",
        "The logarithm to the base 2: bits.",
        "Says how often 1 must be doubled. An entropy made with it counts bits. Only for numbers above 0.",
        r"\log_2 x",
    ),
    (
        "log10",
        "Log10",
        "The logarithm to the base 10: orders of magnitude.",
        "Says how many digits a number has, so to speak; ten times it are decibels. Only for numbers above 0.",
        r"\log_{10} x",
    ),
    (
        "rsqrt",
        "Rsqrt",
        "One divided by the square root.",
        "What normalization multiplies by: of a variance it makes the factor that brings it to 1. Only for numbers "
        "above 0.",
        r"\frac{1}{\sqrt{x}}",
    ),
)
_SPECIAL = (
    (
        "erfc",
        "Erfc",
        "One minus the error function.",
        "The share of a normal distribution beyond x, on both sides together; exact far out, where 1 - Erf would be 0.",
        r"1 - \operatorname{erf} x",
    ),
    (
        "sinc",
        "Sinc",
        "A wave that fades to both sides: the ideal low-pass filter.",
        "The sine of πx divided by πx, and 1 at 0. Filters for sound that learn only their edges are made of it.",
        r"\frac{\sin \pi x}{\pi x}",
    ),
    (
        "lgamma",
        "LogGamma",
        "The logarithm of the gamma function: of factorials.",
        "Continues the logarithm of the factorial to all positive numbers. Losses for counts are made of it.",
        r"\ln \Gamma(x)",
    ),
    (
        "logit",
        "Logit",
        "Undoes the sigmoid: of a probability it makes a score.",
        "The logarithm of the odds. Only for numbers between 0 and 1, whose ends become infinite: clamp a little "
        "before them.",
        r"\ln \frac{x}{1 - x}",
    ),
)
_ROUNDED = "Its slope is 0 everywhere, so nothing before it learns through it."
_ROUNDING = (
    ("ceil", "Ceil", "The next whole number above.", f"Rounds up. {_ROUNDED}", r"\lceil x \rceil"),
    (
        "trunc",
        "Trunc",
        "Cuts off what follows the point.",
        f"Rounds towards 0: 1.7 becomes 1 and -1.7 becomes -1. {_ROUNDED}",
        r"\operatorname{trunc} x",
    ),
    (
        "frac",
        "Frac",
        "What follows the point.",
        "Keeps a number without its whole part, with its sign: 1.7 becomes 0.7. It folds a line into a ring.",
        r"x - \operatorname{trunc} x",
    ),
)


def _family(rows: tuple[tuple[str, str, str, str, str], ...], *keywords: str) -> tuple[LayerSpec, ...]:
    return tuple(
        _function(key, title, f"torch.{key}(x)", summary, help, formula, f"torch.{key}", *keywords)
        for key, title, summary, help, formula in rows
    )


POWERS = _family(_POWERS, "exponential", "logarithm", "power")
ANGLES = _family(_ANGLES, "trigonometric", "angle")
HYPERBOLIC = _family(_HYPERBOLIC, "hyperbolic")
ROUNDING = _family(_ROUNDING, "round", "quantize")
SPECIAL = _family(_SPECIAL, "special")


def _test(key: str, title: str, what: str, help: str) -> LayerSpec:
    return LayerSpec(
        key=f"is_{key}",
        title=f"Is{title}",
        category="mathematics",
        summary=f"True where a number is {what}.",
        help=help,
        formula=f"y_i = [x_i \\text{{ is {what}}}]",
        reference=torch_docs(f"torch.is{key}"),
        keywords=("test", "invalid", "mask", "debug"),
        outputs=(Port(name="y", dtype=Dtype.BOOL),),
        call=f"torch.is{key}(x)",
    )


TESTS = (
    _test("nan", "NaN", "not a number", "Finds what came of 0 / 0 or the logarithm of a negative number. Where it is "
          "true, Where can put something else."),
    _test("inf", "Inf", "infinite", "Finds what grew without bound, such as 1 / 0 or the exponential of a large "
          "number."),
    _test("finite", "Finite", "neither infinite nor NaN", "Finds the numbers that can be computed with. Its opposite, "
          "by Not, is a mask of everything that broke."),
)  # fmt: skip

NAN_TO_NUM = LayerSpec(
    key="nan_to_num",
    title="NaNToNum",
    category="mathematics",
    summary="Replaces NaN and infinities by numbers.",
    help="Puts a number of your choice where a value is missing (NaN) or infinite. It mends data with gaps; behind a "
    "layer it only hides that something broke.",
    formula=r"\begin{cases} v & \text{if } x \text{ is NaN} \\ "
    r"u & \text{if } x = \infty \\ l & \text{if } x = -\infty \\ x & \text{else} \end{cases}",
    reference=torch_docs("torch.nan_to_num"),
    keywords=("missing", "replace", "reset", "invalid"),
    parameters=(
        number("missing", "Instead of NaN", 0.0, "What stands where a number is missing."),
        number("highest", "Instead of ∞", 1e6, "What stands where a number is infinite."),
        number("lowest", "Instead of -∞", -1e6, "What stands where a number is negative infinite."),
    ),
    call="torch.nan_to_num(x, nan=missing, posinf=highest, neginf=lowest)",
    shape=Rule.SAME,
)
