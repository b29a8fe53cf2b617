"""A learning rate that is too high: the loss is above where it began, or jumps up and down around it."""

from __future__ import annotations

from typing import Final

from netbuilder.foundation.declaration import Reference
from netbuilder.insight import fixes
from netbuilder.insight.finding import Evidence, Finding, written
from netbuilder.insight.record import Record
from netbuilder.insight.rule import Findings, Held, Rule

ABOVE: Final = 1.5
"""So many times its start the loss has diverged. Smith (2017) ends a range test at four times the least loss; compared
with the start, a milder factor says the same."""

SWING: Final = 0.75
"""The distance between the 10th and the 90th of a hundred losses, as a part of the loss at the start, from which on it
is no longer the batches' noise; our choice, with a margin to all templates."""

MILDER: Final = 0.8
"""Once shown, it stays until the values are below this part of the limits."""

STEPS: Final = 50
"""So many losses count."""


def judge(record: Record, held: Held) -> Findings:
    """Look whether the last losses are above the first ones, or swing far."""
    values, start, now = record.values("loss/train"), record.start_loss, record.loss_now
    if values is None or len(values) < STEPS + 5 or start is None or now is None or start <= 0:
        return
    recent = sorted(values[-STEPS:].tolist())
    swing = recent[STEPS * 9 // 10] - recent[STEPS // 10]
    ease = MILDER if "" in held else 1.0
    if now > ABOVE * ease * start:
        what = f"The loss is {written(now / start)} times what it was at the start."
    elif swing > SWING * ease * start and now > 0.3 * start:
        what = f"The loss swings by {written(swing)} from batch to batch and does not settle."
    else:
        return
    first, last = record.steps_of("loss/train", 500)
    rate = record.rate or record.set_rate
    yield Finding(
        rule=RATE_TOO_HIGH.key,
        title=RATE_TOO_HIGH.title,
        message=f"{what} Updates overshoot: the learning rate {written(rate)} is too high for this network.",
        evidence=Evidence(
            numbers=(
                ("loss at the start", written(start)),
                ("loss now", written(now)),
                ("swing", written(swing)),
                ("learning rate", written(rate)),
            ),
            series="loss/train",
            first=first,
            last=last,
            limit=ABOVE * start,
        ),
        fixes=fixes.kept(
            fixes.lower_rate(record.document),
            fixes.clip(record.document),
        ),
    )


RATE_TOO_HIGH = Rule(
    key="rate_too_high",
    title="Learning rate too high",
    summary="The loss diverges or jumps.",
    help="Each update goes beyond the bottom of the valley it aims at, so that the loss rises instead of falling. The "
    "learning-rate finder shows up to where it falls.",
    reference=Reference(
        title="Smith: Cyclical learning rates for training neural networks (2017)",
        url="https://arxiv.org/abs/1506.01186",
    ),
    judge=judge,
    looks=2,
)
