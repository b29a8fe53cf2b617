"""Dead units: of a ReLU most units are 0 whatever they are shown."""

from __future__ import annotations

from typing import Final

from netbuilder.foundation.declaration import Reference
from netbuilder.insight import fixes
from netbuilder.insight.facts import RECTIFIERS
from netbuilder.insight.finding import Evidence, Finding, written
from netbuilder.insight.record import Record
from netbuilder.insight.rule import Findings, Held, Rule, in_pieces

LIMIT: Final = 0.5
"""The part of a layer's units that may be dead: Amazon SageMaker Debugger's DeadRelu warns from half of a layer on."""

MILDER: Final = 0.4
"""Once shown, it stays until fewer are dead."""

LOOKS: Final = 3
"""The median of so many looks counts; our choice."""


def judge(record: Record, held: Held) -> Findings:
    """Look how large a part of each rectifier's units was dead in the last looks."""
    for layer in in_pieces(record.facts.layers.values()):
        if layer is None:
            yield None
            continue
        if layer.type not in RECTIFIERS:
            continue
        name = f"dead/{layer.path}"
        part = record.median(name, LOOKS)
        if part is None or part < (MILDER if layer.path in held else LIMIT):
            continue
        first, last = record.steps_of(name)
        yield Finding(
            rule=DEAD.key,
            title=DEAD.title,
            message=f"{part:.0%} of the units of {layer.label} are 0 for every sample: they learn nothing.",
            node=layer.path,
            evidence=Evidence(
                numbers=(("dead", f"{part:.0%}"), ("learning rate", written(record.rate or record.set_rate))),
                series=name,
                first=first,
                last=last,
                limit=LIMIT,
            ),
            fixes=fixes.kept(
                fixes.replace_layers(record.document, (layer.path,), "leaky_relu", "Use LeakyReLU, which cannot die"),
                fixes.lower_rate(record.document),
                fixes.insert_before(record.document, layer.path, "layer_norm", f"Normalize what {layer.label} gets"),
            ),
        )


DEAD = Rule(
    key="dead_units",
    title="Dead units",
    summary="Most units of a ReLU are 0 for every sample.",
    help="A ReLU's slope is 0 where it gives 0. A unit that gives 0 for every sample gets no gradient, and stays as it "
    "is. A large update that pushed its bias far down is the usual cause.",
    reference=Reference(
        title="Lu, Shin, Su, Karniadakis: Dying ReLU and initialization (2019)", url="https://arxiv.org/abs/1903.06733"
    ),
    judge=judge,
)
