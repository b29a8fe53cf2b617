"""Update ratios: how far one step of the optimizer moves each layer's weights, as a part of what they are.

About 1e-3 is healthy (Karpathy 2015, CS231n: "Ratio of weights:updates"): far less learns next to nothing, far more
forgets what was there. One step is measured after each look of the probe: some weights are compared before and after
it. Other steps cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import nn

from netbuilder.training.pictures import Transfer, spread
from netbuilder.training.updates import Updater

HEALTHY: Final = (1e-4, 1e-2)
"""Between these a layer learns well, give or take."""


class UpdateRatios:
    """Measures one step now and then."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        """Measure these layers.

        Args:
            modules: Node path -> its module. Of a layer with many weights some thousand are looked at, evenly spread.
        """
        self._modules = modules
        self._ratios: dict[str, torch.Tensor] = {}
        self._step = 0
        self._armed: list[torch.optim.Optimizer] = []

    def arm(self, updaters: Sequence[Updater], step: int) -> None:
        """Measure the next step.

        Args:
            updaters: Whose optimizers move the weights.
            step: That step's number, from 1.
        """
        self._disarm()
        self._step = step
        owners = {id(parameter): path for path, module in self._modules.items() for parameter in module.parameters()}
        for updater in updaters:
            mine: dict[str, list[torch.Tensor]] = {}
            for parameter in updater.parameters:
                if parameter.numel() and (path := owners.get(id(parameter))) is not None:
                    mine.setdefault(path, []).append(parameter)
            self._watch(updater.optimizer, mine)

    def _watch(self, optimizer: torch.optim.Optimizer, layers: Mapping[str, list[torch.Tensor]]) -> None:
        def measured(*arguments: Any) -> Any:
            del vars(optimizer)["step"]
            before = {path: spread(weights) for path, weights in layers.items()}
            result = optimizer.step(*arguments)
            for path, old in before.items():
                moved = torch.linalg.vector_norm(spread(layers[path]) - old)
                # Weights that begin at 0 have no ratio: a tiny number keeps the quotient a large, finite one.
                self._ratios[path] = moved / torch.linalg.vector_norm(old).clamp_min(1e-12)
            return result

        # Not torch's hooks: those cannot take themselves away, and would cost every step until the next look.
        vars(optimizer)["step"] = measured
        self._armed.append(optimizer)

    def collect(self) -> tuple[int, Mapping[str, float]]:
        """Return the step that was measured and, by node path, how far it moved each layer; nothing twice."""
        self._disarm()
        transfer = Transfer()
        numbers = {path: transfer.add(ratio) for path, ratio in self._ratios.items()}
        self._ratios = {}
        arrays = transfer.fetch()
        return self._step, {path: float(arrays[number]) for path, number in numbers.items()}

    def disarm(self) -> None:
        """Measure nothing, and forget what was measured."""
        self._disarm()
        self._ratios = {}

    def _disarm(self) -> None:
        for optimizer in self._armed:
            vars(optimizer).pop("step", None)
        self._armed = []
