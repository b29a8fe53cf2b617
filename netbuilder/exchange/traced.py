"""A network as torch's exporter sees it: one graph of ATen operators with a symbolic batch size. Imports torch.

Both `.onnx` and `.pt2` files are made from it. What the exporter cannot follow becomes a problem of the node at which
it gave up.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.export import Dim, ExportedProgram

from netbuilder.compiler.module import explain, load_module, module_name, release
from netbuilder.compiler.program import Program
from netbuilder.compiler.wording import fold
from netbuilder.exchange.recurrence import shapes_by_formula
from netbuilder.exchange.weighted import WeightedNetwork
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.layers.tensor import Size, TensorType

BATCH_SIZE, LENGTH = 3, 24
"""The sizes of the sample that the exporter follows; neither may occur in the result."""


def trace(network: WeightedNetwork) -> ExportedProgram:
    """Return the network as an exported program whose batch size, and sequence length, are left open.

    Raises:
        NetbuilderError: Naming the node that cannot be exported.
    """
    axes = {"N": Dim("batch", min=1, max=1 << 24), "T": Dim("time", min=1, max=1 << 24)}
    shapes = {
        key: {place: axes[dim.symbol] for place, dim in enumerate(type.dims) if isinstance(dim, Size)}
        for key, type in network.types.items()
    }
    sample = sample_inputs(network.types, BATCH_SIZE, LENGTH)
    try:
        with silenced(), torch.no_grad(), shapes_by_formula(plain=True):
            exported = torch.export.export(network.model, (), sample, dynamic_shapes=shapes, strict=False)
    except Exception as error:  # the exporter raises whatever the network's own text, torch or sympy raise
        problem = refusal(error, network.program, "exported")
        if not problem.node and "dynamic" in str(error):
            problem = refusal(error, network.program, "exported", _where_fixed(network, sample, shapes))
        raise NetbuilderError(problem) from error
    return exported


def _where_fixed(network: WeightedNetwork, sample: dict[str, torch.Tensor], shapes: Mapping[str, Any]) -> str:
    """Return the node after which an open size of the inputs has become a number, by following the network again."""
    found: list[str] = []
    loaded = load_module(network.program)
    tapped = loaded.tapped(network.model)

    class Watched(torch.nn.Module):
        """The network, looked at after each node."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network.model

        def forward(self, inputs: dict[str, torch.Tensor]) -> Any:
            def tap(path: str, _value: torch.Tensor) -> None:
                open_sizes = [inputs[key].shape[place] for key, axes in shapes.items() for place in axes]
                if not found and "." not in path and not all(_is_open(size) for size in open_sizes):
                    found.append(path)

            return tapped(tap, **inputs)

    try:
        with silenced(), torch.no_grad(), shapes_by_formula(plain=True):
            torch.export.export(Watched(), (sample,), dynamic_shapes=(shapes,), strict=False)
    except Exception:  # it fails as it did before; only where counts
        return found[0] if found else ""
    finally:
        release(network.program)
    return ""


def _is_open(size: Any) -> bool:
    """Whether a size is still a symbol for the exporter."""
    if not isinstance(size, torch.SymInt):
        return False
    return not size.node.shape_env.replace(size.node.expr).is_number


def sample_inputs(types: Mapping[str, TensorType], batch: int, length: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return random inputs.

    Args:
        types: Field -> its type.
        batch: How many samples.
        length: How long what varies in length is.
        seed: Of the random numbers.
    """
    generator = torch.Generator().manual_seed(seed)
    sizes = {"N": batch, "T": length}
    found = {}
    for key, type in types.items():
        shape = tuple(
            dim.factor * sizes[dim.symbol] + dim.offset if isinstance(dim, Size) else int(dim or 1) for dim in type.dims
        )
        dtype = getattr(torch, type.dtype)
        if type.is_float:
            found[key] = torch.randn(shape, generator=generator).to(dtype)
        else:
            most = 2 if type.dtype == "bool" else max(type.classes, type.vocabulary, 1)
            found[key] = torch.randint(most, shape, generator=generator).to(dtype)
    return found


@contextmanager
def silenced() -> Iterator[None]:
    """Keep warnings and log lines of the exporters, which mean nothing to whoever exports, off the terminal."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def refusal(error: BaseException, program: Program, verb: str, path: str = "") -> Problem:
    """Return an exporter's error as a problem of the node at which it gave up.

    Args:
        error: What was raised, with its causes.
        program: What was exported.
        verb: What it could not be: "exported", "written as ONNX".
        path: The node, where it is known.
    """
    reason = ""
    for each in _chain(error):
        problem = explain(each, program)
        path = path or problem.node or _named(each, program)
        reason = _reason(each) or reason
    label = program.labels.get(path, "The network")
    what = reason or fold(str(error).partition("\n")[0]) or type(error).__name__
    return Problem(code="export.operator", message=f"{label} cannot be {verb}: {what}", node=path)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _named(error: BaseException, program: Program) -> str:
    """Return the node whose line an error's words, or the graph node it is about, name."""
    texts = [str(error), *(str(value.meta.get("stack_trace", "")) for value in _graph_nodes(error))]
    for text in texts:
        for line in reversed(re.findall(rf'<{module_name(program)}>", line (\d+)', text)):
            if int(line) in program.lines:
                return program.lines[int(line)]
    return ""


def _graph_nodes(error: BaseException) -> Iterator[torch.fx.Node]:
    """Yield the graph nodes that the exporter was working on when it raised."""
    trace = error.__traceback__
    while trace is not None:
        for value in trace.tb_frame.f_locals.values():
            if isinstance(value, torch.fx.Node):
                yield value
        trace = trace.tb_next


_REASONS: Mapping[str, str] = {
    r"marked batch as dynamic .* constant \((\d+)\)": "it works for one batch size only, and a file must take any",
    r"marked time as dynamic .* constant \((\d+)\)": "it works for one sequence length only, and a file must take any",
    r"No ONNX function found for <OpOverload\(op='([\w.]+)'": "ONNX has no equivalent of its operator {0}",
    r"[Dd]ata-dependent": "what it does depends on the values it meets, and a file holds one fixed sequence of steps",
}


def _reason(error: BaseException) -> str:
    """Return in plain words why the exporter gave up, where that is known."""
    text: Any = str(error)
    for pattern, words in _REASONS.items():
        found = re.search(pattern, text)
        if found:
            return words.format(*found.groups()) + "."
    return ""
