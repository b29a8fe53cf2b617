"""Expressions: what a parameter inside a block may be instead of a plain value, such as `filters * 4`.

In a document an expression is an object with one key: `{"=": "filters * 4"}`. The names in it are the parameters of the
block. It is read by this module alone, from a short list of what it may hold, and never handed to Python's own
evaluator: numbers, names, `+ - * / // % **`, brackets, and calls of `min`, `max`, `round`, `int` and `abs`; at the top
also a tuple of those, for shapes. A name alone may stand for any value, a text or a choice included.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

KEY: Final = "="
"""The only key of an expression's object."""

LONGEST: Final = 200
"""Characters of an expression."""

_NODES: Final = 60
_LARGEST_CONSTANT: Final = 1e9
_LARGEST_EXPONENT: Final = 16
_LARGEST: Final = 1e12

FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {"min": min, "max": max, "round": round, "int": int, "abs": abs}
"""The functions an expression may call; in the generated text they are Python's own."""

_OPERATORS: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: lambda a, b: a**b,
}


class ExpressionError(ValueError):
    """An expression cannot be read or has no value; the text says why in plain words."""


def is_expression(value: object) -> bool:
    """Whether a parameter's value is an expression."""
    return isinstance(value, Mapping) and value.keys() == {KEY}


def text_of(value: Mapping[str, Any]) -> str:
    """Return the text of an expression; "" when it has none."""
    text = value[KEY]
    return text if isinstance(text, str) else ""


def expression(text: str) -> dict[str, Any]:
    """Return `text` as a parameter's value."""
    return {KEY: text}


@lru_cache(maxsize=4096)
def parse(text: str) -> ast.expr:
    """Return the syntax tree of an expression; nobody may change it.

    Args:
        text: What the user typed, or a file holds.

    Raises:
        ExpressionError: When it holds anything but what expressions may.
    """
    if not text.strip():
        raise ExpressionError("expected an expression such as filters * 2, found nothing")
    if len(text) > LONGEST:
        raise ExpressionError(f"expected at most {LONGEST} characters, found {len(text):,}")
    if not text.isascii():
        raise ExpressionError("expected plain letters, digits and signs only")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        count = sum(1 for _ in ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"{text.strip()!r} cannot be read as an expression such as filters * 2") from None
    if count > 3 * _NODES:
        raise ExpressionError("the expression is too long")
    if isinstance(tree, ast.Tuple):
        for element in tree.elts:
            _check(element)
    else:
        _check(tree)
    return tree


def names_in(text: str) -> frozenset[str]:
    """Return the names that an expression reads.

    Raises:
        ExpressionError: When it cannot be read.
    """
    called = {id(node.func) for node in ast.walk(parse(text)) if isinstance(node, ast.Call)}
    return frozenset(node.id for node in ast.walk(parse(text)) if isinstance(node, ast.Name) and id(node) not in called)


def substitute(text: str, values: Mapping[str, Any]) -> Any:
    """Return an expression with some of its names written out.

    Args:
        text: The expression.
        values: Name -> a plain value, or an expression to stand in its place; names that are not in it stay.

    Returns:
        A plain value where nothing is left to be reckoned, else an expression.

    Raises:
        ExpressionError: When it cannot be read, has no reasonable value, or becomes too long.
    """
    tree = parse(text)
    names = names_in(text)
    if isinstance(tree, ast.Name) and tree.id in values:
        return values[tree.id]
    if names <= values.keys() and not any(is_expression(values[name]) for name in names):
        return evaluate(text, values)
    put = _Substitution({name: values[name] for name in names & values.keys()})
    new = ast.unparse(put.visit(ast.parse(text.strip(), mode="eval"))).strip()
    parse(new)
    return expression(new)


