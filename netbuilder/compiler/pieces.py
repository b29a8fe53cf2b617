"""Pieces: a node as the author of programs sees it: what makes its module, and what its use in `forward` reads as.

Imports torch.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from netbuilder.compiler.callables import argument_defaults
from netbuilder.compiler.template import Pattern, build, callees, constant, name, pattern
from netbuilder.document.model import Node
from netbuilder.layers.custom import optional_inputs
from netbuilder.layers.spec import INITIALIZERS, LayerSpec

Bindings: TypeAlias = Mapping[str, ast.expr]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPiece:
    """A layer.

    Attributes:
        node: Its label and note.
        path: Its node path; of a class's layers, that in the first instance.
        attribute: The attribute of the module that it uses, "" for a function; dotted where it is in a block.
        spec: What it is.
        values: Its owner's resolved parameters.
        constants: What the names in its constructor's template stand for.
        arguments: What the same names stand for in `forward`.
        weights: The names of its module's parameters.
    """

    node: Node
    path: str
    attribute: str
    spec: LayerSpec
    values: Mapping[str, Any]
    constants: Bindings
    arguments: Bindings
    weights: Sequence[str] = ()

    @property
    def is_loss(self) -> bool:
        """Whether it is a loss."""
        return self.spec.is_loss

    @property
    def outputs(self) -> tuple[str, ...]:
        """Its output ports."""
        return tuple(port.name for port in self.spec.output_ports(self.values))

    @property
    def target(self) -> Pattern:
        """How its result is unpacked."""
        return pattern(self.spec.target_text(self.values) or self.outputs[0])

    def results(self, reads: frozenset[str]) -> dict[str, str]:
        """Return the expressions of the ports among `reads` that the target does not name."""
        return {port: text for port, text in self.spec.result_texts(self.values).items() if port in reads}

    def make(self) -> ast.expr:
        """Return what makes its module."""
        template = self.spec.make_text(self.values)
        return build(template, self.constants, (), self._defaults(template))

    def use(self, module: ast.expr | None, linked: Bindings) -> ast.expr:
        """Return the expression that computes its result.

        Args:
            module: What stands for its module.
            linked: The linked input ports' values, in the order of the ports.
        """
        ports = self.spec.input_ports(self.values)
        bindings = {**self.arguments, **{port.name: linked.get(port.name, ast.Constant(value=None)) for port in ports}}
        if module is not None:
            bindings["me"] = module
        template = self.spec.call_text(self.values)
        inputs = [linked[port.name] for port in ports if port.name in linked]
        return build(template, bindings, inputs, self._defaults(template))

    def starts(self, module: ast.expr) -> list[ast.stmt]:
        """Return the statements that draw its weights, besides its constructor."""
        _, template = INITIALIZERS.get(str(self.values.get("initializer", "default")), ("", ""))
        if not template:
            return []
        chosen = [each for each in self.weights if any(fnmatchcase(each, wanted) for wanted in self.spec.weights)]
        return [ast.Expr(value=build(template, {"weight": member(module, each)}, (), {})) for each in chosen]

    def freezes(self, module: ast.expr) -> list[ast.stmt]:
        """Return the statement that takes its weights out of training, if it has any that are."""
        if self.values.get("trainable", True):
            return []
        function = ast.Attribute(value=module, attr="requires_grad_", ctx=ast.Load())
        return [ast.Expr(value=ast.Call(func=function, args=[ast.Constant(value=False)], keywords=[]))]

    def _defaults(self, template: str) -> dict[str, Mapping[str, Any]]:
        if self.spec.is_custom:  # asking it for its defaults would run it
            return dict.fromkeys(callees(template), optional_inputs(self.values))
        support = self.spec.support_text(self.values)
        found = {callee: argument_defaults(callee, support) for callee in callees(template)}
        if "me" in found:
            makers = sorted(callees(self.spec.make_text(self.values)), key=len)
            found["me"] = argument_defaults(f"{makers[0]}.forward", support) if makers else {}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPiece:
    """An instance of a block.

    Attributes:
        node: Its label and note.
        path: Its node path; of a class's blocks, that in the first instance.
        attribute: The attribute of the module that it uses.
        class_name: The class of its copies.
        inputs: The input ports that something feeds, in order.
        outputs: Its output ports, in order.
        handed: Input port -> the output port of the copy before that feeds it.
        copies: The constructor's arguments of each copy.
        is_list: Whether it is a list of copies at all; one copy alone is its own module.
        count: How many copies, as an expression of the class's parameters; None when it is a plain number.
    """

    node: Node
    path: str
    attribute: str
    class_name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    handed: Mapping[str, str]
    copies: Sequence[Bindings]
    is_list: bool
    count: ast.expr | None = None
    is_loss: bool = field(default=False, init=False)

    @property
    def target(self) -> Pattern:
        """How its result is unpacked."""
        return self.outputs[0] if len(self.outputs) == 1 else self.outputs

    @property
    def is_loop(self) -> bool:
        """Whether its copies are called one by one: `nn.Sequential` passes on a single value only."""
        return self.is_list and (len(self.inputs) != 1 or len(self.outputs) != 1)

    def results(self, reads: frozenset[str]) -> dict[str, str]:
        """Return nothing: the target names all ports."""
        return {}

    def make(self) -> ast.expr:
        """Return what makes its module: a copy, or a container of copies."""
        if not self.is_list:
            return self._copy(self.copies[0])
        first = self.copies[0]
        varying = [key for key in first if len({ast.dump(each[key]) for each in self.copies}) > 1]
        generator: ast.expr
        if not varying:
            count = self.count or constant(len(self.copies))
            source: ast.expr = ast.Call(func=name("range"), args=[count], keywords=[])
            generator = self._generated(self._copy(first), ast.Name(id="_", ctx=ast.Store()), source)
        elif len(varying) == 1:
            values = ast.Tuple(elts=[each[varying[0]] for each in self.copies], ctx=ast.Load())
            element = self._copy({**first, varying[0]: name(varying[0])})
            generator = self._generated(element, ast.Name(id=varying[0], ctx=ast.Store()), values)
        else:
            rows = [ast.Tuple(elts=[each[key] for key in varying], ctx=ast.Load()) for each in self.copies]
            target = ast.Tuple(elts=[ast.Name(id=key, ctx=ast.Store()) for key in varying], ctx=ast.Store())
            element = self._copy({**first, **{key: name(key) for key in varying}})
            generator = self._generated(element, target, ast.Tuple(elts=list(rows), ctx=ast.Load()))
        if self.is_loop:
            return ast.Call(func=_torch_class("ModuleList"), args=[generator], keywords=[])
        starred = ast.Starred(value=generator, ctx=ast.Load())
        return ast.Call(func=_torch_class("Sequential"), args=[starred], keywords=[])

    def use(self, module: ast.expr | None, linked: Bindings) -> ast.expr:
        """Return the expression that computes its result; see `LayerPiece.use`."""
        assert module is not None
        arguments = [linked[port] for port in self.inputs]
        return ast.Call(func=module, args=arguments, keywords=[])

    def starts(self, module: ast.expr) -> list[ast.stmt]:
        """Return nothing: its class sees to its weights."""
        return []

    def freezes(self, module: ast.expr) -> list[ast.stmt]:
        """Return nothing; see `starts`."""
        return []

    def _copy(self, arguments: Bindings) -> ast.expr:
        keywords = [ast.keyword(arg=key, value=value) for key, value in arguments.items()]
        return ast.Call(func=name(self.class_name), args=[], keywords=keywords)

    def _generated(self, element: ast.expr, target: ast.expr, source: ast.expr) -> ast.expr:
        loop = ast.comprehension(target=target, iter=source, ifs=[], is_async=0)
        return ast.GeneratorExp(elt=element, generators=[loop])


Piece: TypeAlias = LayerPiece | BlockPiece


def _torch_class(attribute: str) -> ast.expr:
    return ast.Attribute(value=name("nn"), attr=attribute, ctx=ast.Load())


def member(module: ast.expr, path: str) -> ast.expr:
    """Return `module.layers[0].weight` for "layers.0.weight"."""
    for part in path.split("."):
        if part.isdigit():
            module = ast.Subscript(value=module, slice=ast.Constant(value=int(part)), ctx=ast.Load())
        else:
            module = ast.Attribute(value=module, attr=name(part).id, ctx=ast.Load())
    return module
