"""An `.onnx` file, written by torch's exporter and checked against onnxruntime before it is kept. Imports torch."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from netbuilder.exchange.agreement import Agreement, compare
from netbuilder.exchange.answers import list_answers
from netbuilder.exchange.recurrence import shapes_by_formula
from netbuilder.exchange.traced import refusal, silenced, trace
from netbuilder.exchange.weighted import WeightedNetwork
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.save import atomic_save

SIZE_LIMIT = 2**31 - 1
"""Bytes that one ONNX file can hold."""

DEFAULT_OPSET = 20


def write_onnx(network: WeightedNetwork, path: Path, job: Job, opset: int = DEFAULT_OPSET) -> Agreement:
    """Write a network as an ONNX file with an open batch size.

    Inputs are named like the fields, outputs like the network's outputs. The metadata hold the title, where the weights
    come from, and `classes.<output>` with the class names as JSON.

    Args:
        network: What to write.
        path: Where to.
        job: Told how far the work is.
        opset: The version of ONNX's operators.

    Returns:
        How well onnxruntime agrees with the network.

    Raises:
        NetbuilderError: When ONNX cannot express a node, the check fails, or the file cannot be written.
    """
    job.report(0.1, "Following the network")
    exported = trace(network)
    job.report(0.3, "Translating to ONNX")
    model = _translate(network, exported, opset)
    job.report(0.7, "Checking")
    try:
        content = _check(model)
    except NetbuilderError:  # the translator's optimizer loses a constant here and there; the plain graph has it
        content = _check(_translate(network, exported, opset, optimize=False))
    job.report(0.8, "Comparing with onnxruntime")
    agreement = _compare(network, content)
    job.report(0.95, f"Writing {path.name}")
    atomic_save(path, content)
    return agreement


def _translate(
    network: WeightedNetwork, exported: torch.export.ExportedProgram, opset: int, *, optimize: bool = True
) -> Any:
    """Return the network as an ONNX model with its names and metadata."""
    import onnx

    program = network.program
    size = sum(tensor.nbytes for tensor in network.model.state_dict().values())
    if size > SIZE_LIMIT:
        message = f"The weights take {size / 1e9:.1f} GB, and one ONNX file holds at most 2: export .pt2 instead."
        raise NetbuilderError(Problem(code="export.too_large", message=message))
    try:
        with silenced(), shapes_by_formula(plain=False):
            translated = torch.onnx.export(
                exported,
                dynamo=True,
                opset_version=opset,
                input_names=list(program.fields),
                output_names=list(program.outputs),
                external_data=False,
                optimize=optimize,
                verbose=False,
            )
    except Exception as error:  # the translator has an exception for everything
        raise NetbuilderError(refusal(error, program, "written as ONNX")) from error
    assert translated is not None
    model = translated.model_proto
    model.producer_name, model.producer_version = "NetBuilder", version("netbuilder")
    model.doc_string = network.document.about.title
    about = {"title": network.document.about.title, "weights": str(network.origin)}
    for answer in list_answers(network.document, program):
        if answer.classes:
            about[f"classes.{answer.output}"] = json.dumps(answer.classes, ensure_ascii=False)
    onnx.helper.set_model_props(model, about)
    return model


def _check(model: Any) -> bytes:
    """Return a model as a file's content, proved to be valid ONNX."""
    import onnx

    try:
        onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
    except Exception as error:  # protobuf and the checker have exceptions of their own
        message = f"The network cannot be written as valid ONNX: {str(error).partition(chr(10))[0]}"
        raise NetbuilderError(Problem(code="export.invalid", message=message)) from error
    return content


def _compare(network: WeightedNetwork, content: bytes) -> Agreement:
    """Compare onnxruntime's outputs with the network's."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # only what is fatal, and that is raised
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes that it makes up
        message = f"onnxruntime cannot run the network: {str(error).partition(chr(10))[0]}"
        raise NetbuilderError(Problem(code="export.runtime", message=message)) from error
    taken = {entry.name for entry in session.get_inputs()}

    def run(inputs: dict[str, torch.Tensor]) -> list[Any]:
        found: list[Any] = session.run(None, {key: value.numpy() for key, value in inputs.items() if key in taken})
        return found

    return compare(network, run, "onnxruntime")
