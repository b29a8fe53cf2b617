"""Learning-rate schedules: the registry, and what the session and an exporter need of them.

The session calls the functions of `schedule_factors`, an exporter copies their text (`source`) and the call (`call`);
both use the same function object, hence the same numbers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from netbuilder.document.model import Setting
from netbuilder.foundation.declaration import Registry
from netbuilder.foundation.parameter import Values
from netbuilder.training.schedule_spec import ScheduleSpec
from netbuilder.training.schedules_cycling import COSINE_RESTARTS, ONE_CYCLE, TRIANGULAR
from netbuilder.training.schedules_falling import COSINE, EXPONENTIAL, INVERSE_SQRT, LINEAR, POLYNOMIAL
from netbuilder.training.schedules_stepped import CONSTANT, MULTI_STEP, PLATEAU, STEP, WARMUP
from netbuilder.training.settings import find_choice

SCHEDULES: Registry[ScheduleSpec] = Registry(ScheduleSpec)
for _spec in (
    CONSTANT,
    WARMUP,
    STEP,
    MULTI_STEP,
    EXPONENTIAL,
    LINEAR,
    POLYNOMIAL,
    COSINE,
    COSINE_RESTARTS,
    ONE_CYCLE,
    TRIANGULAR,
    INVERSE_SQRT,
    PLATEAU,
):
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


def factor(setting: Setting, step: int, total: int, losses: Sequence[float] = ()) -> float:
    """Return what the learning rate is multiplied by at `step` (from 0) of a run of `total` steps.

    Args:
        setting: Which schedule, with which values.
        step: The step, from 0.
        total: Steps in the whole run.
        losses: The loss after each epoch so far, for schedules that watch it.

    Raises:
        NetbuilderError: When the setting is not accepted.
    """
    spec, values = find(setting)
    course = choose(spec.factor, values)
    if spec.drops:
        course["drops"] = spec.drops(losses, **choose(spec.drops, values))
    return spec.factor(step, total, **course)


def choose(function: Callable[..., object], values: Values) -> dict[str, Any]:
    """Return the values that a function of a schedule takes."""
    taken = inspect.signature(function).parameters
    return {name: value for name, value in values.items() if name in taken}


def source(setting: Setting) -> str:
    """Return the text of the schedule's functions, for an exported loop that has imported `math` and `Sequence`."""
    spec, _ = find(setting)
    return "\n\n".join(inspect.getsource(function) for function in (spec.factor, spec.drops) if function)


def call(setting: Setting, step: str = "step", total: str = "total", drops: str = "drops") -> str:
    """Return the Python expression that calls the function of `source`, e.g. ``cosine(step, total, minimum=0.1)``.

    Args:
        setting: Which schedule, with which values.
        step: The expression for the step, from 0.
        total: The expression for the steps in the whole run.
        drops: The expression for how often the rate has dropped (`call_drops`), for schedules that watch the loss.
    """
    spec, values = find(setting)
    arguments = [step, total, *([f"drops={drops}"] if spec.drops else [])]
    return _call(spec.factor, arguments, values)


def call_drops(setting: Setting, losses: str = "losses") -> str:
    """Return the expression for how often the rate has dropped; "" for schedules that know their course beforehand."""
    spec, values = find(setting)
    return _call(spec.drops, [losses], values) if spec.drops else ""


def _call(function: Callable[..., object], arguments: list[str], values: Values) -> str:
    signature = inspect.signature(function).parameters
    shown = [
        f"{name}={value!r}" for name, value in choose(function, values).items() if signature[name].default != value
    ]
    return f"{function.__name__}({', '.join([*arguments, *shown])})"
