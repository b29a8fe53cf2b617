"""Bodies: the nodes of one graph as the statements of one function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from netbuilder.compiler.flow import LOCAL
from netbuilder.compiler.pieces import BlockPiece, Piece, member
from netbuilder.compiler.template import Pattern, build, name
from netbuilder.compiler.text import Item
from netbuilder.document.model import PortRef
from netbuilder.document.names import RESERVED, free_label
from netbuilder.layers.spec import names_in
from netbuilder.layers.tensor import TensorType

RESERVED_LOCALS: Final = RESERVED | LOCAL

Links = Mapping[str, Sequence[tuple[str, PortRef]]]
Remarks = Callable[[PortRef], TensorType | None]


@dataclass(slots=True)
class Scope:
    """The variables of one function.

    Attributes:
        owner: What holds the modules: `self` or `model`.
        variables: Port -> the expression that reads its value.
        taken: Names in use.
        chain: The variable of values that only the next statement reads.
    """

    owner: str
    variables: dict[PortRef, ast.expr]
    taken: set[str]
    chain: str = ""

    def __post_init__(self) -> None:
        """Reserve the chain's variable."""
        self.chain = self.fresh("h" if "x" in self.taken else "x")

    def fresh(self, wish: str) -> str:
        """Return a name that nothing else in the function has."""
        found = free_label(self.taken, wish)
        self.taken.add(found)
        return found


