"""Exploding gradients: they grow by factors while the loss rises."""

from __future__ import annotations

import math
from typing import Final

from netbuilder.foundation.declaration import Reference
from netbuilder.insight import fixes
from netbuilder.insight.finding import Evidence, Finding, written
from netbuilder.insight.record import Record, middle
from netbuilder.insight.rule import Findings, Held, Rule, in_pieces

GROWTH: Final = 10.0
"""Norms beyond so many times their average are to be cut: Pascanu, Mikolov and Bengio (2013) found half to ten times
the average a good threshold for clipping."""

MILDER: Final = 3.0
"""Once shown, it stays until the growth is below this."""

RISEN: Final = 1.2
"""So many times what it was the loss must be; our choice."""

LOOKS: Final = 6
"""So many looks at least make an average; our choice."""


def judge(record: Record, held: Held) -> Findings:
    """Compare each layer's gradient now with what it was, and blame the one that grew most."""
    losses, now = record.values("loss/train"), record.loss_now
    if losses is None or now is None:
        return
    start = middle(losses[: max(len(losses) // 2, 5)][-100:])
    if now <= RISEN * start:
        return  # large gradients that lower the loss are no trouble
    grown = {}
    for layer in in_pieces(record.facts.trained):
        if layer is None:
            yield None
        elif (found := _growth(record, layer.path)) is not None:
            grown[layer.path] = found
    if not grown:
        return
    kept = [path for path in held if path in grown and grown[path][0] >= MILDER]
    worst = kept[0] if kept else max(grown, key=lambda path: grown[path][0])
    growth, before, norm = grown[worst]
    if not kept and growth < GROWTH:
        return
    label = record.facts.layers[worst].label
    first, last_step = record.steps_of(f"gradient_norm/{worst}")
    yield Finding(
        rule=EXPLODING.key,
        title=EXPLODING.title,
        message=f"The gradient of {label} is {growth:,.0f} times what it was, and the loss rises with it.",
        node=worst,
        evidence=Evidence(
            numbers=(
                ("gradient norm", written(norm)),
                ("before", written(before)),
                ("loss", f"{written(start)} → {written(now)}"),
            ),
            series=f"gradient_norm/{worst}",
            first=first,
            last=last_step,
            limit=GROWTH * before,
        ),
        fixes=fixes.kept(fixes.clip(record.document), fixes.lower_rate(record.document)),
    )


def _growth(record: Record, path: str) -> tuple[float, float, float] | None:
    """Return by what factor a layer's gradient norm grew, from what, to what."""
    values = record.values(f"gradient_norm/{path}")
    if values is None or len(values) < LOOKS:
        return None
    usual, now = middle(values[: max(len(values) // 4, 3)]), middle(values[-3:])
    return (now / usual, usual, now) if usual > 0 and math.isfinite(now) else None


EXPLODING = Rule(
    key="exploding_gradients",
    title="Exploding gradients",
    summary="Gradients grow by factors while the loss rises.",
    help="Each update overshoots, the next gradient is larger still. Clipping bounds the size of an update; a lower "
    "learning rate stops the overshooting.",
    reference=Reference(
        title="Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks (2013)",
        url="https://arxiv.org/abs/1211.5063",
    ),
    judge=judge,
    looks=2,
)
