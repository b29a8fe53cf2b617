"""A batch too small for batch normalization: its mean and variance are mostly noise."""

from __future__ import annotations

from typing import Final

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.problem import Severity
from netbuilder.insight import fixes
from netbuilder.insight.finding import Evidence, Finding
from netbuilder.insight.record import Record
from netbuilder.insight.rule import Findings, Held, Rule

ROWS: Final = 8
"""Below so many rows a batch: Wu and He (2018, figure 1) find errors rising from 16 rows a worker down, by 1 % at 8 and
10 % at 2."""


def judge(record: Record, held: Held) -> Findings:
    """Look whether the network normalizes over batches, and how large they are."""
    size = record.document.plan.batch_size
    if size >= ROWS or not record.step:
        return
    norms = [layer for layer in record.facts.layers.values() if layer.type.startswith("batch_norm")]
    if not norms:
        return
    paths = [layer.path for layer in norms]
    yield Finding(
        rule=SMALL_BATCH_NORM.key,
        title=SMALL_BATCH_NORM.title,
        message=(
            f"{norms[0].label} normalizes over batches of {size} rows: so few make its mean and variance mostly "
            "noise, and what it does in training is not what it does afterwards."
        ),
        node=norms[0].path,
        severity=Severity.ADVICE,
        evidence=Evidence(numbers=(("rows a batch", str(size)), ("batch normalizations", str(len(norms))))),
        fixes=fixes.kept(
            fixes.plan("Take 32 rows a batch", batch_size=32),
            fixes.replace_layers(
                record.document, paths, "group_norm", "Use GroupNorm, which looks at each row alone", {"groups": 1}
            ),
        ),
    )


SMALL_BATCH_NORM = Rule(
    key="small_batch_norm",
    title="Small batches for batch normalization",
    summary="Batch normalization over very few rows.",
    help="In training it uses the mean and variance of the batch at hand. Of a few rows these are far from those of "
    "all data, which it uses afterwards.",
    reference=Reference(title="Wu, He: Group normalization (2018)", url="https://arxiv.org/abs/1803.08494"),
    judge=judge,
    looks=1,
)
