"""Dtypes: numbers of the file as the project has them, in 32 bits. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import torch

from netbuilder.exchange.incoming.onnx.values import Array
from netbuilder.layers.tensor import TensorType

DTYPES: Final[Mapping[str, str]] = {"f": "float32", "i": "int64", "u": "int64", "b": "bool"}
"""numpy's kind -> the dtype of the project's values."""


def narrowed(found: TensorType) -> TensorType:
    """Return a type with the dtype that the project has for it."""
    dtype = "bool" if found.dtype == "bool" else "int64" if "int" in found.dtype else "float32"
    return replace(found, dtype=dtype)


def as_torch(array: Array) -> torch.Tensor:
    """Return numbers as a tensor of its own."""
    return torch.from_numpy(np.array(array, order="C"))


def shortest(value: float) -> float:
    """Return the shortest number that is the same in 32 bits: 1e-05 for 9.999999747378752e-06."""
    return float(str(np.float32(value)))
