"""Questions: what they quote, and what becomes of one whose window goes away below it."""

from __future__ import annotations

from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel, QMessageBox, QWidget

from netbuilder.foundation.problem import Fix, Problem
from netbuilder.ui import dialogs
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
    choose_project_target,
    choose_target,
    show_problems,
)
from netbuilder.ui.openings import Opening, recognize


@pytest.mark.parametrize(("typed", "saved"), [("net", "net.netb"), ("net.v2", "net.v2.netb"), ("net.netb", "net.netb")])
@pytest.mark.parametrize("answer", [Answer.YES, Answer.CANCEL])
def test_a_project_is_saved_under_a_name_that_opens_again_and_replaces_nothing_unasked(
    qapp, monkeypatch, tmp_path, typed, saved, answer
):
    asked: list[Path] = []
    monkeypatch.setattr(dialogs, "ask_replace", lambda parent, path, *_: asked.append(path) or answer)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / typed), ""))
    target = tmp_path / saved
    assert choose_project_target(QWidget(), tmp_path / "x.netb") == target
    assert recognize(target) is Opening.PROJECT
    assert asked == []
    target.write_text("here before")
    assert choose_project_target(QWidget(), tmp_path / "x.netb") == (target if answer is Answer.YES else None)
    assert asked == [target]


@pytest.mark.parametrize(
    ("typed", "chosen", "written"),
    [
        ("loss", "SVG drawing (*.svg)", "loss.svg"),
        ("loss.v2", "", "loss.v2.png"),
        ("loss.SVG", "PNG picture (*.png)", "loss.SVG"),
    ],
)
def test_an_exported_file_ends_as_its_kind(qapp, monkeypatch, tmp_path, typed, chosen, written):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / typed), chosen))
    kinds = {".png": "PNG picture", ".svg": "SVG drawing"}
    assert choose_target(QWidget(), "Export", tmp_path / "x.png", kinds) == tmp_path / written


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


def test_escape_leaves_a_message_that_has_other_buttons_too(qapp, qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    fix = Fix(title="Skip it", edit="set_parameters", arguments={})
    done = []
    show_problems(window, "It has stopped", (Problem(code="x", message="Broken.", fixes=(fix,)),), done.append)
    (box,) = window.findChildren(QMessageBox)
    QTest.keyClick(box, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.findChildren(QMessageBox))
    assert done == []
