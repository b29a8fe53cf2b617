"""Values that a network makes itself: random ones, fixed ones and learned ones.

Each takes the batch's size, or the shape, from what is linked to it: a network has no other way to know how many
samples there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netbuilder.foundation.brief import in_words
from netbuilder.foundation.parameter import Parameter, Values
from netbuilder.layers import relations
from netbuilder.layers.settings import axis, brief_of, flag, number, paper, sizes, times, torch_docs
from netbuilder.layers.spec import SCALES, Dtype, LayerSpec, Mismatch, Port, Rule, Types

_LIKE = (Port(name="x", help="Only its shape counts."),)
_SHAPE = sizes("dims", "Shape", (8,), "One sample's sizes, without the batch.", maximum=100_000)


def _shape_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    if not 1 <= len(values["dims"]) <= 6:
        yield relations.expects("x", "a shape of one to six sizes", times(values["dims"]) or "none", dims=(8,))


def _random(
    key: str, title: str, call: str, summary: str, help: str, formula: str, page: str, *parameters: Parameter
) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="mathematics",
        summary=summary,
        help=f"{help} It is drawn anew for every batch, in training and in use.",
        formula=formula,
        reference=torch_docs(page),
        keywords=("random", "noise", "sample", "generator"),
        parameters=parameters,
        inputs=_LIKE,
        call=call,
        shape=Rule.SAME,
    )


RANDOM = (
    _random(
        "random_normal",
        "RandomNormal",
        "mean + std * torch.randn_like(x)",
        "Normal random numbers, in the shape of what is linked.",
        "Most numbers lie near the mean, few far from it. Generators start from such noise.",
        r"y \sim \mathcal{N}(\mu, \sigma^2)",
        "torch.randn_like",
        number("mean", "Mean", 0.0, "Around what they lie."),
        number("std", "Spread", 1.0, "Their standard deviation.", 0.0, 1e6),
    ),
    _random(
        "random_uniform",
        "RandomUniform",
        "low + width * torch.rand_like(x)",
        "Random numbers of a range, in the shape of what is linked.",
        "Every number of the range is as likely as every other.",
        r"y \sim U(l, l + w)",
        "torch.rand_like",
        number("low", "Lowest", 0.0, "Where the range begins."),
        number("width", "Width", 1.0, "How wide the range is.", 0.0, 1e6),
    ),
    _random(
        "random_bernoulli",
        "RandomBernoulli",
        "torch.bernoulli(torch.full_like(x, p))",
        "Ones and zeros by chance, in the shape of what is linked.",
        "Tosses a coin for every entry: a random mask.",
        r"y \sim \text{Bernoulli}(p)",
        "torch.bernoulli",
        number("p", "Probability", 0.5, "How likely a 1 is.", 0.0, 1.0),
    ),
)

SAMPLE_NORMAL = LayerSpec(
    key="sample_normal",
    title="SampleNormal",
    category="mathematics",
    summary="Draws from normal distributions whose mean and log-variance are linked.",
    help="The heart of a variational autoencoder: the encoder says where and how wide, and this draws a number there. "
    "Because the chance comes from outside, gradients flow to both (the reparameterization trick).",
    formula=r"y = \mu + e^{v / 2} \epsilon, \quad \epsilon \sim \mathcal{N}(0, 1)",
    reference=paper("Auto-Encoding Variational Bayes (Kingma and Welling, 2013)", "1312.6114"),
    keywords=("vae", "reparameterization", "variational", "latent", "random"),
    inputs=(Port(name="mean"), Port(name="log_variance", help="The logarithm of the variance.")),
    call="mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)",
    checks=(relations.same_shape,),
    shape=Rule.SAME,
)

GUMBEL_SOFTMAX = LayerSpec(
    key="gumbel_softmax",
    title="GumbelSoftmax",
    category="mathematics",
    summary="Draws one of several classes, in a way that gradients flow through.",
    help="Adds random numbers to scores before a softmax, so that each class comes out as often as its probability "
    "says. Low temperatures give almost one-hot vectors. Networks learn discrete choices with it.",
    formula=r"\operatorname{softmax} \frac{x + g}{\tau}, \quad g = -\ln(-\ln u), \quad u \sim U(0, 1)",
    reference=paper("Categorical Reparameterization with Gumbel-Softmax (Jang et al., 2016)", "1611.01144"),
    keywords=("discrete", "sample", "categorical", "random", "softmax"),
    parameters=(
        axis(-1, "The axis with the classes."),
        number("temperature", "Temperature", 1.0, "Low is almost one-hot, high is blurred.", 0.01, 100.0),
        flag("hard", "One-hot", False, "Whether a single 1 comes out; gradients pass as if it were soft."),
    ),
    call="F.gumbel_softmax(x, tau=temperature, hard=hard, dim=axis)",
    checks=(relations.axis_exists("axis"),),
    shape=Rule.SAME,
    brief=lambda values: brief_of(
        f"{values['temperature']:g}", in_words(values, "hard", "one-hot" if values["hard"] else "")
    ),
)

CONSTANT = LayerSpec(
    key="constant",
    title="Constant",
    category="mathematics",
    summary="One fixed number, in a shape that you say.",
    help="Gives the same number everywhere, as many samples of it as are linked: a start for a recurrent state, or a "
    "channel of ones. It is not learned; LearnedConstant is.",
    formula="y = v",
    reference=torch_docs("torch.full"),
    keywords=("fixed", "zeros", "ones", "fill", "state"),
    parameters=(_SHAPE, number("value", "Number", 0.0, "What stands everywhere.")),
    inputs=(Port(name="x", help="Only the number of its samples counts."),),
    call=lambda values: f"x.new_full((x.shape[0], {', '.join(map(str, values['dims']))}), value)",
    checks=(_shape_fits,),
    brief=lambda values: brief_of(times(values["dims"]), f"{values['value']:g}"),
)

_LEARNED = '''class LearnedConstant(nn.Module):
    """Gives the same learned numbers for every sample."""

    def __init__(self, dims: tuple[int, ...], std: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dims) * std)

    def forward(self, x: Tensor) -> Tensor:
        return self.weight.unsqueeze(0).expand(x.shape[0], *self.weight.shape)
'''

LEARNED_CONSTANT = LayerSpec(
    key="learned_constant",
    title="LearnedConstant",
    category="mathematics",
    summary="Learned numbers that depend on no input, in a shape that you say.",
    help="A free parameter: the same numbers for every sample, which training adjusts. Queries of a detector, prompts "
    "and the first state of a recurrent network are such numbers.",
    formula="y_n = W",
    reference=torch_docs("torch.nn.parameter.Parameter"),
    keywords=("parameter", "free", "learnable", "query", "prompt", "bias"),
    parameters=(_SHAPE, number("std", "Start", 0.02, "How far they are from 0 before training.", 0.0, 100.0), *SCALES),
    inputs=(Port(name="x", dtype=Dtype.ANY, help="Only the number of its samples counts."),),
    make="LearnedConstant(dims, std)",
    checks=(_shape_fits,),
    weights=("weight",),
    support=_LEARNED,
    brief=lambda values: times(values["dims"]),
)

_BIAS = '''class LearnedBias(nn.Module):
    """Adds a learned number to each channel."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight.reshape(-1, *[1] * (x.ndim - 2))
