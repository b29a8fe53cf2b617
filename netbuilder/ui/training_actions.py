"""What the Train menu does."""

from __future__ import annotations

from netbuilder.training.protocol import State
from netbuilder.ui.workspace import Workspace


class TrainingActions:
    """One key trains, pauses and goes on; others step."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def train_or_pause(self) -> None:
        """Start a run, or pause the one in progress, or go on with a paused one."""
        if self._workspace.state is State.RUNNING:
            self._workspace.pause()
        else:
            self._workspace.train()

    def step_batch(self) -> None:
        """Do one batch, then pause."""
        self._workspace.step("batch")

    def step_epoch(self) -> None:
        """Go on to the end of the epoch, then pause."""
        self._workspace.step("epoch")
