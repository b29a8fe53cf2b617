"""A plateau: the loss fell, stopped far from 0, and has not moved for epochs."""

from __future__ import annotations

from typing import Final

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.problem import Severity
from netbuilder.insight import fixes
from netbuilder.insight.finding import Evidence, Finding, written
from netbuilder.insight.record import Record, middle
from netbuilder.insight.rule import Findings, Held, Rule

EPOCHS: Final = 10
"""Over so many epochs nothing moved: the patience of torch's ReduceLROnPlateau."""

MOVED: Final = 0.02
"""A loss that changes by less than this part over that time stands still; our choice."""

MILDER: Final = 0.04
"""Once shown, it stays until the loss moves by more than this."""

TOGETHER: Final = 3
"""So many epochs are averaged before they are compared."""

FAR: Final = 0.15
"""Below this part of the loss at the start a training is done rather than stuck; our choice."""


def judge(record: Record, held: Held) -> Findings:
    """Compare the validation losses of the last epochs with those before, and the training losses alike."""
    values, start = record.values("loss/validation"), record.start_loss
    if values is None or len(values) < EPOCHS + TOGETHER or start is None or start <= 0:
        return
    steps = record.series["loss/validation"].steps[-len(values) :]
    now, before = middle(values[-TOGETHER:]), middle(values[-EPOCHS - TOGETHER : -EPOCHS])
    train = record.train_loss_at(int(steps[-1]), TOGETHER)
    train_before = record.train_loss_at(int(steps[-EPOCHS - 1]), TOGETHER)
    if train is None or train_before is None or not FAR * start < train < 0.9 * start:
        return
    if (record.rate or record.set_rate) < 0.3 * record.set_rate:
        return  # the schedule has taken the speed away, and meant to
    limit = MILDER if "" in held else MOVED
    if abs(before - now) > limit * before or abs(train_before - train) > limit * train_before:
        return
    yield Finding(
        rule=PLATEAU.key,
        title=PLATEAU.title,
        message=(
            f"Over the last {EPOCHS} epochs neither loss moved by more than {limit:.0%}: training {written(train)}, "
            f"validation {written(now)}."
        ),
        severity=Severity.ADVICE,
        evidence=Evidence(
            numbers=(
                ("train", f"{written(train_before)} → {written(train)}"),
                ("validation", f"{written(before)} → {written(now)}"),
                ("learning rate", written(record.rate or record.set_rate)),
            ),
            series="loss/validation",
            first=int(steps[-EPOCHS - TOGETHER]),
            last=int(steps[-1]),
        ),
        fixes=fixes.kept(
            fixes.use_schedule(record.document, "plateau", "Lower the learning rate on plateaus"),
            fixes.lower_rate(record.document, 0.3),
            fixes.plan("Stop after 10 epochs without a better result", patience=EPOCHS)
            if not record.document.plan.patience
            else None,
        ),
    )


PLATEAU = Rule(
    key="plateau",
    title="Plateau",
    summary="The loss has stopped far from 0.",
    help="The updates jump about in a valley that is narrower than they are long, or the network can do no better. A "
    "lower learning rate tells which; a larger network may do better.",
    reference=Reference(
        title="torch.optim.lr_scheduler.ReduceLROnPlateau",
        url="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html",
    ),
    judge=judge,
)
