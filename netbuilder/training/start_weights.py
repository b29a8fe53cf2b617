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
from netbuilder.training.checkpoints import Checkpoint, load_checkpoint, save_checkpoint

Held: TypeAlias = Mapping[str, Mapping[str, Tensor]]
"""Node path -> parameter or buffer name in the node's module -> tensor."""

FILE: Final = "imported/weights.safetensors"
"""The file's place in the project's folder of runs."""


def start_file(project: Path) -> Path:
    """Return where the weights to start from of a project are kept: `x.runs/imported/weights.safetensors`.

    Args:
        project: The project's file.
    """
    return project.with_suffix(".runs") / FILE


def save_start(path: Path, base: Path, document: Document, held: Held) -> StartWeights:
    """Write weights to start from.

    Args:
        path: The file.
        base: The project's folder, which the file must be in.
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NetbuilderError(
            Problem(
                code="weights.folder",
                message=f"The folder {path.parent} cannot be made: {error.strerror or error}.",
                file=str(path),
            )
        ) from error
    digest = save_checkpoint(path, Checkpoint(tensors=tensors, paths=paths, about={"title": document.about.title}))
    return StartWeights(file=path.relative_to(base).as_posix(), sha256=digest)


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


def load_start(weights: StartWeights, base: Path) -> dict[str, dict[str, Tensor]]:
    """Read the weights to start from: node path -> key's end -> tensor.

    Args:
        weights: What the plan says of them.
        base: The project's folder.

    Raises:
        NetbuilderError: When the file is missing, damaged, not the one that was meant, or lies elsewhere.
    """
    parts = PurePosixPath(weights.file).parts
    path = base.joinpath(*parts)
    if ".." in parts or PurePosixPath(weights.file).is_absolute() or any(letter in weights.file for letter in "\\:"):
        raise NetbuilderError(_refusal(path, "weights.place", "must lie in the project's folder"))
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


def _refusal(path: Path, code: str, what: str) -> Problem:
    return Problem(
        code=code,
        message=f"The file of the weights to start from, {path.name}, {what}.",
        file=str(path),
        fixes=(Fix(title="Start from drawn weights", edit="forget_start_weights"),),
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


def named(key: str, names: Mapping[str, object]) -> str:
    """Return the longest of `names` that a key is, or ends in behind a dot; "" when it is none of them."""
    fitting = [name for name in names if key == name or key.endswith(f".{name}")]
    return max(fitting, key=len, default="")
