"""Shape inference: the type of every port, or the problem of the node where it stops.

It walks the document's expansion: nodes inside blocks are known by their node paths, once for each instance.

Only what an edit changed is computed again: each node's result is kept with what it depends on, and what a layer gives
for equal parameters and equal input types is kept for all nodes. Torch is imported on demand, but never while there is
a deadline: the window calls this before torch is there.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from netbuilder.compiler.custom import find_obstacle
from netbuilder.compiler.expansion import Expander, Expansion
from netbuilder.compiler.facts import NOTHING, Facts, fields_of, foreign_facts, missing_size, resolved, without_torch
from netbuilder.compiler.paths import enclosing, once
from netbuilder.compiler.wording import Trouble, describe, refused, trouble_of
from netbuilder.document.blocks import is_block
from netbuilder.document.model import Document, Graph, Node, PortRef, Schema
from netbuilder.foundation.problem import Problem
from netbuilder.layers.catalog import catalog
from netbuilder.layers.foreign import is_foreign
from netbuilder.layers.relations import check_all
from netbuilder.layers.spec import LayerSpec, Types
from netbuilder.layers.tensor import TensorType

if TYPE_CHECKING:
    from netbuilder.compiler.meta import MetaRunner, Weights

DATA: Final = "data."
"""What the type of a data node begins with."""

FACTS: Final = 50_000
"""How many layers' results are kept; then all are dropped."""

_WARM_UP: Final = "netbuilder-warm-up"


NO_EXPANSION: Final = Expansion(Document())
"""The expansion of nothing."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """What shape inference knows of a document.

    Attributes:
        types: Output ports and linked input ports -> type; those of block nodes, and of the inputs and outputs inside
            blocks, too. A pending node's outputs keep their old types.
        derived: Node path -> the sizes that its constructor takes from its input.
        weights: Node path -> its weights, for every node with a module of its own.
        problems: Where and why types could not be found; nodes downstream of such a node are just not in `types`.
        pending: Nodes not yet looked at, for want of time or of torch; a block while any node in it is.
        done: Nodes whose outputs are known; a block when all nodes in it are.
        expansion: The document written out.
        found: Node path -> what was found of it; the same object as long as it depends on the same.
    """

    types: Mapping[PortRef, TensorType] = field(default_factory=dict)
    derived: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    weights: Mapping[str, Weights] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    pending: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    expansion: Expansion = NO_EXPANSION
    found: Mapping[str, Found] = field(default_factory=dict)


@dataclass(slots=True)
class Found:
    """A node's result and what it depends on.

    Attributes:
        node: The node.
        owner: The node whose weights it shares, if any.
        schema: What it yields, for a data node.
        inputs: The types of its linked inputs.
        facts: What it gives.
        outputs: Its output ports with their types.
    """

    node: Node
    owner: Node | None
    schema: Schema | None
    inputs: Types
    facts: Facts
    outputs: tuple[tuple[PortRef, TensorType], ...]


@dataclass(frozen=True, slots=True)
class Wiring:
    """The links of a graph by node, and an order of its nodes."""

    edges: Mapping[PortRef, PortRef]
    nodes: frozenset[str]
    order: Sequence[str]
    incoming: Mapping[str, Sequence[tuple[PortRef, PortRef]]]


class ShapeInference:
    """Infers shapes and keeps what it learned; one for each open document.

    Attributes:
        runs: How many layers torch was asked about so far.
    """

    def __init__(self) -> None:
        """Start with nothing known."""
        self._facts: dict[tuple[Any, ...], Facts] = {}
        self._memos: dict[str, Found] = {}
        self._wiring: Wiring | None = None
        self._expander = Expander()
        self._runner: MetaRunner | None = None

    @property
    def runs(self) -> int:
        """How many layers torch was asked about so far."""
        return self._runner.runs if self._runner else 0

    def infer(self, document: Document, deadline: float | None = None) -> Shapes:
        """Return the types of all ports so far as they are known.

        Args:
            document: What to look at.
            deadline: When to stop asking torch, on the clock of `time.perf_counter`; at least one layer is asked each
                time, so that repeated calls come to an end. None means never, and torch is imported if need be.
        """
        if deadline is None or _torch_is_warm():
            self._start()
        return _Pass(self, document, self._expander.expand(document), deadline).walk()

    def _start(self) -> None:
        if self._runner is None:
            from netbuilder.compiler.meta import MetaRunner

            self._runner = MetaRunner()

    def wiring(self, graph: Graph) -> Wiring:
        """Return the links of a graph by node and an order of its nodes; nodes on circles are left out."""
        known = self._wiring
        if known is not None and known.edges is graph.edges and known.nodes == graph.nodes.keys():
            return known
        self._wiring = wiring = wire(graph)
        return wiring

    def facts(
        self, spec: LayerSpec, values: Mapping[str, Any], inputs: Types, may_run: bool, may_wait: bool
    ) -> Facts | None:
        """Return what a layer gives; None when that would need torch or time and they may not be asked for now."""
        key = (spec.key, tuple(values.values()), tuple(inputs.items()))
        found = self._facts.get(key)
        if found is None:
            found = self._find(spec, values, inputs, may_run, may_wait)
            if found is not None:
                if len(self._facts) >= FACTS:
                    self._facts.clear()
                self._facts[key] = found
        return found

    def _find(
        self, spec: LayerSpec, values: Mapping[str, Any], inputs: Types, may_run: bool, may_wait: bool
    ) -> Facts | None:
        mismatch = check_all(spec, values, inputs)
        if mismatch is not None:
            return Facts(troubles=(trouble_of(mismatch),))
        if any(port.name not in inputs and not port.optional for port in spec.input_ports(values)):
            return NOTHING
        derived = spec.derive(values, inputs)
        missing = missing_size(spec, values, derived, inputs)
        if missing is not None:
            return Facts(troubles=(missing,))
        if spec.is_custom:
            return self._try(values, derived, inputs, may_wait)
        types, weights = without_torch(spec, values, inputs), None
        if types is None or spec.make_text(values):
            if not may_run or self._runner is None:
                return None
            from netbuilder.compiler.meta import Layer, Refusal

            try:
                ran, weights = self._runner.run(Layer(spec, values, derived, inputs))
            except Refusal as refusal:
                return Facts(troubles=(refused(str(refusal), refusal.batch, inputs),))
            types = ran if types is None else types
        return Facts(types, derived, weights, known=True)

    def _try(
        self, values: Mapping[str, Any], derived: Mapping[str, int], inputs: Types, may_wait: bool
    ) -> Facts | None:
        """Return what a custom layer gives, which is tried in a process of its own, behind the window's back."""
        if self._runner is None:
            return None
        from netbuilder.compiler.trials import try_out

        return try_out(values, derived, inputs, may_wait)


