"""Events: what a session tells, in words for people and data for programs."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from netbuilder.training.protocol import Command, Event

GO_ON: Final = "go_on"
"""What people can do about a run that failed (`Problem.actions`): go on from its last state."""

GO_ON_CPU: Final = "go_on_cpu"
"""The same on the processor."""

GO_ON_APART: Final = "go_on_apart"
"""The same in a process of its own."""

DEVICE_FAULT: Final = "training.device"
"""The code of the problem that a device failed: whoever used it must begin anew."""


def ignored(command: Command, reason: str, step: int) -> Event:
    """Return the log entry for a command that makes no sense now."""
    return Event(kind="log", text=f"{type(command).__name__} was ignored: {reason}.", step=step)


def crash(error: BaseException, step: int) -> Event:
    """Return the event for a defect of ours, with the traceback for the crash report."""
    text = "".join(traceback.format_exception(error))
    return Event(kind="crash", text=f"{type(error).__name__}: {error}"[:500], step=step, data={"traceback": text})


def epoch_event(
    epoch: int, epochs: int, metrics: Mapping[str, float], train_loss: float, best: bool, step: int
) -> Event:
    """Return the event of an epoch's end.

    Args:
        epoch: Which, from 1.
        epochs: Of how many.
        metrics: What the validation part scored; empty when there is none.
        train_loss: The mean of its steps' losses.
        best: Whether its weights are the best so far.
        step: Steps done.
    """
    shown = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
    text = f"Epoch {epoch} of {epochs}" + (f": {shown}" if shown else "")
    data = {"epoch": epoch, "metrics": dict(metrics), "best": best, "train_loss": train_loss}
    return Event(kind="epoch", text=text, step=step, data=data)


def checkpoint_event(path: Path, best: bool, step: int) -> Event:
    """Return the event that weights were saved."""
    return Event(kind="checkpoint", text=f"Saved {path.name}", step=step, data={"path": str(path), "best": best})


def end_event(
    reason: str, test: Mapping[str, float] | None = None, folder: str = "", best_epoch: int | None = None, step: int = 0
) -> Event:
    """Return the event that ends every run.

    Args:
        reason: "finished", "early stopping", "stopped" or "failed".
        test: Metric -> value on the test part.
        folder: The run's folder.
        best_epoch: The epoch (from 1) of the best weights.
        step: Steps done.
    """
    words = {
        "finished": "Training finished",
        "early stopping": "Training stopped early: validation no longer improved",
        "stopped": "Training was stopped",
        "failed": "Training failed",
    }[reason]
    shown = ", ".join(f"{name} {value:.4g}" for name, value in (test or {}).items())
    text = f"{words}. On the test part: {shown}." if shown else f"{words}."
    data = {"test": dict(test or {}), "reason": reason, "folder": folder, "best_epoch": best_epoch}
    return Event(kind="end", text=text, step=step, data=data)
