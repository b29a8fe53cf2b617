"""The training state: all that a run needs in order to go on as if nothing had come between.

Weights and statistics, what each optimizer remembers, the running average, the best weights so far, every random
number generator, and where in which epoch the run stands. A run that goes on from its state repeats, bit for bit on a
CPU, what it would have done otherwise. `netbuilder.training.capture` takes it and puts it back.

A file of it is a checkpoint (`netbuilder.training.checkpoints`): sealed, so that a changed bit is noticed. A run keeps
two of them, the newest and the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import torch

from netbuilder.foundation.problem import NetbuilderError, Problem, Severity
from netbuilder.training.checkpoints import Checkpoint, load_checkpoint, remove_checkpoint, save_checkpoint
from netbuilder.training.run_files import STATE, STATE_BEFORE
from netbuilder.training.state_form import find_fault

KIND: Final = "training state"
"""What `about["kind"]` of such a file says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """Where a training stands between two steps.

    Attributes:
        tensors: On the CPU: ``model/<state key>``, ``optimizer/<phase>/<parameter key>/<name>``,
            ``average/<parameter key>``, ``best/<state key>``, ``random/<generator>`` and
            ``losses/<"epoch" or "held_out">`` (float64; each step's of the epoch in progress, each epoch's).
        about: Plain JSON values: "step", "epoch" (epochs done), "epoch_step" (the step at which the epoch in progress
            began), "pace" (rows of it that were done at a step, and by how much the run is longer for it),
            "without_better", "optimizer" (what is no tensor, and each phase's last rate factor), "best",
            "updates" (of the average), "rate" (the learning rate told last, and when), "plan", "data".
        file: Where it was read; None for one that was just taken.
    """

    tensors: Mapping[str, torch.Tensor]
    about: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.about["step"])

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return int(self.about["epoch"])

    def part(self, name: str) -> dict[str, torch.Tensor]:
        """Return the tensors of one part ("model", "best", ...) by what follows in their keys."""
        prefix = f"{name}/"
        return {key.removeprefix(prefix): value for key, value in self.tensors.items() if key.startswith(prefix)}


def save_state(path: Path, state: TrainingState) -> str:
    """Write a state: all of it or nothing.

    Returns:
        Its SHA-256, in hexadecimal.

    Raises:
        NetbuilderError: When it cannot be written.
    """
    return save_checkpoint(path, Checkpoint(tensors=state.tensors, paths={}, about={**state.about, "kind": KIND}))


def load_state(path: Path) -> TrainingState:
    """Read a state and prove that it is what was written.

    Raises:
        NetbuilderError: When it cannot be read, is no training state or not a whole one, or was changed or damaged.
    """
    checkpoint = load_checkpoint(path)
    about = checkpoint.about
    if about.get("kind") != KIND:
        message = f"{path.name} holds weights, but not the state of a training."
        raise NetbuilderError(Problem(code="state.format", message=message, file=str(path), expected=KIND))
    fault = find_fault(about, checkpoint.tensors)
    if fault:
        message = (
            f"{path.name} is no whole state of a training: its {fault!r} is missing, or is nothing that a training "
            "saves. Go on from another moment of the run, or train from the beginning."
        )
        raise NetbuilderError(Problem(code="state.format", message=message, file=str(path), expected=KIND, found=fault))
    return TrainingState(tensors=checkpoint.tensors, about=about, file=path)


def save_generation(folder: Path, state: TrainingState) -> Path:
    """Write a run's newest state; the one that was the newest becomes the one before.

    Raises:
        NetbuilderError: When it cannot be written; the run can still go on from the one before.
    """
    newest, before = folder / STATE, folder / STATE_BEFORE
    try:
        newest.replace(before)
    except FileNotFoundError:  # the run's first, or the last try failed
        pass
    except OSError as error:
        message = f"{newest.name} could not be kept beside the new one: {error.strerror or error}."
        raise NetbuilderError(Problem(code="state.unwritable", message=message, file=str(newest))) from error
    save_state(newest, state)
    return newest


def save_only(folder: Path, state: TrainingState) -> None:
    """Write a run's newest state in place of all that it had: the run stands elsewhere now.

    Raises:
        NetbuilderError: When it cannot be written; the run can then go on from where it stood.
    """
    save_state(folder / STATE, state)
    remove_checkpoint(folder / STATE_BEFORE)


def load_generation(folder: Path) -> tuple[TrainingState, tuple[Problem, ...]]:
    """Read a run's newest state that is whole.

    Returns:
        The state, and a warning for each newer file that is damaged.

    Raises:
        NetbuilderError: When there is none.
    """
    warnings: list[Problem] = []
    for path in (folder / STATE, folder / STATE_BEFORE):
        if not path.exists():
            continue
        try:
            return load_state(path), tuple(warnings)
        except NetbuilderError as error:
            warnings += [replace(problem, severity=Severity.WARNING) for problem in error.problems]
    if warnings:
        raise NetbuilderError([replace(problem, severity=Severity.ERROR) for problem in warnings])
    message = f"The run {folder.name} cannot go on: it left no state behind."
    raise NetbuilderError(Problem(code="state.missing", message=message, file=str(folder / STATE)))
