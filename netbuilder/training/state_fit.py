"""The fit of a training state: whether everything in it goes into a network and its optimizers, asked before it does.

Whether a state hangs together by itself is another question (`netbuilder.training.state_form`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.optimizer_memory import Remembered
from netbuilder.training.state import TrainingState
from netbuilder.training.updates import Updater, by_parameter


def check(state: TrainingState, model: nn.Module, updaters: Sequence[Updater]) -> None:
    """Refuse a state of another network or of other phases, or one that no training of this network has saved.

    Args:
        state: The state.
        model: The network that it is to be put into.
        updaters: One a phase.

    Raises:
        NetbuilderError: When something of it would not go in.
    """
    present = model.state_dict()
    odd = _differing(state.part("model"), present, all_needed=True)
    what = f"the network is another one since ({_listed(odd)})" if odd else _odd_phase(state, updaters)
    what = what or _odd_copies(state, present) or _odd_generators(state, next(model.parameters()).device)
    for updater in () if what else updaters:
        what = what or _odd_memory(state, model, updater)
    if what:
        raise NetbuilderError(_mismatch(state, what))


def _differing(held: Mapping[str, Tensor], present: Mapping[str, Tensor], *, all_needed: bool) -> list[str]:
    """Return the keys of tensors that only one of two has, or that differ in shape."""
    missing = [key for key in present if key not in held] if all_needed else []
    return missing + [key for key, each in held.items() if key not in present or each.shape != present[key].shape]


def _odd_phase(state: TrainingState, updaters: Sequence[Updater]) -> str:
    kept = state.about["optimizer"]
    phases = {updater.name: updater for updater in updaters}
    others = [name for name in {**kept, **phases} if name not in kept or name not in phases]
    if others:
        return f"its phases are others since (the phase {others[0]!r})"
    changed = [name for name, updater in phases.items() if kept[name]["optimizer"] != updater.setting.key]
    return f"the optimizer of {changed[0]!r} is another one since" if changed else ""


def _odd_copies(state: TrainingState, present: Mapping[str, Tensor]) -> str:
    """Tell what is odd about the best weights and the running average."""
    best = state.part("best")
    odd = _differing(best, present, all_needed=bool(state.about["best"]))
    if odd:
        return f"its best weights are of another network ({_listed(odd)})"
    odd = _differing(state.part("average"), present, all_needed=False)
    return f"its running average is of another network ({_listed(odd)})" if odd else ""


def _odd_generators(state: TrainingState, device: torch.device) -> str:
    """Tell whether a GPU refuses the state of its generator, tried on one of our own."""
    kept = state.tensors.get(f"random/{device.type}")
    if kept is None or device.type == "cpu":
        return ""
    try:
        torch.Generator(device).set_state(kept)
    except (RuntimeError, TypeError):
        return f"it holds no state of the random numbers of {device}"
    return ""


def _odd_memory(state: TrainingState, model: nn.Module, updater: Updater) -> str:
    """Tell what is odd about what a phase's optimizer remembers of the parameters that it updates."""
    keys = {id(parameter): key for key, parameter in model.named_parameters()}
    remembered, needed = by_parameter(state.part(f"optimizer/{updater.name}")), Remembered(updater.setting)
    for parameter in updater.parameters:
        key = keys[id(parameter)]
        name = needed.find_odd(parameter, remembered.get(key, {}))
        if name:
            return f"what the optimizer of {updater.name!r} remembers of {key} does not fit ({name})"
    return ""


def _listed(keys: Sequence[str]) -> str:
    return f"{keys[0]} and {len(keys) - 1} more" if len(keys) > 1 else keys[0]


def _mismatch(state: TrainingState, what: str) -> Problem:
    return Problem(
        code="state.mismatch",
        message=(
            f"The training cannot go on from step {state.step}{f' ({state.file.name})' if state.file else ''}: {what}. "
            "Undo what was changed, go on from another moment of the run, or train from the beginning."
        ),
        expected="the network and the phases that the state was saved with",
        found=what,
        file=str(state.file) if state.file else "",
    )
