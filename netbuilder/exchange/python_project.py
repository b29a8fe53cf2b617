"""A Python project out of a document: `model.py`, `train.py` and `data.pt`, which need torch only.

`model.py` is, byte for byte, the text that the code tab shows and the session runs.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from netbuilder.compiler.program import Program, write_program
from netbuilder.data.preparation import prepare
from netbuilder.data.spec import Prepared, rows_of
from netbuilder.document.model import Document, PortRef
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.save import atomic_save

MANIFEST = ".netbuilder-export.json"
"""Tells which files an earlier export wrote, by their SHA-256: those may be replaced, all others not."""


def export_python(
    document: Document, folder: str | Path, base: str | Path = "", job: Job | None = None
) -> tuple[Path, ...]:
    """Write a document as a Python project.

    Args:
        document: What to write, its schemas up to date.
        folder: Where to; made if there is none.
        base: The folder that the document's file names are relative to.
        job: Told how far the work is.

    Returns:
        The files: `model.py`, and where there is something to train, `train.py` and `data.pt`.

    Raises:
        NetbuilderError: When the document has errors, its data cannot be read, a file in the folder is not one that an
            export wrote, or the system refuses; then nothing was written, or each file is whole.
    """
    job = job or Job(title="Exporting")
    files = dict(_files(document, Path(base), job))
    folder = Path(folder)
    known = _read_manifest(folder)
    for name in files:
        _refuse_foreign(folder / name, known.get(name, []))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The folder {folder} cannot be made: {error.strerror}."
        raise NetbuilderError(Problem(code="export.folder", message=message, file=str(folder))) from error
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    # Old and new at first: wherever a crash leaves the folder, the next export knows the files for its own.
    _write_manifest(folder, {**known, **{name: [*known.get(name, []), digest] for name, digest in digests.items()}})
    for name, content in files.items():
        job.report(None, f"Writing {name}")
        atomic_save(folder / name, content)
    _write_manifest(folder, {**known, **{name: [digest] for name, digest in digests.items()}})
    return tuple(folder / name for name in files)


def _files(document: Document, base: Path, job: Job) -> Iterator[tuple[str, bytes]]:
    import torch  # noqa: F401  # shapes wait for it

    from netbuilder.compiler.shapes import ShapeInference

    shapes = ShapeInference().infer(document)
    program = write_program(document, shapes)
    yield "model.py", program.source.encode()
    nodes = [document.graph.nodes[node] for node in dict.fromkeys(port.node for port in program.sources.values())]
    if not program.losses or not nodes or any(not node.type.startswith("data.") for node in nodes):
        return  # a network without a loss or without data: nothing to train
    from netbuilder.exchange.training_script import write_script
    from netbuilder.training.batches import shuffling

    prepared = {node.id: prepare(node, base, job) for node in nodes}
    seeds = {node: shuffling(document.plan.seed, node).initial_seed() for node in prepared}
    deviations = {
        PortRef(node, name): fitted.std.ravel().tolist()
        for node, data in prepared.items()
        for name, fitted in data.fitted.items()
    }
    yield "train.py", write_script(document, program, shapes, seeds, deviations).encode()
    yield "data.pt", _archive(program, prepared)


def _archive(program: Program, prepared: Mapping[str, Prepared]) -> bytes:
    """Return the prepared parts as a file of plain tensors, which `torch.load` reads with `weights_only`."""
    import torch

    parts = {}
    for part in ("train", "validation", "test"):
        longest = max(rows_of(data.parts[part]) for data in prepared.values())
        rows = {}
        for key, port in program.sources.items():
            column = prepared[port.node].parts[part][port.port]
            # Training goes through a shorter source again, in a fresh order; the other parts have one order.
            whole = column if part == "train" or len(column) == longest else column[np.arange(longest) % len(column)]
            rows[key] = torch.from_numpy(whole).clone()  # a view would be written with all that it looks into
        parts[part] = rows
    buffer = io.BytesIO()
    torch.save(parts, buffer)
    return buffer.getvalue()


def _read_manifest(folder: Path) -> dict[str, list[str]]:
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
        return {str(name): [str(digest) for digest in digests] for name, digests in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # none, or not ours: nothing in the folder may be replaced
        return {}


def _write_manifest(folder: Path, digests: Mapping[str, list[str]]) -> None:
    atomic_save(folder / MANIFEST, json.dumps(digests, indent=1, sort_keys=True).encode() + b"\n")


def _refuse_foreign(path: Path, known: list[str]) -> None:
    """Refuse to replace a file that no export wrote, or that was changed since."""
    if not path.exists() and not path.is_symlink():
        return
    try:
        is_ours = path.is_file() and bool(known) and hashlib.sha256(path.read_bytes()).hexdigest() in known
    except OSError:
        is_ours = False
    if not is_ours:
        why = "was changed since it was exported" if known else "is not from an export of NetBuilder"
        raise NetbuilderError(
            Problem(
                code="export.foreign",
                message=f"{path} {why}, so it is not replaced: choose another folder, or move the file away.",
                file=str(path),
            )
        )
