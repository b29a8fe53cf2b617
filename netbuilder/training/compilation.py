"""Compilation: a phase's losses as kernels that `torch.compile` makes, with the plain ones to fall back on.

The network itself is left alone: its keys, what is looked at and what is evaluated do not change. The first step of
each batch size waits for the compiler.

On an NVIDIA GPU the kernels can be recorded as CUDA graphs and started together (`mode="reduce-overhead"`), which
saves the processor's part of a small network's step. What a graph computes lies where its next run writes: losses are
read, and gradients used, before that, and several batches an update go without graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from netbuilder.document.model import Plan
from netbuilder.foundation.problem import Fix, Problem, Severity

Function = Callable[[nn.Module, dict[str, torch.Tensor]], Mapping[str, torch.Tensor]]


def takes_graphs(plan: Plan, device: torch.device) -> bool:
    """Whether compiled losses are to be recorded as CUDA graphs."""
    return plan.cuda_graphs and plan.accumulation == 1 and device.type == "cuda"


class CompiledLosses:
    """A phase's losses, compiled as long as the compiler manages.

    Attributes:
        is_compiled: Whether it still does.
        with_graphs: Whether they are recorded as CUDA graphs.
    """

    def __init__(self, losses: Function, tell: Callable[[Problem], None], *, with_graphs: bool = False) -> None:
        """Compile at the first call.

        Args:
            losses: A generated `<phase>_losses` function.
            tell: Is told once that the compiler failed.
            with_graphs: See `takes_graphs`.
        """
        import torch._dynamo
        import torch._inductor.config

        torch._inductor.config.compile_threads = 1  # more of them are processes, which outlive their use
        self._plain = losses
        # A size of its own for each: an epoch has at most two, and kernels for any size are slower.
        mode = "reduce-overhead" if with_graphs else None
        self._run: Callable[..., Any] = torch.compile(losses, dynamic=False, mode=mode)
        self._tell = tell
        self.with_graphs = with_graphs
        self.is_compiled = True

    def __call__(self, model: nn.Module, batch: dict[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
        """Return the losses for a batch; a compiler that fails is left alone from then on."""
        # A graph that cannot be recorded or run again raises no exception of the compiler's.
        failures = (torch._dynamo.exc.TorchDynamoException, *((RuntimeError,) if self.with_graphs else ()))
        try:
            if self.with_graphs:
                torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
            result: Mapping[str, torch.Tensor] = self._run(model, batch)
        except Exception as error:
            if not self.is_compiled or not isinstance(error, failures):
                raise
            # What the network itself is to blame for is raised again by the plain function, and told at its node.
            self._run, self.is_compiled, self.with_graphs = self._plain, False, False
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
