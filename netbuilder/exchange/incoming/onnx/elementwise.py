"""Operators that work number by number: functions, activations, arithmetic, comparison and choice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from netbuilder.exchange.incoming.onnx import patterns
from netbuilder.exchange.incoming.onnx.arithmetic import cast_dtype
from netbuilder.exchange.incoming.onnx.axes import reshape
from netbuilder.exchange.incoming.onnx.dtypes import DTYPES, shortest
from netbuilder.exchange.incoming.onnx.network import Network
from netbuilder.exchange.incoming.onnx.registry import RULES, Result, operator
from netbuilder.exchange.incoming.onnx.samples import one_for_all
from netbuilder.exchange.incoming.onnx.sizes import broadcast, times
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
from netbuilder.layers.logic import FLOAT_MAX
from netbuilder.layers.tensor import BATCH, Dim

_FUNCTIONS: Final[Mapping[str, str]] = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softsign": "softsign",
    "HardSwish": "hardswish",
    "Mish": "mish",
    "Exp": "exp",
    "Log": "log",
    "Sqrt": "sqrt",
    "Abs": "abs",
    "Neg": "neg",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
    "Sign": "sign",
    "Sin": "sin",
    "Cos": "cos",
    "Tan": "tan",
    "Asin": "asin",
    "Acos": "acos",
    "Atan": "atan",
    "Sinh": "sinh",
    "Cosh": "cosh",
    "Asinh": "asinh",
    "Acosh": "acosh",
    "Atanh": "atanh",
    "Erf": "erf",
    "Reciprocal": "reciprocal",
    "IsNaN": "is_nan",
    "Not": "logical_not",
}
"""Operators with one input and no settings -> the layer that computes the same."""


def _function(net: Network) -> Result:
    return net.emit(_FUNCTIONS[net.node.kind], {"x": net.tensor(0)})


RULES.update(dict.fromkeys(_FUNCTIONS, _function))


# -- activations with settings ---------------------------------------------------------------------------------


@operator("LeakyRelu")
def _leaky_relu(net: Network) -> Result:
    return net.emit("leaky_relu", {"x": net.tensor(0)}, {"negative_slope": net.decimal("alpha", 0.01)})


@operator("Elu", "Celu")
def _elu(net: Network) -> Result:
    return net.emit(net.node.kind.lower(), {"x": net.tensor(0)}, {"alpha": net.decimal("alpha", 1.0)})


@operator("Selu")
def _selu(net: Network) -> Result:
    alpha, gamma = net.decimal("alpha", 1.6732632), net.decimal("gamma", 1.050701)
    if abs(alpha - 1.6732632) > 1e-5 or abs(gamma - 1.050701) > 1e-5:
        raise Unfit("has other constants than SELU's own")
    return net.emit("selu", {"x": net.tensor(0)})


@operator("ThresholdedRelu")
def _thresholded_relu(net: Network) -> Result:
    return net.emit("threshold", {"x": net.tensor(0)}, {"threshold": net.decimal("alpha", 1.0), "value": 0.0})


@operator("HardSigmoid")
def _hard_sigmoid(net: Network) -> Result:
    alpha, beta = net.decimal("alpha", 0.2), net.decimal("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return net.emit("hardsigmoid", {"x": net.tensor(0)})
    line = net.emit("scale", {"x": net.tensor(0)}, {"factor": alpha, "offset": beta})
    return net.emit("clamp", {"x": line}, {"lower": 0.0, "upper": 1.0})


@operator("Softplus")
def _softplus(net: Network) -> Result:
    return net.emit("softplus", {"x": net.tensor(0)})


@operator("Shrink")
def _shrink(net: Network) -> Result:
    strength, bias = net.decimal("lambd", 0.5), net.decimal("bias", 0.0)
    if bias not in (0.0, strength):
        raise Unfit("moves what it keeps by another amount than its threshold")
    return net.emit("softshrink" if bias else "hardshrink", {"x": net.tensor(0)}, {"strength": strength})


@operator("Gelu")
def _gelu(net: Network) -> Result:
    return net.emit("gelu", {"x": net.tensor(0)}, {"approximate": net.text("approximate", "none")})


@operator("Swish")
def _swish(net: Network) -> Result:
    if net.decimal("alpha", 1.0) != 1.0:
        raise Unfit("has another steepness than 1")
    return net.emit("silu", {"x": net.tensor(0)})


@operator("PRelu")
def _prelu(net: Network) -> Result:
    x, slopes = net.tensor(0), net.constant(1, "slopes")
    rank = type_of(x).rank
    dims = (1,) * (rank - slopes.ndim) + slopes.shape
    if slopes.size == 1:
        return net.emit("prelu", {"x": x}, {"slopes": "one"}, {"weight": slopes.reshape(1)}, net.shared(1))
    if rank < 2 or slopes.size != dims[1]:
        raise Unfit("has slopes on another axis than the channels")
    return net.emit("prelu", {"x": x}, {"slopes": "channel"}, {"weight": slopes.reshape(-1)}, net.shared(1))


@operator("Softmax", "LogSoftmax")
def _softmax(net: Network) -> Result:
    x = net.tensor(0)
    key = "softmax" if net.node.kind == "Softmax" else "log_softmax"
    rank = type_of(x).rank
    axis = net.whole("axis", -1 if net.graph.opset >= 13 else 1)
    axis = counted(axis, rank)
    if net.graph.opset >= 13 or axis == rank - 1:
        return net.emit(key, {"x": x}, {"axis": axis - rank if axis == rank - 1 else axis})
    flat = reshape(net, x, (*type_of(x).dims[:axis], _product(type_of(x).dims[axis:])))
    return reshape(net, net.emit(key, {"x": flat}), type_of(x).dims)


def _product(dims: tuple[Dim, ...]) -> Dim:
    total: Dim = 1
    for size in dims:
        total = times(total, size)
    return total


@operator("Clip")
def _clip(net: Network) -> Result:
    x = net.tensor(0)
    low, high = (net.setting(place, name) for place, name in ((1, "min"), (2, "max")))
    lower = -math.inf if low is None else shortest(low.item())
    upper = math.inf if high is None else shortest(high.item())
    lower, upper = (math.copysign(math.inf, each) if abs(each) >= FLOAT_MAX else each for each in (lower, upper))
    if math.isinf(lower) and math.isinf(upper):
        return x
    if math.isinf(upper):
        return net.emit("maximum_scalar", {"x": x}, {"value": lower}) if lower else net.emit("relu", {"x": x})
    if math.isinf(lower):
        return net.emit("minimum_scalar", {"x": x}, {"value": upper})
    if (lower, upper) == (0.0, 6.0):
        return net.emit("relu6", {"x": x})
    return net.emit("clamp", {"x": x}, {"lower": lower, "upper": upper})


@operator("Identity")
def _identity(net: Network) -> Result:
    return net.given(0)


@operator("Dropout")
def _dropout(net: Network) -> Result:
    net.only(0)
    training = net.value(2)
    if training is not None and not (isinstance(training, Constant) and not training.array.item()):
        raise Unfit("drops numbers in use as well")
    ratio = net.setting(1, "ratio")
    share = 0.5 if ratio is None else shortest(ratio.item())
    value = net.given(0)
    return net.emit("dropout", {"x": value}, {"p": share}) if isinstance(value, Tensor) else value


@operator("IsInf")
def _is_inf(net: Network) -> Result:
    if not net.whole("detect_negative", 1) or not net.whole("detect_positive", 1):
        raise Unfit("looks for one sign only")
    return net.emit("is_inf", {"x": net.tensor(0)})


@operator("Cast", "CastLike")
def _cast(net: Network) -> Result:
    x = net.tensor(0)
    if net.node.kind == "CastLike":
        other = net.given(1)
        dtype = type_of(other).dtype if isinstance(other, Tensor) else DTYPES.get(_kind(other), "")
    else:
        wanted = cast_dtype(net.whole("to", 0))
        if wanted.kind in "iu" and wanted.itemsize < 4:
            raise Unfit(f"rounds to {wanted.name}, which no layer does")
        dtype = DTYPES.get(wanted.kind, "")
    return x if type_of(x).dtype == dtype else net.emit("cast", {"x": x}, {"dtype": dtype})


def _kind(value: Value) -> str:
    if isinstance(value, Constant):
        return value.array.dtype.kind
    return value.value.dtype.kind if isinstance(value, Fill) else "i"


# -- arithmetic ------------------------------------------------------------------------------------------------

_PAIRS: Final[Mapping[str, str]] = {
    "Add": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "Div": "divide",
    "Pow": "pow",
    "Equal": "equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "And": "logical_and",
    "Or": "logical_or",
    "Xor": "logical_xor",
    "Max": "maximum",
    "Min": "minimum",
}
"""Operators with two inputs -> the layer that computes the same of two values."""

_RIGHT: Final[Mapping[str, str]] = {
    "Add": "add_scalar",
    "Mul": "multiply_scalar",
    "Div": "divide_scalar",
    "Pow": "power",
    "Max": "maximum_scalar",
    "Min": "minimum_scalar",
    "Equal": "equal_scalar",
    "Less": "less_scalar",
    "LessOrEqual": "less_equal_scalar",
    "Greater": "greater_scalar",
    "GreaterOrEqual": "greater_equal_scalar",
}
"""Operators -> the layer that computes the same with one number on the right."""

_LEFT: Final[Mapping[str, str]] = {
    "Add": "add_scalar",
    "Sub": "subtract_from_scalar",
    "Mul": "multiply_scalar",
    "Div": "divide_into_scalar",
    "Pow": "power_of_scalar",
    "Max": "maximum_scalar",
    "Min": "minimum_scalar",
    "Equal": "equal_scalar",
    "Less": "greater_scalar",
    "LessOrEqual": "greater_equal_scalar",
    "Greater": "less_scalar",
    "GreaterOrEqual": "less_equal_scalar",
}
"""The same with the number on the left."""


def _pair(net: Network) -> Result:
    kind = net.node.kind
    first, second = net.given(0), net.given(1)
    for match in patterns.MATCHES.get(kind, ()):
        found = match(net, first, second)
        if found is not None:
            return found
    return pair(net, kind, first, second)


RULES.update(dict.fromkeys((kind for kind in _PAIRS if kind not in ("Max", "Min")), _pair))


def pair(net: Network, kind: str, first: Value, second: Value) -> Tensor:
    """Return what an operator makes of two values.

    Raises:
        Unfit: When no layer computes it.
    """
    for value, other, keys in ((second, first, _RIGHT), (first, second, _LEFT)):
        number = _number(value, other)
        if number is not None and isinstance(other, Tensor):
            found = _with_number(net, kind, other, number, keys)
            if found is not None:
                return found
    return net.emit(_PAIRS[kind], {"a": _operand(net, first, second), "b": _operand(net, second, first)})


def _operand(net: Network, value: Value, *others: Value) -> Tensor:
    """Return a value as a layer's; a single number gets an axis, since layers read none without.

    What is the same for all samples is given once where the other operands have samples.
    """
    if (
        isinstance(value, Sampled)
        and BATCH in dims_of(value)
        and any(broadcast(dims_of(value), dims_of(each)) == dims_of(each) for each in others)
    ):
        value = one_for_all(value)
    if isinstance(value, Constant) and not value.array.ndim:
        value = Constant(value.array.reshape(1), value.name, value.learned)
    return net.as_tensor(value)


def _number(value: Value, other: Value) -> Array | None:
    """Return the number that a value is everywhere, if it is, and if it gives the other one no new shape."""
    if isinstance(value, Fill):
        return value.value if broadcast(value.dims, dims_of(other)) == dims_of(other) else None
    if isinstance(value, Constant) and value.array.size == 1 and value.array.ndim <= len(dims_of(other)):
        return value.array.reshape(())
    return None


def _with_number(net: Network, kind: str, tensor: Tensor, number: Array, keys: Mapping[str, str]) -> Tensor | None:
    compares = keys.get(kind, "").removesuffix("_scalar") in _PAIRS.values() and kind in _COMPARING
    if number.dtype.kind == "b" or (type_of(tensor).dtype != "float32" and not compares):
        return None
    if number.dtype.kind in "iu" and abs(int(number)) > _EXACT:
        return None
    value = float(number) if number.dtype.kind in "iu" else shortest(number.item())
    if kind == "Sub" and keys is _RIGHT:
        return _tried(net, "add_scalar", tensor, {"value": -value})
    if kind == "Pow" and keys is _RIGHT:
        return _power(net, tensor, value)
    return _tried(net, keys[kind], tensor, {"value": value}) if kind in keys else None


_EXACT: Final = 1 << 53
"""Up to here every whole number is a floating-point number."""

_COMPARING: Final = frozenset(("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"))


def _power(net: Network, tensor: Tensor, exponent: float) -> Tensor | None:
    plain = {2.0: "square", 0.5: "sqrt", -1.0: "reciprocal"}
    if exponent in plain:
        return net.emit(plain[exponent], {"x": tensor})
    return _tried(net, "power", tensor, {"exponent": exponent})


def _tried(net: Network, key: str, tensor: Tensor, parameters: Mapping[str, Any]) -> Tensor | None:
    """Return a layer's result; None when it does not take the number."""
    try:
        return net.emit(key, {"x": tensor}, parameters)
    except Unfit:
        return None


