"""The window: its title, its questions, what it opens, what it remembers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.files import write_document
from netbuilder.document.model import Document, Node, new_id
from netbuilder.foundation.preferences import Preferences
from netbuilder.ui import dialogs
from netbuilder.ui.dialogs import Answer
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    return window


def add_layer(window: MainWindow) -> None:
    node = Node(id=new_id(), type="relu", label="relu")
    window.workspace.edit("Add ReLU", partial(edits.add_node, node=node))


def test_the_title_says_what_is_open_and_whether_it_is_saved(window: MainWindow, tmp_path: Path) -> None:
    assert window.windowTitle() == "untitled[*] — NetBuilder"
    add_layer(window)
    assert window.isWindowModified()
    window.workspace.save(tmp_path / "net.netb")
    assert window.windowTitle() == "net[*] — NetBuilder"
    assert not window.isWindowModified()


@pytest.mark.parametrize(("answer", "closes"), [(Answer.CANCEL, False), (Answer.NO, True)])
def test_closing_with_changes_asks(
    window: MainWindow, answer: Answer, closes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(dialogs, "ask_unsaved", lambda _parent, name: asked.append(name) or answer)
    add_layer(window)
    assert window.close() is closes
    assert asked == ["untitled"]


def test_a_project_replaces_the_document(window: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "other.netb"
    write_document(path, Document())
    window.show_start()
    assert window.is_start_page_shown
    window.files.open_path(path)
    assert window.workspace.path == path
    assert not window.is_start_page_shown


def test_a_table_becomes_a_data_node(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b,kind\n" + "".join(f"{row},{row * 2},{'xy'[row % 2]}\n" for row in range(20)))
    window.files.open_path(path)
    qtbot.waitUntil(lambda: bool(window.workspace.document.graph.nodes), timeout=20_000)
    (node,) = window.workspace.document.graph.nodes.values()
    assert node.type == "data.table"
    assert window.workspace.document.schemas[node.id].rows == 20


def test_the_start_page_hides_the_rest_and_gives_it_back(window: MainWindow) -> None:
    window.show_start()
    assert not window.toolbar.isVisible()
    window.show_network()
    assert window.toolbar.isVisible()
    assert window.docks.palette.isVisible()
