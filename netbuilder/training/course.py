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
        extra: By how many steps the run is longer than epochs of equal length: batches may change their size midway.
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
        self.extra = 0
        self._rows = self._since = 0  # rows of the epoch in progress that were done at a step

    def rows_done(self, step: int, rows: int) -> int:
        """Return how many rows of the epoch in progress are done.

        Args:
            step: Steps done in the run.
            rows: Rows a step.
        """
        return self._rows + (step - self._since) * rows

    def change_pace(self, step: int, rows: int) -> None:
        """Note how far the epoch has come, before steps take another number of rows.

        Args:
            step: Steps done in the run.
            rows: Rows a step so far.
        """
        self._rows, self._since = self.rows_done(step, rows), step

    @property
    def pace(self) -> list[int]:
        """What `put_back` needs where batches change their size, as plain numbers."""
        return [self._rows, self._since, self.extra]

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
        done = self.rows_done(step, size * accumulation)
        return grouped(part.shuffled(size, self._generators, done), accumulation)

    def end_epoch(self, step: int, better: bool) -> None:
        """Go on to the next epoch.

        Args:
            step: Steps done in the run.
            better: Whether this one was the best so far.
        """
        self.epochs += 1
        self.epoch_step = self._since = step
        self._rows = 0
        self.epoch_losses.clear()
        self.without_better = 0 if better else self.without_better + 1
        self._orders = self._now()

    @property
    def orders(self) -> Mapping[str, torch.Tensor]:
        """Data node id -> the state of its generator at the beginning of the epoch in progress."""
        return self._orders

    def put_back(self, epochs: int, epoch_step: int, orders: Mapping[str, torch.Tensor], pace: Sequence[int]) -> None:
        """Stand somewhere else.

        Args:
            epochs: Epochs done.
            epoch_step: The step at which the epoch in progress began.
            orders: Data node id -> the state of its generator then; a node without one keeps its own.
            pace: What `pace` was then.
        """
        self.epochs, self.epoch_step = epochs, epoch_step
        self._rows, self._since, self.extra = pace
        self._orders = {node: orders.get(node, order) for node, order in self._now().items()}

    def _now(self) -> dict[str, torch.Tensor]:
        return {node: generator.get_state() for node, generator in self._generators.items()}
