"""Running an imported network: its document is built and given its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from netbuilder.compiler.module import load_module
from netbuilder.compiler.program import write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.files import dumps, loads
from netbuilder.exchange.incoming.builder import Imported


def run(imported: Imported, inputs: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    """Return what an imported network gives in evaluation, its file written and read again in between.

    Args:
        imported: The document and its weights.
        inputs: Label of an Input node -> value; of inputs that nothing reads the network takes none.
    """
    document = loads(dumps(imported.document))
    program = write_program(document, ShapeInference().infer(document))
    model = load_module(program).new_network().eval()
    state = model.state_dict()
    for path, tensors in imported.weights.items():
        attribute = program.names[path]
        for name, tensor in tensors.items():
            key = f"{attribute}.{name}"
            assert state[key].shape == tensor.shape, (key, state[key].shape, tensor.shape)
            state[key] = tensor
    model.load_state_dict(state)
    with torch.no_grad():
        result: Any = model(**{name: value for name, value in inputs.items() if name in program.fields})
    return (
        list(result.values()) if isinstance(result, dict) else list(result) if isinstance(result, tuple) else [result]
    )
