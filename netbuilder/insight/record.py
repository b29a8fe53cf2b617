"""The record that rules read: the series, the confusion matrix and the events of one run, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from netbuilder.document.model import Document
from netbuilder.foundation.problem import Problem
from netbuilder.insight.facts import Facts
from netbuilder.training import optimizers
from netbuilder.training.protocol import Event, Picture, PictureKind, Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW = 1000
"""Rules look at so many of a curve's last points at most: a look costs the same however long the run is."""


RECENT = 100
"""A run's report of what stopped it is among its last events."""


class Curve(Protocol):
    """A series so far."""

    @property
    def steps(self) -> NDArray[np.int64]:
        """The steps, ascending."""
        ...

    @property
    def values(self) -> NDArray[np.float64]:
        """The values, as many."""
        ...


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a run has told so far.

    Attributes:
        document: What it trains.
        facts: What is known of the network.
        series: Name -> curve; see `training.protocol.Telemetry`.
        step: Steps done.
        steps_per_epoch: Steps of one epoch; 0 while unknown.
        epoch: Epochs done.
        confusion: Counts by class, rows being the truth; None before the first validation.
        classes: Their names.
        problems: What the run has reported.
        pictures: The newest of each kind and node.
    """

    document: Document
    facts: Facts
    series: Mapping[str, Curve] = field(default_factory=dict)
    step: int = 0
    steps_per_epoch: int = 0
    epoch: int = 0
    confusion: NDArray[np.int64] | None = None
    classes: Sequence[str] = ()
    problems: Sequence[Problem] = ()
    pictures: Mapping[tuple[PictureKind, str], Picture] = field(default_factory=dict)

    def values(self, name: str) -> NDArray[np.float64] | None:
        """Return a curve's last points, at most `WINDOW`; None where it has none."""
        curve = self.series.get(name)
        return curve.values[-WINDOW:] if curve is not None and len(curve.values) else None

    def median(self, name: str, count: int) -> float | None:
        """Return the median of a curve's last `count` points; None where it has fewer."""
        values = self.values(name)
        return middle(values[-count:]) if values is not None and len(values) >= count else None

    def steps_of(self, name: str, count: int = WINDOW) -> tuple[int, int]:
        """Return the steps between which a curve's last `count` points lie; (0, 0) where it has none."""
        curve = self.series.get(name)
        if curve is None or not len(curve.steps):
            return 0, 0
        return int(curve.steps[max(len(curve.steps) - count, 0)]), int(curve.steps[-1])

    def weight_size(self, path: str) -> float | None:
        """Return the root of the mean square of a layer's weights, as their histogram tells it; None without one."""
        picture = self.pictures.get((PictureKind.WEIGHTS, path))
        if picture is None or not len(picture.data):
            return None
        counts, (low, high) = picture.data.tolist(), picture.extent[:2]
        total, width = sum(counts), (high - low) / len(counts)
        squares = sum(count * (low + width * (place + 0.5)) ** 2 for place, count in enumerate(counts))
        return float((squares / total) ** 0.5) if total and squares else None

    @cached_property
    def first_loss(self) -> float | None:
        """The training loss of the first batch: before any update."""
        curve = self.series.get("loss/train")
        return float(curve.values[0]) if curve is not None and len(curve.values) else None

    @cached_property
    def start_loss(self) -> float | None:
        """The median training loss of the first five batches: what later losses are compared with."""
        curve = self.series.get("loss/train")
        return middle(curve.values[:5]) if curve is not None and len(curve.values) else None

    @cached_property
    def loss_now(self) -> float | None:
        """The median of the last 25 training losses; None before so many."""
        return self.median("loss/train", 25)

    @cached_property
    def rate(self) -> float | None:
        """The learning rate now."""
        return self.median("learning_rate", 1)

    @cached_property
    def set_rate(self) -> float:
        """The learning rate that the plan sets, before the schedule."""
        _, values = optimizers.find(self.document.plan.phases[0].optimizer)
        return float(values["learning_rate"])

    def train_loss_at(self, step: int, epochs: int = 1) -> float | None:
        """Return the mean training loss of the epochs that ended with `step`; None where their steps are not known."""
        curve = self.series.get("loss/train")
        if curve is None or not self.steps_per_epoch:
            return None
        last = int(curve.steps.searchsorted(step, "right"))
        first = int(curve.steps.searchsorted(step - epochs * self.steps_per_epoch, "right"))
        return float(curve.values[first:last].mean()) if last > first else None


def middle(values: NDArray[np.float64]) -> float:
    """Return the median; without importing what numpy's own does at its first call it costs a few microseconds."""
    ordered: list[float] = sorted(values.tolist())
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def make_record(
    document: Document,
    facts: Facts,
    series: Mapping[str, Curve],
    pictures: Mapping[tuple[PictureKind, str], Picture],
    events: Sequence[Event],
    progress: Progress,
) -> Record:
    """Return the record that rules read of what a watcher has kept of a run.

    Args:
        document: What is trained.
        facts: What is known of its network.
        series: Name -> curve so far.
        pictures: The newest of each kind and node.
        events: All so far; the last ones are looked at.
        progress: How far it is.
    """
    confusion = pictures.get((PictureKind.CONFUSION, ""))
    return Record(
        document=document,
        facts=facts,
        series=series,
        step=progress.step,
        steps_per_epoch=progress.steps // progress.epochs if progress.epochs else 0,
        epoch=progress.epoch,
        confusion=confusion.data if confusion is not None else None,
        classes=confusion.labels if confusion is not None else (),
        problems=[problem for event in events[-RECENT:] if event.kind == "problem" for problem in event.problems],
        pictures=pictures,
    )
