"""Comparing two moments: what two snapshots, of one run or of two, have in common and what not.

All that it takes lies in their files and in the run store: no network is built and no data is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from netbuilder.training.past import OUTPUTS, confusion_of
from netbuilder.training.protocol import Picture
from netbuilder.training.run_store import RunStore
from netbuilder.training.snapshots import load_snapshot
from netbuilder.training.state import TrainingState


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChange:
    """How far a layer's weights moved.

    Attributes:
        path: The node path.
        before: The norm of all its weights and biases at the first moment.
        after: At the second.
        distance: The norm of their difference.
        cosine: Of the angle between them; 1 where both point the same way, nan where one is 0.
    """

    path: str
    before: float
    after: float
    distance: float
    cosine: float

    @property
    def relative(self) -> float:
        """The distance as a part of the first norm; infinite where that is 0 and the weights moved."""
        if self.before:
            return self.distance / self.before
        return float("inf") if self.distance else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the network answered to the probe's samples.

    Attributes:
        before: (samples, values) float32, at the first moment.
        after: At the second.
    """

    before: NDArray[np.float32]
    after: NDArray[np.float32]

    @property
    def chosen(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The largest value's place in each sample's answer, then and later: the class, of a classifier."""
        return self.before.argmax(axis=1), self.after.argmax(axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two moments side by side.

    Attributes:
        steps: The steps of both.
        layers: The layers that both have, in the network's order.
        only_before: Paths of layers that only the first has, or that have other sizes there.
        only_after: Of those that only the second has, or that have other sizes there.
        metrics: Series name -> its newest value up to the moment, of both; nan where there was none yet.
        confusions: The newest confusion matrices.
        answers: Output -> the answers; those that differ in shape are left out.
    """

    steps: tuple[int, int]
    layers: tuple[LayerChange, ...] = ()
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()
    metrics: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    confusions: tuple[Picture | None, Picture | None] = (None, None)
    answers: Mapping[str, Answers] = field(default_factory=dict)


def compare(first: tuple[Path, int], second: tuple[Path, int]) -> Comparison:
    """Compare two snapshots.

    Args:
        first: The run's folder, and the snapshot's step.
        second: Likewise; the same run or another one.

    Raises:
        NetbuilderError: When a snapshot is not there (any more), cannot be read or was damaged, or the run store
            cannot be read.
    """
    before, after = load_snapshot(*first), load_snapshot(*second)
    one, other = _parameters(before), _parameters(after)
    same = [path for path in one if path in other and _shapes(one[path]) == _shapes(other[path])]
    then, later = _values(*first), _values(*second)
    nan = float("nan")
    return Comparison(
        steps=(before.step, after.step),
        layers=tuple(_change(path, one[path], other[path]) for path in same),
        only_before=tuple(path for path in one if path not in same),
        only_after=tuple(path for path in other if path not in same),
        metrics={name: (then.get(name, nan), later.get(name, nan)) for name in {**then, **later}},
        confusions=(confusion_of(before), confusion_of(after)),
        answers=_answers(before, after),
    )


def _parameters(state: TrainingState) -> dict[str, dict[str, torch.Tensor]]:
    """Return node path -> what its optimizer may move: weights and biases, no statistics."""
    paths: Mapping[str, str] = state.about.get("paths", {})
    weights = state.part("model")
    found: dict[str, dict[str, torch.Tensor]] = {}
    for key in state.about.get("parameters", ()):  # in the network's order, which files do not keep
        if key in paths and key in weights:
            found.setdefault(paths[key], {})[key] = weights[key]
    return found


def _shapes(tensors: Mapping[str, torch.Tensor]) -> list[tuple[int, ...]]:
    return [tuple(tensor.shape) for tensor in tensors.values()]


def _change(path: str, one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> LayerChange:
    a, b = (torch.cat([each.flatten().double() for each in tensors.values()]) for tensors in (one, other))
    before, after = float(torch.linalg.vector_norm(a)), float(torch.linalg.vector_norm(b))
    cosine = min(max(float(a @ b) / (before * after), -1.0), 1.0) if before and after else float("nan")
    distance = float(torch.linalg.vector_norm(b - a))
    return LayerChange(path=path, before=before, after=after, distance=distance, cosine=cosine)


def _values(run: Path, step: int) -> dict[str, float]:
    """Return the newest value up to a step of the losses and metrics of a run."""
    store = RunStore.open(run.parent)
    found = {}
    for name in store.names(run.name):
        if name == "loss/train" or name.endswith("/validation"):
            points = store.series(run.name, name)
            place = int(np.searchsorted(points.steps, step, side="right"))
            if place:
                found[name] = float(points.values[place - 1])
    return found


def _answers(before: TrainingState, after: TrainingState) -> dict[str, Answers]:
    one, other = before.part(OUTPUTS), after.part(OUTPUTS)
    return {
        name: Answers(before=one[name].numpy(), after=other[name].numpy())
        for name in one
        if name in other and one[name].shape == other[name].shape
    }
