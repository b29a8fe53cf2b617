"""Classes: one class of the generated text for all instances of a block that differ in numbers only. Imports torch."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netbuilder.compiler.body import RESERVED_LOCALS, Body, Scope
from netbuilder.compiler.expansion import Instance
from netbuilder.compiler.flow import ordered, sources_of
from netbuilder.compiler.pieces import BlockPiece, LayerPiece, Piece
from netbuilder.compiler.program import class_name
from netbuilder.compiler.shapes import Shapes
from netbuilder.compiler.source import WIDTH, harmless
from netbuilder.compiler.symbols import Symbols, equal
from netbuilder.compiler.template import constant, name, plain_values
from netbuilder.compiler.text import ClassParts, Item
from netbuilder.document.blocks import REPEAT, block_key, is_block, signature
from netbuilder.document.expressions import is_expression, text_of
from netbuilder.document.model import Definition, Document, Graph, Node, PortRef
from netbuilder.document.names import free_label, is_label
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import LayerSpec, names_in
from netbuilder.layers.tensor import TensorType

_NEAR = 12
"""How many layers upstream are asked for how a size may be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPlan:
    """What of a graph is written.

    Attributes:
        graph: The graph.
        forward: The nodes of `forward`, in order.
        owners: The nodes whose modules are made: themselves, or those whose weights they share.
        links: Node id -> its linked inputs.
    """

    graph: Graph
    forward: tuple[str, ...]
    owners: tuple[str, ...]
    links: Mapping[str, Sequence[tuple[str, PortRef]]]


def plan_graph(graph: Graph, forward: Sequence[str], others: Sequence[str] = ()) -> GraphPlan:
    """Return what of a graph is written.

    Args:
        graph: The graph.
        forward: The nodes of `forward`, in order.
        others: Nodes that are used elsewhere.
    """
    every = (*forward, *others)
    owners = tuple(dict.fromkeys(graph.nodes[id].tied_to or id for id in every))
    return GraphPlan(graph=graph, forward=tuple(forward), owners=owners, links=sources_of(graph))


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockClass:
    """A class of the generated text.

    Attributes:
        name: Its name.
        inputs: What its `forward` takes: the block's input ports that are linked.
        arguments: What its constructor takes -> the value in each instance, by its path.
        attributes: Owner id -> the attribute of its module.
        lists: Ids of blocks in it whose copies stand in a list.
        parts: Its text.
    """

    name: str
    inputs: tuple[str, ...]
    arguments: Mapping[str, Mapping[str, Any]]
    attributes: Mapping[str, str]
    lists: frozenset[str]
    parts: ClassParts


