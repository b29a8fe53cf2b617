"""Small ONNX files made by hand, and the comparison of what is imported with onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from netbuilder.compiler.expansion import Expander
from netbuilder.compiler.wiring import wire
from netbuilder.exchange.incoming.builder import Imported
from netbuilder.exchange.incoming.formats import import_file
from tests.exchange.incoming.networks import run

SAMPLES = 3
TOLERANCE = 1e-5

Dims = Sequence["int | str"]


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Any],
    constants: Mapping[str, np.ndarray] | None = None,
    outputs: Sequence[str] = ("y",),
    opset: int = 20,
    **more: Any,
) -> onnx.ModelProto:
    """Return a model.

    Args:
        nodes: Its operators.
        inputs: Name -> dims (floating point), or (dims, TensorProto type).
        constants: Initializers.
        outputs: What it gives; their types are left open.
        opset: Version of the operators.
        more: Passed to `make_model`.
    """
    entries = []
    for name, about in inputs.items():
        dims, kind = (
            about if isinstance(about, tuple) and isinstance(next(iter(about), None), (list, tuple)) else (about, None)
        )
        entries.append(helper.make_tensor_value_info(name, kind or TensorProto.FLOAT, list(dims)))
    exits = [helper.make_empty_tensor_value_info(name) for name in outputs]
    tensors = [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "made", entries, exits, tensors)
    domains = {"": opset} | more.pop("domains", {})
    opsets = [helper.make_opsetid(domain, version) for domain, version in domains.items()]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=10, **more)
    if more.get("functions"):
        return made
    try:
        return onnx.shape_inference.infer_shapes(made)
    except Exception:  # of operators that the checker does not know
        return made


def feeds(proto: onnx.ModelProto, samples: int = SAMPLES, length: int = 5, seed: int = 0) -> dict[str, np.ndarray]:
    """Return inputs that fit a model."""
    generator = np.random.default_rng(seed)
    constants = {tensor.name for tensor in proto.graph.initializer}
    found = {}
    for value in proto.graph.input:
        if value.name in constants:
            continue
        dims = [
            (samples if not place else length) if dim.dim_param else dim.dim_value
            for place, dim in enumerate(value.type.tensor_type.shape.dim)
        ]
        kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if kind == np.bool_:
            found[value.name] = generator.random(dims) < 0.5
        elif kind.kind == "i":
            found[value.name] = generator.integers(0, 5, dims).astype(kind)
        else:
            found[value.name] = generator.standard_normal(dims).astype(kind)
    return found


def reference(proto: onnx.ModelProto, given: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return what onnxruntime computes."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(given))


def imported(proto: onnx.ModelProto, folder: Path) -> Imported:
    """Return a model, imported."""
    path = folder / "network.onnx"
    path.write_bytes(proto.SerializeToString())
    return import_file(path)


def check(
    proto: onnx.ModelProto,
    folder: Path,
    given: Mapping[str, np.ndarray] | None = None,
    tolerance: float = TOLERANCE,
    allow: Sequence[str] = (),
) -> Imported:
    """Import a model and compare it with onnxruntime; return what was imported.

    Args:
        proto: The model.
        folder: Where the file is put.
        given: Inputs; drawn when left out.
        tolerance: The largest difference.
        allow: Operators that may be opaque.
    """
    given = feeds(proto) if given is None else given
    found = imported(proto, folder)
    opaque = [row for row in found.coverage.rows if row.reason and row.origin not in allow]
    assert not opaque, opaque
    labels = [each.label for each in found.document.graph.nodes.values() if each.type == "input"]
    tensors = {label: torch.from_numpy(np.array(value)) for label, value in zip(labels, given.values(), strict=True)}
    tensors = {name: value.to(torch.int64) if value.dtype == torch.int32 else value for name, value in tensors.items()}
    results = run(found, tensors)
    for expected, result in zip(reference(proto, given), results, strict=True):
        assert tuple(result.shape) == expected.shape, (tuple(result.shape), expected.shape)
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(result.numpy(), expected, atol=tolerance, rtol=tolerance)
        else:
            np.testing.assert_array_equal(result.numpy(), expected)
    return found


def layers(found: Imported) -> list[str]:
    """Return the types of an imported network's layers in an order of computation, those in blocks too."""
    flat = Expander().expand(found.document).flat.graph
    return [flat.nodes[id].type for id in wire(flat).order if flat.nodes[id].type not in ("input", "output")]


node = helper.make_node


def draw(*dims: int, seed: int = 1, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """Return numbers to be used as weights."""
    return np.random.default_rng(seed).uniform(low, high, dims).astype(np.float32)


def ints(*numbers: int) -> np.ndarray:
    """Return whole numbers to be used as settings."""
    return np.array(numbers, np.int64)
