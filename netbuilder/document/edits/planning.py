"""Edits of the training plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from netbuilder.document.edits.registry import edit, refuse
from netbuilder.document.model import Document, Phase, Plan, Setting, StartWeights
from netbuilder.document.plan import PLAN_PARAMETERS
from netbuilder.document.values import freeze_mapping


@edit
def set_plan(document: Document, plan: Plan) -> Document:
    """Replace the whole plan."""
    if not plan.phases:
        refuse("edit.plan", "A plan needs at least one phase.")
    return document if plan == document.plan else replace(document, plan=plan)


@edit
def change_plan(document: Document, values: Mapping[str, Any]) -> Document:
    """Change some of the plan's plain fields, those of `document.plan.PLAN_PARAMETERS`."""
    known = {parameter.name: parameter for parameter in PLAN_PARAMETERS}
    changed: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            refuse("edit.plan", f"The plan has no setting called {name!r}.", field=name)
        try:
            changed[name] = known[name].normalize(value)
        except ValueError as error:
            refuse("edit.plan", f"{error}.", field=name)
    return set_plan(document, replace(document.plan, **changed))


@edit
def set_start_weights(document: Document, file: str, sha256: str) -> Document:
    """Start from weights in a file of the project's folder of runs; from drawn ones when both are empty."""
    weights = StartWeights(file=file, sha256=sha256) if file or sha256 else None
    return set_plan(document, replace(document.plan, weights=weights))


@edit
def set_optimizer(document: Document, key: str, values: Mapping[str, Any], phase: int = 0) -> Document:
    """Pick a phase's optimizer, with all its values."""
    old = phase_at(document, phase)
    return with_phase(document, phase, replace(old, optimizer=_setting(key, values)))


@edit
def set_schedule(document: Document, key: str, values: Mapping[str, Any], phase: int = 0) -> Document:
    """Pick a phase's schedule, with all its values."""
    old = phase_at(document, phase)
    return with_phase(document, phase, replace(old, schedule=_setting(key, values)))


def phase_at(document: Document, index: int) -> Phase:
    """Return a phase of the plan; refuses a number that there is not."""
    if not 0 <= index < len(document.plan.phases):
        refuse("edit.plan", f"The plan has no phase number {index + 1}.")
    return document.plan.phases[index]


def _setting(key: str, values: Mapping[str, Any]) -> Setting:
    try:
        return Setting(key=key, values=freeze_mapping(values))
    except ValueError as error:
        refuse("edit.plan", f"This value cannot be set: {error}.", field=key)


def with_phase(document: Document, index: int, phase: Phase) -> Document:
    """Return a document with another phase of this number."""
    phases = (*document.plan.phases[:index], phase, *document.plan.phases[index + 1 :])
    return set_plan(document, replace(document.plan, phases=phases))
