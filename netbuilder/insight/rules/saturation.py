"""Saturation: most units of a sigmoid or tanh are at an end of its range, whatever they are shown."""

from __future__ import annotations

from typing import Final

from netbuilder.foundation.declaration import Reference
from netbuilder.insight import fixes
from netbuilder.insight.facts import RECTIFIERS
from netbuilder.insight.finding import Evidence, Finding
from netbuilder.insight.record import Record
from netbuilder.insight.rule import Findings, Held, Rule, in_pieces

LIMIT: Final = 0.5
"""The part of a layer's units that may be saturated, as for dead ones; SageMaker Debugger's TanhSaturation and
SigmoidSaturation warn much earlier, but count units that some samples still move."""

MILDER: Final = 0.4
"""Once shown, it stays until fewer are."""

LOOKS: Final = 3
"""The median of so many looks counts; our choice."""


def judge(record: Record, held: Held) -> Findings:
    """Look how large a part of each squashing activation's units was at an end in the last looks."""
    for layer in in_pieces(record.facts.layers.values()):
        if layer is None:
            yield None
            continue
        # A last sigmoid of a sure classifier is at its ends, and should be.
        if layer.type in RECTIFIERS or layer.feeds_loss:
            continue
        name = f"dead/{layer.path}"
        part = record.median(name, LOOKS)
        if part is None or part < (MILDER if layer.path in held else LIMIT):
            continue
        first, last = record.steps_of(name)
        yield Finding(
            rule=SATURATION.key,
            title=SATURATION.title,
            message=(
                f"{part:.0%} of the units of {layer.label} are within 1 % of an end of its range for every sample: "
                "next to no gradient comes through."
            ),
            node=layer.path,
            evidence=Evidence(
                numbers=(("saturated", f"{part:.0%}"),), series=name, first=first, last=last, limit=LIMIT
            ),
            fixes=fixes.kept(
                fixes.insert_before(record.document, layer.path, "layer_norm", f"Normalize what {layer.label} gets"),
                fixes.normalize_data(record.document, record.facts),
                fixes.replace_layers(record.document, (layer.path,), "relu", "Use ReLU"),
            ),
        )


SATURATION = Rule(
    key="saturation",
    title="Saturation",
    summary="Most units of a sigmoid or tanh are at an end of its range.",
    help="Far from 0 these functions are flat, and a flat function hands no gradient on. Inputs that are too large, "
    "because the data are not normalized or the weights too large, push them there.",
    reference=Reference(
        title="Glorot, Bengio: Understanding the difficulty of training deep feedforward neural networks (2010)",
        url="https://proceedings.mlr.press/v9/glorot10a.html",
    ),
    judge=judge,
)
