"""The catalog in ONNX: each layer agrees with onnxruntime, or is refused by name; the refused ones are listed."""

from __future__ import annotations

import pytest

from netbuilder.exchange.formats import Order, export
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.layers.spec import LayerSpec
from tests.layers.samples import LAYERS, document_of, samples_of, values_of

SPECS = [spec for spec in LAYERS if not spec.is_loss]

SAMPLE = frozenset({"conv2d", "gru", "multihead_attention", "batch_norm2d", "einsum", "rrelu"})
"""In the normal run; all others are slow."""

REFUSED = frozenset(
    {
        "cdist",
        "cummax",
        "cummin",
        "cumprod",
        "fractional_max_pool2d",
        "fractional_max_pool3d",
        "hypot",
        "inverse",
        "lgamma",
        "log_determinant",
        "matrix_exp",
        "median",
        "pseudo_inverse",
        "rrelu",
    }
)
"""What ONNX, or torch's translation to it, cannot express."""

RANDOM = frozenset({"gumbel_softmax", "random_bernoulli", "random_normal", "random_uniform", "sample_normal"})
"""What draws random numbers also in evaluation, so that there is nothing to compare."""


@pytest.mark.parametrize(
    "spec",
    [pytest.param(spec, marks=() if spec.key in SAMPLE else pytest.mark.slow, id=spec.key) for spec in SPECS],
)
def test_a_layer_agrees_with_onnxruntime_or_is_refused_by_name(spec: LayerSpec, tmp_path) -> None:
    values = values_of(spec)
    found = document_of(spec, values, samples_of(spec, values))
    order = Order(document=found, format="onnx", target=tmp_path / "layer.onnx")
    if spec.key in REFUSED:
        with pytest.raises(NetbuilderError) as caught:
            export(order)
        (problem,) = caught.value.problems
        assert problem.node in found.graph.nodes
        assert problem.message.startswith("layer cannot be ")
        assert not order.target.exists()
        return
    exported = export(order)
    assert (exported.difference is None) == (spec.key in RANDOM), exported.notes


def test_the_lists_are_true_of_the_catalog() -> None:
    keys = {spec.key for spec in SPECS}
    assert keys >= REFUSED | RANDOM | SAMPLE
    assert not REFUSED & RANDOM
    assert len(REFUSED) <= len(keys) // 10, "most of the catalog leaves as ONNX"
