"""Every layer leaves as ONNX and onnxruntime computes the same, but for those that are named with a reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netbuilder.compiler.module import release
from netbuilder.layers.about.onnx_support import NOT_IN_ONNX
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import LayerSpec
from tests.compiler.onnx_walk import TOLERANCE, difference, export
from tests.compiler.walk import build
from tests.layers.cases import default_trial
from tests.layers.samples import LAYERS

SAMPLE = ("conv2d", "linear", "lstm", "layer_norm", "max_pool2d", "top_k", "cross_entropy", "concat", "embedding")
"""What is tried in each run: one layer of each kind of operator."""

BATCHES = (3, 5)
"""Batch sizes of one and the same exported model."""


def apart(spec: LayerSpec) -> float:
    """Return how far onnxruntime is from torch for a layer as it is first drawn.

    Raises:
        Exception: Whatever the exporter or onnxruntime raises for what it does not know.
    """
    built = build(spec, default_trial(spec))
    try:
        content = export(built)
        others = [replace(built, trial=replace(built.trial, samples=samples)) for samples in BATCHES]
        return max(difference(other, content, other.batch()) for other in others)
    finally:
        release(built.program)


@pytest.mark.parametrize("key", SAMPLE)
def test_layers_agree_with_onnxruntime(key: str) -> None:
    assert apart(catalog()[key]) <= TOLERANCE


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")  # torch's own fast path of its transformer
@pytest.mark.parametrize("spec", LAYERS, ids=lambda spec: spec.key)
def test_every_layer_agrees_with_onnxruntime_or_is_named(spec: LayerSpec) -> None:
    if spec.key not in NOT_IN_ONNX:
        assert apart(spec) <= TOLERANCE
        return
    try:
        found = apart(spec)
    except Exception:  # the exporter has dozens of its own; any of them is the refusal that the table claims
        return
    assert found > TOLERANCE, f"{spec.key} works now: take it out of layers/about/onnx_support.py"


def test_what_is_named_exists_and_has_a_reason() -> None:
    assert all(key in catalog() and why.endswith(".") for key, why in NOT_IN_ONNX.items())
    assert not set(SAMPLE) & set(NOT_IN_ONNX)


def test_a_wrong_model_would_be_noticed() -> None:
    """The control: what another layer computes is not taken for right."""
    one, other = (build(spec, default_trial(spec)) for spec in (catalog()["relu"], catalog()["tanh"]))
    try:
        assert difference(other, export(one), other.batch()) > TOLERANCE
    finally:
        release(one.program)
        release(other.program)
