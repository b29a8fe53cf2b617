"""Overfitting: the validation loss has turned while the training loss goes on falling."""

from __future__ import annotations

import math
from typing import Final

from netbuilder.document.model import Document
from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.problem import Fix
from netbuilder.insight import fixes
from netbuilder.insight.facts import Facts
from netbuilder.insight.finding import Evidence, Finding, written
from netbuilder.insight.record import Record, middle
from netbuilder.insight.rule import Findings, Held, Rule
from netbuilder.training import optimizers

LOSS_OF_GENERALITY: Final = 0.2
"""How far above its least value the validation loss may be. Prechelt (1998) stops at 2 to 5 %, which noise of small
validation parts reaches in trainings that still get better; this is where his slowest criteria stopped."""

MILDER: Final = 0.1
"""Once shown, it stays until the validation loss is nearer to its least value."""

EPOCHS: Final = 4
"""So many epochs at least must have passed since the least value; Prechelt's criteria look at strips of 5."""

TINY: Final = 1e-3
"""A loss as small as this counts as this when another is compared with it; our choice."""

GAP: Final = 1.3
"""The validation loss must be so many times the training loss: without a gap nothing was learned by heart."""


def judge(record: Record, held: Held) -> Findings:
    """Compare validation and training loss now with what they were when validation was best."""
    values = record.values("loss/validation")
    if values is None or len(values) <= EPOCHS:
        return
    best = int(values.argmin())
    since = len(values) - 1 - best
    now, least = middle(values[-3:]), float(values[best])
    size = max(abs(least), TINY)  # some losses are below 0, and some reach it
    rise = (now - least) / size
    if since < EPOCHS or not (MILDER if "" in held else LOSS_OF_GENERALITY) <= rise < math.inf:
        return
    steps = record.series["loss/validation"].steps[-len(values) :]
    then, train = record.train_loss_at(int(steps[best])), record.train_loss_at(int(steps[-1]))
    if train is None or now - train < (GAP - 1) * abs(train) or (then is not None and train >= then):
        return
    yield Finding(
        rule=OVERFITTING.key,
        title=OVERFITTING.title,
        message=(
            f"The validation loss was least {since} epochs ago and is {rise:.0%} higher now, while the "
            "training loss went on falling: the network learns the training rows by heart. The best weights are kept."
        ),
        evidence=Evidence(
            numbers=(
                ("validation", f"{written(least)} → {written(now)}"),
                ("train", f"{written(then) if then is not None else '?'} → {written(train)}"),
                ("epochs since the best", str(since)),
            ),
            series="loss/validation",
            first=int(steps[0]),
            last=int(steps[-1]),
            limit=least + LOSS_OF_GENERALITY * size,
        ),
        fixes=fixes.kept(_patience(record.document), _dropout(record.document, record.facts), _decay(record.document)),
    )


def _patience(document: Document) -> Fix | None:
    if document.plan.patience:
        return None
    return fixes.plan(f"Stop after {EPOCHS} epochs without a better result", patience=EPOCHS)


def _dropout(document: Document, facts: Facts) -> Fix | None:
    if any(layer.type.endswith("dropout") for layer in facts.layers.values()):
        return None
    last = next((layer for layer in reversed(facts.trained) if layer.feeds_loss), None)
    if last is None:
        return None
    return fixes.insert_before(document, last.path, "dropout", f"Insert Dropout before {last.label}", p=0.5)


def _decay(document: Document) -> Fix | None:
    spec, values = optimizers.find(document.plan.phases[0].optimizer)
    if values.get("weight_decay", 1.0) >= 0.1:
        return None
    more = max(values["weight_decay"] * 10, 0.01)
    arguments = {"key": spec.key, "values": {**values, "weight_decay": more}, "phase": 0}
    return Fix(title=f"Raise the weight decay to {written(more)}", edit="set_optimizer", arguments=arguments)


OVERFITTING = Rule(
    key="overfitting",
    title="Overfitting",
    summary="The validation loss rises while the training loss falls.",
    help="The network remembers its training rows, their noise included, instead of what they have in common. More "
    "data, a smaller network, dropout or weight decay help; stopping early costs nothing.",
    reference=Reference(title="Prechelt: Early stopping, but when? (1998)"),
    judge=judge,
    looks=2,
)