class _Pass:
    """One walk through a graph."""

    def __init__(
        self, inference: ShapeInference, document: Document, expansion: Expansion, deadline: float | None
    ) -> None:
        self.inference, self.document, self.expansion, self.deadline = inference, document, expansion, deadline
        self.graph = expansion.flat.graph
        self.old = inference._memos
        self.memos: dict[str, Found] = {}
        self.stale: dict[str, Found] = {}
        self.types: dict[PortRef, TensorType] = {}
        self.pending: set[str] = set()
        self.troubles: list[tuple[str, Trouble]] = []
        self.asked = inference.runs

    def walk(self) -> Shapes:
        """Look at every node in order."""
        wiring = self.inference.wiring(self.graph)
        nodes, types, pending = self.graph.nodes, self.types, self.pending
        for id in wiring.order:
            links = wiring.incoming.get(id, ())
            node = nodes[id]
            inputs = {}
            for target, source in links:
                if source.node in pending:
                    self._postpone(id)
                    break
                type_ = types.get(source)
                if type_ is not None:
                    inputs[target.port] = types[target] = type_
            else:
                self._look(node, inputs, complete=len(inputs) == len(links))
        self._check_ties()
        self.inference._memos = self.memos | self.stale
        return self._result()

    def _look(self, node: Node, inputs: dict[str, TensorType], complete: bool) -> None:
        memo = self.old.get(node.id)
        owner = self.graph.nodes.get(node.tied_to) if node.tied_to else None
        schema = self.document.schemas.get(node.id)
        if memo is None or not (
            memo.facts.lasting
            and memo.node is node
            and memo.owner is owner
            and memo.schema is schema
            and memo.inputs == inputs
        ):
            facts = self._facts(node, owner, schema, inputs, complete)
            if facts is None:
                self._postpone(node.id)
                return
            outputs = tuple((PortRef(node.id, port), type_) for port, type_ in facts.outputs.items())
            memo = Found(node, owner, schema, inputs, facts, outputs)
        self.memos[node.id] = memo
        for port, type_ in memo.outputs:
            self.types[port] = type_
        for trouble in memo.facts.troubles:
            self.troubles.append((node.id, trouble))

    def _facts(
        self, node: Node, owner: Node | None, schema: Schema | None, inputs: dict[str, TensorType], complete: bool
    ) -> Facts | None:
        if node.type.startswith(DATA):
            return fields_of(schema)
        if is_foreign(node.type):
            return foreign_facts(node)
        spec = catalog().get(node.type)
        if spec is None and is_block(node):
            return NOTHING  # the expansion has told why it could not be written out
        if spec is None:
            return Facts(
                troubles=(
                    Trouble(
                        code="layer.unknown",
                        message=f"is of the unknown layer type {node.type!r}; it is kept unchanged",
                    ),
                )
            )
        values = resolved(spec, node if owner is None or owner.type != node.type else owner)
        if not isinstance(values, dict):
            return Facts(troubles=values)
        obstacle = find_obstacle(spec, values)
        if obstacle is not None:
            return Facts(troubles=(obstacle,), lasting=False)
        ports = {port.name for port in spec.input_ports(values)}
        known = {port.name: inputs[port.name] for port in spec.input_ports(values) if port.name in inputs}
        if not complete and not any(name in ports for name in inputs):
            return NOTHING
        return self.inference.facts(spec, values, known, self._may_run(), self.deadline is None)

    def _may_run(self) -> bool:
        if self.deadline is None or self.inference.runs == self.asked:
            return True
        return time.perf_counter() < self.deadline

    def _postpone(self, id: str) -> None:
        """Leave a node for later, showing what it gave before."""
        self.pending.add(id)
        memo = self.old.get(id)
        if memo is not None:
            self.stale[id] = memo
            for port, type_ in memo.outputs:
                self.types[port] = type_

    def _check_ties(self) -> None:
        """Check that each node that shares another's weights needs a module of the same sizes."""
        for id, memo in self.memos.items():
            node = memo.node
            if not node.tied_to:
                continue
            trouble = self._tie_trouble(node, memo)
            if trouble is not None:
                self.troubles.append((id, trouble))
                for port, _ in memo.outputs:
                    self.types.pop(port, None)

    def _tie_trouble(self, node: Node, memo: Found) -> Trouble | None:
        owner = memo.owner
        if owner is None:
            return Trouble(code="tie.missing", message="shares the weights of a layer that is not there")
        if owner.type != node.type:
            return Trouble(
                code="tie.type", message=f"shares the weights of {owner.label}, which is another type of layer"
            )
        if owner.tied_to:
            return Trouble(
                code="tie.chain", message=f"shares the weights of {owner.label}, which itself shares another's"
            )
        theirs = self.memos.get(owner.id)
        if (
            theirs is None
            or not (theirs.facts.known and memo.facts.known)
            or theirs.facts.derived == memo.facts.derived
        ):
            return None
        expected = ", ".join(f"{name} {size}" for name, size in theirs.facts.derived.items())
        found = ", ".join(f"{name} {size}" for name, size in memo.facts.derived.items())
        message = f"shares the weights of {owner.label}, which are for {expected}; its own input needs {found}"
        return Trouble(code="tie.size", message=message, expected=expected, found=found)

    def _result(self) -> Shapes:
        problems = []
        for id, trouble in self.troubles:
            source, other = (self._feeder(id, port) for port in (trouble.port, trouble.against))
            problems.append(describe(trouble, self.graph.nodes[id], source, other))
        shown = self.memos | self.stale
        done = {id for id, memo in self.memos.items() if memo.facts.known}
        self._add_blocks(done)
        return Shapes(
            types=self.types,
            derived={id: memo.facts.derived for id, memo in shown.items() if memo.facts.derived},
            weights={
                id: memo.facts.weights
                for id, memo in shown.items()
                if memo.facts.weights is not None and memo.owner is None
            },
            problems=once((*self.expansion.problems, *problems), self.document),
            pending=frozenset(self.pending),
            done=frozenset(done),
            expansion=self.expansion,
            found=shown,
        )

    def _add_blocks(self, done: set[str]) -> None:
        """Add the types of ports that the flat graph lacks, and what follows for blocks from what is in them."""
        for port, source in self.expansion.ports.items():
            type_ = self.types.get(source)
            if type_ is not None:
                self.types[port] = type_
        if not self.expansion.copies:
            return
        missing: set[str] = set()
        for id in self.graph.nodes:
            if id not in done:
                missing.update(enclosing(id))
            if id in self.pending:
                self.pending.update(enclosing(id))
        done.update(self.expansion.copies.keys() - missing)

    def _feeder(self, id: str, port: str) -> Node | None:
        """Return the node that feeds a port."""
        source = self.graph.edges.get(PortRef(id, port))
        return self.graph.nodes.get(source.node) if source is not None else None


