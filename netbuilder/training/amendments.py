"""Amendments: what an edited document changes of the one that a run trains.

Three kinds: *settings* reach the run at once (learning rate, batch size, dropout, what is frozen), *structure* waits
until it is applied, and what is *fixed* (seed, data) counts for the next run. No torch: the window asks too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from netbuilder.document.model import ROOT, Definition, Document, Graph, Group, Node, Phase, Plan, Setting
from netbuilder.document.plan import PLAN_PARAMETERS
from netbuilder.foundation.declaration import Declaration, Registry
from netbuilder.layers.catalog import catalog
from netbuilder.training.optimizers import OPTIMIZERS
from netbuilder.training.schedules import SCHEDULES

_SET_UP: Final = "The run in progress is set up already"

FIXED_PLAN: Final[Mapping[str, str]] = {
    "seed": "The weights of the run in progress are drawn already",
    "monitor": "The run in progress has chosen its best weights by another measure",
    "precision": _SET_UP,
    "memory_format": _SET_UP,
    "compile": _SET_UP,
    "cuda_graphs": _SET_UP,
    "threads": _SET_UP,
}
"""Fields of the plan that a run in progress keeps, and why."""

FIXED_DATA: Final = "The run in progress has read its data already"
DEVICE: Final = "The run in progress stays on its device"

_DATA: Final = "data."
_LIVE: Final = frozenset({"trainable", "dropout"})
_ORDINARY: Final = tuple(one.name for one in PLAN_PARAMETERS if one.name not in FIXED_PLAN)


@dataclass(frozen=True, slots=True)
class Amendment:
    """What differs, in words.

    Attributes:
        settings: What reaches a run at once: "learning rate 0.001 → 0.0003".
        structure: What waits to be applied: "hidden: units 32 → 64".
        fixed: What the run keeps: (node id or "", field) -> why.
    """

    settings: tuple[str, ...] = ()
    structure: tuple[str, ...] = ()
    fixed: Mapping[tuple[str, str], str] | None = None

    @property
    def text(self) -> str:
        """Everything that a run can take over, in one line."""
        return ", ".join((*self.settings, *self.structure))


def compare(running: Document, wanted: Document) -> Amendment:
    """Return what an edited document changes of the one that a run trains."""
    if running is wanted:
        return Amendment()
    settings = [*_plan_words(running, wanted)]
    structure: list[str] = []
    fixed: dict[tuple[str, str], str] = {}
    for name, reason in FIXED_PLAN.items():
        if getattr(running.plan, name) != getattr(wanted.plan, name):
            fixed["", name] = f"{reason}: this counts for the next run."
    for before, after in _graphs(running, wanted):
        _compare_graphs(before, after, settings, structure, fixed)
    structure += [
        f"block {block.title} changed"
        for key, block in wanted.blocks.items()
        if key in running.blocks and running.blocks[key].parameters != block.parameters
    ]
    if not _phases_fit(wanted.plan.phases, running):
        structure += [*_phase_words(running.plan, wanted.plan)]
    return Amendment(tuple(settings), tuple(structure), fixed)


def at_once(running: Document, wanted: Document) -> Document:
    """Return the document that a run trains with the settings of an edited one, its structure as it is.

    Returns:
        The same object when the settings are the same.
    """
    plan = replace(running.plan, **{name: getattr(wanted.plan, name) for name in _ORDINARY})
    if _phases_fit(wanted.plan.phases, running):
        plan = replace(plan, phases=wanted.plan.phases)
    blocks = {key: _block_at_once(block, wanted.blocks.get(key)) for key, block in running.blocks.items()}
    graph = _graph_at_once(running.graph, wanted.graph)
    new = replace(running, graph=graph, blocks=blocks, plan=plan)
    return running if new == running else new


def applied(running: Document, wanted: Document) -> Document:
    """Return an edited document as a run can take it over: with the data, the seed and the measure that the run has."""
    fixed = {name: getattr(running.plan, name) for name in FIXED_PLAN}
    plan = replace(wanted.plan, weights=running.plan.weights, **fixed)
    kept = {id: node for id, node in running.graph.nodes.items() if node.type.startswith(_DATA)}
    nodes = {
        id: replace(node, parameters=kept[id].parameters) if id in kept and kept[id].type == node.type else node
        for id, node in wanted.graph.nodes.items()
    }
    schemas = {**wanted.schemas, **{id: schema for id, schema in running.schemas.items() if id in nodes}}
    return replace(wanted, graph=replace(wanted.graph, nodes=nodes), schemas=schemas, plan=plan)


# The plan ------------------------------------------------------------------------------------------------------------


def _plan_words(running: Document, wanted: Document) -> Iterator[str]:
    old, new = running.plan, wanted.plan
    for parameter in PLAN_PARAMETERS:
        before, after = getattr(old, parameter.name), getattr(new, parameter.name)
        if parameter.name not in FIXED_PLAN and before != after:
            yield f"{parameter.title.lower()} {_value(before)} → {_value(after)}"
    if _phases_fit(new.phases, running):
        yield from _phase_words(old, new)


def _phase_words(old: Plan, new: Plan) -> Iterator[str]:
    known = {phase.name: phase for phase in old.phases}
    for phase in new.phases:
        before = known.pop(phase.name, None)
        behind = f" of {phase.name}" if len(new.phases) > 1 else ""
        if before is None:
            yield f"phase {phase.name} added"
            continue
        yield from _setting_words("optimizer", OPTIMIZERS, before.optimizer, phase.optimizer, behind)
        yield from _setting_words("schedule", SCHEDULES, before.schedule, phase.schedule, behind)
        if before.updates != phase.updates:
            yield f"updates a step{behind} {before.updates} → {phase.updates}"
        yield from _group_words(before.groups, phase.groups, behind)
        if before.losses != phase.losses:
            yield f"losses{behind} changed"
    for name in known:
        yield f"phase {name} removed"


def _setting_words(noun: str, registry: Registry[Any], old: Setting, new: Setting, behind: str) -> Iterator[str]:
    if old == new:
        return
    spec: Declaration | None = registry.get(new.key)
    if old.key != new.key or spec is None:
        before: Declaration | None = registry.get(old.key)
        names = [one.title if one else key for one, key in ((before, old.key), (spec, new.key))]
        yield f"{noun}{behind} {names[0]} → {names[1]}"
        return
    for parameter in spec.parameters:
        given, wish = (
            old.values.get(parameter.name, parameter.default),
            new.values.get(parameter.name, parameter.default),
        )
        if given != wish:
            yield f"{parameter.title.lower()}{behind} {_value(given)} → {_value(wish)}"


def _group_words(old: tuple[Group, ...], new: tuple[Group, ...], behind: str) -> Iterator[str]:
    if [group.nodes for group in old] != [group.nodes for group in new]:
        yield f"parameter groups{behind} changed"
        return
    for number, (before, after) in enumerate(zip(old, new, strict=True), 1):
        which = f" of group {number}{behind}" if len(new) > 1 else behind
        if before.rate != after.rate:
            yield f"rate{which} × {_value(before.rate)} → × {_value(after.rate)}"
        if before.weight_decay != after.weight_decay:
            yield f"weight decay{which} {_value(before.weight_decay)} → {_value(after.weight_decay)}"


def _phases_fit(phases: tuple[Phase, ...], running: Document) -> bool:
    """Whether all that phases name is in the network that runs."""
    named = {
        id for phase in phases for id in (*phase.losses, *(node for group in phase.groups for node in group.nodes))
    }
    scopes = [running.graph, *(block.graph for block in running.blocks.values())]
    return all(any(id in graph.nodes for graph in scopes) for id in named)


# The graph -----------------------------------------------------------------------------------------------------------


def _graphs(running: Document, wanted: Document) -> Iterator[tuple[Graph, Graph]]:
    for scope in [ROOT, *({**running.blocks, **wanted.blocks})]:
        before = running.scope(scope) if scope == ROOT or scope in running.blocks else Graph()
        after = wanted.scope(scope) if scope == ROOT or scope in wanted.blocks else Graph()
        if before is not after:
            yield before, after


def _compare_graphs(
    before: Graph, after: Graph, settings: list[str], structure: list[str], fixed: dict[tuple[str, str], str]
) -> None:
    added = [node.label for id, node in after.nodes.items() if id not in before.nodes]
    removed = [node.label for id, node in before.nodes.items() if id not in after.nodes]
    structure += [f"{_listed(names)} {verb}" for names, verb in ((added, "added"), (removed, "removed")) if names]
    for id, node in after.nodes.items():
        old = before.nodes.get(id)
        if old is None or old is node:
            continue
        if old.type != node.type:
            structure.append(f"{node.label} is another kind of layer")
        elif (old.tied_to, old.bypassed) != (node.tied_to, node.bypassed):
            structure.append(_wiring_word(old, node))
        for name in _differing(old.parameters, node.parameters) if old.type == node.type else ():
            if node.type.startswith(_DATA):
                fixed[id, name] = f"{FIXED_DATA}: this counts for the next run."
                continue
            words = _parameter_words(node, name, old.parameters.get(name), node.parameters.get(name))
            (settings if is_live(node, name) else structure).append(words)
    changed = sum(before.edges.get(target) != source for target, source in after.edges.items())
    changed += sum(target not in after.edges for target in before.edges)
    if changed and not added and not removed:
        structure.append("1 link changed" if changed == 1 else f"{changed} links changed")


def is_live(node: Node, name: str) -> bool:
    """Whether a layer's parameter reaches a run at once."""
    spec = catalog().get(node.type)
    return spec is not None and (name in _LIVE or (spec.category == "regularization" and name in spec.by_name))