class _Substitution(ast.NodeTransformer):
    """Puts numbers and expressions into the places of names."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """Leave the function's name alone."""
        node.args = [self.visit(argument) for argument in node.args]
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Put in what stands for the name."""
        if node.id not in self._values:
            return node
        value = self._values[node.id]
        if is_expression(value):
            return parse(text_of(value))
        if type(value) not in (int, float):
            raise ExpressionError(f"{node.id} is not a number, so it cannot be reckoned with")
        number: ast.expr = ast.parse(repr(value), mode="eval").body
        return number


def evaluate(text: str, values: Mapping[str, Any]) -> Any:
    """Return the value of an expression.

    Args:
        text: The expression.
        values: What each name stands for.

    Returns:
        A number, a tuple of numbers, or for a name alone whatever it stands for.

    Raises:
        ExpressionError: When it cannot be read, names what is not there, or has no reasonable value.
    """
    tree = parse(text)
    if isinstance(tree, ast.Name):
        return _look_up(tree, values)
    try:
        if isinstance(tree, ast.Tuple):
            return tuple(_bounded(_value(element, values), text) for element in tree.elts)
        return _bounded(_value(tree, values), text)
    except ZeroDivisionError:
        raise ExpressionError(f"{text!r} divides by zero") from None
    except (OverflowError, TypeError, ValueError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(f"{text!r} has no value that can be used") from None


def _check(node: ast.AST) -> None:
    """Refuse whatever is not on the list."""
    if isinstance(node, ast.Constant) and type(node.value) is not bool and isinstance(node.value, (int, float)):
        value = float(node.value)
        if not math.isfinite(value) or abs(value) > _LARGEST_CONSTANT:
            raise ExpressionError(f"a number in it is too large: expected at most {_LARGEST_CONSTANT:.0e}")
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        _check(node.left)
        _check(node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        _check(node.operand)
    elif isinstance(node, ast.Call):
        _check_call(node)
    elif not isinstance(node, ast.Name):
        raise ExpressionError(
            "an expression holds numbers, names of the block's parameters, + - * / // % ** and "
            + ", ".join(FUNCTIONS)
            + " only"
        )


def _check_call(node: ast.Call) -> None:
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords or not node.args:
        raise ExpressionError("only " + ", ".join(FUNCTIONS) + " can be called, with plain arguments")
    single = node.func.id in ("round", "int", "abs")
    if single != (len(node.args) == 1):
        raise ExpressionError(f"{node.func.id} takes {'one argument' if single else 'at least two arguments'}")
    for argument in node.args:
        _check(argument)


def _value(node: ast.AST, values: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        found = _look_up(node, values)
        if type(found) not in (int, float):
            raise ExpressionError(f"{node.id} is not a number, so it cannot be reckoned with")
        return found
    if isinstance(node, ast.UnaryOp):
        return -_value(node.operand, values)
    if isinstance(node, ast.BinOp):
        return _operate(node, values)
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    return FUNCTIONS[node.func.id](*(_value(argument, values) for argument in node.args))


def _operate(node: ast.BinOp, values: Mapping[str, Any]) -> Any:
    left, right = _value(node.left, values), _value(node.right, values)
    if isinstance(node.op, ast.Pow) and (abs(right) > _LARGEST_EXPONENT or abs(left) > _LARGEST):
        raise ExpressionError(f"an exponent is too large: expected at most {_LARGEST_EXPONENT}")
    result = _OPERATORS[type(node.op)](left, right)
    return _bounded(result, "a part of it")


def _look_up(node: ast.Name, values: Mapping[str, Any]) -> Any:
    if node.id not in values:
        raise ExpressionError(f"there is no parameter called {node.id!r}{_hint(values)}")
    return values[node.id]


def _hint(values: Mapping[str, Any]) -> str:
    names: Sequence[str] = sorted(values)[:8]
    return f"; the block has {', '.join(names)}" if names else "; only a block has parameters"


def _bounded(value: Any, text: str) -> Any:
    if type(value) not in (int, float) or not math.isfinite(value) or abs(value) > _LARGEST:
        raise ExpressionError(f"{text!r} gives no number of a reasonable size")
    return value
