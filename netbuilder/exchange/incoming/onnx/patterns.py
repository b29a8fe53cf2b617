"""Patterns: layers that exporters write as several operators, recognized by the last of them.

LayerNorm before ONNX had it (subtract the mean, divide by the root of the mean square), GELU by its error function or
tanh, SiLU, a bias added after a product, and the scale and shift of a normalization.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np

from netbuilder.exchange.incoming.onnx.network import Network
from netbuilder.exchange.incoming.onnx.values import Array, Constant, Tensor, Unfit, Value, type_of
from netbuilder.exchange.incoming.operation import Operation

Match = Callable[[Network, Value, Value], "Tensor | None"]


def _orders(first: Value, second: Value) -> Iterator[tuple[Value, Value]]:
    yield first, second
    yield second, first


def _on_axis(array: Array, axis: int, rank: int, size: object) -> Array | None:
    """Return the numbers of a table that has entries along one axis of a value only; None when it has others."""
    dims = (1,) * (rank - array.ndim) + array.shape
    if array.ndim > rank or array.size != size or dims[axis] != size:
        return None
    return array.reshape(-1)


# -- what belongs to the layer before ------------------------------------------------------------------------------


def _bias(net: Network, first: Value, second: Value) -> Tensor | None:
    """A product or a convolution plus one number a unit: the layer's own bias."""
    for value, other in _orders(first, second):
        before = net.giver(value, "linear", "conv1d", "conv2d", "conv3d")
        if before is None or not isinstance(value, Tensor) or not isinstance(other, Constant):
            continue
        if before.parameters.get("bias", True) or not net.is_alone(value):
            continue
        dims = type_of(value).dims
        axis = len(dims) - 1 if before.type == "linear" else 1
        numbers = _on_axis(other.array, axis, len(dims), dims[axis])
        if numbers is not None and numbers.dtype.kind == "f":
            return net.amend(value, {"bias": True}, {"bias": numbers}, other.name)
    return None


_AFFINE: Final[Mapping[str, str]] = {
    "layer_norm": "elementwise_affine",
    "group_norm": "affine",
    "rms_norm": "elementwise_affine",
}
"""Normalizations -> the parameter that gives them a scale (and a shift)."""


def _scale(net: Network, first: Value, second: Value) -> Tensor | None:
    """A normalization times one number a feature: its own scale."""
    for value, other in _orders(first, second):
        before = net.giver(value, *_AFFINE)
        if before is None or not isinstance(value, Tensor) or not isinstance(other, Constant):
            continue
        numbers = _features(before, value, other.array)
        if numbers is None or before.parameters.get(_AFFINE[before.type], True) or not net.is_alone(value):
            continue
        weights = {"weight": numbers}
        more = {"bias": False} if before.type == "layer_norm" else {}
        if before.type == "group_norm":
            weights["bias"] = np.zeros_like(numbers)
        return net.amend(value, {_AFFINE[before.type]: True, **more}, weights, other.name)
    return None


def _shift(net: Network, first: Value, second: Value) -> Tensor | None:
    """A scaled normalization plus one number a feature: its own shift."""
    for value, other in _orders(first, second):
        before = net.giver(value, "layer_norm", "group_norm")
        if before is None or not isinstance(value, Tensor) or not isinstance(other, Constant):
            continue
        numbers = _features(before, value, other.array)
        if numbers is None or "weight" not in before.weights or not net.is_alone(value):
            continue
        if before.type == "layer_norm" and before.parameters.get("bias", True):
            continue
        if before.type == "group_norm" and bool(before.weights["bias"].any()):
            continue
        more = {"bias": True} if before.type == "layer_norm" else {}
        return net.amend(value, more, {"bias": numbers}, other.name)
    return None


def _features(before: Operation, value: Tensor, array: Array) -> Array | None:
    if array.dtype.kind != "f" or before.parameters.get("axes", 1) != 1:
        return None
    dims = type_of(value).dims
    axis = 1 if before.type == "group_norm" else len(dims) - 1
    return _on_axis(array, axis, len(dims), dims[axis])


