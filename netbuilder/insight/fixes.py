"""Fixes: the edits that rules offer, made for the document at hand. What does not apply there is None."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from netbuilder.data import sources
from netbuilder.document.model import ROOT, Document, Graph, Node, PortRef
from netbuilder.foundation.problem import Fix
from netbuilder.insight.facts import Facts
from netbuilder.insight.finding import written
from netbuilder.layers.catalog import catalog
from netbuilder.training import optimizers

SMALLEST_RATE: Final = 1e-8
"""A learning rate is made no smaller than this by a fix."""


def kept(*fixes: Fix | None) -> tuple[Fix, ...]:
    """Return those fixes that apply."""
    return tuple(fix for fix in fixes if fix is not None)


def lower_rate(document: Document, factor: float = 0.1) -> Fix | None:
    """Lower the learning rates of all phases by a factor; those above their optimizer's usual one at least to that."""
    return _change_rates(document, "Lower", lambda rate, usual: min(rate * factor, usual))


def raise_rate(document: Document, factor: float = 10.0) -> Fix | None:
    """Raise the learning rates of all phases by a factor; those below their optimizer's usual one at least to that."""
    return _change_rates(document, "Raise", lambda rate, usual: max(rate * factor, usual))


def _change_rates(document: Document, verb: str, change: Callable[[float, float], float]) -> Fix | None:
    parts, first = [], 0.0
    for index, phase in enumerate(document.plan.phases):
        spec, values = optimizers.find(phase.optimizer)
        usual = float(spec.by_name["learning_rate"].default)
        new = round_rate(change(float(values["learning_rate"]), usual))
        first = first or new
        if new >= SMALLEST_RATE:
            parts.append(_part("set_optimizer", key=spec.key, values={**values, "learning_rate": new}, phase=index))
    title = f"{verb} the learning rate to {written(first)}" if len(parts) == 1 else f"{verb} the learning rates"
    return several(title, parts)


def set_rate(document: Document, rate: float, phase: int = 0) -> Fix:
    """Set one phase's learning rate."""
    spec, values = optimizers.find(document.plan.phases[phase].optimizer)
    arguments = {"key": spec.key, "values": {**values, "learning_rate": rate}, "phase": phase}
    return Fix(title=f"Set the learning rate to {written(rate)}", edit="set_optimizer", arguments=arguments)


def round_rate(rate: float) -> float:
    """Return a learning rate with two digits that count, as people write it."""
    return float(f"{rate:.1e}")


def use_optimizer(document: Document, key: str, rate: float) -> Fix | None:
    """Use another optimizer for the first phase; None where it is used already."""
    if document.plan.phases[0].optimizer.key == key:
        return None
    spec = optimizers.registry()[key]
    values = {**spec.defaults(), "learning_rate": rate}
    return Fix(
        title=f"Use {spec.title} with {written(rate)}",
        edit="set_optimizer",
        arguments={"key": key, "values": values, "phase": 0},
    )


def use_schedule(document: Document, key: str, title: str, **values: Any) -> Fix | None:
    """Use another schedule for the first phase; None where it is used already."""
    from netbuilder.training import schedules

    if document.plan.phases[0].schedule.key == key:
        return None
    values = {**schedules.registry()[key].defaults(), **values}
    return Fix(title=title, edit="set_schedule", arguments={"key": key, "values": values, "phase": 0})


def plan(title: str, **values: Any) -> Fix:
    """Set plain values of the plan."""
    return Fix(title=title, edit="change_plan", arguments={"values": values})


def clip(document: Document, norm: float = 1.0) -> Fix | None:
    """Clip gradients; None where they are clipped as much already."""
    if 0 < document.plan.clip_norm <= norm:
        return None
    return plan(f"Clip gradients to {norm:g}", clip_norm=norm)


def normalize_data(document: Document, facts: Facts, *, target: bool = False) -> Fix | None:
    """Normalize the inputs, or the target, of data nodes that can and do not yet."""
    name = "normalize_target" if target else "normalize"
    parts = []
    for id in facts.data:
        node = document.graph.nodes.get(id)
        source = sources.registry().get(node.type) if node is not None else None
        if node is None or source is None or name not in source.by_name:
            continue
        if not source.resolve(node.parameters)[name]:
            parts.append(_part("set_parameters", node=id, values={name: True}))
    return several("Normalize the target" if target else "Normalize the inputs", parts)


def replace_layers(
    document: Document, paths: Iterable[str], type: str, title: str, parameters: Mapping[str, Any] | None = None
) -> Fix | None:
    """Make layers of another type of some nodes, with the new type's default values where none are given."""
    parts, done = [], set()
    for path in paths:
        scope, node = place_of(document, path)
        if node is None or node.id in done or node.type == type:
            continue
        done.add(node.id)
        values = {**catalog()[type].defaults(), **(parameters or {})}
        # A label that names the old type would lie.
        label = type if node.label.startswith(node.type) else ""
        parts.append(_part("replace_type", node=node.id, type=type, parameters=values, label=label, scope=scope))
    return several(title, parts)


def set_values(document: Document, paths: Iterable[str], title: str, **values: Any) -> Fix | None:
    """Set parameters of those nodes that know them and have others."""
    parts = []
    for path in paths:
        scope, node = place_of(document, path)
        spec = catalog().get(node.type) if node is not None else None
        if node is None or spec is None or not values.keys() <= spec.by_name.keys():
            continue
        if any(node.parameters.get(name) != value for name, value in values.items()):
            part = _part("set_parameters", node=node.id, values=values, scope=scope)
            if part not in parts:  # copies of a block share their layers
                parts.append(part)
    return several(title, parts)


def insert_before(document: Document, path: str, type: str, title: str, **values: Any) -> Fix | None:
    """Insert a layer in front of a node's first linked input."""
    scope, node = place_of(document, path)
    if node is None:
        return None
    port = first_link(document.scope(scope), node.id)
    if port is None:
        return None
    arguments = {
        "node": node.id,
        "port": port.port,
        "type": type,
        "parameters": {**catalog()[type].defaults(), **values},
        "scope": scope,
    }
    return Fix(title=title, edit="insert_layer", arguments=arguments)


def first_link(graph: Graph, id: str) -> PortRef | None:
    """Return the first of a node's inputs that something is linked to."""
    return next((target for target in graph.edges if target.node == id), None)


def place_of(document: Document, path: str) -> tuple[str, Node | None]:
    """Return the scope in which a node path's node is, and the node; None for one that is gone."""
    id = path.rpartition("/")[2]
    if id in document.graph.nodes:
        return ROOT, document.graph.nodes[id]
    for key, block in document.blocks.items():
        if id in block.graph.nodes:
            return key, block.graph.nodes[id]
    return ROOT, None


def several(title: str, parts: list[dict[str, Any]]) -> Fix | None:
    """Return one fix that makes some edits together; None when there are none."""
    if not parts:
        return None
    if len(parts) == 1:
        return Fix(title=title, edit=parts[0]["edit"], arguments=parts[0]["arguments"])
    return Fix(title=title, edit="apply_several", arguments={"parts": parts})


def together(title: str, *parts: Fix) -> Fix:
    """Return one fix that makes those of several."""
    found: list[dict[str, Any]] = []
    for fix in parts:
        one = {"edit": fix.edit, "arguments": dict(fix.arguments)}
        found += fix.arguments["parts"] if fix.edit == "apply_several" else [one]
    return Fix(title=title, edit="apply_several", arguments={"parts": found})


def _part(edit: str, **arguments: Any) -> dict[str, Any]:
    return {"edit": edit, "arguments": arguments}
