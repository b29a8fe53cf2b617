"""Sizes: the expressions by which an exported program names sizes that vary, read as affine ones of one symbol."""

from __future__ import annotations

import ast
from typing import Final

from netbuilder.layers.tensor import Dim, Size

_LENGTH: Final = 500
_LARGEST: Final = 1 << 62


def read_size(text: str) -> Dim:
    """Return an expression such as "Mul(Integer(2), Symbol('s77', positive=True))" or "2*s77" as a size.

    Nothing is evaluated: the text is parsed, and what is no sum or product of whole numbers and one symbol is None.

    Args:
        text: What the file says.
    """
    if len(text) > _LENGTH:
        return None
    try:
        return _read(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _read(node: ast.expr) -> Dim:
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int and abs(node.value) < _LARGEST else None
    if isinstance(node, ast.Name):
        return Size(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _multiply(-1, _read(node.operand))
    if isinstance(node, ast.BinOp):
        left, right = _read(node.left), _read(node.right)
        if isinstance(node.op, ast.Add):
            return _add(left, right)
        if isinstance(node.op, ast.Sub):
            return _add(left, _multiply(-1, right))
        return _multiply(left, right) if isinstance(node.op, ast.Mult) else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node.func.id, node.args)
    return None


def _call(name: str, arguments: list[ast.expr]) -> Dim:
    """Read one call of the form that sympy's `srepr` writes."""
    if name == "Symbol" and arguments and isinstance(arguments[0], ast.Constant):
        symbol = arguments[0].value
        return Size(symbol) if type(symbol) is str and symbol.isidentifier() else None
    if name == "Integer" and len(arguments) == 1:
        return _read(arguments[0])
    if name not in ("Mul", "Add") or not arguments:
        return None
    result = _read(arguments[0])
    for argument in arguments[1:]:
        result = (_multiply if name == "Mul" else _add)(result, _read(argument))
    return result


def _multiply(one: Dim, other: Dim) -> Dim:
    if isinstance(one, Size) and isinstance(other, int):
        one, other = other, one
    if not isinstance(one, int) or other is None or (isinstance(other, int) and abs(one * other) >= _LARGEST):
        return None
    if isinstance(other, int):
        return one * other
    return Size(other.symbol, other.factor * one, other.offset * one) if one else 0


def _add(one: Dim, other: Dim) -> Dim:
    if one is None or other is None:
        return None
    if isinstance(one, int) and isinstance(other, int):
        return one + other
    if isinstance(one, int):
        one, other = other, one
    if not isinstance(one, Size):
        return None
    if isinstance(other, int):
        return Size(one.symbol, one.factor, one.offset + other)
    if one.symbol != other.symbol:
        return None
    factor, offset = one.factor + other.factor, one.offset + other.offset
    return Size(one.symbol, factor, offset) if factor else offset
