"""A Python project out of a network: plain PyTorch files that need torch only.

`model.py` is, byte for byte, the text that the code tab shows and the session runs. `train.py` and `data.pt` train it;
`predict.py`, `preparation.json` and, where they were learned, `weights.pt` ask it.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from netbuilder.compiler.program import Program
from netbuilder.data.preparation import prepare
from netbuilder.data.spec import Prepared, rows_of
from netbuilder.document.model import Document, Node, PortRef
from netbuilder.exchange.inference_script import write_inference_script
from netbuilder.exchange.preparation_file import describe_preparation, dumps
from netbuilder.exchange.training_script import write_script
from netbuilder.exchange.weighted import WeightedNetwork
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.save import save_together
from netbuilder.training.run_store import RunStore

MANIFEST = ".netbuilder-export.json"
"""Tells which files an earlier export wrote, by their SHA-256: those may be replaced, all others not."""


def write_python(
    network: WeightedNetwork, folder: Path, job: Job, *, overwrite: bool = False, shared: bool = False
) -> tuple[Path, ...]:
    """Write a network as a Python project.

    Args:
        network: What to write.
        folder: Where to; made if there is none.
        job: Told how far the work is.
        overwrite: Whether files may be replaced that no export wrote, or that were changed since.
        shared: Whether `train.py` lets processes that torchrun starts share each batch.

    Returns:
        The files: `model.py`; where there is something to train, `train.py`, `data.pt` and the weights that the plan
        starts from as `start.pt`; `predict.py` and `preparation.json`; and weights that are not freshly drawn as
        `weights.pt`.

    Raises:
        NetbuilderError: When the data cannot be read, a file in the folder is not one that an export wrote, or the
            system refuses; then nothing was written. So it is when batches cannot be shared.
    """
    if shared:
        from netbuilder.training.team import refuse_sums

        refuse_sums(network.document)
    files = dict(_files(network, job, shared=shared))
    known = _read_manifest(folder)
    for name in () if overwrite else files:
        _refuse_foreign(folder / name, known.get(name, []))
    job.report(0.9, f"Writing {', '.join(files)}")
    made = _make(folder)
    try:
        _write(folder, files, known)
    except BaseException:
        for each in made:
            each.rmdir()
        raise
    return tuple(folder / name for name in files)


def changed_data(network: WeightedNetwork) -> tuple[str, ...]:
    """Return a note for each data node that reads other rows than the run whose weights the network has."""
    run, nodes = network.origin.run, network.document.graph.nodes
    record = RunStore.open(run.parent).run(run.name) if run else None
    read = {port.node for port in network.program.sources.values()} & (record.data.keys() if record else set())
    return tuple(
        f"{nodes[node].label} reads other rows or settings than the run did, or its files were moved: inputs may be "
        "prepared otherwise than in training."
        for node in sorted(read)
        if record and prepare(nodes[node], network.base).schema.source != record.data[node]
    )


def _make(folder: Path) -> list[Path]:
    """Make a folder and what it lies in; returns what was made, the innermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The folder {folder} cannot be made: {error.strerror}."
        raise NetbuilderError(Problem(code="export.folder", message=message, file=str(folder))) from error
    return missing


def _write(folder: Path, files: Mapping[str, bytes], known: Mapping[str, list[str]]) -> None:
    """Write the files and the manifest, all or none."""
    digests = dict(known)
    for name, content in files.items():
        # The last export's as well: wherever a crash leaves the folder, the next export knows the files for its own.
        digests[name] = list(dict.fromkeys([*known.get(name, [])[-1:], hashlib.sha256(content).hexdigest()]))
    manifest = json.dumps(digests, indent=1, sort_keys=True).encode() + b"\n"
    save_together({folder / name: content for name, content in {MANIFEST: manifest, **files}.items()})


def _files(network: WeightedNetwork, job: Job, *, shared: bool) -> Iterator[tuple[str, bytes]]:
    document, program = network.document, network.program
    yield "model.py", program.source.encode()
    nodes = [document.graph.nodes[node] for node in dict.fromkeys(port.node for port in program.sources.values())]
    prepared = {node.id: prepare(node, network.base, job) for node in nodes if node.type.startswith("data.")}
    if program.losses and nodes and len(prepared) == len(nodes):
        seeds = _shuffling(document, nodes)
        start = network.start_state()
        text = write_script(
            document, program, network.shapes, seeds, _deviations(prepared), shared=shared, starts=start is not None
        )
        yield "train.py", text.encode()
        yield "data.pt", _archive(program, prepared)
        if start is not None:
            yield "start.pt", _packed(start)
    if program.fields:
        preparation = describe_preparation(document, program, network.types, prepared)
        yield "predict.py", write_inference_script(program, preparation).encode()
        yield "preparation.json", dumps(preparation)
    if not network.origin.is_fresh:
        yield "weights.pt", _packed(dict(network.model.state_dict()))


def _shuffling(document: Document, nodes: list[Node]) -> dict[str, int]:
    from netbuilder.training.batches import shuffling

    return {node.id: shuffling(document.plan.seed, node.id).initial_seed() for node in nodes}


def _deviations(prepared: Mapping[str, Prepared]) -> dict[PortRef, list[float]]:
    """Return what each normalized field was divided by."""
    return {
        PortRef(node, name): fitted.std.ravel().tolist()
        for node, data in prepared.items()
        for name, fitted in data.fitted.items()
    }


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
    return _packed(parts)


def _packed(value: Mapping[str, object]) -> bytes:
    """Return plain tensors as `torch.save` writes them."""
    import torch

    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def _read_manifest(folder: Path) -> dict[str, list[str]]:
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
        return {str(name): [str(digest) for digest in digests] for name, digests in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # none, or not ours: nothing in the folder may be replaced
        return {}


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
                message=f"{path} {why}, so it is not replaced: choose another folder, or allow overwriting.",
                file=str(path),
            )
        )
