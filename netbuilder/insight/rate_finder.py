"""The learning-rate finder: a short run in which the rate grows step by step, and the loss tells how far it may go.

After Smith (2017), "Cyclical learning rates for training neural networks", section 3.3, as Howard and Gugger made it
popular in fastai: rates at equal factors, a loss smoothed by a running average, the end where it explodes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from netbuilder.document.model import Setting
from netbuilder.foundation.job import Job
from netbuilder.insight.bench import bench
from netbuilder.insight.fixes import round_rate
from netbuilder.insight.order import Order
from netbuilder.training import optimizers

LOWEST: Final = 1e-7
HIGHEST: Final = 10.0
"""Between these the rate grows, as in fastai's `lr_find`."""

STEPS: Final = 120

SMOOTHING: Final = 0.9
"""How much of the running average each step keeps."""

EXPLODED: Final = 4.0
"""So many times its least value the smoothed loss ends the run: fastai's limit."""

_EDGE: Final = 8
"""Steps at the beginning whose average is not settled."""

_REACH: Final = 6
"""Steps on either side over which a slope is taken: what batches differ by is not taken for one."""

_FLAT: Final = 0.05
"""A loss that never falls by more than this part has no steepest place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCurve:
    """What a range test found.

    Attributes:
        rates: The learning rates, ascending.
        losses: The training loss at each.
        smoothed: The same, smoothed.
        steepest: The rate at which the smoothed loss falls fastest, for equal factors of the rate; None when it never
            falls.
        least: The rate at which it is least; None when it never falls.
        begins_at: The step of the run whose weights it began with; None for fresh ones.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    steepest: float | None = None
    least: float | None = None
    begins_at: int | None = None

    @property
    def suggestion(self) -> float | None:
        """A rate to train with: a tenth of the one at which the loss is least, where it still falls."""
        return round_rate(self.least / 10) if self.least is not None else None


def find_rate(order: Order, job: Job) -> RateCurve:
    """Try ever larger learning rates on the real network and data. No run's weights are changed.

    Args:
        order: Of what; several phases are stepped in turn, all at their share of the rate.
        job: Told how far it is.

    Raises:
        NetbuilderError: When the network cannot be built or trained.
        Cancelled: When the job was.
    """
    rates, losses = [], []
    plan = order.document.plan
    phases = tuple(
        replace(phase, schedule=Setting(key="constant"), optimizer=_moving(phase.optimizer)) for phase in plan.phases
    )
    order = replace(order, document=replace(order.document, plan=replace(plan, phases=phases)))
    with bench(order, job) as made:
        updaters = made.trainer.updaters
        first = updaters[0].base_rate
        shares = [[group["lr"] / first for group in each.optimizer.param_groups] for each in updaters]
        growth = (HIGHEST / LOWEST) ** (1 / (STEPS - 1))
        best = math.inf
        for number, batches in zip(range(STEPS), made.batches(plan.seed), strict=False):
            job.report(number / STEPS, "Trying learning rates")
            rate = LOWEST * growth**number
            for updater, groups in zip(updaters, shares, strict=True):
                for group, share in zip(updater.optimizer.param_groups, groups, strict=True):
                    group["lr"] = rate * share
            loss = made.step(batches)
            if loss is None or not math.isfinite(loss):
                break
            rates.append(rate)
            losses.append(loss)
            now = smooth(losses)[-1]
            best = min(best, now)
            if number > _EDGE and now - best > (EXPLODED - 1) * abs(best):  # some losses are below 0
                break
        return judge(rates, losses, made.begins_at)


def _moving(optimizer: Setting) -> Setting:
    """Return an optimizer whose learning rate is not 0: of nothing there is no share."""
    if optimizers.find(optimizer)[1]["learning_rate"]:
        return optimizer
    return replace(optimizer, values={**optimizer.values, "learning_rate": 1.0})


def judge(rates: Sequence[float], losses: Sequence[float], begins_at: int | None = None) -> RateCurve:
    """Find where a loss falls fastest and where it is least.

    Args:
        rates: The learning rates, ascending by equal factors.
        losses: The loss at each.
        begins_at: See `RateCurve`.
    """
    smoothed = smooth(losses)
    steepest = least = None
    inner = range(_EDGE, len(smoothed) - 1)
    if len(inner) > 2:
        lowest = min(inner, key=lambda place: smoothed[place])
        start = smoothed[_EDGE]
        if start - smoothed[lowest] > _FLAT * abs(start) and lowest > _EDGE + 1:
            slopes = {
                place: smoothed[min(place + _REACH, lowest)] - smoothed[max(place - _REACH, _EDGE)]
                for place in range(_EDGE + 1, lowest)
            }
            steepest = rates[min(slopes, key=lambda place: slopes[place])]
            least = rates[lowest]
    return RateCurve(
        rates=tuple(rates),
        losses=tuple(losses),
        smoothed=tuple(smoothed),
        steepest=steepest,
        least=least,
        begins_at=begins_at,
    )


def smooth(losses: Sequence[float]) -> list[float]:
    """Return the running average of losses, corrected for its beginning as Adam's are."""
    average, found = 0.0, []
    for number, loss in enumerate(losses, 1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        found.append(average / (1 - SMOOTHING**number))
    return found
