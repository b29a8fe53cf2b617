"""Questions: what becomes of one whose window goes away below it."""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QMessageBox, QWidget

from netbuilder.ui.dialogs import Answer, ask


def test_a_question_whose_window_goes_away_is_answered_by_the_way_back(qapp):
    window = QWidget()
    window.show()
    seen: list[int] = []

    def go() -> None:
        seen.append(len(window.findChildren(QMessageBox)))
        shiboken6.delete(window)

    QTimer.singleShot(50, go)
    assert ask(window, "Reload?", "", "Reload") is Answer.CANCEL
    assert seen == [1]
