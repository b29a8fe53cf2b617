"""Importing in the window: from the menu and by dropping, with a report; weights that follow the project's file."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import safetensors.torch
import torch
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot
from torch import nn

import netbuilder
from netbuilder.exchange.incoming.formats import READERS
from netbuilder.exchange.incoming.weight_files import SUFFIXES
from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.import_dialog import MOST_NOTES, Report, ReportDialog
from netbuilder.ui.openings import NETWORKS, WEIGHTS, Opening, recognize
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


@pytest.fixture
def module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).eval()


@pytest.fixture
def file(module: nn.Module, tmp_path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module, (torch.randn(2, 3),), dynamic_shapes=({0: torch.export.Dim.AUTO},))
        torch.export.save(program, tmp_path / "small.pt2")
    return tmp_path / "small.pt2"


def report_of(window: MainWindow, qtbot: QtBot) -> ReportDialog:
    qtbot.waitUntil(lambda: bool(window.findChildren(ReportDialog)), timeout=60_000)
    return window.findChildren(ReportDialog)[-1]


def cells(dialog: ReportDialog) -> list[list[str]]:
    table = dialog.table
    return [
        [item.text() for column in range(table.columnCount()) if (item := table.item(row, column))]
        for row in range(table.rowCount())
    ]


def test_dropping_a_network_imports_it_with_its_weights(
    window: MainWindow, qtbot: QtBot, file: Path, module: nn.Module, tmp_path: Path
) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    event = QDropEvent(
        QPointF(200, 200), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    window.dropEvent(event)
    dialog = report_of(window, qtbot)
    assert ["aten.linear.default", "2", "Linear"] in cells(dialog)
    dialog.close()
    workspace = window.workspace
    assert workspace.path is None
    assert [node.type for node in workspace.document.graph.nodes.values()].count("linear") == 2
    workspace.save(tmp_path / "saved.netb")
    given = torch.randn(3, 3)
    assert torch.equal(netbuilder.load(tmp_path / "saved.netb").build()(given), module(given))


def test_loading_weights_is_one_undoable_edit(
    window: MainWindow, qtbot: QtBot, file: Path, module: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.workspace.open_unsaved(netbuilder.from_module(module, torch.randn(2, 3)).document)
    window.show_network()
    labels = [node.label for node in window.workspace.document.graph.nodes.values() if node.type == "linear"]
    state = module.state_dict()
    given = {
        f"{label}.{name}": state[f"{index}.{name}"]
        for label, index in zip(labels, (0, 2), strict=True)
        for name in ("weight", "bias")
    }
    safetensors.torch.save_file(given, tmp_path / "w.safetensors")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "w.safetensors"), ""))
    window.actions_["file.weights"].trigger()
    dialog = report_of(window, qtbot)
    assert [row[2] for row in cells(dialog)] == ["matched"] * 4
    dialog.close()
    assert window.workspace.document.plan.weights is not None
    window.workspace.undo()
    assert window.workspace.document.plan.weights is None


@pytest.mark.parametrize("may_leave", [True, False])
def test_what_was_drawn_while_a_network_was_read_is_asked_about(
    window: MainWindow, qtbot: QtBot, file: Path, monkeypatch: pytest.MonkeyPatch, may_leave: bool
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(window.files, "may_leave", lambda: asked.append(may_leave) or len(asked) == 1 or may_leave)
    window.imports.read_network(file)
    window.canvas.add("relu")
    drawn = window.workspace.document
    qtbot.waitUntil(lambda: len(asked) == 2 and not window.background.is_busy, timeout=60_000)
    assert (window.workspace.document is drawn) is not may_leave
    assert bool(window.findChildren(ReportDialog)) is may_leave


def test_weights_that_were_read_for_a_network_that_is_left_are_not_loaded(
    window: MainWindow, qtbot: QtBot, module: nn.Module, tmp_path: Path
) -> None:
    document = netbuilder.from_module(module, torch.randn(2, 3)).document
    window.workspace.open_unsaved(document)
    safetensors.torch.save_file(module.state_dict(), tmp_path / "w.safetensors")
    window.imports.read_weights(tmp_path / "w.safetensors")
    window.workspace.open_unsaved(document)
    with qtbot.waitSignal(window.workspace.message, timeout=60_000) as told:
        pass
    assert "another network" in told.args[0]
    assert window.workspace.document is document


def test_a_damaged_file_changes_nothing(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.pt2").write_bytes(b"nothing")
    shown: list[str] = []
    window.background.failed.disconnect()
    window.background.failed.connect(lambda _title, problems: shown.extend(problem.code for problem in problems))
    before = window.workspace.document
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "bad.pt2"), ""))
    window.actions_["file.import"].trigger()
    qtbot.waitUntil(lambda: bool(shown), timeout=60_000)
    assert shown == ["import.damaged"]
    assert window.workspace.document is before


def test_weights_need_a_network(window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(
        MainWindow, "show_problems", lambda _self, _title, problems: shown.extend(each.code for each in problems)
    )
    window.files.open_path(tmp_path / "w.safetensors")
    assert shown == ["weights.no_network"]


def test_the_window_knows_what_can_be_read() -> None:
    assert set(READERS) <= set(NETWORKS)
    assert WEIGHTS == SUFFIXES
    assert recognize(Path("x.PT2")) is Opening.NETWORK
    assert recognize(Path("x.pth")) is Opening.WEIGHTS


def test_a_report_shows_hostile_text_as_text(qtbot: QtBot, window: MainWindow) -> None:
    notes = tuple(f"<b>note</b> {number}" for number in range(MOST_NOTES + 3))
    report = Report(
        "<i>t</i>", "<b>s</b>", notes, ("A", "B", "C"), (("good", "1", "x", False), ("bad", "2", "y", True))
    )
    dialog = ReportDialog(window, report)
    assert cells(dialog) == [["bad", "2", "y"], ["good", "1", "x"]]
    dialog.close()


def test_enter_closes_a_report(qtbot: QtBot, window: MainWindow) -> None:
    dialog = ReportDialog(window, Report("t", "s", (), ("A", "B", "C"), (("good", "1", "x", False),)))
    with qtbot.waitExposed(dialog):
        dialog.show()
    QGuiApplication.clipboard().setText("mine")
    QTest.keyClick(QApplication.focusWidget() or dialog, Qt.Key.Key_Return)
    assert not dialog.isVisible()
    assert QGuiApplication.clipboard().text() == "mine"
