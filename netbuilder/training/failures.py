"""Failures: what torch and the system raise while training, put into plain words with advice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from netbuilder.document.model import Plan
from netbuilder.document.plan import MOST_ACCUMULATED
from netbuilder.foundation.problem import Fix, NetbuilderError, Problem, Severity
from netbuilder.training.events import DEVICE_FAULT, GO_ON_APART, GO_ON_CPU
from netbuilder.training.shortage import in_short

_FAULTS = ("CUDA error", "cudaError", "CUDNN_STATUS", "CUBLAS_STATUS", "NCCL error", "MPS backend failed")
_NO_MEMORY = ("can't allocate memory", "out of memory", "not enough memory")


def make_folder(folder: Path) -> None:
    """Create a run's folder.

    Raises:
        NetbuilderError: When the system refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NetbuilderError(
            Problem(
                code="run.folder",
                message=f"The run's folder {folder.name} cannot be made: {error.strerror or error}.",
                file=str(folder),
                expected="a folder that may be written to",
            )
        ) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that the device or the computer has no memory left."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _NO_MEMORY)


def is_device_fault(error: BaseException) -> bool:
    """Whether `error` says that the device is of no more use to this process: CUDA forgets nothing of a fault."""
    if isinstance(error, torch.AcceleratorError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _FAULTS)


@contextmanager
def explained(plan: Plan, explain: Callable[[BaseException], Problem | None]) -> Iterator[None]:
    """Turn errors that are the user's to mend into problems; let all others pass.

    Args:
        plan: The plan, for advice.
        explain: Maps an error raised by the network's own text to a problem naming the node, or None.

    Raises:
        NetbuilderError: In place of running out of memory and of errors that `explain` knows.
    """
    try:
        yield
    except NetbuilderError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            problem: Problem | None = out_of_memory(plan, error)
            # The traceback's frames hold the tensors of the failed step: without them the memory is free again.
            error.__traceback__ = None
        elif is_device_fault(error):
            raise NetbuilderError(device_fault(error)) from error  # nothing can be asked of the device any more
        else:
            problem = explain(error)
            if problem is not None and plan.precision != "float32":
                problem = _blaming_precision(problem, plan)
        if problem is None:
            raise
        release_memory()
        raise NetbuilderError(problem) from error


def _blaming_precision(problem: Problem, plan: Plan) -> Problem:
    """Return a layer's failure with the fix that computes in float32: some have no kernels for 16 bits."""
    fix = Fix(title="Compute in float32", edit="change_plan", arguments={"values": {"precision": "float32"}})
    dtype = "bfloat16" if plan.precision == "bf16" else "float16"
    message = f"{problem.message} The network computes in {dtype}, which not every layer can here."
    return replace(problem, message=message, fixes=(fix, *problem.fixes))


def release_memory() -> None:
    """Give memory that torch keeps for later back to the device."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def device_fault(error: BaseException) -> Problem:
    """Return the problem that the device failed: after a sleep, with a driver's fault, or when it is taken away."""
    return Problem(
        code=DEVICE_FAULT,
        message="The device reported a fault and can compute nothing more for this process. The run is kept as it was"
        " saved last, and can go on from there in another process or on the CPU.",
        expected="a device that answers",
        found=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
        actions=(GO_ON_APART, GO_ON_CPU),
    )


def out_of_memory(plan: Plan, error: BaseException) -> Problem:
    """Return the problem that memory ran out, offering a smaller batch, and several of them an update."""
    half = plan.batch_size // 2
    advice = f"Try a batch size of {half}, or a smaller network." if half else "Try a smaller network."
    wishes = []
    if half:
        wishes.append((f"Set the batch size to {half}", {"batch_size": half}))
        twice = min(2 * plan.accumulation, MOST_ACCUMULATED)
        wishes.append(
            (f"Make each update of {twice} batches of {half}", {"batch_size": half, "accumulation": twice}),
        )
    fixes = tuple(Fix(title=title, edit="change_plan", arguments={"values": values}) for title, values in wishes)
    needed, there = in_short(error)
    figures = f" {needed} were needed, {there}." if needed else ""
    return Problem(
        code="training.memory",
        message=f"There is not enough memory for batches of {plan.batch_size}.{figures} {advice}",
        field="batch_size",
        expected=needed,
        found=there or (str(error).splitlines()[0][:200] if str(error) else type(error).__name__),
        fixes=fixes,
    )


def unknown_monitor(wish: str, known: Sequence[str]) -> Problem:
    """Return the warning that the plan watches a metric that there is not, so that the loss is watched instead."""
    return Problem(
        code="plan.monitor",
        severity=Severity.WARNING,
        message=f"This network has no {wish!r} to watch: the best weights are those with the smallest loss.",
        field="monitor",
        expected="one of " + ", ".join(known),
        found=wish,
        fixes=(Fix(title="Watch the loss", edit="change_plan", arguments={"values": {"monitor": "loss"}}),),
    )


def not_finite(step: int, values: Mapping[str, float], node: str, where: str, kept: str) -> Problem:
    """Return the problem that a loss or a gradient stopped being a number.

    Args:
        step: The step (from 1) whose update was not made.
        values: Loss label (or "gradient_norm") -> value.
        node: The node to blame, or "".
        where: What is known of where it began, for people; or "".
        kept: Which weights were kept, for people.
    """
    shown = ", ".join(f"{name} = {value:g}" for name, value in values.items())
    advice = "A lower learning rate or gradient clipping usually helps."
    return Problem(
        code="training.not_finite",
        message=" ".join(filter(None, (f"Training stopped at step {step}: {shown}.", where, kept, advice))),
        node=node,
        expected="finite numbers",
        found=shown,
        fixes=(
            Fix(
                title="Clip gradients to norm 1",
                edit="change_plan",
                arguments={"values": {"clip_norm": 1.0}},
            ),
        ),
    )
