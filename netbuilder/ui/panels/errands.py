"""Errands: slow reading done on a worker thread, of which only the newest answer counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QThreadPool, Signal, Slot

from netbuilder.foundation.problem import NetbuilderError


class _Mail(QObject):
    """Carries an answer to Qt's thread."""

    arrived = Signal(int, object)


class _Work:
    """A function and where its answer goes. No `QRunnable`: PySide keeps most of them for ever, with all they hold."""

    def __init__(self, number: int, function: Callable[[], Any], mail: _Mail) -> None:
        self._number, self._function, self._mail = number, function, mail

    def __call__(self) -> None:
        """Do it; the user's mistakes travel as the answer, and so do our own, which are raised in Qt's thread."""
        try:
            answer = self._function()
        except Exception as error:
            answer = error
        self._mail.arrived.emit(self._number, answer)


class Errand(QObject):
    """Runs one function at a time for somebody in Qt's thread.

    Signals:
        done: (answer) the newest function returned.
        failed: (NetbuilderError) the newest function raised the user's problems.
    """

    done = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._number = 0
        # Without a parent: a worker that is still running when the window goes keeps it alive.
        self._mail = _Mail()
        self._mail.arrived.connect(self._receive)

    def run(self, function: Callable[[], Any]) -> None:
        """Call `function` on a worker thread; the answer to an earlier one is dropped."""
        self._number += 1
        QThreadPool.globalInstance().start(_Work(self._number, function, self._mail))

    def forget(self) -> None:
        """Drop whatever answer is still to come."""
        self._number += 1

    @Slot(int, object)
    def _receive(self, number: int, answer: object) -> None:
        if number != self._number:
            return
        if isinstance(answer, NetbuilderError):
            self.failed.emit(answer)
        elif isinstance(answer, Exception):
            raise answer
        else:
            self.done.emit(answer)
