"""Turns: what shows a run draws one after another, a frame each.

A drain has something new for the canvas and for every panel in sight. If all of them drew it at once, that one frame
would take as long as all of them together, and whatever else moves in the window would stand still meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer
from shiboken6 import isValid

FRAME_MS: Final = 16


class Turns(QObject):
    """Lets one draw in each frame, in the order in which they asked."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: dict[Callable[[], None], QObject] = {}
        self._timer = QTimer(self, interval=FRAME_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._next)

    def ask(self, who: QObject, draw: Callable[[], None]) -> None:
        """Have something drawn in a frame of its own; what waits already keeps its place.

        Args:
            who: Draws; nothing is done for who is gone when the turn comes.
            draw: One of its methods. It shows what is known when the turn comes.
        """
        self._waiting.setdefault(draw, who)
        if not self._timer.isActive():
            self._timer.start()

    @property
    def are_waiting(self) -> bool:
        """Whether somebody's turn is still to come."""
        return self._timer.isActive()

    def finish(self) -> None:
        """Let all draw that wait."""
        while self._waiting:
            self._next()

    def _next(self) -> None:
        draw = next(iter(self._waiting), None)
        if draw is None:
            self._timer.stop()
            return
        if isValid(self._waiting.pop(draw)):
            draw()
