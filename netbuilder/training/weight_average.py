"""The running average of a network's weights, which is evaluated and kept instead of the weights themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn


class WeightAverage:
    """An exponential moving average of all parameters: ``a <- d a + (1 - d) w`` after each update.

    The decay d rises with the number of updates n done so far, ``min(decay, (1 + n) / (10 + n))``, so that a short run
    forgets its first weights too (as `ExponentialMovingAverage` of TensorFlow does with `num_updates`). What is no
    parameter, such as the statistics of a batch normalization, stays as the network has it.

    Attributes:
        updates: How many updates it has seen.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Begin with the present weights.

        Args:
            model: The network.
            decay: How slowly the average forgets, below 1.
        """
        self._decay = decay
        self._weights = [parameter.detach() for parameter in model.parameters()]
        self._average = [weight.clone() for weight in self._weights]
        self.updates = 0

    def update(self) -> None:
        """Take in the weights after an update."""
        self.updates += 1
        decay = min(self._decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self._average, self._weights, 1 - decay)

    @property
    def weights(self) -> Sequence[torch.Tensor]:
        """The average itself, in the order of the model's parameters."""
        return self._average

    def put_back(self, weights: Sequence[torch.Tensor], updates: int) -> None:
        """Go on from an earlier average.

        Args:
            weights: In the order of the model's parameters; copied.
            updates: How many updates it had seen.
        """
        torch._foreach_copy_(self._average, list(weights))
        self.updates = updates

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average into the network; afterwards the weights are as before."""
        present = [weight.clone() for weight in self._weights]
        torch._foreach_copy_(self._weights, self._average)
        try:
            yield
        finally:
            torch._foreach_copy_(self._weights, present)
