"""Optimizers: each declared once, made and printed from the same declaration.

`make` builds the torch optimizer that the session steps; `source` prints the very call for an exported training loop.
Both take their arguments from `OptimizerSpec.arguments`, so that the two cannot drift apart. Torch is imported inside
functions: the window reads the declarations before torch is loaded.

Of `torch.optim` three are left out: LBFGS evaluates the loss many times in one step, which dropout and batch
statistics make another function each time, and knows no parameter groups; SparseAdam takes sparse gradients alone,
which no layer here yields; Muon takes matrices alone, so that one network would need two optimizers with a learning
rate each.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from netbuilder.document.model import Setting
from netbuilder.foundation.declaration import Registry
from netbuilder.training.optimizer_spec import OptimizerSpec
from netbuilder.training.optimizers_adam import ADAM, ADAMAX, ADAMW, NADAM, RADAM
from netbuilder.training.optimizers_adaptive import ADADELTA, ADAFACTOR, ADAGRAD, RMSPROP
from netbuilder.training.optimizers_descent import ASGD, RPROP, SGD
from netbuilder.training.settings import find_choice

if TYPE_CHECKING:
    import torch


OPTIMIZERS: Registry[OptimizerSpec] = Registry(OptimizerSpec)
for _spec in (
    SGD,
    ADAM,
    ADAMW,
    RMSPROP,
    ADAGRAD,
    NADAM,
    RADAM,
    ADAMAX,
    ADADELTA,
    ADAFACTOR,
    RPROP,
    ASGD,
):
    OPTIMIZERS.add(_spec)


def registry() -> Registry[OptimizerSpec]:
    """Return all optimizers by key, the usual ones first."""
    return OPTIMIZERS


def find(setting: Setting) -> tuple[OptimizerSpec, dict[str, Any]]:
    """Return the declaration that `setting` picks and its resolved values.

    Raises:
        NetbuilderError: When there is no such optimizer or a value is not accepted.
    """
    return find_choice(OPTIMIZERS, setting, "optimizer")


def make(setting: Setting, groups: Iterable[Mapping[str, Any]]) -> torch.optim.Optimizer:
    """Build the optimizer for parameter groups, fused where the device supports it.

    Args:
        setting: Which optimizer, with which values.
        groups: torch's parameter groups: "params" and whatever differs from the setting ("lr", "weight_decay").

    Raises:
        NetbuilderError: When the setting is not accepted.
    """
    spec, values = find(setting)
    groups = [dict(group) for group in groups]
    kinds = {(p.device.type, p.is_floating_point()) for group in groups for p in group["params"]}
    fused = bool(kinds) and all(kind in spec.fused and is_float for kind, is_float in kinds)
    options = {"fused": True} if fused else {}
    optimizer: torch.optim.Optimizer = _eager(spec.callee)(groups, **spec.arguments(values), **options)
    return optimizer


@cache
def _eager(name: str) -> Callable[..., torch.optim.Optimizer]:
    """Return torch's optimizer of that name (a class), without what it does for a compiler and a profiler.

    Torch's own imports `torch._dynamo` to keep it out of its methods, also where nothing is ever compiled: a second
    and 90 MB at a program's first training. Of ours only losses are compiled, never an optimizer. And a record for the
    profiler takes a third of a small network's update.
    """
    import torch

    for method in vars(torch.optim.Optimizer).values():
        if inspect.isfunction(method) and "disable_fn" in method.__code__.co_varnames:
            plain = inspect.unwrap(method)
            setattr(plain, "__dynamo_disable", plain)
    kind = getattr(torch.optim, name)
    step: Any = torch.no_grad()(inspect.unwrap(kind.step))
    step.hooked = True  # torch then takes it for one that it has wrapped already
    return type(name, (kind,), {"step": step, "__module__": kind.__module__})


def source(setting: Setting, parameters: str = "parameters", *, fused: str = "") -> str:
    """Return the Python expression that makes the optimizer, e.g. ``torch.optim.Adam(parameters, lr=0.001)``.

    Arguments that equal torch's own default are left out.

    Args:
        setting: Which optimizer, with which values.
        parameters: The expression for the parameters or parameter groups.
        fused: The expression for torch's `fused`, which the session sets on the devices named in `OptimizerSpec.fused`;
            "" leaves it out, as do optimizers without it.

    Raises:
        NetbuilderError: When the setting is not accepted.
    """
    import torch

    spec, values = find(setting)
    signature = inspect.signature(getattr(torch.optim, spec.callee)).parameters
    shown = {
        name: value
        for name, value in spec.arguments(values).items()
        if name == "lr" or signature[name].default != value
    }
    arguments = [parameters, *(f"{name}={value!r}" for name, value in shown.items())]
    if fused and spec.fused:
        arguments.append(f"fused={fused}")
    return f"torch.optim.{spec.callee}({', '.join(arguments)})"
