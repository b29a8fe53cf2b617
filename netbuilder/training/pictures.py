"""Pictures: small read-only arrays made of tensors for the node faces and the panels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

THUMBS = 3
THUMB_SIZE = 48
"""The longest side of a map on a node's face."""

MAPS = 256
MAP_SIZE = 128
"""How many maps of a watched node are shown, and how large at most."""

BARS = 64
VECTOR = 4096
BINS = 48
SAMPLED = 4096
"""Weights that a histogram looks at, evenly spread over the tensor."""


def maps_of(value: torch.Tensor, sample: int) -> torch.Tensor | None:
    """Return one sample's value as maps (c, h, w), or None when it is a vector or a number.

    Sequences (N, T, F) and signals (N, C, L) are one map; volumes show their middle slice. Maps of a single pixel are
    no maps: a number for each channel is a vector.

    Args:
        value: A node's output, the batch axis first.
        sample: Which sample.
    """
    if _is_pixels(value):
        return None
    if value.dim() == 3:
        return value[sample].unsqueeze(0)
    if value.dim() == 4:
        return value[sample]
    if value.dim() == 5:
        return value[sample, :, value.shape[2] // 2]
    return None


def vector_of(value: torch.Tensor, sample: int) -> torch.Tensor | None:
    """Return one sample's value as a vector, or None when it is something else."""
    if value.dim() == 2 or _is_pixels(value):
        return value[sample].reshape(-1)
    return value[sample].reshape(1) if value.dim() == 1 else None


def _is_pixels(value: torch.Tensor) -> bool:
    return value.dim() > 3 and all(size == 1 for size in value.shape[2:])


def shrink(maps: torch.Tensor, size: int) -> torch.Tensor:
    """Return maps (c, h, w) as floats with no side longer than `size`."""
    maps = maps.float()
    height, width = maps.shape[-2:]
    if max(height, width) <= size:
        return maps
    return F.adaptive_avg_pool2d(maps.unsqueeze(0), (min(height, size), min(width, size)))[0]


def shrink_vector(vector: torch.Tensor, size: int) -> torch.Tensor:
    """Return a vector as floats with at most `size` elements, each an average of its neighbours."""
    vector = vector.float()
    return vector if len(vector) <= size else F.adaptive_avg_pool1d(vector.view(1, 1, -1), size).view(-1)


def kernels_of(weight: torch.Tensor) -> torch.Tensor:
    """Return a weight as little pictures (k, h, w): a convolution's kernels, else the whole matrix, lying."""
    weight = weight.detach()
    if weight.dim() >= 4:
        weight = weight[:, :, weight.shape[2] // 2] if weight.dim() == 5 else weight
        return shrink(weight.flatten(0, 1)[:MAPS], MAP_SIZE)
    if weight.dim() == 3:
        return shrink(weight[:MAPS], MAP_SIZE)
    matrix = weight.reshape(-1, weight.shape[-1]) if weight.dim() else weight.reshape(1, 1)
    if matrix.shape[0] > matrix.shape[1]:  # panels have more room across
        matrix = matrix.T
    return shrink(matrix[None], MAP_SIZE)


def spread(tensors: list[torch.Tensor]) -> torch.Tensor:
    """Return at most about `SAMPLED` elements of some tensors, evenly spread."""
    flat = [tensor.detach().flatten() for tensor in tensors]
    stride = max(1, sum(map(len, flat)) // SAMPLED)
    return torch.cat([part[::stride] for part in flat]).float()


def to_bytes(maps: NDArray[Any]) -> NDArray[np.uint8]:
    """Return maps (c, h, w) stretched to 0 .. 255, each by itself; what is not finite is 0."""
    maps = np.nan_to_num(maps.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low = maps.min(axis=(1, 2), keepdims=True)
    span = maps.max(axis=(1, 2), keepdims=True) - low
    scaled = (maps - low) * (255.0 / np.where(span > 0, span, 1.0))
    return frozen(np.rint(scaled).astype(np.uint8))


def histogram(values: NDArray[Any]) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """Return counts in `BINS` equal bins, and the range that they cover; what is not finite is left out."""
    values = values[np.isfinite(values)]
    if not values.size:
        return frozen(np.zeros(BINS, np.float32)), (0.0, 0.0)
    low, high = float(values.min()), float(values.max())
    span = high - low
    if not span:
        low, high, span = low - 0.5, high + 0.5, 1.0
    # Twenty times faster than numpy.histogram, which handles bins of any width.
    bins = np.minimum(((values - low) * (BINS / span)).astype(np.int64), BINS - 1)
    return frozen(np.bincount(bins, minlength=BINS).astype(np.float32)), (low, high)


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that nobody can write to, and that shares memory with no tensor."""
    array = np.ascontiguousarray(array)
    if array.base is not None:
        array = array.copy()
    array.flags.writeable = False
    return array


class Transfer:
    """Many small tensors fetched from the device in one go."""

    def __init__(self) -> None:
        self._parts: list[torch.Tensor] = []

    def add(self, tensor: torch.Tensor) -> int:
        """Take one along; returns its number in `fetch`'s answer."""
        self._parts.append(tensor.detach())
        return len(self._parts) - 1

    def fetch(self) -> list[NDArray[np.float32]]:
        """Return all as float32 arrays, in order."""
        if not self._parts:
            return []
        flat = torch.cat([part.reshape(-1).float() for part in self._parts]).cpu().numpy()
        ends = np.cumsum([part.numel() for part in self._parts])
        return [
            flat[end - part.numel() : end].reshape(tuple(part.shape))
            for part, end in zip(self._parts, ends, strict=True)
        ]
