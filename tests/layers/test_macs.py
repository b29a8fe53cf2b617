"""Multiply-adds as declared, against torch's own count of floating-point operations (two for each)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from netbuilder.compiler.module import load_module, release
from netbuilder.compiler.program import write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.model import PortRef
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import LayerSpec
from tests.layers.samples import LAYER, LAYERS, SAMPLES, document_of, samples_of, values_of


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("linear", {}),
        ("conv1d", {}),
        ("conv2d", {}),
        ("conv2d", {"groups": 4, "stride": 2, "kernel_size": (3, 5)}),
        ("conv3d", {"padding": "valid"}),
        ("conv_transpose1d", {}),
        ("conv_transpose2d", {"kernel_size": 3, "stride": 1}),
        ("conv_transpose3d", {"groups": 2}),
        ("matmul", {}),
        ("multihead_attention", {"give_weights": True}),
        ("multihead_attention", {"give_weights": True, "cross": True}),
        ("transformer_encoder_layer", {}),
        ("transformer_decoder_layer", {}),
        ("scaled_dot_product_attention", {}),
    ],
)
def test_multiply_adds_are_what_torch_counts(key: str, given: dict[str, Any]) -> None:
    counted, declared = multiply_adds(catalog()[key], values_of(catalog()[key], **given))
    assert counted == declared


def multiply_adds(spec: LayerSpec, values: dict[str, Any]) -> tuple[int, int]:
    """Return the multiply-adds of a batch as torch counts them, and as they are declared."""
    inputs = {name: sample for name, sample in samples_of(spec, values).items() if name != "mask"}
    document = document_of(spec, values, inputs)
    shapes = ShapeInference().infer(document)
    program = write_program(document, shapes)
    model = load_module(program).new_network()
    batch = {key: list(inputs.values())[int(port.node[2:], 16)].tensor() for key, port in program.sources.items()}
    with FlopCounterMode(display=False) as counter, torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        model(**{name: batch[name] for name in program.fields})
    release(program)
    types = {name: sample.type for name, sample in inputs.items()}
    outputs = {port.name: shapes.types[PortRef(LAYER, port.name)] for port in spec.output_ports(values)}
    declared = spec.macs(values, types, outputs) if spec.macs is not None else 0
    return counter.get_total_flops() // 2, SAMPLES * declared


NOT_COUNTED = frozenset(
    """
    lstm bilinear outer cdist batch_norm1d batch_norm2d batch_norm3d instance_norm1d
    instance_norm2d instance_norm3d layer_norm rms_norm group_norm avg_pool1d avg_pool2d avg_pool3d lp_pool1d lp_pool2d
    lp_pool3d
    """.split()  # noqa: SIM905 (one name a line would be a page)
)
"""Layers that multiply and add in other operations than matrix products and convolutions, all that torch counts."""

UNDECLARED: Mapping[str, str] = {
    "matrix_power": "how many products a power takes is torch's choice",
}
"""Layers whose multiplications are left out of the count -> why."""


@pytest.mark.parametrize("spec", [each for each in LAYERS if not each.is_loss], ids=lambda each: each.key)
def test_multiply_adds_over_the_whole_catalog(spec: LayerSpec) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counted, declared = multiply_adds(spec, values_of(spec))
    if spec.key in NOT_COUNTED:
        assert counted < declared
    elif spec.key in UNDECLARED:
        assert declared == 0 < counted
    else:
        assert counted == declared


@pytest.mark.parametrize(("key", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_multiply_adds_of_recurrent_layers_are_their_weights_times_the_steps(key: str, gates: int) -> None:
    spec = catalog()[key]
    values = spec.resolve({"units": 5, "layers": 2, "bidirectional": True, "bias": False})
    types = {name: sample.type for name, sample in samples_of(spec, values).items()}
    module = getattr(torch.nn, key.upper())(8, 5, num_layers=2, bidirectional=True, bias=False)
    assert spec.macs is not None
    weights = sum(weight.numel() for weight in module.parameters())
    assert spec.macs(values, types, {}) == 6 * weights
    assert module.weight_ih_l0.shape[0] == gates * 5
