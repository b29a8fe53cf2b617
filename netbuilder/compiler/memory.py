"""Memory: which values training keeps for the backward pass, and which are alive at once while predicting.

A value counts once, however many layers read it: layers that only see it otherwise (a Flatten) share its memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from netbuilder.compiler.structure import Structure
from netbuilder.document.model import PortRef
from netbuilder.foundation.steps import Steps

_PIECE: Final = 1000
"""Layers that are looked at in one step."""


@dataclass(frozen=True, slots=True)
class Trait:
    """What of a layer decides which values are kept, whatever their sizes.

    Attributes:
        inputs: Input ports whose values its backward pass reads.
        outputs: Output ports likewise.
        is_view: Whether its outputs are its input's memory.
        learns: Whether it has weights that training changes.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    is_view: bool = False
    learns: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Which values live when.

    Attributes:
        keeper: Value -> the layer that training keeps it for, the first that needs it.
        kept: Layer -> the values that are kept for it.
        learning: Layers that gradients flow through, so that they keep something at all.
        steps: For each layer of `forward` in order: the values that it makes, and those that nobody reads after it.
        given: Values that the data bring in to be predicted from.
    """

    keeper: Mapping[PortRef, str]
    kept: Mapping[str, Sequence[PortRef]]
    learning: frozenset[str]
    steps: Sequence[tuple[Sequence[PortRef], Sequence[PortRef]]]
    given: Sequence[PortRef]


def plan_memory(structure: Structure, traits: Mapping[str, Trait]) -> Steps[Plan]:
    """Work out which values are kept for training, and how long each lives while predicting.

    Args:
        structure: The document's structure.
        traits: Node path -> its trait, for every layer whose shapes are known.
    """
    flow = structure.flow
    order = [*flow.forward, *dict.fromkeys(id for _, ids in flow.phases for id in ids)]
    yield
    values = _Values(structure, traits, order)
    yield
    learning: set[str] = set()
    keeper: dict[PortRef, str] = {}
    kept: dict[str, list[PortRef]] = {}
    for number, id in enumerate(order, 1):
        if not number % _PIECE:
            yield
        trait = traits.get(id)
        if trait is None:
            continue
        links = structure.links.get(id, ())
        if not (trait.learns or any(source.node in learning for _, source in links)):
            continue
        learning.add(id)
        for value in values.of(id, trait):
            if value not in keeper:
                keeper[value] = id
                kept.setdefault(id, []).append(value)
    yield
    steps = yield from _lives(structure, values, flow.forward)
    yield
    read = {source for id in flow.forward for _, source in structure.links.get(id, ())}
    given = [port for port in flow.entries if port in read]
    return Plan(keeper, kept, frozenset(learning), steps, given)


class _Values:
    """Ports by the value that they show."""

    def __init__(self, structure: Structure, traits: Mapping[str, Trait], order: Iterable[str]) -> None:
        self.links = structure.links
        self._shown: dict[PortRef, PortRef] = {}
        for id in order:  # each after what feeds it
            trait, links = traits.get(id), self.links.get(id, ())
            if trait is not None and trait.is_view and links:
                value = self.root(links[0][1])
                self._shown.update((PortRef(id, port), value) for port in structure.kinds[id].outputs or ())

    def root(self, port: PortRef) -> PortRef:
        """Return the port whose memory another shows."""
        return self._shown.get(port, port)

    def of(self, id: str, trait: Trait) -> Iterable[PortRef]:
        """Return the values that a layer's backward pass reads."""
        links = dict(self.links.get(id, ()))
        ports = [links[port] for port in trait.inputs if port in links]
        ports += [PortRef(id, port) for port in trait.outputs]
        return [self.root(port) for port in ports]


def _lives(
    structure: Structure, values: _Values, forward: Sequence[str]
) -> Steps[list[tuple[Sequence[PortRef], Sequence[PortRef]]]]:
    """Return for each layer in order the values that it makes, and those that are read for the last time."""
    last: dict[PortRef, int] = {}
    made: list[list[PortRef]] = []
    kinds, links, root = structure.kinds, structure.links, values.root
    for step, id in enumerate(forward):
        if not (step + 1) % _PIECE:
            yield
        own = [root(PortRef(id, port)) for port in kinds[id].outputs or ()]
        made.append([port for port in own if port.node == id])
        last.update(dict.fromkeys(own, step))
        for _, source in links.get(id, ()):
            last[root(source)] = step
    yield
    for port in structure.flow.outputs:
        last[values.root(port)] = len(forward)
    ended: list[list[PortRef]] = [[] for _ in range(len(forward) + 1)]
    for value, step in last.items():
        if not structure.kinds[value.node].is_entry:  # the data belong to whoever calls
            ended[step].append(value)
    return list(zip(made, ended[:-1], strict=True))


def peak(plan: Plan, sizes: Mapping[PortRef, int]) -> int:
    """Return the most bytes that values take at once while predicting, for one sample, the data included.

    Args:
        plan: Which values live when.
        sizes: Value -> bytes for one sample.
    """
    get = sizes.get
    alive = most = sum(get(port, 0) for port in plan.given)
    for made, ended in plan.steps:
        for value in made:
            alive += get(value, 0)
        most = max(most, alive)
        for value in ended:
            alive -= get(value, 0)
    return most
