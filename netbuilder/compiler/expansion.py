"""Expansion: a document with every block instance written out as one flat graph.

Shapes, problems, costs and the tapped forward work on the flat graph and need to know nothing of blocks: its node ids
are node paths (`b1/0/n7`: node n7 in the first copy of the instance b1), its parameters are plain values, and its links
run straight from layer to layer. The author of programs reads from it what each instance of a block's class is given.

A document without blocks and expressions is its own expansion. Flat nodes are kept from one expansion to the next as
long as what they are made of stays the same object, so that whatever is remembered of a node stays valid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from netbuilder.compiler.bypass import Bypass, leave_out
from netbuilder.document.blocks import INPUT, OUTPUT, REPEAT, Signature, block_key, is_block, needed, signature
from netbuilder.document.expressions import ExpressionError, evaluate, is_expression, text_of
from netbuilder.document.identity import fresh_keys
from netbuilder.document.model import ROOT, Definition, Document, Graph, Node, PortRef
from netbuilder.foundation.problem import Fix, Problem
from netbuilder.layers.catalog import catalog

MOST: Final = 50_000
"""Nodes of an expansion."""

DEEPEST: Final = 64
"""How deeply blocks may be nested."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One copy of a block.

    Attributes:
        path: Its node path (`b1/0`).
        block: The path of the node that it is a copy of (`b1`).
        key: The definition's key.
        values: The definition's parameters, resolved.
        owner: The path of the copy whose weights it has: its own unless the node is tied.
        open: The input ports that nothing feeds.
    """

    path: str
    block: str
    key: str
    values: Mapping[str, Any]
    owner: str
    open: frozenset[str]


@dataclass(frozen=True, slots=True)
class Expansion:
    """A document written out.

    Attributes:
        flat: The document with a flat main graph and without blocks.
        instances: Copy path -> copy, outer ones before inner ones.
        copies: Path of a block node -> its copies' paths, in series.
        ports: Ports that the flat graph lacks (of block nodes, and of the inputs and outputs inside) -> the port
            of the flat graph whose value they have.
        entrances: Input port of a flat node, left open -> the open port of the block node that should feed it, and
            what messages call that block.
        cut: Input ports of flat nodes that are linked to something of which no layer is the source.
        problems: Why parts could not be written out; they are left as they are, which nothing else reports.
        bypass: The graph and the blocks that were written out when nodes are bypassed: those drawn, without them.
    """

    flat: Document
    instances: Mapping[str, Instance] = field(default_factory=dict)
    copies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ports: Mapping[PortRef, PortRef] = field(default_factory=dict)
    entrances: Mapping[PortRef, tuple[PortRef, str]] = field(default_factory=dict)
    cut: frozenset[PortRef] = frozenset()
    problems: tuple[Problem, ...] = ()
    bypass: tuple[Graph, Mapping[str, Definition]] | None = None

    def drawn(self, document: Document) -> Document:
        """Return a document with the same graphs, whose schemas or plan may be others, without its bypassed nodes."""
        return document if self.bypass is None else replace(document, graph=self.bypass[0], blocks=self.bypass[1])

    def of(self, document: Document) -> Document:
        """Return the flat form of a document with the same graphs, whose schemas or plan may be others."""
        if not self.copies and self.flat.graph is document.graph:
            return document
        return replace(document, graph=self.flat.graph, blocks={}, layout=self.flat.layout)


@dataclass(slots=True)
class _Copy:
    """A graph at its place in the tree of instances; the main graph is the root."""

    prefix: str
    graph: Graph
    scope: str
    values: Mapping[str, Any]
    owner: str
    signature: Signature | None = None
    parent: _Copy | None = None
    node: str = ""
    previous: _Copy | None = None
    last: dict[str, _Copy] = field(default_factory=dict)
    depth: int = 0


class Expander:
    """Expands documents, one after another, and keeps what it can."""

    def __init__(self) -> None:
        """Start with nothing kept."""
        self._kept: dict[str, tuple[Node, tuple[Any, ...], Node]] = {}
        self._plain: Mapping[str, Node] = {}
        self._last: tuple[Graph, Mapping[str, Definition], Expansion] | None = None

    def expand(self, document: Document) -> Expansion:
        """Return a document written out; the same expansion again as long as its graphs stay the same."""
        last = self._last
        if last is not None and last[0] is document.graph and last[1] is document.blocks:
            return replace(last[2], flat=last[2].of(document))
        # Thousands of layers without a block are looked at only where they changed.
        is_flat = not document.blocks and self._is_plain(document.graph)
        expansion = Expansion(document) if is_flat else self._expand(leave_out(document))
        self._last = document.graph, document.blocks, expansion
        return expansion

    def _expand(self, bypass: Bypass) -> Expansion:
        document, is_whole = bypass.document, not bypass.passes
        if is_whole and self._is_plain(document.graph):
            return Expansion(document)
        work = _Work(document, self._kept, bypass)
        expansion = work.run()
        self._kept = work.kept
        return expansion if is_whole else replace(expansion, bypass=(document.graph, document.blocks))

    def _is_plain(self, graph: Graph) -> bool:
        """Whether there is no block, expression or bypassed node; nodes that were looked at before are trusted."""
        fresh = (graph.nodes[id] for id in fresh_keys(self._plain, graph.nodes))
        if any(node.bypassed or is_block(node) or any(map(is_expression, node.parameters.values())) for node in fresh):
            return False
        self._plain = graph.nodes
        return True


class _Work:
    """One expansion in the making."""

    def __init__(
        self,
        document: Document,
        known: Mapping[str, tuple[Node, tuple[Any, ...], Node]],
        bypass: Bypass,
    ) -> None:
        self.document, self.known, self.bypass = document, known, bypass
        self.kept: dict[str, tuple[Node, tuple[Any, ...], Node]] = {}
        self.nodes: dict[str, Node] = {}
        self.edges: dict[PortRef, PortRef] = {}
        self.instances: dict[str, Instance] = {}
        self.copies: dict[str, tuple[str, ...]] = {}
        self.ports: dict[PortRef, PortRef] = {}
        self.entrances: dict[PortRef, tuple[PortRef, str]] = {}
        self.cut: set[PortRef] = set()
        self.problems: dict[tuple[str, str, str, str], Problem] = {}
        self.all: list[_Copy] = []
        self.endless = {key for key in document.blocks if _contains_itself(document, key)}

    def run(self) -> Expansion:
        root = _Copy("", self.document.graph, ROOT, {}, "")
        self._write(root)
        for copy in self.all:
            self._link(copy)
        graph = Graph(nodes=self.nodes, edges=self.edges, extra=self.document.graph.extra)
        return Expansion(
            replace(self.document, graph=graph, blocks={}),
            self.instances,
            self.copies,
            self.ports,
            self.entrances,
            frozenset(self.cut),
            tuple(self.problems.values()),
        )

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def _write(self, copy: _Copy) -> None:
        """Write out the nodes of a copy and of all that is in it."""
        self.all.append(copy)
        for node in copy.graph.nodes.values():
            if copy.parent is not None and node.type in (INPUT, OUTPUT):
                continue
            if is_block(node) and self._enter(copy, node):
                continue
            if copy.parent is not None:
                self._check_inner(copy, node)
            self._keep(copy, node)
        if copy.signature is not None:
            for id in copy.signature.outputs.values():
                if PortRef(id, "x") not in copy.graph.edges:
                    self._tell(copy, copy.graph.nodes[id], "exit", "needs a link, since the block gives it out")

    def _check_inner(self, copy: _Copy, node: Node) -> None:
        """Find what cannot stand in a block."""
        spec = catalog().get(node.type)
        if node.type.startswith("data."):
            self._tell(copy, node, "data", "is a data source inside a block: move it to the main graph, link an input")
        elif spec is not None and spec.is_loss:
            self._tell(copy, node, "loss", "is a loss inside a block: move it to the main graph, behind the block")

    def _keep(self, copy: _Copy, node: Node) -> None:
        path = copy.prefix + node.id
        tie = self._tie(copy, node)
        made_of = tuple(copy.values.values()), tie, self._label(copy, node) if copy.parent is not None else ""
        known = self.known.get(path)
        same = known is not None and known[0] is node and repr(known[1]) == repr(made_of)
        if known is not None and same and not self._has_mistakes(node, copy):
            flat = known[2]
        else:
            flat = self._flat(copy, node, path, tie)
        self.kept[path] = node, made_of, flat
        self.nodes[path] = flat

    def _has_mistakes(self, node: Node, copy: _Copy) -> bool:
        """Whether an expression of the node has no value here, so that it must be told again."""
        for value in node.parameters.values():
            if is_expression(value):
                try:
                    evaluate(text_of(value), copy.values)
                except ExpressionError:
                    return True
        return False

    def _flat(self, copy: _Copy, node: Node, path: str, tie: str) -> Node:
        if copy.parent is None and not any(is_expression(value) for value in node.parameters.values()):
            return node
        spec = catalog().get(node.type)
        defaults = spec.defaults() if spec is not None else {}
        parameters = {}
        for name, value in node.parameters.items():
            found, known = self._value(copy, node, name, value)
            parameters[name] = found if known else defaults.get(name)
        label = self._label(copy, node)
        return replace(node, id=path, label=label, parameters=parameters, tied_to=tie)

    def _value(self, copy: _Copy, node: Node, name: str, value: Any) -> tuple[Any, bool]:
        """Return a parameter's plain value, and whether it has one."""
        if not is_expression(value):
            return value, True
        try:
            return evaluate(text_of(value), copy.values), True
        except ExpressionError as error:
            self._tell(copy, node, "expression", f"has an expression for {name} without a value: {error}", name)
            return None, False

    def _label(self, copy: _Copy, node: Node) -> str:
        """Return what messages call a node: its label behind those of the blocks it is in."""
        labels = [node.label]
        inner: _Copy | None = copy
        while inner is not None and inner.parent is not None:
            block = inner.parent.graph.nodes[inner.node]
            number = inner.prefix.rstrip("/").rpartition("/")[2]
            several = len(self.copies.get(inner.parent.prefix + inner.node, ())) > 1
            labels.append(f"{block.label}.{number}" if several else block.label)
            inner = inner.parent
        return ".".join(reversed(labels))

    def _tie(self, copy: _Copy, node: Node) -> str:
        if node.tied_to:
            return copy.owner + node.tied_to
        return copy.owner + node.id if copy.owner != copy.prefix else ""

    # -- instances -----------------------------------------------------------------------------------------------------

    def _enter(self, copy: _Copy, node: Node) -> bool:
        """Write out a block node; False when that cannot be done."""
        definition = self.document.blocks.get(block_key(node))
        if definition is None:
            message = f"is an instance of the block {block_key(node)!r}, which this project does not hold"
            self._tell(copy, node, "missing", message)
            return False
        if block_key(node) in self.endless or copy.depth >= DEEPEST:
            self._tell(copy, node, "endless", f"stands in a block that holds itself: {definition.title} has no end")
            return False
        owner = self._owner(copy, node)
        values = self._resolve(copy, owner, signature(definition)) if owner is not None else None
        if owner is None or values is None:
            return False
        repeat = values.pop(REPEAT)
        if len(self.nodes) + repeat * max(1, len(definition.graph.nodes)) > MOST:
            self._tell(copy, node, "large", f"makes the network too large: expected at most {MOST:,} layers in all")
            return False
        path = copy.prefix + node.id
        self.copies[path] = tuple(f"{path}/{number}" for number in range(repeat))
        self._repeat(copy, node, definition, values, copy.owner + owner.id)
        return True

    def _repeat(self, copy: _Copy, node: Node, definition: Definition, values: Mapping[str, Any], owner: str) -> None:
        declared = signature(definition)
        previous = None
        for number, path in enumerate(self.copies[copy.prefix + node.id]):
            inner = _Copy(
                f"{path}/",
                definition.graph,
                definition.key,
                values,
                f"{owner}/{number}/",
                declared,
                copy,
                node.id,
                previous,
                depth=copy.depth + 1,
            )
            copy.last[node.id] = previous = inner
            opened = frozenset(port for port in declared.inputs if self._source(inner, port) is None)
            self.instances[path] = Instance(
                path, copy.prefix + node.id, definition.key, values, inner.owner.rstrip("/"), opened
            )
            self._write(inner)

    def _owner(self, copy: _Copy, node: Node) -> Node | None:
        """Return the block node whose weights and parameters a block node has; None when there is a mistake."""
        if not node.tied_to:
            return node
        owner = copy.graph.nodes.get(node.tied_to)
        if owner is None:
            self._tell(copy, node, "tie.missing", "shares the weights of a block that is not there", tie=True)
        elif owner.type != node.type:
            self._tell(copy, node, "tie.type", f"shares the weights of {owner.label}, which is another block", tie=True)
        elif owner.tied_to:
            message = f"shares the weights of {owner.label}, which itself shares another's"
            self._tell(copy, node, "tie.chain", message, tie=True)
        else:
            return owner
        return None

    def _resolve(self, copy: _Copy, node: Node, declared: Signature) -> dict[str, Any] | None:
        """Return a block node's parameters as plain values; None when one does not work."""
        values: dict[str, Any] = {}
        sound = True
        for parameter in declared.parameters:
            raw = node.parameters.get(parameter.name, parameter.default)
            value, known = self._value(copy, node, parameter.name, raw)
            sound = sound and known
            if known:
                try:
                    values[parameter.name] = parameter.normalize(value)
                except ValueError as error:
                    self._tell(copy, node, "value", f"has a setting that does not work: {error}", parameter.name)
                    sound = False
        for mistake in declared.mistakes:
            self._tell(copy, node, "declaration", f"is of a block whose parameters are not in order: {mistake}")
        return values if sound and not declared.mistakes else None

    # -- links ---------------------------------------------------------------------------------------------------------

    def _link(self, copy: _Copy) -> None:
        """Lead the links of a copy from layer to layer."""
        for target, source in copy.graph.edges.items():
            node = copy.graph.nodes.get(target.node)
            if node is None:
                continue
            self._check_ports(copy, target, source)
            found = self._follow(copy, source)
            end = PortRef(copy.prefix + target.node, target.port)
            inside = end.node not in self.nodes
            if found is None:
                if not inside and not self._note_entrance(copy, end, source):
                    self.cut.add(end)
            elif inside:
                self.ports[end] = found
            else:
                self.edges[end] = found
        self._pass_on(copy)
        for id in copy.last:
            declared = copy.last[id].signature
            assert declared is not None
            for port in declared.outputs:
                found = self._follow(copy, PortRef(id, port))
                if found is not None:
                    self.ports[PortRef(copy.prefix + id, port)] = found
        if copy.signature is not None:
            for id in copy.signature.inputs.values():
                found = self._follow(copy, PortRef(id, "y"))
                if found is not None:
                    self.ports[PortRef(copy.prefix + id, "y")] = found

    def _pass_on(self, copy: _Copy) -> None:
        """Find the values of bypassed nodes' outputs, and the outputs that are used and have none."""
        for ref, origin in self.bypass.passes.get(copy.scope, {}).items():
            found = self._follow(copy, origin)
            if found is not None:
                self.ports[PortRef(copy.prefix + ref.node, ref.port)] = found
        for node, port in self.bypass.silent.get(copy.scope, ()):
            arguments = {"nodes": [node.id], "bypassed": False} | ({"scope": copy.scope} if copy.scope else {})
            fix = Fix(title="Use the layer again", edit="set_bypassed", arguments=arguments)
            message = f"is bypassed and hands nothing on from {port!r}, which is used: its first output alone can"
            self._tell(copy, node, "bypass.silent", message, port, fixes=(fix,))

    def _check_ports(self, copy: _Copy, target: PortRef, source: PortRef) -> None:
        """Find links to ports that a block no longer has."""
        for port, is_input in ((target, True), (source, False)):
            declared = copy.last[port.node].signature if port.node in copy.last else None
            if declared is None or port.port in (declared.inputs if is_input else declared.outputs):
                continue
            what = "input" if is_input else "output"
            message = f"has no {what} {port.port!r} any more, but a link leads {'there' if is_input else 'from it'}"
            arguments = {"target": list(target)} | ({"scope": copy.scope} if copy.scope else {})
            fix = Fix(title="Remove the link", edit="disconnect", arguments=arguments)
            self._tell(copy, copy.graph.nodes[port.node], "port", message, port.port, fixes=(fix,))

    def _note_entrance(self, copy: _Copy, end: PortRef, source: PortRef) -> bool:
        """Remember which open port of a block leaves a layer inside without its input; False when none does."""
        inner: _Copy | None = copy
        while inner is not None and inner.parent is not None:
            node = inner.graph.nodes.get(source.node)
            if node is None or node.type != INPUT:
                return False
            before = inner.parent.graph.edges.get(PortRef(inner.node, node.label))
            if before is None:
                block = inner.parent.graph.nodes[inner.node]
                port = PortRef(inner.parent.prefix + inner.node, node.label)
                self.entrances[end] = port, self._label(inner.parent, block)
                return True
            inner, source = inner.parent, before
        return False

    def _source(self, copy: _Copy, port: str) -> PortRef | None:
        """Return what is linked to an input port of a copy, in whichever graph, not followed further."""
        assert copy.parent is not None
        assert copy.signature is not None
        if copy.previous is not None:
            number = list(copy.signature.inputs).index(port)
            outputs = list(copy.signature.outputs.values())
            if number < len(outputs):
                return copy.graph.edges.get(PortRef(outputs[number], "x"))
        return copy.parent.graph.edges.get(PortRef(copy.node, port))

    def _follow(self, copy: _Copy, source: PortRef) -> PortRef | None:
        """Return the layer's port that a value comes from, through the boundaries of blocks; None when from nowhere."""
        seen: set[tuple[str, PortRef]] = set()
        while (copy.prefix, source) not in seen:
            seen.add((copy.prefix, source))
            node = copy.graph.nodes.get(source.node)
            if node is None:
                return None
            if node.type == INPUT and copy.parent is not None:
                found = self._source(copy, node.label)
                if found is None:
                    return None
                chained = copy.previous is not None and self._is_chained(copy, node.label)
                copy, source = (copy.previous if chained and copy.previous else copy.parent), found
            elif source.node in copy.last:
                inner = copy.last[source.node]
                assert inner.signature is not None
                exit = inner.signature.outputs.get(source.port)
                found = inner.graph.edges.get(PortRef(exit, "x")) if exit is not None else None
                if found is None:
                    return None
                copy, source = inner, found
            else:
                return PortRef(copy.prefix + source.node, source.port)
        return None

    def _is_chained(self, copy: _Copy, port: str) -> bool:
        """Whether an input port is fed by the copy before."""
        assert copy.signature is not None
        return list(copy.signature.inputs).index(port) < len(copy.signature.outputs)

    # -- problems ------------------------------------------------------------------------------------------------------

    def _tell(
        self,
        copy: _Copy,
        node: Node,
        code: str,
        message: str,
        field: str = "",
        tie: bool = False,
        fixes: tuple[Fix, ...] = (),
    ) -> None:
        """Note what is wrong with a node, once for all copies of the block it is in."""
        if tie:
            arguments = {"node": node.id, "other": ""} | ({"scope": copy.scope} if copy.scope else {})
            fixes = (Fix(title="Give it weights of its own", edit="tie_weights", arguments=arguments),)
        problem = Problem(
            code=code if "." in code else f"block.{code}",
            message=f"{self._label(copy, node)} {message}.",
            node=copy.prefix + node.id,
            field=field,
            fixes=fixes,
        )
        self.problems.setdefault((copy.scope, node.id, code, field), problem)


def _contains_itself(document: Document, key: str) -> bool:
    inner: Iterator[str] = (block_key(node) for node in document.blocks[key].graph.nodes.values() if is_block(node))
    return key in needed(document, inner)
