"""Footprint: how much memory training and predicting take, from what the layers cost and how the plan trains them."""

from __future__ import annotations

from dataclasses import dataclass

from netbuilder.compiler.cost import Costs
from netbuilder.document.model import Document, Phase
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.layers.tensor import itemsize
from netbuilder.training import optimizers

_NUMBER = itemsize("float32")

_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def in_words(size: float) -> str:
    """Return a number of bytes for people: "512 B", "4.1 kB", "38 MB"."""
    for limit, unit in _UNITS:
        if size >= limit:
            number = size / limit
            return f"{number:.0f} {unit}" if number >= 10 else f"{number:.1f} {unit}"
    return f"{size:.0f} B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes that a network takes; what the program itself, the data and torch's workspaces take comes on top.

    Attributes:
        weights: All weights.
        gradients: A gradient for each weight that training changes.
        optimizer: What the plan's optimizers remember of each of these.
        average: The running average of the weights, if the plan asks for one.
        activations: What a batch of the plan's size leaves for the backward pass.
        prediction: The most that values take at once while one sample is predicted.
    """

    weights: int
    gradients: int
    optimizer: int
    average: int = 0
    activations: int
    prediction: int

    @property
    def training(self) -> int:
        """All that training a batch takes."""
        return self.weights + self.gradients + self.optimizer + self.average + self.activations

    @property
    def inference(self) -> int:
        """All that predicting one sample takes."""
        return self.weights + self.prediction


def measure(document: Document, costs: Costs) -> Memory:
    """Add up the memory that a document's network takes; lengths that vary count as 1.

    Args:
        document: Its plan says in which batches and with which optimizers it trains.
        costs: What its layers cost.
    """
    return Memory(
        weights=_NUMBER * costs.total.parameters,
        gradients=_NUMBER * costs.total.trainable,
        optimizer=_NUMBER * sum(_remembered(phase, costs) for phase in document.plan.phases),
        average=_NUMBER * costs.total.parameters if document.plan.ema_decay else 0,
        activations=document.plan.batch_size * costs.total.kept,
        prediction=costs.peak,
    )


def _remembered(phase: Phase, costs: Costs) -> int:
    """Return how many numbers a phase's optimizer keeps; an optimizer that is not known keeps none."""
    try:
        spec, values = optimizers.find(phase.optimizer)
    except NetbuilderError:  # the plan's own problem, told where it is mended
        return 0
    if any(not group.nodes for group in phase.groups):
        weights = costs.total.trainable
    else:
        chosen = {id for group in phase.groups for id in group.nodes}
        weights = sum(costs.nodes[id].trainable for id in chosen if id in costs.nodes)
    return spec.state(values) * weights
