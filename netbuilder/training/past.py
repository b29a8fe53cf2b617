"""The past: shows a network as it was at a snapshot, and gives it back as it is.

The snapshot's weights are put into the network between two steps, looked at, and taken out again: no second network has
to be built, and the training finds every bit where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import pictures
from netbuilder.training.network import Network
from netbuilder.training.probe import Probe
from netbuilder.training.protocol import Picture, PictureKind
from netbuilder.training.state import TrainingState

CONFUSION = "picture/confusion"
"""The key of a snapshot's confusion matrix, that of the last validation before it."""

OUTPUTS = "picture/outputs"
"""The part of a snapshot that holds what the network answers to the probe's samples, an output each."""


def look_back(model: nn.Module, probe: Probe, state: TrainingState) -> tuple[Picture, ...]:
    """Return what a network looked like at a snapshot; afterwards it is as it was, bit for bit.

    Raises:
        NetbuilderError: When the snapshot is of another network.
    """
    with wearing(model, state):
        seen = probe.look(state.step).pictures
    confusion = confusion_of(state)
    return (*seen, confusion) if confusion is not None else seen


def confusion_of(state: TrainingState) -> Picture | None:
    """Return the confusion matrix that was the newest one at a snapshot, if there was any."""
    counts = state.tensors.get(CONFUSION)
    if counts is None:
        return None
    told = state.about["confusion"]
    data = pictures.frozen(counts.numpy().astype(np.int64))
    return Picture(
        kind=PictureKind.CONFUSION, node="", step=int(told["step"]), data=data, labels=tuple(told["classes"])
    )


def with_pictures(
    state: TrainingState, confusion: Picture | None, outputs: Mapping[str, torch.Tensor], network: Network
) -> TrainingState:
    """Return a state together with what comparing it needs.

    Args:
        state: The state.
        confusion: The newest confusion matrix.
        outputs: Output -> what the network answers to the probe's samples.
        network: What it is of.
    """
    tensors = dict(state.tensors)
    parameters = [name for name, _ in network.model.named_parameters()]
    about = {**state.about, "paths": network.key_paths, "parameters": parameters}
    if confusion is not None:
        tensors[CONFUSION] = torch.from_numpy(confusion.data.copy())
        about["confusion"] = {"step": confusion.step, "classes": list(confusion.labels)}
    tensors |= {f"{OUTPUTS}/{name}": value.float().cpu() for name, value in outputs.items()}
    return TrainingState(tensors=tensors, about=about)


@contextmanager
def wearing(model: nn.Module, state: TrainingState) -> Iterator[None]:
    """Put a snapshot's weights and statistics into a network; afterwards it has its own again, gradients included.

    Raises:
        NetbuilderError: When the snapshot is of another network; nothing is changed then.
    """
    weights = state.part("model")
    own = model.state_dict()
    odd = [key for key in {**weights, **own} if key not in weights or key not in own]
    odd += [key for key in weights if key not in odd and weights[key].shape != own[key].shape]
    if odd:
        raise NetbuilderError(_another_network(state.step, odd))
    kept = {key: tensor.clone() for key, tensor in own.items()}
    gradients = [(parameter, parameter.grad) for parameter in model.parameters() if parameter.grad is not None]
    for parameter, _ in gradients:
        parameter.grad = None  # those of the last step: nothing to do with these weights
    try:
        model.load_state_dict(weights)
        yield
    finally:
        model.load_state_dict(kept)
        for parameter, gradient in gradients:
            parameter.grad = gradient


def _another_network(step: int, odd: list[str]) -> Problem:
    return Problem(
        code="snapshot.mismatch",
        message=(
            f"The network of step {step:,} cannot be shown in the present one: it was changed since ({odd[0]}"
            f"{f' and {len(odd) - 1} more' if len(odd) > 1 else ''})."
        ),
        expected="the network that is in training now",
        found=odd[0],
    )
