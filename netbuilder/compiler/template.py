"""Templates: a layer's `make` and `call` expressions, parsed once, with their names replaced by syntax or by values.

The same template serves twice: as syntax in the generated text (`build`), and as a function that shape inference calls
(`callables.template_function`). Nothing a user types is ever parsed here: values enter as constants of exact types,
names as checked identifiers.
"""

from __future__ import annotations

import ast
import keyword
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from netbuilder.foundation.parameter import Kind, Parameter, Values
from netbuilder.layers.spec import LayerSpec

MODULES: Final = frozenset({"torch", "nn", "F", "math"})
"""The modules that templates and the generated text know by name."""

INPUTS: Final = "inputs"
"""In a template, `*inputs` stands for the variables of all connected input ports."""


_LARGEST: Final = 1 << 64
"""No size, count or seed is larger."""


class CompilerError(Exception):
    """The compiler caught itself writing something that it did not mean: a defect of ours, never the user's mistake."""


@cache
def parse(template: str) -> ast.expr:
    """Return the expression that `template` is; nobody may change it."""
    return ast.parse(template, mode="eval").body


def name(identifier: str) -> ast.Name:
    """Return a name for use in code, after making sure that it is one.

    Raises:
        CompilerError: When it is not an ASCII identifier or is a keyword.
    """
    return ast.Name(id=checked(identifier), ctx=ast.Load())


def checked(identifier: str) -> str:
    """Return `identifier` unchanged when it is an ASCII identifier and no keyword.

    Raises:
        CompilerError: When it is not.
    """
    plain = type(identifier) is str and identifier.isascii() and identifier.isidentifier()
    if plain and not keyword.iskeyword(identifier):
        return identifier
    raise CompilerError(f"{identifier!r:.80} cannot be a name in code")


def constant(value: Any) -> ast.expr:
    """Return a value as syntax: bool, int, float, str, None and tuples of them, of exactly these types.

    Raises:
        CompilerError: For any other type, and for numbers that are not finite.
    """
    if (type(value) is int and abs(value) >= _LARGEST) or (type(value) is float and not math.isfinite(value)):
        raise CompilerError("a number is too large to be written")
    if type(value) in (int, float) and math.copysign(1, value) < 0:
        return ast.UnaryOp(op=ast.USub(), operand=constant(-value))
    if value is None or type(value) in (bool, int, float, str):
        return ast.Constant(value=value)
    if type(value) is tuple:
        return ast.Tuple(elts=[constant(element) for element in value], ctx=ast.Load())
    raise CompilerError(f"a {type(value).__name__} cannot be written as a constant")


def same(one: object, other: object) -> bool:
    """Whether two trees, lists of trees or constants are the same, down to the exact types of constants.

    It says what comparing their dumps would say, in a third of the time.
    """
    kind = type(one)
    if kind is not type(other):
        return False
    if kind is str or one is None:
        return one == other
    if isinstance(one, ast.AST):
        return all(same(getattr(one, field, None), getattr(other, field, None)) for field in one._fields)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other)


def plain(parameter: Parameter, value: Any) -> Any:
    """Return a parameter's value as templates see it: equal sizes on a fixed number of axes are one number."""
    if parameter.kind is Kind.INTS and parameter.length and type(value) is tuple and len(set(value)) == 1:
        return value[0]
    return value


def plain_values(spec: LayerSpec, values: Values) -> dict[str, Any]:
    """Return all parameters of a layer as its templates see them."""
    return {name: plain(spec.by_name[name], value) for name, value in values.items()}


def build(
    template: str,
    bindings: Mapping[str, ast.expr],
    inputs: Sequence[ast.expr],
    defaults: Mapping[str, Mapping[str, Any]],
) -> ast.expr:
    """Return a template as syntax.

    Args:
        template: The expression.
        bindings: What stands for each name; names that are not in it are kept.
        inputs: What `*inputs` stands for.
        defaults: Callee (`nn.Conv2d`) -> its keyword arguments' own defaults; arguments equal to them are dropped.
    """
    built = _rebuild(parse(template), bindings, inputs, defaults)
    assert isinstance(built, ast.expr)
    return built


def _rebuild(
    node: ast.AST,
    bindings: Mapping[str, ast.expr],
    inputs: Sequence[ast.expr],
    defaults: Mapping[str, Mapping[str, Any]],
) -> ast.AST:
    """Copy a tree with its names replaced (several times faster than a deep copy of it would be)."""
    if isinstance(node, ast.Name):
        return bindings.get(node.id, node)
    fields: dict[str, Any] = {}
    for key, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            fields[key] = _rebuild(value, bindings, inputs, defaults)
        elif isinstance(value, list):
            items: list[Any] = []
            for item in value:
                if isinstance(item, ast.Starred) and isinstance(item.value, ast.Name) and item.value.id == INPUTS:
                    items.extend(inputs)
                else:
                    items.append(_rebuild(item, bindings, inputs, defaults) if isinstance(item, ast.AST) else item)
            fields[key] = items
        else:
            fields[key] = value
    copy = type(node)(**fields)
    return _shorten(copy, defaults.get(dotted(node.func))) if isinstance(node, ast.Call) else copy


def _shorten(call: Any, own: Mapping[str, Any] | None) -> ast.Call:
    """Drop keyword arguments that equal the callee's own default."""
    assert isinstance(call, ast.Call)
    if own is None:
        return call
    keywords = [k for k in call.keywords if k.arg is None or not _equals(k.value, own.get(k.arg, NO_DEFAULT))]
    return ast.Call(func=call.func, args=call.args, keywords=keywords)


def _equals(value: ast.expr, default: object) -> bool:
    if default is NO_DEFAULT or type(default) not in (bool, int, float, str, tuple, type(None)):
        return False
    try:
        return same(value, constant(default))
    except CompilerError:
        return False


class _NoDefault:
    """The type of `NO_DEFAULT`."""


NO_DEFAULT: Final = _NoDefault()
"""Stands for "this argument has no default"."""


def dotted(node: ast.AST) -> str:
    """Return a plain dotted name (`nn.Conv2d`) as text, "" for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


@cache
def callees(template: str) -> frozenset[str]:
    """Return the dotted names of what `template` calls."""
    return frozenset(dotted(node.func) for node in ast.walk(parse(template)) if isinstance(node, ast.Call)) - {""}


Pattern = str | tuple[Any, ...]
"""How a result is unpacked: a port's name, or a tuple of patterns."""


@cache
def pattern(target: str) -> Pattern:
    """Return the unpacking pattern of a `target` template such as "sequence, (hidden, _)"."""
    return _pattern(parse(target))


def _pattern(node: ast.expr) -> Pattern:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Tuple):
        return tuple(_pattern(element) for element in node.elts)
    raise CompilerError(f"a target holds names only, not {ast.unparse(node)!r}")
