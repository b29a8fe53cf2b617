"""Compilation: a phase's losses as kernels that `torch.compile` makes, with the plain ones to fall back on.

The network itself is left alone: its keys, what is looked at and what is evaluated do not change. The first step of
each batch size waits for the compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from netbuilder.foundation.problem import Fix, Problem, Severity

Function = Callable[[nn.Module, dict[str, torch.Tensor]], Mapping[str, torch.Tensor]]


class CompiledLosses:
    """A phase's losses, compiled as long as the compiler manages.

    Attributes:
        is_compiled: Whether it still does.
    """

    def __init__(self, losses: Function, tell: Callable[[Problem], None]) -> None:
        """Compile at the first call.

        Args:
            losses: A generated `<phase>_losses` function.
            tell: Is told once that the compiler failed.
        """
        import torch._dynamo
        import torch._inductor.config

        torch._inductor.config.compile_threads = 1  # more of them are processes, which outlive their use
        self._plain = losses
        # A size of its own for each: an epoch has at most two, and kernels for any size are slower.
        self._run: Callable[..., Any] = torch.compile(losses, dynamic=False)
        self._tell = tell
        self.is_compiled = True

    def __call__(self, model: nn.Module, batch: dict[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
        """Return the losses for a batch; a compiler that fails is left alone from then on."""
        try:
            result: Mapping[str, torch.Tensor] = self._run(model, batch)
        except Exception as error:
            if not self.is_compiled or not isinstance(error, torch._dynamo.exc.TorchDynamoException):
                raise
            # What the network itself is to blame for is raised again by the plain function, and told at its node.
            self._run, self.is_compiled = self._plain, False
            result = self._plain(model, batch)
            self._tell(_failed(error))
        return result


def _failed(error: Exception) -> Problem:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return Problem(
        code="training.compile",
        severity=Severity.WARNING,
        message="torch.compile could not compile this network, so training goes on without it, at the usual speed.",
        field="compile",
        expected="a network that torch.compile takes, and a C++ compiler where it runs on the processor",
        found=(" ".join(lines[:2]) or type(error).__name__)[:200],
        fixes=(Fix(title="Do not compile", edit="change_plan", arguments={"values": {"compile": False}}),),
    )
