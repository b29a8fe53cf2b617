"""Reductions: one number of all those along axes, and what runs along one."""

from __future__ import annotations

from typing import Final

from netbuilder.exchange.incoming.onnx.axes import reshape
from netbuilder.exchange.incoming.onnx.network import Network
from netbuilder.exchange.incoming.onnx.registry import RULES, Result, operator
from netbuilder.exchange.incoming.onnx.values import Tensor, Unfit, counted, type_of

_LAYERS: Final[dict[str, tuple[str, ...]]] = {
    "ReduceMean": ("", "mean", ""),
    "ReduceSum": ("", "sum", ""),
    "ReduceMax": ("", "max", ""),
    "ReduceMin": ("", "min", ""),
    "ReduceLogSumExp": ("", "log_sum_exp", ""),
    "ReduceL1": ("abs", "sum", ""),
    "ReduceL2": ("square", "sum", "sqrt"),
    "ReduceSumSquare": ("square", "sum", ""),
    "ReduceLogSum": ("", "sum", "log"),
}
"""Operator -> what is done to each number, the reduction, and what is done to the result."""


def _reduce(net: Network) -> Result:
    x = net.tensor(0)
    axes = _axes(net, x)
    if not axes:
        return x
    before, key, after = _LAYERS[net.node.kind]
    keeps = bool(net.whole("keepdims", 1))
    if before:
        x = net.emit(before, {"x": x})
    y = net.emit(key, {"x": x}, {"axes": axes, "keepdim": keeps})
    return net.emit(after, {"x": y}) if after else y


RULES.update(dict.fromkeys(_LAYERS, _reduce))


def _axes(net: Network, x: Tensor) -> tuple[int, ...]:
    """Return which axes go, counted from the front; () when none does."""
    axes, rank = net.axes(), type_of(x).rank
    if not axes and net.whole("noop_with_empty_axes", 0):
        return ()
    return tuple(sorted(counted(axis, rank) for axis in axes)) if axes else tuple(range(rank))


@operator("ReduceProd")
def _product(net: Network) -> Result:
    x = net.tensor(0)
    axes = _axes(net, x)
    if len(axes) != 1:
        raise Unfit("multiplies along several axes")
    return net.emit("prod", {"x": x}, {"axis": axes[0], "keepdim": bool(net.whole("keepdims", 1))})


@operator("ArgMax", "ArgMin")
def _place(net: Network) -> Result:
    x = net.tensor(0)
    if net.whole("select_last_index", 0):
        raise Unfit("takes the last of equal numbers")
    axis = counted(net.whole("axis", 0), type_of(x).rank)
    y = net.emit(net.node.kind.lower(), {"x": x}, {"axis": axis})
    if not net.whole("keepdims", 1):
        return y
    dims = type_of(x).dims
    return reshape(net, y, (*dims[:axis], 1, *dims[axis + 1 :]))


@operator("CumSum")
def _running_sum(net: Network) -> Result:
    x, axis = net.tensor(0), int(net.constant(1, "an axis").item())
    backwards, exclusive = net.whole("reverse", 0), net.whole("exclusive", 0)
    source = net.emit("flip", {"x": x}, {"axis": axis}) if backwards else x
    y = net.emit("cumsum", {"x": source}, {"axis": axis})
    y = net.emit("flip", {"x": y}, {"axis": axis}) if backwards else y
    return net.emit("subtract", {"a": y, "b": x}) if exclusive else y
