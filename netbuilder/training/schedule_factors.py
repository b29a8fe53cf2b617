"""The functions behind the learning-rate schedules: what the rate is multiplied by at each step.

Each is a pure function of (step, total) and its schedule's values, uses nothing but `math`, and stands alone: an
exported loop carries a copy of its text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


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


def multi_step(
    step: int, total: int, milestones: Sequence[int] = (50, 75), gamma: float = 0.1, percent: float = 0.0
) -> float:
    """Return the learning rate's factor: times `gamma` at each of `milestones` (in percent), after a warm-up."""
    rise = round(total * percent / 100)
    if step < rise:
        return (step + 1) / (rise + 1)
    return float(gamma ** sum(step >= total * milestone / 100 for milestone in milestones))


def exponential(step: int, total: int, end: float = 0.01, percent: float = 0.0) -> float:
    """Return the learning rate's factor: the same share off at every step, from 1 down to `end`, after a warm-up."""
    rise = round(total * percent / 100)
    if step < rise:
        return (step + 1) / (rise + 1)
    return float(end ** min(1.0, (step - rise) / max(1, total - rise)))


def linear(step: int, total: int, end: float = 0.0, percent: float = 0.0) -> float:
    """Return the learning rate's factor: a straight line from 1 down to `end`, after a warm-up."""
    rise = round(total * percent / 100)
    if step < rise:
        return (step + 1) / (rise + 1)
    return 1 + (end - 1) * min(1.0, (step - rise) / max(1, total - rise))


def polynomial(step: int, total: int, power: float = 2.0, end: float = 0.0, percent: float = 0.0) -> float:
    """Return the learning rate's factor: (1 - done) to the `power`, from 1 down to `end`, after a warm-up."""
    rise = round(total * percent / 100)
    if step < rise:
        return (step + 1) / (rise + 1)
    left = 1 - min(1.0, (step - rise) / max(1, total - rise))
    return float(end + (1 - end) * left**power)


def cosine_restarts(
    step: int, total: int, cycles: int = 3, growth: float = 1.0, minimum: float = 0.0, percent: float = 0.0
) -> float:
    """Return the learning rate's factor: half cosines, each `growth` times as long as the last, after a warm-up."""
    rise = round(total * percent / 100)
    if step < rise:
        return (step + 1) / (rise + 1)
    # Beside the longest cycle, so that none is too long for a number; what is too short for one is passed over.
    lengths = [growth ** (number - (cycles - 1 if growth > 1 else 0)) for number in range(cycles)]
    place = min(1.0, (step - rise) / max(1, total - rise)) * sum(lengths)
    for length in lengths[:-1]:
        if place < length:
            break
        place -= length
    else:
        length = lengths[-1]
    done = min(1.0, place / length) if length else 1.0
    return minimum + (1 - minimum) * (1 + math.cos(math.pi * done)) / 2


def triangular(
    step: int, total: int, cycles: int = 4, minimum: float = 0.1, decay: float = 1.0, percent: float = 0.0
) -> float:
    """Return the learning rate's factor: rises from `minimum` and falls, each peak `decay` times the last.

    A warm-up comes first.
    """
    rise = round(total * percent / 100)
    if step < rise:
        return minimum * (step + 1) / (rise + 1)
    place = min(1.0, (step - rise) / max(1, total - rise)) * cycles
    cycle = min(int(place), cycles - 1)
    return float(minimum + (1 - minimum) * (1 - abs(2 * (place - cycle) - 1)) * decay**cycle)


def inverse_sqrt(step: int, total: int, percent: float = 10.0) -> float:
    """Return the learning rate's factor: a straight rise over `percent` of the run, then 1 over a root."""
    rise = max(1, round(total * percent / 100))
    return min((step + 1) / rise, math.sqrt(rise / (step + 1)))


def plateau(
    step: int, total: int, drops: int = 0, gamma: float = 0.1, minimum: float = 0.0, percent: float = 0.0
) -> float:
    """Return the learning rate's factor: times `gamma` for each of `drops`, at least `minimum`, after a warm-up."""
    rise = round(total * percent / 100)
    if step < rise:
        return (step + 1) / (rise + 1)
    return float(max(minimum, gamma**drops))


def count_drops(losses: Sequence[float], patience: int = 5, threshold: float = 0.0001, cooldown: int = 0) -> int:
    """Return how often more than `patience` epochs in a row were no better than the best before them.

    Args:
        losses: The loss after each epoch so far.
        patience: Epochs that are waited for a better one.
        threshold: A better loss is smaller by more than this share of the best one's size; some losses fall below 0.
        cooldown: Epochs after a drop that do not count.
    """
    best, waited, resting, drops = math.inf, 0, 0, 0
    for loss in losses:
        if loss < min(best * (1 - threshold), best * (1 + threshold)):
            best, waited = loss, 0
        else:
            waited += 1
        if resting:
            resting, waited = resting - 1, 0
        if waited > patience:
            drops, waited, resting = drops + 1, 0, cooldown
    return drops
