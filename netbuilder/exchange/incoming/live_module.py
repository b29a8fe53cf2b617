"""Live modules: an `nn.Module` in this process becomes a project. Imports torch.

The module is exported by `torch.export`, and what that writes is read by the same closed reader as a file.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netbuilder.exchange.incoming.aten_graph import translate
from netbuilder.exchange.incoming.builder import Imported, build_document
from netbuilder.exchange.incoming.exported_program import read_pt2
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem


def import_module(
    module: nn.Module, example_inputs: Tensor | Sequence[Any] | Mapping[str, Any], job: Job | None = None
) -> Imported:
    """Return the document that computes what a module does in eval mode, with its weights.

    The module itself is left as it was.

    Args:
        module: The module.
        example_inputs: One tensor, the positional arguments, or the keyword arguments of its `forward`. The first axis
            of each tensor counts the samples.
        job: Is told the progress; stops the work when cancelled.

    Raises:
        NetbuilderError: When the module cannot be traced, or its inputs have no axis for the samples.
        Cancelled: When `job` was cancelled.
    """
    job = job or Job()
    if isinstance(example_inputs, Mapping):
        arguments, keywords = (), {name: _two_samples(value) for name, value in example_inputs.items()}
    else:
        given = (example_inputs,) if isinstance(example_inputs, Tensor) else tuple(example_inputs)
        arguments, keywords = tuple(_two_samples(value) for value in given), {}
    job.report(0.0, "tracing the module")
    name = type(module).__name__
    with _in_eval(module), _quiet():
        data = _export(module, arguments, keywords)
    return build_document(translate(read_pt2(Path(name), job, data), job), job)


def _two_samples(value: Any) -> Any:
    """Return an argument with at least two samples: torch takes a size of one for one that never varies."""
    if isinstance(value, Tensor) and value.ndim and value.shape[0] == 1:
        return torch.cat([value, value])
    return value


def _export(module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> bytes:
    """Return the module as the bytes of a `.pt2` file, for any number of samples where torch can trace that."""
    shapes: Any = torch.export.ShapesCollection()  # type: ignore[no-untyped-call]
    for value in (*arguments, *keywords.values()):
        if isinstance(value, Tensor) and value.ndim:
            shapes[value] = {0: torch.export.Dim.AUTO}
    try:
        program = torch.export.export(module, arguments, keywords, dynamic_shapes=shapes, strict=False)
    except Exception:  # whatever the module's code or torch raises; without a varying size more can be traced
        try:
            program = torch.export.export(module, arguments, keywords, strict=False)
        except Exception as error:
            raise NetbuilderError(
                Problem(
                    code="import.trace",
                    message=f"torch.export cannot trace {type(module).__name__}: {_first_line(error)}.",
                    expected="a module that runs with these inputs, without branches on their values",
                    found=type(error).__name__,
                )
            ) from error
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300].rstrip(".")


@contextmanager
def _in_eval(module: nn.Module) -> Iterator[None]:
    """Put a module into eval mode for a while."""
    modes = [(each, each.training) for each in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for each, training in modes:
            each.training = training


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what torch says while tracing, which is not about the user's mistakes, off the screen."""
    logger = logging.getLogger("torch.export")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
