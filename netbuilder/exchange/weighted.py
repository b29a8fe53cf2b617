"""A network with its weights, ready to leave: fresh ones, or those that a run has learned.

Weights move by node path: a run's checkpoint says which node each of its tensors belongs to, so that labels may have
changed since. Imports torch.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from netbuilder.compiler.bypass import in_force
from netbuilder.compiler.module import initialize, load_module, module_name, release
from netbuilder.compiler.program import Program, write_program
from netbuilder.compiler.shapes import ShapeInference, Shapes
from netbuilder.document.model import Document
from netbuilder.exchange.runs import Origin, checkpoint_file
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.layers.tensor import TensorType
from netbuilder.training import start_weights
from netbuilder.training.checkpoints import Checkpoint, load_checkpoint

NAMED = 5
"""So many nodes are named in one message, each with a problem of its own."""


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
class WeightedNetwork:
    """A document's network, its module in evaluation mode on the CPU.

    Attributes:
        document: What it was made from.
        program: Its text, and what stands where.
        shapes: Its shapes, all known.
        model: The module.
        origin: Where its weights come from.
        base: The folder that the document's file names are relative to.
        runs: The project's folder of runs.
    """

    document: Document
    program: Program
    shapes: Shapes
    model: nn.Module
    origin: Origin
    base: Path
    runs: Path

    @property
    def types(self) -> dict[str, TensorType]:
        """The type of each of `program.fields`."""
        return {key: self.shapes.types[self.program.sources[key]] for key in self.program.fields}

    @property
    def key_paths(self) -> dict[str, str]:
        """State key -> node path."""
        return {key: path for path, keys in _keys_by_path(self.model, self.program).items() for key in keys.values()}

    @property
    def digest(self) -> str:
        """What tells this program's text from others: the end of its module's name, hexadecimal."""
        return module_name(self.program).rpartition("_")[2]

    def start_state(self) -> dict[str, torch.Tensor] | None:
        """Return the state that training begins with, by state key; None where the plan draws its weights.

        Raises:
            NetbuilderError: When the file of the weights to start from cannot be read.
        """
        if self.document.plan.weights is None:
            return None
        try:
            model = load_module(self.program).new_network()
            _begin(model, self.program, self.document, self.runs)
            return dict(model.state_dict())
        finally:
            release(self.program)


def weigh(document: Document, run: Path | None = None, base: str | Path = "", runs: Path = Path()) -> WeightedNetwork:
    """Return a document's network with weights.

    Args:
        document: What to build, its schemas up to date.
        run: The folder of the run whose best weights are taken; None takes those that the plan starts from, or draws
            fresh ones from its seed.
        base: The folder that the document's file names are relative to.
        runs: The project's folder of runs, in which the weights to start from are.

    Raises:
        NetbuilderError: When the document has errors, the run has no weights that can be read, or they do not fit.
    """
    document = in_force(document)
    shapes = ShapeInference().infer(document)
    program = write_program(document, shapes)
    model = load_module(program).new_network()
    origin = Origin(seed=document.plan.seed)
    try:
        if run is None:
            _begin(model, program, document, runs)
            origin = replace(origin, is_start=document.plan.weights is not None)
        else:
            file = checkpoint_file(run)
            checkpoint = load_checkpoint(file)
            adopt(model, program, checkpoint, run.name)
            origin = Origin(run=run, epoch=_whole(checkpoint.about.get("epoch")), is_best=file.name.startswith("best"))
    except BaseException:
        release(program)
        raise
    model.eval().requires_grad_(False)
    network = WeightedNetwork(
        document=document, program=program, shapes=shapes, model=model, origin=origin, base=Path(base), runs=runs
    )
    weakref.finalize(network, release, program)
    return network


def _begin(model: nn.Module, program: Program, document: Document, runs: Path) -> None:
    """Put the weights into a network that a training of the document begins with."""
    initialize(model, program, document.plan.seed)
    if document.plan.weights is not None:
        start_weights.adopt(model, program, start_weights.load_start(document.plan.weights, runs))


def adopt(model: nn.Module, program: Program, checkpoint: Checkpoint, run: str) -> None:
    """Put a checkpoint's weights into a model of a program, node by node; all of them or none.

    Args:
        model: A network of the program.
        program: Where it came from.
        checkpoint: The weights.
        run: What messages call the run.

    Raises:
        NetbuilderError: With a problem for each node that has no weights in the checkpoint, or others than it needs.
    """
    found: dict[str, list[str]] = {}
    for key, path in checkpoint.paths.items():
        found.setdefault(path, []).append(key)
    state = model.state_dict()
    chosen: dict[str, torch.Tensor] = {}
    problems = []
    for path, keys in _keys_by_path(model, program).items():
        if not keys:
            continue
        pairs = _pair(keys, found.get(path, ()))
        label = program.labels.get(path, path)
        if pairs is None or any(key not in checkpoint.tensors for key in pairs.values()):
            what = "other weights" if path in found else "no weights"
            problems.append(_misfit(path, label, run, f"{what} for it"))
            continue
        for key, old in pairs.items():
            if checkpoint.tensors[old].shape != state[key].shape:
                problems.append(_misfit(path, label, run, _sizes(key, checkpoint.tensors[old], state[key])))
                break
            chosen[key] = checkpoint.tensors[old]
    if problems:
        raise NetbuilderError(problems[:NAMED])
    with torch.no_grad():
        for key, tensor in chosen.items():
            state[key].copy_(tensor)


def _keys_by_path(model: nn.Module, program: Program) -> dict[str, dict[str, str]]:
    """Return node path -> {key within the node's module: state key}, for each node with a module of its own."""
    found = {}
    for path, attribute in program.names.items():
        module = model.get_submodule(attribute)
        found[path] = {key: f"{attribute}.{key}" for key in module.state_dict()}
    return found


def _pair(keys: Mapping[str, str], stored: Iterable[str]) -> dict[str, str] | None:
    """Return state key -> stored key; None unless the stored keys are the node's under one other attribute."""
    rest = set(stored)
    first = next(iter(keys))
    for candidate in rest:
        prefix = candidate.removesuffix(first)
        if prefix != candidate and {prefix + key for key in keys} == rest:
            return {state: prefix + key for key, state in keys.items()}
    return None


def _misfit(path: str, label: str, run: str, what: str) -> Problem:
    message = (
        f"The weights of the run {run} do not fit {label}: the run has {what}. "
        "The network was edited since: train it again, or export it without the run's weights."
    )
    return Problem(code="export.misfit", message=message, node=path)


def _sizes(key: str, old: torch.Tensor, new: torch.Tensor) -> str:
    had, needed = ("×".join(map(str, each.shape)) or "a number" for each in (old, new))
    return f"{had} numbers in {key.rpartition('.')[2]}, and {needed} are needed"


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
