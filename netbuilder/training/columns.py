"""Columns: what the axes of every layer's weights run over, and so how they correspond before and after an edit.

One rule a kind of module; where there is none, the leading corner of a tensor stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from torch import Tensor, nn

from netbuilder.training.fitting import Axis
from netbuilder.training.provenance import Labels, corner

_GATES: Final[dict[type[nn.Module], int]] = {
    nn.RNN: 1,
    nn.RNNCell: 1,
    nn.GRU: 3,
    nn.GRUCell: 3,
    nn.LSTM: 4,
    nn.LSTMCell: 4,
}
_CONVOLUTIONS: Final = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED: Final = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@dataclass(frozen=True, slots=True)
class Pair:
    """One parameter or buffer before and after an edit.

    Attributes:
        name: Its name in its module.
        before: The tensor before; of the same rank.
        after: The tensor after.
        read: For each feature that the module reads now its place before; None where they are not told apart.
    """

    name: str
    before: Tensor
    after: Tensor
    read: Labels | None = None

    def leading(self, axis: int, *, is_input: bool = False) -> Axis:
        """Return an axis whose leading places correspond."""
        return Axis(corner(self.before.shape[axis], self.after.shape[axis]), is_input)

    def features(self, axis: int, *, is_input: bool = True) -> Axis:
        """Return an axis over the features that are read."""
        size = self.after.shape[axis]
        if self.read is None or len(self.read) != size or (self.read >= self.before.shape[axis]).any():
            return self.leading(axis, is_input=is_input)
        return Axis(self.read, is_input)

    def kernel(self, axis: int) -> Axis:
        """Return an axis of a kernel, which grows and shrinks around its middle."""
        before, after = self.before.shape[axis], self.after.shape[axis]
        places = np.arange(after) - (after - before) // 2
        return Axis(np.where((places >= 0) & (places < before), places, -1), is_input=True)

    def stacked(self, axis: int, parts: int, *, is_input: bool = False) -> Axis:
        """Return an axis of equal parts, one behind another, whose leading places correspond part by part."""
        before, after = self.before.shape[axis] // parts, self.after.shape[axis] // parts
        each = corner(before, after)
        return Axis(np.concatenate([np.where(each >= 0, each + n * before, -1) for n in range(parts)]), is_input)


def axes_of(was: nn.Module, module: nn.Module, pair: Pair) -> tuple[Axis, ...]:
    """Return how the axes of a parameter or buffer correspond.

    Args:
        was: The module before the edit.
        module: The module after it, of the same class.
        pair: The tensor.
    """
    parent, _, name = pair.name.rpartition(".")
    if parent:  # a layer made of layers: what its parts read is its own business
        inner = Pair(name, pair.before, pair.after)
        return axes_of(was.get_submodule(parent), module.get_submodule(parent), inner)
    if isinstance(module, nn.Linear) and name == "weight":
        return pair.leading(0), pair.features(1)
    if isinstance(module, _CONVOLUTIONS):
        return _convolution(module, pair)
    if isinstance(module, _TRANSPOSED) and name == "weight":
        kernel = [pair.kernel(axis) for axis in range(2, pair.before.dim())]
        columns = pair.features(0) if module.groups == 1 else pair.leading(0)
        return columns, pair.leading(1), *kernel
    if type(module) in _GATES and name.startswith(("weight_", "bias_")):
        return _recurrent(was, module, pair)
    if isinstance(module, nn.MultiheadAttention) and name.startswith("in_proj"):
        return pair.stacked(0, 3), *(pair.leading(1, is_input=True) for _ in range(pair.before.dim() - 1))
    if pair.before.dim() == 1 and not isinstance(module, (nn.Linear, *_TRANSPOSED)):
        return (pair.features(0, is_input=False),)  # one number a feature: normalizations, scales, slopes
    return tuple(map(pair.leading, range(pair.before.dim())))


def _convolution(module: nn.Module, pair: Pair) -> tuple[Axis, ...]:
    """Return the axes of a convolution's weight or bias; a depthwise one gives what it reads."""
    groups, channels = module.groups, module.in_channels
    is_depthwise = groups == channels == module.out_channels and channels != 1
    first = pair.features(0, is_input=False) if is_depthwise else pair.leading(0)
    if pair.before.dim() == 1:
        return (first,)
    columns = pair.features(1) if groups == 1 else pair.leading(1, is_input=True)
    return first, columns, *(pair.kernel(axis) for axis in range(2, pair.before.dim()))


def _recurrent(was: nn.Module, module: nn.Module, pair: Pair) -> tuple[Axis, ...]:
    """Return the axes of a recurrent layer's weight or bias, whose rows are its gates, one behind another."""
    rows = pair.stacked(0, _GATES[type(module)])
    if pair.before.dim() == 1:
        return (rows,)
    if "_hh" in pair.name:
        return rows, pair.leading(1, is_input=True)
    if "_l" not in pair.name or "_l0" in pair.name:
        return rows, pair.features(1)
    directions = 2 if was.bidirectional and module.bidirectional else 1
    return rows, pair.stacked(1, directions, is_input=True)
