"""Which layer computes the same as an ATen operator: arithmetic, comparison, reduction, and the moving of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final

import torch

from netbuilder.exchange.incoming.aten_graph import Call, maps, register
from netbuilder.exchange.incoming.aten_layers import several
from netbuilder.exchange.incoming.aten_values import Computed, Folded, Known, Learned, Pile, Unmapped
from netbuilder.layers.logic import FLOAT_MAX
from netbuilder.layers.settings import LETTERS
from netbuilder.layers.tensor import BATCH, INTS, Dim, Size, TensorType

# -- arithmetic --------------------------------------------------------------------------------------------------------


def _name(value: Known | None) -> str:
    return value.name if isinstance(value, Computed) else ""


def _scalar(call: Call, name: str) -> float | int | None:
    """Return an argument as one number, when it adds no axes to the other one and changes no kind of numbers."""
    number = call.number(name)
    value = call.get(name)
    if number is None or type(number) is bool or not isfinite(number):
        return None
    if isinstance(value, Folded):
        other = call.type("other" if name == "self" else "self")
        if value.one.ndim > other.rank or any(size != 1 for size in value.one.shape):
            return None
        if value.one.is_floating_point() and not other.is_float:
            return None
    return number


def _keeps_float(call: Call, number: float | int) -> bool:
    """Whether arithmetic with a number gives what the layers with a number, which take floats, give."""
    return call.type("self").is_float and isfinite(float(number))


def _arithmetic(call: Call, pair: str, single: str, reverse: str = "", negate: bool = False) -> None:
    number = _scalar(call, "other")
    alpha = call.get("alpha", 1)
    if number is not None and _keeps_float(call, number):
        value = float(number) * alpha
        call.emit(single, {"x": call.value("self")}, {"value": -value if negate else value})
        return
    first = _scalar(call, "self") if isinstance(call.get("self"), Folded) else None
    if first is not None and reverse and alpha == 1 and call.type("other").is_float:
        call.emit(reverse, {"x": call.value("other")}, {"value": float(first)})
        return
    b = _operand(call, "other")
    if alpha != 1:
        scaled = call.fresh("scaled", call.type("other"))
        call.emit("multiply_scalar", {"x": b}, {"value": float(alpha)}, outputs={"y": scaled})
        b = scaled
    call.emit(pair, {"a": _operand(call, "self"), "b": b})


def _operand(call: Call, name: str) -> str:
    """Return an argument of a broadcasting operator as a value, a plain number as a fixed one."""
    value = call.get(name)
    if isinstance(value, (bool, int, float)):
        like = call.type("other" if name == "self" else "self")
        dtype = getattr(torch, like.dtype) if type(value) is not float or like.is_float else torch.float32
        tensor = torch.full((1,) * max(like.rank, 1), value, dtype=dtype)
        return call.translator.make(Folded(tensor, tensor), call.step, False)
    return call.value(name)


def _adds_nothing(call: Call, name: str, number: int) -> bool:
    """Whether an argument is a fixed number everywhere, and changes neither shape nor kind of the other."""
    value, other = call.get(name), "other" if name == "self" else "self"
    if not isinstance(value, Folded) or value.number != number or not isinstance(call.get(other), Computed):
        return False
    return call.type(other).dims == call.result.dims and call.type(other).dtype == call.result.dtype


@maps("add.Tensor", "add.Scalar")
def _add(call: Call) -> None:
    for name, other in (("other", "self"), ("self", "other")):
        if _adds_nothing(call, name, 0):
            call.be(call.get(other))
            return
    _arithmetic(call, "add", "add_scalar", "add_scalar")


@maps("sub.Tensor", "sub.Scalar")
def _sub(call: Call) -> None:
    _arithmetic(call, "subtract", "add_scalar", "subtract_from_scalar", negate=True)


@maps("mul.Tensor", "mul.Scalar")
def _mul(call: Call) -> None:
    for name, other in (("other", "self"), ("self", "other")):
        if _adds_nothing(call, name, 1):
            call.be(call.get(other))
            return
    _arithmetic(call, "multiply", "multiply_scalar", "multiply_scalar")


@maps("div.Tensor", "div.Scalar")
def _div(call: Call) -> None:
    number = _scalar(call, "other")
    if number is not None and call.type("self").is_float and number < 1e-12:
        b = _operand(call, "other")
        call.emit("divide", {"a": call.value("self"), "b": b})
        return
    _arithmetic(call, "divide", "divide_scalar", "divide_into_scalar")


@maps("rsub.Scalar")
def _rsub(call: Call) -> None:
    if call.get("alpha", 1) != 1:
        raise Unmapped("weighs what it subtracts")
    call.emit("subtract_from_scalar", {"x": call.value("self")}, {"value": float(call.get("other"))})


@maps("pow.Tensor_Scalar")
def _power(call: Call) -> None:
    exponent = call.get("exponent")
    if not call.type("self").is_float:
        raise Unmapped("raises whole numbers to a power")
    if exponent == 2:
        call.emit("square", {"x": call.value("self")})
    elif abs(exponent) <= 16:
        call.emit("power", {"x": call.value("self")}, {"exponent": float(exponent)})
    else:
        raise Unmapped(f"has an exponent of {exponent}")


@maps("pow.Scalar")
def _power_of(call: Call) -> None:
    call.emit("power_of_scalar", {"x": call.value("exponent")}, {"value": float(call.get("self"))})


def _two(call: Call, key: str, names: tuple[str, str] = ("self", "other")) -> None:
    call.emit(key, {"a": _operand(call, names[0]), "b": _operand(call, names[1])})


for _target, _key in {
    "maximum.default": "maximum",
    "max.other": "maximum",
    "minimum.default": "minimum",
    "min.other": "minimum",
    "atan2.default": "atan2",
    "hypot.default": "hypot",
    "remainder.Tensor": "remainder",
    "logaddexp.default": "log_add_exp",
    "logical_and.default": "logical_and",
    "logical_or.default": "logical_or",
    "logical_xor.default": "logical_xor",
}.items():
    register([_target], _two, _key)

register(["pow.Tensor_Tensor"], _two, "pow", ("self", "exponent"))


def _bits(call: Call, key: str) -> None:
    if call.type("self").dtype != "bool" or call.type("other").dtype != "bool":
        raise Unmapped("combines the bits of whole numbers")
    for name, other in (("other", "self"), ("self", "other")):
        if key == "logical_and" and _adds_nothing(call, name, 1):
            call.be(call.get(other))
            return
    _two(call, key)


for _word, _key in {"and": "logical_and", "or": "logical_or", "xor": "logical_xor"}.items():
    register([f"bitwise_{_word}.Tensor", f"__{_word}__.Tensor"], _bits, _key)


@maps("bitwise_not.default", "logical_not.default")
def _not(call: Call) -> None:
    if call.type("self").dtype != "bool":
        raise Unmapped("turns the bits of whole numbers")
    call.emit("logical_not", {"x": call.value("self")})


def _compare(call: Call, key: str) -> None:
    number = _scalar(call, "other")
    if number is not None and abs(number) < 1 << 53:
        call.emit(f"{key}_scalar", {"x": call.value("self")}, {"value": float(number)})
    else:
        _two(call, key)


for _word, _key in {
    "eq": "equal",
    "ne": "not_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "lt": "less",
    "le": "less_equal",
}.items():
    register([f"{_word}.Scalar", f"{_word}.Tensor"], _compare, _key)


@maps("clamp.default", "clamp_min.default", "clamp_max.default")
def _clamp(call: Call) -> None:
    low, high = call.get("min"), call.get("max")
    x = {"x": call.value("self")}
    if low is not None and high is not None:
        call.emit("clamp", x, {"lower": float(low), "upper": float(high)})
    elif low is not None:
        call.emit("maximum_scalar", x, {"value": float(low)})
    else:
        call.emit("minimum_scalar", x, {"value": float(high)})


@maps("where.self", "where.ScalarOther", "where.ScalarSelf", "where.Scalar")
def _where(call: Call) -> None:
    names = {}
    for port, name in (("a", "self"), ("b", "other")):
        value = call.get(name)
        if isinstance(value, (bool, int, float)):
            tensor = torch.full((1,) * max(call.result.rank, 1), value, dtype=getattr(torch, call.result.dtype))
            names[port] = call.translator.make(Folded(tensor, tensor), call.step, False)
        else:
            names[port] = call.value(name)
    call.emit("where", {"condition": call.value("condition"), **names})


@maps("masked_fill.Scalar", "masked_fill.Tensor")
def _masked_fill(call: Call) -> None:
    number = call.number("value")
    if number is None:
        raise Unmapped("fills with a computed number")
    if not isfinite(number):
        call.translator.notes.append("A mask filled with minus infinity fills with the lowest number instead.")
        number = -FLOAT_MAX if number < 0 else FLOAT_MAX
    inputs = {"x": call.value("self"), "where": call.value("mask")}
    call.emit("masked_fill", inputs, {"value": max(-FLOAT_MAX, min(FLOAT_MAX, float(number)))})


# -- random numbers ----------------------------------------------------------------------------------------------------


@maps("randn_like.default")
def _randn(call: Call) -> None:
    call.emit("random_normal", {"x": call.value("self")})


@maps("rand_like.default")
def _rand(call: Call) -> None:
    call.emit("random_uniform", {"x": call.value("self")})


@maps("randn.default")
def _randn_of_size(call: Call) -> None:
    dims = call.result.dims
    like = next(
        (name for name, found in call.translator.types.items() if found.dims == dims and _is_live(call, name)), ""
    )
    if not like:
        raise Unmapped("draws numbers in a shape that nothing before it has")
    call.emit("random_normal", {"x": like})


def _is_live(call: Call, name: str) -> bool:
    return isinstance(call.translator.known.get(name), Computed) and call.translator.types[name].is_float


# -- reduction ---------------------------------------------------------------------------------------------------------


def _axes(call: Call, rank: int, name: str = "dim") -> tuple[int, ...]:
    chosen = call.get(name)
    if chosen is None or chosen == []:
        return tuple(range(rank))
    return several(chosen, 1) if isinstance(chosen, int) else tuple(chosen)


def _reduce(call: Call, key: str) -> None:
    given = call.type("self")
    axes = _axes(call, given.rank)
    x = call.value("self")
    if key in ("sum", "mean") and not given.is_float and not (key == "sum" and given.dtype in INTS):
        cast = call.fresh("numbers", TensorType(given.dims))
        dtype = "float32" if call.result.is_float else "int64"
        call.emit("cast", {"x": x}, {"dtype": dtype}, outputs={"y": cast})
        x = cast
    call.emit(key, {"x": x}, {"axes": axes, "keepdim": bool(call.get("keepdim", False))})


for _target, _key in {
    "mean.dim": "mean",
    "mean.default": "mean",
    "sum.dim_IntList": "sum",
    "sum.default": "sum",
    "amax.default": "max",
    "amin.default": "min",
    "logsumexp.default": "log_sum_exp",
}.items():
    register([_target], _reduce, _key)


def _spread(call: Call, key: str) -> None:
    correction = call.get("correction", 1 if call.get("unbiased", True) else 0)
    if correction not in (0, None) or ("correction" not in call.arguments and call.get("unbiased", True)):
        raise Unmapped("divides by one less than the number of entries")
    _reduce(call, key)


for _key in ("var", "std"):
    register([f"{_key}.correction", f"{_key}.dim", f"{_key}.default"], _spread, _key)


def _along(call: Call, key: str, **more: Any) -> None:
    call.emit(key, {"x": call.value("self")}, {"axis": call.get("dim", -1), **more})


def _along_keeping(call: Call, key: str) -> None:
    _along(call, key, keepdim=bool(call.get("keepdim", False)))


def _running(call: Call, key: str) -> None:
    _along(call, key, **({"descending": bool(call.get("descending", False))} if key == "argsort" else {}))


for _target, _key in {
    "cumsum.default": "cumsum",
    "cumprod.default": "cumprod",
    "argsort.default": "argsort",
    "logcumsumexp.default": "log_cumsum_exp",
}.items():
    register([_target], _running, _key)


def _arg(call: Call, key: str) -> None:
    if call.get("dim") is None or call.get("keepdim"):
        raise Unmapped("finds a place among all entries, or keeps the axis")
    _along(call, key)


register(["argmax.default"], _arg, "argmax")
register(["argmin.default"], _arg, "argmin")
register(["prod.dim_int"], _along_keeping, "prod")
register(["any.dim"], _along_keeping, "any")
register(["all.dim"], _along_keeping, "all")


@maps("max.dim", "min.dim")
def _best(call: Call) -> None:
    key = "max" if call.step.target == "aten.max.dim" else "min"
    keep = bool(call.get("keepdim", False))
    x = {"x": call.value("self")}
    call.emit(key, x, {"axes": (call.get("dim"),), "keepdim": keep})
    if not keep:
        call.emit(f"arg{key}", x, {"axis": call.get("dim")}, outputs={"y": call.step.outputs[1]})


@maps("linalg_vector_norm.default", "norm.ScalarOpt_dim")
def _norm(call: Call) -> None:
    axes = _axes(call, call.type("self").rank)
    power = call.get("ord", call.get("p", 2))
    if len(axes) != 1:
        raise Unmapped("takes the norm along several axes")
    parameters = {"axis": axes[0], "keepdim": bool(call.get("keepdim", False)), "power": float(power or 2)}
    call.emit("norm", {"x": call.value("self")}, parameters)


@maps("topk.default")
def _top(call: Call) -> None:
    outputs = {"y": call.step.outputs[0], "indices": call.step.outputs[1]}
    parameters = {"axis": call.get("dim", -1), "count": call.get("k"), "largest": bool(call.get("largest", True))}
    call.emit("top_k", {"x": call.value("self")}, parameters, outputs=outputs)


@maps("sort.default")
def _sort(call: Call) -> None:
    outputs = {"y": call.step.outputs[0], "indices": call.step.outputs[1]}
    parameters = {"axis": call.get("dim", -1), "descending": bool(call.get("descending", False))}
    call.emit("sort", {"x": call.value("self")}, parameters, outputs=outputs)


# -- shapes ------------------------------------------------------------------------------------------------------------


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


# -- parts -------------------------------------------------------------------------------------------------------------


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


# -- kinds of numbers --------------------------------------------------------------------------------------------------


@maps("to.dtype", "to.dtype_layout", "_to_copy.default", "type_as.default", "to.device", "to.other")
def _cast(call: Call) -> None:
    given, wanted = call.type("self"), call.result
    if given.dtype == wanted.dtype or (given.is_float and wanted.dtype == "float32"):
        call.be(call.get("self"))
        return
    if wanted.dtype not in ("float32", "int64", "bool"):
        raise Unmapped(f"turns numbers into {wanted.dtype}")
    call.emit("cast", {"x": call.value("self")}, {"dtype": wanted.dtype})
