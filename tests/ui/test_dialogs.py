"""Questions: what they quote, and what becomes of one whose window goes away below it."""

from __future__ import annotations

from pathlib import Path

import shiboken6
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QLabel, QMessageBox, QWidget

from netbuilder.foundation.problem import Fix, Problem
from netbuilder.ui.dialogs import (
    Answer,
    ask,
    ask_discard,
    ask_open_elsewhere,
    ask_overwrite_changed,
    ask_reload,
    ask_replace,
    ask_unsaved,
    ask_version_instead,
    show_problems,
)


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


def test_what_a_question_quotes_is_shown_as_it_is(qapp, monkeypatch):
    """Names come from files, which anybody may have written."""
    shown: list[tuple[str, str]] = []

    def look(box: QMessageBox) -> int:
        title, detail = (box.findChild(QLabel, f"qt_msgbox_{name}") for name in ("label", "informativelabel"))
        shown.append((_plain(title), _plain(detail)))
        return 0

    monkeypatch.setattr(QMessageBox, "exec", look)
    monkeypatch.setattr(QMessageBox, "open", look)
    window, name, path = QWidget(), "R&D <b>1</b> &amp; 2", Path("a<img src=x>&b.netb")
    ask_unsaved(window, name)
    ask_discard(window, name)
    ask_overwrite_changed(window, path)
    ask_replace(window, path)
    ask_reload(window, path, is_modified=True)
    ask_version_instead(window, path, "Line 3 of <x> is damaged.", "today")
    ask_open_elsewhere(window, path, "<Ann> has it open.")
    show_problems(window, f"“{path.name}” cannot be opened", (Problem(code="x", message=name),))
    unsaved, discard, *others, version, elsewhere, problem = shown
    assert unsaved[0] == f"Save the changes to “{name}”?"
    assert f"“{name}”" in discard[1]
    assert all(path.name in title for title, _ in (*others, version, elsewhere, problem))
    assert version[1].startswith("Line 3 of <x> is damaged.\n\nThe version saved today")
    assert elsewhere[1].startswith("<Ann> has it open. A copy")
    assert problem[1] == name


def _plain(label: QLabel | None) -> str:
    """Return what a label shows."""
    assert label is not None
    assert label.textFormat() is not Qt.TextFormat.AutoText, "Qt guesses, and shows &amp; where no tag follows"
    if label.textFormat() is Qt.TextFormat.PlainText:
        return label.text()
    page = QTextDocument()
    page.setHtml(label.text())
    return page.toPlainText()


def test_what_mends_a_problem_has_a_button(qapp, qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    done = []
    fix = Fix(title="Skip it", edit="set_parameters", arguments={})
    show_problems(
        window, "The run has stopped", (Problem(code="x", message="It is broken.", fixes=(fix,)),), done.append
    )
    (box,) = window.findChildren(QMessageBox)
    assert [button.text().replace("&", "") for button in box.buttons()] == ["OK", "Skip it"]
    box.buttons()[1].click()
    assert done == [fix]
    qtbot.waitUntil(lambda: not window.findChildren(QMessageBox))
