"""What training keeps of each layer, as declared, against what torch's backward pass saves."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pytest
import torch

from netbuilder.compiler.module import load_module, release
from netbuilder.compiler.program import write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.model import PortRef
from netbuilder.layers.catalog import catalog
from netbuilder.layers.retention import is_view, retained
from netbuilder.layers.spec import LayerSpec
from netbuilder.layers.tensor import bytes_a_sample
from tests.layers.samples import LAYER, LAYERS, SAMPLES, Sample, document_of, samples_of, values_of

ROUGH: Mapping[str, float] = {
    **dict.fromkeys(("multihead_attention", "transformer_encoder_layer", "transformer_decoder_layer"), 0.25),
    **dict.fromkeys(("transformer_encoder", "transformer_decoder", "transformer"), 0.25),
    **dict.fromkeys(("rnn", "gru", "lstm"), 0.35),
    **dict.fromkeys(("lp_pool1d", "lp_pool2d", "lp_pool3d", "cosine_similarity", "local_response_norm"), 0.35),
}
"""Layers made of many operations, whose formulas are estimates -> by which share they may be off."""

NOT_COMPARED: Mapping[str, str] = {
    "custom": "what it keeps, its code decides",
    "rotary_positions": "it keeps angles for each position, as many for a batch as for a sample",
    "power_spectrum": "it keeps complex numbers of other sizes inside",
    "spectrogram": "it keeps overlapping windows inside",
    "is_finite": "torch keeps its input for a gradient that yes and no do not have, and lets go of it at once",
    "argsort": "torch keeps the order for a gradient that places do not have, and lets go of it at once",
    "embedding_bag": "it keeps lists of places that are as long as the batch's tokens",
}
"""Layer -> why what torch saves is not what it keeps."""


def saved_bytes(spec: LayerSpec, values: dict[str, Any], inputs: Mapping[str, Sample]) -> tuple[int, int]:
    """Return the bytes that torch keeps for the backward pass of a batch, and those that are declared."""
    document = document_of(spec, values, inputs)
    shapes = ShapeInference().infer(document)
    program = write_program(document, shapes)
    model = load_module(program).new_network().train()
    tensors = {name: sample.tensor(seed) for seed, (name, sample) in enumerate(inputs.items())}
    batch = {key: list(tensors.values())[int(port.node[2:], 16)] for key, port in program.sources.items()}
    for tensor in tensors.values():
        tensor.requires_grad_(tensor.is_floating_point())
    weights = {each.untyped_storage().data_ptr() for each in (*model.parameters(), *model.buffers())}
    saved: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        saved.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = model(**{name: batch[name] for name in program.fields})
    release(program)
    assert result is not None
    kept = [each.untyped_storage() for place, each in saved.items() if place not in weights]
    types = {name: sample.type for name, sample in inputs.items()}
    outputs = {port.name: shapes.types[PortRef(LAYER, port.name)] for port in spec.output_ports(values)}
    found = retained(spec, values, types, outputs)
    ports = [types[port] for port in found.inputs] + [outputs[port] for port in found.outputs]
    return sum(each.nbytes() for each in kept), SAMPLES * (found.extra + sum(map(bytes_a_sample, ports)))


@pytest.mark.parametrize("spec", [each for each in LAYERS if not each.is_loss], ids=lambda each: each.key)
def test_a_layer_keeps_what_it_says(spec: LayerSpec) -> None:
    if spec.key in NOT_COMPARED or (torch.cuda.is_available() and spec.key == "lstm"):
        pytest.skip(NOT_COMPARED.get(spec.key, "its workspace is another on a GPU"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        real, declared = saved_bytes(spec, values_of(spec), samples_of(spec, values_of(spec)))
    # What is kept once a batch (the statistics of a batch normalization) is no part of a sample.
    close = abs(real - declared) <= max(128, ROUGH.get(spec.key, 0.01) * real)
    assert close, f"torch keeps {real} bytes, declared are {declared}: say in layers/retention.py what {spec.key} keeps"


@pytest.mark.parametrize("heads", [{"query": 4, "key": 4, "value": 4}, {"query": 4, "key": 2, "value": 2}])
def test_fused_attention_keeps_no_products(heads: dict[str, int]) -> None:
    spec = catalog()["scaled_dot_product_attention"]
    inputs = {name: Sample(dims=(count, 6 if name == "query" else 9, 8)) for name, count in heads.items()}
    real, declared = saved_bytes(spec, {**spec.defaults(), "grouped": heads["query"] != heads["key"]}, inputs)
    assert real == declared


def test_exceptions_are_layers() -> None:
    assert all(key in catalog() for key in (*ROUGH, *NOT_COMPARED))


@pytest.mark.parametrize("spec", [each for each in LAYERS if not each.is_loss], ids=lambda each: each.key)
def test_views_share_the_memory_of_their_input(spec: LayerSpec) -> None:
    values = values_of(spec)
    inputs = samples_of(spec, values)
    document = document_of(spec, values, inputs)
    shapes = ShapeInference().infer(document)
    program = write_program(document, shapes)
    tensors = {name: sample.tensor(seed) for seed, (name, sample) in enumerate(inputs.items())}
    batch = {key: list(tensors.values())[int(port.node[2:], 16)] for key, port in program.sources.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = load_module(program).new_network()(**{name: batch[name] for name in program.fields})
    release(program)
    given = {tensor.untyped_storage().data_ptr() for tensor in tensors.values()}
    results = result if isinstance(result, tuple) else (result,)
    shared = all(tensor.untyped_storage().data_ptr() in given for tensor in results)
    outputs = {port.name: shapes.types[PortRef(LAYER, port.name)] for port in spec.output_ports(values)}
    assert shared == is_view(spec, {name: sample.type for name, sample in inputs.items()}, outputs)


def test_frozen_layers_keep_no_input() -> None:
    spec = catalog()["linear"]
    x = samples_of(spec, spec.defaults())["x"].type
    assert retained(spec, spec.resolve({"trainable": False}), {"x": x}, {"y": x}).inputs == ()
    assert retained(spec, spec.defaults(), {"x": x}, {"y": x}).inputs == ("x",)