# -- normalization by hand -----------------------------------------------------------------------------------------


def _layer_norm(net: Network, first: Value, second: Value) -> Tensor | None:
    """(x - mean) / sqrt(mean((x - mean)^2) + eps)."""
    centred, root = net.giver(first, "subtract"), net.giver(second, "sqrt")
    if centred is None or root is None:
        return None
    spread = _spread(net, net.source(root))
    x = net.source(centred, "a")
    if spread is None or not _is_mean_of(net, net.source(centred, "b"), x.name):
        return None
    squared, eps = spread
    inner = net.giver(squared, "subtract")
    if inner is None or inner.inputs["a"] != x.name or not _is_mean_of(net, net.source(inner, "b"), x.name):
        return None
    return _emitted(net, "layer_norm", x, eps)


def _rms_norm(net: Network, first: Value, second: Value) -> Tensor | None:
    """X times 1 / sqrt(mean(x^2) + eps), or x divided by the root."""
    for value, other in _orders(first, second):
        inverse = net.giver(other, "reciprocal")
        root = net.giver(net.source(inverse), "sqrt") if inverse is not None else None
        found = _root_mean_square(net, value, root)
        if found is not None:
            return found
    return None


def _rms_norm_divided(net: Network, first: Value, second: Value) -> Tensor | None:
    return _root_mean_square(net, first, net.giver(second, "sqrt"))


def _root_mean_square(net: Network, value: Value, root: Operation | None) -> Tensor | None:
    spread = _spread(net, net.source(root)) if root is not None else None
    if spread is None or not isinstance(value, Tensor) or spread[0].name != value.name:
        return None
    return _emitted(net, "rms_norm", value, spread[1])


def _emitted(net: Network, key: str, x: Tensor, eps: float) -> Tensor | None:
    try:
        return net.emit(key, {"x": x}, {"eps": eps, "elementwise_affine": False})
    except Unfit:  # its eps may be none that a layer takes; the operators say it as well
        return None


def _spread(net: Network, tensor: Tensor) -> tuple[Tensor, float] | None:
    """Return what is squared and averaged over the last axis, and the number that is added; None when it is not so."""
    added = net.giver(tensor, "add_scalar")
    mean = net.giver(net.source(added), "mean") if added is not None else None
    if added is None or mean is None or not _over_last(net, mean):
        return None
    square = net.giver(net.source(mean), "square")
    if square is not None:
        return net.source(square), float(added.parameters["value"])
    product = net.giver(net.source(mean), "multiply")
    if product is not None and product.inputs["a"] == product.inputs["b"]:
        return net.source(product, "a"), float(added.parameters["value"])
    return None


def _is_mean_of(net: Network, tensor: Tensor, name: str) -> bool:
    mean = net.giver(tensor, "mean")
    return mean is not None and mean.inputs["x"] == name and _over_last(net, mean)


def _over_last(net: Network, mean: Operation) -> bool:
    last = type_of(net.source(mean)).rank - 1
    return bool(mean.parameters.get("keepdim")) and tuple(mean.parameters["axes"]) in ((-1,), (last,))


# -- activations by hand -------------------------------------------------------------------------------------------


def _gated(net: Network, first: Value, second: Value) -> Tensor | None:
    """X times a function of x: SiLU, Mish, hard swish, GELU."""
    factor, parts = _factors(net, first, second)
    if len(parts) != 2:
        return None
    for x, gate in _orders(*parts):
        assert isinstance(x, Tensor)
        found = _activation(net, x, gate, factor)
        if found is not None:
            key, parameters = found
            return net.emit(key, {"x": x}, parameters)
    return None


