"""Remedies: layers whose insertion gives a value the axes, the sizes or the kind of numbers that are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isqrt, prod
from typing import Any

from netbuilder.layers.spec import Port
from netbuilder.layers.tensor import Dim, TensorType, may_equal

Insert = tuple[str, Mapping[str, Any]]
"""A layer's key and those of its parameters that are not at their defaults."""


def cast(dtype: str) -> Insert:
    """Return the layer that turns numbers into another kind."""
    return "cast", {"dtype": dtype}


# -- as many axes as a port takes ----------------------------------------------------------------------------------


def for_port(port: Port, found: TensorType) -> tuple[Insert, ...]:
    """Return layers that give a value as many axes as a port takes, the likeliest first."""
    rank, ranks = found.rank, port.ranks
    if port.layout == "NTF" and rank == 4:
        return _image_to_sequence(found)
    if rank > max(ranks):
        return _fewer_axes(port, found)
    if rank < 2 and min(ranks) > 2:
        return (("reshape", {"shape": (1,) * (min(ranks) - 1)}),) if rank == 1 else ()
    if port.layout == "NTF" and rank == 2:
        return (("unsqueeze", {"axis": 2}), ("unsqueeze", {"axis": 1}))
    if port.layout == "NCL" or (port.layout in ("NCHW", "NCDHW") and rank == min(ranks) - 1 and rank > 2):
        return (("unsqueeze", {"axis": 1}),)
    if port.layout in ("NCHW", "NCDHW"):
        return _features_to_image(found, min(ranks))
    if rank == min(ranks) - 1:
        return (("unsqueeze", {"axis": rank}),)
    return ()


def _image_to_sequence(found: TensorType) -> tuple[Insert, ...]:
    _, channels, height, width = found.dims
    if channels == 1:
        return (("squeeze", {"axis": 1}), ("image_to_sequence", {}))
    fixes: tuple[Insert, ...] = (("image_to_sequence", {}),)
    if isinstance(channels, int) and isinstance(height, int) and isinstance(width, int):
        fixes += (("reshape", {"shape": (channels, height * width)}),)
    return fixes


def _fewer_axes(port: Port, found: TensorType) -> tuple[Insert, ...]:
    wanted = max(port.ranks)
    if port.layout in ("NF", "NC", "") and wanted in (2, 3) and 2 in port.ranks:
        return (("flatten", {}),)
    ones = [axis for axis, dim in enumerate(found.dims) if dim == 1 and axis > 0]
    if found.rank == wanted + 1 and ones:
        return (("squeeze", {"axis": ones[-1]}),)
    return (("flatten", {"start_axis": wanted - 1}),) if wanted > 1 else ()


def _features_to_image(found: TensorType, rank: int) -> tuple[Insert, ...]:
    """Return the square picture that a row of features may be; else each feature becomes a channel of one pixel."""
    if found.rank > 2:
        return ()
    features = found.dims[1]
    if not isinstance(features, int):
        return ()
    for channels in (1, 3) if rank == 4 else ():
        side = isqrt(features // channels)
        if side > 1 and channels * side * side == features:
            return (("reshape", {"shape": (channels, side, side)}),)
    return (("reshape", {"shape": (features, *(1,) * (rank - 2))}),)


# -- the shape of another value ------------------------------------------------------------------------------------


def for_shape(found: TensorType, wanted: TensorType) -> tuple[Insert, ...]:
    """Return layers that give a value the shape of another, the likeliest first; () where none suggests itself."""
    if found.rank != wanted.rank:
        return _for_other_axes(found, wanted)
    wrong = [axis for axis, pair in enumerate(zip(found.dims, wanted.dims, strict=True)) if not may_equal(*pair)]
    if 0 in wrong or not all(isinstance(wanted.dims[axis], int) for axis in wrong) or not found.is_float:
        return ()
    if found.rank == 2:
        return (("linear", {"units": wanted.dims[1]}),) if isinstance(found.dims[1], int) else ()
    if found.rank == 3:
        return _for_sequence(found, wanted, wrong)
    return _for_image(found, wanted, wrong) if found.rank in (4, 5) else ()


def is_larger(found: TensorType, wanted: TensorType) -> bool:
    """Whether a picture of as many axes is larger somewhere and smaller nowhere: it is the one to be made to fit."""
    if found.rank != wanted.rank or found.rank < 4:
        return False
    pairs = list(zip(found.dims[2:], wanted.dims[2:], strict=True))
    known = all(isinstance(a, int) and isinstance(b, int) for a, b in pairs)
    return known and all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)  # type: ignore[operator]


