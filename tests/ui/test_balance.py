"""Balance classes in the window: weights as one edit, and the numbers shown."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.import_dialog import ReportDialog
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.training.documents import binary, diabetes, two_losses


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    window.furnish()
    return window


def _report(window: MainWindow, qtbot: QtBot) -> ReportDialog:
    qtbot.waitUntil(lambda: bool(window.findChildren(ReportDialog)), timeout=60_000)
    (dialog,) = window.findChildren(ReportDialog)
    return dialog


def test_the_weight_of_yes_is_found_shown_and_undone(window, qtbot):
    workspace = window.workspace
    workspace.open_unsaved(binary())
    window.actions_["train.balance"].trigger()
    dialog = _report(window, qtbot)
    (weight,) = workspace.document.graph.nodes["loss"].parameters["positive_weights"]
    assert 0 < weight < 1, "more rows of this table are benign than not"
    assert [dialog.table.item(0, column).text() for column in range(3)][::2] == ["yes", f"{weight:g}"]
    assert workspace.history.undo_title == "Balance classes"
    workspace.undo()
    assert not workspace.document.graph.nodes["loss"].parameters.get("positive_weights")
    dialog.reject()


def test_only_the_selected_loss_is_weighed_and_even_classes_are_left_alone(window, qtbot):
    workspace = window.workspace
    workspace.open_unsaved(two_losses())
    before = workspace.document
    workspace.select(["extra"])
    window.actions_["train.balance"].trigger()
    dialog = _report(window, qtbot)
    rows = [[dialog.table.item(row, column).text() for column in range(3)] for row in range(dialog.table.rowCount())]
    assert [row[0] for row in rows] == ["setosa", "versicolor", "virginica"]
    weights = workspace.document.graph.nodes["extra"].parameters.get("class_weights", ())
    assert [row[2] for row in rows] == [f"{each:g}" for each in weights or (1, 1, 1)]
    assert workspace.document.graph.nodes["loss"] is before.graph.nodes["loss"]
    dialog.reject()


def test_a_network_without_classes_says_so(window, qtbot, monkeypatch):
    told = []
    window.background.failed.disconnect()
    window.background.failed.connect(lambda title, problems: told.append(problems))
    window.workspace.open_unsaved(diabetes())
    window.actions_["train.balance"].trigger()
    qtbot.waitUntil(lambda: bool(told), timeout=60_000)
    assert told[0][0].code == "balance.none"
