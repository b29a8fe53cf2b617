"""A layer as an ONNX model, and what onnxruntime says of it."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Mapping

import onnxruntime
import torch
from torch import Tensor, nn

from tests.compiler.walk import Built

TOLERANCE = 1e-4
"""How far apart torch and onnxruntime may be, relative to numbers above 1 and absolute below."""


class Whole(nn.Module):
    """A one-node network from its fields to its results, losses included."""

    def __init__(self, built: Built) -> None:
        super().__init__()
        self.model = built.model
        self._built = built

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return what the layer's output ports give, for the tensors of a batch in its order."""
        batch = dict(zip(self._built.program.sources, tensors, strict=True))
        if self._built.spec.is_loss:
            ((_, losses),) = self._built.loaded.losses.items()
            return tuple(losses(self.model, batch).values())
        result = self.model(**{name: batch[name] for name in self._built.program.fields})
        return result if isinstance(result, tuple) else (result,)


def export(built: Built) -> bytes:
    """Return a network in use as an ONNX model whose batch size is free."""
    whole = Whole(built).eval()
    tensors = tuple(built.batch().values())
    dynamic = {"tensors": tuple({0: torch.export.Dim("N")} for _ in tensors)} if tensors else None
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own making
        program = torch.onnx.export(
            whole, tensors, input_names=list(built.program.sources), dynamic_shapes=dynamic, dynamo=True, verbose=False
        )
    assert program is not None
    file = io.BytesIO()
    program.save(file)
    return file.getvalue()


def difference(built: Built, content: bytes, batch: Mapping[str, Tensor]) -> float:
    """Return the largest difference between torch and onnxruntime for a batch; infinite where shapes differ."""
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, settings, providers=["CPUExecutionProvider"])
    taken = {each.name for each in session.get_inputs()}
    found = session.run(None, {name: tensor.numpy() for name, tensor in batch.items() if name in taken})
    with torch.no_grad():
        wanted = Whole(built).eval()(*batch.values())
    largest = 0.0
    for one, other in zip(wanted, map(torch.from_numpy, found), strict=True):
        if one.shape != other.shape or one.dtype != other.dtype:
            return float("inf")
        one, other = one.detach().double(), other.double()
        apart = (one - other).abs() / one.abs().clamp(min=1)
        largest = max(largest, float(apart.nan_to_num(nan=float("inf")).max()) if apart.numel() else 0.0)
    return largest
