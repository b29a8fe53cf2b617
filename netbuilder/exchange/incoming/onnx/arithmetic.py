"""Arithmetic on what depends on no input: constants, and sizes of which some are N or T.

Exporters write the shapes that a network reshapes to as operators of their own: Shape, Gather, Mul, Concat. Here they
are worked out, so that what is left are layers. Everything is written out in numpy; operators that are not here are
left to the layers. Results have a limit, since two numbers in a file can ask for any amount.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from netbuilder.exchange.incoming.onnx.graph import OnnxNode
from netbuilder.exchange.incoming.onnx.values import Array, Unfit, counted

ELEMENTS: Final = 1 << 26
"""How many numbers a worked-out constant holds at most."""

Rule = Callable[[OnnxNode, Sequence[Any]], Any]


def _limited(count: int) -> int:
    if count > ELEMENTS or count < 0:
        raise Unfit(f"makes a constant of {count:,} numbers")
    return count


def _shaped(dims: Sequence[int]) -> tuple[int, ...]:
    _limited(math.prod(max(int(size), 0) for size in dims))
    if len(dims) > 32:
        raise Unfit("makes a constant of more than 32 axes")
    return tuple(int(size) for size in dims)


def _binary(function: Callable[..., Any]) -> Rule:
    def rule(node: OnnxNode, values: Sequence[Any]) -> Any:
        first, *others = values
        for other in others:
            _shaped(np.broadcast_shapes(first.shape, other.shape))
            first = function(first, other)
        return first

    return rule


def _divide(first: Array, second: Array) -> Any:
    if first.dtype.kind in "iu":
        return np.trunc(np.divide(first, second)).astype(first.dtype) if np.all(second) else np.zeros_like(first)
    return np.divide(first, second)


def _modulo(node: OnnxNode, values: Sequence[Any]) -> Any:
    first, second = values
    return np.fmod(first, second) if node.attributes.get("fmod") else np.mod(first, second)


def _unary(function: Callable[..., Any]) -> Rule:
    return lambda node, values: function(values[0])


def _erf(value: Array) -> Any:
    return np.vectorize(math.erf, otypes=[value.dtype])(value) if value.size else value


def _argument(node: OnnxNode, values: Sequence[Any], place: int, name: str) -> Any:
    """Return a setting that newer versions pass as an input and older ones as an attribute; None where it is absent."""
    if len(values) > place and values[place] is not None:
        return values[place]
    return node.attributes.get(name)


def axes_of(node: OnnxNode, values: Sequence[Any], place: int = 1) -> tuple[int, ...] | None:
    """Return an operator's axes; None where it names none."""
    axes = _argument(node, values, place, "axes")
    return None if axes is None else tuple(int(axis) for axis in np.ravel(axes))


def _reduce(function: Callable[..., Any]) -> Rule:
    def rule(node: OnnxNode, values: Sequence[Any]) -> Any:
        axes = axes_of(node, values)
        if not axes and node.attributes.get("noop_with_empty_axes"):
            return values[0]
        found = function(values[0], axis=axes or None, keepdims=bool(node.attributes.get("keepdims", 1)))
        return np.asarray(found).astype(values[0].dtype)

    return rule


def _constant(node: OnnxNode, values: Sequence[Any]) -> Any:
    for name, value in node.attributes.items():
        if name == "value" and isinstance(value, np.ndarray):
            return value
        if name in ("value_float", "value_floats"):
            return np.array(value, np.float32)
        if name in ("value_int", "value_ints"):
            return np.array(value, np.int64)
    raise Unfit("holds no numbers")


def _reshape(node: OnnxNode, values: Sequence[Any]) -> Any:
    keeps = not node.attributes.get("allowzero")
    dims = [
        values[0].shape[place] if size == 0 and keeps else int(size) for place, size in enumerate(np.ravel(values[1]))
    ]
    return values[0].reshape(dims)


def _squeeze(node: OnnxNode, values: Sequence[Any]) -> Any:
    return np.squeeze(values[0], axis=axes_of(node, values))


def _unsqueeze(node: OnnxNode, values: Sequence[Any]) -> Any:
    return np.expand_dims(values[0], axes_of(node, values) or ())


def _flatten(node: OnnxNode, values: Sequence[Any]) -> Any:
    axis = node.attributes.get("axis", 1)
    axis = axis + values[0].ndim if axis < 0 else axis
    return values[0].reshape(math.prod(values[0].shape[:axis]), -1)


def _expand(node: OnnxNode, values: Sequence[Any]) -> Any:
    dims = np.broadcast_shapes(values[0].shape, _shaped(np.ravel(values[1]).tolist()))
    return np.broadcast_to(values[0], _shaped(dims))


