"""Writing: the author of programs puts nodes into statements, and statements into a module's text. Imports torch."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from netbuilder.compiler.body import RESERVED_LOCALS, Body, Scope, item
from netbuilder.compiler.classes import Classes, GraphPlan, constructor, plan_graph
from netbuilder.compiler.custom import names_bound
from netbuilder.compiler.flow import TARGET, Flow, sources_of, spec_of
from netbuilder.compiler.pieces import LayerPiece
from netbuilder.compiler.program import Loss, Program, class_name
from netbuilder.compiler.shapes import Shapes
from netbuilder.compiler.source import WIDTH
from netbuilder.compiler.symbols import Symbols
from netbuilder.compiler.template import constant, name, plain_values
from netbuilder.compiler.text import ClassParts, Item, Parts, TappedParts, module_text, tapped_text
from netbuilder.document.blocks import is_block
from netbuilder.document.model import Document, PortRef
from netbuilder.document.names import free_label
from netbuilder.layers.custom_code import parse as parse_code

INNER: Final = "module"
"""In `starts`, the attribute of a module inside a block while it is being made."""


class Author:
    """Writes one document as a program."""

    def __init__(self, document: Document, shapes: Shapes, flow: Flow) -> None:
        """Get to know what to write."""
        self.document, self.shapes, self.flow = document, shapes, flow
        self.nodes = document.graph.nodes
        self.flat = shapes.expansion.of(document).graph
        self.outside = tuple(dict.fromkeys(id for _, ids in flow.phases for id in ids))
        self.plan = plan_graph(document.graph, flow.forward, self.outside)
        self.support_names = frozenset(self._support_names())
        wishes = itertools.chain(
            (class_name(document.about.title), "Network"), map("Network{}".format, itertools.count(2))
        )
        self.class_name = next(wish for wish in wishes if wish not in self.support_names)
        self.classes = Classes(document, shapes, self.plan, self.support_names | {self.class_name})
        pieces = self.classes.pieces(
            self.plan, tuple(dict.fromkeys((*flow.forward, *self.outside, *self.plan.owners))), ("",), Symbols({"": {}})
        )
        self.body = Body(pieces, self.plan.links, shapes.types.get)
        self.loss_names = self._loss_names()
        self.names = dict(self._names("", "", self.plan))

    def _support_names(self) -> set[str]:
        """Return the names of all support classes that any layer may need, and all that the user's own code binds."""
        found: set[str] = set()
        for node in self.flat.nodes.values():
            spec = spec_of(node)
            if spec is not None and spec.support:
                found |= names_bound(spec.support_text(spec.resolve(node.parameters))).keys()
        return found

    def _support(self) -> dict[str, list[ast.stmt]]:
        """Return the texts of the support classes in use, with their trees."""
        used = dict.fromkeys((*self._order("", (*self.flow.forward, *self.outside)), *self.names))
        layers = (self.classes.layer(path) for path in used)
        texts = dict.fromkeys(spec.support_text(values) for spec, values in layers)
        return {text: parse_code(text).body for text in texts if text}

    def _names(self, prefix: str, attribute: str, plan: GraphPlan) -> Iterator[tuple[str, str]]:
        """Yield the path and the dotted attribute of each layer with a module of its own, in the order of the text."""
        path = prefix.rstrip("/")
        for id, own in self.classes.attributes(plan, path).items():
            dotted = f"{attribute}.{own}" if attribute else own
            if not is_block(plan.graph.nodes[id]):
                yield prefix + id, dotted
                continue
            copies = self.shapes.expansion.copies[prefix + id]
            piece_is_list = self._is_list(prefix, id)
            for number, copy in enumerate(copies):
                inner = f"{dotted}.{number}" if piece_is_list else dotted
                yield from self._names(f"{copy}/", inner, self.classes.plan(self.shapes.expansion.instances[copy].key))

    def _is_list(self, prefix: str, id: str) -> bool:
        """Whether the copies of a block stand in a list."""
        if not prefix:
            piece = self.body.pieces[id]
            return not isinstance(piece, LayerPiece) and piece.is_list
        return id in self.classes.of[prefix.rstrip("/")].lists

    # -- functions -----------------------------------------------------------------------------------------------------

    def _inputs(self) -> dict[str, PortRef]:
        """Return the arguments of `forward` in order."""
        links = self.plan.links
        read = {source for id in self.flow.forward for _, source in links.get(id, ())} | set(self.flow.outputs)
        return {argument: port for port, argument in self.flow.entries.items() if port in read}

    def _forward(self, inputs: Mapping[str, PortRef]) -> list[Item]:
        taken = {*RESERVED_LOCALS, *self.support_names, *inputs}
        scope = Scope("self", {port: name(each) for each, port in inputs.items()}, taken)
        items = self.body.write(self.flow.forward, scope, frozenset(self.flow.outputs))
        return [*items, _returned([scope.variables[port] for port in self.flow.outputs])]

    def _phase(self, ids: Sequence[str], inputs: Mapping[str, PortRef]) -> list[Item]:
        """Return the body of a phase's function."""
        variables = {port: item("batch", key) for port, key in self.flow.entries.items()}
        scope = Scope("model", variables, {*RESERVED_LOCALS, *self.support_names})
        items = []
        read = {source for id in ids for _, source in self.plan.links.get(id, ())}
        if read & self.flow.outputs.keys() - self.flow.entries.keys():
            items.append(Item(self._call_model(inputs, scope, read)))
        ends = [id for id in ids if self.body.pieces[id].is_loss]
        ports = {id: PortRef(id, self.body.pieces[id].outputs[0]) for id in ends}
        items += self.body.write(ids, scope, frozenset(ports.values()))
        losses = ast.Dict(
            keys=[ast.Constant(value=self.loss_names[id]) for id in ends],
            values=[scope.variables[ports[id]] for id in ends],
        )
        return [*items, Item(ast.Return(value=losses))]

    def _call_model(self, inputs: Mapping[str, PortRef], scope: Scope, read: set[PortRef]) -> ast.stmt:
        """Return the statement that calls the model and names what losses read of its result."""
        outputs = self.flow.outputs
        targets: list[ast.expr] = []
        for port, wish in outputs.items():
            variable = scope.fresh("output" if len(outputs) == 1 else wish) if port in read else "_"
            if port in read and port not in self.flow.entries:
                scope.variables[port] = name(variable)
            targets.append(ast.Name(id=variable, ctx=ast.Store()))
        target = targets[0] if len(targets) == 1 else ast.Tuple(elts=targets, ctx=ast.Store())
        call = ast.Call(
            func=name("model"), args=[], keywords=[ast.keyword(arg=key, value=item("batch", key)) for key in inputs]
        )
        return ast.Assign(targets=[target], value=call, lineno=0)

    def _loss_names(self) -> dict[str, str]:
        """Return each loss's key in what its phase's function returns."""
        found: dict[str, str] = {}
        for id in self.outside:
            if self.body.pieces[id].is_loss:
                found[id] = free_label(found.values(), self.nodes[id].label)
        return found

    def _doc(self, inputs: Mapping[str, PortRef]) -> str:
        types = self.shapes.types
        taken = ", ".join(f"{key} ({types[port]})" for key, port in inputs.items())
        given = ", ".join(f"{key} ({types[port]})" for port, key in self.flow.outputs.items())
        doc = f"Takes {taken} and gives {given}." if taken else f"Gives {given}."
        return doc if len(doc) <= WIDTH - 10 else f"Takes {len(inputs)} and gives {len(self.flow.outputs)} tensors."

    # -- the flat text -------------------------------------------------------------------------------------------------

    def _order(self, prefix: str, ids: Sequence[str]) -> Iterator[str]:
        """Yield the layers of a graph, blocks written out, in the order in which they are run."""
        for id in ids:
            copies = self.shapes.expansion.copies.get(prefix + id)
            if copies is None:
                yield prefix + id
            for copy in copies or ():
                plan = self.classes.plan(self.shapes.expansion.instances[copy].key)
                yield from self._order(f"{copy}/", plan.forward)

    def _flat_piece(self, path: str) -> LayerPiece:
        node = self.flat.nodes[path]
        spec, values = self.classes.layer(path)
        owner = node.tied_to or path
        plain = plain_values(spec, values) | dict(self.shapes.derived.get(path, {}))
        constants = {key: constant(value) for key, value in plain.items()}
        weights = self.shapes.weights.get(owner)
        return LayerPiece(
            node=node,
            path=path,
            attribute=self.names.get(owner, ""),
            spec=spec,
            values=values,
            constants=constants,
            arguments=constants,
            weights=weights.names if weights else (),
        )

    def _tapped(self, inputs: Mapping[str, PortRef], network: ClassParts) -> TappedParts:
        forward = tuple(self._order("", self.flow.forward))
        body = self.body
        if not self.shapes.expansion.copies:  # the statements of the class, so that they are printed once
            items = network.forward
        else:
            ports = [self.shapes.expansion.ports.get(port, port) for port in self.flow.outputs]
            taken = {*RESERVED_LOCALS, *self.support_names, *inputs}
            scope = Scope("self", {port: name(each) for each, port in inputs.items()}, taken)
            pieces = {id: self._flat_piece(id) for id in dict.fromkeys((*forward, *self.names))}
            body = Body(pieces, sources_of(self.flat), lambda port: None)
            items = body.write(forward, scope, frozenset(ports))
            items = [*items, _returned([scope.variables[port] for port in ports])]
        return TappedParts(
            arguments=network.arguments,
            returns=network.returns,
            forward=items,
            starts={path: _flattened(body.made(path, _attribute(own))) for path, own in self.names.items()},
        )

    # -- the text ------------------------------------------------------------------------------------------------------

    def write(self) -> Program:
        """Write everything."""
        inputs = self._inputs()
        functions: dict[str, str] = {}
        phases: list[tuple[str, list[Item]]] = []
        for phase, ids in self.flow.phases:
            if not any(self.body.pieces[id].is_loss for id in ids):
                continue
            function = free_label({*functions.values(), *self.support_names}, f"{phase.name}_losses")
            functions[phase.name] = function
            phases.append((function, self._phase(ids, inputs)))
        network = ClassParts(
            name=self.class_name,
            doc=self._doc(inputs),
            settings={},
            constructor=constructor(self.plan.owners, self.body, {}),
            arguments=tuple(inputs),
            count=len(self.flow.outputs),
            forward=self._forward(inputs),
        )
        support = self._support()
        parts = Parts(
            title=self.document.about.title,
            support=support,
            classes=[*self.classes.parts, network],
            phases=phases,
        )
        wrapped: dict[ast.stmt, list[str]] = {}
        text, lines = module_text(parts, wrapped)
        tapped, tapped_lines = tapped_text(self._tapped(inputs, network), wrapped)
        return Program(
            source=text,
            class_name=self.class_name,
            names=self.names,
            frozen=frozenset(path for path in self.names if not self.classes.layer(path)[1].get("trainable", True)),
            labels={id: node.label for id, node in (*self.nodes.items(), *self.flat.nodes.items())},
            lines=lines,
            fields=tuple(inputs),
            sources={key: port for port, key in self.flow.entries.items()},
            outputs=tuple(self.flow.outputs.values()),
            results={each: port for port, each in self.flow.outputs.items()},
            phases=functions,
            losses=tuple(self._losses(functions)),
            tapped=tapped,
            tapped_lines=tapped_lines,
            support={body: _lines_before(body, text) for body in support},
        )

    def _losses(self, functions: Mapping[str, str]) -> list[Loss]:
        found = []
        for phase, ids in self.flow.phases:
            for id in ids:
                piece = self.body.pieces[id]
                if not isinstance(piece, LayerPiece) or not piece.is_loss or phase.name not in functions:
                    continue
                linked = dict(self.plan.links.get(id, ()))
                target = linked.get(TARGET)
                type_ = self.shapes.types.get(target) if target else None
                found.append(
                    Loss(
                        node=id,
                        name=self.loss_names[id],
                        phase=phase.name,
                        task=piece.spec.task,
                        prediction=self.flow.outputs.get(linked["prediction"], "") if "prediction" in linked else "",
                        target=self.flow.entries.get(target, "") if target else "",
                        classes=type_.classes if type_ else 0,
                    )
                )
        return found


def _lines_before(body: str, text: str) -> int:
    """Return how many lines of a text stand before the first line of a support text in it."""
    begun = body.lstrip("\n")  # blank lines at its beginning are not written
    return text[: text.index(begun.rstrip("\n"))].count("\n") - (len(body) - len(begun))


def _attribute(dotted: str) -> str:
    """Return the attribute under which `starts` makes a module."""
    return INNER if "." in dotted else dotted


def _flattened(made: tuple[ast.stmt, list[ast.stmt]]) -> list[ast.stmt]:
    return [made[0], *made[1]]


def _returned(values: Sequence[ast.expr]) -> Item:
    return Item(ast.Return(value=values[0] if len(values) == 1 else ast.Tuple(elts=list(values), ctx=ast.Load())))
