"""Capturing a training's state, and putting it back into a run that was just built of the same document."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from netbuilder.training.course import Course
from netbuilder.training.keeper import Keeper
from netbuilder.training.state import TrainingState
from netbuilder.training.state_fit import check
from netbuilder.training.updates import Updater
from netbuilder.training.weight_average import WeightAverage


class Parts(NamedTuple):
    """What of a run has a state."""

    model: nn.Module
    updaters: Sequence[Updater]
    average: WeightAverage | None
    keeper: Keeper
    course: Course


def capture(parts: Parts, about: Mapping[str, Any]) -> TrainingState:
    """Return the state of a training between two steps.

    On a CPU its tensors are the very ones in training: write them at once, or take `apart`.

    Args:
        parts: What has a state.
        about: What else the state is to say, as plain values: "step" at least.
    """
    model, updaters, average, keeper, course = parts
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    tensors: dict[str, Tensor] = {f"model/{key}": tensor for key, tensor in model.state_dict().items()}
    kept: dict[str, Any] = {}
    for updater in updaters:
        own, kept[updater.name] = updater.state(names)
        tensors |= {f"optimizer/{updater.name}/{key}": tensor for key, tensor in own.items()}
    more = {
        "epoch": course.epochs,
        "epoch_step": course.epoch_step,
        "pace": course.pace,
        "without_better": course.without_better,
        "optimizer": kept,
        "best": keeper.best_about,
    }
    if average is not None:
        more["updates"] = average.updates
        weights = zip(names.values(), average.weights, strict=True)
        tensors |= {f"average/{name}": tensor for name, tensor in weights}
    tensors |= {f"best/{key}": tensor for key, tensor in keeper.best.items()}
    tensors |= {f"random/order/{node}": order for node, order in course.orders.items()}
    generators, numbers = _random_now(next(model.parameters()).device)
    tensors |= {f"random/{name}": tensor for name, tensor in generators.items()}
    tensors["losses/epoch"] = torch.tensor(course.epoch_losses, dtype=torch.float64)
    tensors["losses/held_out"] = torch.tensor(course.held_out_losses, dtype=torch.float64)
    tensors = {key: tensor.detach().cpu() for key, tensor in tensors.items()}
    return TrainingState(tensors=tensors, about={**about, **more, "random": numbers})


def apart(state: TrainingState) -> TrainingState:
    """Return a state that the training does not go on changing."""
    return TrainingState(tensors={key: tensor.clone() for key, tensor in state.tensors.items()}, about=state.about)


def put_back(state: TrainingState, parts: Parts) -> None:
    """Bring a run to a state; the state is left untouched, so that it can be put back again.

    Args:
        state: One that was captured with the same network and phases.
        parts: What has a state.

    Raises:
        NetbuilderError: When the network or the phases are others; nothing is changed then.
    """
    model, updaters, average, keeper, course = parts
    weights = state.part("model")
    check(state, model, updaters)
    model.load_state_dict(weights)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for updater in updaters:
        updater.put_back(state.part(f"optimizer/{updater.name}"), state.about["optimizer"][updater.name], names)
    if average is not None:  # of a state without one it begins with the weights
        averages = {**weights, **state.part("average")}
        average.put_back([averages[name] for name in names.values()], state.about.get("updates", 0))
    keeper.put_back(state.part("best"), state.about["best"])
    course.put_back(state.epoch, int(state.about["epoch_step"]), state.part("random/order"), state.about["pace"])
    course.without_better = int(state.about["without_better"])
    course.epoch_losses[:] = state.tensors["losses/epoch"].tolist()
    course.held_out_losses[:] = state.tensors["losses/held_out"].tolist()
    for updater in updaters:  # without any losses, too: what the rate had dropped by since is taken back
        updater.end_epoch(course.held_out_losses)
    _put_back_random(state.part("random"), state.about["random"], next(model.parameters()).device)


def _random_now(device: torch.device) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the states of the generators that a step may draw from: the tensors, and what is none."""
    version, words, gauss = random.getstate()
    legacy = np.random.get_state(legacy=False)
    numpy_state: Any = legacy["state"]
    found = {
        "cpu": torch.get_rng_state(),
        "python": torch.tensor(words, dtype=torch.int64),
        "numpy": torch.from_numpy(numpy_state["key"].astype(np.int64)),
    }
    if device.type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        found["mps"] = torch.mps.get_rng_state()
    numbers = {
        "python": [version, gauss],
        "numpy": [int(numpy_state["pos"]), int(legacy["has_gauss"]), float(legacy["gauss"])],
    }
    return found, numbers


def _put_back_random(states: Mapping[str, Tensor], numbers: Mapping[str, Any], device: torch.device) -> None:
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])
    version, gauss = numbers["python"]
    random.setstate((version, tuple(states["python"].tolist()), gauss))
    position, has_gauss, cached = numbers["numpy"]
    key = states["numpy"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", key, position, has_gauss, cached))
