"""Optimizer memory: what an optimizer has remembered it can go on with, of parameters of all shapes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netbuilder.document.model import Setting
from netbuilder.training import optimizers
from netbuilder.training.optimizer_memory import Remembered

SHAPES = ((), (1,), (3,), (1, 1), (2, 1), (1, 4), (2, 3, 1), (2, 1, 3, 3), (1, 2, 1, 2, 2))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("key", [spec.key for spec in optimizers.registry()])
def test_nothing_that_was_remembered_is_odd(key, momentum):
    spec = optimizers.registry()[key]
    setting = Setting(key=key, values={"momentum": momentum} if "momentum" in spec.by_name else {})
    parameters = [nn.Parameter(torch.ones(shape)) for shape in SHAPES]
    optimizer = optimizers.make(setting, [{"params": parameters}])
    for gradient in (-1.0, 0.5):
        for parameter in parameters:
            parameter.grad = torch.full_like(parameter, gradient)
        optimizer.step()
    needed = Remembered(setting)
    for parameter in parameters:
        assert not needed.find_odd(parameter, optimizer.state[parameter]), tuple(parameter.shape)
        assert needed.completed(parameter, optimizer.state[parameter]) == optimizer.state[parameter]
    assert not needed.find_odd(parameters[0], {})


def test_complex_weights_remember_complex_numbers():
    parameter = nn.Parameter(torch.ones(3, dtype=torch.complex64))
    optimizer = torch.optim.Adam([parameter])
    parameter.grad = torch.full_like(parameter, 1 - 1j)
    optimizer.step()
    assert not Remembered(Setting(key="adam")).find_odd(parameter, optimizer.state[parameter])
