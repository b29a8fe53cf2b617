"""Picking, cutting and joining: Gather, Slice, Split, Concat, TopK and their like."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from netbuilder.exchange.incoming.onnx.arithmetic import slices_of, split_sizes
from netbuilder.exchange.incoming.onnx.axes import reshape
from netbuilder.exchange.incoming.onnx.network import Network
from netbuilder.exchange.incoming.onnx.registry import Result, operator
from netbuilder.exchange.incoming.onnx.samples import one_for_all
from netbuilder.exchange.incoming.onnx.values import (
    Array,
    Constant,
    Fill,
    Sampled,
    Tensor,
    Unfit,
    Value,
    counted,
    dims_of,
    type_of,
)
from netbuilder.layers.relations import counts_samples
from netbuilder.layers.settings import LARGEST, LETTERS
from netbuilder.layers.tensor import Dim

_FAR: Final = 1 << 30
"""A stop beyond this means the end."""


@operator("Gather")
def _gather(net: Network) -> Result:
    table, indices = net.given(0), net.given(1)
    axis = net.whole("axis", 0)
    if isinstance(table, Constant) and axis == 0 and not isinstance(indices, Constant):
        one = net.as_tensor(one_for_all(indices)) if isinstance(indices, (Fill, Sampled)) else net.as_tensor(indices)
        found = _looked_up(net, table.array, one)
        return found if isinstance(indices, Tensor) else net.expand(found, (*dims_of(indices), *table.array.shape[1:]))
    x = net.as_tensor(table)
    rank = type_of(x).rank
    axis = counted(axis, rank)
    if not isinstance(indices, Constant):
        found = net.as_tensor(indices)
        return net.emit("index_select", {"x": x, "indices": found}, {"axis": axis})
    numbers = indices.array
    if numbers.ndim == 0:
        return net.emit("select", {"x": x}, {"axis": axis, "index": int(numbers)})
    return _picked(net, x, axis, numbers)


def _looked_up(net: Network, table: Array, indices: Tensor) -> Tensor:
    """Look rows of a table up: an embedding."""
    rows, shape = table.shape[0], table.shape[1:]
    if table.dtype.kind != "f":
        raise Unfit("looks up whole numbers")
    width = math.prod(shape)
    weights = {"weight": table.reshape(rows, width)}
    found = net.emit("embedding", {"x": indices}, {"tokens": rows, "width": width}, weights, net.shared(0))
    return found if len(shape) == 1 else reshape(net, found, (*type_of(indices).dims, *shape))


def _picked(net: Network, x: Tensor, axis: int, numbers: Array) -> Tensor:
    """Take the entries of an axis that fixed indices name."""
    dims, flat = type_of(x).dims, [int(each) for each in numbers.reshape(-1)]
    size = dims[axis]
    flat = [each + size if each < 0 and isinstance(size, int) else each for each in flat]
    if min(flat, default=0) < 0 or not flat:
        raise Unfit("counts from the end of an axis whose length varies")
    if flat == list(range(flat[0], flat[0] + len(flat))):
        y = _cut(net, x, axis, flat[0], flat[0] + len(flat), 1)
    else:
        y = net.emit("index_select", {"x": x, "indices": net.as_tensor(Constant(np.array(flat)))}, {"axis": axis})
    return reshape(net, y, (*dims[:axis], *numbers.shape, *dims[axis + 1 :]))


@operator("GatherElements")
def _gather_elements(net: Network) -> Result:
    return net.emit("gather", {"x": net.tensor(0), "indices": net.tensor(1)}, {"axis": net.whole("axis", 0)})


@operator("Slice")
def _slice(net: Network) -> Result:
    x = net.tensor(0)
    places = (None, *(_numbers(net, place) for place in range(1, 5)))
    for axis, (start, stop, step) in slices_of(net.node, places, type_of(x).rank).items():
        if step == -1 and stop < -_FAR and (start == -1 or start >= _FAR):
            x = net.emit("flip", {"x": x}, {"axis": axis})
        elif step < 1:
            raise Unfit("counts backwards")
        else:
            x = _cut(net, x, axis, start, stop, step)
    return x


def _numbers(net: Network, place: int) -> Array | None:
    """Return where a slice begins or ends; a length that varies is the end where it is the axis's own."""
    value = net.value(place)
    if value is None or isinstance(value, Constant):
        return None if value is None else value.array
    entries = net.shape(place)
    axes = net.value(3)
    chosen = np.ravel(axes.array).tolist() if isinstance(axes, Constant) else list(range(len(entries)))
    dims = net.dims(0)
    ends: list[int] = []
    for axis, entry in zip(chosen, entries, strict=True):
        if isinstance(entry, int):
            ends.append(entry)
        elif place == 2 and entry is not None and entry == dims[axis]:
            ends.append(_FAR)
        else:
            raise Unfit("cuts at a size that varies")
    return np.array(ends)


