"""Readiness: everything that stands in the way of training, found without training and without reading data.

The window and the terminal both ask `review`. What only the disk can tell (a file that is gone, a table with other
columns) comes from `read`, which takes its time: the window calls it on a thread. Importing this loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from netbuilder.compiler.flow import is_loss
from netbuilder.compiler.problems import find_problems_in_steps
from netbuilder.compiler.shapes import DATA, Shapes
from netbuilder.compiler.structure import Outline, Structure
from netbuilder.data import schemas, sources
from netbuilder.data.settings import SHARED
from netbuilder.document.model import Document, Field, Group, Node, Phase, Plan, Schema, Setting
from netbuilder.document.plan import PLAN_PARAMETERS
from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.parameter import Kind
from netbuilder.foundation.problem import Fix, NetbuilderError, Problem, Severity
from netbuilder.foundation.steps import Steps, finish
from netbuilder.training import optimizers, schedules
from netbuilder.training.optimizers_adam import ADAM
from netbuilder.training.schedules_stepped import CONSTANT

_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


def review(
    document: Document, shapes: Shapes, noticed: Sequence[Problem] = (), outline: Outline | None = None
) -> tuple[Problem, ...]:
    """Return all that prevents training or should be known before it, errors first.

    Args:
        document: What to look at.
        shapes: Its shapes, so far as they are known.
        noticed: What looking at the data nodes' files brought to light.
        outline: What followed the document so far, whose work is not done again; None works everything out.
    """
    return finish(review_in_steps(document, shapes, noticed, outline or Outline()))


def review_in_steps(
    document: Document, shapes: Shapes, noticed: Sequence[Problem], outline: Outline
) -> Steps[tuple[Problem, ...]]:
    """Return all that prevents training, as `review` does; where the document's structure changed, in steps."""
    structure = outline.follow(shapes.expansion.drawn(document), shapes.expansion)
    is_drawn = structure.drawn.graph.edges == document.graph.edges  # not so where nodes are bypassed
    linked = structure.remember(_linked_nodes) if is_drawn else linked_nodes(document)
    told = {each.node for each in noticed}  # why they could not be read says more than that they were not
    problems = yield from find_problems_in_steps(document, shapes, outline)
    found = [
        *(each if each.node in linked or not each.is_error else _as_warning(each) for each in noticed),
        *(each for each in problems if each.code != "data.schema" or each.node not in told),
        *_split_problems(document, linked),
        *_plan_problems(document),
    ]
    return tuple(sorted(found, key=lambda each: _RANKS[each.severity]))


def linked_nodes(document: Document) -> frozenset[str]:
    """Return the ids of the nodes that something is linked to: other data nodes are not read for training."""
    return frozenset(map(attrgetter("node"), document.graph.edges.values()))


def _linked_nodes(structure: Structure) -> frozenset[str]:
    return linked_nodes(structure.drawn)


def _as_warning(problem: Problem) -> Problem:
    return replace(problem, severity=Severity.WARNING)


def _split_problems(document: Document, linked: frozenset[str]) -> Iterator[Problem]:
    """Find parts of the data that would be empty, as far as the number of rows tells."""
    for id, schema in document.schemas.items():
        node = document.graph.nodes.get(id)
        if node is None or id not in linked or node.type not in sources.registry() or not schema.rows:
            continue
        try:
            schemas.check_split(node.type, node.parameters, schema.rows)
        except NetbuilderError as error:
            yield from _at(node, error)


def _at(node: Node, error: NetbuilderError) -> tuple[Problem, ...]:
    """Return the problems of `error`, placed at a node."""
    return tuple(replace(problem, node=node.id) for problem in error.problems)


# -- the plan ------------------------------------------------------------------------------------------------------


def _plan_problems(document: Document) -> Iterator[Problem]:
    plan = document.plan
    yield from _value_problems(plan)
    for index, phase in enumerate(plan.phases):
        yield from _setting_problems(optimizers.find, phase.optimizer, "optimizer", ADAM, index)
        yield from _setting_problems(schedules.find, phase.schedule, "schedule", CONSTANT, index)
        yield from _lost_losses(document, index)
        yield from _lost_nodes(document, index)


def _value_problems(plan: Plan) -> Iterator[Problem]:
    for parameter in PLAN_PARAMETERS:
        value = getattr(plan, parameter.name)
        try:
            parameter.normalize(value)
        except ValueError as error:
            fix = Fix(
                title=f"Set it to {parameter.default}",
                edit="change_plan",
                arguments={"values": {parameter.name: parameter.default}},
            )
            yield Problem(code="plan.value", message=f"{error}.", field=parameter.name, found=str(value), fixes=(fix,))


