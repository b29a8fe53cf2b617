"""Values that are not finite: the trainer has stopped and named the culprit; here is what would have prevented it."""

from __future__ import annotations

from netbuilder.foundation.declaration import Reference
from netbuilder.insight import fixes
from netbuilder.insight.finding import Evidence, Finding
from netbuilder.insight.record import Record
from netbuilder.insight.rule import Findings, Held, Rule


def judge(record: Record, held: Held) -> Findings:
    """Find the run's report of a value that is not finite."""
    told = [problem for problem in record.problems if problem.code == "training.not_finite"]
    if not told:
        return
    first, last = record.steps_of("loss/train", 50)
    yield Finding(
        rule=NOT_FINITE.key,
        title=NOT_FINITE.title,
        message=told[-1].message,
        node=told[-1].node,
        evidence=Evidence(
            numbers=(("stopped after step", f"{record.step:,}"),), series="loss/train", first=first, last=last
        ),
        fixes=fixes.kept(
            fixes.lower_rate(record.document),
            fixes.clip(record.document),
            fixes.normalize_data(record.document, record.facts),
            fixes.normalize_data(record.document, record.facts, target=True),
        ),
    )


NOT_FINITE = Rule(
    key="not_finite",
    title="Not a number",
    summary="A loss, an activation or a gradient became infinite or not a number.",
    help="Numbers grew beyond what a float holds, or something undefined was computed, such as the logarithm of 0. The "
    "update that would have spread it was not made.",
    reference=Reference(title="Goodfellow, Bengio, Courville: Deep Learning, 4.1 and 8.2.4 (2016)"),
    judge=judge,
    looks=1,
)