def _tile(node: OnnxNode, values: Sequence[Any]) -> Any:
    counts = np.ravel(values[1]).tolist()
    _shaped([size * count for size, count in zip(values[0].shape, counts, strict=True)])
    return np.tile(values[0], counts)


def _range(node: OnnxNode, values: Sequence[Any]) -> Any:
    start, stop, step = (value.item() for value in values)
    _limited(max(math.ceil((stop - start) / step), 0) if step else -1)
    return np.arange(start, stop, step, dtype=values[0].dtype)


def _constant_of_shape(node: OnnxNode, values: Sequence[Any]) -> Any:
    return np.full(_shaped(np.ravel(values[0]).tolist()), fill_of(node))


def fill_of(node: OnnxNode) -> Array:
    """Return the number that ConstantOfShape repeats, without axes."""
    value = node.attributes.get("value")
    return np.asarray(value).reshape(()) if isinstance(value, np.ndarray) else np.array(0, np.float32)


def slices_of(node: OnnxNode, values: Sequence[Any], rank: int) -> dict[int, tuple[int, int, int]]:
    """Return what a Slice keeps: axis -> start, stop, step."""
    starts, ends = (_argument(node, values, place, name) for place, name in ((1, "starts"), (2, "ends")))
    axes, steps = _argument(node, values, 3, "axes"), _argument(node, values, 4, "steps")
    if starts is None or ends is None:
        raise Unfit("does not say what it keeps")
    starts, ends = np.ravel(starts), np.ravel(ends)
    chosen = np.arange(len(starts)) if axes is None else np.ravel(axes)
    strides = np.ones(len(starts), np.int64) if steps is None else np.ravel(steps)
    found = {}
    for axis, start, stop, step in zip(chosen, starts, ends, strides, strict=True):
        found[counted(int(axis), rank)] = (int(start), int(stop), int(step))
    return found


def _slice(node: OnnxNode, values: Sequence[Any]) -> Any:
    value = values[0]
    index = [slice(None)] * value.ndim
    for axis, (start, stop, step) in slices_of(node, values, value.ndim).items():
        size = value.shape[axis]
        # Counting down, a stop before the first entry is no place that a slice of Python's can name.
        down = step < 0 and stop < -size
        index[axis] = slice(start, None if down else stop, step)
    return value[tuple(index)]


