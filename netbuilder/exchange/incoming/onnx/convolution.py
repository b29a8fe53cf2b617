"""Convolutions and poolings."""

from __future__ import annotations

from typing import Any

import numpy as np

from netbuilder.exchange.incoming.onnx.network import Network
from netbuilder.exchange.incoming.onnx.registry import Result, operator
from netbuilder.exchange.incoming.onnx.values import Array, Constant, Tensor, Unfit, type_of
from netbuilder.exchange.incoming.onnx.windows import LOWEST, Window, padded, window_of
from netbuilder.layers.tensor import Dim


def _spatial(tensor: Tensor) -> tuple[Dim, ...]:
    dims = type_of(tensor).dims[2:]
    if not 1 <= len(dims) <= 3:
        raise Unfit(f"works on {len(dims)} axes behind the channels; layers have one to three")
    return dims


@operator("Conv")
def _convolution(net: Network) -> Result:
    x, weight = net.tensor(0), net.constant(1, "weights")
    dims = _spatial(x)
    window = window_of(net, weight.shape[2:], dims)
    parameters: dict[str, Any] = {
        "filters": weight.shape[0],
        "kernel_size": window.kernel,
        "stride": window.stride,
        "dilation": window.dilation,
        "groups": net.whole("group", 1),
        "bias": net.value(2) is not None,
        "padding": "valid",
    }
    reach = tuple(d * (k - 1) for k, d in zip(window.kernel, window.dilation, strict=True))
    if not window.is_even:
        x = padded(net, x, window.before, window.after)
    elif any(window.before) and tuple(2 * side for side in window.before) == reach:
        parameters["padding"] = "same"
    elif any(window.before):
        parameters |= {"padding": "explicit", "padding_size": window.before}
    return net.emit(f"conv{len(dims)}d", {"x": x}, parameters, _weights(net, weight), net.shared(1, 2))


def _weights(net: Network, weight: Array) -> dict[str, Array]:
    weights = {"weight": weight}
    if net.value(2) is not None:
        weights["bias"] = net.constant(2, "biases")
    return weights


@operator("ConvTranspose")
def _transposed(net: Network) -> Result:
    x, weight = net.tensor(0), net.constant(1, "weights")
    dims, groups = _spatial(x), net.whole("group", 1)
    count = len(dims)
    extra = net.ints("output_padding", (0,) * count)
    window = _transposed_window(net, weight.shape[2:], dims, extra)
    parameters = {
        "filters": weight.shape[1] * groups,
        "kernel_size": window.kernel,
        "stride": window.stride,
        "dilation": window.dilation,
        "groups": groups,
        "bias": net.value(2) is not None,
    }
    more = tuple(e + b - a for e, a, b in zip(extra, window.after, window.before, strict=True))
    room = tuple(max(s, d) for s, d in zip(window.stride, window.dilation, strict=True))
    weights, shares = _weights(net, weight), net.shared(1, 2)
    if all(0 <= each < limit for each, limit in zip(more, room, strict=True)):
        parameters |= {"padding": window.before, "output_padding": more}
        return net.emit(f"conv_transpose{count}d", {"x": x}, parameters, weights, shares)
    y = net.emit(f"conv_transpose{count}d", {"x": x}, {**parameters, "output_padding": extra}, weights, shares)
    for axis, (first, last) in enumerate(zip(window.before, window.after, strict=True), start=2):
        if first or last:
            y = net.emit("slice", {"x": y}, {"axis": axis, "start": first, "stop": -last or None}, label="crop")
    return y


def _transposed_window(net: Network, kernel: tuple[int, ...], dims: tuple[Dim, ...], extra: tuple[int, ...]) -> Window:
    """Return the window of a transposed convolution: an output shape, when given, says how much is cut off."""
    shape = net.ints("output_shape")
    mode = net.text("auto_pad", "NOTSET")
    if not shape and not mode.startswith("SAME"):
        return window_of(net, kernel, dims)
    stride = net.ints("strides", (1,) * len(kernel))
    dilation = net.ints("dilations", (1,) * len(kernel))
    before, after = [], []
    for place, size in enumerate(dims):
        if not isinstance(size, int):
            raise Unfit("pads by a size that varies")
        full = stride[place] * (size - 1) + extra[place] + dilation[place] * (kernel[place] - 1) + 1
        total = full - (shape[len(shape) - len(dims) + place] if shape else size * stride[place])
        if total < 0:
            raise Unfit("makes more than its kernel reaches")
        less, more = total // 2, total - total // 2
        before.append(less if mode == "SAME_UPPER" else more)
        after.append(more if mode == "SAME_UPPER" else less)
    return Window(kernel, stride, dilation, tuple(before), tuple(after))


