"""Sizes: arithmetic on shapes in which the number of samples N, or a length T, is not known yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from netbuilder.exchange.incoming.onnx.arithmetic import axes_of, fill_of, slices_of, work_out
from netbuilder.exchange.incoming.onnx.graph import OnnxNode
from netbuilder.exchange.incoming.onnx.values import (
    Array,
    Constant,
    Fill,
    Sampled,
    Sizes,
    Tensor,
    Unfit,
    Value,
    counted,
    dims_of,
    sizes_value,
)
from netbuilder.layers.tensor import Dim, Size

Operands = Sequence[Value | None]


def plus(a: Dim, b: Dim) -> Dim:
    """Return a sum of sizes; None when it is no expression of one symbol."""
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    if a is None or b is None:
        return None
    if isinstance(a, int):
        a, b = b, a
    if isinstance(b, int):
        assert isinstance(a, Size)
        return Size(a.symbol, a.factor, a.offset + b)
    assert isinstance(a, Size)
    return _simple(a.symbol, a.factor + b.factor, a.offset + b.offset) if a.symbol == b.symbol else None


def _simple(symbol: str, factor: int, offset: int) -> Dim:
    return Size(symbol, factor, offset) if factor else offset


def times(a: Dim, b: Dim) -> Dim:
    """Return a product of sizes; None when it is no expression of one symbol."""
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    if isinstance(a, int):
        a, b = b, a
    if isinstance(a, Size) and isinstance(b, int):
        return _simple(a.symbol, a.factor * b, a.offset * b)
    return None


def over(a: Dim, b: Dim) -> Dim:
    """Return a quotient of sizes; None where it leaves a rest or is not known."""
    if isinstance(a, int) and isinstance(b, int):
        return int(a / b) if b else None
    if isinstance(a, Size) and isinstance(b, int) and b and a.factor % b == 0 and a.offset % b == 0:
        return Size(a.symbol, a.factor // b, a.offset // b)
    if isinstance(a, Size) and isinstance(b, Size) and a == times(b, a.factor // b.factor):
        return a.factor // b.factor
    return None


def _entries(value: Value | None) -> tuple[Dim, ...]:
    """Return whole numbers, known or not.

    Raises:
        Unfit: When the value is something else.
    """
    if isinstance(value, Sizes):
        return value.entries
    if isinstance(value, Constant) and value.array.dtype.kind in "iu" and value.array.ndim <= 1:
        return tuple(int(each) for each in np.ravel(value.array))
    if isinstance(value, Constant) and value.array.size == 1 and float(value.array.item()).is_integer():
        return (int(value.array.item()),)
    raise Unfit("computes a shape from something other than shapes")


def whole_numbers(value: Value | None) -> tuple[Dim, ...]:
    """Return the whole numbers that an operator is given as a shape, known or not.

    Raises:
        Unfit: When the network computes them from its inputs.
    """
    if value is None or isinstance(value, (Tensor, Fill, Sampled)):
        raise Unfit("takes a shape that the network computes")
    return _entries(value)


def _is_scalar(value: Value | None) -> bool:
    return (isinstance(value, Sizes) and value.scalar) or (isinstance(value, Constant) and not value.array.ndim)


def _pairwise(function: Callable[[Dim, Dim], Dim]) -> Callable[[OnnxNode, Operands], Value]:
    def rule(node: OnnxNode, operands: Operands) -> Value:
        first, second = (_entries(operand) for operand in operands)
        scalar = all(map(_is_scalar, operands))
        count = max(len(first), len(second))
        if {len(first), len(second)} - {1, count}:
            raise Unfit("computes a shape from lists of different lengths")
        first, second = (each * count if len(each) == 1 else each for each in (first, second))
        return sizes_value(tuple(map(function, first, second)), scalar)

    return rule


def _compare(node: OnnxNode, operands: Operands) -> Value:
    """Compare sizes; a symbol is at least 1 and so differs from 0 and from what is negative."""
    first, second = (_entries(operand) for operand in operands)
    count = max(len(first), len(second))
    first, second = (each * count if len(each) == 1 else each for each in (first, second))
    found = [_equal(a, b) for a, b in zip(first, second, strict=True)]
    array = np.array(found)
    return Constant(array.reshape(()) if all(map(_is_scalar, operands)) else array)


def _equal(a: Dim, b: Dim) -> bool:
    if a is not None and a == b:
        return True
    if isinstance(a, int) and isinstance(b, int):
        return False
    known = next((each for each in (a, b) if isinstance(each, int)), None)
    if a is None or b is None or known is None or known > 0:
        raise Unfit("depends on a size that varies")
    return False


def _where(node: OnnxNode, operands: Operands) -> Value:
    chosen = operands[0]
    if not isinstance(chosen, Constant):
        raise Unfit("depends on a size that varies")
    first, second = (_entries(operand) for operand in operands[1:])
    flags = np.ravel(chosen.array).tolist()
    count = max(len(first), len(second), len(flags))
    first, second = (each * count if len(each) == 1 else each for each in (first, second))
    flags = flags * count if len(flags) == 1 else flags
    return sizes_value(tuple(a if flag else b for flag, a, b in zip(flags, first, second, strict=True)))


def _gather(node: OnnxNode, operands: Operands) -> Value:
    entries, index = _entries(operands[0]), operands[1]
    if not isinstance(index, Constant) or index.array.ndim > 1:
        raise Unfit("picks a size by a computed index")
    chosen = [int(each) for each in np.ravel(index.array)]
    if any(not -len(entries) <= each < len(entries) for each in chosen):
        raise Unfit("picks a size that is not there")
    return sizes_value(tuple(entries[each] for each in chosen), not index.array.ndim)


def _slice(node: OnnxNode, operands: Operands) -> Value:
    entries = _entries(operands[0])
    values = [each.array if isinstance(each, Constant) else None for each in operands]
    start, stop, step = slices_of(node, values, 1).get(0, (0, len(entries), 1))
    return sizes_value(entries[start : None if step < 0 and stop < -len(entries) else stop : step])


def _concat(node: OnnxNode, operands: Operands) -> Value:
    return sizes_value(tuple(entry for operand in operands for entry in _entries(operand)))


def _as_list(node: OnnxNode, operands: Operands) -> Value:
    return sizes_value(_entries(operands[0]))


def _as_number(node: OnnxNode, operands: Operands) -> Value:
    entries = _entries(operands[0])
    return sizes_value(entries, scalar=len(entries) == 1)


def _reshape(node: OnnxNode, operands: Operands) -> Value:
    rank = len(_entries(operands[1]))
    return sizes_value(_entries(operands[0]), scalar=not rank)


def _same(node: OnnxNode, operands: Operands) -> Value:
    return sizes_value(_entries(operands[0]), _is_scalar(operands[0]))


def _cast(node: OnnxNode, operands: Operands) -> Value:
    if node.attributes.get("to") not in (6, 7, 1, 11):
        raise Unfit("turns a size into another kind of number")
    return _same(node, operands)


def _product(node: OnnxNode, operands: Operands) -> Value:
    total: Dim = 1
    for entry in _entries(operands[0]):
        total = times(total, entry)
    return sizes_value((total,), scalar=not node.attributes.get("keepdims", 1))


_RULES: Final[Mapping[str, Callable[[OnnxNode, Operands], Value]]] = {
    "Add": _pairwise(plus),
    "Sub": _pairwise(lambda a, b: plus(a, times(b, -1))),
    "Mul": _pairwise(times),
    "Div": _pairwise(over),
    "Equal": _compare,
    "Where": _where,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Unsqueeze": _as_list,
    "Squeeze": _as_number,
    "Reshape": _reshape,
    "Identity": _same,
    "Floor": _same,
    "Ceil": _same,
    "Cast": _cast,
    "ReduceProd": _product,
}


def work_out_sizes(node: OnnxNode, operands: Operands) -> Value | None:
    """Return what an operator makes of sizes; None when it is none that is worked out.

    Args:
        node: The operator.
        operands: What is known of its inputs.

    Raises:
        Unfit: When the result is no list of sizes.
    """
    if node.kind == "Shape":
        return _shape(node, operands)
    if node.kind == "Size":
        return _product(OnnxNode("ReduceProd", attributes={"keepdims": 0}), (sizes_value(_dims(operands[0])),))
    if node.kind in ("ConstantOfShape", "Expand"):
        return _filled(node, operands)
    if any(isinstance(operand, Fill) for operand in operands):
        return _refilled(node, operands)
    rule = _RULES.get(node.kind)
    if rule is None or not any(isinstance(operand, Sizes) for operand in operands):
        return None
    if any(isinstance(operand, (Tensor, Sampled)) for operand in operands):
        return None
    return rule(node, operands)


def _dims(value: Value | None) -> tuple[Dim, ...]:
    if value is None:
        raise Unfit("has no input")
    return dims_of(value)


def _shape(node: OnnxNode, operands: Operands) -> Value:
    dims = _dims(operands[0])
    return sizes_value(dims[node.attributes.get("start", 0) : node.attributes.get("end")])


def _filled(node: OnnxNode, operands: Operands) -> Value | None:
    """Make a shape full of one number, where the shape depends on N or T."""
    if node.kind == "ConstantOfShape":
        return Fill(fill_of(node), whole_numbers(operands[0]))
    value, shape = operands[0], operands[1]
    number = value.value if isinstance(value, Fill) else None
    if isinstance(value, Constant) and value.array.size == 1:
        number = value.array.reshape(())
    if number is None or value is None or isinstance(shape, (Tensor, Fill, Sampled)):
        return None
    return Fill(number, broadcast(dims_of(value), whole_numbers(shape)))


def broadcast(first: Sequence[Dim], second: Sequence[Dim]) -> tuple[Dim, ...]:
    """Return the shape that two shapes have together.

    Raises:
        Unfit: When they do not go together.
    """
    rank = max(len(first), len(second))
    found: list[Dim] = []
    padded = ((1,) * (rank - len(each)) + tuple(each) for each in (first, second))
    for a, b in zip(*padded, strict=True):
        if a == b or b == 1:
            found.append(a)
        elif a == 1:
            found.append(b)
        elif a is None or b is None:
            found.append(b if a is None else a)
        else:
            raise Unfit(f"joins sizes that differ: {a} and {b}")
    return tuple(found)


def _refilled(node: OnnxNode, operands: Operands) -> Value | None:
    """Follow one number through operators that move it about or compute with it."""
    fill = operands[0]
    if node.kind == "Slice" and isinstance(fill, Fill):
        values = [each.array if isinstance(each, Constant) else None for each in operands]
        dims = list(fill.dims)
        for axis, (start, stop, step) in slices_of(node, values, len(dims)).items():
            size = dims[axis]
            if isinstance(size, int):
                dims[axis] = len(range(size)[start:stop:step])
            elif (start, step) != (0, 1) or stop < 1 << 31:
                return None
        return Fill(fill.value, tuple(dims))
    if node.kind == "Unsqueeze" and isinstance(fill, Fill):
        axes = axes_of(node, [each.array if isinstance(each, Constant) else None for each in operands]) or ()
        rank = len(fill.dims) + len(axes)
        wanted, kept = {counted(axis, rank) for axis in axes}, iter(fill.dims)
        return Fill(fill.value, tuple(1 if place in wanted else next(kept) for place in range(rank)))
    numbers: list[Array] = []
    dims_seen: tuple[Dim, ...] = ()
    for operand in operands:
        if isinstance(operand, Fill):
            numbers.append(operand.value)
        elif isinstance(operand, Constant) and operand.array.size == 1:
            numbers.append(operand.array.reshape(()))
        else:
            return None
        dims_seen = broadcast(dims_seen, dims_of(operand))
    if node.kind not in _POINTWISE:
        return None
    worked = work_out(node, numbers)
    return None if worked is None else Fill(worked[0].reshape(()), dims_seen)


_POINTWISE: Final = frozenset(
    (
        *("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Neg", "Abs", "Sqrt", "Exp", "Log"),
        *("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor", "Not"),
        *("Where", "Cast", "Identity"),
    )
)
"""Operators that make one number of one number each."""
