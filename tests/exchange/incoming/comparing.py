"""Comparing an import with its original: equal outputs, for the given samples and for another number of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import netbuilder
from netbuilder.project import Project

TOLERANCE = 1e-5


def flat(result: Any) -> list[Tensor]:
    """Return all tensors of a module's result."""
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, Mapping):
        result = list(result.values())
    return [each for part in result if part is not None for each in flat(part)]


def larger(inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return inputs of two samples more."""
    return tuple(torch.cat([each, each.flip(0)[:1], each[:1]]) for each in inputs)


def difference(one: nn.Module, other: nn.Module, inputs: Sequence[Tensor], seed: int = 0) -> float:
    """Return the largest difference of two modules' outputs, which must have equal shapes and kinds."""
    one.eval()
    other.eval()
    with torch.no_grad():
        torch.manual_seed(seed)
        wanted = flat(one(*inputs))
        torch.manual_seed(seed)
        found = flat(other(*inputs))
    assert len(wanted) == len(found)
    largest = 0.0
    for a, b in zip(wanted, found, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        if a.numel():
            largest = max(largest, float((a.float() - b.float()).abs().max()))
    return largest


def check_import(module: nn.Module, *inputs: Tensor, batches: bool = True) -> Project:
    """Import a module and compare what it computes with the original.

    Returns:
        The project.
    """
    modes = [each.training for each in module.modules()]
    project = netbuilder.from_module(module, inputs)
    assert [each.training for each in module.modules()] == modes
    errors = [problem for problem in project.check().problems if problem.code == "layer.foreign"]
    assert not errors, [problem.message for problem in errors]
    built = project.build()
    assert difference(module, built, inputs) <= TOLERANCE
    if batches:
        assert difference(module, built, larger(inputs)) <= TOLERANCE
    return project