def _torch_is_warm() -> bool:
    """Whether torch can be asked without a long wait; when it is imported but was never asked, a thread warms it up.

    While another thread imports torch, importing it here would wait for that thread.
    """
    torch = sys.modules.get("torch")
    if torch is None or getattr(torch.__spec__, "_initializing", False):
        return False
    meta = sys.modules.get("netbuilder.compiler.meta")
    warm = getattr(meta, "WARM", None)
    if warm is not None and warm.is_set():
        return True
    if not any(thread.name == _WARM_UP for thread in threading.enumerate()):
        threading.Thread(target=_warm_up, name=_WARM_UP).start()
    return False


def _warm_up() -> None:
    from netbuilder.compiler.meta import warm_up

    warm_up()


def wire(graph: Graph) -> Wiring:
    """Return the links of a graph by node and an order of its nodes; nodes on or behind circles are left out."""
    incoming: dict[str, list[tuple[PortRef, PortRef]]] = {}
    followers: dict[str, list[str]] = {}
    waits = dict.fromkeys(graph.nodes, 0)
    for target, source in graph.edges.items():
        if target.node in waits and source.node in waits:
            incoming.setdefault(target.node, []).append((target, source))
            followers.setdefault(source.node, []).append(target.node)
            waits[target.node] += 1
    order = [id for id, count in waits.items() if not count]
    for id in order:
        for follower in followers.get(id, ()):
            waits[follower] -= 1
            if not waits[follower]:
                order.append(follower)
    return Wiring(graph.edges, frozenset(graph.nodes), order, incoming)
