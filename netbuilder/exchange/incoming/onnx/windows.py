"""Windows: strides, dilations and padding of convolutions and poolings, and padding as a layer of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netbuilder.exchange.incoming.onnx.dtypes import shortest
from netbuilder.exchange.incoming.onnx.network import Network
from netbuilder.exchange.incoming.onnx.registry import Result, operator
from netbuilder.exchange.incoming.onnx.values import Tensor, Unfit, counted, type_of
from netbuilder.layers.logic import FLOAT_MAX
from netbuilder.layers.tensor import Dim


@dataclass(frozen=True, slots=True)
class Window:
    """How a kernel moves over the axes behind the channels.

    Attributes:
        kernel: Its size along each axis.
        stride: How far it moves at a time.
        dilation: Steps between its points.
        before: Positions added at the beginning of each axis.
        after: Positions added at the end of each axis.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def is_even(self) -> bool:
        """Whether both ends of each axis are padded alike."""
        return self.before == self.after


def window_of(net: Network, kernel: tuple[int, ...], dims: tuple[Dim, ...]) -> Window:
    """Return the window that the operator at hand describes.

    Args:
        net: The network.
        kernel: The kernel's size along each axis.
        dims: The sizes of the axes that it moves over.

    Raises:
        Unfit: When the padding depends on a size that varies, or takes positions away.
    """
    count = len(kernel)
    ones = (1,) * count
    stride, dilation = net.ints("strides", ones), net.ints("dilations", ones)
    pads = net.ints("pads", (0,) * 2 * count)
    mode = net.text("auto_pad", "NOTSET")
    if len(dims) != count or not len(stride) == len(dilation) == count or len(pads) != 2 * count:
        raise Unfit("has settings for another number of axes than its input has")
    if min(*stride, *dilation, *kernel) < 1:
        raise Unfit("has a kernel, a stride or a dilation below 1")
    if mode == "VALID":
        pads = (0,) * 2 * count
    elif mode.startswith("SAME"):
        pads = _same(mode, kernel, stride, dilation, dims)
    if min(pads) < 0:
        raise Unfit("has a negative padding")
    return Window(kernel, stride, dilation, pads[:count], pads[count:])


def _same(
    mode: str, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], dims: tuple[Dim, ...]
) -> tuple[int, ...]:
    before, after = [], []
    for size, k, s, d in zip(dims, kernel, stride, dilation, strict=True):
        reach = d * (k - 1)
        if s > 1 and not isinstance(size, int):
            raise Unfit("pads by a size that varies")
        total = reach if s == 1 or not isinstance(size, int) else max((-(-size // s) - 1) * s + reach + 1 - size, 0)
        less, more = total // 2, total - total // 2
        before.append(less if mode == "SAME_UPPER" else more)
        after.append(more if mode == "SAME_UPPER" else less)
    return (*before, *after)


def padded(net: Network, x: Tensor, before: tuple[int, ...], after: tuple[int, ...], value: float = 0.0) -> Tensor:
    """Return a value with positions added at the ends of the axes behind the channels."""
    sides = tuple(side for pair in reversed(list(zip(before, after, strict=True))) for side in pair)
    if not any(sides):
        return x
    if value:
        return net.emit(f"constant_pad{len(before)}d", {"x": x}, {"padding": sides, "value": value}, label="pad")
    return net.emit(f"zero_pad{len(before)}d", {"x": x}, {"padding": sides}, label="pad")


LOWEST = -FLOAT_MAX
"""What surrounds the input of a maximum."""


_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


@operator("Pad")
def _pad(net: Network) -> Result:
    x = net.tensor(0)
    rank = type_of(x).rank
    pads = net.setting(1, "pads")
    number = net.setting(2, "value")
    mode = _MODES.get(net.text("mode", "constant"))
    if pads is None or mode is None:
        raise Unfit("fills what it adds in a way that no layer does")
    axes = (
        [counted(int(axis), rank) for axis in np.ravel(net.constant(3))]
        if net.value(3) is not None
        else list(range(rank))
    )
    sides = [int(each) for each in np.ravel(pads)]
    if len(sides) != 2 * len(axes):
        raise Unfit("has settings for another number of axes than its input has")
    before, after = [0] * rank, [0] * rank
    for place, axis in enumerate(axes):
        before[axis], after[axis] = sides[place], sides[place + len(axes)]
    x = _cut(net, x, before, after)
    grown = [(max(first, 0), max(last, 0)) for first, last in zip(before, after, strict=True)]
    if not any(map(any, grown)):
        return x
    if any(grown[0]):
        raise Unfit("adds samples")
    kept = grown[2:] if mode != "constant" else grown[next(axis for axis in range(rank) if any(grown[axis])) :]
    if mode != "constant" and any(grown[1]):
        raise Unfit("continues the channels")
    padding = tuple(side for pair in reversed(kept) for side in pair)
    value = 0.0 if number is None or not number.size else shortest(number.item())
    more = {"value": value} if mode == "constant" else {}
    return net.emit("pad", {"x": x}, {"padding": padding, "mode": mode, **more})


def _cut(net: Network, x: Tensor, before: list[int], after: list[int]) -> Tensor:
    for axis, (first, last) in enumerate(zip(before, after, strict=True)):
        if first < 0 or last < 0:
            stop = min(last, 0) or None
            x = net.emit("slice", {"x": x}, {"axis": axis, "start": max(-first, 0), "stop": stop})
    return x