def _setting_problems(
    find: Callable[[Setting], tuple[Declaration, dict[str, Any]]],
    setting: Setting,
    field: str,
    usual: Declaration,
    phase: int,
) -> Iterator[Problem]:
    """Find out whether an optimizer or a schedule is known and accepts its values."""
    try:
        find(setting)
    except NetbuilderError as error:
        try:
            spec, _ = find(Setting(key=setting.key))
            title = f"Use the default values of {spec.title}"
        except NetbuilderError:  # this version does not know it at all
            spec, title = usual, f"Use {usual.title}"
        arguments = {"key": spec.key, "values": spec.defaults(), "phase": phase}
        fix = Fix(title=title, edit=f"set_{field}", arguments=arguments)
        yield from (replace(problem, fixes=(fix,)) for problem in error.problems)


def _lost_losses(document: Document, index: int) -> Iterator[Problem]:
    """Find names of losses that are no longer there."""
    nodes, phase = document.graph.nodes, document.plan.phases[index]
    left = tuple(id for id in phase.losses if id in nodes and is_loss(nodes[id]))
    if left == phase.losses:
        return
    if left:
        yield Problem(
            code="plan.losses",
            message=f"The phase {phase.name!r} of the plan names losses that are gone; it trains for the others.",
            severity=Severity.WARNING,
            field="phases",
            fixes=(_with_phase("Forget those that are gone", document.plan, index, replace(phase, losses=left)),),
        )
        return
    everything = _with_phase("Train for all losses", document.plan, index, replace(phase, losses=()))
    rest = (*document.plan.phases[:index], *document.plan.phases[index + 1 :])
    removal = _with_plan(f"Remove the phase {phase.name!r}", replace(document.plan, phases=rest))
    yield Problem(
        code="plan.no_loss",
        message=f"The losses that the phase {phase.name!r} of the plan trains for are gone, so it has nothing to do.",
        field="phases",
        expected="a loss node",
        fixes=(removal, everything) if rest else (everything,),
    )


def _lost_nodes(document: Document, index: int) -> Iterator[Problem]:
    """Find names of layers that are no longer there."""
    phase = document.plan.phases[index]
    if phase.groups and not any(group.nodes for group in phase.groups):
        return
    known = document.graph.nodes.keys() | {id for block in document.blocks.values() for id in block.graph.nodes}
    groups = tuple(
        replace(group, nodes=tuple(id for id in group.nodes if id in known))
        for group in phase.groups
        if not group.nodes or not known.isdisjoint(group.nodes)  # one whose nodes are all gone would mean all layers
    )
    if groups == phase.groups and groups:
        return
    if groups:
        yield Problem(
            code="plan.nodes",
            message=f"The phase {phase.name!r} of the plan names layers that are gone.",
            severity=Severity.WARNING,
            field="phases",
            fixes=(_with_phase("Forget those that are gone", document.plan, index, replace(phase, groups=groups)),),
        )
        return
    every = _with_phase("Update all layers", document.plan, index, replace(phase, groups=(Group(),)))
    yield Problem(
        code="plan.nothing_to_train",
        message=f"The layers that the phase {phase.name!r} of the plan updates are gone, so it has nothing to train.",
        field="phases",
        expected="at least one trainable layer",
        fixes=(every,),
    )


def _with_phase(title: str, plan: Plan, index: int, phase: Phase) -> Fix:
    return _with_plan(title, replace(plan, phases=(*plan.phases[:index], phase, *plan.phases[index + 1 :])))


def _with_plan(title: str, plan: Plan) -> Fix:
    return Fix(title=title, edit="set_plan", arguments={"plan": msgspec.to_builtins(plan)})