def _parameter_words(node: Node, name: str, before: Any, after: Any) -> str:
    if name == "trainable":
        return f"{node.label} {'learns' if after else 'is frozen'}"
    spec = catalog().get(node.type)
    parameter = spec.by_name.get(name) if spec is not None else None
    title = parameter.title.lower() if parameter is not None else name.replace("_", " ")
    return f"{node.label}: {title} {_value(before)} → {_value(after)}"


def _wiring_word(old: Node, node: Node) -> str:
    if old.bypassed != node.bypassed:
        return f"{node.label} {'is left out' if node.bypassed else 'is back'}"
    return f"{node.label} shares other weights"


def _graph_at_once(running: Graph, wanted: Graph | None) -> Graph:
    if wanted is None or wanted is running:
        return running
    nodes = {id: _node_at_once(node, wanted.nodes.get(id)) for id, node in running.nodes.items()}
    return running if all(nodes[id] is node for id, node in running.nodes.items()) else replace(running, nodes=nodes)


def _node_at_once(running: Node, wanted: Node | None) -> Node:
    if wanted is None or wanted is running or wanted.type != running.type:
        return running
    live = {
        name: wanted.parameters[name]
        for name, value in running.parameters.items()
        if name in wanted.parameters and wanted.parameters[name] != value and is_live(running, name)
    }
    return replace(running, parameters={**running.parameters, **live}) if live else running


def _block_at_once(running: Definition, wanted: Definition | None) -> Definition:
    graph = _graph_at_once(running.graph, wanted.graph if wanted is not None else None)
    return running if graph is running.graph else replace(running, graph=graph)


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name in {**old, **new} if old.get(name) != new.get(name)]


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:3])} and {len(names) - 3} more" if len(names) > 4 else ", ".join(names)


def _value(value: Any) -> str:
    if value is None:
        return "as the optimizer has it"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping) and set(value) == {"="}:
        return f"= {value['=']}"
    if isinstance(value, tuple):
        return "×".join(map(str, value)) if all(isinstance(each, int) for each in value) else str(list(value))
    return str(value)