@operator("Max", "Min")
def _extreme(net: Network) -> Result:
    first: Value = net.given(0)
    for place in range(1, len(net.node.inputs)):
        first = pair(net, net.node.kind, first, net.given(place))
    return first


@operator("Sum")
def _sum(net: Network) -> Result:
    first: Value = net.given(0)
    for place in range(1, len(net.node.inputs)):
        first = pair(net, "Add", first, net.given(place))
    return first


@operator("Mean")
def _mean(net: Network) -> Result:
    total = _sum(net)
    assert isinstance(total, (Tensor, Constant, Fill))
    return pair(net, "Mul", total, Constant(np.array(1 / len(net.node.inputs), np.float32)))


@operator("Where")
def _where(net: Network) -> Result:
    first, second = net.given(1), net.given(2)
    chosen = _operand(net, net.given(0), *(each for each in (first, second) if isinstance(each, Tensor)))
    for value, other, key in ((first, second, "condition"), (second, first, "inverse")):
        number = _number(value, other)
        if number is None or not isinstance(other, Tensor) or type_of(other).dtype != "float32":
            continue
        if not math.isfinite(number.item()):
            continue
        where = chosen if key == "condition" else net.emit("logical_not", {"x": chosen})
        return net.emit("masked_fill", {"x": other, "where": where}, {"value": shortest(number.item())})
    a, b = _operand(net, first, second), _operand(net, second, first)
    return net.emit("where", {"condition": chosen, "a": a, "b": b})
