"""Reading on worker threads leaves nothing behind."""

from __future__ import annotations

import weakref

from PySide6.QtCore import QObject

from netbuilder.ui.panels.errands import Errand


class Heavy:
    """What a function holds."""

    def read(self) -> int:
        return 7


def test_what_was_read_is_not_kept(qtbot):
    parent = QObject()
    errand = Errand(parent)
    kept = []
    for _ in range(50):
        heavy = Heavy()
        kept.append(weakref.ref(heavy))
        with qtbot.waitSignal(errand.done) as told:
            errand.run(heavy.read)
        assert told.args == [7]
    del heavy
    qtbot.waitUntil(lambda: not any(each() for each in kept))