@operator("MaxPool")
def _max_pool(net: Network) -> Result:
    net.only(0)
    x = net.tensor(0)
    dims = _spatial(x)
    window = window_of(net, net.ints("kernel_shape"), dims)
    ceil = bool(net.whole("ceil_mode", 0))
    parameters: dict[str, Any] = {
        "kernel_size": window.kernel,
        "stride": window.stride,
        "dilation": window.dilation,
        "ceil_mode": ceil,
    }
    if window.is_even and all(side <= k // 2 for side, k in zip(window.before, window.kernel, strict=True)):
        parameters["padding"] = window.before
    elif ceil:
        raise Unfit("keeps the rest of an unevenly padded input")
    else:
        x = padded(net, x, window.before, window.after, LOWEST)
    return net.emit(f"max_pool{len(dims)}d", {"x": x}, parameters)


@operator("AveragePool")
def _average_pool(net: Network) -> Result:
    x = net.tensor(0)
    dims = _spatial(x)
    window = window_of(net, net.ints("kernel_shape"), dims)
    if set(window.dilation) != {1}:
        raise Unfit("averages with gaps")
    counted = bool(net.whole("count_include_pad", 0))
    ceil = bool(net.whole("ceil_mode", 0))
    key = f"avg_pool{len(dims)}d"
    parameters = {"kernel_size": window.kernel, "stride": window.stride}
    if window.is_even and all(side <= k // 2 for side, k in zip(window.before, window.kernel, strict=True)):
        more = {"padding": window.before, "ceil_mode": ceil, "count_include_pad": counted}
        return net.emit(key, {"x": x}, {**parameters, **more})
    if ceil:
        raise Unfit("keeps the rest of an unevenly padded input")
    y = net.emit(key, {"x": padded(net, x, window.before, window.after)}, parameters)
    return y if counted else _recounted(net, y, window, dims)


def _recounted(net: Network, y: Tensor, window: Window, dims: tuple[Dim, ...]) -> Tensor:
    """Divide by how many positions of each window are no padding, instead of by all of them."""
    share = np.ones((1, 1), np.float32)
    for axis, size in enumerate(dims):
        if not isinstance(size, int):
            raise Unfit("averages over padding that depends on a size that varies")
        kernel, first, last = window.kernel[axis], window.before[axis], window.after[axis]
        inside = np.pad(np.ones(size), (first, last))
        starts = range(0, size + first + last - kernel + 1, window.stride[axis])
        counts = np.array([inside[start : start + kernel].sum() for start in starts])
        if not counts.all():
            raise Unfit("averages over nothing but padding")
        share = share[..., None] * (kernel / counts).astype(np.float32)
    return net.emit("multiply", {"a": y, "b": net.as_tensor(Constant(share))})


@operator("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(net: Network) -> Result:
    x = net.tensor(0)
    count = len(_spatial(x))
    name = "avg" if net.node.kind == "GlobalAveragePool" else "max"
    return net.emit(f"adaptive_{name}_pool{count}d", {"x": x}, {"output_size": (1,) * count})


@operator("LpPool")
def _power_pool(net: Network) -> Result:
    x = net.tensor(0)
    dims = _spatial(x)
    window = window_of(net, net.ints("kernel_shape"), dims)
    power = net.whole("p", 2)
    if any((*window.before, *window.after)) or set(window.dilation) != {1} or power % 2:
        raise Unfit("has padding, gaps or an odd power")
    ceil = bool(net.whole("ceil_mode", 0))
    parameters = {"power": power, "kernel_size": window.kernel, "stride": window.stride, "ceil_mode": ceil}
    return net.emit(f"lp_pool{len(dims)}d", {"x": x}, parameters)
