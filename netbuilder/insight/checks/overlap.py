"""Overlap: rows that are in training and in validation or test alike make results look better than they are."""

from __future__ import annotations

import hashlib

import torch

from netbuilder.foundation.declaration import Reference
from netbuilder.insight.check import Check, Result, Subject, Verdict
from netbuilder.training.batches import Source

MOST_BYTES = 1 << 30
"""Data beyond this are not compared: it would take longer than it is worth."""

SHARE = 0.01
"""Above this part of the rows it is told as a warning; a few equal rows come by chance."""


def look(subject: Subject) -> Result | None:
    """Compare the inputs of all held-out rows with those of the training rows, by digests of their bytes."""
    fields = set(subject.bench.network.program.fields)
    parts = subject.bench.trainer.parts
    train, rest = parts["train"].sources, (*parts["validation"].sources, *parts["test"].sources)
    tensors = [tensor for source in (*train, *rest) for tensor in source.tensors.values()]
    size = sum(each.numel() * each.element_size() for each in tensors)
    if size > MOST_BYTES:
        return None
    known = {digest for source in train for digest in _digests(source, fields)}
    held_out = [digest for source in rest for digest in _digests(source, fields)]
    if not known or not held_out:
        return None
    shared = sum(digest in known for digest in held_out)
    numbers = (("held-out rows", f"{len(held_out):,}"), ("also in training", f"{shared:,}"))
    if shared <= SHARE * len(held_out):
        return OVERLAP.result(
            Verdict.PASS, f"{shared:,} of {len(held_out):,} held-out rows are among the training rows.", numbers=numbers
        )
    return OVERLAP.result(
        Verdict.WARN,
        f"{shared:,} of {len(held_out):,} held-out rows ({shared / len(held_out):.0%}) are among the training rows, "
        "too: what they score says little about new data. Remove duplicates from the data.",
        numbers=numbers,
    )


def _digests(source: Source, fields: set[str]) -> list[bytes]:
    tensors = [tensor for name, tensor in sorted(source.tensors.items()) if name in fields]
    if not tensors or not source.rows:
        return []
    rows = [tensor.detach().cpu().contiguous().reshape(source.rows, -1).view(torch.uint8).numpy() for tensor in tensors]
    return [
        hashlib.blake2b(b"".join(each[place].tobytes() for each in rows), digest_size=16).digest()
        for place in range(source.rows)
    ]


OVERLAP = Check(
    key="overlap",
    place=4,
    title="Training and held-out rows",
    summary="Held-out rows should not be among the training rows.",
    reference=Reference(title="Kapoor, Narayanan: Leakage and the reproducibility crisis in ML-based science (2023)"),
    look=look,
)
