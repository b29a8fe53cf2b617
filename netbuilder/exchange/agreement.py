"""Agreement: whether an exported file gives the outputs of the network it was made from. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from netbuilder.exchange.traced import LENGTH, sample_inputs
from netbuilder.exchange.weighted import WeightedNetwork
from netbuilder.foundation.problem import NetbuilderError, Problem

BATCHES = (2, 5)
"""Outputs are compared on random inputs of these batch sizes; neither is the one that the exporter followed."""

TOLERANCE = 1e-4
"""The largest difference that is taken for rounding, relative to the largest number among the outputs, or to 1."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a file's outputs are from the network's.

    Attributes:
        difference: The largest absolute difference; None when outputs were not compared.
        reason: Why they were not compared, or "".
    """

    difference: float | None
    reason: str = ""

    def __str__(self) -> str:
        """One sentence for people."""
        if self.difference is None:
            return f"Outputs were not compared: {self.reason}."
        return f"Compared on random inputs: the largest difference is {self.difference:.1e}."


def compare(network: WeightedNetwork, run: Callable[[dict[str, torch.Tensor]], Any], title: str) -> Agreement:
    """Compare a file's outputs with the network's on random inputs of two batch sizes.

    Args:
        network: What the file was made from.
        run: Fields -> the file's outputs: one tensor, or several in order.
        title: What the problem calls the file.

    Raises:
        NetbuilderError: When shapes differ, or numbers by more than rounding explains.
    """
    worst, scale = 0.0, 1.0
    for seed, batch in enumerate(BATCHES):
        inputs = sample_inputs(network.types, batch, LENGTH + seed, seed)
        expected = _outputs(network.model, inputs)
        if any(_gap(a, b) for a, b in zip(expected, _outputs(network.model, inputs, seed=1), strict=True)):
            return Agreement(None, "the network draws random numbers")
        found = _listed(run(inputs))
        for name, one, other in zip(network.program.outputs, expected, found, strict=True):
            if one.shape != other.shape:
                raise _disagreement(title, f"{name} has the shape {_text(other)} in place of {_text(one)}")
            if one.numel():
                worst = max(worst, _gap(one, other))
                scale = max(scale, float(one.double().nan_to_num(posinf=0.0, neginf=0.0).abs().max()))
    if worst > TOLERANCE * scale:
        raise _disagreement(title, f"the largest difference is {worst:.2g}")
    return Agreement(worst)


def _gap(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the largest difference; infinite where only one of the two is a number."""
    if not one.numel():
        return 0.0
    gap = (one.double() - other.double()).abs().nan_to_num(nan=float("inf"))
    gap[(one == other) | (one.isnan() & other.isnan())] = 0.0
    return float(gap.max())


def _outputs(model: torch.nn.Module, inputs: Mapping[str, torch.Tensor], seed: int = 0) -> list[torch.Tensor]:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        return _listed(model(**inputs))


def _listed(result: Any) -> list[torch.Tensor]:
    several: Sequence[Any] = result if isinstance(result, (tuple, list)) else (result,)
    return [torch.as_tensor(each) for each in several]


def _text(tensor: torch.Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a number"


def _disagreement(title: str, what: str) -> NetbuilderError:
    message = f"{title} does not give the network's outputs ({what}), so it was not written."
    return NetbuilderError(Problem(code="export.disagreement", message=message, expected="equal outputs", found=what))