class Classes:
    """The classes of all blocks that a network uses.

    Attributes:
        of: Path of an instance -> its class.
    """

    def __init__(self, document: Document, shapes: Shapes, root: GraphPlan, taken: frozenset[str]) -> None:
        """Write them.

        Args:
            document: The document.
            shapes: Its shapes, all known.
            root: What of the main graph is written.
            taken: Names that no class may have.
        """
        self.document, self.shapes, self.expansion = document, shapes, shapes.expansion
        self.flat = shapes.expansion.of(document).graph.nodes
        self.outside = taken
        self.taken = set(taken)
        self.plans: dict[str, GraphPlan] = {}
        self.of: dict[str, BlockClass] = {}
        self._symbolic: dict[tuple[str, str, str], str] = {}
        found: dict[str, list[str]] = {}
        for instance in self._walk("", root):
            found.setdefault(instance.key, []).append(instance.path)
        self.parts: list[ClassParts] = []
        for key in self._inner_first(found):
            self._write_all(document.blocks[key], found[key])

    def plan(self, key: str) -> GraphPlan:
        """Return what of a definition's graph is written."""
        if key not in self.plans:
            graph = self.document.blocks[key].graph
            links = sources_of(graph)
            ends = [
                source.node
                for id in signature(self.document.blocks[key]).outputs.values()
                for _, source in links.get(id, ())
            ]
            self.plans[key] = plan_graph(graph, ordered(graph, links, ends, set()))
        return self.plans[key]

    def _walk(self, prefix: str, plan: GraphPlan) -> Iterator[Instance]:
        """Yield all instances below a graph that have weights of their own."""
        for id in plan.owners:
            for path in self.expansion.copies.get(prefix + id, ()):
                instance = self.expansion.instances[path]
                if instance.owner == path:
                    yield instance
                    yield from self._walk(f"{path}/", self.plan(instance.key))

    def _inner_first(self, found: Mapping[str, Sequence[str]]) -> list[str]:
        """Return the definitions so that each comes after those it uses."""
        order: list[str] = []

        def visit(key: str) -> None:
            if key in order:
                return
            for node in self.document.blocks[key].graph.nodes.values():
                if is_block(node) and block_key(node) in found:
                    visit(block_key(node))
            order.append(key)

        for key in found:
            visit(key)
        return order

    # -- pieces --------------------------------------------------------------------------------------------------------

    def pieces(self, plan: GraphPlan, ids: Sequence[str], paths: Sequence[str], symbols: Symbols) -> dict[str, Piece]:
        """Return the nodes of a graph as pieces.

        Args:
            plan: What of the graph is written.
            ids: Which nodes.
            paths: The instances that they are in; [""] for the main graph.
            symbols: The class's parameters.
        """
        attributes = self.attributes(plan, paths[0])
        return {id: self._piece(plan, id, paths, symbols, attributes) for id in ids}

    def attributes(self, plan: GraphPlan, path: str) -> dict[str, str]:
        """Return the attribute of each node with a module of its own, in the order of the text."""
        found: dict[str, str] = {}
        taken: set[str] = set()
        for id in plan.owners:
            if is_block(plan.graph.nodes[id]) or self._has_module(_below(path, id)):
                label = plan.graph.nodes[id].label
                found[id] = label if is_label(label) and label not in taken else free_label(taken, label)
                taken.add(found[id])
        return found

    def _has_module(self, path: str) -> bool:
        spec, values = self.layer(path)
        return bool(spec.make_text(values))

    def layer(self, path: str) -> tuple[LayerSpec, dict[str, Any]]:
        """Return what a flat node is, and its owner's parameters."""
        node = self.flat[path]
        spec = catalog().get(node.type)
        assert spec is not None, "a node without a spec is an error that was reported"
        owner = self.flat[node.tied_to] if node.tied_to else node
        return spec, spec.resolve(owner.parameters)

    def _piece(
        self, plan: GraphPlan, id: str, paths: Sequence[str], symbols: Symbols, attributes: Mapping[str, str]
    ) -> Piece:
        node = plan.graph.nodes[id]
        if is_block(node):
            return self._block_piece(plan, node, paths, symbols, attributes)
        spec, values = self.layer(_below(paths[0], id))
        make, call = names_in(spec.make_text(values)), names_in(spec.call_text(values))
        owner = plan.graph.nodes[node.tied_to or id]
        constants = {key: constant(value) for key, value in plain_values(spec, values).items()}
        constants |= {
            key: self._size(plan, id, spec, key, paths, symbols) for key in self._derived(paths[0], id) if key in make
        }
        arguments = {**constants, **{k: constant(v) for k, v in self._derived(paths[0], id).items() if k in call}}
        for key in values:
            text = self._symbolic.get((self._key(paths[0]), owner.id, key))
            if text is not None:
                if key in make:
                    constants[key] = symbols.expression(text)
                if key in call:
                    arguments[key] = symbols.expression(text, in_forward=True)
        weights = self.shapes.weights.get(_below(paths[0], owner.id))
        return LayerPiece(
            node=node,
            path=_below(paths[0], id),
            attribute=attributes.get(owner.id, ""),
            spec=spec,
            values=values,
            constants=constants,
            arguments=arguments,
            weights=weights.names if weights else (),
        )

    def _key(self, path: str) -> str:
        """Return the key of the definition that the graph at a path belongs to; "" for the main graph."""
        return self.expansion.instances[path].key if path else ""

    def _derived(self, path: str, id: str) -> Mapping[str, int]:
        return self.shapes.derived.get(_below(path, id), {})

    def _size(
        self, plan: GraphPlan, id: str, spec: LayerSpec, key: str, paths: Sequence[str], symbols: Symbols
    ) -> ast.expr:
        """Return how a size that follows from the input reads."""
        wanted = {path: self._derived(path, id)[key] for path in paths}
        port, _ = spec.derived_sizes(self.layer(_below(paths[0], id))[1])[key]
        return symbols.number(_candidates(plan, id, port), wanted, key, plan.graph.nodes[id].label)

    def _block_piece(
        self, plan: GraphPlan, node: Node, paths: Sequence[str], symbols: Symbols, attributes: Mapping[str, str]
    ) -> BlockPiece:
        owner = plan.graph.nodes[node.tied_to or node.id]
        first = self.expansion.copies[_below(paths[0], owner.id)]
        made = self.of[self.expansion.instances[first[0]].path]
        declared = signature(self.document.blocks[block_key(node)])
        self._check_copies(node, [*first, *self.expansion.copies[_below(paths[0], node.id)]], made)
        inputs, outputs = list(declared.inputs), list(declared.outputs)
        repeat: Any = owner.parameters.get(REPEAT, 1)
        count = None
        if is_expression(repeat):
            counts = {path: len(self.expansion.copies[_below(path, owner.id)]) for path in paths}
            count = symbols.number([text_of(repeat)], counts, REPEAT, node.label)
        return BlockPiece(
            node=node,
            path=_below(paths[0], node.id),
            attribute=attributes[owner.id],
            class_name=made.name,
            inputs=made.inputs,
            outputs=tuple(outputs),
            handed={port: outputs[index] for index, port in enumerate(inputs[: len(outputs)]) if port in made.inputs},
            copies=[
                {key: self._setting(plan, owner, key, number, paths, symbols) for key in made.arguments}
                for number in range(len(first))
            ],
            is_list=count is not None or len(first) > 1,
            count=count,
        )

    def _check_copies(self, node: Node, copies: Sequence[str], made: BlockClass) -> None:
        """Refuse copies that would need a class of their own."""
        for path in copies:
            instance = self.expansion.instances[path]
            inputs = set(signature(self.document.blocks[instance.key]).inputs) - instance.open
            if self.of.get(instance.owner) is not made or inputs != set(made.inputs):
                message = f"The copies of {node.label} are not alike: link all inputs of the block, or none."
                raise NetbuilderError(Problem(code="block.copies", message=message, node=instance.block))

    def _setting(
        self, plan: GraphPlan, node: Node, key: str, number: int, paths: Sequence[str], symbols: Symbols
    ) -> ast.expr:
        """Return how an argument of a copy's constructor reads."""
        wanted = {}
        for path in paths:
            copies = self.expansion.copies[_below(path, node.id)]
            copy = copies[min(number, len(copies) - 1)]
            wanted[path] = self.of[copy].arguments[key][copy]
        raw: Any = node.parameters.get(key)
        own = [text_of(raw)] if is_expression(raw) else []
        return symbols.number([*own, *_candidates(plan, node.id, "", own=node)], wanted, key, node.label)

    # -- grouping ------------------------------------------------------------------------------------------------------

    def _write_all(self, definition: Definition, paths: Sequence[str]) -> None:
        """Write the classes of a definition: one for all instances that are alike."""
        plan = self.plan(definition.key)
        self._find_symbolic(definition, plan, paths)
        groups: dict[tuple[Any, ...], list[str]] = {}
        for path in paths:
            groups.setdefault(self._likeness(definition, plan, path), []).append(path)
        for group in groups.values():
            made = self._write(definition, plan, group)
            self.parts.append(made.parts)
            for path in group:
                self.of[path] = made

    def _find_symbolic(self, definition: Definition, plan: GraphPlan, paths: Sequence[str]) -> None:
        """Find the settings that can be written as what the user typed: their value needs no conversion anywhere."""
        symbols = Symbols({path: self.expansion.instances[path].values for path in paths})
        for id in plan.owners:
            node = plan.graph.nodes[id]
            texts = {key: text_of(raw) for key, raw in node.parameters.items() if is_expression(raw)}
            if is_block(node) or not texts:
                continue
            plain = {path: plain_values(*self.layer(_below(path, id))) for path in paths}
            for key, text in texts.items():
                wanted = {path: plain[path].get(key) for path in paths}
                for form in (text, f"float({text})"):
                    if key in plain[paths[0]] and symbols.fits(form, wanted):
                        self._symbolic[definition.key, id, key] = form
                        break

    def _likeness(self, definition: Definition, plan: GraphPlan, path: str) -> tuple[Any, ...]:
        """Return what must be equal in all instances of one class."""
        parts: list[Any] = [tuple(sorted(self.expansion.instances[path].open))]
        for id in dict.fromkeys((*plan.forward, *plan.owners)):
            node = plan.graph.nodes[id]
            if is_block(node):
                parts.append(self._likeness_of_block(node, path))
                continue
            spec, values = self.layer(_below(path, id))
            owner = node.tied_to or id
            fixed = {key: value for key, value in values.items() if (definition.key, owner, key) not in self._symbolic}
            parts.append(
                (
                    spec.key,
                    spec.make_text(values),
                    spec.call_text(values),
                    spec.target_text(values),
                    repr(dict(spec.result_texts(values))),
                    tuple(port.name for port in spec.output_ports(values)),
                    repr(fixed),
                    tuple(sorted(self._derived(path, id))) if id == owner else (),
                )
            )
        return tuple(parts)

    def _likeness_of_block(self, node: Node, path: str) -> tuple[Any, ...]:
        copies = self.expansion.copies[_below(path, node.tied_to or node.id)]
        made = [self.of[copy] for copy in copies if copy in self.of]
        first = self.of[copies[0]]
        uniform = all(
            equal(values[copy], values[copies[0]])
            for values in first.arguments.values()
            for copy in copies
            if copy in values
        )
        is_free = is_expression(node.parameters.get(REPEAT)) and uniform
        return (tuple(dict.fromkeys(each.name for each in made)), "any" if is_free else len(copies))

    # -- text ----------------------------------------------------------------------------------------------------------

    def _write(self, definition: Definition, plan: GraphPlan, paths: Sequence[str]) -> BlockClass:
        symbols = Symbols({path: self.expansion.instances[path].values for path in paths})
        declared = signature(definition)
        opened = self.expansion.instances[paths[0]].open
        inputs = tuple(port for port in declared.inputs if port not in opened)
        entries = {PortRef(declared.inputs[port], "y"): port for port in inputs}
        closed = {id for port, id in declared.inputs.items() if port in opened}
        links = {
            id: [(port, source) for port, source in each if source.node not in closed]
            for id, each in plan.links.items()
        }
        pieces = self.pieces(plan, tuple(dict.fromkeys((*plan.forward, *plan.owners))), paths, symbols)
        body = Body(pieces, links, lambda port: self._type(paths, port))
        taken = {*RESERVED_LOCALS, *self.outside, *inputs}
        scope = Scope("self", {port: name(each) for port, each in entries.items()}, taken)
        symbols.settle()
        exits = [source for id in declared.outputs.values() for _, source in links.get(id, ())]
        items = body.write(plan.forward, scope, frozenset(exits))
        values = [scope.variables[port] for port in exits]
        result = values[0] if len(values) == 1 else ast.Tuple(elts=values, ctx=ast.Load())
        attributes = self.attributes(plan, paths[0])
        parts = ClassParts(
            name=self._name(definition),
            doc=self._doc(definition, paths, entries, dict(zip(declared.outputs, exits, strict=True))),
            settings=symbols.hints(),
            constructor=constructor(plan.owners, body, symbols.stored(attributes.values())),
            arguments=inputs,
            count=len(exits),
            forward=[*items, Item(ast.Return(value=result))],
        )
        lists = frozenset(id for id, each in pieces.items() if isinstance(each, BlockPiece) and each.is_list)
        return BlockClass(
            name=parts.name,
            inputs=inputs,
            arguments=symbols.arguments,
            attributes=attributes,
            lists=lists,
            parts=parts,
        )

    def _type(self, paths: Sequence[str], port: PortRef) -> TensorType | None:
        """Return the type of a port where all instances agree."""
        types = {self.shapes.types.get(PortRef(_below(path, port.node), port.port)) for path in paths}
        return types.pop() if len(types) == 1 else None

    def _name(self, definition: Definition) -> str:
        wish = class_name(definition.title)
        wish = "Block" if wish == "Network" else wish
        found, number = wish, 1
        while found in self.taken:
            number += 1
            found = f"{wish}{number}"
        self.taken.add(found)
        return found

    def _doc(
        self,
        definition: Definition,
        paths: Sequence[str],
        entries: Mapping[PortRef, str],
        exits: Mapping[str, PortRef],
    ) -> str:
        title = harmless(definition.title) or "A block"
        taken = ", ".join(self._told(paths, port, label) for port, label in entries.items()) or "nothing"
        given = ", ".join(self._told(paths, port, label) for label, port in exits.items())
        doc = f"{title}: takes {taken} and gives {given}."
        return doc if len(doc) <= WIDTH - 10 else f"{title}."

    def _told(self, paths: Sequence[str], port: PortRef, label: str) -> str:
        type_ = self._type(paths, port)
        return f"{label} ({type_})" if type_ is not None else label


