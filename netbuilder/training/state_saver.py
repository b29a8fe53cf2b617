"""The state saver: writes a run's state now and then, so that a run that is killed can go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.state import TrainingState, save_generation, save_only

FIRST_SECONDS: Final = 1.0
"""So soon after the start it is written for the first time."""

LEAST_SECONDS: Final = 5.0
"""At the end of epochs it is written at most this often."""

MOST_SECONDS: Final = 30.0
"""In the midst of an epoch it is written this often."""

SHARE: Final = 0.02
"""Writing takes at most this part of a run's time, as far as the last writing tells."""


class StateSaver:
    """Writes a run's state when it is time.

    Attributes:
        due: When it is to be written next, by `time.perf_counter`, though no epoch has ended.
    """

    def __init__(self, folder: Path, take: Callable[[], TrainingState], settle: Callable[[], None]) -> None:
        """Write the states of one run; the first in a while.

        Args:
            folder: The run's folder.
            take: Returns the present state.
            settle: Sees to it that all that was recorded up to now is in the run store: a run that goes on from the
                state must find it there.
        """
        self._folder = folder
        self._take = take
        self._settle = settle
        self._saved_step = -1
        self._stands_elsewhere = False
        self._pause = 0.0
        self._saved = time.perf_counter()
        self.due = self._saved + FIRST_SECONDS

    def save(self, step: int) -> None:
        """Write the state, unless that of this step was written last.

        Raises:
            NetbuilderError: When it cannot be written.
        """
        if step == self._saved_step:
            return
        begun = time.perf_counter()
        try:
            self._settle()
            (save_only if self._stands_elsewhere else save_generation)(self._folder, self._take())
            self._saved_step, self._stands_elsewhere = step, False
        except NetbuilderError:
            self._saved_step = -1
            raise
        finally:
            self._saved = time.perf_counter()
            self._pause = (self._saved - begun) / SHARE
            self.due = self._saved + max(MOST_SECONDS, self._pause)

    def save_at_epoch(self, step: int) -> None:
        """Write the state at an epoch's end, unless that was done a moment ago.

        Raises:
            NetbuilderError: When it cannot be written.
        """
        if time.perf_counter() - self._saved >= max(LEAST_SECONDS, self._pause):
            self.save(step)

    def start_over(self) -> None:
        """Let the next state take the place of all before it: the run went back, and those are of what it left."""
        self._saved_step, self._stands_elsewhere = -1, True

    def forget(self) -> None:
        """Write the next state though it is of the step that was written last: it is another one."""
        self._saved_step = -1
