"""Closing the window: what is asked first, and what is waited for, in the time that a user takes for granted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QThreadPool

from netbuilder.ui import dialogs
from netbuilder.ui.dialogs import Answer

if TYPE_CHECKING:
    from netbuilder.ui.window import MainWindow

PATIENCE = 4.0
"""Seconds that closing waits for a run and for writing, together; what takes longer is abandoned with what it has
written. The rest of the five seconds within which the program promises to be gone is for leaving itself."""

LEAST_PATIENCE = 0.5
"""Seconds that a run's own process is given to end, however long the run has taken to."""


def ask_to_close(window: MainWindow) -> bool:
    """Ask what could be lost; returns whether the window may go."""
    workspace = window.workspace
    if workspace.state.is_active and dialogs.ask_running(window) is not Answer.YES:
        return False
    # The run is stopped first, so that it saves itself while the next question waits for its answer.
    workspace.control.stop()
    if not workspace.is_modified:
        return True
    answer = dialogs.ask_unsaved(window, workspace.name)
    return window.files.save() if answer is Answer.YES else answer is Answer.NO


def wind_up(window: MainWindow, *, keep: bool) -> bool:
    """Stop whatever runs and give everything back.

    Args:
        window: What closes.
        keep: Whether what is not saved waits in the journal for the next start.

    Returns:
        Whether everything in the background came to its end in time.
    """
    workspace = window.workspace
    workspace.control.stop()
    deadline = time.monotonic() + PATIENCE

    def left() -> float:
        return max(0.0, deadline - time.monotonic())

    window.journal.finish(keep=keep)
    workspace.file.lock.release()
    written = window.background.stop(PATIENCE)
    arranged = not window.is_furnished or window.canvas.arranging.stop(left())
    trained = workspace.trainer.wait(left())
    workspace.trainer.leave(max(left(), LEAST_PATIENCE))
    # Qt itself waits for the panels' readings when it goes, and without end: here they have their time, too.
    readings = QThreadPool.globalInstance()
    readings.clear()
    read = readings.waitForDone(round(1000 * left()))
    return written and arranged and trained and read