def constructor(owners: Sequence[str], body: Body, stored: Mapping[str, str]) -> list[Item]:
    """Return the body of `__init__`.

    Args:
        owners: The nodes whose modules are made.
        body: The graph.
        stored: Arguments that `forward` reads -> the attributes that keep them.
    """
    items = [Item(ast.parse("super().__init__()").body[0])]
    for argument, attribute in stored.items():
        target = ast.Attribute(value=name("self"), attr=name(attribute).id, ctx=ast.Store())
        items.append(Item(ast.Assign(targets=[target], value=name(argument), lineno=0)))
    started: list[Item] = []
    for id in owners:
        piece, module = body.pieces[id], body.module(id, "self")
        if module is None:
            continue
        make, starts = body.made(id, piece.attribute)
        items.append(Item(make, piece.path, note=piece.node.note))
        started += [Item(each, piece.path) for each in (*starts, *piece.freezes(module))]
    return [*items, *started]


def _candidates(plan: GraphPlan, id: str, port: str, own: Node | None = None) -> Iterator[str]:
    """Yield the expressions that layers upstream are set by, the nearest first."""
    waiting = [source.node for each, source in plan.links.get(id, ()) if port in ("", each)]
    if own is not None:
        yield from _texts(own)
    seen: set[str] = set()
    while waiting and len(seen) < _NEAR:
        above = waiting.pop(0)
        if above in seen or above not in plan.graph.nodes:
            continue
        seen.add(above)
        yield from _texts(plan.graph.nodes[above])
        waiting.extend(source.node for _, source in plan.links.get(above, ()))


def _texts(node: Node) -> Iterator[str]:
    yield from (text_of(value) for key, value in node.parameters.items() if is_expression(value) and key != REPEAT)


def _below(path: str, id: str) -> str:
    return f"{path}/{id}" if path else id
