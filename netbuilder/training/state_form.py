"""The form of a training state: what it must hold before anything of it is put into a run.

A file's seal proves that it is what was written, not that a training wrote it. Whether a state fits a network is
another question (`netbuilder.training.state_fit`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

MOST: Final = 1 << 53
"""Counts stay below this; no run comes so far."""

_ORDER: Final = "random/order/"


@dataclass(frozen=True, slots=True)
class _Each:
    """The form of a mapping whose keys may be any, and whose values all have one form."""

    form: Any


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < MOST


def _difference(value: Any) -> bool:
    return type(value) is int and -MOST < value < MOST


def _number(value: Any) -> bool:
    return type(value) in (int, float)


def _finite(value: Any) -> bool:
    return _number(value) and math.isfinite(value)


def _number_or_none(value: Any) -> bool:
    return value is None or _number(value)


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _place(value: Any) -> bool:
    """Whether this is a place among the 624 words of a Mersenne twister: numpy does not look, and reads beyond them."""
    return type(value) is int and 0 <= value <= 624


_ABOUT: Final[Mapping[str, Any]] = {
    "step": _count,
    "epoch": _count,
    "epoch_step": _count,
    "pace": [_count, _count, _difference],
    "without_better": _count,
    "optimizer": _Each({"optimizer": str, "factor": _finite, "warming": _Each(_count)}),
    "best": dict,
    "rate": [_number_or_none, _count],
    "plan": {"epochs": int},
    "data": _Each(str),
    "random": {"python": [int, _number_or_none], "numpy": [_place, _count, _number]},
}
"""Each plain value's form: types, predicates, lists and mappings of forms; more keys than these may be there."""

_BEST: Final = {"epoch": _count, "step": _count, "metrics": _Each(_number)}
"""The form of "best" once an epoch was finished."""

_CONFUSION: Final = {"step": _count, "classes": _names}

_OF_SNAPSHOTS: Final = {"paths": _Each(str), "parameters": _names}
"""What a snapshot says beside, for comparisons."""

_SCALER: Final = {
    "scale": _finite,
    "growth_factor": _finite,
    "backoff_factor": _finite,
    "growth_interval": _count,
    "_growth_tracker": _count,
}
"""What torch's scaler of losses in float16 wants to have back."""

_TENSORS: Final[Mapping[str, tuple[torch.dtype, int | None]]] = {
    "losses/epoch": (torch.float64, None),
    "losses/held_out": (torch.float64, None),
    "random/cpu": (torch.uint8, torch.Generator().get_state().numel()),
    "random/python": (torch.int64, 625),
    "random/numpy": (torch.int64, 624),
}
"""Each tensor's type and length; those of the generators are as long as these libraries make them."""


def find_fault(about: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the key of the first value or tensor of a state that is missing or cannot be; "" when all is well.

    Args:
        about: The state's plain values.
        tensors: Its tensors.
    """
    forms = {**_ABOUT, **{key: form for key, form in _OF_SNAPSHOTS.items() if key in about}}
    if about.get("best") != {}:
        forms["best"] = _BEST
    if any(key.startswith("average/") for key in tensors):
        forms["updates"] = _count
    if "picture/confusion" in tensors:
        forms["confusion"] = _CONFUSION
    for key, form in forms.items():
        if not _has_form(about.get(key), form):
            return key
    orders = {key: _TENSORS["random/cpu"] for key in tensors if key.startswith(_ORDER)}
    for key, (dtype, length) in {**_TENSORS, **orders}.items():
        if not _is_row(tensors.get(key), dtype, length):
            return key
    return _contradiction(about, tensors) or _odd_scaler(about) or _odd_generator(about, tensors)


def _has_form(value: Any, form: Any) -> bool:
    """Whether a plain value has a form (see `_ABOUT`)."""
    if isinstance(form, _Each):
        return isinstance(value, dict) and all(_has_form(each, form.form) for each in value.values())
    if isinstance(form, Mapping):
        return isinstance(value, dict) and all(_has_form(value.get(key), each) for key, each in form.items())
    if isinstance(form, list):
        return (
            isinstance(value, list)
            and len(value) == len(form)
            and all(_has_form(each, own) for each, own in zip(value, form, strict=True))
        )
    return isinstance(value, form) if isinstance(form, type) else bool(form(value))


def _is_row(tensor: torch.Tensor | None, dtype: torch.dtype, length: int | None) -> bool:
    """Whether a tensor is there, of a type, and one row of a length, None being any."""
    return tensor is not None and tensor.dtype == dtype and tensor.ndim == 1 and length in (None, len(tensor))


def _contradiction(about: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the key of what does not go with the steps and epochs that were done; each step and epoch has a loss."""
    step, epoch_step, (rows, since, _) = about["step"], about["epoch_step"], about["pace"]
    if epoch_step > step:
        return "epoch_step"
    if since != step or (rows > 0) is not (step > epoch_step):
        return "pace"
    if len(tensors["losses/epoch"]) != step - epoch_step:
        return "losses/epoch"
    if len(tensors["losses/held_out"]) != about["epoch"]:
        return "losses/held_out"
    if any(begun > step for own in about["optimizer"].values() for begun in own["warming"].values()):
        return "optimizer"
    counts = tensors.get("picture/confusion")
    if counts is not None and not _is_table(counts):
        return "picture/confusion"
    answers = {key: tensor for key, tensor in tensors.items() if key.startswith("picture/outputs/")}
    return next((key for key, each in answers.items() if each.ndim != 2 or not each.is_floating_point()), "")


def _is_table(counts: torch.Tensor) -> bool:
    """Whether a confusion matrix is one; a network may have more outputs than there are names of classes."""
    return counts.ndim == 2 and counts.shape[0] == counts.shape[1] and not counts.is_floating_point()


def _odd_scaler(about: Mapping[str, Any]) -> str:
    scalers = [own["scaler"] for own in about["optimizer"].values() if "scaler" in own]
    sound = all(_has_form(each, _SCALER) and each["scale"] > 0 and each["growth_interval"] > 0 for each in scalers)
    return "" if sound else "optimizer"


def _odd_generator(about: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the key of a random number generator's state that its library refuses, tried on generators of our own."""
    version, gauss = about["random"]["python"]
    words = tensors["random/python"].tolist()
    place, has_gauss, cached = about["random"]["numpy"]
    key = tensors["random/numpy"].numpy()
    if not ((key >= 0) & (key < 1 << 32)).all():
        return "random/numpy"
    name = ""
    try:
        for name in ("random/cpu", *(each for each in tensors if each.startswith(_ORDER))):
            torch.Generator().set_state(tensors[name])
        name = "random/numpy"
        np.random.RandomState().set_state(("MT19937", key.astype(np.uint32), place, has_gauss, cached))
        name = "random/python"
        random.Random().setstate((version, tuple(words), gauss))
    except (RuntimeError, ValueError, TypeError, OverflowError):
        return name
    return ""
