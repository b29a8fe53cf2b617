"""Inputs: what the network gives must depend on what it is shown."""

from __future__ import annotations

import torch

from netbuilder.foundation.declaration import Reference
from netbuilder.insight.check import Check, Result, Subject, Verdict
from netbuilder.insight.finding import written
from netbuilder.training.batches import count_rows

SPREAD = 1e-6
"""Outputs that differ by less than this part of their size between rows are the same."""


def look(subject: Subject) -> Result | None:
    """Compare the outputs for different rows, in eval mode."""
    rows = count_rows(subject.batch)
    if rows < 2:
        return None
    subject.bench.network.model.eval()
    with torch.no_grad():
        outputs = [each.float() for each in subject.outputs(subject.batch) if each.dim() and len(each) == rows]
    if not outputs:
        return None
    spread = max(float(each.std(dim=0).max()) / (float(each.abs().max()) + 1e-12) for each in outputs)
    numbers = (("spread of the outputs over rows", written(spread)),)
    if spread > SPREAD:
        return INPUT.result(Verdict.PASS, "Different rows give different outputs.", numbers=numbers)
    return INPUT.result(
        Verdict.FAIL,
        f"All {rows} rows give the same output, so that nothing of the input reaches it: weights that begin at 0, dead "
        "or saturated layers, or inputs that are all alike.",
        numbers=numbers,
    )


INPUT = Check(
    key="input",
    place=6,
    title="Looks at its input",
    summary="Different rows must give different outputs.",
    reference=Reference(
        title="Karpathy: A recipe for training neural networks (2019), input-independent baseline",
        url="https://karpathy.github.io/2019/04/25/recipe/",
    ),
    look=look,
)
