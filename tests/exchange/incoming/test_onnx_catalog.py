"""The whole catalog there and back: each layer is exported by torch, imported, and computes the same.

What ONNX cannot express, or torch's exporter does not write, is listed and counted, with the reason.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path

import onnx
import pytest
import torch
from torch import nn

from netbuilder.compiler.module import initialize, load_module
from netbuilder.compiler.program import write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.model import Document
from netbuilder.exchange.incoming.formats import import_file
from netbuilder.layers.spec import LayerSpec
from tests.exchange.incoming.networks import run
from tests.layers.samples import LAYERS, document_of, samples_of, values_of

SPECS = tuple(spec for spec in LAYERS if not spec.is_loss)

NO_OPERATOR = frozenset(
    {
        "exp2", "expm1", "sinh", "cosh", "asinh", "acosh", "atanh", "trunc", "frac", "erfc", "sinc", "lgamma",
        "bilinear", "inverse", "pseudo_inverse", "log_determinant", "matrix_exp", "matrix_power", "diag_embed",
        "rms_norm", "hypot", "log_add_exp", "median", "count_nonzero", "cumprod", "log_cumsum_exp", "cummax",
        "cummin", "diff", "channel_shuffle", "rot90", "gumbel_softmax", "rfft", "irfft", "fft2", "ifft2",
        "power_spectrum", "spectrogram", "max_unpool1d", "max_unpool2d", "max_unpool3d", "fractional_max_pool2d",
        "fractional_max_pool3d",
    }
)  # fmt: skip
"""Layers for which this exporter of torch writes no file."""

OPAQUE: Mapping[str, str] = {
    "embedding_bag": "onnx.Loop",
    "trace": "onnx.Add",
    "diagonal": "onnx.Add",
    "random_bernoulli": "onnx.Bernoulli",
    "max_pool_places1d": "onnx.MaxPool",
    "max_pool_places2d": "onnx.MaxPool",
    "max_pool_places3d": "onnx.MaxPool",
}
"""Layers that come back opaque -> the operator that no layer computes, as the exporter writes it."""

RANDOM = frozenset(("random_normal", "random_uniform", "sample_normal"))
"""Layers that come back, and draw other numbers each time."""

SAMPLE = SPECS[::9]


def build(document: Document) -> tuple[nn.Module, tuple[str, ...]]:
    """Return a document's network and the names of its arguments."""
    program = write_program(document, ShapeInference().infer(document))
    model = load_module(program).new_network()
    initialize(model, program, 0)
    return model.eval(), program.fields


class Positional(nn.Module):
    """Passes arguments on by name: the exporter knows them by place."""

    def __init__(self, inner: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.inner, self.names = inner, names

    def forward(self, *values: torch.Tensor) -> object:
        return self.inner(**dict(zip(self.names, values, strict=True)))


def export(model: nn.Module, values: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write a model with any number of samples."""
    logging.disable(logging.WARNING)
    names = list(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        buffer = io.BytesIO()
        torch.onnx.export(
            Positional(model, tuple(names)).eval(),
            tuple(values.values()),
            buffer,
            dynamo=False,
            dynamic_axes={name: {0: "batch"} for name in names},
            input_names=names,
            opset_version=20,
        )
    path.write_bytes(buffer.getvalue())


def outputs(result: object) -> list[torch.Tensor]:
    """Return what a network gives, as a list."""
    return list(result) if isinstance(result, tuple) else [result]  # type: ignore[list-item]


def there_and_back(spec: LayerSpec, folder: Path) -> str:
    """Return "" when a layer comes back computing the same; else what is in the way."""
    values = values_of(spec)
    inputs = samples_of(spec, values)
    document = document_of(spec, values, inputs)
    model, fields = build(document)
    tensors = {f"in_{port}": given.tensor(seed) for seed, (port, given) in enumerate(inputs.items())}
    tensors = {name: tensors[name] for name in fields}
    path = folder / f"{spec.key}.onnx"
    try:
        export(model, tensors, path)
    except Exception as error:  # whatever the exporter raises, it wrote no file
        return type(error).__name__
    kept = {value.name for value in onnx.load(str(path)).graph.input}
    found = import_file(path)
    opaque = [row.origin for row in found.coverage.rows if row.reason]
    if opaque:
        return opaque[0]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # nested tensors are a prototype, says torch's Transformer
        expected = outputs(model(**tensors))
    got = run(found, {name: value for name, value in tensors.items() if name in kept})
    for one, other in zip(expected, got, strict=True):
        assert one.shape == other.shape
        if spec.key in RANDOM:
            continue
        if one.dtype.is_floating_point:
            torch.testing.assert_close(other, one, atol=1e-5, rtol=1e-5)
        else:
            assert torch.equal(one.to(other.dtype), other)
    return ""


def is_as_said(spec: LayerSpec, folder: Path) -> None:
    """Check that a layer comes back equal, or is one of the exceptions."""
    found = there_and_back(spec, folder)
    if spec.key in NO_OPERATOR:
        assert found.endswith("Error"), f"{spec.key} is exported now: take it from the list"
    else:
        assert found == OPAQUE.get(spec.key, "")


@pytest.mark.parametrize("spec", SAMPLE, ids=lambda spec: spec.key)
def test_a_sample_of_the_catalog_comes_back(spec: LayerSpec, tmp_path: Path):
    is_as_said(spec, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key)
def test_the_catalog_comes_back(spec: LayerSpec, tmp_path: Path):
    is_as_said(spec, tmp_path)


def test_the_exceptions_are_counted():
    known = {spec.key for spec in SPECS}
    assert known >= NO_OPERATOR | OPAQUE.keys() | RANDOM
    print(f"{len(SPECS)} layers: {len(NO_OPERATOR)} are not exported, {len(OPAQUE)} come back opaque")
