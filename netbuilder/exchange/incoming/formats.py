"""Formats: which file is read by which front end. A front end is imported when its first file is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from netbuilder.exchange.incoming.builder import Imported, build_document
from netbuilder.exchange.incoming.operation import Computation
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem

Reader: TypeAlias = Callable[[Path, Job], Computation]


def _read_pt2(path: Path, job: Job) -> Computation:
    from netbuilder.exchange.incoming.aten_graph import translate
    from netbuilder.exchange.incoming.exported_program import read_pt2

    return translate(read_pt2(path, job), job)


def _read_onnx(path: Path, job: Job) -> Computation:
    from netbuilder.exchange.incoming.onnx.translation import read_onnx

    return read_onnx(path, job)


READERS: Final[Mapping[str, Reader]] = {".pt2": _read_pt2, ".onnx": _read_onnx}
"""Suffix -> what reads such a file."""


def import_file(path: str | Path, job: Job | None = None) -> Imported:
    """Read a network from a file.

    Args:
        path: A `.pt2` or `.onnx` file.
        job: Is told the progress; stops the work when cancelled.

    Raises:
        NetbuilderError: When the file is missing, damaged, hostile, or of a kind that is not read.
        Cancelled: When `job` was cancelled.
    """
    path, job = Path(path), job or Job()
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = " or ".join(READERS)
        raise NetbuilderError(
            Problem(
                code="import.kind",
                message=f"{path.name}: networks are imported from {known} files.",
                expected=known,
                found=path.suffix or "no suffix",
                file=str(path),
            )
        )
    job.report(0.0, f"reading {path.name}")
    return build_document(reader(path, job), job)
