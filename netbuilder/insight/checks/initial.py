"""The initial loss: what fresh weights give beside what guessing gives."""

from __future__ import annotations

import torch

from netbuilder.foundation.declaration import Reference
from netbuilder.insight import fixes
from netbuilder.insight.check import Check, Result, Subject, Verdict
from netbuilder.insight.finding import written
from netbuilder.insight.rules.initial_loss import ABOVE, chance_loss
from netbuilder.layers.spec import Task

ABOVE_VARIANCE = 3.0
"""So many times the target's variance the first squared error may be; our choice."""


def look(subject: Subject) -> Result | None:
    """Compare the loss of a batch with what guessing gives: ln(classes), ln 2, or the target's variance."""
    if subject.document.plan.weights is not None or len(subject.facts.losses) != 1:
        return None
    (loss,) = subject.facts.losses
    chance = chance_loss(loss)
    if chance is None:
        return None
    scored = subject.bench.network.scored
    if loss.task is Task.REGRESSION and scored:
        target = subject.batch[scored[0].target].float()
        chance = float(target.var(correction=0)) or chance
    with torch.no_grad():
        first = float(subject.total(subject.batch))
    numbers = (("first loss", written(first)), ("guessing", written(chance)))
    factor = ABOVE_VARIANCE if loss.task is Task.REGRESSION else ABOVE
    if first <= chance * factor:
        return INITIAL.result(Verdict.PASS, "Fresh weights do about as well as guessing.", numbers=numbers)
    return INITIAL.result(
        Verdict.WARN,
        f"Fresh weights give a loss of {written(first)} where guessing gives {written(chance)}: they are sure of wrong "
        "answers.",
        node=loss.path,
        numbers=numbers,
        fixes=fixes.kept(
            fixes.normalize_data(subject.document, subject.facts, target=True)
            if loss.task is Task.REGRESSION
            else None,
            fixes.normalize_data(subject.document, subject.facts),
        ),
    )


INITIAL = Check(
    key="initial",
    place=1,
    title="Initial loss",
    summary="Fresh weights should do about as well as guessing.",
    reference=Reference(
        title="Karpathy: A recipe for training neural networks (2019)",
        url="https://karpathy.github.io/2019/04/25/recipe/",
    ),
    look=look,
)