def _factors(net: Network, first: Value, second: Value) -> tuple[float, list[Tensor]]:
    """Return a product's numbers multiplied together, and its other factors; products within it are opened up once."""
    factor = 1.0
    parts: list[Tensor] = []
    waiting = sorted((first, second), key=lambda value: isinstance(value, Tensor))  # numbers first
    for _ in range(4):
        if not waiting:
            break
        value = waiting.pop(0)
        if isinstance(value, Constant) and value.array.size == 1:
            factor *= float(value.array.item())
        elif isinstance(value, Tensor):
            scaled = net.giver(value, "multiply_scalar")
            inner = net.giver(value, "multiply") if len(parts) + len(waiting) < 1 else None
            if scaled is not None:
                factor *= float(scaled.parameters["value"])
                parts.append(net.source(scaled))
            elif inner is not None and set(inner.inputs) == {"a", "b"}:
                waiting += [net.source(inner, "a"), net.source(inner, "b")]
            else:
                parts.append(value)
    return factor, parts


def _activation(net: Network, x: Tensor, gate: Value, factor: float) -> tuple[str, dict[str, str]] | None:
    if factor == 1.0:
        for giver, key in (("sigmoid", "silu"), ("hardsigmoid", "hardswish")):
            found = net.giver(gate, giver)
            if found is not None and found.inputs["x"] == x.name:
                return key, {}
        curve = net.giver(gate, "tanh")
        soft = net.giver(net.source(curve), "softplus") if curve is not None else None
        if soft is not None and soft.inputs["x"] == x.name:
            return "mish", {}
    added = net.giver(gate, "add_scalar")
    if abs(factor - 0.5) > 1e-6 or added is None or abs(added.parameters["value"] - 1.0) > 1e-6:
        return None
    curve = net.giver(net.source(added), "erf", "tanh")
    if curve is None:
        return None
    if curve.type == "erf":
        scaled = _scaled(net, net.source(curve))
        fits = scaled is not None and scaled[0].name == x.name and abs(scaled[1] - math.sqrt(0.5)) < 1e-5
        return ("gelu", {"approximate": "none"}) if fits else None
    return ("gelu", {"approximate": "tanh"}) if _is_tanh_argument(net, net.source(curve), x) else None


def _scaled(net: Network, tensor: Tensor) -> tuple[Tensor, float] | None:
    """Return what a value is a multiple of, and the factor."""
    found = net.giver(tensor, "multiply_scalar", "divide_scalar")
    if found is None:
        return None
    value = float(found.parameters["value"])
    return net.source(found), value if found.type == "multiply_scalar" else 1 / value


def _is_tanh_argument(net: Network, tensor: Tensor, x: Tensor) -> bool:
    """Whether a value is sqrt(2 / pi) * (x + 0.044715 * x^3)."""
    outer = _scaled(net, tensor)
    total = net.giver(outer[0], "add") if outer is not None else None
    if outer is None or total is None or abs(outer[1] - math.sqrt(2 / math.pi)) > 1e-5 or len(total.inputs) != 2:
        return False
    for one, other in (("a", "b"), ("b", "a")):
        cubic = _scaled(net, net.source(total, other))
        if total.inputs[one] != x.name or cubic is None or abs(cubic[1] - 0.044715) > 1e-6:
            continue
        return _is_cube(net, cubic[0], x)
    return False


def _is_cube(net: Network, tensor: Tensor, x: Tensor) -> bool:
    power = net.giver(tensor, "power")
    if power is not None:
        return power.inputs["x"] == x.name and power.parameters["exponent"] == 3.0
    product = net.giver(tensor, "multiply")
    if product is None:
        return False
    for one, other in (("a", "b"), ("b", "a")):
        square = net.giver(net.source(product, other), "multiply", "square")
        if product.inputs[one] == x.name and square is not None and set(square.inputs.values()) == {x.name}:
            return True
    return False


MATCHES: Final[Mapping[str, tuple[Match, ...]]] = {
    "Add": (_bias, _shift),
    "Mul": (_scale, _rms_norm, _gated),
    "Div": (_layer_norm, _rms_norm_divided),
}
"""Operator -> the patterns that it may end."""
