"""Garbage collection on Qt's thread only.

A collection that happens to run on the training thread may free Qt objects there, which crashes. So the automatic
collector is off while the window lives, and a timer on Qt's thread collects instead.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 250
"""Short, so that little has come since the last time: what an edit of a large network leaves takes 20 ms in one go."""

_OLDER_EVERY = (40, 240)


class Collector(QObject):
    """Collects the young generation often, and older ones more rarely, when there is enough to collect."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._turns = 0
        gc.disable()
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(self._collect)
        self._timer.start()

    def spare(self) -> None:
        """Leave out of every later collection what exists now: called when a large package has just been imported."""
        gc.freeze()

    def stop(self) -> None:
        """Give collection back to Python."""
        self._timer.stop()
        gc.enable()

    def _collect(self) -> None:
        self._turns += 1
        middle, old = _OLDER_EVERY
        if self._turns % old == 0:
            gc.collect(2)
        elif self._turns % middle == 0:
            gc.collect(1)
        elif gc.get_count()[0] > 700:
            gc.collect(0)
