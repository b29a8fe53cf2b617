"""Motion: what glides from one state to another instead of jumping there."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from PySide6.QtCore import QEasingCurve, QObject, QTimer
from PySide6.QtWidgets import QStyle, QWidget

from netbuilder.foundation.preferences import Preferences

_FRAME = 16  # milliseconds


def is_wanted(widget: QWidget, preferences: Preferences) -> bool:
    """Return whether things may move by themselves: neither the user nor the desktop wants less motion."""
    hint = widget.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration, None, widget)
    return not preferences.get("reduce_motion") and hint > 0


class Motion(QObject):
    """One movement at a time; a new one ends the one before where it was going."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = QTimer(self, interval=_FRAME)
        self._timer.timeout.connect(self._go_on)
        self._curve = QEasingCurve(QEasingCurve.Type.OutCubic)
        self._step: Callable[[float], object] | None = None
        self._begun, self._seconds = 0.0, 0.0

    @property
    def is_running(self) -> bool:
        """Whether something is moving."""
        return self._step is not None

    def start(self, step: Callable[[float], object], milliseconds: int) -> None:
        """Call `step` with parts from 0 to 1 until the time is over; the last call is with 1 exactly.

        Args:
            step: Shows a part of the movement.
            milliseconds: How long it takes.
        """
        self.finish()
        self._step, self._begun, self._seconds = step, perf_counter(), milliseconds / 1000
        step(0.0)
        self._timer.start()

    def finish(self) -> None:
        """Be at the end of the movement at once."""
        step = self._take()
        if step is not None:
            step(1.0)

    def stop(self) -> None:
        """Stay where the movement is now."""
        self._take()

    def _take(self) -> Callable[[float], object] | None:
        self._timer.stop()
        step, self._step = self._step, None
        return step

    def _go_on(self) -> None:
        part = (perf_counter() - self._begun) / self._seconds
        if part >= 1.0:
            self.finish()
        elif self._step is not None:
            self._step(self._curve.valueForProgress(part))
