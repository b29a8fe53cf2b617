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
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from netbuilder.compiler.cone import follow
from netbuilder.compiler.custom import find_obstacle
from netbuilder.compiler.expansion import Expander, Expansion
from netbuilder.compiler.facts import NOTHING, Facts, fields_of, foreign_facts, missing_size, resolved, without_torch
from netbuilder.compiler.paths import enclosing, once
from netbuilder.compiler.wiring import Wiring, rewire, wire
from netbuilder.compiler.wording import Trouble, describe, refused, trouble_of
from netbuilder.document.blocks import is_block
from netbuilder.document.model import Document, Node, PortRef, Schema
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
        complete: Whether the types of all its linked inputs were known.
    """

    node: Node
    owner: Node | None
    schema: Schema | None
    inputs: Types
    facts: Facts
    outputs: tuple[tuple[PortRef, TensorType], ...]
    complete: bool


class ShapeInference:
    """Infers shapes and keeps what it learned; one for each open document.

    Attributes:
        runs: How many layers torch was asked about so far.
    """

    def __init__(self) -> None:
        """Start with nothing known."""
        self._facts: dict[tuple[Any, ...], Facts] = {}
        self._last: Pass | None = None
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
            deadline: When to stop asking torch, and looking at all, on the clock of `time.perf_counter`. At least one
                layer is asked and `cone.PIECE` nodes are looked at each time, so that repeated calls come to an end.
                None means never, and torch is imported if need be.
        """
        if deadline is None or _torch_is_warm():
            self._start()
        expansion, last = self._expander.expand(document), self._last
        graph = expansion.flat.graph
        wiring, touched = rewire(last.wiring, graph) if last is not None else (wire(graph), None)
        self._last = work = Pass(self, document, expansion, wiring, deadline)
        follow(work, last, touched)
        return work.result()

    def _start(self) -> None:
        if self._runner is None:
            from netbuilder.compiler.meta import MetaRunner

            self._runner = MetaRunner()

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


class Pass:
    """One walk through a graph, or through the part of it that an edit changed; `cone` says where it goes.

    Attributes:
        wiring: The links of the graph.
        types: Port -> its type, as far as known.
        shown: Node -> what is shown of it: what was found, for pending nodes what was found before.
        pending: The nodes that were not looked at, for want of time or of torch.
        known: The nodes whose outputs are known.
        derived: Node -> the sizes that its constructor takes from its input.
        weights: Node -> its weights.
        special: Nodes with troubles, with another's weights, or whose result may not last: they are looked at again.
    """

    def __init__(
        self,
        inference: ShapeInference,
        document: Document,
        expansion: Expansion,
        wiring: Wiring,
        deadline: float | None,
    ) -> None:
        self.inference, self.document, self.expansion, self.deadline = inference, document, expansion, deadline
        self.wiring, self.graph = wiring, expansion.flat.graph
        self.types: dict[PortRef, TensorType] = {}
        self.shown: dict[str, Found] = {}
        self.pending: set[str] = set()
        self.known: set[str] = set()
        self.derived: dict[str, Mapping[str, int]] = {}
        self.weights: dict[str, Weights] = {}
        self.special: set[str] = set()
        self._asked = inference.runs

    def is_late(self) -> bool:
        """Whether the time is over."""
        return self.deadline is not None and time.perf_counter() >= self.deadline

    def look(self, id: str, memo: Found | None) -> Found | None:
        """Look at a node, whose sources have been looked at; returns None when it has to wait.

        Args:
            id: The node.
            memo: What was found of it before.
        """
        node, links = self.graph.nodes[id], self.wiring.incoming.get(id, ())
        inputs = {}
        for target, source in links:
            if source.node in self.pending:
                self.pending.add(id)
                return None
            type_ = self.types.get(source)
            if type_ is not None:
                inputs[target.port] = self.types[target] = type_
        complete = len(inputs) == len(links)
        owner = self.graph.nodes.get(node.tied_to) if node.tied_to else None
        schema = self.document.schemas.get(id)
        if memo is None or not (
            memo.facts.lasting
            and memo.node is node
            and memo.owner is owner
            and memo.schema is schema
            and memo.inputs == inputs
            and memo.complete == complete
        ):
            facts = self._facts(node, owner, schema, inputs, complete)
            if facts is None:
                self.pending.add(id)
                return None
            outputs = tuple((PortRef(id, port), type_) for port, type_ in facts.outputs.items())
            memo = Found(node, owner, schema, inputs, facts, outputs, complete)
        self.shown[id] = memo
        self.types.update(memo.outputs)
        return memo

    def note(self, id: str, found: Found) -> None:
        """Enter what was found of a node wherever it belongs."""
        facts = found.facts
        if facts.derived:
            self.derived[id] = facts.derived
        if facts.weights is not None and found.owner is None:
            self.weights[id] = facts.weights
        if id in self.pending:
            return
        if facts.known:
            self.known.add(id)
        if facts.troubles or found.node.tied_to or not facts.lasting:
            self.special.add(id)

    def forget(self, id: str) -> None:
        """Take out what was entered of a node."""
        self.derived.pop(id, None)
        self.weights.pop(id, None)
        self.known.discard(id)
        self.special.discard(id)

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
        return self.inference.runs == self._asked or not self.is_late()

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
        theirs = self.shown.get(owner.id) if owner.id not in self.pending else None
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

    def result(self) -> Shapes:
        """Return what is known now."""
        # What is handed out stays as it is, here and there: the next pass begins with copies.
        troubles, problems = self._troubles(), []
        is_less = any(trouble.code.startswith("tie.") for _, trouble in troubles)
        types = dict(self.types) if is_less or self.expansion.ports else self.types
        for id, trouble in troubles:
            source, other = (self._feeder(id, port) for port in (trouble.port, trouble.against))
            problems.append(describe(trouble, self.graph.nodes[id], source, other))
            if trouble.code.startswith("tie."):
                for port, _ in self.shown[id].outputs:
                    types.pop(port, None)
        self._add_ports(types)
        return Shapes(
            types=types,
            derived=self.derived,
            weights=self.weights,
            problems=once((*self.expansion.problems, *problems), self.document),
            pending=frozenset(self.pending) | self._pending_blocks(),
            done=frozenset(self.known) | self._known_blocks(),
            expansion=self.expansion,
            found=self.shown,
        )

    def _troubles(self) -> list[tuple[str, Trouble]]:
        """Return what is wrong with which node; first all layers by themselves, then shared weights of other sizes."""
        ids = sorted(self.special, key=self.wiring.rank.__getitem__)
        own = [(id, trouble) for id in ids for trouble in self.shown[id].facts.troubles]
        tied = (
            (id, self._tie_trouble(self.shown[id].node, self.shown[id])) for id in ids if self.shown[id].node.tied_to
        )
        return [*own, *((id, trouble) for id, trouble in tied if trouble is not None)]

    def _add_ports(self, types: dict[PortRef, TensorType]) -> None:
        """Add the types of ports that the flat graph lacks."""
        for port, source in self.expansion.ports.items():
            type_ = types.get(source)
            if type_ is not None:
                types[port] = type_

    def _pending_blocks(self) -> frozenset[str]:
        """Return the blocks in which something is pending."""
        if not self.expansion.copies:
            return frozenset()
        return frozenset(block for id in self.pending for block in enclosing(id))

    def _known_blocks(self) -> frozenset[str]:
        """Return the blocks in which everything is known."""
        if not self.expansion.copies:
            return frozenset()
        missing = {block for id in self.graph.nodes.keys() - self.known for block in enclosing(id)}
        return frozenset(self.expansion.copies.keys() - missing)

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
