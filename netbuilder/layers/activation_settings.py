"""Activations with settings or weights of their own, and those that look at a whole axis."""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.foundation.brief import in_words
from netbuilder.foundation.parameter import Parameter, Values
from netbuilder.layers import relations
from netbuilder.layers.settings import axis, choice, number, torch_docs
from netbuilder.layers.spec import SCALES, Check, LayerSpec, Mismatch, Port, Rule, ShapeFormula, Types


def _activation(
    key: str,
    title: str,
    make: str,
    summary: str,
    help: str,
    formula: str,
    parameters: tuple[Parameter, ...],
    *keywords: str,
    checks: tuple[Check, ...] = (),
    shape: Rule | ShapeFormula = Rule.SAME,
) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="activation",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(f"torch.nn.{title}"),
        keywords=("activation", "nonlinearity", *keywords),
        parameters=parameters,
        make=make,
        checks=checks,
        shape=shape,
        brief=_first_value if parameters and parameters[0].name != "axis" else _axis,
    )


def _first_value(values: Values) -> str:
    return ", ".join(f"{value:g}" for value in values.values() if isinstance(value, float))


def _axis(values: Values) -> str:
    return f"axis {values['axis']}"


def _ordered(low: str, high: str) -> Check:
    def check(values: Values, inputs: Types) -> Iterator[Mismatch]:
        if values[low] >= values[high]:
            swapped = {low: values[high], high: values[low]} if values[low] > values[high] else {}
            yield relations.expects(
                "x", f"a lower end below the upper end ({values[high]:g})", f"{values[low]:g}", **swapped
            )

    return check


WITH_SETTINGS = (
    _activation(
        "leaky_relu",
        "LeakyReLU",
        "nn.LeakyReLU(negative_slope)",
        "ReLU that lets a little of the negative side through.",
        "Like ReLU, but negative numbers are made small instead of 0, so that no unit dies. "
        "The usual choice in discriminators of GANs, with a slope of 0.2.",
        r"\max(0, x) + \alpha \min(0, x)",
        (number("negative_slope", "Negative slope", 0.01, "How much of a negative number remains.", 0.0, 1.0),),
        "rectifier",
        "gan",
    ),
    _activation(
        "elu",
        "ELU",
        "nn.ELU(alpha)",
        "ReLU with a smooth negative side.",
        "Lets positive numbers through and bends negative ones smoothly towards -alpha. "
        "Its outputs are closer to mean 0 than ReLU's, and no unit dies.",
        r"\begin{cases} x & \text{if } x > 0 \\ \alpha (e^x - 1) & \text{else} \end{cases}",
        (number("alpha", "Alpha", 1.0, "What very negative numbers come to, with a minus.", 0.0, 100.0),),
        "exponential",
    ),
    _activation(
        "celu",
        "CELU",
        "nn.CELU(alpha)",
        "ELU whose slope is continuous for every alpha.",
        "Like ELU, but stretched so that there is no corner at 0 whatever alpha is.",
        r"\max(0, x) + \min(0, \alpha (e^{x / \alpha} - 1))",
        (number("alpha", "Alpha", 1.0, "What very negative numbers come to, with a minus.", 1e-3, 100.0),),
        "exponential",
    ),
    _activation(
        "rrelu",
        "RReLU",
        "nn.RReLU(lower, upper)",
        "LeakyReLU with a random slope while training.",
        "Draws the slope of the negative side anew for each number while training, and uses the middle afterwards. "
        "The randomness keeps the network from learning the data by heart.",
        r"\max(0, x) + a \min(0, x), \quad a \sim U(l, u)",
        (
            number("lower", "Smallest slope", 0.125, "The lower end of the slopes.", 0.0, 1.0),
            number("upper", "Largest slope", 1 / 3, "The upper end of the slopes.", 0.0, 1.0),
        ),
        "random",
        "rectifier",
        checks=(_ordered("lower", "upper"),),
    ),
    _activation(
        "softplus",
        "Softplus",
        "nn.Softplus(beta, threshold)",
        "A smooth ReLU that is always positive.",
        "Bends smoothly from 0 to x. Use it where a result must be positive, such as a standard deviation or a rate.",
        r"\frac{1}{\beta} \ln(1 + e^{\beta x})",
        (
            number("beta", "Beta", 1.0, "How sharp the bend is.", 1e-3, 1000.0),
            number("threshold", "Threshold", 20.0, "Beyond this it is a straight line.", 0.0, 1000.0, advanced=True),
        ),
        "positive",
        "smooth",
    ),
    _activation(
        "softshrink",
        "Softshrink",
        "nn.Softshrink(strength)",
        "Moves every number towards 0 and keeps the rest.",
        "Numbers closer to 0 than the strength become 0, all others come closer by it. It makes codes sparse.",
        r"\operatorname{sign}(x) \max(0, |x| - \lambda)",
        (number("strength", "Strength", 0.5, "How far numbers move towards 0.", 0.0, 1000.0),),
        "sparse",
        "shrinkage",
    ),
    _activation(
        "hardshrink",
        "Hardshrink",
        "nn.Hardshrink(strength)",
        "Small numbers become 0, large ones stay.",
        "Numbers closer to 0 than the strength become 0, all others pass unchanged. It makes codes sparse.",
        r"\begin{cases} x & \text{if } |x| > \lambda \\ 0 & \text{else} \end{cases}",
        (number("strength", "Strength", 0.5, "How large a number must be to pass.", 0.0, 1000.0),),
        "sparse",
        "shrinkage",
    ),
    _activation(
        "hardtanh",
        "Hardtanh",
        "nn.Hardtanh(lower, upper)",
        "Cuts numbers off at both ends.",
        "Passes what lies between the two ends and replaces the rest by the nearer end. No gradient flows where it "
        "cuts.",
        r"\min(\max(l, x), u)",
        (
            number("lower", "Lower end", -1.0, "The smallest output."),
            number("upper", "Upper end", 1.0, "The largest output."),
        ),
        "clip",
        "clamp",
        checks=(_ordered("lower", "upper"),),
    ),
    _activation(
        "threshold",
        "Threshold",
        "nn.Threshold(threshold, value)",
        "Replaces what is not above a threshold.",
        "Passes numbers above the threshold and replaces all others by one value.",
        r"\begin{cases} x & \text{if } x > \theta \\ v & \text{else} \end{cases}",
        (
            number("threshold", "Threshold", 0.0, "Numbers above it pass."),
            number("value", "Value", 0.0, "What replaces the others."),
        ),
        "step",
        "cut",
    ),
    _activation(
        "softmax",
        "Softmax",
        "nn.Softmax(dim=axis)",
        "Turns scores into probabilities that add up to 1.",
        "Makes all numbers along an axis positive and their sum 1; the largest stays the largest. "
        "Use it to read probabilities or to weigh things. Not before the cross entropy loss, which applies it itself.",
        r"\frac{e^{x_i}}{\sum_j e^{x_j}}",
        (axis(-1, "The axis along which the probabilities add up to 1."),),
        "probability",
        "classes",
        "attention",
        checks=(relations.axis_exists("axis"),),
    ),
    _activation(
        "log_softmax",
        "LogSoftmax",
        "nn.LogSoftmax(dim=axis)",
        "The logarithm of the softmax, computed safely.",
        "Turns scores into log-probabilities, without the underflow that comes of taking the two steps apart. "
        "The NLL loss and the KL divergence expect it.",
        r"x_i - \ln \sum_j e^{x_j}",
        (axis(-1, "The axis along which the probabilities add up to 1."),),
        "log probability",
        "nll",
        checks=(relations.axis_exists("axis"),),
    ),
    _activation(
        "softmin",
        "Softmin",
        "nn.Softmin(dim=axis)",
        "Softmax for distances: the smallest gets the most.",
        "Turns distances or costs into probabilities: the smaller, the likelier.",
        r"\frac{e^{-x_i}}{\sum_j e^{-x_j}}",
        (axis(-1, "The axis along which the probabilities add up to 1."),),
        "probability",
        "distance",
        checks=(relations.axis_exists("axis"),),
    ),
)


