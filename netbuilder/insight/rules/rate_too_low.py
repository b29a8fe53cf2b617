"""A learning rate that is too low: the loss creeps, and the updates are tiny beside the weights."""

from __future__ import annotations

from typing import Final

from netbuilder.foundation.declaration import Reference
from netbuilder.insight import fixes
from netbuilder.insight.finding import Evidence, Finding, written
from netbuilder.insight.record import Record
from netbuilder.insight.rule import Findings, Held, Rule
from netbuilder.insight.update_size import find_largest

TINY: Final = 3e-5
"""An update changes weights by about a thousandth in a good training (Karpathy, CS231n); this is 1.5 decades less."""

MILDER: Final = 1e-4
"""Once shown, it stays until updates are larger than this."""

LEARNED: Final = 0.1
"""Who has lowered the loss by this part of its start is getting on; our choice."""

STEPS: Final = 60
"""Before so many steps nothing is said."""


def judge(record: Record, held: Held) -> Findings:
    """Look whether the loss is about where it began, and how large updates are beside the weights."""
    start, now = record.start_loss, record.loss_now
    if start is None or now is None or record.step < STEPS:
        return
    if not start * (1 - LEARNED) < now <= start * 1.1:
        return
    found = yield from find_largest(record)
    if found is None:
        return
    largest, layer = found
    if largest > (MILDER if "" in held else TINY):
        return
    first, last = record.steps_of("loss/train")
    yield Finding(
        rule=RATE_TOO_LOW.key,
        title=RATE_TOO_LOW.title,
        message=(
            f"After {record.step:,} steps the loss is {now / start:.0%} of what it was, and no layer's weights change "
            f"by more than {written(largest)} of their size a step: a thousandth is usual."
        ),
        evidence=Evidence(
            numbers=(
                ("loss", f"{written(start)} → {written(now)}"),
                (f"update to weight, {layer.label}", written(largest)),
                ("learning rate", written(record.rate or record.set_rate)),
            ),
            series="loss/train",
            first=first,
            last=last,
        ),
        fixes=fixes.kept(
            fixes.raise_rate(record.document),
            fixes.use_optimizer(record.document, "adam", 1e-3) if record.set_rate < 1e-3 else None,
        ),
    )


RATE_TOO_LOW = Rule(
    key="rate_too_low",
    title="Learning rate too low",
    summary="The loss creeps, and updates are tiny.",
    help="Weights that change by a hundred-thousandth of their size a step need a hundred times as many steps. The "
    "learning-rate finder shows where learning begins.",
    reference=Reference(
        title="Karpathy: CS231n, ratio of weights to updates", url="https://cs231n.github.io/neural-networks-3/#ratio"
    ),
    judge=judge,
)
