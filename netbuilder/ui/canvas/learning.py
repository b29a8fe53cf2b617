"""How a node's weights learn where they do not learn like all others: frozen, or at a rate of their own.

No Qt here. A parameter group names nodes of any graph; the outermost name on a path decides, as in the training.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from netbuilder.document.blocks import block_key, is_block, signature
from netbuilder.document.model import Document, Graph, Node, Plan
from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.parameter import Values
from netbuilder.ui.sight import present

Pace = tuple[float | None, ...]
"""By phase: what the learning rate is multiplied by; None where the phase does not update the node."""

_USUAL: Pace = (1.0,)


@dataclass(frozen=True, slots=True)
class Learning:
    """How the weights of a layer, or those of all layers in a block, learn.

    Attributes:
        frozen: Layers whose weights stay as they are.
        layers: Layers with weights.
        rates: What the learning rate of the others is multiplied by: each number once, the smallest first.
    """

    frozen: int = 0
    layers: int = 0
    rates: tuple[float, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether all learn at the optimizer's rate."""
        return not self.frozen and self.rates in ((), (1.0,))

    @property
    def is_frozen(self) -> bool:
        """Whether nothing of it learns."""
        return self.frozen == self.layers > 0

    @property
    def mark(self) -> str:
        """The rate as it stands on the card: "×0.1"; "" where it is the optimizer's."""
        if self.rates in ((), (1.0,)):
            return ""
        return "×" + "…".join(f"{rate:.3g}" for rate in dict.fromkeys((self.rates[0], self.rates[-1])))

    @property
    def words(self) -> tuple[str, ...]:
        """Sentences for people."""
        found = []
        if self.is_frozen:
            found.append("Frozen: training leaves its weights as they are. Gradients still flow through.")
        elif self.frozen:
            found.append(f"{self.frozen} of the {self.layers} layers with weights in it are frozen.")
        if self.mark:
            some = " or ".join(f"{rate:.3g}" for rate in self.rates)
            found.append(f"{'Learns' if not self.frozen else 'The rest learns'} at {some} times the learning rate.")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Paces:
    """At which pace the nodes of one graph learn, as the plan has it.

    Attributes:
        named: Id -> its pace, of nodes that a parameter group names.
        rest: That of all others.
    """

    named: Mapping[str, Pace] = field(default_factory=dict)
    rest: Pace = _USUAL

    @classmethod
    def of(cls, plan: Plan, path: str = "") -> Paces:
        """Return the paces in a graph.

        Args:
            plan: The plan.
            path: That of the block that is in sight; "" for the main graph.
        """
        named: list[Mapping[str, float]] = []
        rest: list[float | None] = []
        for phase in plan.phases:
            own = {node: group.rate for group in phase.groups for node in group.nodes}
            others = next((group.rate for group in phase.groups if not group.nodes), None)
            around = next((own[part] for part in path.split("/") if part in own), None)
            named.append(own if around is None else {})
            rest.append(others if around is None else around)
        everyone = dict.fromkeys(node for own in named for node in own)
        return cls({node: _pace(node, named, rest) for node in everyone}, tuple(rest))

    def pace(self, node: str) -> Pace:
        """Return the pace of a node."""
        return self.named.get(node, self.rest)

    def inside(self, node: str) -> Paces:
        """Return the paces in a block: the group that names the block decides for all in it."""
        return Paces({}, self.named[node]) if node in self.named else self


def _pace(node: str, named: Iterable[Mapping[str, float]], rest: Iterable[float | None]) -> Pace:
    return tuple(own.get(node, others) for own, others in zip(named, rest, strict=True))


def learning_of(
    node: Node, document: Document, declarations: Mapping[str, Declaration], paces: Paces, block: Values
) -> Learning | None:
    """Return how a node's weights learn; None where they learn like all others, or it has none of its own.

    Args:
        node: A node of the graph in sight.
        document: The document.
        declarations: Type -> declaration.
        paces: Of the graph in sight.
        block: The parameters of the block that is in sight.
    """
    if node.bypassed:
        return None
    if not is_block(node):
        pace = paces.pace(node.id)
        is_usual = pace and node.parameters.get("trainable", True) is True and all(rate == 1.0 for rate in pace)
        if is_usual or not _has_weights(node, declarations):  # with or without weights, nothing is to be said
            return None
    found = list(_layers(node, document, declarations, paces, block, ()))
    rates = sorted({rate for pace in found for rate in pace if rate is not None})
    learning = Learning(sum(all(rate is None for rate in pace) for pace in found), len(found), tuple(rates))
    return None if learning.is_plain else learning


def _layers(
    node: Node,
    document: Document,
    declarations: Mapping[str, Declaration],
    paces: Paces,
    block: Values,
    around: tuple[str, ...],
) -> Iterator[Pace]:
    """Yield the pace of each layer with weights of its own in a node."""
    values = present(node.parameters, block)
    if is_block(node):
        key = block_key(node)
        definition = document.blocks.get(key)
        if definition is not None and key not in around:  # a file may hold a block that contains itself
            defaults = {each.name: each.default for each in signature(definition).parameters}
            for each in definition.graph.nodes.values():
                inside = paces.inside(node.id)
                yield from _layers(each, document, declarations, inside, {**defaults, **values}, (*around, key))
    elif _has_weights(node, declarations) and not node.bypassed:
        yield paces.pace(node.id) if values.get("trainable", True) else ()


def _has_weights(node: Node, declarations: Mapping[str, Declaration]) -> bool:
    """Whether a node has weights of its own: not those of another."""
    declaration = declarations.get(node.type)
    return declaration is not None and not node.tied_to and "trainable" in declaration.by_name


def affected(old: Paces, new: Paces, graph: Graph) -> Collection[str]:
    """Return the nodes whose learning may be another one under other paces."""
    if old == new:
        return ()
    if old.rest != new.rest:
        return graph.nodes.keys()
    named = {node for node in {**old.named, **new.named} if old.pace(node) != new.pace(node)}
    return {id for id, node in graph.nodes.items() if id in named or is_block(node)}
