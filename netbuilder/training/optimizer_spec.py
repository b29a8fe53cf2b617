"""What an optimizer's declaration is made of, and the parameters that several of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.parameter import Kind, Parameter, Values


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec(Declaration):
    """An optimizer; its parameters always include `learning_rate`.

    Attributes:
        callee: The class's name in `torch.optim`.
        arguments: Resolved parameters -> keyword arguments of the class.
        state: Resolved parameters -> how many numbers it remembers of each weight, at most.
        fused: Device types on which torch updates all weights in one kernel.
    """

    callee: str
    arguments: Callable[[Values], Mapping[str, Any]]
    state: Callable[[Values], int]
    fused: tuple[str, ...] = ()


def learning_rate(default: float, help: str = "") -> Parameter:
    """Return the learning rate's declaration."""
    return Parameter(
        name="learning_rate",
        title="Learning rate",
        kind=Kind.FLOAT,
        default=default,
        minimum=0.0,
        maximum=1e12,
        logarithmic=True,
        help=help
        or (
            "How far each update moves the weights. Too high and the loss jumps or explodes, too low and learning"
            " crawls."
        ),
    )


def weight_decay(default: float = 0.0, help: str = "") -> Parameter:
    """Return the weight decay's declaration; without `help` it is an L2 penalty."""
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


MOMENTUM = Parameter(
    name="momentum",
    title="Momentum",
    kind=Kind.FLOAT,
    default=0.9,
    minimum=0.0,
    maximum=0.9999,
    help="How much of the last update is kept. Smooths the path; 0 turns it off.",
)

BETAS = (
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


def epsilon(default: float) -> Parameter:
    """Return the declaration of what is added to a divisor."""
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
