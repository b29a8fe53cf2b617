"""The course: where a run stands between two steps, and the order in which the rows of the next ones come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch

from netbuilder.training.batches import Batch, Part, grouped


class Course:
    """How far a run has come.

    An epoch's order of rows follows from its data nodes' generators at the epoch's beginning. They are noted there, so
    that an epoch can be entered again in its middle.

    Attributes:
        epochs: Epochs done.
        epoch_step: The step at which the epoch in progress began.
        epoch_losses: The loss of each of its steps so far.
        held_out_losses: The loss after each epoch, on the validation part where there is one.
        without_better: Epochs since the best one.
    """

    def __init__(self, generators: Mapping[str, torch.Generator]) -> None:
        """Stand at the beginning.

        Args:
            generators: Data node id -> the generator that shuffles it.
        """
        self._generators = generators
        self._orders = self._now()
        self.epochs = 0
        self.epoch_step = 0
        self.epoch_losses: list[float] = []
        self.held_out_losses: list[float] = []
        self.without_better = 0

    def batches(self, part: Part, size: int, accumulation: int, step: int) -> Iterator[Sequence[Batch]]:
        """Yield what is left of the epoch's training batches, those of one step together.

        Args:
            part: The rows.
            size: Rows a batch.
            accumulation: Batches a step.
            step: Steps done in the run.
        """
        for node, order in self._orders.items():
            self._generators[node].set_state(order)
        done = (step - self.epoch_step) * accumulation
        return grouped(part.shuffled(size, self._generators, done), accumulation)

    def end_epoch(self, step: int, better: bool) -> None:
        """Go on to the next epoch.

        Args:
            step: Steps done in the run.
            better: Whether this one was the best so far.
        """
        self.epochs += 1
        self.epoch_step = step
        self.epoch_losses.clear()
        self.without_better = 0 if better else self.without_better + 1
        self._orders = self._now()

    @property
    def orders(self) -> Mapping[str, torch.Tensor]:
        """Data node id -> the state of its generator at the beginning of the epoch in progress."""
        return self._orders

    def put_back(self, epochs: int, epoch_step: int, orders: Mapping[str, torch.Tensor]) -> None:
        """Stand somewhere else.

        Args:
            epochs: Epochs done.
            epoch_step: The step at which the epoch in progress began.
            orders: Data node id -> the state of its generator then; a node without one keeps its own.
        """
        self.epochs, self.epoch_step = epochs, epoch_step
        self._orders = {node: orders.get(node, order) for node, order in self._now().items()}

    def _now(self) -> dict[str, torch.Tensor]:
        return {node: generator.get_state() for node, generator in self._generators.items()}
