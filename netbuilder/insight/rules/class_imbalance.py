"""Class imbalance: rare classes are not recognized, and nothing makes them count more."""

from __future__ import annotations

from typing import Final

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.problem import Fix, Severity
from netbuilder.insight import fixes
from netbuilder.insight.finding import Evidence, Finding
from netbuilder.insight.record import Record
from netbuilder.insight.rule import Findings, Held, Rule
from netbuilder.training.balance import PARAMETERS

RATIO: Final = 10.0
"""So many times as frequent as the rarest class the commonest may be: SageMaker Debugger's ClassImbalance."""

RECALL: Final = 0.5
"""Of the rare class less than this part is recognized; where it is recognized, imbalance does no harm. Our choice."""

MILDER: Final = 0.6
"""Once shown, it stays until more than this part is recognized."""

EPOCHS: Final = 3
"""Before so many epochs nothing is said: rare classes are learned last."""

_BALANCING: Final = tuple(dict.fromkeys(PARAMETERS.values()))
"""Parameters of losses that make rare classes count more."""


def judge(record: Record, held: Held) -> Findings:
    """Look how often the rarest class of the validation rows is recognized."""
    counts = record.confusion
    if counts is None or record.epoch < EPOCHS or any(_balance(record, each.path) for each in record.facts.losses):
        return
    truth = counts.sum(axis=1)
    known = truth > 0
    if int(known.sum()) < 2:
        return
    rare = min((int(index) for index in known.nonzero()[0]), key=lambda index: int(truth[index]))
    ratio = float(truth.max() / truth[rare])
    recall = float(counts[rare, rare] / truth[rare])
    if ratio < RATIO or recall >= (MILDER if "" in held else RECALL):
        return
    name = record.classes[rare] if rare < len(record.classes) else str(rare)
    yield Finding(
        rule=CLASS_IMBALANCE.key,
        title=CLASS_IMBALANCE.title,
        message=(
            f"{name!r} is {ratio:.0f} times rarer than the commonest class, and {recall:.0%} of its validation rows "
            "are recognized. The loss counts every row alike, so that a rare class hardly matters to it."
        ),
        severity=Severity.ADVICE,
        evidence=Evidence(
            numbers=(
                (f"rows of {name}", f"{int(truth[rare]):,}"),
                ("rows of the commonest", f"{int(truth.max()):,}"),
                ("recognized", f"{recall:.0%}"),
            ),
            series="loss/validation",
            last=record.step,
        ),
        fixes=fixes.kept(_balanced(record), _watch_f1(record)),
    )


def _balance(record: Record, path: str) -> bool:
    _, node = fixes.place_of(record.document, path)
    return node is not None and any(node.parameters.get(name) not in (None, False, (), 1.0) for name in _BALANCING)


def _balanced(record: Record) -> Fix | None:
    """Weigh each class by how rare it is among the validation rows: rows / (classes * rows of the class)."""
    assert record.confusion is not None
    counts = record.confusion.sum(axis=1).tolist()
    if not all(counts):
        return None
    weights = tuple(round(sum(counts) / (len(counts) * count), 4) for count in counts)
    losses = [loss.path for loss in record.facts.losses if loss.classes == len(counts)]
    return fixes.set_values(record.document, losses, "Let rare classes count more", class_weights=weights)


def _watch_f1(record: Record) -> Fix | None:
    if record.document.plan.monitor == "f1":
        return None
    return fixes.plan("Keep the weights with the best F1 in place of the least loss", monitor="f1")


CLASS_IMBALANCE = Rule(
    key="class_imbalance",
    title="Class imbalance",
    summary="A rare class is not recognized.",
    help="A network that never answers with the rare class is right most of the time. Weights that make its rows count "
    "more change what the loss asks for; F1 judges all classes alike.",
    reference=Reference(title="He, Garcia: Learning from imbalanced data (2009)"),
    judge=judge,
    looks=1,
    quiet=2,
)
