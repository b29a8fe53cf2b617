"""Which layer computes the same as an ATen operator: arithmetic, comparison, choice, random numbers, casts."""

from __future__ import annotations

from math import isfinite

import torch

from netbuilder.exchange.incoming.aten_call import Call, maps, register
from netbuilder.exchange.incoming.aten_values import Computed, Folded, Known, Unmapped
from netbuilder.layers.logic import FLOAT_MAX


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


@maps("to.dtype", "to.dtype_layout", "_to_copy.default", "type_as.default", "to.device", "to.other")
def _cast(call: Call) -> None:
    given, wanted = call.type("self"), call.result
    if given.dtype == wanted.dtype or (given.is_float and wanted.dtype == "float32"):
        call.be(call.get("self"))
        return
    if wanted.dtype not in ("float32", "int64", "bool"):
        raise Unmapped(f"turns numbers into {wanted.dtype}")
    call.emit("cast", {"x": call.value("self")}, {"dtype": wanted.dtype})
