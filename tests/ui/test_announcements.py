"""What is sent to assistive technology: the events themselves, where they are handed to Qt."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDockWidget, QWidget
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.model import Frame, PortRef
from netbuilder.foundation.preferences import Preferences
from netbuilder.training.protocol import State
from netbuilder.ui.canvas import announcing
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LINEAR, LOSS, RELU, small_network


class Ear:
    """Stands where Qt takes accessibility events."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.listens = True

    def isActive(self) -> bool:
        return self.listens

    def updateAccessibility(self, event: QAccessibleAnnouncementEvent) -> None:
        assert event.type() is QAccessible.Event.Announcement
        assert event.object() is not None
        self.heard.append(event.message())

    def take(self) -> list[str]:
        heard, self.heard = self.heard, []
        return heard


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    ear = Ear()
    monkeypatch.setattr(announcing, "QAccessible", ear)
    return ear


@pytest.fixture
def window(qtbot: QtBot, ear: Ear) -> MainWindow:
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    window.furnish()
    window.workspace.open_unsaved(small_network())
    return window


def test_opening_says_what_is_there(window: MainWindow, ear: Ear) -> None:
    assert "untitled, 5 layers" in ear.take()


def test_selection(window: MainWindow, ear: Ear) -> None:
    ear.take()
    window.workspace.select((DROPOUT,))
    window.workspace.select((RELU, LINEAR))
    window.workspace.select_link(PortRef(RELU, "x"))
    window.workspace.select_link(None)
    assert [text.partition(",")[0] for text in ear.take()] == [
        "Dropout dropout",
        "2 nodes selected",
        "Link from linear y to relu x selected",
        "Nothing selected",
    ]


def test_adding_connecting_deleting_and_undo(window: MainWindow, ear: Ear) -> None:
    canvas, said = window.canvas, list[str]()

    def hear() -> str:
        return next(text for text in ear.take() if not text.endswith("selected") and "problem" not in text)

    ear.take()
    canvas.add("tanh")
    said.append(hear())
    canvas.commands.connect(PortRef(LOSS, "prediction"), PortRef(RELU, "y"))
    said.append(hear())
    canvas.commands.disconnect((PortRef(LOSS, "prediction"),))
    said.append(hear())
    canvas.commands.delete((LINEAR, RELU))
    said.append(hear())
    canvas.commands.rename(DIGITS, "numbers")
    said.append(hear())
    assert said == [
        "Added Tanh tanh",
        "Connected relu y to cross_entropy prediction",
        "Removed the link from relu to cross_entropy prediction",
        "Deleted 2 layers",
        "Changed Digits numbers",
    ]
    window.workspace.undo()
    window.workspace.undo()
    heard = ear.take()
    assert "Undo: Delete 2 nodes" in heard
    assert "Added 2 layers" in heard
    window.workspace.redo()
    assert "Redo: Delete 2 nodes" in ear.take()


def test_frames(window: MainWindow, ear: Ear) -> None:
    workspace = window.workspace
    ear.take()
    workspace.edit("Frame", lambda document: edits.add_frame(document, Frame(id="f1", title="Encoder")))
    workspace.select((), ("f1",))
    workspace.edit("Frame", lambda document: edits.remove_frames(document, ("f1",)))
    assert [text for text in ear.take() if "rame" in text] == [
        "Added frame Encoder",
        "Frame Encoder selected",
        "Deleted frame Encoder",
    ]


def test_why_a_link_is_not_made(window: MainWindow, ear: Ear) -> None:
    canvas = window.canvas
    window.workspace.select((RELU,))
    canvas.link_keys.from_output()
    ports = canvas.link_keys.ports
    QTest.keyClick(ports.field, Qt.Key.Key_Return)
    ear.take()
    QTest.keyClicks(ports.field, "linear")
    QTest.keyClick(ports.field, Qt.Key.Key_Return)
    assert "This would close a circle: linear leads to relu" in ear.take()[-1]


def test_rows_of_a_list_as_one_goes_through_them(window: MainWindow, ear: Ear) -> None:
    window.canvas.add_layer()
    quick_add = window.canvas.quick_add
    ear.take()
    QTest.keyClick(quick_add.field, Qt.Key.Key_Down)
    assert ear.take() == [quick_add.rows[1].words]
    QTest.keyClicks(quick_add.field, "zzzz")
    assert ear.take()[-1] == "Nothing found"


def test_what_is_found(window: MainWindow, ear: Ear) -> None:
    window.canvas.find_bar.open()
    ear.take()
    window.canvas.find_bar.field.setText("relu")
    assert ear.take() == ["1 of 1: ReLU relu"]
    window.canvas.find_bar.field.setText("zzz")
    assert ear.take() == ["None"]


def test_problems_that_come_and_go(window: MainWindow, ear: Ear, qtbot: QtBot) -> None:
    workspace = window.workspace
    workspace.torch_loaded()
    qtbot.waitUntil(lambda: not workspace.shapes.pending)
    ear.take()
    workspace.edit("Delete", lambda document: edits.remove_nodes(document, [DROPOUT]))
    qtbot.waitUntil(lambda: any("solved" in text for text in ear.heard))
    solved = next(text for text in ear.take() if "solved" in text)
    assert solved == "1 problem solved, 2 left"
    workspace.undo()
    qtbot.waitUntil(lambda: any("3 problems" in text for text in ear.heard))
    assert any(text == "3 problems: dropout needs a link to its input." for text in ear.take())


def test_going_into_a_block(window: MainWindow, ear: Ear) -> None:
    made = window.canvas.blocks.make((LINEAR, RELU), "Dense unit")
    ear.take()
    window.workspace.scopes.enter(made)
    assert any(text.startswith("In the block Dense unit") for text in ear.take())


def test_training(window: MainWindow, ear: Ear) -> None:
    ear.take()
    for state in (State.STARTING, State.RUNNING, State.RUNNING, State.PAUSED, State.ENDED):
        window.workspace.stateChanged.emit(state)
    said = [text for text in ear.take() if text.startswith("Training")]
    assert said == ["Training starts", "Training", "Training is paused", "Training has ended"]


def test_nothing_is_sent_or_worked_out_when_nobody_listens(
    window: MainWindow, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear.listens = False
    ear.take()
    monkeypatch.setattr("netbuilder.ui.announcer.describe_change", lambda *_: pytest.fail("nobody listens"))
    window.canvas.add("tanh")
    window.workspace.select((RELU,))
    QApplication.processEvents()
    assert ear.take() == []


def test_what_can_have_the_focus_has_a_name_and_a_role(window: MainWindow) -> None:
    window.docks.show("outline")
    window.canvas.find_bar.open()
    window.show_commands()
    QApplication.processEvents()
    lacking = []
    for widget in (*window.findChildren(QWidget), *window.findChildren(QDockWidget)):
        if not widget.isVisible() or (
            widget.focusPolicy() is Qt.FocusPolicy.NoFocus and not isinstance(widget, QDockWidget)
        ):
            continue
        told = QAccessible.queryAccessibleInterface(widget)
        if told is None or not told.text(QAccessible.Text.Name) or told.role() is QAccessible.Role.NoRole:
            lacking.append(f"{type(widget).__name__} {widget.objectName()}")
    assert lacking == []
