"""Class collapse: the network answers with one class, whatever it is shown."""

from __future__ import annotations

from typing import Final

from netbuilder.foundation.declaration import Reference
from netbuilder.insight import fixes
from netbuilder.insight.finding import Evidence, Finding, written
from netbuilder.insight.record import Record
from netbuilder.insight.rule import Findings, Held, Rule

SHARE: Final = 0.97
"""The part of all answers that one class may have; our choice."""

MILDER: Final = 0.9
"""Once shown, it stays until the class has less than this."""

TRUTH: Final = 0.85
"""Where so many rows are of that class, the answers are no surprise: that is imbalance."""

EPOCHS: Final = 2
STEPS: Final = 50
"""Before so many epochs, and so many steps, nothing is said: many networks begin like that."""


def judge(record: Record, held: Held) -> Findings:
    """Look how the answers of the last validation are spread over the classes."""
    counts = record.confusion
    if counts is None or record.epoch < EPOCHS or record.step < STEPS or counts.shape[0] < 2:
        return
    total = int(counts.sum())
    answers, truth = counts.sum(axis=0), counts.sum(axis=1)
    chosen = int(answers.argmax())
    if not total or answers[chosen] < total * (MILDER if "" in held else SHARE) or truth[chosen] > TRUTH * total:
        return
    name = record.classes[chosen] if chosen < len(record.classes) else str(chosen)
    yield Finding(
        rule=CLASS_COLLAPSE.key,
        title=CLASS_COLLAPSE.title,
        message=(
            f"{answers[chosen] / total:.0%} of the answers to the validation rows are {name!r}, and "
            f"{truth[chosen] / total:.0%} should be."
        ),
        evidence=Evidence(
            numbers=(
                (f"answered {name}", f"{answers[chosen]:,} of {total:,}"),
                (f"are {name}", f"{truth[chosen]:,} of {total:,}"),
                ("learning rate", written(record.rate or record.set_rate)),
            ),
            series="loss/validation",
            last=record.step,
        ),
        fixes=fixes.kept(
            fixes.lower_rate(record.document),
            fixes.normalize_data(record.document, record.facts),
            fixes.use_optimizer(record.document, "adam", 1e-3),
        ),
    )


CLASS_COLLAPSE = Rule(
    key="class_collapse",
    title="One class for all",
    summary="The network answers with the same class to everything.",
    help="It has found the answer that is right most often and does not look at its input. Dead or saturated layers, a "
    "learning rate that is too high, and labels that have nothing to do with the input end like that.",
    reference=Reference(title="He, Garcia: Learning from imbalanced data (2009)"),
    judge=judge,
    looks=2,
    quiet=2,
)
