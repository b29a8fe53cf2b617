"""The form of a training state: what it must hold before anything of it is put into a run.

A file's seal proves that it is what was written, not that a training wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch

_NUMBER: Final = (int, float)


@dataclass(frozen=True, slots=True)
class _Each:
    """The form of a mapping whose keys may be any, and whose values all have one form."""

    form: Any


_ABOUT: Final[Mapping[str, Any]] = {
    "step": int,
    "epoch": int,
    "epoch_step": int,
    "pace": [int, int, int],
    "without_better": int,
    "optimizer": _Each({"optimizer": str, "factor": _NUMBER, "values": _Each(dict), "warming": _Each(int)}),
    "best": dict,
    "rate": [(*_NUMBER, type(None)), int],
    "plan": {"epochs": int},
    "data": _Each(str),
    "random": {"python": [int, (*_NUMBER, type(None))], "numpy": [int, int, _NUMBER]},
}
"""Each plain value's form: types, lists and mappings of forms; more keys than these may be there."""

_BEST: Final = {"epoch": int, "step": int, "metrics": _Each(_NUMBER)}
"""The form of "best" once an epoch was finished."""

_CONFUSION: Final = {"step": int, "classes": list}

_TENSORS: Final[Mapping[str, tuple[torch.dtype, int | None]]] = {
    "losses/epoch": (torch.float64, None),
    "losses/held_out": (torch.float64, None),
    "random/cpu": (torch.uint8, torch.Generator().get_state().numel()),
    "random/python": (torch.int64, 625),
    "random/numpy": (torch.int64, 624),
}
"""Each tensor's type and length; those of the generators are as long as these libraries make them."""


def find_fault(about: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the key of the first value or tensor of a state that is missing or of another form; "" when all are there.

    Whether they fit a network is another question.

    Args:
        about: The state's plain values.
        tensors: Its tensors.
    """
    forms = dict(_ABOUT)
    if about.get("best") != {}:
        forms["best"] = _BEST
    if any(key.startswith("average/") for key in tensors):
        forms["updates"] = int
    if "picture/confusion" in tensors:
        forms["confusion"] = _CONFUSION
    for key, form in forms.items():
        if not _has_form(about.get(key), form):
            return key
    orders = {key: _TENSORS["random/cpu"] for key in tensors if key.startswith("random/order/")}
    for key, (dtype, length) in {**_TENSORS, **orders}.items():
        if not _is_row(tensors.get(key), dtype, length):
            return key
    return ""


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
    return isinstance(value, form)


def _is_row(tensor: torch.Tensor | None, dtype: torch.dtype, length: int | None) -> bool:
    """Whether a tensor is there, of a type, and one row of a length, None being any."""
    return tensor is not None and tensor.dtype == dtype and tensor.ndim == 1 and length in (None, len(tensor))