def _even(values: Values, inputs: Types) -> Iterator[Mismatch]:
    found = inputs["x"]
    if not relations.divisible(found.dims[values["axis"]], 2):
        yield relations.expects("x", f"an even size on axis {values['axis']}, to be halved", found)


GLU = _activation(
    "glu",
    "GLU",
    "nn.GLU(dim=axis)",
    "One half of the features opens and closes the other.",
    "Cuts the features in two halves and multiplies the first by the sigmoid of the second: the network decides what "
    "passes. "
    "Give the layer before it twice as many units as you want out.",
    r"a \cdot \sigma(b), \quad x = [a, b]",
    (axis(-1, "The axis that is cut in two."),),
    "gate",
    "gated linear unit",
    checks=(relations.axis_exists("axis"), _even),
    shape=Rule.META,
)

_PER_CHANNEL = choice(
    "slopes",
    "Slopes",
    (("one", "one for all", "A single learned number."), ("channel", "one a channel", "One for each entry of axis 1.")),
    "How many slopes are learned.",
)

PRELU = LayerSpec(
    key="prelu",
    title="PReLU",
    category="activation",
    summary="LeakyReLU that learns its slope.",
    help="Like LeakyReLU, but how much of the negative side passes is learned, for all channels together or for each. "
    "It costs almost nothing; leave weight decay off it.",
    formula=r"\max(0, x) + a \min(0, x)",
    reference=torch_docs("torch.nn.PReLU"),
    keywords=("activation", "nonlinearity", "rectifier", "learned", "parametric"),
    parameters=(
        _PER_CHANNEL,
        number("start", "Start", 0.25, "The slope before training.", -1.0, 1.0),
        *SCALES,
    ),
    inputs=(Port(name="x", ranks=(2, 3, 4, 5)),),
    make=lambda values: f"nn.PReLU({'num_channels' if values['slopes'] == 'channel' else '1'}, init=start)",
    derived={"num_channels": ("x", 1)},
    shape=Rule.SAME,
    weights=("weight",),
    brief=lambda values: in_words(values, "slopes", "a channel" if values["slopes"] == "channel" else ""),
)
