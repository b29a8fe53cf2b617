"""One batch: a network that cannot learn a single batch by heart will learn nothing."""

from __future__ import annotations

import math

from netbuilder.foundation.declaration import Reference
from netbuilder.insight import fixes
from netbuilder.insight.check import Check, Result, Subject, Verdict
from netbuilder.insight.finding import written
from netbuilder.training.batches import Batch, count_rows

STEPS = 150
"""So often the batch is shown."""

ROWS = 16
"""So many of its rows are taken: enough for batch normalization, few enough to be remembered."""

LEARNED = 0.25
"""Down to this part of its start the loss must come; our choice."""

MOVED = 0.9
"""Above this part it has hardly moved."""


def look(subject: Subject) -> Result | None:
    """Train on the same few rows until their loss has fallen, or the patience is over."""
    batch: Batch = {name: tensor[:ROWS] for name, tensor in subject.batch.items()}
    losses: list[float] = []
    for _ in range(STEPS):
        subject.job.report(subject.job.fraction, ONE_BATCH.title)
        loss = subject.bench.step([batch])
        if loss is None or not math.isfinite(loss):
            return _exploded(subject, losses)
        if not losses and loss <= 0:
            return None  # it has no 0 to fall to, as a likelihood's
        losses.append(loss)
        if loss < 0.05 * abs(losses[0]):
            break
    start, end = losses[0], min(losses[-5:])
    numbers = (
        ("rows", str(count_rows(batch))),
        ("loss", f"{written(start)} → {written(end)}"),
        ("steps", str(len(losses))),
    )
    if end <= LEARNED * start or end < 1e-3:
        message = f"{count_rows(batch)} rows are learned by heart in {len(losses)} steps."
        return ONE_BATCH.result(Verdict.PASS, message, numbers=numbers)
    if end <= MOVED * start:
        return ONE_BATCH.result(
            Verdict.WARN,
            f"After {len(losses)} steps on the same {count_rows(batch)} rows their loss is still {end / start:.0%} of "
            "what it was: the learning rate is low, the network small, or dropout strong.",
            numbers=numbers,
            fixes=fixes.kept(fixes.raise_rate(subject.document)),
        )
    return ONE_BATCH.result(
        Verdict.FAIL,
        f"After {len(losses)} steps on the same {count_rows(batch)} rows their loss is {end / start:.0%} of what it "
        "was. A network that cannot remember a few rows learns nothing: look whether gradients reach its layers, and "
        "at the learning rate.",
        numbers=numbers,
        fixes=fixes.kept(
            fixes.normalize_data(subject.document, subject.facts),
            fixes.raise_rate(subject.document),
            fixes.lower_rate(subject.document),
        ),
    )


def _exploded(subject: Subject, losses: list[float]) -> Result:
    return ONE_BATCH.result(
        Verdict.FAIL,
        f"After {len(losses)} steps on the same rows something is not a number any more: updates overshoot.",
        numbers=(("steps", str(len(losses))),),
        fixes=fixes.kept(
            fixes.lower_rate(subject.document),
            fixes.clip(subject.document),
            fixes.normalize_data(subject.document, subject.facts, target=True),
        ),
    )


ONE_BATCH = Check(
    key="one_batch",
    place=8,
    title="One batch by heart",
    summary="The loss of a few rows that are shown again and again must fall towards 0.",
    reference=Reference(
        title="Karpathy: A recipe for training neural networks (2019)",
        url="https://karpathy.github.io/2019/04/25/recipe/",
    ),
    look=look,
)