def _for_sequence(found: TensorType, wanted: TensorType, wrong: Sequence[int]) -> tuple[Insert, ...]:
    linear: Insert = ("linear", {"units": wanted.dims[2]})
    if wrong == [1]:
        projects = isinstance(found.dims[1], int)
        return (("conv1d", {"filters": wanted.dims[1], "kernel_size": (1,)}),) if projects else ()
    if wrong == [2]:
        pool: Insert = ("adaptive_avg_pool1d", {"output_size": (wanted.dims[2],)})
        return (linear, pool) if isinstance(found.dims[2], int) else (pool,)
    return ()


def _for_image(found: TensorType, wanted: TensorType, wrong: Sequence[int]) -> tuple[Insert, ...]:
    axes = found.rank - 2
    size = wanted.dims[2:]
    if 1 in wrong:
        if not isinstance(found.dims[1], int):
            return ()
        stride = _stride(found.dims[2:], size)
        if stride is None:
            return ()
        own = {"stride": (stride,) * axes} if stride > 1 else {}
        return ((f"conv{axes}d", {"filters": wanted.dims[1], "kernel_size": (1,) * axes, **own}),)
    if not all(isinstance(each, int) for each in size):
        return ()
    pool: Insert = (f"adaptive_avg_pool{axes}d", {"output_size": size})
    resize: Insert = ("upsample", {"size": size})
    return (pool, resize) if is_larger(found, wanted) else (resize, pool)


def _stride(found: Sequence[Dim], wanted: Sequence[Dim]) -> int | None:
    """Return the step with which a kernel of size 1 visits as many places as are wanted along every axis."""
    if all(map(may_equal, found, wanted)):
        return 1
    if not all(isinstance(size, int) for size in (*found, *wanted)):
        return None
    pairs = [(a, b) for a, b in zip(found, wanted, strict=True) if isinstance(a, int) and isinstance(b, int)]
    step = max(-(-a // b) for a, b in pairs)
    return step if all(-(-a // step) == b for a, b in pairs) else None


def _for_other_axes(found: TensorType, wanted: TensorType) -> tuple[Insert, ...]:
    if found.rank == wanted.rank + 1:
        for axis in range(found.rank - 1, 0, -1):
            rest = found.dims[:axis] + found.dims[axis + 1 :]
            if found.dims[axis] == 1 and all(map(may_equal, rest, wanted.dims)):
                return (("squeeze", {"axis": axis}),)
    if wanted.rank == found.rank + 1:
        for axis in range(wanted.rank - 1, 0, -1):
            rest = wanted.dims[:axis] + wanted.dims[axis + 1 :]
            if wanted.dims[axis] == 1 and all(map(may_equal, rest, found.dims)):
                return (("unsqueeze", {"axis": axis}),)
    if wanted.rank == 2 and found.rank > 2:
        if numbers(found) != numbers(wanted) and found.dims[:2] == wanted.dims and found.is_float:
            return (("global_avg_pool", {}),)
        return (("flatten", {}),) if numbers(found) == numbers(wanted) else ()
    if found.rank == 2 and numbers(found) == numbers(wanted) is not None:
        return (("reshape", {"shape": wanted.dims[1:]}),)
    return ()


def numbers(found: TensorType) -> int | None:
    """Return how many numbers a sample of a type holds; None where that varies."""
    sizes = [size for size in found.dims[1:] if isinstance(size, int)]
    return prod(sizes) if len(sizes) == len(found.dims) - 1 else None


def for_broadcast(found: TensorType, wanted: TensorType) -> tuple[Insert, ...]:
    """Return layers that give a value of fewer axes as many as another, so that each number meets its counterpart."""
    if found.rank == 2 and numbers(found) == numbers(wanted) is not None:
        return (("reshape", {"shape": wanted.dims[1:]}),)
    missing = wanted.rank - found.rank
    if missing == 1:
        for axis in range(wanted.rank - 1, 0, -1):
            rest = wanted.dims[:axis] + wanted.dims[axis + 1 :]
            if all(may_equal(a, b) or 1 in (a, b) for a, b in zip(found.dims, rest, strict=True)):
                return (("unsqueeze", {"axis": axis if axis < wanted.rank - 1 else -1}),)
        return (("unsqueeze", {"axis": -1}),)
    known = all(isinstance(size, int) for size in found.dims[1:])
    return (("reshape", {"shape": (*found.dims[1:], *(1,) * missing)}),) if known else ()
