"""Activations without parameters: one function of each number, which makes a network more than one matrix."""

from __future__ import annotations

from netbuilder.layers.settings import choice, torch_docs
from netbuilder.layers.spec import LayerSpec, Rule


def _activation(key: str, title: str, call: str, summary: str, help: str, formula: str, *keywords: str) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="activation",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(f"torch.nn.{title}"),
        keywords=("activation", "nonlinearity", *keywords),
        call=call,
        shape=Rule.SAME,
    )


ACTIVATIONS = (
    _activation(
        "relu",
        "ReLU",
        "F.relu(x)",
        "Negative numbers become 0.",
        "Lets positive numbers through and turns negative ones into 0. Simple, fast and the usual choice between "
        "layers. "
        "A unit whose input is always negative learns nothing any more (a dead unit); LeakyReLU avoids that.",
        r"\max(0, x)",
        "rectifier",
        "ramp",
    ),
    _activation(
        "relu6",
        "ReLU6",
        "F.relu6(x)",
        "ReLU that ends at 6.",
        "Like ReLU, but nothing grows beyond 6. Small networks for telephones use it because its numbers fit into few "
        "bits.",
        r"\min(\max(0, x), 6)",
        "mobile",
        "clipped",
    ),
    _activation(
        "selu",
        "SELU",
        "F.selu(x)",
        "Keeps mean 0 and variance 1 by itself.",
        "A scaled exponential unit whose constants keep the activations of a deep network near mean 0 and variance 1. "
        "Use it with LeCun-like initialization and AlphaDropout, without batch normalization.",
        r"\lambda \begin{cases} x & \text{if } x > 0 \\ \alpha (e^x - 1) & \text{else} \end{cases}",
        "self normalizing",
    ),
    _activation(
        "sigmoid",
        "Sigmoid",
        "torch.sigmoid(x)",
        "Squeezes every number between 0 and 1.",
        "Turns any number into one between 0 and 1, such as a probability or a gate. For a yes-or-no loss use "
        "BCEWithLogitsLoss, which contains it. In deep stacks its flat ends let gradients vanish.",
        r"\frac{1}{1 + e^{-x}}",
        "logistic",
        "probability",
        "gate",
    ),
    _activation(
        "tanh",
        "Tanh",
        "torch.tanh(x)",
        "Squeezes every number between -1 and 1.",
        "An S-shaped curve through 0. It suits small networks, recurrent ones and the end of a generator of pictures "
        "scaled to -1 … 1. "
        "Large inputs land on its flat ends, where gradients vanish.",
        r"\tanh x",
        "hyperbolic tangent",
    ),
    _activation(
        "silu",
        "SiLU",
        "F.silu(x)",
        "A smooth ReLU: x times its sigmoid; also called Swish.",
        "Multiplies each number by its own sigmoid: smooth, and slightly negative left of 0. "
        "Many modern image networks use it instead of ReLU.",
        r"x \sigma(x)",
        "swish",
    ),
    _activation(
        "mish",
        "Mish",
        "F.mish(x)",
        "A smooth ReLU that dips below 0.",
        "Multiplies each number by the tanh of its softplus. Smooth everywhere and close to SiLU; some detectors "
        "train a little better with it.",
        r"x \tanh(\ln(1 + e^x))",
    ),
    _activation(
        "hardswish",
        "Hardswish",
        "F.hardswish(x)",
        "SiLU from straight lines, for small devices.",
        "Imitates SiLU without an exponential function: 0 below -3, x above 3, a parabola between. MobileNetV3 uses "
        "it.",
        r"x \frac{\min(\max(0, x + 3), 6)}{6}",
        "mobile",
        "swish",
    ),
    _activation(
        "hardsigmoid",
        "Hardsigmoid",
        "F.hardsigmoid(x)",
        "Sigmoid from straight lines.",
        "Rises from 0 at -3 to 1 at 3 in a straight line. A gate that costs little.",
        r"\frac{\min(\max(0, x + 3), 6)}{6}",
        "gate",
    ),
    _activation(
        "logsigmoid",
        "LogSigmoid",
        "F.logsigmoid(x)",
        "The logarithm of the sigmoid, computed safely.",
        "The log-probability of a yes whose score is x. Computed in one piece it never becomes minus infinity.",
        r"\ln \sigma(x)",
        "log probability",
    ),
    _activation(
        "softsign",
        "Softsign",
        "F.softsign(x)",
        "Like tanh, but approaching its ends slowly.",
        "Squeezes every number between -1 and 1 by dividing it by one plus its size. Its ends are less flat than "
        "those of tanh.",
        r"\frac{x}{1 + |x|}",
    ),
    _activation(
        "tanhshrink",
        "Tanhshrink",
        "F.tanhshrink(x)",
        "What tanh takes away from a number.",
        "Subtracts tanh(x) from x: small numbers become almost 0, large ones lose 1.",
        r"x - \tanh x",
        "shrinkage",
    ),
)

GELU = LayerSpec(
    key="gelu",
    title="GELU",
    category="activation",
    summary="A smooth ReLU, the usual one in transformers.",
    help="Multiplies each number by the probability that a normal random number is smaller. "
    "Large numbers pass, very negative ones become 0, and between it bends smoothly. Transformers use it almost "
    "always.",
    formula=r"x \Phi(x)",
    reference=torch_docs("torch.nn.GELU"),
    keywords=("activation", "nonlinearity", "gaussian", "transformer"),
    parameters=(
        choice(
            "approximate",
            "Approximation",
            (("none", "exact", "With the error function."), ("tanh", "tanh", "A little faster, almost the same.")),
            "How it is computed.",
            advanced=True,
        ),
    ),
    make="nn.GELU(approximate=approximate)",
    shape=Rule.SAME,
)
