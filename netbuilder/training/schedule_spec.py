"""What a schedule's declaration is made of, and the parameters that several of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.parameter import Kind, Parameter


@dataclass(frozen=True, kw_only=True)
class ScheduleSpec(Declaration):
    """A schedule.

    Attributes:
        factor: (step, total, **values) -> what the learning rate is multiplied by at this step; steps count from 0.
        drops: (losses, **values) -> how often the rate has dropped, given the loss after each epoch so far; `factor`
            takes it as `drops`. None for schedules that know their course beforehand.
    """

    factor: Callable[..., float]
    drops: Callable[..., int] | None = None


def percent(title: str, default: float, help: str) -> Parameter:
    """Return the declaration of a part of the run."""
    return Parameter(
        name="percent",
        title=title,
        kind=Kind.FLOAT,
        default=default,
        minimum=0.0,
        maximum=100.0,
        unit="% of the run",
        help=help,
    )


WARM_UP = percent(
    "Warm-up", 0.0, "The rate first rises in a straight line over this part of the run; 0 starts at full rate."
)


def end(name: str, default: float, minimum: float = 0.0) -> Parameter:
    """Return the declaration of what is left of the rate at the end."""
    return Parameter(
        name=name,
        title="Final rate",
        kind=Kind.FLOAT,
        default=default,
        minimum=minimum,
        maximum=1.0,
        help="What part of the learning rate is left at the end.",
    )


def gamma() -> Parameter:
    """Return the declaration of what a drop multiplies the rate by."""
    return Parameter(
        name="gamma",
        title="Factor",
        kind=Kind.FLOAT,
        default=0.1,
        minimum=0.0,
        maximum=1.0,
        logarithmic=True,
        help="What each drop multiplies the rate by.",
    )


def cycles(default: int) -> Parameter:
    """Return the declaration of how many cycles there are."""
    return Parameter(
        name="cycles",
        title="Cycles",
        kind=Kind.INT,
        default=default,
        minimum=1,
        maximum=1000,
        help="How many there are in the run.",
    )
