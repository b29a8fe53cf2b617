"""Cost: parameters, multiply-adds and memory of each layer and of the whole network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from netbuilder.compiler.memory import Plan, Trait, peak, plan_memory
from netbuilder.compiler.paths import enclosing
from netbuilder.compiler.shapes import Found, Shapes
from netbuilder.compiler.structure import Kind, Outline, Structure
from netbuilder.document.identity import fresh_keys
from netbuilder.document.model import Document, PortRef
from netbuilder.foundation.steps import Steps, finish
from netbuilder.layers.retention import is_view, retained
from netbuilder.layers.spec import LayerSpec
from netbuilder.layers.tensor import bytes_a_sample, numbers_a_sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a layer, or a network, costs.

    Attributes:
        parameters: Numbers in its weights; shared weights count where they belong, once.
        trainable: Those of them that training changes.
        macs: Multiply-adds for one sample.
        elements: Numbers in its outputs for one sample.
        bytes: Memory of its outputs for one sample.
        kept: Memory that training keeps for its backward pass, for one sample; a value that several layers need counts
            at the first of them.
    """

    parameters: int = 0
    trainable: int = 0
    macs: int = 0
    elements: int = 0
    bytes: int = 0
    kept: int = 0


_FREE = Cost()

_PIECE = 1000
"""Layers that are counted at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Costs of a graph.

    Attributes:
        nodes: Node path -> its cost, for every layer whose shapes are known.
        total: Their sum.
        peak: The most memory that values take at once while the network predicts, for one sample, its input included.
        complete: Whether every layer's shapes are known; else the total is a lower bound.
    """

    nodes: Mapping[str, Cost] = field(default_factory=dict)
    total: Cost = Cost()
    peak: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is known of one node.

    Attributes:
        found: What shape inference found, which everything here follows from.
        cost: Its cost without the values that are kept for it; None for data, Inputs and unknown layers.
        trait: Which values it keeps.
        extra: Bytes that it keeps beside values.
    """

    found: Found
    cost: Cost | None
    trait: Trait | None
    extra: int


def count_costs(document: Document, shapes: Shapes) -> Costs:
    """Count what the layers of a document cost, those in blocks too; sizes that vary count as 1.

    Args:
        document: What to count.
        shapes: Its shapes.
    """
    return CostCounter().count(document, shapes, Outline())


class CostCounter:
    """Counts the costs of a document after each edit; what did not change is not counted again."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._structure: Structure | None = None
        self._entries: dict[str, _Entry] = {}
        self._plan: Plan | None = None
        self._sizes: dict[PortRef, int] = {}
        self._nodes: dict[str, Cost] = {}
        self._costs = Costs()
        self._total = Cost()
        self._peak: int | None = None
        self._due: set[str] = set()
        self._found: Mapping[str, Found] = {}
        self._done: frozenset[str] | None = None

    def count(self, document: Document, shapes: Shapes, outline: Outline) -> Costs:
        """Count what the layers of a document cost, those in blocks too; sizes that vary count as 1.

        Args:
            document: What to count.
            shapes: Its shapes.
            outline: What followed the document so far.
        """
        return finish(self.count_in_steps(document, shapes, outline))

    def count_in_steps(self, document: Document, shapes: Shapes, outline: Outline) -> Steps[Costs]:
        """Count what the layers of a document cost, as `count` does; where its structure changed, in steps.

        What was begun and abandoned is made up for the next time.
        """
        structure = outline.follow(shapes.expansion.drawn(document), shapes.expansion)
        if structure is not self._structure:
            self._forget(structure)
        yield from self._renew(shapes)
        yield
        if not self._due and self._plan is not None:
            return self._costs
        if self._plan is None:
            traits = {id: entry.trait for id, entry in self._entries.items() if entry.trait is not None}
            self._plan = yield from plan_memory(structure, traits)
            self._due, self._peak = set(self._entries), None
            yield
        yield from self._keep()
        if self._peak is None:
            self._peak = peak(self._plan, self._sizes)
        self._costs = Costs(
            nodes=self._nodes | _blocks(self._nodes, shapes),
            total=self._total,
            peak=self._peak,
            complete=len(self._nodes) == len(structure.remember(_layers)),
        )
        return self._costs

    def _forget(self, structure: Structure) -> None:
        """Begin with another structure: the plan is another, and layers may be gone or others."""
        self._structure, self._plan = structure, None
        self._found, self._done = {}, None

    def _renew(self, shapes: Shapes) -> Steps[None]:
        """Bring the entries up to date."""
        assert self._structure is not None
        entries, found, done, kinds = self._entries, shapes.found, shapes.done, self._structure.kinds
        is_same = done == self._done
        gone = [] if is_same else [id for id in entries if id not in done or id not in kinds]
        fresh = fresh_keys(self._found, found) if is_same else list(kinds)
        self._found, self._done = {}, None  # until all of this is entered, should it be abandoned
        stale = [id for id in fresh if id in kinds and id in done and not self._is_current(id, found[id])]
        for id in gone:
            self._drop(id)
            self._due.add(id)
            self._plan = None
        for number, id in enumerate(stale, 1):
            before = entries.get(id)
            entry = _entry(kinds[id], found[id])
            self._take(id, entry)
            self._due.add(id)
            if before is None or before.trait != entry.trait:
                self._plan = None
            if not number % _PIECE:
                yield
        self._found, self._done = found, done

    def _is_current(self, id: str, found: Found) -> bool:
        entry = self._entries.get(id)
        return entry is not None and entry.found is found

    def _drop(self, id: str) -> None:
        for port, _ in self._entries.pop(id).found.outputs:
            self._sizes.pop(port, None)
        self._peak = None
        self._set(id, None)

    def _take(self, id: str, entry: _Entry) -> None:
        before, self._entries[id] = self._entries.get(id), entry
        if before is None or before.found.outputs != entry.found.outputs:
            self._peak = None
            for port, _ in before.found.outputs if before is not None else ():
                self._sizes.pop(port, None)
            for port, type_ in entry.found.outputs:
                self._sizes[port] = bytes_a_sample(type_)
        self._set(id, entry.cost)

    def _set(self, id: str, cost: Cost | None) -> None:
        """Enter a layer's cost and keep the total in step."""
        before = self._nodes.pop(id, None)
        if cost is not None:
            self._nodes[id] = cost
        self._total = _exchanged(self._total, before, cost)

    def _keep(self) -> Steps[None]:
        """Add what is kept to the costs of the changed layers, and of those for which their values are kept."""
        assert self._plan is not None
        plan, sizes, changed = self._plan, self._sizes, self._due
        ports = (port for id in changed if id in self._entries for port, _ in self._entries[id].found.outputs)
        touched = changed | {plan.keeper[port] for port in ports if port in plan.keeper}
        for number, id in enumerate(touched & self._nodes.keys(), 1):
            kept = 0
            if id in plan.learning:
                kept = self._entries[id].extra + sum([sizes.get(value, 0) for value in plan.kept.get(id, ())])
            if kept != self._nodes[id].kept:
                self._set(id, replace(self._nodes[id], kept=kept))
            if not number % _PIECE:
                yield
        yield  # while what is due is still known, should this be abandoned
        self._due = set()


