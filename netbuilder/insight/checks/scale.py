"""The data's scale: inputs of very different or very large size train badly."""

from __future__ import annotations

from netbuilder.foundation.declaration import Reference
from netbuilder.insight import fixes
from netbuilder.insight.check import Check, Result, Subject, Verdict
from netbuilder.insight.finding import written

LARGE = 10.0
"""Inputs whose root mean square is beyond this want normalizing; LeCun and others (1998) ask for 1."""

SMALL = 0.01


def look(subject: Subject) -> Result | None:
    """Look how large the training rows' inputs are, and whether any is not a number."""
    fields = set(subject.bench.network.program.fields)
    sizes, broken = [], 0
    for source in subject.bench.trainer.parts["train"].sources:
        for name, tensor in source.tensors.items():
            if name in fields and tensor.is_floating_point() and tensor.numel():
                wide = tensor.double()
                broken += int((~wide.isfinite()).sum())
                sizes.append(float(wide.square().mean().sqrt()))
    if not sizes:
        return None
    largest, least = max(sizes), min(sizes)
    numbers = (("size of the inputs", written(largest)),)
    if broken:
        message = f"{broken:,} numbers of the training rows are not finite."
        return SCALE.result(Verdict.FAIL, message, numbers=numbers)
    if least >= SMALL and largest <= LARGE:
        return SCALE.result(Verdict.PASS, f"Inputs are of size {written(largest)}.", numbers=numbers)
    which = largest if largest > LARGE else least
    return SCALE.result(
        Verdict.WARN,
        f"Inputs are of size {written(which)} (root mean square), and weights are drawn for inputs of size 1.",
        node=subject.facts.data[0] if subject.facts.data else "",
        numbers=numbers,
        fixes=fixes.kept(fixes.normalize_data(subject.document, subject.facts)),
    )


SCALE = Check(
    key="scale",
    place=2,
    title="Scale of the inputs",
    summary="Inputs should be of about size 1.",
    reference=Reference(title="LeCun, Bottou, Orr, Müller: Efficient backprop (1998), 4.3"),
    look=look,
)