def _cut(net: Network, x: Tensor, axis: int, start: int, stop: int, step: int) -> Tensor:
    size = type_of(x).dims[axis]
    if isinstance(size, int):
        start, stop, step = slice(start, stop, step).indices(size)
    end = None if stop >= _FAR or stop == size else stop
    if start == 0 and end is None and step == 1:
        return x
    if axis == 0 and counts_samples(type_of(x)):
        raise Unfit("takes some of the samples")
    if max(abs(start), abs(end or 0)) > LARGEST:
        raise Unfit("cuts beyond what a layer can count")
    return net.emit("slice", {"x": x}, {"axis": axis, "start": start, "stop": end, "step": step})


@operator("Split")
def _split(net: Network) -> Result:
    x = net.tensor(0)
    axis = counted(net.whole("axis", 0), type_of(x).rank)
    size, split = type_of(x).dims[axis], net.setting(1, "split")
    if not isinstance(size, int):
        raise Unfit("divides an axis whose length varies")
    sizes = split_sizes(net.node, (None, split), size)
    if len(set(sizes)) == 1 and 2 <= len(sizes) <= len(LETTERS):
        return net.emit_all("split", {"x": x}, {"axis": axis, "parts": len(sizes)})
    ends = np.cumsum(sizes).tolist()
    return tuple(
        _cut(net, x, axis, end - part, end, 1) if net.wants(place) else None
        for place, (part, end) in enumerate(zip(sizes, ends, strict=True))
    )


@operator("Concat")
def _concat(net: Network) -> Result:
    values = [net.given(place) for place in range(len(net.node.inputs))]
    values = [value for value in values if 0 not in dims_of(value)] or values[:1]
    rank = max(len(dims_of(value)) for value in values)
    axis = counted(net.whole("axis", 0), rank)
    whole = _common(values, axis)
    tensors = [_joined(net, value, axis, whole) for value in values]
    while len(tensors) > len(LETTERS):
        tensors = [_concatenated(net, tensors[: len(LETTERS)], axis), *tensors[len(LETTERS) :]]
    return _concatenated(net, tensors, axis)


def _common(values: list[Value], axis: int) -> tuple[Dim, ...]:
    """Return the sizes of all axes but one: those of what depends on an input."""
    leading = next((value for value in values if isinstance(value, Tensor) and counts_samples(type_of(value))), None)
    return dims_of(values[0] if leading is None else leading)


def _joined(net: Network, value: Value, axis: int, whole: tuple[Dim, ...]) -> Tensor:
    """Return a value to be joined; a table that holds the same for every sample is repeated for each."""
    tensor = net.as_tensor(value)
    dims = type_of(tensor).dims
    if len(dims) != len(whole) or not axis or dims[0] != 1 or dims[0] == whole[0]:
        return tensor
    return net.expand(tensor, (whole[0], *dims[1:]))


def _concatenated(net: Network, tensors: list[Tensor], axis: int) -> Tensor:
    if len(tensors) == 1:
        return tensors[0]
    ports = dict(zip(LETTERS, tensors, strict=False))
    return net.emit("concat", ports, {"axis": axis, "inputs": len(tensors)})


@operator("TopK")
def _top(net: Network) -> Result:
    x = net.tensor(0)
    count = net.setting(1, "k")
    parameters = {
        "axis": net.whole("axis", -1),
        "count": 0 if count is None else int(count.item()),
        "largest": bool(net.whole("largest", 1)),
    }
    return net.emit_all("top_k", {"x": x}, parameters)


@operator("OneHot")
def _one_hot(net: Network) -> Result:
    x, depth, values = net.tensor(0), int(net.constant(1, "a depth").item()), net.constant(2, "values")
    rank = type_of(x).rank
    if np.ravel(values).tolist() != [0, 1] or net.whole("axis", -1) not in (-1, rank):
        raise Unfit("writes other numbers than 0 and 1, or not on the last axis")
    y = net.emit("one_hot", {"x": x}, {"classes": depth})
    return y if values.dtype.kind == "f" else net.emit("cast", {"x": y}, {"dtype": "int64"})


@operator("Trilu")
def _triangle(net: Network) -> Result:
    offset = net.setting(1, "k")
    key = "triu" if net.whole("upper", 1) else "tril"
    return net.emit(key, {"x": net.tensor(0)}, {"offset": 0 if offset is None else int(offset.item())})