'''

LEARNED_BIAS = LayerSpec(
    key="learned_bias",
    title="LearnedBias",
    category="mathematics",
    summary="Adds a learned number to each channel.",
    help="Shifts every channel (axis 1) by a number of its own that training adjusts, as most layers do at their end. "
    "The learned factor is LayerScale.",
    formula=r"y_c = x_c + b_c",
    reference=torch_docs("torch.nn.parameter.Parameter"),
    keywords=("parameter", "offset", "shift", "channel", "learnable"),
    parameters=SCALES,
    inputs=(Port(name="x", ranks=(2, 3, 4, 5)),),
    make="LearnedBias(features)",
    derived={"features": ("x", 1)},
    shape=Rule.SAME,
    weights=("weight",),
    support=_BIAS,
)


def _straight(
    key: str,
    title: str,
    hard: str,
    soft: str,
    summary: str,
    help: str,
    formula: str,
    reference: tuple[str, str],
    *parameters: Parameter,
    brief: Callable[[Values], str] | None = None,
) -> LayerSpec:
    """Declare a step that gradients pass as if it were its smooth neighbour (straight-through)."""
    return LayerSpec(
        key=key,
        title=title,
        category="activation",
        summary=summary,
        help=f"{help} Gradients pass as if there were no step (straight-through), so that what is before it learns.",
        formula=formula,
        reference=paper(*reference),
        keywords=("quantize", "binary", "straight through", "step", "small devices"),
        parameters=parameters,
        call=f"{soft} + ({hard} - {soft}).detach()",
        shape=Rule.SAME,
        brief=brief,
    )


_BINARY_PAPER = ("Binarized Neural Networks (Hubara et al., 2016)", "1602.02830")
_STEP = number("step", "Step", 0.0625, "The distance of neighbouring values.", 1e-6, 1000.0)

STRAIGHT_THROUGH = (
    _straight(
        "binary_tanh",
        "BinaryTanh",
        "(2 * (x > 0).to(x.dtype) - 1)",
        "F.hardtanh(x)",
        "-1 or 1, and still learned through.",
        "Keeps only on which side of 0 a number is. Networks of such units run on tiny devices.",
        r"\begin{cases} 1 & \text{if } x > 0 \\ -1 & \text{else} \end{cases}",
        _BINARY_PAPER,
    ),
    _straight(
        "binary_sigmoid",
        "BinarySigmoid",
        "(x > 0).to(x.dtype)",
        "torch.clamp((x + 1) / 2, 0, 1)",
        "0 or 1, and still learned through.",
        "A switch: on above 0, else off. It makes decisions and spikes that can be trained.",
        r"\begin{cases} 1 & \text{if } x > 0 \\ 0 & \text{else} \end{cases}",
        _BINARY_PAPER,
    ),
    _straight(
        "quantize",
        "Quantize",
        "torch.round(x / step) * step",
        "x",
        "Rounds to multiples of a step, and is still learned through.",
        "Imitates the few bits of a small device while training, so that the network gets used to them.",
        r"s \operatorname{round}(x / s)",
        ("Quantization and Training of Neural Networks (Jacob et al., 2017)", "1712.05877"),
        _STEP,
        brief=lambda values: f"step {values['step']:g}",
    ),
)
