"""Recurrent layers under torch's exporter: shapes by formula, so that no loop over time is unrolled. Imports torch.

Torch finds the shapes of `aten.lstm` and its like by decomposing them into one step after another. That takes long for
long sequences, and ties the result to one length. The exported graph holds the operator itself either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor


@contextmanager
def shapes_by_formula(*, plain: bool) -> Iterator[None]:
    """Answer for the shapes of recurrent operators while torch follows a network; for one thread at a time.

    Args:
        plain: Also those of plain recurrent networks, which the translation to ONNX has to decompose.
    """
    aten = torch.ops.aten
    formulas: dict[Any, Any] = {aten.lstm.input: _lstm, aten.gru.input: _one_state}
    if plain:
        formulas |= {aten.rnn_tanh.input: _one_state, aten.rnn_relu.input: _one_state}
    with ExitStack() as stack:
        for operator, formula in formulas.items():
            kernels = dict.fromkeys(operator.py_kernels, formula)
            stack.enter_context(patch.dict(operator.py_kernels, kernels))
            stack.enter_context(patch.dict(torch._decomp.decomposition_table, {operator: formula}))
            operator._dispatch_cache.clear()
        try:
            yield
        finally:
            for operator in formulas:
                operator._dispatch_cache.clear()


def _lstm(x: Tensor, states: list[Tensor], *settings: Any) -> tuple[Tensor, Tensor, Tensor]:
    hidden, cell = states
    return _sequence(x, hidden, settings), torch.empty_like(hidden), torch.empty_like(cell)


def _one_state(x: Tensor, hidden: Tensor, *settings: Any) -> tuple[Tensor, Tensor]:
    return _sequence(x, hidden, settings), torch.empty_like(hidden)


def _sequence(x: Tensor, hidden: Tensor, settings: tuple[Any, ...]) -> Tensor:
    """Return an output of the right shape; settings: weights, biases, layers, dropout, train, bidirectional, ..."""
    directions = 2 if settings[5] else 1
    return x.new_empty((*x.shape[:2], directions * hidden.shape[-1]))
