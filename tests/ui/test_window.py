"""The window: its title, its questions, what it opens, what it remembers."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QThreadPool
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.files import write_document
from netbuilder.document.model import Document, Node, new_id
from netbuilder.foundation.preferences import Preferences
from netbuilder.foundation.save import TEMPORARY
from netbuilder.templates import open_template
from netbuilder.ui import dialogs
from netbuilder.ui.canvas.keys import GESTURES
from netbuilder.ui.dialogs import Answer
from netbuilder.ui.start.page import RecentRow
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    window.furnish()
    return window


def test_the_first_paint_comes_before_the_canvas_and_asks_for_little() -> None:
    code = """
import sys
from netbuilder.templates import STARTER, open_template
from netbuilder.ui.app import Program, make_application

program = Program(make_application())
program.loader.start = lambda: None
program.workspace.open_unsaved(open_template(STARTER))
loaded = []
program.window.painted.connect(lambda: loaded.extend(
    name for name in ("torch", "networkx", "netbuilder.ui.canvas.view") if name in sys.modules))

def look():
    canvas = program.window.canvas
    print(loaded, program.window.middle.currentWidget().currentWidget() is canvas, canvas.hasFocus())
    program.window.close_now()

program.window.furnished.connect(look)
program.run()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split("\n")[0].startswith("[] True"), done.stderr


def test_the_start_page_comes_without_the_canvas(qtbot: QtBot) -> None:
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window)
    window.show_start()
    window.show()
    qtbot.waitSignal(window.furnished).wait()
    assert window.is_start_page_shown
    assert not window.toolbar.isVisible()
    assert not window.docks.palette.isVisible()
    window.show_network()
    assert window.docks.palette.isVisible()
    assert window.canvas.isVisible()


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


def test_saving_and_opening_sweep_what_a_killed_save_left(window: MainWindow, tmp_path: Path) -> None:
    leftover = tmp_path / f".net.netb.999999999.abcd1234{TEMPORARY}"
    leftover.write_text("half")
    window.workspace.save(tmp_path / "net.netb")
    assert not leftover.exists()
    leftover.write_text("half")
    window.workspace.open(tmp_path / "net.netb")
    assert not leftover.exists()


def test_the_size_is_not_told_before_it_is_known(window: MainWindow) -> None:
    window.workspace.open_unsaved(open_template("digits-mlp"))
    analysis = window.workspace.analysis
    # Torch may have come with another test: this is how things stand before it is there.
    analysis.shapes = replace(analysis.shapes, pending=frozenset(window.workspace.document.graph.nodes))
    window.status.show_size()
    assert window.status.parameters.text() == "… parameters"
    assert window.status.costs.text() == "… multiply-adds"
    assert window.status.memory.text() == "… to train"


def test_the_main_button_keeps_its_own_words(window: MainWindow) -> None:
    primary, train = window.toolbar.primary, window.actions_["train.train"]
    assert not primary.isEnabled()
    add_layer(window)
    assert primary.isEnabled()
    assert primary.text() == "Train"
    assert train.text() == "&Train"


def test_recent_files_are_listed_once_each(window: MainWindow, tmp_path: Path) -> None:
    for name in ("one", "two"):
        window.workspace.save(tmp_path / f"{name}.netb")
    window.show_start()
    window.show_start()
    assert window.start_page is not None
    rows = [row for row in window.start_page.findChildren(RecentRow) if row.isVisible()]
    assert [row.accessibleName().split(",")[0] for row in rows] == ["two", "one"]
    assert all(row.height() < 60 for row in rows)


def test_every_field_and_button_has_a_name(window: MainWindow) -> None:
    window.workspace.open_unsaved(open_template("digits-mlp"))
    nameless = [
        type(each).__name__
        for each in window.findChildren(QWidget)
        if each.isVisible() and each.focusPolicy() is not Qt.FocusPolicy.NoFocus
        if not (each.accessibleName() or getattr(each, "text", str)())
    ]
    assert nameless == []


def test_the_tab_key_reaches_all_and_comes_back(window: MainWindow) -> None:
    window.activateWindow()
    window.toolbar.primary.setFocus()
    order: list[QWidget] = [window.toolbar.primary]
    window.workspace.edit("Add", partial(edits.add_node, node=Node(id=new_id(), type="relu", label="relu")))
    window.toolbar.primary.setFocus()
    for _ in range(200):
        window.focusNextChild()
        focus = window.focusWidget()
        assert focus is not None
        if focus is window.toolbar.primary:
            break
        order.append(focus)
    assert window.focusWidget() is window.toolbar.primary
    places = [order.index(stop) for stop in (window.toolbar.export, window.docks.palette.field, window.canvas)]
    assert places == sorted(places)


def test_the_shortcuts_list_tells_the_canvas_s_gestures(window: MainWindow) -> None:
    window.show_shortcuts()
    (dialog,) = window.findChildren(dialogs.ShortcutsDialog)
    texts = {label.text() for label in dialog.findChildren(QLabel)}
    assert {what for what, _ in GESTURES} <= texts
    dialog.close()


def test_the_panels_readings_have_no_more_time_than_the_rest(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netbuilder.ui.closing.PATIENCE", 0.05)
    release = threading.Event()
    QThreadPool.globalInstance().start(release.wait)
    told: list[bool] = []
    window.closed.connect(told.append)
    window.close_now()
    release.set()
    assert told == [False]
    assert QThreadPool.globalInstance().waitForDone(5000)


def test_a_long_message_is_cut_and_the_window_stays_as_wide_as_it_was(qtbot: QtBot, window: MainWindow) -> None:
    window.show_network()
    window.resize(1100, 700)
    qtbot.waitUntil(lambda: window.width() == 1100)
    status, narrowest = window.status, window.minimumSizeHint().width()
    assert status.memory.isVisible()
    window.workspace.message.emit("word " * 100)
    assert window.minimumSizeHint().width() <= narrowest
    assert not status.memory.isVisible(), "what the network costs makes room"
    assert status.note.text() == "word " * 100
    window.workspace.message.emit("Done")
    assert status.memory.isVisible()


def test_the_start_page_takes_no_room_from_the_network(window: MainWindow, qtbot: QtBot) -> None:
    """A screen of 720 lines has room for the network with its panels, also after the start page was seen."""
    window.resize(1280, 700)
    least = window.minimumSizeHint()
    window.show_start()
    qtbot.wait(20)
    window.show_network()
    qtbot.waitUntil(lambda: window.minimumSizeHint().height() <= least.height())
    assert window.height() == 700


def test_an_edit_that_is_refused_is_not_called_a_training(qtbot: QtBot, window: MainWindow, monkeypatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(dialogs, "show_problems", lambda parent, title, *_: told.append(title))
    window.canvas.add("linear")
    window.workspace.analysis.settle()
    assert window.workspace.problems
    panel = window.docks
    monkeypatch.setattr(panel, "show", lambda key: told.append(key))
    window.workspace.edit("Rename", partial(edits.set_block, key="gone", title="x"))
    assert told == ["This cannot be done"]
    assert not window.workspace.control.may_train()
    assert told[1:] == ["It cannot be trained yet", "problems"]


def test_recent_files_are_listed_by_their_whole_names(window: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "R&D.netb"
    write_document(path, Document())
    window.workspace.preferences.add_recent(path)
    menu = window.actions_.menus["recent"]
    menu.aboutToShow.emit()
    assert menu.actions()[0].text().replace("&&", "&") == str(path)
    assert "R&&D" in menu.actions()[0].text()
