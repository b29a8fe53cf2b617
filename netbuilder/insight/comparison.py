"""Trying a fix: short runs with and without it, from the same weights, on the same batches, with several seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from netbuilder.document.model import Document
from netbuilder.foundation.job import Job
from netbuilder.insight.bench import Bench, bench
from netbuilder.insight.order import Order
from netbuilder.training.validation import evaluate

STEPS: Final = 200
"""Steps of each short run."""

SEEDS: Final = 4
"""So many runs each way: enough to see whether a difference is larger than what batches make."""

SURE: Final = 3.182
"""A difference is more than noise when its mean is so many standard errors from 0: Student's t at 95 % for four pairs
(three degrees of freedom)."""

SLIGHT: Final = 0.01
"""A change of a loss by less than this part is not worth a change of the network, however sure it is."""


_LEAST: Final = 1e-9  # losses below this, or below 0, are compared as if they were this


class Outcome(StrEnum):
    """What a comparison came to."""

    BETTER = "better"
    WORSE = "worse"
    NOISE = "noise"  # the difference is within what seeds make


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """The runs one way.

    Attributes:
        losses: One tuple of training losses a seed, by step; shorter where something was not finite.
        scores: One loss on the validation rows a seed, after the last step; infinite where training broke down.
    """

    losses: tuple[tuple[float, ...], ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both ways.

    Attributes:
        without: The runs of the document as it is.
        with_fix: The runs of the document with the fix.
        begins_at: The step of the run whose weights they began with; None for fresh ones, drawn anew for each seed.
        validated: Whether the scores are of validation rows; else of the last training losses.
    """

    without: Arm
    with_fix: Arm
    begins_at: int | None = None
    validated: bool = True

    @property
    def change(self) -> float:
        """By which part the fix changes the score, below 0 where it is better: the geometric mean over the seeds."""
        mean, _ = self._logarithms
        return math.exp(mean) - 1 if mean < 700 else math.inf

    @property
    def _logarithms(self) -> tuple[float, float]:
        """The mean of ln(score with / score without) over the seeds, and its standard error.

        Losses are compared by their ratio: what seeds make of a loss grows with it.
        """
        pairs = zip(self.without.scores, self.with_fix.scores, strict=True)
        ratios = [math.log(max(b, _LEAST) / max(a, _LEAST)) for a, b in pairs if math.isfinite(a) and math.isfinite(b)]
        if not ratios:
            return 0.0, math.inf
        mean = math.fsum(ratios) / len(ratios)
        if len(ratios) < 2:
            return mean, math.inf
        spread = math.fsum((each - mean) ** 2 for each in ratios) / (len(ratios) - 1)
        return mean, math.sqrt(spread / len(ratios))

    @property
    def outcome(self) -> Outcome:
        """Whether the fix is better, worse, or neither beyond noise."""
        broken, mended = (sum(not math.isfinite(each) for each in arm.scores) for arm in (self.without, self.with_fix))
        if broken != mended:
            return Outcome.BETTER if mended < broken else Outcome.WORSE
        mean, error = self._logarithms
        if abs(mean) <= SURE * error or abs(self.change) < SLIGHT:
            return Outcome.NOISE
        return Outcome.BETTER if mean < 0 else Outcome.WORSE


def compare(order: Order, fixed: Document, job: Job, steps: int = STEPS, seeds: int = SEEDS) -> Comparison:
    """Train shortly with and without a fix. No run's weights are changed.

    Both ways begin with the same weights (moved to where they belong in a network that the fix changed) and with
    optimizers that remember nothing, and see the same batches.

    Args:
        order: Of what; its document is the one without the fix.
        fixed: The document with the fix.
        job: Told how far it is.
        steps: Of each run.
        seeds: How many runs each way.

    Raises:
        NetbuilderError: When a network cannot be built.
        Cancelled: When the job was.
    """
    arms: list[list[tuple[tuple[float, ...], float, bool]]] = [[], []]
    begins_at = None
    trained = order.trained or order.document
    for number in range(seeds):
        seed = order.document.plan.seed + number
        for way, document in enumerate((order.document, fixed)):
            done = (2 * number + way) / (2 * seeds)
            job.report(done, f"{'With' if way else 'Without'} the change, seed {number + 1} of {seeds}")
            with bench(replace(order, document=document, trained=trained), job, seed=seed) as made:
                begins_at = made.begins_at
                losses = made.losses(steps, seed, job, (done, done + 1 / (2 * seeds)))
                score, validated = _score(made, losses, steps, job)
                arms[way].append((tuple(losses), score, validated))
    without, with_fix = (
        Arm(losses=tuple(each[0] for each in arm), scores=tuple(each[1] for each in arm)) for arm in arms
    )
    validated = all(each[2] for arm in arms for each in arm)
    return Comparison(without=without, with_fix=with_fix, begins_at=begins_at, validated=validated)


def _score(made: Bench, losses: Sequence[float], steps: int, job: Job) -> tuple[float, bool]:
    part = made.trainer.parts["validation"]
    if len(losses) < steps:
        return math.inf, bool(part.rows)
    if part.rows:
        loss = evaluate(made.network, part, job, {}).metrics["loss"]
        return (loss if math.isfinite(loss) else math.inf), True
    last = losses[-max(steps // 5, 1) :]
    return math.fsum(last) / len(last), False
