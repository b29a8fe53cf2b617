"""Symbols: how the sizes and settings inside a block's class read, so that they are right for every instance.

A class is written once for all instances that agree in everything but numbers. A number is written as an expression of
the class's parameters when that gives the right value in each instance (a *verified guess*), else as a constant when
all instances agree, else it becomes a parameter of the class itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netbuilder.compiler.template import checked, constant, name
from netbuilder.document.expressions import ExpressionError, evaluate, names_in, parse
from netbuilder.document.names import free_label


class Symbols:
    """The parameters of one class, found while it is written.

    Attributes:
        arguments: The constructor's arguments in order -> their value in each instance, by its path.
    """

    def __init__(self, instances: Mapping[str, Mapping[str, Any]]) -> None:
        """Begin with no parameter in use.

        Args:
            instances: Path of each instance -> its block's parameters.
        """
        self.arguments: dict[str, dict[str, Any]] = {}
        self._instances = instances
        self._declared = list(dict.fromkeys(key for values in instances.values() for key in values))
        self._stored: set[str] = set()

    def fits(self, text: str, wanted: Mapping[str, Any]) -> bool:
        """Whether an expression has the wanted value, of exactly the wanted type, in every instance."""
        try:
            return all(equal(evaluate(text, self._values(path)), value) for path, value in wanted.items())
        except ExpressionError:
            return False

    def expression(self, text: str, in_forward: bool = False) -> ast.expr:
        """Return an expression as syntax; what it names becomes an argument of the constructor.

        Args:
            text: The expression.
            in_forward: Whether it stands in `forward`, where arguments are read from `self`.
        """
        used = names_in(text)
        for each in sorted(used - self.arguments.keys()):
            self.arguments[each] = {path: values[each] for path, values in self._instances.items()}
        tree = parse(text)
        if in_forward:
            self._stored |= used
            return _OfSelf(used).visit(ast.parse(ast.unparse(tree), mode="eval").body)  # type: ignore[no-any-return]
        return tree

    def number(self, candidates: Iterable[str], wanted: Mapping[str, Any], wish: str, label: str) -> ast.expr:
        """Return how a value reads in the constructor.

        Args:
            candidates: Expressions that it may be, the likeliest first.
            wanted: Its value in each instance.
            wish: What an argument of its own would be called.
            label: Whose it is, for telling apart two arguments of one name.
        """
        for text in candidates:
            if self.fits(text, wanted):
                return self.expression(text)
        first = next(iter(wanted.values()))
        if all(equal(value, first) for value in wanted.values()):
            return constant(first)
        for known, values in self.arguments.items():
            if all(equal(values[path], value) for path, value in wanted.items()):
                return name(known)
        taken = {*self._declared, *self.arguments}
        own = wish if wish not in taken else free_label(taken, f"{label}_{wish}")
        self.arguments[checked(own)] = dict(wanted)
        return name(own)

    def stored(self, taken: Iterable[str]) -> dict[str, str]:
        """Return the arguments that `forward` reads -> the attributes they are kept in.

        Raises:
            ValueError: When a module has that name already.
        """
        clash = self._stored & set(taken)
        if clash:
            raise ValueError(f"{min(clash)!r} names both a parameter of the block and a layer in it")
        return {each: each for each in sorted(self._stored)}

    def settle(self) -> None:
        """Put the arguments into their order: sizes first, then the block's parameters as they were declared."""
        place = {key: index for index, key in enumerate(self._declared)}
        self.arguments = dict(sorted(self.arguments.items(), key=lambda item: place.get(item[0], -1)))

    def hints(self) -> dict[str, str]:
        """Return the annotations of the constructor's arguments."""
        return {key: _hint(list(values.values())) for key, values in self.arguments.items()}

    def _values(self, path: str) -> dict[str, Any]:
        own = {key: values[path] for key, values in self.arguments.items() if path in values}
        return {**self._instances[path], **own}


class _OfSelf(ast.NodeTransformer):
    """Reads names from `self`."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self.names:
            return node
        return ast.Attribute(value=name("self"), attr=checked(node.id), ctx=ast.Load())


def equal(one: Any, other: Any) -> bool:
    """Whether two plain values are equal in value and type: 1, 1.0 and True are three values."""
    return type(one) is type(other) and bool(one == other)


def _hint(values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values}
    if kinds == {tuple}:
        return "tuple[int, ...]"
    return kinds.pop().__name__ if len(kinds) == 1 and kinds <= {int, float, bool, str} else "object"
