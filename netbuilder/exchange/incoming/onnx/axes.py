"""Axes: reshaping, transposing and repeating, by the layer that says it most plainly.

A reshape that undoes the one before gives what was there before; transposes in a row become one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from netbuilder.exchange.incoming.onnx.network import Network
from netbuilder.exchange.incoming.onnx.registry import Result, operator
from netbuilder.exchange.incoming.onnx.sizes import broadcast, over, times
from netbuilder.exchange.incoming.onnx.values import Constant, Tensor, Unfit, counted, type_of
from netbuilder.exchange.incoming.operation import Operation
from netbuilder.layers.relations import counts_samples
from netbuilder.layers.tensor import BATCH, Dim

_RESHAPING = ("reshape", "flatten", "view", "unflatten", "squeeze", "unsqueeze")
_ORDERING = ("transpose", "permute", "permute_axes")


def reshape(net: Network, tensor: Tensor, dims: Sequence[Dim]) -> Tensor:
    """Return a value with the same numbers in a new shape.

    Raises:
        Unfit: When more than one of the new sizes varies and no layer says so.
    """
    dims, earlier = tuple(dims), tensor
    while type_of(earlier).dims != dims:
        giver = net.giver(earlier, *_RESHAPING)
        if giver is None:
            return _reshaped(net, tensor, dims)
        earlier = net.source(giver)
    return earlier


def _reshaped(net: Network, tensor: Tensor, dims: tuple[Dim, ...]) -> Tensor:
    have = type_of(tensor).dims
    first = 1 if counts_samples(type_of(tensor)) else 0
    for axis in range(first, len(dims)):
        if dims[axis] == 1 and dims[:axis] + dims[axis + 1 :] == have:
            return net.emit("unsqueeze", {"x": tensor}, {"axis": axis})
    for axis in range(first, len(have)):
        if have[axis] == 1 and have[:axis] + have[axis + 1 :] == dims:
            return _moved(net, tensor, axis) or net.emit("squeeze", {"x": tensor}, {"axis": axis})
    kept = len(dims) - 1
    if 1 <= kept <= 7 and kept < len(have) and have[:kept] == dims[:kept]:
        return net.emit("flatten", {"x": tensor}, {"start_axis": kept})
    rest = [size if isinstance(size, int) else -1 for size in dims]
    if dims and have and dims[0] == have[0] and not isinstance(have[0], int) and rest[1:].count(-1) <= 1:
        return net.emit("reshape", {"x": tensor}, {"shape": tuple(rest[1:])})
    for axis in range(first, len(have)):
        split = dims[axis : axis + 2]
        if (*have[:axis], *split, *have[axis + 1 :]) == dims and len(split) == 2 and isinstance(split[0], int):
            return net.emit("unflatten", {"x": tensor}, {"axis": axis, "first": split[0]})
    if rest.count(-1) <= 1:
        return net.emit("view", {"x": tensor}, {"shape": tuple(rest)})
    raise Unfit("makes a shape with several sizes that vary")


def _moved(net: Network, tensor: Tensor, axis: int) -> Tensor | None:
    """Return a transpose where an axis of size 1 is added, moved and dropped again, as nn.MultiheadAttention does."""
    order = net.giver(tensor, *_ORDERING)
    added = net.giver(net.source(order), "unsqueeze") if order is not None else None
    if order is None or added is None:
        return None
    places, new = _order(order, type_of(tensor).rank), added.parameters["axis"]
    if places[axis] != new:
        return None
    kept = (place for place in places if place != new)
    return permute(net, net.source(added), [place - (place > new) for place in kept])


def permute(net: Network, tensor: Tensor, order: Sequence[int]) -> Tensor:
    """Return a value with its axes in another order."""
    chosen = tuple(order)
    giver = net.giver(tensor, *_ORDERING)
    while giver is not None:
        tensor = net.source(giver)
        before = _order(giver, type_of(tensor).rank)
        chosen = tuple(before[axis] for axis in chosen)
        giver = net.giver(tensor, *_ORDERING)
    if chosen == tuple(range(len(chosen))):
        return tensor
    moved = [place for place, axis in enumerate(chosen) if place != axis]
    if chosen[0]:
        return net.emit("permute_axes", {"x": tensor}, {"order": chosen})
    if len(moved) == 2:
        return net.emit("transpose", {"x": tensor}, {"first": moved[0], "second": moved[1]})
    return net.emit("permute", {"x": tensor}, {"order": chosen[1:]})


def _order(operation: Operation, rank: int) -> tuple[int, ...]:
    values = operation.parameters
    if operation.type == "transpose":
        order = list(range(rank))
        first, second = values["first"] % rank, values["second"] % rank
        order[first], order[second] = second, first
        return tuple(order)
    return (0, *values["order"]) if operation.type == "permute" else tuple(values["order"])


def swapped(net: Network, tensor: Tensor) -> Tensor | None:
    """Return what a value is with its last two axes swapped, when it is itself the result of such a swap."""
    giver = net.giver(tensor, *_ORDERING)
    if giver is None:
        return None
    rank = type_of(tensor).rank
    order = _order(giver, rank)
    return net.source(giver) if order == (*range(rank - 2), rank - 1, rank - 2) else None


# -- operators -----------------------------------------------------------------------------------------------


@operator("Reshape")
def _reshape(net: Network) -> Result:
    tensor = net.tensor(0)
    have = type_of(tensor).dims
    wanted = list(net.shape(1))
    if not net.whole("allowzero", 0):
        wanted = [have[place] if size == 0 and place < len(have) else size for place, size in enumerate(wanted)]
    return reshape(net, tensor, complete(net, have, wanted))


def complete(net: Network, have: Sequence[Dim], wanted: list[Dim]) -> tuple[Dim, ...]:
    """Return a wanted shape with its -1 filled in, and N where the file has its own number of samples.

    Raises:
        Unfit: When the sizes do not go together.
    """
    fixed = net.fixed
    if fixed and BATCH in have and BATCH not in wanted and all(isinstance(size, int) for size in wanted):
        numbers = [times(size, 1) if isinstance(size, int) else _at(size, fixed) for size in have]
        if all(isinstance(size, int) for size in numbers):
            full = _filled_in(numbers, wanted)
            if math.prod(map(_whole, numbers)) == math.prod(map(_whole, full)):
                return _with_samples(have, tuple(map(_whole, full)), fixed)
    return tuple(_filled_in(have, wanted))


def _at(size: Dim, samples: int) -> Dim:
    return size.factor * samples + size.offset if size is not None and not isinstance(size, int) else size


def _whole(size: Dim) -> int:
    assert isinstance(size, int)
    return size


def _filled_in(have: Sequence[Dim], wanted: Sequence[Dim]) -> list[Dim]:
    if -1 not in wanted:
        return list(wanted)
    left, others = list(have), [size for size in wanted if size != -1]
    for size in list(others):
        if size in left and not isinstance(size, int):
            left.remove(size)
            others.remove(size)
    total: Dim = 1
    for size in left:
        total = times(total, size)
    for size in others:
        total = over(total, size)
    return [total if size == -1 else size for size in wanted]


def _with_samples(have: Sequence[Dim], wanted: tuple[int, ...], fixed: int) -> tuple[Dim, ...]:
    """Return a shape that is written for `fixed` samples as one for N: where N was, or merged with what it joined."""
    place = next(place for place, size in enumerate(have) if not isinstance(size, int))
    while place and tuple(have[:place]) != wanted[:place]:
        place -= 1
    if place and tuple(have[place + 1 :]) == wanted[place:]:
        place -= 1
    if place >= len(wanted) or wanted[place] % fixed:
        raise Unfit(f"has the file's {fixed} samples written into a shape")
    return (*wanted[:place], times(BATCH, wanted[place] // fixed), *wanted[place + 1 :])


@operator("Flatten")
def _flatten(net: Network) -> Result:
    tensor = net.tensor(0)
    dims = type_of(tensor).dims
    axis = net.whole("axis", 1)
    axis = axis if axis == len(dims) else counted(axis, len(dims))
    sides: list[Dim] = []
    for part in (dims[:axis], dims[axis:]):
        total: Dim = 1
        for size in part:
            total = times(total, size)
        sides.append(total)
    return reshape(net, tensor, sides)


@operator("Squeeze")
def _squeeze(net: Network) -> Result:
    tensor = net.tensor(0)
    dims = type_of(tensor).dims
    axes = net.axes()
    gone = (
        {counted(axis, len(dims)) for axis in axes}
        if axes is not None
        else {i for i, size in enumerate(dims) if size == 1}
    )
    if any(dims[axis] != 1 for axis in gone):
        raise Unfit(f"drops an axis that has more than one entry ({type_of(tensor)})")
    return reshape(net, tensor, [size for place, size in enumerate(dims) if place not in gone])


@operator("Unsqueeze")
def _unsqueeze(net: Network) -> Result:
    tensor = net.tensor(0)
    axes = net.axes() or ()
    rank = type_of(tensor).rank + len(axes)
    new = {counted(axis, rank) for axis in axes}
    rest = iter(type_of(tensor).dims)
    return reshape(net, tensor, [1 if place in new else next(rest) for place in range(rank)])


@operator("Transpose")
def _transpose(net: Network) -> Result:
    tensor = net.tensor(0)
    rank = type_of(tensor).rank
    return permute(net, tensor, net.ints("perm", tuple(reversed(range(rank)))))


@operator("Expand")
def _expand(net: Network) -> Result:
    value = net.given(0)
    dims = broadcast(net.dims(0), net.shape(1))
    if isinstance(value, Constant) and value.array.size == 1:
        value = Constant(value.array.reshape((1,) * len(dims)))
    return net.expand(net.as_tensor(value), dims)


@operator("Tile")
def _tile(net: Network) -> Result:
    tensor = net.tensor(0)
    counts = tuple(int(count) for count in np.ravel(net.constant(1, "counts")))
    if set(counts) == {1}:
        return tensor
    if not counts or counts[0] != 1:
        raise Unfit("repeats the samples")
    return net.emit("tile", {"x": tensor}, {"counts": counts[1:]})


@operator("DepthToSpace")
def _depth_to_space(net: Network) -> Result:
    tensor, size = net.tensor(0), net.whole("blocksize", 0)
    dims = type_of(tensor).dims
    channels = over(dims[1], size * size) if len(dims) == 4 and size else None
    if net.text("mode", "DCR") == "CRD" or channels == 1:
        return net.emit("pixel_shuffle", {"x": tensor}, {"factor": size})
    apart = reshape(net, tensor, (dims[0], size, size, channels, *dims[2:]))
    ordered = permute(net, apart, (0, 3, 4, 1, 5, 2))
    return reshape(net, ordered, (dims[0], channels, times(dims[2], size), times(dims[3], size)))


@operator("SpaceToDepth")
def _space_to_depth(net: Network) -> Result:
    tensor, size = net.tensor(0), net.whole("blocksize", 0)
    dims = type_of(tensor).dims
    if dims[1] == 1:
        return net.emit("pixel_unshuffle", {"x": tensor}, {"factor": size})
    height, width = over(dims[2], size), over(dims[3], size)
    apart = reshape(net, tensor, (dims[0], dims[1], height, size, width, size))
    ordered = permute(net, apart, (0, 3, 5, 1, 2, 4))
    return reshape(net, ordered, (dims[0], times(dims[1], size * size), height, width))
