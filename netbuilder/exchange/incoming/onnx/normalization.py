"""Normalizations."""

from __future__ import annotations

import numpy as np

from netbuilder.exchange.incoming.onnx.axes import reshape
from netbuilder.exchange.incoming.onnx.network import Network
from netbuilder.exchange.incoming.onnx.registry import Result, operator
from netbuilder.exchange.incoming.onnx.values import Array, Tensor, Unfit, counted, type_of


@operator("BatchNormalization")
def _batch(net: Network) -> Result:
    net.only(0)
    if net.whole("training_mode", 0):
        raise Unfit("measures every batch anew")
    x = net.tensor(0)
    rank = type_of(x).rank
    if not 2 <= rank <= 5:
        raise Unfit(f"works on {rank} axes")
    names = ("weight", "bias", "running_mean", "running_var")
    weights = {name: net.constant(place, "statistics") for place, name in enumerate(names, start=1)}
    parameters = {"eps": net.decimal("epsilon", 1e-5), "momentum": round(1 - net.decimal("momentum", 0.9), 6)}
    return net.emit(f"batch_norm{max(rank - 2, 1)}d", {"x": x}, parameters, weights, net.shared(1, 2, 3, 4))


@operator("InstanceNormalization")
def _instance(net: Network) -> Result:
    x, scale, shift = net.tensor(0), net.constant(1, "a scale"), net.constant(2, "a shift")
    eps = net.decimal("epsilon", 1e-5)
    plain = bool(np.all(scale == 1) and not np.any(shift))
    grouped = _grouped(net, x, eps) if plain else None
    if grouped is not None:
        return grouped
    weights = {} if plain else {"weight": scale, "bias": shift}
    shares = "" if plain else net.shared(1, 2)
    rank = type_of(x).rank
    return net.emit(f"instance_norm{rank - 2}d", {"x": x}, {"eps": eps, "affine": not plain}, weights, shares)


def _grouped(net: Network, x: Tensor, eps: float) -> Tensor | None:
    """Return a group normalization that exporters write as a reshape to N × groups × rest and a normalization of it."""
    before = net.giver(x, "reshape", "flatten", "unflatten")
    if before is None or type_of(x).rank != 3:
        return None
    source, dims = net.source(before), type_of(x).dims
    have = type_of(source).dims
    if have[0] != dims[0] or not isinstance(dims[1], int) or not isinstance(have[1], int) or have[1] % dims[1]:
        return None
    y = net.emit("group_norm", {"x": source}, {"groups": dims[1], "eps": eps, "affine": False})
    return reshape(net, y, dims)


@operator("LayerNormalization", "RMSNormalization")
def _layer(net: Network) -> Result:
    net.only(0)
    x = net.tensor(0)
    dims = type_of(x).dims
    normalized = dims[counted(net.whole("axis", -1), len(dims)) :]
    if not 1 <= len(normalized) <= 3 or not all(isinstance(size, int) for size in normalized):
        raise Unfit("normalizes over more than three axes, or over one that varies")
    shape = tuple(size for size in normalized if isinstance(size, int))
    parameters = {"axes": len(shape), "eps": net.decimal("epsilon", 1e-5)}
    weights = {"weight": _wide(net.constant(1, "a scale"), shape)}
    if net.node.kind == "RMSNormalization":
        return net.emit("rms_norm", {"x": x}, parameters, weights, net.shared(1))
    if net.value(2) is None:
        return net.emit("layer_norm", {"x": x}, {**parameters, "bias": False}, weights, net.shared(1))
    weights["bias"] = _wide(net.constant(2, "a shift"), shape)
    return net.emit("layer_norm", {"x": x}, parameters, weights, net.shared(1, 2))


def _wide(array: Array, shape: tuple[int, ...]) -> Array:
    try:
        return np.broadcast_to(array.reshape(array.shape[-len(shape) :]), shape)
    except ValueError as error:
        raise Unfit("has a scale or shift of another shape than what it normalizes") from error


@operator("GroupNormalization")
def _group(net: Network) -> Result:
    x, groups = net.tensor(0), net.whole("num_groups", 0)
    channels = type_of(x).dims[1]
    if not isinstance(channels, int) or groups < 1 or channels % groups:
        raise Unfit("has groups that do not divide its channels")
    weights = {}
    for place, name in ((1, "weight"), (2, "bias")):
        array = net.constant(place, "a scale")
        weights[name] = array if array.size == channels else np.repeat(array, channels // groups)
    parameters = {"groups": groups, "eps": net.decimal("epsilon", 1e-5)}
    return net.emit("group_norm", {"x": x}, parameters, weights, net.shared(1, 2))


@operator("LRN")
def _local_response(net: Network) -> Result:
    size = net.whole("size", 1)
    if size % 2 == 0:
        raise Unfit("has a window that torch places otherwise")
    parameters = {
        "size": size,
        "alpha": net.decimal("alpha", 1e-4),
        "beta": net.decimal("beta", 0.75),
        "k": net.decimal("bias", 1.0),
    }
    return net.emit("local_response_norm", {"x": net.tensor(0)}, parameters)


@operator("LpNormalization")
def _length(net: Network) -> Result:
    parameters = {"axis": net.whole("axis", -1), "power": float(net.whole("p", 2))}
    return net.emit("normalize", {"x": net.tensor(0)}, parameters)
