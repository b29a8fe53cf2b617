"""Gradients: all weights that are to be trained must get one."""

from __future__ import annotations

from netbuilder.foundation.declaration import Reference
from netbuilder.insight import fixes
from netbuilder.insight.check import Check, Result, Subject, Verdict


def look(subject: Subject) -> Result | None:
    """Take a batch's gradient and look which layers got none, and which got zeros alone."""
    network = subject.bench.network
    subject.total(subject.batch).backward()  # type: ignore[no-untyped-call]
    none, zero, count = [], [], 0
    for path, module in network.modules.items():
        parameters = [each for each in module.parameters() if each.requires_grad and each.numel()]
        if not parameters:
            continue
        count += 1
        gradients = [each.grad for each in parameters if each.grad is not None]
        if not gradients:
            none.append(path)
        elif not any(bool(each.any()) for each in gradients):
            zero.append(path)
    numbers = (("layers with weights", str(count)), ("without a gradient", str(len(none) + len(zero))))
    if not none and not zero:
        return GRADIENTS.result(Verdict.PASS, f"All {count} layers with weights get a gradient.", numbers=numbers)
    path = (none or zero)[0]
    label = network.program.labels.get(path, path)
    others = len(none) + len(zero) - 1
    more = f" and {others} more" if others else ""
    why = (
        "nothing that they give reaches a loss through layers with a gradient"
        if none
        else "what comes after them is dead, saturated, or begins at 0"
    )
    drawn = fixes.set_values(
        subject.document,
        [each for each in network.modules if _begins_at_zero(subject, each)],
        "Draw the weights that begin at 0",
        initializer="default",
    )
    return GRADIENTS.result(
        Verdict.FAIL if none else Verdict.WARN,
        f"{label}{more} get no gradient, so they never learn: {why}.",
        node=path,
        numbers=numbers,
        fixes=fixes.kept(drawn if zero else None),
    )


def _begins_at_zero(subject: Subject, path: str) -> bool:
    _, node = fixes.place_of(subject.document, path)
    return node is not None and node.parameters.get("initializer") == "zeros"


GRADIENTS = Check(
    key="gradients",
    place=5,
    title="Gradients everywhere",
    summary="Every layer with weights that are to be trained must get a gradient.",
    reference=Reference(title="Goodfellow, Bengio, Courville: Deep Learning, 11.5 (2016)"),
    look=look,
)
