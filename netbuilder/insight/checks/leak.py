"""Leaks: what the network gives for one row must not depend on the other rows of its batch."""

from __future__ import annotations

import torch

from netbuilder.foundation.declaration import Reference
from netbuilder.insight.check import Check, Result, Subject, Verdict
from netbuilder.training.batches import count_rows

ROWS = 8


def look(subject: Subject) -> Result | None:
    """Ask for the gradient of one row's output with respect to all rows.

    In eval mode, where batch normalization uses the statistics that it has kept and mixes nothing.
    """
    network = subject.bench.network
    batch = {name: tensor[:ROWS] for name, tensor in subject.batch.items()}
    rows = count_rows(batch)
    floating = [name for name in network.program.fields if batch[name].is_floating_point()]
    inputs = [batch[name].clone().requires_grad_() for name in floating]
    # Copies of the leaves rather than the leaves: a layer may work in place on what it is given, not on a leaf.
    batch |= {name: leaf.clone() for name, leaf in zip(floating, inputs, strict=True)}
    if rows < 2 or not inputs:
        return None
    network.model.eval()
    middle = rows // 2
    # cuDNN's recurrent layers have no gradient in eval mode; torch's own have.
    with torch.backends.cudnn.flags(enabled=False):
        outputs = [each for each in subject.outputs(batch) if each.requires_grad and each.dim() and len(each) == rows]
        if not outputs:
            return None
        total = torch.stack([each[middle].sum() for each in outputs]).sum()
        gradients = torch.autograd.grad(total, inputs, allow_unused=True)
    own, others = 0.0, 0.0
    for gradient in gradients:
        if gradient is not None:
            sizes = gradient.abs().reshape(rows, -1).amax(dim=1)
            own = max(own, float(sizes[middle]))
            sizes[middle] = 0
            others = max(others, float(sizes.max()))
    if others == 0:
        return LEAK.result(Verdict.PASS, "Each row's output depends on that row alone.")
    return LEAK.result(
        Verdict.FAIL,
        "What the network gives for one row depends on other rows of its batch, which it will not have when it is "
        "used: a layer mixes the first axis, such as a reshape, a sum or a softmax over axis 0.",
        numbers=(("influence of its own row", f"{own:.3g}"), ("of another row", f"{others:.3g}")),
    )


LEAK = Check(
    key="leak",
    place=7,
    title="No leak between rows",
    summary="One row's output must not depend on the other rows.",
    reference=Reference(
        title="Karpathy: A recipe for training neural networks (2019), use backprop to chart dependencies",
        url="https://karpathy.github.io/2019/04/25/recipe/",
    ),
    look=look,
)