def _gather(node: OnnxNode, values: Sequence[Any]) -> Any:
    axis = node.attributes.get("axis", 0)
    _limited(values[1].size * values[0].size // max(values[0].shape[axis], 1))
    return np.take(values[0], values[1], axis=axis)


def _split(node: OnnxNode, values: Sequence[Any]) -> Any:
    axis = node.attributes.get("axis", 0)
    ends = np.cumsum(split_sizes(node, values, values[0].shape[axis]))[:-1]
    return tuple(np.split(values[0], ends.tolist(), axis=axis))


def split_sizes(node: OnnxNode, values: Sequence[Any], size: int) -> tuple[int, ...]:
    """Return the sizes of the parts that a Split makes of an axis."""
    given = _argument(node, values, 1, "split")
    if given is not None:
        return tuple(int(part) for part in np.ravel(given))
    count = len(node.outputs)
    part = -(-size // count)
    return (*[part] * (count - 1), size - part * (count - 1))


def _cumsum(node: OnnxNode, values: Sequence[Any]) -> Any:
    if node.attributes.get("exclusive") or node.attributes.get("reverse"):
        raise Unfit("runs backwards")
    return np.cumsum(values[0], axis=int(values[1])).astype(values[0].dtype)


def _trilu(node: OnnxNode, values: Sequence[Any]) -> Any:
    offset = int(values[1]) if len(values) > 1 and values[1] is not None else 0
    return np.triu(values[0], offset) if node.attributes.get("upper", 1) else np.tril(values[0], offset)


def _clip(node: OnnxNode, values: Sequence[Any]) -> Any:
    low, high = _argument(node, values, 1, "min"), _argument(node, values, 2, "max")
    return np.clip(values[0], low, high).astype(values[0].dtype)


def _concat(node: OnnxNode, values: Sequence[Any]) -> Any:
    _limited(sum(value.size for value in values))
    return np.concatenate(values, axis=node.attributes["axis"])


def _matmul(node: OnnxNode, values: Sequence[Any]) -> Any:
    first, second = values
    if first.size * second.shape[-1] > ELEMENTS:
        raise Unfit("multiplies large constants")
    return np.matmul(first, second)


def _gather_many(node: OnnxNode, values: Sequence[Any]) -> Any:
    if node.attributes.get("batch_dims"):
        raise Unfit("looks up within each of several tables")
    return values[0][tuple(np.moveaxis(values[1], -1, 0))]


def _scatter(node: OnnxNode, values: Sequence[Any]) -> Any:
    if node.attributes.get("reduction", "none") != "none":
        raise Unfit("adds up where it writes")
    found = np.array(values[0])
    found[tuple(np.moveaxis(values[1], -1, 0))] = values[2]
    return found


def cast_dtype(number: int) -> np.dtype[Any]:
    """Return the dtype that a Cast's number stands for, 64- and 16-bit floating point as 32-bit.

    Raises:
        Unfit: When it is no kind of number that is read.
    """
    names = {1: "float32", 10: "float32", 11: "float32", 16: "float32", 9: "bool", 7: "int64", 6: "int32"}
    names |= {2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 12: "uint32", 13: "uint64"}
    if number not in names:
        raise Unfit("makes a kind of values that no layer takes")
    return np.dtype(names[number])


RULES: Final[Mapping[str, Rule]] = {
    "Constant": _constant,
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
    "Mul": _binary(np.multiply),
    "Div": _binary(_divide),
    "Pow": lambda node, values: np.power(values[0], values[1]).astype(values[0].dtype),
    "Mod": _modulo,
    "Min": _binary(np.minimum),
    "Max": _binary(np.maximum),
    "Sum": _binary(np.add),
    "Equal": _binary(np.equal),
    "Less": _binary(np.less),
    "LessOrEqual": _binary(np.less_equal),
    "Greater": _binary(np.greater),
    "GreaterOrEqual": _binary(np.greater_equal),
    "And": _binary(np.logical_and),
    "Or": _binary(np.logical_or),
    "Xor": _binary(np.logical_xor),
    "Where": lambda node, values: np.where(values[0], values[1], values[2]),
    "Not": _unary(np.logical_not),
    "Neg": _unary(np.negative),
    "Abs": _unary(np.abs),
    "Sqrt": _unary(np.sqrt),
    "Exp": _unary(np.exp),
    "Log": _unary(np.log),
    "Floor": _unary(np.floor),
    "Ceil": _unary(np.ceil),
    "Round": _unary(np.round),
    "Sign": _unary(np.sign),
    "Sin": _unary(np.sin),
    "Cos": _unary(np.cos),
    "Tanh": _unary(np.tanh),
    "Erf": _unary(_erf),
    "Sigmoid": _unary(lambda value: 1 / (1 + np.exp(-value))),
    "Reciprocal": _unary(np.reciprocal),
    "Identity": _unary(lambda value: value),
    "Cast": lambda node, values: values[0].astype(cast_dtype(node.attributes.get("to", 0))),
    "CastLike": lambda node, values: values[0].astype(values[1].dtype),
    "Size": lambda node, values: np.array(values[0].size, np.int64),
    "ReduceSum": _reduce(np.sum),
    "ReduceMean": _reduce(np.mean),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "ReduceProd": _reduce(np.prod),
    "ReduceL2": _reduce(lambda value, axis, keepdims: np.sqrt(np.sum(value * value, axis=axis, keepdims=keepdims))),
    "ReduceSumSquare": _reduce(lambda value, axis, keepdims: np.sum(value * value, axis=axis, keepdims=keepdims)),
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Flatten": _flatten,
    "Transpose": lambda node, values: np.transpose(values[0], node.attributes.get("perm")),
    "Expand": _expand,
    "Tile": _tile,
    "Range": _range,
    "ConstantOfShape": _constant_of_shape,
    "Slice": _slice,
    "Gather": _gather,
    "Split": _split,
    "Concat": _concat,
    "CumSum": _cumsum,
    "Trilu": _trilu,
    "Clip": _clip,
    "MatMul": _matmul,
    "ScatterND": _scatter,
    "GatherND": _gather_many,
}
"""Operator -> what it makes of constants."""


def work_out(node: OnnxNode, values: Sequence[Array | None]) -> tuple[Array, ...] | None:
    """Return what an operator makes of constants; None when it is none that is worked out.

    Args:
        node: The operator.
        values: Its inputs; None where one is left out.

    Raises:
        Unfit: When its settings and inputs do not go together, or the result would be too large.
    """
    rule = RULES.get(node.kind)
    if rule is None or any(value is not None and value.dtype.hasobject for value in values):
        return None
    try:
        with np.errstate(all="ignore"):
            found = rule(node, values)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, MemoryError) as error:
        raise Unfit(f"has settings and constants that do not go together ({str(error)[:100]})") from error
    if not isinstance(found, tuple):
        found = (found,)
    return tuple(np.asarray(each) for each in found)
