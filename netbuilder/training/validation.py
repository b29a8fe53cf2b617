"""Validation: losses, metrics and the confusion matrix of one part, under inference mode in eval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from netbuilder.data.spec import Prepared
from netbuilder.foundation.job import Job
from netbuilder.layers.spec import Task
from netbuilder.training import metrics
from netbuilder.training.batches import Batch, Part
from netbuilder.training.mistakes import Mistake, find_mistakes
from netbuilder.training.network import Network


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a part scored.

    Attributes:
        metrics: "loss", each loss's own value where there are several ("<label>.loss"), and each task's metrics.
        confusion: The confusion matrix of the first loss with classes, rows being the truth.
        classes: Its class names.
        mistakes: What it was most surely wrong about, where each row has one class.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    confusion: torch.Tensor | None = None
    classes: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] | None = None


def deviations(network: Network, prepared: Mapping[str, Prepared]) -> dict[str, torch.Tensor]:
    """Return, for each scored loss with a normalized target, what that was divided by.

    Args:
        network: The network.
        prepared: Data node id -> its rows.
    """
    found = {}
    for loss in network.scored:
        port = network.program.sources[loss.target]
        fitted = prepared[port.node].fitted.get(port.port)
        if fitted is not None:
            found[loss.name] = torch.from_numpy(fitted.std.astype(np.float32)).to(network.device)
    return found


def evaluate(network: Network, part: Part, job: Job, deviations: Mapping[str, torch.Tensor]) -> Evaluation:
    """Evaluate the network on a whole part.

    Args:
        network: The network, in whatever mode; it is left as it was.
        part: The rows.
        job: Its cancellation ends the evaluation.
        deviations: What normalized targets were divided by.

    Raises:
        Cancelled: When the job was.
    """
    totals: dict[str, torch.Tensor] = {}
    seen: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {loss.name: [] for loss in network.scored}
    size = network.evaluation_rows
    with network.evaluating():
        for first in range(0, part.rows, size):
            job.report()
            last = min(first + size, part.rows)
            _collect(network, part.rows_at(first, last), last - first, totals, seen)
        return _score(network, part.rows, totals, seen, deviations)


def _collect(
    network: Network,
    batch: Batch,
    rows: int,
    totals: dict[str, torch.Tensor],
    seen: Mapping[str, list[tuple[torch.Tensor, torch.Tensor]]],
) -> None:
    observed = network.observe(batch)
    for label, loss in observed.losses.items():
        totals[label] = totals.get(label, torch.zeros((), device=loss.device)) + loss * rows
    for scored in network.scored:
        seen[scored.name].append((observed.outputs[scored.output], batch[scored.target]))


def _score(
    network: Network,
    rows: int,
    totals: Mapping[str, torch.Tensor],
    seen: Mapping[str, list[tuple[torch.Tensor, torch.Tensor]]],
    deviations: Mapping[str, torch.Tensor],
) -> Evaluation:
    losses = {label: total.item() / rows for label, total in totals.items()}
    values = {"loss": sum(losses.values())}
    if len(losses) > 1:
        values |= {f"{label}.loss": value for label, value in losses.items()}
    confusion: torch.Tensor | None = None
    classes: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] | None = None
    for number, loss in enumerate(network.scored):
        predictions, targets = zip(*seen[loss.name], strict=True)
        prediction, target = torch.cat(predictions), torch.cat(targets)
        scores, matrix = metrics.compute(loss.task, prediction, target, deviations.get(loss.name))
        values |= {name if number == 0 else f"{loss.name}.{name}": value for name, value in scores.items()}
        if matrix is not None and confusion is None:
            confusion, classes = matrix, loss.classes
            if loss.task is Task.CLASSIFICATION and prediction.dim() == 2:
                mistakes = find_mistakes(prediction, target)
    return Evaluation(values, confusion, classes, mistakes)
