"""Labels: how many rows each class has, in training and in validation."""

from __future__ import annotations

import torch

from netbuilder.foundation.declaration import Reference
from netbuilder.insight.check import Check, Result, Subject, Verdict

RATIO = 10.0
"""So many times as frequent as the rarest class the commonest may be: SageMaker Debugger's ClassImbalance."""


def look(subject: Subject) -> Result | None:
    """Count the training rows of each class."""
    for scored in subject.bench.network.scored:
        if not scored.classes:
            continue
        counts = _counts(subject, "train", scored.target, len(scored.classes))
        held_out = _counts(subject, "validation", scored.target, len(scored.classes))
        if counts is None:
            continue
        missing = [name for name, count in zip(scored.classes, counts, strict=True) if not count]
        least, most = min(counts), max(counts)
        numbers = (("rows of the rarest class", f"{least:,}"), ("of the commonest", f"{most:,}"))
        if missing:
            some = ", ".join(map(repr, missing[:5]))
            message = f"No training row has the class {some}: it cannot be learned."
            return LABELS.result(Verdict.FAIL, message, numbers=numbers)
        if held_out is not None and not all(held_out):
            some = ", ".join(repr(n) for n, count in zip(scored.classes, held_out, strict=True) if not count)
            message = f"No validation row has the class {some}: how well it is learned will not be seen."
            return LABELS.result(Verdict.WARN, message, numbers=numbers)
        if most > RATIO * least:
            rare = scored.classes[counts.index(least)]
            return LABELS.result(
                Verdict.WARN,
                f"{rare!r} is {most / least:.0f} times rarer than the commonest class: watch F1 rather than accuracy.",
                numbers=numbers,
            )
        return LABELS.result(
            Verdict.PASS, f"Each of the {len(counts)} classes has {least:,} rows or more.", numbers=numbers
        )
    return None


def _counts(subject: Subject, part: str, target: str, classes: int) -> list[int] | None:
    for source in subject.bench.trainer.parts[part].sources:
        labels = source.tensors.get(target)
        if labels is not None and not labels.is_floating_point() and labels.numel():
            known = labels.flatten().cpu().long()
            counts: list[int] = torch.bincount(known[known >= 0], minlength=classes).tolist()
            return counts
    return None


LABELS = Check(
    key="labels",
    place=3,
    title="Labels",
    summary="Every class needs rows.",
    reference=Reference(title="He, Garcia: Learning from imbalanced data (2009)"),
    look=look,
)
