"""What the Train menu does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from netbuilder.training.protocol import State
from netbuilder.ui.workspace import Workspace

TEMPOS: Final = (0.0, 100.0, 30.0, 10.0, 3.0, 1.0)
"""Steps a second that runs can be slowed down to, the fastest first; 0 is as fast as it goes."""


class TrainingActions:
    """One key trains, pauses and goes on; others step."""

    def __init__(self, workspace: Workspace, show_panel: Callable[[str], None]) -> None:
        self._workspace = workspace
        self._show_panel = show_panel

    def train_or_pause(self) -> None:
        """Start a run, or pause the one in progress, or go on with a paused one."""
        if self._workspace.state is State.RUNNING:
            self._workspace.control.pause()
        else:
            self._workspace.control.train()

    def profile(self) -> None:
        """Measure what each layer takes; where nothing is being trained, in a run that waits at its first step."""
        self._workspace.control.profile()
        self._show_panel("profile")

    def apply(self) -> None:
        """Let the run go on with the network as it is shown."""
        self._workspace.live_edits.apply()

    def go_back(self) -> None:
        """Go back to before the run's last change."""
        self._workspace.live_edits.go_back()

    def compare_moments(self) -> None:
        """Show the panel that compares two moments."""
        self._show_panel("moments")

    def step_batch(self) -> None:
        """Do one batch, then pause."""
        self._workspace.control.step("batch")

    def step_epoch(self) -> None:
        """Go on to the end of the epoch, then pause."""
        self._workspace.control.step("epoch")

    def slower(self) -> None:
        """Let runs do fewer steps a second, to be watched."""
        self._change_tempo(1)

    def faster(self) -> None:
        """Let runs do more steps a second."""
        self._change_tempo(-1)

    def full_speed(self) -> None:
        """Let runs go as fast as they can."""
        self._change_tempo(-len(TEMPOS))

    def _change_tempo(self, by: int) -> None:
        trainer = self._workspace.trainer
        place = min(max(TEMPOS.index(trainer.tempo) + by, 0), len(TEMPOS) - 1)
        trainer.set_tempo(TEMPOS[place])
        self._workspace.message.emit(tempo_in_words(trainer.tempo))
        self._workspace.stateChanged.emit(self._workspace.state)


def tempo_in_words(tempo: float) -> str:
    """Say how fast runs may go."""
    if not tempo:
        return "Training goes as fast as it can"
    return f"Training is slowed down to {tempo:g} {'step' if tempo == 1 else 'steps'} a second"
