"""No progress: after many steps the loss is where it was, though the updates are large enough."""

from __future__ import annotations

from typing import Final

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.problem import Fix
from netbuilder.insight import fixes
from netbuilder.insight.finding import Evidence, Finding, written
from netbuilder.insight.record import Record
from netbuilder.insight.rule import Findings, Held, Rule
from netbuilder.insight.rules.rate_too_low import TINY
from netbuilder.insight.update_size import find_largest

FALLEN: Final = 0.02
"""A loss that has fallen by less than this part of its start has not fallen: SageMaker Debugger's LossNotDecreasing
asks for a fall of 0.1 % each 10 steps."""

MILDER: Final = 0.05
"""Once shown, it stays until the loss has fallen by more than this."""

STEPS: Final = 100
"""Before so many steps, and before one epoch is over, nothing is said."""


def judge(record: Record, held: Held) -> Findings:
    """Compare the loss now with the loss at the start."""
    start, now = record.start_loss, record.loss_now
    if start is None or now is None or record.step < max(STEPS, record.steps_per_epoch):
        return
    if not start * (1 - (MILDER if "" in held else FALLEN)) < now <= start * 1.5:
        return
    found = yield from find_largest(record)
    if found is not None and found[0] < TINY:
        return  # said by the rule of learning rates that are too low
    first, last = record.steps_of("loss/train")
    yield Finding(
        rule=NO_PROGRESS.key,
        title=NO_PROGRESS.title,
        message=(
            f"After {record.step:,} steps the loss is {written(now)}, and it began at {written(start)}: the network "
            "has learned nothing so far."
        ),
        evidence=Evidence(
            numbers=(("loss at the start", written(start)), ("loss now", written(now)), ("steps", f"{record.step:,}")),
            series="loss/train",
            first=first,
            last=last,
            limit=start * (1 - FALLEN),
        ),
        fixes=fixes.kept(
            _draw(record),
            fixes.normalize_data(record.document, record.facts),
            fixes.use_optimizer(record.document, "adam", 1e-3),
            fixes.lower_rate(record.document),
            fixes.raise_rate(record.document),
        ),
    )


def _draw(record: Record) -> Fix | None:
    """Draw weights that begin at 0, where all units of a layer stay alike and those before get no gradient."""
    zero = [
        layer.path
        for layer in record.facts.trained
        if (node := fixes.place_of(record.document, layer.path)[1]) and node.parameters.get("initializer") == "zeros"
    ]
    return fixes.set_values(record.document, zero, "Draw the weights that begin at 0", initializer="default")


NO_PROGRESS = Rule(
    key="no_progress",
    title="No progress",
    summary="The loss is where it was at the start.",
    help="Either nothing that the network is given tells what it should say (labels that belong to other rows), or the "
    "gradient does not reach what could learn it. The check before training tries a single batch, which tells both "
    "apart.",
    reference=Reference(
        title="Amazon SageMaker Debugger: LossNotDecreasing",
        url="https://docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html",
    ),
    judge=judge,
)
