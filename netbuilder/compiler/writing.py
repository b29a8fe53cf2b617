"""Writing: the author of programs puts nodes into statements, and statements into a module's text. Imports torch."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from netbuilder.compiler.callables import argument_defaults
from netbuilder.compiler.flow import LOCAL, TARGET, Flow, sources_of, spec_of
from netbuilder.compiler.program import Loss, Program, class_name
from netbuilder.compiler.shapes import Shapes
from netbuilder.compiler.source import WIDTH
from netbuilder.compiler.template import Pattern, build, callees, constant, name, pattern, plain_values
from netbuilder.compiler.text import Item, Parts, module_text, tapped_text
from netbuilder.document.model import Document, Node, PortRef
from netbuilder.document.names import RESERVED, free_label, is_label
from netbuilder.layers.spec import INITIALIZERS, LayerSpec, names_in

_LOCAL: Final = RESERVED | LOCAL


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


class Author:
    """Writes one document as a program."""

    def __init__(self, document: Document, shapes: Shapes, flow: Flow) -> None:
        """Get to know what to write."""
        self.document, self.shapes, self.flow = document, shapes, flow
        self.nodes = document.graph.nodes
        self.links = sources_of(document.graph)
        self.outside = list(dict.fromkeys(id for _, ids in flow.phases for id in ids))
        self.values: dict[str, dict[str, Any]] = {}
        self.specs: dict[str, LayerSpec] = {}
        for id in [*flow.forward, *self.outside, *(self.nodes[id].tied_to for id in (*flow.forward, *self.outside))]:
            if id and id not in self.specs:
                self._meet(self.nodes[id])
        self.constants = {id: self._constants(id) for id in self.specs}
        self.attributes = self._attributes()
        support = dict.fromkeys(spec.support for spec in self.specs.values() if spec.support)
        self.support = {text: ast.parse(text).body for text in support}
        self.loss_names = self._loss_names()

    def _meet(self, node: Node) -> None:
        spec = spec_of(node)
        assert spec is not None, "a node without a spec is an error that was reported"
        owner = self.nodes[node.tied_to] if node.tied_to else node
        self.specs[node.id] = spec
        self.values[node.id] = spec.resolve(owner.parameters)

    def _attributes(self) -> dict[str, str]:
        """Return the attribute of each node with a module of its own, in the order of the text."""
        owners = dict.fromkeys(self.nodes[id].tied_to or id for id in (*self.flow.forward, *self.outside))
        found: dict[str, str] = {}
        taken: set[str] = set()
        for id in owners:
            if self.specs[id].make_text(self.values[id]):
                label = self.nodes[id].label
                found[id] = label if is_label(label) and label not in taken else free_label(taken, label)
                taken.add(found[id])
        return found

    def _class_name(self) -> str:
        wish = class_name(self.document.about.title)
        classes = {each.name for body in self.support.values() for each in body if isinstance(each, ast.ClassDef)}
        return wish if wish not in classes else "Network"

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def _defaults(self, id: str, template: str) -> dict[str, Mapping[str, Any]]:
        spec, values = self.specs[id], self.values[id]
        found = {callee: argument_defaults(callee, spec.support) for callee in callees(template)}
        if "me" in found:
            makers = sorted(callees(spec.make_text(values)), key=len)
            found["me"] = argument_defaults(f"{makers[0]}.forward", spec.support) if makers else {}
        return found

    def _constants(self, id: str) -> dict[str, ast.expr]:
        values = plain_values(self.specs[id], self.values[id]) | dict(self.shapes.derived.get(id, {}))
        return {key: constant(value) for key, value in values.items()}

    def _make(self, id: str) -> ast.stmt:
        """Return `self.conv1 = nn.Conv2d(...)`."""
        template = self.specs[id].make_text(self.values[id])
        value = build(template, self.constants[id], (), self._defaults(id, template))
        target = ast.Attribute(value=name("self"), attr=self.attributes[id], ctx=ast.Store())
        return ast.Assign(targets=[target], value=value, lineno=0)

    def _starts(self, id: str) -> list[ast.stmt]:
        """Return the statements that draw a node's weights, besides its constructor."""
        spec, weights = self.specs[id], self.shapes.weights.get(id)
        _, template = INITIALIZERS.get(str(self.values[id].get("initializer", "default")), ("", ""))
        if not template or weights is None:
            return []
        chosen = [each for each in weights.names if any(fnmatchcase(each, wanted) for wanted in spec.weights)]
        module = self._module(id, "self")
        return [ast.Expr(value=build(template, {"weight": _member(module, each)}, (), {})) for each in chosen]

    def _freeze(self, id: str) -> list[ast.stmt]:
        if self.values[id].get("trainable", True):
            return []
        function = ast.Attribute(value=self._module(id, "self"), attr="requires_grad_", ctx=ast.Load())
        return [ast.Expr(value=ast.Call(func=function, args=[ast.Constant(value=False)], keywords=[]))]

    def _module(self, id: str, owner: str) -> ast.expr:
        return ast.Attribute(value=name(owner), attr=self.attributes[self.nodes[id].tied_to or id], ctx=ast.Load())

    def _uses(self, id: str, scope: Scope, reads: frozenset[str], chain: bool) -> list[ast.stmt]:
        """Return the statements that compute a node's outputs, and remember their variables.

        Args:
            id: The node.
            scope: The function they are in.
            reads: Which of its output ports are read.
            chain: Whether the next statement is the only one to read them.
        """
        spec, values = self.specs[id], self.values[id]
        linked = {port: scope.variables[source] for port, source in self.links.get(id, ())}
        ports = spec.input_ports(values)
        bindings = self.constants[id] | {port.name: linked.get(port.name, ast.Constant(value=None)) for port in ports}
        if spec.make_text(values):
            bindings["me"] = self._module(id, scope.owner)
        template = spec.call_text(values)
        call = build(
            template,
            bindings,
            [linked[port.name] for port in ports if port.name in linked],
            self._defaults(id, template),
        )
        results = {port: text for port, text in spec.result_texts(values).items() if port in reads}
        target = pattern(spec.target_text(values) or spec.output_ports(values)[0].name)
        inner = frozenset().union(*(names_in(text) for text in results.values())) if results else frozenset()
        names = {port: self._variable(id, port, scope, reads, chain) for port in reads}
        for local in sorted(_leaves(target) & inner - names.keys()):
            names[local] = scope.fresh(local)
        statements: list[ast.stmt] = [ast.Assign(targets=[_target(target, names)], value=call, lineno=0)]
        for port, text in results.items():
            value = build(text, {local: name(each) for local, each in names.items()}, (), {})
            statements.append(ast.Assign(targets=[_target(port, names)], value=value, lineno=0))
        scope.variables |= {PortRef(id, port): name(names[port]) for port in reads}
        return statements

    def _variable(self, id: str, port: str, scope: Scope, reads: frozenset[str], chain: bool) -> str:
        if chain and len(reads) == 1:
            return scope.chain
        label = self.nodes[id].label
        return scope.fresh(label if len(reads) == 1 else f"{label}_{port}")

    # -- functions -----------------------------------------------------------------------------------------------------

    def _body(self, ids: Sequence[str], scope: Scope, returned: frozenset[PortRef]) -> list[Item]:
        """Return the statements of nodes in order."""
        readers: dict[PortRef, list[int]] = {port: [len(ids)] for port in returned}
        for index, id in enumerate(ids):
            for _, port in self.links.get(id, ()):
                readers.setdefault(port, []).append(index)
        reads: dict[str, dict[str, list[int]]] = {}
        for port, indices in readers.items():
            reads.setdefault(port.node, {})[port.port] = indices
        items = []
        for index, id in enumerate(ids):
            used = reads.get(id) or {self.specs[id].output_ports(self.values[id])[0].name: []}
            last = index + 1 == len(ids)
            chain = (
                not self.specs[id].is_loss
                and all(indices == [index + 1] for indices in used.values())
                and not (last and len(returned) > 1)
            )
            statements = self._uses(id, scope, frozenset(used), chain)
            type_ = self.shapes.types.get(PortRef(id, next(iter(sorted(used)))))
            node = self.nodes[id]
            note = "" if id in self.attributes else node.note
            for position, statement in enumerate(statements):
                remark = str(type_) if type_ is not None and type_.dims and position + 1 == len(statements) else ""
                items.append(Item(statement, id, remark, note if not position else ""))
        return items

    def _inputs(self) -> dict[str, PortRef]:
        """Return the arguments of `forward` in order."""
        read = {source for id in self.flow.forward for _, source in self.links.get(id, ())} | set(self.flow.outputs)
        return {argument: port for port, argument in self.flow.entries.items() if port in read}

    def _forward(self, inputs: Mapping[str, PortRef]) -> list[Item]:
        scope = Scope("self", {port: name(each) for each, port in inputs.items()}, set(_LOCAL) | set(inputs))
        items = self._body(self.flow.forward, scope, frozenset(self.flow.outputs))
        values = [scope.variables[port] for port in self.flow.outputs]
        result = values[0] if len(values) == 1 else ast.Tuple(elts=values, ctx=ast.Load())
        return [*items, Item(ast.Return(value=result))]

    def _phase(self, ids: Sequence[str], inputs: Mapping[str, PortRef]) -> list[Item]:
        """Return the body of a phase's function."""
        variables = {port: _item("batch", key) for port, key in self.flow.entries.items()}
        scope = Scope("model", variables, set(_LOCAL))
        items = []
        read = {source for id in ids for _, source in self.links.get(id, ())}
        if read & self.flow.outputs.keys() - self.flow.entries.keys():
            items.append(Item(self._call_model(inputs, scope, read)))
        ends = [id for id in ids if self.specs[id].is_loss]
        items += self._body(ids, scope, frozenset(PortRef(id, self._loss_port(id)) for id in ends))
        losses = ast.Dict(
            keys=[ast.Constant(value=self.loss_names[id]) for id in ends],
            values=[scope.variables[PortRef(id, self._loss_port(id))] for id in ends],
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
            func=name("model"), args=[], keywords=[ast.keyword(arg=key, value=_item("batch", key)) for key in inputs]
        )
        return ast.Assign(targets=[target], value=call, lineno=0)

    def _loss_port(self, id: str) -> str:
        return self.specs[id].output_ports(self.values[id])[0].name

    def _loss_names(self) -> dict[str, str]:
        """Return each loss's key in what its phase's function returns."""
        found: dict[str, str] = {}
        for id in self.outside:
            if self.specs[id].is_loss:
                found[id] = free_label(found.values(), self.nodes[id].label)
        return found

    def _constructor(self, makes: Mapping[str, ast.stmt], starts: Mapping[str, Sequence[ast.stmt]]) -> list[Item]:
        base = ast.parse("super().__init__()").body[0]
        made = [Item(make, id, note=self.nodes[id].note) for id, make in makes.items()]
        started = [Item(each, id) for id in self.attributes for each in (*starts[id], *self._freeze(id))]
        return [Item(base), *made, *started]

    def _doc(self, inputs: Mapping[str, PortRef]) -> str:
        types = self.shapes.types
        taken = ", ".join(f"{key} ({types[port]})" for key, port in inputs.items())
        given = ", ".join(f"{key} ({types[port]})" for port, key in self.flow.outputs.items())
        doc = f"Takes {taken} and gives {given}." if taken else f"Gives {given}."
        return doc if len(doc) <= WIDTH - 10 else f"Takes {len(inputs)} and gives {len(self.flow.outputs)} tensors."

    # -- the text ------------------------------------------------------------------------------------------------------

    def write(self) -> Program:
        """Write everything."""
        inputs = self._inputs()
        functions: dict[str, str] = {}
        phases: list[tuple[str, list[Item]]] = []
        for phase, ids in self.flow.phases:
            if not any(self.specs[id].is_loss for id in ids):
                continue
            function = free_label(functions.values(), f"{phase.name}_losses")
            functions[phase.name] = function
            phases.append((function, self._phase(ids, inputs)))
        makes = {id: self._make(id) for id in self.attributes}
        starts = {id: self._starts(id) for id in self.attributes}
        parts = Parts(
            title=self.document.about.title,
            class_name=self._class_name(),
            doc=self._doc(inputs),
            support=self.support,
            arguments=tuple(inputs),
            count=len(self.flow.outputs),
            constructor=self._constructor(makes, starts),
            forward=self._forward(inputs),
            phases=phases,
            starts={id: [makes[id], *starts[id]] for id in self.attributes},
        )
        wrapped: dict[ast.stmt, list[str]] = {}
        text, lines = module_text(parts, wrapped)
        tapped, tapped_lines = tapped_text(parts, wrapped)
        return Program(
            source=text,
            class_name=parts.class_name,
            names=dict(self.attributes),
            labels={id: node.label for id, node in self.nodes.items()},
            lines=lines,
            fields=tuple(inputs),
            sources={key: port for port, key in self.flow.entries.items()},
            outputs=tuple(self.flow.outputs.values()),
            results={each: port for port, each in self.flow.outputs.items()},
            phases=functions,
            losses=tuple(self._losses(functions)),
            tapped=tapped,
            tapped_lines=tapped_lines,
        )

    def _losses(self, functions: Mapping[str, str]) -> list[Loss]:
        found = []
        for phase, ids in self.flow.phases:
            for id in ids:
                spec = self.specs[id]
                if not spec.is_loss or phase.name not in functions:
                    continue
                linked = dict(self.links.get(id, ()))
                target = linked.get(TARGET)
                type_ = self.shapes.types.get(target) if target else None
                found.append(
                    Loss(
                        node=id,
                        name=self.loss_names[id],
                        phase=phase.name,
                        task=spec.task,
                        prediction=self.flow.outputs.get(linked["prediction"], "") if "prediction" in linked else "",
                        target=self.flow.entries.get(target, "") if target else "",
                        classes=type_.classes if type_ else 0,
                    )
                )
        return found


def _item(dictionary: str, key: str) -> ast.expr:
    return ast.Subscript(value=name(dictionary), slice=constant(key), ctx=ast.Load())


def _member(module: ast.expr, path: str) -> ast.expr:
    """Return `module.layers[0].weight` for "layers.0.weight"."""
    for part in path.split("."):
        if part.isdigit():
            module = ast.Subscript(value=module, slice=ast.Constant(value=int(part)), ctx=ast.Load())
        else:
            module = ast.Attribute(value=module, attr=name(part).id, ctx=ast.Load())
    return module


def _leaves(target: Pattern) -> frozenset[str]:
    if isinstance(target, str):
        return frozenset({target})
    return frozenset().union(*(_leaves(part) for part in target))


def _target(target: Pattern, names: Mapping[str, str]) -> ast.expr:
    if isinstance(target, str):
        return ast.Name(id=names.get(target, "_"), ctx=ast.Store())
    return ast.Tuple(elts=[_target(part, names) for part in target], ctx=ast.Store())