@dataclass(frozen=True, slots=True)
class Body:
    """A graph of pieces.

    Attributes:
        pieces: Node id -> piece.
        links: Node id -> its linked inputs as (port, source), in the order of its ports.
        remark: The type that a port has wherever the function is used, for the comment behind a statement.
    """

    pieces: Mapping[str, Piece]
    links: Links
    remark: Remarks
    _made: dict[str, tuple[ast.stmt, list[ast.stmt]]] = field(default_factory=dict)

    def write(self, ids: Sequence[str], scope: Scope, returned: frozenset[PortRef]) -> list[Item]:
        """Return the statements of nodes in order.

        Args:
            ids: The nodes.
            scope: The function they are in.
            returned: The ports that are read after the last of them.
        """
        reads = self._reads(ids, returned)
        items = []
        for index, id in enumerate(ids):
            piece = self.pieces[id]
            used = reads.get(id) or {piece.outputs[0]: []}
            last = index + 1 == len(ids)
            chain = (
                not piece.is_loss
                and all(indices == [index + 1] for indices in used.values())
                and not (last and len(returned) > 1)
            )
            statements = self._uses(id, scope, frozenset(used), chain)
            type_ = self.remark(PortRef(id, min(used)))
            note = "" if piece.attribute else piece.node.note
            for position, statement in enumerate(statements):
                is_last = position + 1 == len(statements) and not isinstance(statement, ast.For)
                remark = str(type_) if type_ is not None and type_.dims and is_last else ""
                outputs = self._variables(id, scope, used) if is_last else {}
                items.append(Item(statement, piece.path, remark, note if not position else "", outputs))
        return items

    def _variables(self, id: str, scope: Scope, used: Iterable[str]) -> dict[str, str]:
        """Return the variables of those outputs of a node that are read, where it has several."""
        if len(self.pieces[id].outputs) < 2:
            return {}
        named = {port: scope.variables[PortRef(id, port)] for port in used}
        return {port: value.id for port, value in named.items() if isinstance(value, ast.Name)}

    def module(self, id: str, owner: str) -> ast.expr | None:
        """Return what stands for a node's module; None when it has none."""
        attribute = self.pieces[id].attribute
        return member(name(owner), attribute) if attribute else None

    def made(self, id: str, attribute: str) -> tuple[ast.stmt, list[ast.stmt]]:
        """Return the statement that makes a node's module, and those that draw its weights; the same ones each time.

        Args:
            id: The node, which has a module of its own.
            attribute: What of `self` the module becomes.
        """
        if id not in self._made:
            piece = self.pieces[id]
            module = ast.Attribute(value=name("self"), attr=name(attribute).id, ctx=ast.Load())
            target = ast.Attribute(value=name("self"), attr=attribute, ctx=ast.Store())
            make = ast.Assign(targets=[target], value=piece.make(), lineno=0)
            self._made[id] = make, piece.starts(module)
        return self._made[id]

    def _reads(self, ids: Sequence[str], returned: frozenset[PortRef]) -> dict[str, dict[str, list[int]]]:
        """Return node -> its ports that are read -> the numbers of the statements that read them."""
        readers: dict[PortRef, list[int]] = {port: [len(ids)] for port in returned}
        for index, id in enumerate(ids):
            for _, port in self.links.get(id, ()):
                readers.setdefault(port, []).append(index)
        reads: dict[str, dict[str, list[int]]] = {}
        for port, indices in readers.items():
            reads.setdefault(port.node, {})[port.port] = indices
        return reads

    def _uses(self, id: str, scope: Scope, reads: frozenset[str], chain: bool) -> list[ast.stmt]:
        """Return the statements that compute a node's outputs, and remember their variables.

        Args:
            id: The node.
            scope: The function they are in.
            reads: Which of its output ports are read.
            chain: Whether the next statement is the only one to read them.
        """
        piece = self.pieces[id]
        linked = {port: scope.variables[source] for port, source in self.links.get(id, ())}
        if isinstance(piece, BlockPiece) and piece.is_loop:
            return self._loop(id, piece, scope, linked)
        call = piece.use(self.module(id, scope.owner), linked)
        results = piece.results(reads)
        target = piece.target
        inner = frozenset().union(*(names_in(text) for text in results.values())) if results else frozenset()
        names = {port: self._variable(piece, port, scope, reads, chain) for port in reads}
        for local in sorted(_leaves(target) & inner - names.keys()):
            names[local] = scope.fresh(local)
        statements: list[ast.stmt] = [ast.Assign(targets=[_target(target, names)], value=call, lineno=0)]
        for port, text in results.items():
            value = build(text, {local: name(each) for local, each in names.items()}, (), {})
            statements.append(ast.Assign(targets=[_target(port, names)], value=value, lineno=0))
        scope.variables |= {PortRef(id, port): name(names[port]) for port in reads}
        return statements

    def _loop(self, id: str, piece: BlockPiece, scope: Scope, linked: Mapping[str, ast.expr]) -> list[ast.stmt]:
        """Return the statements that hand values from copy to copy: as many as both inputs and outputs have."""
        several = len(piece.outputs) > 1
        names = {
            port: scope.fresh(f"{piece.node.label}_{port}" if several else piece.node.label) for port in piece.outputs
        }
        handed = {port: names[output] for port, output in piece.handed.items()}
        statements: list[ast.stmt] = []
        if handed:
            starts = [linked[port] for port in handed]
            statements.append(ast.Assign(targets=[_names(list(handed.values()))], value=_tuple(starts), lineno=0))
        layer = scope.fresh("layer")
        values = {**linked, **{port: name(variable) for port, variable in handed.items()}}
        call = ast.Call(func=name(layer), args=[values[port] for port in piece.inputs], keywords=[])
        body: list[ast.stmt] = [ast.Assign(targets=[_names(list(names.values()))], value=call, lineno=0)]
        copies = self.module(id, scope.owner)
        assert copies is not None
        loop = ast.For(target=ast.Name(id=layer, ctx=ast.Store()), iter=copies, body=body, orelse=[], lineno=0)
        scope.variables |= {PortRef(id, port): name(variable) for port, variable in names.items()}
        return [*statements, loop]

    def _variable(self, piece: Piece, port: str, scope: Scope, reads: frozenset[str], chain: bool) -> str:
        if chain and len(reads) == 1:
            return scope.chain
        return scope.fresh(piece.node.label if len(reads) == 1 else f"{piece.node.label}_{port}")


def item(dictionary: str, key: str) -> ast.expr:
    """Return `dictionary["key"]`."""
    return ast.Subscript(value=name(dictionary), slice=ast.Constant(value=key), ctx=ast.Load())


def _names(names: Sequence[str]) -> ast.expr:
    elements: list[ast.expr] = [ast.Name(id=each, ctx=ast.Store()) for each in names]
    return elements[0] if len(elements) == 1 else ast.Tuple(elts=elements, ctx=ast.Store())


def _tuple(values: Sequence[ast.expr]) -> ast.expr:
    return values[0] if len(values) == 1 else ast.Tuple(elts=list(values), ctx=ast.Load())


def _leaves(target: Pattern) -> frozenset[str]:
    if isinstance(target, str):
        return frozenset({target})
    return frozenset().union(*(_leaves(part) for part in target))


def _target(target: Pattern, names: Mapping[str, str]) -> ast.expr:
    if isinstance(target, str):
        return ast.Name(id=names.get(target, "_"), ctx=ast.Store())
    return ast.Tuple(elts=[_target(part, names) for part in target], ctx=ast.Store())
