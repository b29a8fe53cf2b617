"""Learning-rate schedules: pure functions of (step, total) that give what the learning rate is multiplied by.

The session calls the functions, an exporter copies their text (`source`) and the call (`call`); both use the same
function object, hence the same numbers. They use nothing but `math`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netbuilder.document.model import Setting
from netbuilder.foundation.declaration import Declaration, Reference, Registry
from netbuilder.foundation.parameter import Kind, Parameter
from netbuilder.training.settings import find_choice


def constant(step: int, total: int) -> float:
    """Return the learning rate's factor: always 1."""
    return 1.0


def warmup(step: int, total: int, percent: float = 10.0) -> float:
    """Return the learning rate's factor: a straight rise over the first `percent` of the run, then 1."""
    rise = round(total * percent / 100)
    return min(1.0, (step + 1) / (rise + 1))


def step_decay(step: int, total: int, drops: int = 2, gamma: float = 0.1, percent: float = 0.0) -> float:
    """Return the learning rate's factor: times `gamma` at each of `drops` evenly spaced moments, after a warm-up."""
    rise = round(total * percent / 100)
    if step < rise:
        return (step + 1) / (rise + 1)
    return float(gamma ** min(drops, (step - rise) * (drops + 1) // max(1, total - rise)))


def cosine(step: int, total: int, minimum: float = 0.0, percent: float = 0.0) -> float:
    """Return the learning rate's factor: half a cosine from 1 down to `minimum`, after a warm-up."""
    rise = round(total * percent / 100)
    if step < rise:
        return (step + 1) / (rise + 1)
    done = min(1.0, (step - rise) / max(1, total - rise))
    return minimum + (1 - minimum) * (1 + math.cos(math.pi * done)) / 2


def one_cycle(step: int, total: int, percent: float = 30.0, start: float = 0.04, end: float = 0.0001) -> float:
    """Return the learning rate's factor: a cosine rise from `start` over `percent` of the run, then a fall to `end`."""
    peak = total * percent / 100
    if step < peak:
        return start + (1 - start) * (1 - math.cos(math.pi * step / peak)) / 2
    done = min(1.0, (step - peak) / max(1.0, total - peak))
    return end + (1 - end) * (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True, kw_only=True)
class ScheduleSpec(Declaration):
    """A schedule.

    Attributes:
        factor: (step, total, **values) -> what the learning rate is multiplied by at this step; steps count from 0.
    """

    factor: Callable[..., float]


def _percent(title: str, default: float, help: str) -> Parameter:
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


_WARMUP = _percent(
    "Warm-up", 0.0, "The rate first rises in a straight line over this part of the run; 0 starts at full rate."
)

CONSTANT = ScheduleSpec(
    key="constant",
    title="Constant",
    summary="The same learning rate throughout.",
    help="Keeps the learning rate as it is set. Easy to understand; a falling rate often ends a little better.",
    factor=constant,
)

WARMUP = ScheduleSpec(
    key="warmup",
    title="Warm-up",
    summary="Rises in a straight line, then stays.",
    help=(
        "Starts with small steps while the optimizer's running means settle. Helps transformers and large "
        "learning rates."
    ),
    reference=Reference(
        title="Goyal et al. 2017, Accurate, large minibatch SGD", url="https://arxiv.org/abs/1706.02677"
    ),
    keywords=("warm up", "linear"),
    parameters=(_percent("Warm-up", 10.0, "The part of the run over which the rate rises to its full value."),),
    factor=warmup,
)

STEP = ScheduleSpec(
    key="step",
    title="Step",
    summary="Drops by a factor at evenly spaced moments.",
    help="Multiplies the learning rate by the factor a few times during the run: large steps first, fine ones later.",
    keywords=("decay", "drop", "warm-up"),
    parameters=(
        Parameter(
            name="drops",
            title="Drops",
            kind=Kind.INT,
            default=2,
            minimum=1,
            maximum=1000,
            help="How many times the rate drops, evenly spaced over the run.",
        ),
        Parameter(
            name="gamma",
            title="Factor",
            kind=Kind.FLOAT,
            default=0.1,
            minimum=0.0,
            maximum=1.0,
            logarithmic=True,
            help="What each drop multiplies the rate by.",
        ),
        _WARMUP,
    ),
    factor=step_decay,
)

COSINE = ScheduleSpec(
    key="cosine",
    title="Cosine",
    summary="Falls smoothly to nearly nothing.",
    help="Half a cosine from the full rate to the final one: slow at first, fast in the middle, gentle at the end.",
    formula=r"m + (1 - m) \frac{1 + \cos \pi t}{2}",
    reference=Reference(
        title="Loshchilov and Hutter 2017, SGDR: Stochastic gradient descent with warm restarts",
        url="https://arxiv.org/abs/1608.03983",
    ),
    keywords=("annealing", "warm-up"),
    parameters=(
        Parameter(
            name="minimum",
            title="Final rate",
            kind=Kind.FLOAT,
            default=0.0,
            minimum=0.0,
            maximum=1.0,
            help="What part of the learning rate is left at the end.",
        ),
        _WARMUP,
    ),
    factor=cosine,
)

ONE_CYCLE = ScheduleSpec(
    key="one_cycle",
    title="One cycle",
    summary="Up to the full rate, then down to almost zero.",
    help=(
        "Rises to a high learning rate and falls again within one run. Often trains in fewer epochs, with the"
        " rate set higher than usual."
    ),
    reference=Reference(title="Smith and Topin 2018, Super-convergence", url="https://arxiv.org/abs/1708.07120"),
    keywords=("1cycle", "super-convergence", "warm-up"),
    parameters=(
        _percent("Rise", 30.0, "The part of the run over which the rate rises."),
        Parameter(
            name="start",
            title="Rate at the start",
            kind=Kind.FLOAT,
            default=0.04,
            minimum=0.0,
            maximum=1.0,
            advanced=True,
            help="What part of the learning rate the run starts with.",
        ),
        Parameter(
            name="end",
            title="Rate at the end",
            kind=Kind.FLOAT,
            default=0.0001,
            minimum=0.0,
            maximum=1.0,
            logarithmic=True,
            advanced=True,
            help="What part of the learning rate is left at the end.",
        ),
    ),
    factor=one_cycle,
)

SCHEDULES: Registry[ScheduleSpec] = Registry(ScheduleSpec)
for _spec in (CONSTANT, WARMUP, STEP, COSINE, ONE_CYCLE):
    SCHEDULES.add(_spec)


def registry() -> Registry[ScheduleSpec]:
    """Return all schedules by key."""
    return SCHEDULES


def find(setting: Setting) -> tuple[ScheduleSpec, dict[str, Any]]:
    """Return the declaration that `setting` picks and its resolved values.

    Raises:
        NetbuilderError: When there is no such schedule or a value is not accepted.
    """
    return find_choice(SCHEDULES, setting, "schedule")


def factor(setting: Setting, step: int, total: int) -> float:
    """Return what the learning rate is multiplied by at `step` (from 0) of a run of `total` steps."""
    spec, values = find(setting)
    return spec.factor(step, total, **values)


def source(setting: Setting) -> str:
    """Return the text of the schedule's function, for an exported loop that has imported `math`."""
    return inspect.getsource(find(setting)[0].factor)


def call(setting: Setting, step: str = "step", total: str = "total") -> str:
    """Return the Python expression that calls the function of `source`, e.g. ``cosine(step, total, minimum=0.1)``."""
    spec, values = find(setting)
    signature = inspect.signature(spec.factor).parameters
    shown = [f"{name}={value!r}" for name, value in values.items() if signature[name].default != value]
    return f"{spec.factor.__name__}({', '.join([step, total, *shown])})"
