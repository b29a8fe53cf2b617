"""Vanishing gradients: the layers nearest to the data get next to none of what the last ones get."""

from __future__ import annotations

import math
from typing import Final

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.problem import Fix
from netbuilder.insight import fixes
from netbuilder.insight.facts import SATURATING, Layer
from netbuilder.insight.finding import Evidence, Finding, written
from netbuilder.insight.record import Record
from netbuilder.insight.rule import Findings, Held, Rule, in_pieces

LIMIT: Final = 1e-4
"""A layer whose weights' gradient is below this part of the largest one learns nothing while that one learns. Glorot
and Bengio (2010) show ratios of 10 to 100 over five layers that still train, badly; two decades more are hopeless."""

MILDER: Final = 1e-3
"""Once shown, it stays until the ratio is above this."""

LOOKS: Final = 3
"""The median of so many looks counts; our choice."""


def judge(record: Record, held: Held) -> Findings:
    """Compare the size of the layers' gradients, a weight's, with that of the layer that has most."""
    sizes: list[tuple[Layer, float]] = []
    for layer in in_pieces(record.facts.trained):
        if layer is None:
            yield None
            continue
        norm = record.median(f"gradient_norm/{layer.path}", LOOKS)
        if norm is not None and norm > 0:  # none at all is another matter: dead units, or nothing reaches it
            sizes.append((layer, norm / math.sqrt(layer.weights)))
    if len(sizes) < 2:
        return
    place, (strongest, most) = max(enumerate(sizes), key=lambda each: each[1][1])
    before = sizes[:place]  # gradients travel from the losses to the data: what comes first is what they lose
    if not before:
        return
    # The first one is named, since it stays the same from look to look where several are about as bad.
    weak = [each for each in before if each[1] <= most * (MILDER if each[0].path in held else LIMIT)]
    if not weak:
        return
    weakest, least = next((each for each in weak if each[0].path in held), weak[0])
    first, last = record.steps_of(f"gradient_norm/{weakest.path}")
    yield Finding(
        rule=VANISHING.key,
        title=VANISHING.title,
        message=(
            f"A weight of {weakest.label} gets {written(least / most)} times the gradient of one of {strongest.label}: "
            "it hardly learns."
        ),
        node=weakest.path,
        evidence=Evidence(
            numbers=(
                (f"gradient a weight, {weakest.label}", written(least)),
                (f"gradient a weight, {strongest.label}", written(most)),
            ),
            series=f"gradient_norm/{weakest.path}",
            first=first,
            last=last,
            limit=LIMIT * most * math.sqrt(weakest.weights),
        ),
        fixes=_fixes(record, weakest),
    )


def _fixes(record: Record, weakest: Layer) -> tuple[Fix, ...]:
    flat = [each.path for each in record.facts.layers.values() if each.type in SATURATING and not each.feeds_loss]
    everywhere = [each.path for each in record.facts.trained]
    kinder = fixes.replace_layers(record.document, flat, "relu", "Use ReLU in place of what saturates")
    # With ReLU, weights as He draws them keep the size of what flows through.
    drawn = fixes.set_values(record.document, everywhere, "Draw the weights as He does", initializer="kaiming_normal")
    both = None
    if kinder is not None and drawn is not None:
        both = fixes.together("Use ReLU, with weights drawn as He does", kinder, drawn)
    norm = fixes.insert_before(record.document, weakest.path, "layer_norm", f"Normalize what {weakest.label} gets")
    return fixes.kept(both, kinder, None if both else drawn, norm)


VANISHING = Rule(
    key="vanishing_gradients",
    title="Vanishing gradients",
    summary="The first layers get next to no gradient.",
    help="On its way back the gradient is multiplied by each layer's slope. Sigmoid and tanh have slopes below 1, and "
    "small weights shrink it too, so that after many layers nothing is left.",
    reference=Reference(
        title="Glorot, Bengio: Understanding the difficulty of training deep feedforward neural networks (2010)",
        url="https://proceedings.mlr.press/v9/glorot10a.html",
    ),
    judge=judge,
)
