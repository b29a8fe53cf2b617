"""The PyTorch code panel: the program's text, and the way between its lines and the canvas's nodes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt, QThreadPool
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from netbuilder.compiler.program import write_program
from netbuilder.document import edits
from netbuilder.ui.panels.code import EMPTY, STALE, WAITING, CodePanel
from netbuilder.ui.panels.code_view import CodeView
from netbuilder.ui.panels.problem_rows import ProblemRow
from netbuilder.ui.theme import ThemeController, load_theme
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.recorded import CONV, FLAT, HEAD


def settle(workspace: Workspace) -> None:
    workspace.torch_loaded()
    while workspace.shapes.pending:
        workspace.analysis._work()


@pytest.fixture
def code(qtbot: QtBot, digits: Workspace, themes: ThemeController) -> CodePanel:
    pytest.importorskip("torch")
    settle(digits)
    panel = CodePanel(digits, themes)
    qtbot.addWidget(panel)
    panel.resize(800, 600)
    panel.show()
    qtbot.waitUntil(lambda: panel.program is not None, timeout=20_000)
    return panel


def line_of(panel: CodePanel, text: str) -> int:
    return next(i for i, line in enumerate(panel.view.toPlainText().splitlines(), 1) if text in line)


def test_the_text_is_the_programs_source(code: CodePanel, digits: Workspace) -> None:
    assert code.view.toPlainText() == write_program(digits.document, digits.shapes).source
    code.copy()
    assert QGuiApplication.clipboard().text() == code.view.toPlainText()
    assert code.view.isReadOnly()


def test_selecting_a_node_marks_its_lines(code: CodePanel, digits: Workspace) -> None:
    digits.select([CONV])
    lines = code.view.toPlainText().splitlines()
    assert code.view.marked
    assert all("stem" in lines[line - 1] for line in code.view.marked)
    digits.select([])
    assert code.view.marked == ()


def test_clicking_a_line_selects_its_node(code: CodePanel, digits: Workspace) -> None:
    line = line_of(code, "self.head = ")
    block = code.view.document().findBlockByNumber(line - 1)
    box = code.view.blockBoundingGeometry(block).translated(code.view.contentOffset())
    QTest.mouseClick(code.view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(60, int(box.center().y())))
    assert digits.selection == {HEAD}
    assert line in code.view.marked


def test_selecting_text_selects_no_node(code: CodePanel, digits: Workspace) -> None:
    clicked: list[int] = []
    code.view.clicked.connect(clicked.append)
    cursor = code.view.textCursor()
    cursor.select(QTextCursor.SelectionType.Document)
    code.view.setTextCursor(cursor)
    assert clicked == []
    assert digits.selection == frozenset()


def test_an_edit_is_written_shortly_after(code: CodePanel, digits: Workspace, qtbot: QtBot) -> None:
    digits.edit("x", lambda document: edits.set_parameters(document, HEAD, {"units": 12}))
    settle(digits)
    qtbot.waitUntil(lambda: ", 12)" in code.view.toPlainText(), timeout=20_000)


def test_nothing_is_written_while_nobody_looks(code: CodePanel, digits: Workspace, qtbot: QtBot) -> None:
    code.hide()
    qtbot.waitUntil(lambda: not code._timer.isActive())  # what was begun before
    digits.edit("x", lambda document: edits.set_parameters(document, HEAD, {"units": 12}))
    settle(digits)
    assert not code._timer.isActive()
    code.show()
    qtbot.waitUntil(lambda: ", 12)" in code.view.toPlainText(), timeout=20_000)


def test_errors_are_listed_above_the_last_good_text(code: CodePanel, digits: Workspace, qtbot: QtBot) -> None:
    good = code.view.toPlainText()
    digits.edit("x", lambda document: edits.remove_and_heal(document, [FLAT]))
    settle(digits)
    qtbot.waitUntil(lambda: code.errors.isVisible(), timeout=20_000)
    assert code.status.text() == STALE
    assert code.view.toPlainText() == good
    assert code._fade.isEnabled()
    rows = code.errors.findChildren(ProblemRow)
    assert any(row.problem.node == HEAD for row in rows)
    digits.undo()
    settle(digits)
    qtbot.waitUntil(lambda: not code.errors.isVisible(), timeout=20_000)
    assert not code._fade.isEnabled()


def test_an_empty_document_says_what_will_appear(code: CodePanel, digits: Workspace, qtbot: QtBot) -> None:
    digits.new()
    qtbot.waitUntil(lambda: code.status.text() == EMPTY, timeout=20_000)
    assert code.view.toPlainText() == ""


def test_before_torch_is_loaded_it_says_so(
    qtbot: QtBot, digits: Workspace, themes: ThemeController, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = type(digits.shapes)(pending=frozenset(digits.document.graph.nodes))
    monkeypatch.setattr(type(digits), "shapes", property(lambda _: pending))
    panel = CodePanel(digits, themes)
    qtbot.addWidget(panel)
    panel.show()
    assert panel.status.text() == WAITING
    assert panel.program is None


def colors(view: CodeView, line: int) -> dict[str, str]:
    block = view.document().findBlockByNumber(line)
    return {
        block.text()[span.start : span.start + span.length]: span.format.foreground().color().name()
        for span in block.layout().formats()
    }


def test_python_is_coloured_by_its_tokens(qtbot: QtBot, themes: ThemeController) -> None:
    theme = themes.theme
    view = CodeView(theme)
    qtbot.addWidget(view)
    view.set_code('"""One\ntwo"""  # why\ndef f(self, n=3):\n    return g("#no", n) or \'def\'\nx = """a""" + y(1)\n')
    view._highlighter.rehighlight()
    assert colors(view, 0) == {'"""One': theme.good}
    assert colors(view, 1) == {'two"""': theme.good, "# why": theme.muted}
    assert colors(view, 2)["def"] == theme.category("attention")
    assert colors(view, 2)["3"] == theme.validation
    assert colors(view, 3)['"#no"'] == theme.good
    assert colors(view, 3)["'def'"] == theme.good
    assert colors(view, 4)['"""a"""'] == theme.good
    assert colors(view, 4)["y"] == theme.link
    view.set_theme(load_theme("light"))
    assert colors(view, 0) == {'"""One': load_theme("light").good}
    QThreadPool.globalInstance().waitForDone(10_000)
