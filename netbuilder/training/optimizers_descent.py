"""Optimizers that take one step size for all weights, or only the signs of gradients: SGD, ASGD, Rprop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.parameter import Kind, Parameter, Values
from netbuilder.training.optimizer_spec import MOMENTUM, OptimizerSpec, learning_rate, weight_decay


def _sgd(values: Values) -> Mapping[str, Any]:
    # torch refuses Nesterov without momentum; without momentum the two are the same anyway.
    return {
        "lr": values["learning_rate"],
        "momentum": values["momentum"],
        "nesterov": values["nesterov"] and values["momentum"] > 0,
        "weight_decay": values["weight_decay"],
    }


def _asgd(values: Values) -> Mapping[str, Any]:
    return {
        "lr": values["learning_rate"],
        "lambd": values["lambd"],
        "alpha": values["alpha"],
        "t0": values["t0"],
        "weight_decay": values["weight_decay"],
    }


def _rprop(values: Values) -> Mapping[str, Any]:
    return {
        "lr": values["learning_rate"],
        "etas": (values["shrink"], values["grow"]),
        "step_sizes": (values["smallest"], values["largest"]),
    }


SGD = OptimizerSpec(
    key="sgd",
    title="SGD",
    summary="Stochastic gradient descent, with momentum.",
    help=(
        "Moves each weight against its gradient. Simple and well understood; needs a well chosen learning "
        "rate and often a schedule."
    ),
    formula=r"v \leftarrow \mu v + g, \quad w \leftarrow w - \eta v",
    reference=Reference(
        title="Sutskever et al. 2013, On the importance of initialization and momentum in deep learning",
        url="https://proceedings.mlr.press/v28/sutskever13.html",
    ),
    keywords=("gradient descent", "nesterov", "momentum"),
    parameters=(
        learning_rate(0.05),
        MOMENTUM,
        Parameter(
            name="nesterov",
            title="Nesterov",
            kind=Kind.BOOL,
            default=False,
            shown_when=lambda values: bool(values["momentum"]),
            help="Looks ahead along the momentum before taking the gradient.",
        ),
        weight_decay(),
    ),
    callee="SGD",
    arguments=_sgd,
    state=lambda values: int(values["momentum"] > 0),
    fused=("cpu", "cuda", "mps"),
)

ASGD = OptimizerSpec(
    key="asgd",
    title="ASGD",
    summary="Gradient descent whose steps slowly become shorter.",
    help=(
        "Plain gradient descent with a step size that falls by itself. torch also keeps an average of all weights but"
        " never puts it to use; for averaged weights, set the plan's weight averaging."
    ),
    formula=r"w \leftarrow (1 - \lambda \eta_t) w - \eta_t g, \quad \eta_t = \frac{\eta}{(1 + \lambda \eta t)^\alpha}",
    reference=Reference(
        title="Polyak and Juditsky 1992, Acceleration of stochastic approximation by averaging",
        url="https://doi.org/10.1137/0330046",
    ),
    keywords=("averaged", "gradient descent", "polyak"),
    parameters=(
        learning_rate(0.01),
        weight_decay(),
        Parameter(
            name="lambd",
            title="Decay term",
            kind=Kind.FLOAT,
            default=1e-4,
            minimum=0.0,
            maximum=1.0,
            logarithmic=True,
            advanced=True,
            help="How fast steps become shorter; weights are also pulled towards zero by it.",
        ),
        Parameter(
            name="alpha",
            title="Power",
            kind=Kind.FLOAT,
            default=0.75,
            minimum=0.0,
            maximum=10.0,
            advanced=True,
            help="The power by which steps become shorter; 0 keeps them.",
        ),
        Parameter(
            name="t0",
            title="Average from",
            kind=Kind.FLOAT,
            default=1e6,
            minimum=0.0,
            maximum=1e12,
            logarithmic=True,
            advanced=True,
            unit="updates",
            help="From which update on torch averages the weights. The average is kept but does not train.",
        ),
    ),
    callee="ASGD",
    arguments=_asgd,
    state=lambda values: 1,
)

RPROP = OptimizerSpec(
    key="rprop",
    title="Rprop",
    summary="Looks only at the signs of gradients; for batches as large as the data.",
    help=(
        "Each weight has its own step, which grows while its gradient keeps its sign and shrinks when it flips. Made"
        " for whole data sets: in small batches signs flip by chance. The learning rate is only the first step's size,"
        " so a schedule changes nothing after it, and there is no weight decay."
    ),
    formula=r"w \leftarrow w - \mathrm{sign}(g) \Delta, \quad \Delta \leftarrow \eta^{\pm} \Delta",
    reference=Reference(
        title="Riedmiller and Braun 1993, A direct adaptive method for faster backpropagation learning",
        url="https://doi.org/10.1109/ICNN.1993.298623",
    ),
    keywords=("resilient", "sign", "full batch"),
    parameters=(
        learning_rate(
            0.01, "How far the very first update moves each weight; after that the steps adapt by themselves."
        ),
        Parameter(
            name="shrink",
            title="Shrink by",
            kind=Kind.FLOAT,
            default=0.5,
            minimum=0.0001,
            maximum=0.9999,
            advanced=True,
            help="What a step is multiplied by when its gradient's sign flips.",
        ),
        Parameter(
            name="grow",
            title="Grow by",
            kind=Kind.FLOAT,
            default=1.2,
            minimum=1.0001,
            maximum=100.0,
            advanced=True,
            help="What a step is multiplied by while its gradient keeps its sign.",
        ),
        Parameter(
            name="smallest",
            title="Smallest step",
            kind=Kind.FLOAT,
            default=1e-6,
            minimum=0.0,
            maximum=1e6,
            logarithmic=True,
            advanced=True,
            help="No step becomes smaller than this.",
        ),
        Parameter(
            name="largest",
            title="Largest step",
            kind=Kind.FLOAT,
            default=50.0,
            minimum=0.0,
            maximum=1e6,
            logarithmic=True,
            advanced=True,
            help="No step becomes larger than this.",
        ),
    ),
    callee="Rprop",
    arguments=_rprop,
    state=lambda values: 2,
)