# -- the data ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a look at a data node's files brought to light.

    Attributes:
        node: The node as it was then.
        base: The folder that relative paths were relative to.
        known: What the document said that it yields.
        schema: What it yields; None when that could not be found out.
        problems: Why not.
    """

    node: Node
    base: Path
    known: Schema | None
    schema: Schema | None = None
    problems: tuple[Problem, ...] = ()

    def is_about(self, document: Document, base: Path) -> bool:
        """Whether the document still has this node, reading the same and said to yield the same."""
        node = document.graph.nodes.get(self.node.id)
        if node is None or base != self.base or document.schemas.get(node.id) != self.known:
            return False
        return node is self.node or (node.type, _what(node)) == (self.node.type, _what(self.node))


def _what(node: Node) -> dict[str, Any]:
    return {name: value for name, value in node.parameters.items() if name not in SHARED}


def nodes_to_read(document: Document, among: Iterable[str] | None = None) -> list[Node]:
    """Return the data nodes whose files may have changed, and those of which nothing is known; others need no look.

    Args:
        document: Where to look.
        among: Ids of the nodes that are asked about; None for all.
    """
    found, nodes = [], document.graph.nodes
    for node in nodes.values() if among is None else map(nodes.__getitem__, among):
        if not node.type.startswith(DATA):  # which spares a look at thousands of layers
            continue
        source = sources.registry().get(node.type)
        if source is None:
            continue
        paths = [each.name for each in source.parameters if each.kind in (Kind.FILE, Kind.FOLDER)]
        if node.id not in document.schemas or any(node.parameters.get(name) for name in paths):
            found.append(node)
    return found


def read(document: Document, node: Node, base: Path, before: Reading | None = None) -> Reading:
    """Look at a data node's files; they are read only where they changed since the document or `before` knew them.

    Args:
        document: What the node is in.
        node: A data node of a known source.
        base: The folder that relative paths are relative to.
        before: What an earlier look found, if it is about the same.
    """
    known = document.schemas.get(node.id)
    last = before.schema if before else known
    try:
        if last is None or schemas.is_stale(last, node.type, node.parameters, base):
            last = schemas.describe(node.type, node.parameters, base)
    except NetbuilderError as error:
        return Reading(node=node, base=base, known=known, problems=_at(node, error))
    except OSError as error:  # another program is at work in the folder at this very moment
        message = f"{node.label} cannot be read now: {error.strerror or error}."
        problem = Problem(code="data.unreadable", message=message, node=node.id, file=str(error.filename or ""))
        return Reading(node=node, base=base, known=known, problems=(problem,))
    return Reading(node=node, base=base, known=known, schema=last)


def apply_readings(document: Document, readings: Iterable[Reading]) -> tuple[Document, tuple[Problem, ...]]:
    """Return the document as its data are now, for looking at it, and what the user has to decide on.

    Numbers of rows are taken over; other fields, sizes and classes become a problem with a fix, since links and
    layers depend on them.

    Args:
        document: The user's; it stays as it is.
        readings: About nodes of this document.
    """
    found: dict[str, Schema] = {}
    problems: list[Problem] = []
    for reading in readings:
        problems.extend(reading.problems)
        if reading.schema is None or reading.schema == reading.known:
            continue
        node = document.graph.nodes[reading.node.id]
        change = find_change(node, reading.known, reading.schema)
        if change is None:
            found[node.id] = reading.schema
        else:
            problems.append(change)
    return replace(document, schemas={**document.schemas, **found}) if found else document, tuple(problems)


def _fields(schema: Schema) -> tuple[Field, ...]:
    return tuple(replace(field, extra={}) for field in schema.fields)


def find_change(node: Node, known: Schema | None, schema: Schema) -> Problem | None:
    """Return the problem that a data node yields other fields than the network was drawn for; None when it does not.

    Args:
        node: The data node.
        known: What the document says that it yields; None when it says nothing.
        schema: What it yields.
    """
    if known is not None and _fields(known) == _fields(schema):
        return None
    arguments = {"node": node.id, "schema": msgspec.to_builtins(schema)}
    if known is None:
        return Problem(
            code="data.schema",
            message=f"{node.label} was not read when this network was drawn, so its fields are not known.",
            node=node.id,
            fixes=(Fix(title="Read it", edit="set_schema", arguments=arguments),),
        )
    what = ", ".join(_differences(known, schema)) or "its fields are in another order"
    return Problem(
        code="data.changed",
        message=f"The data of {node.label} changed since they were last read: {what}.",
        node=node.id,
        fixes=(Fix(title="Take over what is there now", edit="set_schema", arguments=arguments),),
    )


def _differences(known: Schema, schema: Schema) -> Iterator[str]:
    """Say in words how the fields differ."""
    before, now = ({field.name: field for field in _fields(each)} for each in (known, schema))
    yield from (f"{name} is gone" for name in before if name not in now)
    yield from (f"{name} is new" for name in now if name not in before)
    for name, old in before.items():
        new = now.get(name, old)
        if len(new.classes) != len(old.classes):
            yield f"{name} has {len(new.classes)} classes and had {len(old.classes)}"
        elif new.classes != old.classes:
            yield f"{name} has other classes"
        elif new.dims != old.dims:
            yield f"{name} has the size {_size(new)} and had {_size(old)}"
        elif new != old:
            yield f"{name} holds other values"


def _size(field: Field) -> str:
    return " × ".join(map(str, field.dims)) or "1"
