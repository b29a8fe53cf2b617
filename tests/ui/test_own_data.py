"""Data of the user's own: from the file to a network that could be trained, and what happens when it cannot be read."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

from netbuilder.document.model import Place
from netbuilder.foundation.preferences import Preferences
from netbuilder.foundation.problem import Problem
from netbuilder.ui.target_dialog import TargetDialog
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    window.workspace.setParent(window)  # it must not outlive it: what it still computes would be told to nobody
    window.furnish()
    window.show_start()
    return window


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "größen.csv"
    rows = "".join(f"{row},5;{row * 2};{'ja' if row % 2 else 'nein'};31.12.2026\n" for row in range(40))
    path.write_bytes(f"Länge;Breite;Antwort;Tag\n{rows}".encode("cp1252"))
    return path


def dialog_of(qtbot: QtBot, window: MainWindow) -> TargetDialog:
    qtbot.waitUntil(lambda: bool(window.findChildren(TargetDialog)))
    return window.findChildren(TargetDialog)[0]


def types(window: MainWindow) -> list[str]:
    return [node.type for node in window.workspace.document.graph.nodes.values()]


def test_a_table_asks_what_is_to_be_predicted_and_gets_a_network(qtbot: QtBot, window: MainWindow, table: Path) -> None:
    window.files.open_path(table)
    dialog = dialog_of(qtbot, window)
    assert [dialog.columns.itemText(row) for row in range(4)] == ["Länge", "Breite", "Antwort", "Tag"]
    dialog.columns.setCurrentText("Antwort")
    assert "nein, ja" in dialog.values.text()
    dialog.accept()
    qtbot.waitUntil(lambda: "cross_entropy" in types(window))
    workspace = window.workspace
    assert not window.is_start_page_shown
    (node,) = workspace.selection
    assert workspace.document.graph.nodes[node].parameters["target"] == "Antwort"
    assert workspace.document.schemas[node].fields[0].dims == (2,), "the day is left out"
    assert workspace.document.about.title == "größen"
    workspace.undo()
    assert types(window) == [], "one undo step"


def test_a_dialog_that_is_left_changes_nothing(qtbot: QtBot, window: MainWindow, table: Path) -> None:
    before = window.workspace.document
    window.files.open_path(table)
    dialog = dialog_of(qtbot, window)
    dialog.reject()
    qtbot.waitUntil(lambda: dialog.result() == QDialog.DialogCode.Rejected)
    assert window.workspace.document is before
    assert window.is_start_page_shown


def test_what_can_be_mended_in_the_form_is_added_and_told(
    qtbot: QtBot, window: MainWindow, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Problem] = []
    monkeypatch.setattr(window, "show_problems", lambda _title, problems: told.extend(problems))
    table.write_text("a,b\n" + "".join(f"{row},{'x' if row == 3 else row}\n" for row in range(40)))
    window.files.open_path(table)
    dialog_of(qtbot, window).accept()
    qtbot.waitUntil(lambda: types(window) == ["data.table"])
    assert [problem.code for problem in told] == ["data.mixed"]


def test_a_file_that_is_no_table_leaves_everything_as_it_was(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = window.workspace.document
    told: list[Problem] = []
    monkeypatch.setattr(window, "show_problems", lambda _title, problems: told.extend(problems))
    path = tmp_path / "picture.csv"
    path.write_bytes(b"PK\x03\x04" + bytes(50))
    window.files.open_path(path)
    qtbot.waitUntil(lambda: bool(told))
    assert window.workspace.document is before
    assert window.is_start_page_shown


def test_a_network_is_drawn_behind_data_that_was_added_by_hand(window: MainWindow) -> None:
    window.files.new()
    action = window.actions_["graph.first_network"]
    assert not action.isEnabled()
    window.canvas.commands.add("data.iris", Place(0, 0))
    assert action.isEnabled()
    action.trigger()
    assert types(window)[-1] == "cross_entropy"
    assert not action.isEnabled()
