"""Optimizers that divide each step by the size of past gradients: RMSprop, Adagrad, Adadelta, Adafactor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.parameter import Kind, Parameter, Values
from netbuilder.training.optimizer_spec import OptimizerSpec, epsilon, learning_rate, weight_decay


def _rmsprop(values: Values) -> Mapping[str, Any]:
    return {
        "lr": values["learning_rate"],
        "alpha": values["alpha"],
        "eps": values["eps"],
        "momentum": values["momentum"],
        "weight_decay": values["weight_decay"],
    }


def _adagrad(values: Values) -> Mapping[str, Any]:
    return {
        "lr": values["learning_rate"],
        "lr_decay": values["lr_decay"],
        "eps": values["eps"],
        "weight_decay": values["weight_decay"],
    }


def _adadelta(values: Values) -> Mapping[str, Any]:
    return {
        "lr": values["learning_rate"],
        "rho": values["rho"],
        "eps": values["eps"],
        "weight_decay": values["weight_decay"],
    }


def _adafactor(values: Values) -> Mapping[str, Any]:
    # torch counts the power as negative; None is the smallest step of the weights' own number format.
    return {
        "lr": values["learning_rate"],
        "beta2_decay": -values["decay"],
        "eps": (None, values["scale"]),
        "d": values["threshold"],
        "weight_decay": values["weight_decay"],
    }


RMSPROP = OptimizerSpec(
    key="rmsprop",
    title="RMSprop",
    summary="Divides each step by the recent size of the gradient.",
    help=(
        "Keeps a running mean of the squared gradient of each weight and steps by the gradient over its root."
        " Long used for recurrent networks."
    ),
    formula=r"w \leftarrow w - \eta \frac{g}{\sqrt{v} + \epsilon}",
    reference=Reference(
        title="Hinton 2012, Neural networks for machine learning, lecture 6e",
        url="https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf",
    ),
    keywords=("adaptive",),
    parameters=(
        learning_rate(0.001),
        Parameter(
            name="alpha",
            title="Smoothing",
            kind=Kind.FLOAT,
            default=0.99,
            minimum=0.0,
            maximum=0.999999,
            advanced=True,
            help="How slowly the running mean of the squared gradients forgets.",
        ),
        Parameter(
            name="momentum",
            title="Momentum",
            kind=Kind.FLOAT,
            default=0.0,
            minimum=0.0,
            maximum=0.9999,
            help="How much of the last update is kept; 0 turns it off.",
        ),
        weight_decay(),
        epsilon(1e-8),
    ),
    callee="RMSprop",
    arguments=_rmsprop,
    state=lambda values: 1 + int(values["momentum"] > 0),
)

ADAGRAD = OptimizerSpec(
    key="adagrad",
    title="Adagrad",
    summary="Slows down weights that have already moved much.",
    help=(
        "Divides each step by the root of the sum of all squared gradients so far. Suits sparse features; "
        "learning slows down for good."
    ),
    formula=r"w \leftarrow w - \eta \frac{g}{\sqrt{\sum g^2} + \epsilon}",
    reference=Reference(
        title="Duchi et al. 2011, Adaptive subgradient methods", url="https://jmlr.org/papers/v12/duchi11a.html"
    ),
    keywords=("adaptive", "sparse"),
    parameters=(
        learning_rate(0.01),
        Parameter(
            name="lr_decay",
            title="Rate decay",
            kind=Kind.FLOAT,
            default=0.0,
            minimum=0.0,
            maximum=1.0,
            advanced=True,
            help="Also divides the learning rate by 1 + decay × updates done.",
        ),
        weight_decay(),
        epsilon(1e-10),
    ),
    callee="Adagrad",
    arguments=_adagrad,
    state=lambda values: 1,
    fused=("cpu",),
)

ADADELTA = OptimizerSpec(
    key="adadelta",
    title="Adadelta",
    summary="Finds its own step size; the learning rate stays 1.",
    help=(
        "Measures each weight's recent gradients and recent updates, and steps by their ratio, so that no learning rate"
        " needs to be found. Often slow at first."
    ),
    formula=r"w \leftarrow w - \eta \frac{\sqrt{u + \epsilon}}{\sqrt{v + \epsilon}} g",
    reference=Reference(
        title="Zeiler 2012, ADADELTA: An adaptive learning rate method", url="https://arxiv.org/abs/1212.5701"
    ),
    keywords=("adaptive",),
    parameters=(
        learning_rate(1.0),
        Parameter(
            name="rho",
            title="Smoothing",
            kind=Kind.FLOAT,
            default=0.9,
            minimum=0.0,
            maximum=0.999999,
            advanced=True,
            help="How slowly the running means of gradients and updates forget.",
        ),
        weight_decay(),
        epsilon(1e-6),
    ),
    callee="Adadelta",
    arguments=_adadelta,
    state=lambda values: 2,
)

ADAFACTOR = OptimizerSpec(
    key="adafactor",
    title="Adafactor",
    summary="Nearly Adam, with a fraction of its memory.",
    help=(
        "Remembers the squared gradients of a weight matrix by its rows and columns alone, and takes steps in"
        " proportion to the weights. For networks whose optimizer state would not fit into memory."
    ),
    formula=r"w \leftarrow w - \alpha \frac{u}{\max(1, \mathrm{rms}(u) / d)}, \quad u = \frac{g}{\sqrt{\hat{v}}}",
    reference=Reference(
        title="Shazeer and Stern 2018, Adafactor: Adaptive learning rates with sublinear memory cost",
        url="https://arxiv.org/abs/1804.04235",
    ),
    keywords=("adaptive", "memory", "transformer"),
    parameters=(
        learning_rate(0.01),
        weight_decay(0.0, "Shrinks every weight by this share of the learning rate at each update."),
        Parameter(
            name="decay",
            title="Forgetting",
            kind=Kind.FLOAT,
            default=0.8,
            minimum=0.0,
            maximum=10.0,
            advanced=True,
            help="The power by which the mean of squared gradients comes to look further back as updates go by.",
        ),
        Parameter(
            name="scale",
            title="Smallest scale",
            kind=Kind.FLOAT,
            default=0.001,
            minimum=0.0,
            maximum=1.0,
            logarithmic=True,
            advanced=True,
            help="Weights that are all nearly zero still take steps as if they were this large.",
        ),
        Parameter(
            name="threshold",
            title="Clip updates to",
            kind=Kind.FLOAT,
            default=1.0,
            minimum=1.0,
            maximum=1e6,
            advanced=True,
            help="An update is scaled down to this root mean square.",
        ),
    ),
    callee="Adafactor",
    arguments=_adafactor,
    state=lambda values: 1,  # of a vector's weights; a matrix has one for each row and column
)
