"""A bad initial loss: before any update it is far from what guessing gives."""

from __future__ import annotations

import math
from typing import Final

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.problem import Fix, Severity
from netbuilder.insight import fixes
from netbuilder.insight.facts import Judge
from netbuilder.insight.finding import Evidence, Finding, written
from netbuilder.insight.record import Record
from netbuilder.insight.rule import Findings, Held, Rule
from netbuilder.layers.spec import Task

ABOVE: Final = 2.0
"""So many times what guessing gives the first loss may be. Karpathy's recipe asks for equality; fresh weights spread
the scores a little, which costs some tenths."""

ABOVE_SPREAD: Final = 10.0
"""The same for squared errors, in variances of a normalized target."""


def judge(record: Record, held: Held) -> Findings:
    """Compare the first batch's loss with what guessing gives, where that is known."""
    if record.document.plan.weights is not None:
        return  # weights that were trained begin below what guessing gives
    for loss in record.facts.losses:
        chance = chance_loss(loss)
        first = _first(record, loss)
        if chance is None or first is None or not math.isfinite(first):
            continue
        limit = chance * (ABOVE if loss.task is not Task.REGRESSION else ABOVE_SPREAD)
        if first <= limit:
            continue
        yield Finding(
            rule=INITIAL_LOSS.key,
            title=INITIAL_LOSS.title,
            message=(
                f"The loss of the first batch is {written(first)}, and guessing gives {written(chance)}: fresh "
                "weights are sure of wrong answers, and the first steps go into unlearning that."
            ),
            node=loss.path,
            severity=Severity.ADVICE,
            evidence=Evidence(
                numbers=(("first loss", written(first)), ("guessing", written(chance))),
                series="loss/train",
                first=1,
                last=min(record.step, 200),
                limit=chance,
            ),
            fixes=fixes.kept(
                fixes.normalize_data(record.document, record.facts, target=True)
                if loss.task is Task.REGRESSION
                else None,
                fixes.normalize_data(record.document, record.facts),
                _smaller(record),
            ),
        )


def chance_loss(loss: Judge) -> float | None:
    """Return the loss of guessing without looking: ln(classes), ln 2 for yes or no, the variance (1 when normalized).

    Returns:
        None for losses of which it is not known.
    """
    if loss.type in ("cross_entropy", "nll_loss") and loss.classes > 1:
        return math.log(loss.classes)
    if loss.type in ("bce_with_logits", "bce_loss"):
        return math.log(2)
    return 1.0 if loss.type == "mse_loss" else None


def _first(record: Record, loss: Judge) -> float | None:
    if len(record.facts.losses) == 1:
        return record.first_loss
    curve = record.series.get(f"{loss.label}.loss/train")
    return float(curve.values[0]) if curve is not None and len(curve.values) else None


def _smaller(record: Record) -> Fix | None:
    last = [layer.path for layer in record.facts.trained if layer.feeds_loss]
    return fixes.set_values(record.document, last, "Draw the last layer's weights small", initializer="normal")


INITIAL_LOSS = Rule(
    key="initial_loss",
    title="Bad initial loss",
    summary="The first loss is far above what guessing gives.",
    help="A network that knows nothing should say so: with ten classes, a tenth for each, which gives a loss of ln 10. "
    "Inputs that are not normalized, or large last weights, make it sure of itself instead.",
    reference=Reference(
        title="Karpathy: A recipe for training neural networks (2019)",
        url="https://karpathy.github.io/2019/04/25/recipe/",
    ),
    judge=judge,
    looks=1,
)
