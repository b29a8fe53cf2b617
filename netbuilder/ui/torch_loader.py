"""Loads torch behind the window's back: a thread that starts right after the first paint.

It runs with the garbage collector off (its passes over hundreds of thousands of new objects were the long stalls), and
what was imported is then frozen out of later collections.

`torch._dynamo` is left to the first run that compiles: it takes a second and 90 MB (`training/optimizers.py`).
"""

from __future__ import annotations

import gc
import importlib
import threading
import traceback

from PySide6.QtCore import QObject, Qt, Signal

from netbuilder.foundation.waiting import wait_passively

MODULES = ("torch", "netbuilder.training.session")
"""In this order."""


class TorchLoader(QObject):
    """Imports torch on a thread of its own, once.

    Signals:
        loaded: () torch is there.
        failed: (str) it cannot be imported; the text is the traceback.
    """

    loaded = Signal()
    failed = Signal(str)
    _done = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # A daemon: closing the window while torch is loading must not wait for it.
        self._thread = threading.Thread(target=self._load, name="torch loader", daemon=True)
        self._done.connect(self._finish, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether the import is going on."""
        return self._thread.is_alive()

    def _load(self) -> None:
        trouble = ""
        wait_passively()
        try:
            for name in MODULES:
                importlib.import_module(name)
            importlib.import_module("netbuilder.compiler.meta").warm_up()
        except Exception:
            trouble = traceback.format_exc()
        try:
            self._done.emit(trouble)
        except RuntimeError:
            # The window was closed meanwhile and Qt's side of this object is gone: nobody is left to tell.
            return

    def _finish(self, trouble: str) -> None:
        if trouble:
            self.failed.emit(trouble)
            return
        gc.freeze()
        self.loaded.emit()
