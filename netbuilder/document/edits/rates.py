"""Edits of parameter groups: layers that learn at a rate of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from netbuilder.document.edits.planning import phase_at, with_phase
from netbuilder.document.edits.registry import edit, refuse
from netbuilder.document.model import Document, Group
from netbuilder.document.plan import GROUP_PARAMETERS


@edit
def give_rate(
    document: Document, nodes: tuple[str, ...], rate: float, weight_decay: float | None = None, phase: int = 0
) -> Document:
    """Let layers or blocks of a phase learn at the optimizer's rate times `rate`, with a weight decay of their own.

    They leave the groups that they were in. With a rate of 1 and no weight decay they learn like all others again.

    Raises:
        NetbuilderError: When there is no such node or phase, or a number is out of range.
    """
    old = phase_at(document, phase)
    known = set(document.graph.nodes).union(*(block.graph.nodes for block in document.blocks.values()))
    unknown = [id for id in nodes if id not in known]
    if unknown or not nodes:
        refuse("edit.group", f"There is no layer {unknown[0]!r}." if unknown else "No layer was named.")
    values: dict[str, Any] = {"rate": rate, "weight_decay": weight_decay}
    for parameter in GROUP_PARAMETERS:
        try:
            values[parameter.name] = parameter.normalize(values[parameter.name])
        except ValueError as error:
            refuse("edit.group", f"{error}.", field=parameter.name)
    groups = _regrouped(old.groups, Group(nodes=tuple(dict.fromkeys(nodes)), **values))
    return document if groups == old.groups else with_phase(document, phase, replace(old, groups=groups))


def _regrouped(groups: Iterable[Group], new: Group) -> tuple[Group, ...]:
    """Return groups with a new one at the place of the one that it takes everything from, else before the rest's."""
    found: list[Group] = []
    place: int | None = None
    rest: int | None = None
    for group in groups:
        left = tuple(id for id in group.nodes if id not in new.nodes)
        if not group.nodes and rest is None:
            rest = len(found)
        if group.nodes and not left:
            place = len(found) if place is None else place
            new = replace(new, extra=group.extra or new.extra)
        else:
            found.append(replace(group, nodes=left) if left != group.nodes else group)
    is_plain = new.rate == 1.0 and new.weight_decay is None
    if not (is_plain and rest is not None):
        at = place if place is not None else rest if rest is not None else len(found)
        found.insert(at, new)
    return tuple(found)