def _layers(structure: Structure) -> tuple[str, ...]:
    """Return the nodes that cost something."""
    return tuple(id for id, kind in structure.kinds.items() if kind.spec is not None and not kind.is_entry)


def _entry(kind: Kind, found: Found) -> _Entry:
    spec, facts = kind.spec, found.facts
    if spec is None or kind.is_entry:
        return _Entry(found, None, None, 0)
    owner = found.owner or found.node
    values = spec.resolve(owner.parameters)
    weights = facts.weights
    outputs = {port.port: type_ for port, type_ in found.outputs}
    inputs = {port.name: found.inputs[port.name] for port in spec.input_ports(values) if port.name in found.inputs}
    keeps = retained(spec, values, inputs, outputs)
    learns = weights is not None and weights.trainable > 0
    own = weights if found.owner is None else None
    cost = Cost(
        parameters=own.total if own else 0,
        trainable=own.trainable if own else 0,
        macs=spec.macs(values, inputs, outputs) if spec.macs else 0,
        elements=0 if spec.is_loss else sum(map(numbers_a_sample, outputs.values())),
        bytes=0 if spec.is_loss else sum(map(bytes_a_sample, outputs.values())),
    )
    return _Entry(
        found, cost, _trait(spec, keeps.inputs, keeps.outputs, is_view(spec, inputs, outputs), learns), keeps.extra
    )


def _trait(spec: LayerSpec, inputs: tuple[str, ...], outputs: tuple[str, ...], view: bool, learns: bool) -> Trait:
    return Trait(inputs, outputs, view and spec.key not in ("input", "output"), learns)


def _blocks(nodes: Mapping[str, Cost], shapes: Shapes) -> dict[str, Cost]:
    """Return the costs of block nodes: those of what is in them."""
    inside: dict[str, list[Cost]] = {path: [] for path in shapes.expansion.copies}
    if inside:
        for id, cost in nodes.items():
            for block in enclosing(id):
                inside[block].append(cost)
    return {path: _sum(each) for path, each in inside.items()}


def _sum(costs: Iterable[Cost]) -> Cost:
    parameters = trainable = macs = elements = size = kept = 0
    for each in costs:
        parameters += each.parameters
        trainable += each.trainable
        macs += each.macs
        elements += each.elements
        size += each.bytes
        kept += each.kept
    return Cost(parameters=parameters, trainable=trainable, macs=macs, elements=elements, bytes=size, kept=kept)


def _exchanged(total: Cost, old: Cost | None, new: Cost | None) -> Cost:
    """Return a total with one of its parts replaced."""
    old, new = old or _FREE, new or _FREE
    return Cost(
        parameters=total.parameters - old.parameters + new.parameters,
        trainable=total.trainable - old.trainable + new.trainable,
        macs=total.macs - old.macs + new.macs,
        elements=total.elements - old.elements + new.elements,
        bytes=total.bytes - old.bytes + new.bytes,
        kept=total.kept - old.kept + new.kept,
    )
