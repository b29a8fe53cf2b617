"""Which layer computes the same as an ATen operator: cutting, joining, picking, padding, resizing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final

import torch

from netbuilder.exchange.incoming.aten_call import Call, maps, register
from netbuilder.exchange.incoming.aten_shapes import reshape
from netbuilder.exchange.incoming.aten_values import Computed, Folded, Learned, Pile, Unmapped
from netbuilder.layers.settings import LETTERS
from netbuilder.layers.tensor import Size, TensorType


def emit_slice(call: Call, x: str, axis: int, start: int, stop: int | None, step: int = 1, output: str = "") -> None:
    """Add a Slice."""
    outputs = {"y": output} if output else None
    parameters = {"axis": axis, "start": start, "stop": stop, "step": step}
    call.emit("slice", {"x": x}, parameters, outputs=outputs)


@maps("slice.Tensor")
def _slice(call: Call) -> None:
    given, axis = call.type("self"), call.get("dim", 0)
    size = given.dims[axis]
    start, stop, step = call.get("start") or 0, call.get("end"), call.get("step", 1)
    if given.dims == call.result.dims and step == 1:
        call.be(call.get("self"))
        return
    if isinstance(stop, Size) and stop == size:
        stop = None
    if isinstance(start, Size) or isinstance(stop, Size):
        raise Unmapped("cuts at a place that varies")
    stop = None if stop is not None and (stop > 1 << 40 or stop == size) else stop
    x = call.value("self", axis % given.rank == 0)
    if axis % given.rank == 0 and not isinstance(size, int):
        raise Unmapped("cuts out some of the samples")
    emit_slice(call, x, axis, start, stop, step)


@maps("narrow.default")
def _narrow(call: Call) -> None:
    start, length = call.get("start"), call.get("length")
    if isinstance(start, Size) or isinstance(length, Size):
        raise Unmapped("cuts at a place that varies")
    emit_slice(call, call.value("self"), call.get("dim"), start, start + length)


@maps("select.int")
def _select(call: Call) -> None:
    value, axis, index = call.get("self"), call.get("dim"), call.get("index")
    if isinstance(value, Pile):
        part = value.parts[index] if axis == 0 and -len(value.parts) <= index < len(value.parts) else None
        if part is None:
            raise Unmapped("reads a state that the recurrent layers here do not give")
        call.be(part())
        return
    given = call.type("self")
    if axis % given.rank == 0 and not isinstance(given.dims[0], int):
        raise Unmapped("picks one of the samples")
    if isinstance(index, Size):
        raise Unmapped("picks a place that varies")
    call.emit("select", {"x": call.value("self")}, {"axis": axis, "index": index})


def _split_at(call: Call, sizes: Sequence[int]) -> None:
    axis = call.get("dim", 0)
    x, given = call.value("self"), call.type("self")
    if axis % given.rank == 0 and not isinstance(given.dims[0], int):
        raise Unmapped("divides the samples")
    if len(set(sizes)) == 1 and 2 <= len(sizes) <= len(LETTERS):
        outputs = dict(zip(LETTERS, call.step.outputs, strict=False))
        call.emit("split", {"x": x}, {"axis": axis, "parts": len(sizes)}, outputs=outputs)
        return
    start = 0
    for size, name in zip(sizes, call.step.outputs, strict=True):
        if name:
            emit_slice(call, x, axis, start, start + size, output=name)
        start += size


def _size_of(call: Call) -> int:
    size = call.type("self").dims[call.get("dim", 0)]
    if not isinstance(size, int):
        raise Unmapped("divides an axis whose size varies")
    return size


@maps("split.Tensor")
def _split(call: Call) -> None:
    size, part = _size_of(call), call.get("split_size")
    if not isinstance(part, int) or part < 1:
        raise Unmapped("divides into parts of a size that varies")
    _split_at(call, [min(part, size - start) for start in range(0, size, part)])


@maps("split_with_sizes.default")
def _split_with_sizes(call: Call) -> None:
    sizes = call.get("split_sizes")
    if not all(isinstance(size, int) for size in sizes):
        raise Unmapped("divides into parts of a size that varies")
    _split_at(call, sizes)


@maps("chunk.default")
def _chunk(call: Call) -> None:
    size = _size_of(call)
    part = -(-size // call.get("chunks"))
    _split_at(call, [min(part, size - start) for start in range(0, size, part)])


@maps("unbind.int")
def _unbind(call: Call) -> None:
    x, axis = call.value("self"), call.get("dim", 0)
    given = call.type("self")
    if axis % given.rank == 0 and not isinstance(given.dims[0], int):
        raise Unmapped("takes the samples apart")
    for index, name in enumerate(call.step.outputs):
        call.emit("select", {"x": x}, {"axis": axis, "index": index}, outputs={"y": name})


def _joined(call: Call, key: str) -> None:
    axis = call.get("dim", 0)
    rank = call.result.rank
    parts = []
    for value in call.get("tensors"):
        if isinstance(value, Folded) and not value.one.numel():
            continue  # torch lets an empty one pass
        parts.append(call.translator.make(value, call.step, True))
    samples = call.result.dims[0]
    if axis % rank == 0 and not isinstance(samples, int):
        raise Unmapped("joins samples")
    if len(parts) == 1 and key == "concat":
        call.be(Computed(parts[0]))
        return
    _join(call, key, parts, axis)


def _join(call: Call, key: str, parts: Sequence[str], axis: int) -> None:
    """Add a Concat or Stack, or several where there are more parts than one has inputs."""
    if key == "stack" and len(parts) == 1:
        reshape(call, parts[0], call.translator.types[parts[0]], call.result)
        return
    if len(parts) <= len(LETTERS):
        parameters = {"axis": axis, "inputs": len(parts)}
        call.emit(key, dict(zip(LETTERS, parts, strict=False)), parameters)
        return
    groups = []
    for start in range(0, len(parts), len(LETTERS)):
        group = parts[start : start + len(LETTERS)]
        if len(group) == 1 and key == "concat":
            groups.append(group[0])
            continue
        if len(group) == 1:
            raise Unmapped("joins too many values")
        dims = list(call.result.dims)
        dims[axis] = None
        name = call.fresh("group", TensorType(tuple(dims), call.result.dtype))
        parameters = {"axis": axis, "inputs": len(group)}
        call.emit(key, dict(zip(LETTERS, group, strict=False)), parameters, outputs={"y": name})
        groups.append(name)
    _join(call, "concat", groups, axis)


register(["cat.default"], _joined, "concat")
register(["stack.default"], _joined, "stack")


@maps("index_select.default")
def _index_select(call: Call) -> None:
    inputs = {"x": call.value("self"), "indices": call.value("index")}
    call.emit("index_select", inputs, {"axis": call.get("dim")})


@maps("index.Tensor")
def _index(call: Call) -> None:
    """Map what picks entries along one axis by fixed indices, or rows of a learned table."""
    places = [(axis, each) for axis, each in enumerate(call.get("indices")) if each is not None]
    if len(places) != 1:
        raise Unmapped("picks entries by several indices at once")
    axis, index = places[0]
    table = call.get("self")
    if isinstance(index, Folded) and index.one.dtype is torch.bool:
        raise Unmapped("picks entries by a mask")
    if isinstance(table, Learned) and axis == 0 and table.tensor.ndim == 2:
        rows, width = table.tensor.shape
        if isinstance(index, Folded):
            index = Folded(index.one.remainder(rows), index.two.remainder(rows))
        x = call.translator.make(index, call.step, False)
        call.emit("embedding", {"x": x}, {"width": width, "tokens": rows}, {"weight": table})
        return
    if not isinstance(index, Folded) or not index.is_constant or index.one.ndim != 1:
        raise Unmapped("picks entries by computed indices")
    size = call.type("self").dims[axis]
    if not isinstance(size, int):
        raise Unmapped("picks some of the samples")
    indices = call.translator.make(Folded(index.one.remainder(size), index.two.remainder(size)), call.step, False)
    call.emit("index_select", {"x": call.value("self"), "indices": indices}, {"axis": axis})


@maps("gather.default")
def _gather(call: Call) -> None:
    inputs = {"x": call.value("self", True), "indices": call.value("index", True)}
    call.emit("gather", inputs, {"axis": call.get("dim")})


@maps("flip.default")
def _flip(call: Call) -> None:
    axes = call.get("dims")
    x, given = call.value("self"), call.type("self")
    for axis in axes[:-1]:
        name = call.fresh("flipped", given)
        call.emit("flip", {"x": x}, {"axis": axis}, outputs={"y": name})
        x = name
    call.emit("flip", {"x": x}, {"axis": axes[-1]})


@maps("roll.default")
def _roll(call: Call) -> None:
    shifts, axes = call.get("shifts"), call.get("dims") or []
    shifts = list(shifts) if isinstance(shifts, list) else [shifts]
    axes = list(axes) if isinstance(axes, list) else [axes]
    if len(axes) != len(shifts) or not axes:
        raise Unmapped("shifts all entries in a row")
    x, given = call.value("self"), call.type("self")
    for shift, axis in list(zip(shifts, axes, strict=True))[:-1]:
        name = call.fresh("rolled", given)
        call.emit("roll", {"x": x}, {"shift": shift, "axis": axis}, outputs={"y": name})
        x = name
    call.emit("roll", {"x": x}, {"shift": shifts[-1], "axis": axes[-1]})


@maps("pad.default", "constant_pad_nd.default")
def _pad(call: Call) -> None:
    padding = tuple(call.get("pad"))
    if not any(padding):
        call.be(call.get("self"))
        return
    if any(not isinstance(size, int) or size < 0 for size in padding):
        raise Unmapped("cuts entries off as a negative padding")
    mode, value = call.get("mode", "constant"), call.get("value") or 0.0
    if not isfinite(value):
        raise Unmapped("surrounds its input with infinities")
    x = call.value("self")
    call.emit("pad", {"x": x}, {"padding": padding, "mode": mode, "value": float(value)})


_PADS: Final[Mapping[str, str]] = {"reflection": "reflect", "replication": "replicate"}


def _edge(call: Call, mode: str) -> None:
    call.emit("pad", {"x": call.value("self")}, {"padding": tuple(call.get("padding")), "mode": mode})


for _word, _mode in _PADS.items():
    register([f"{_word}_pad{axes}d.default" for axes in (1, 2, 3)], _edge, _mode)


def _upsample(call: Call, mode: str) -> None:
    given, wanted = call.type("input" if "input" in call.arguments else "self"), call.result
    x = call.value("input" if "input" in call.arguments else "self")
    factors = call.get("scale_factors")
    corners = bool(call.get("align_corners", False))
    if not all(isinstance(dim, int) for dim in (*given.dims[2:], *wanted.dims[2:])):
        raise Unmapped("resizes something whose size varies")
    parameters: dict[str, Any] = {"mode": mode, "align_corners": corners}
    if factors and len(set(factors)) == 1:
        parameters["scale_factor"] = factors[0]
    else:
        parameters["size"] = tuple(wanted.dims[2:])
    call.emit("upsample", {"x": x}, parameters)


for _word, _mode in {
    "nearest1d": "nearest",
    "nearest2d": "nearest",
    "nearest3d": "nearest",
    "linear1d": "linear",
    "bilinear2d": "bilinear",
    "bicubic2d": "bicubic",
    "trilinear3d": "trilinear",
}.items():
    register([f"upsample_{_word}.vec", f"upsample_{_word}.default"], _upsample, _mode)


@maps("pixel_shuffle.default")
def _pixel_shuffle(call: Call) -> None:
    call.emit("pixel_shuffle", {"x": call.value("self")}, {"factor": call.get("upscale_factor")})


@maps("pixel_unshuffle.default")
def _pixel_unshuffle(call: Call) -> None:
    call.emit("pixel_unshuffle", {"x": call.value("self")}, {"factor": call.get("downscale_factor")})


@maps("channel_shuffle.default")
def _channel_shuffle(call: Call) -> None:
    call.emit("channel_shuffle", {"x": call.value("self")}, {"groups": call.get("groups")})


@maps("tril.default", "triu.default")
def _triangle(call: Call) -> None:
    key = call.step.target.split(".")[1]
    call.emit(key, {"x": call.value("self")}, {"offset": call.get("diagonal", 0)})
