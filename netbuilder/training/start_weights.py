"""Weights to start from: a checkpoint beside the project, by node path, that replaces what would be drawn.

The document's plan names the file and its SHA-256, so that a file that is missing or another one is noticed. A node
that the file does not know, or whose sizes have changed since, keeps its drawn weights. Imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

import torch
from torch import Tensor, nn

from netbuilder.compiler.program import Program
from netbuilder.document.model import Document, Node, StartWeights
from netbuilder.foundation.problem import Fix, NetbuilderError, Problem
from netbuilder.foundation.save import atomic_save
from netbuilder.training.checkpoints import Checkpoint, load_checkpoint, save_checkpoint

Held: TypeAlias = Mapping[str, Mapping[str, Tensor]]
"""Node path -> parameter or buffer name in the node's module -> tensor."""

FOLDER: Final = "imported"
"""Where the files are, in the project's folder of runs."""


def save_start(runs: Path, document: Document, held: Held) -> StartWeights:
    """Write weights to start from into a new file.

    Args:
        runs: The project's folder of runs.
        document: The document, for readable keys.
        held: The weights.

    Returns:
        What the plan says of them.

    Raises:
        NetbuilderError: When the file cannot be written.
    """
    labels = readable(document, held)
    tensors = {f"{labels[path]}.{name}": tensor for path, own in held.items() for name, tensor in own.items()}
    paths = {f"{labels[path]}.{name}": path for path, own in held.items() for name in own}
    return place_start(runs, Checkpoint(tensors=tensors, paths=paths, about={"title": document.about.title}))


def place_start(runs: Path, checkpoint: Checkpoint) -> StartWeights:
    """Write a checkpoint to start from into a new file in a project's folder of runs.

    Returns:
        What the plan says of it.

    Raises:
        NetbuilderError: When the file cannot be written.
    """
    _make_folder(runs / FOLDER)
    names = ("weights.safetensors", *(f"weights-{number}.safetensors" for number in range(2, 100_000)))
    file = next(f"{FOLDER}/{name}" for name in names if not (runs / FOLDER / name).exists())
    return StartWeights(file=file, sha256=save_checkpoint(runs / file, checkpoint))


def carry_start(weights: StartWeights, source: Path, target: Path) -> None:
    """See to it that the file of the weights is in another folder of runs, too, before a project moves there.

    Args:
        weights: What the plan says of them.
        source: The folder of runs that the file is in.
        target: The folder of runs that it must be in.

    Raises:
        NetbuilderError: When it cannot be copied, or another file has its name there.
    """
    old, new = _place(weights, source), _place(weights, target)
    if source == target or not old.exists():
        return
    if new.exists():
        if load_checkpoint(new).about["sha256"] == weights.sha256:
            return
        raise NetbuilderError(_refusal(new, "weights.taken", "would replace another file of this name"))
    _make_folder(new.parent)
    try:
        with old.open("rb") as file:
            atomic_save(new, iter(lambda: file.read(8 << 20), b""))
    except OSError as error:
        raise NetbuilderError(_refusal(old, "weights.unreadable", f"cannot be read ({error.strerror})")) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The folder {folder} cannot be made: {error.strerror or error}."
        raise NetbuilderError(Problem(code="weights.folder", message=message, file=str(folder))) from error


def readable(document: Document, paths: Mapping[str, object]) -> dict[str, str]:
    """Return node path -> a key that people can read and no other node has: labels, from the outside in."""
    nodes = {id: node for graph in _graphs(document) for id, node in graph.items()}
    found: dict[str, str] = {}
    taken: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        words = [nodes[part].label if part in nodes else part for part in parts]
        key = ".".join(words)
        if taken.setdefault(key, path) != path:
            key = path.replace("/", ".")
        found[path] = key
    return found


def _graphs(document: Document) -> list[Mapping[str, Node]]:
    return [document.graph.nodes, *(block.graph.nodes for block in document.blocks.values())]


def load_start(weights: StartWeights, runs: Path) -> dict[str, dict[str, Tensor]]:
    """Read the weights to start from: node path -> key that ends in the parameter's name -> tensor.

    Args:
        weights: What the plan says of them.
        runs: The project's folder of runs.

    Raises:
        NetbuilderError: When the file is missing, damaged, not the one that was meant, or lies elsewhere.
    """
    path = _place(weights, runs)
    if not path.exists():
        raise NetbuilderError(
            _refusal(path, "weights.missing", "is missing: put it back beside the project, or start from drawn weights")
        )
    checkpoint = load_checkpoint(path)
    if checkpoint.about["sha256"] != weights.sha256:
        raise NetbuilderError(
            _refusal(path, "weights.changed", "is not the one that this project was saved with: its SHA-256 differs")
        )
    found: dict[str, dict[str, Tensor]] = {}
    for key, tensor in checkpoint.tensors.items():
        if key in checkpoint.paths:
            found.setdefault(checkpoint.paths[key], {})[key] = tensor
    return found


def _place(weights: StartWeights, runs: Path) -> Path:
    """Return where the file is; a file that names its project's weights must not name anything else."""
    parts = PurePosixPath(weights.file).parts
    path = runs.joinpath(*parts)
    if ".." in parts or PurePosixPath(weights.file).is_absolute() or any(letter in weights.file for letter in "\\:"):
        raise NetbuilderError(_refusal(path, "weights.place", "must lie in the project's folder of runs"))
    return path


def _refusal(path: Path, code: str, what: str) -> Problem:
    return Problem(
        code=code,
        message=f"The file of the weights to start from, {path.name}, {what}.",
        file=str(path),
        fixes=(Fix(title="Start from drawn weights", edit="set_start_weights", arguments={"file": "", "sha256": ""}),),
    )


@torch.no_grad()
def adopt(model: nn.Module, program: Program, held: Held) -> frozenset[str]:
    """Copy weights into a network by node path.

    Args:
        model: A network of the program.
        program: Where it came from.
        held: Node path -> name, or a key that ends in the name -> tensor.

    Returns:
        The paths of nodes of which something did not fit and was left as it was.
    """
    left = set()
    for path, own in held.items():
        attribute = program.names.get(path)
        if attribute is None:
            continue
        state = model.get_submodule(attribute).state_dict()
        for key, tensor in own.items():
            name = named(key, state)
            if name and state[name].shape == tensor.shape:
                state[name].copy_(tensor)
            else:
                left.add(path)
    return frozenset(left)


def held_by(model: nn.Module, program: Program) -> dict[str, dict[str, Tensor]]:
    """Return all weights and buffers of a network by node path, as copies."""
    return {
        path: {name: tensor.detach().clone() for name, tensor in model.get_submodule(attribute).state_dict().items()}
        for path, attribute in program.names.items()
    }


def named(key: str, names: Mapping[str, object]) -> str:
    """Return the longest of `names` that a key is, or ends in behind a dot; "" when it is none of them."""
    fitting = [name for name in names if key == name or key.endswith(f".{name}")]
    return max(fitting, key=len, default="")
