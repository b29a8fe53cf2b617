"""Which layer computes the same as an ATen operator: shapes, orders of axes, repetition."""

from __future__ import annotations

from collections.abc import Sequence

from netbuilder.exchange.incoming.aten_call import Call, maps
from netbuilder.exchange.incoming.aten_values import Computed, Unmapped
from netbuilder.layers.tensor import BATCH, Dim, Size, TensorType


def reshape(call: Call, x: str, given: TensorType, wanted: TensorType) -> None:
    """Add the layer that gives a value another shape, for any number of samples where that can be."""
    if given.dims == wanted.dims:
        call.be(Computed(x))
        return
    inner = given.dims[1:]
    if given.dims and wanted.dims and given.dims[0] == wanted.dims[0] == BATCH and wanted.rank > 1:
        start = _merged_from(given, wanted)
        if start is not None and start < 8:
            call.emit("flatten", {"x": x}, {"start_axis": start})
            return
        shape = _numbers(wanted.dims[1:])
        if shape is not None and (all(isinstance(dim, int) for dim in inner) or -1 in shape):
            call.emit("reshape", {"x": x}, {"shape": shape})
            return
    shape = _numbers(wanted.dims)
    if shape is None:
        raise Unmapped(f"gives a shape in which several sizes vary ({wanted})")
    call.emit("view", {"x": x}, {"shape": shape})


def _numbers(dims: Sequence[Dim]) -> tuple[int, ...] | None:
    """Return sizes with -1 for the one that varies; None when several do."""
    found = tuple(dim if isinstance(dim, int) else -1 for dim in dims)
    return found if found.count(-1) <= 1 else None


def _merged_from(given: TensorType, wanted: TensorType) -> int | None:
    """Return the axis from which on all axes become one; None when that is not what happens."""
    start = wanted.rank - 1
    merges = start >= 1 and given.rank > wanted.rank and given.dims[:start] == wanted.dims[:start]
    return start if merges else None


@maps(
    "view.default",
    "reshape.default",
    "_unsafe_view.default",
    "flatten.using_ints",
    "unflatten.int",
    "view_as.default",
    "squeeze.default",
    "squeeze.dims",
)
def _reshape(call: Call) -> None:
    given = call.type("self")
    reshape(call, call.value("self", True), given, call.result)


@maps("squeeze.dim")
def _squeeze(call: Call) -> None:
    given, axis = call.type("self"), call.get("dim")
    if given.dims[axis] != 1:
        call.be(call.get("self"))
    elif axis % given.rank == 0:
        reshape(call, call.value("self"), given, call.result)
    else:
        call.emit("squeeze", {"x": call.value("self")}, {"axis": axis})


@maps("unsqueeze.default")
def _unsqueeze(call: Call) -> None:
    given, axis = call.type("self"), call.get("dim")
    if axis % (given.rank + 1) == 0:
        reshape(call, call.value("self", True), given, call.result)
    else:
        call.emit("unsqueeze", {"x": call.value("self")}, {"axis": axis})


def _permute_axes(call: Call, order: Sequence[int]) -> None:
    order = tuple(axis % len(order) for axis in order)
    x = call.value("self")
    if order == tuple(range(len(order))):
        call.be(Computed(x))
    elif order[0] == 0:
        call.emit("permute", {"x": x}, {"order": order[1:]})
    else:
        call.emit("permute_axes", {"x": x}, {"order": order})


@maps("permute.default")
def _permute(call: Call) -> None:
    _permute_axes(call, call.get("dims"))


@maps("transpose.int", "swapaxes.default")
def _transpose(call: Call) -> None:
    rank = call.type("self").rank
    names = ("dim0", "dim1") if "dim0" in call.arguments else ("axis0", "axis1")
    first, second = (call.get(name) % rank for name in names)
    if first == second:
        call.be(call.get("self"))
    elif 0 in (first, second):
        order = list(range(rank))
        order[first], order[second] = order[second], order[first]
        _permute_axes(call, order)
    else:
        call.emit("transpose", {"x": call.value("self")}, {"first": min(first, second), "second": max(first, second)})


@maps("t.default", "numpy_T.default", "mT.default")
def _turn(call: Call) -> None:
    rank = call.type("self").rank
    if call.step.target == "aten.mT.default":
        call.emit("transpose", {"x": call.value("self")}, {"first": rank - 2, "second": rank - 1})
    else:
        _permute_axes(call, tuple(reversed(range(rank))))


@maps("movedim.int")
def _movedim(call: Call) -> None:
    rank = call.type("self").rank
    source, target = call.get("source") % rank, call.get("destination") % rank
    order = [axis for axis in range(rank) if axis != source]
    order.insert(target, source)
    _permute_axes(call, order)


@maps("expand.default", "expand_as.default")
def _expand(call: Call) -> None:
    given, wanted = call.type("self"), call.result
    if given.dims == wanted.dims:
        call.be(call.get("self"))
        return
    padded: list[Dim] = [None] * (wanted.rank - given.rank) + list(given.dims)
    sizes = []
    for have, want in zip(padded, wanted.dims, strict=True):
        if have == want:
            sizes.append(-1)
        elif want == BATCH:
            sizes.append(0)
        elif isinstance(want, int):
            sizes.append(want)
        else:
            raise Unmapped(f"repeats a value {want} times")
    inputs = {"x": call.value("self")}
    if 0 in sizes:
        inputs["like"] = call.translator.graph.entries[0][1]
    call.emit("expand_like", inputs, {"sizes": tuple(sizes)})


@maps("repeat.default", "tile.default")
def _repeat(call: Call) -> None:
    given, counts = call.type("self"), call.get("repeats", call.get("dims"))
    if call.step.target == "aten.tile.default":
        counts = [1] * (given.rank - len(counts)) + list(counts)
    first = counts[0]
    rest = [count for count in counts[1:] if count != 1]
    if isinstance(first, Size) or (given.dims[:1] == (1,) and call.result.dims[:1] == (BATCH,)):
        if rest or len(counts) != given.rank or given.dims[0] != 1:
            raise Unmapped("repeats a value for each sample and along other axes")
        inputs = {"x": call.value("self"), "like": call.translator.graph.entries[0][1]}
        call.emit("expand_like", inputs, {"sizes": (0, *[-1] * (given.rank - 1))})
        return
    if len(counts) != given.rank or first != 1:
        raise Unmapped("repeats samples")
    call.emit("tile", {"x": call.value("self")}, {"counts": tuple(counts[1:])})
