"""Optimizers: each declared once, made and printed from the same declaration.

`make` builds the torch optimizer that the session steps; `source` prints the very call for an exported training loop.
Both take their arguments from `OptimizerSpec.arguments`, so that the two cannot drift apart. Torch is imported inside
functions: the window reads the declarations before torch is loaded.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netbuilder.document.model import Setting
from netbuilder.foundation.declaration import Declaration, Reference, Registry
from netbuilder.foundation.parameter import Kind, Parameter, Values
from netbuilder.training.settings import find_choice

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec(Declaration):
    """An optimizer; its parameters always include `learning_rate` and `weight_decay`.

    Attributes:
        callee: The class's name in `torch.optim`.
        arguments: Resolved parameters -> keyword arguments of the class.
        state: Resolved parameters -> how many numbers it remembers of each weight.
        fused: Device types on which torch updates all weights in one kernel.
    """

    callee: str
    arguments: Callable[[Values], Mapping[str, Any]]
    state: Callable[[Values], int]
    fused: tuple[str, ...] = ()


def _learning_rate(default: float) -> Parameter:
    return Parameter(
        name="learning_rate",
        title="Learning rate",
        kind=Kind.FLOAT,
        default=default,
        minimum=0.0,
        maximum=1e12,
        logarithmic=True,
        help=(
            "How far each update moves the weights. Too high and the loss jumps or explodes, too low and learning"
            " crawls."
        ),
    )


def _weight_decay(default: float = 0.0, help: str = "") -> Parameter:
    return Parameter(
        name="weight_decay",
        title="Weight decay",
        kind=Kind.FLOAT,
        default=default,
        minimum=0.0,
        maximum=1e6,
        logarithmic=True,
        help=help
        or "Pulls every weight towards zero at each update (an L2 penalty), which keeps the network from memorizing.",
    )


_MOMENTUM = Parameter(
    name="momentum",
    title="Momentum",
    kind=Kind.FLOAT,
    default=0.9,
    minimum=0.0,
    maximum=0.9999,
    help="How much of the last update is kept. Smooths the path; 0 turns it off.",
)

_BETAS = (
    Parameter(
        name="beta1",
        title="Beta 1",
        kind=Kind.FLOAT,
        default=0.9,
        minimum=0.0,
        maximum=0.99999,
        advanced=True,
        help="How slowly the running mean of the gradients forgets.",
    ),
    Parameter(
        name="beta2",
        title="Beta 2",
        kind=Kind.FLOAT,
        default=0.999,
        minimum=0.0,
        maximum=0.999999,
        advanced=True,
        help="How slowly the running mean of the squared gradients forgets.",
    ),
)


def _epsilon(default: float) -> Parameter:
    return Parameter(
        name="eps",
        title="Epsilon",
        kind=Kind.FLOAT,
        default=default,
        minimum=0.0,
        maximum=1.0,
        logarithmic=True,
        advanced=True,
        help="A small number that keeps the division by the running gradient size from dividing by zero.",
    )


def _sgd(values: Values) -> Mapping[str, Any]:
    # torch refuses Nesterov without momentum; without momentum the two are the same anyway.
    return {
        "lr": values["learning_rate"],
        "momentum": values["momentum"],
        "nesterov": values["nesterov"] and values["momentum"] > 0,
        "weight_decay": values["weight_decay"],
    }


def _adam(values: Values) -> Mapping[str, Any]:
    return {
        "lr": values["learning_rate"],
        "betas": (values["beta1"], values["beta2"]),
        "eps": values["eps"],
        "weight_decay": values["weight_decay"],
    }


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
        _learning_rate(0.05),
        _MOMENTUM,
        Parameter(
            name="nesterov",
            title="Nesterov",
            kind=Kind.BOOL,
            default=False,
            shown_when=lambda values: bool(values["momentum"]),
            help="Looks ahead along the momentum before taking the gradient.",
        ),
        _weight_decay(),
    ),
    callee="SGD",
    arguments=_sgd,
    state=lambda values: int(values["momentum"] > 0),
    fused=("cpu", "cuda", "mps"),
)

ADAM = OptimizerSpec(
    key="adam",
    title="Adam",
    summary="Adapts the step size of every weight; a good first choice.",
    help=(
        "Keeps running means of each weight's gradient and of its square, and steps by their ratio. Works "
        "well with little tuning."
    ),
    formula=r"w \leftarrow w - \eta \frac{\hat{m}}{\sqrt{\hat{v}} + \epsilon}",
    reference=Reference(
        title="Kingma and Ba 2015, Adam: A method for stochastic optimization", url="https://arxiv.org/abs/1412.6980"
    ),
    keywords=("adaptive",),
    parameters=(_learning_rate(0.001), _weight_decay(), *_BETAS, _epsilon(1e-8)),
    callee="Adam",
    arguments=_adam,
    state=lambda values: 2,
    fused=("cpu", "cuda", "mps"),
)

ADAMW = OptimizerSpec(
    key="adamw",
    title="AdamW",
    summary="Adam with weight decay that does not pass through the adaptive step.",
    help="Like Adam, but decays the weights directly. The usual choice for transformers and for regularized training.",
    formula=r"w \leftarrow w - \eta \lambda w - \eta \frac{\hat{m}}{\sqrt{\hat{v}} + \epsilon}",
    reference=Reference(
        title="Loshchilov and Hutter 2019, Decoupled weight decay regularization",
        url="https://arxiv.org/abs/1711.05101",
    ),
    keywords=("adaptive", "decoupled"),
    parameters=(
        _learning_rate(0.001),
        _weight_decay(0.01, "Shrinks every weight by this share of the learning rate at each update."),
        *_BETAS,
        _epsilon(1e-8),
    ),
    callee="AdamW",
    arguments=_adam,
    state=lambda values: 2,
    fused=("cpu", "cuda", "mps"),
)

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
        _learning_rate(0.001),
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
        _weight_decay(),
        _epsilon(1e-8),
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
        _learning_rate(0.01),
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
        _weight_decay(),
        _epsilon(1e-10),
    ),
    callee="Adagrad",
    arguments=_adagrad,
    state=lambda values: 1,
    fused=("cpu",),
)

OPTIMIZERS: Registry[OptimizerSpec] = Registry(OptimizerSpec)
for _spec in (SGD, ADAM, ADAMW, RMSPROP, ADAGRAD):
    OPTIMIZERS.add(_spec)


def registry() -> Registry[OptimizerSpec]:
    """Return all optimizers by key, the usual ones first."""
    return OPTIMIZERS


def find(setting: Setting) -> tuple[OptimizerSpec, dict[str, Any]]:
    """Return the declaration that `setting` picks and its resolved values.

    Raises:
        NetbuilderError: When there is no such optimizer or a value is not accepted.
    """
    return find_choice(OPTIMIZERS, setting, "optimizer")


def make(setting: Setting, groups: Iterable[Mapping[str, Any]]) -> torch.optim.Optimizer:
    """Build the optimizer for parameter groups, fused where the device supports it.

    Args:
        setting: Which optimizer, with which values.
        groups: torch's parameter groups: "params" and whatever differs from the setting ("lr", "weight_decay").

    Raises:
        NetbuilderError: When the setting is not accepted.
    """
    import torch

    spec, values = find(setting)
    groups = [dict(group) for group in groups]
    kinds = {(p.device.type, p.is_floating_point()) for group in groups for p in group["params"]}
    fused = bool(kinds) and all(kind in spec.fused and is_float for kind, is_float in kinds)
    options = {"fused": True} if fused else {}
    optimizer: torch.optim.Optimizer = getattr(torch.optim, spec.callee)(groups, **spec.arguments(values), **options)
    return optimizer


def source(setting: Setting, parameters: str = "parameters", *, fused: bool = False) -> str:
    """Return the Python expression that makes the optimizer, e.g. ``torch.optim.Adam(parameters, lr=0.001)``.

    Arguments that equal torch's own default are left out.

    Args:
        setting: Which optimizer, with which values.
        parameters: The expression for the parameters or parameter groups.
        fused: Add ``fused=True``, which the session uses on the devices named in `OptimizerSpec.fused`.

    Raises:
        NetbuilderError: When the setting is not accepted.
    """
    import torch

    spec, values = find(setting)
    signature = inspect.signature(getattr(torch.optim, spec.callee)).parameters
    shown = {
        name: value
        for name, value in spec.arguments(values).items()
        if name == "lr" or signature[name].default != value
    }
    if fused and spec.fused:
        shown["fused"] = True
    return (
        f"torch.optim.{spec.callee}({', '.join([parameters, *(f'{name}={value!r}' for name, value in shown.items())])})"
    )
