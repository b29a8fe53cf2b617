"""The Runs panel: what is stored is shown; what is clicked and typed is kept; a damaged store is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt, QThreadPool
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from netbuilder.document.files import write_document
from netbuilder.training.protocol import Progress, State, Telemetry
from netbuilder.training.run_lock import held_run
from netbuilder.training.run_store import FILE_NAME, RunStore
from netbuilder.ui.panels.runs import RunsPanel
from netbuilder.ui.run_table import NAME, OVERLAY, TAGS, shown, split_tags
from netbuilder.ui.run_view import EMPTY, NOTHING_FOUND
from netbuilder.ui.workspace import Workspace
from tests.training.stored_runs import plan_of, record_of, store_of
from tests.ui.panels.recorded import attach, digits_document, tell


@pytest.fixture
def store(workspace: Workspace, tmp_path: Path) -> RunStore:
    """A project with three runs: a, b (another rate, another seed) and c, newest last."""
    file = tmp_path / "x.netb"
    document = digits_document()
    write_document(file, document)
    runs = tmp_path / "x.runs"
    records = [
        record_of(runs, "a", 0, document=document),
        record_of(runs, "b", 1, document=document, plan=plan_of(0.1, seed=3)),
        record_of(runs, "c", 2, document=document, ended=None, reason=""),
    ]
    store = store_of(runs, records)
    workspace.open(file)
    return store


@pytest.fixture
def panel(qtbot: QtBot, workspace: Workspace, store: RunStore, themes) -> Iterator[RunsPanel]:
    panel = RunsPanel(workspace, themes)
    qtbot.addWidget(panel)
    panel.resize(1100, 260)
    panel.show()
    qtbot.waitUntil(lambda: len(panel.view.model.rows) == 3)
    yield panel
    panel.hide()
    QThreadPool.globalInstance().waitForDone(5_000)


def _ids(panel: RunsPanel) -> list[str]:
    return [row.id for row in panel.view.model.rows]


def _place(panel: RunsPanel, run: str, key: str) -> QPoint:
    model, table = panel.view.model, panel.view.table
    rect: QRect = table.visualRect(model.index(model.row_of(run), model.columns.index(key)))
    return rect.center()


def _click(qtbot: QtBot, panel: RunsPanel, run: str, key: str, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    place = _place(panel, run, key)
    qtbot.mouseClick(panel.view.table.viewport(), Qt.MouseButton.LeftButton, modifier, place)


def _text(panel: RunsPanel, run: str, key: str) -> str:
    model = panel.view.model
    return model.data(model.index(model.row_of(run), model.columns.index(key)))


def test_what_is_stored_is_shown(panel: RunsPanel) -> None:
    assert _ids(panel) == ["c", "b", "a"]
    assert (_text(panel, "a", "state"), _text(panel, "c", "state")) == ("finished", "interrupted")
    assert _text(panel, "b", "plan/learning_rate") == "0.1"
    assert _text(panel, "b", "seed") == "3"
    assert "plan/batch_size" not in panel.view.model.columns, "only settings that differ"
    assert _text(panel, "a", "test/accuracy") == "90.0 %"
    assert panel.view.count.text().startswith("3 runs; ")


def test_clicking_a_head_sorts_and_again_the_other_way(qtbot: QtBot, panel: RunsPanel) -> None:
    header, model = panel.view.table.horizontalHeader(), panel.view.model
    for expected in (["c", "b", "a"], ["a", "b", "c"]):
        column = model.columns.index("test/loss")
        at = QPoint(header.sectionViewportPosition(column) + 20, header.height() // 2)
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)
        assert _ids(panel) == expected


def test_typing_searches(qtbot: QtBot, panel: RunsPanel) -> None:
    qtbot.keyClicks(panel.view.search, "interrupted")
    assert _ids(panel) == ["c"]
    assert panel.view.count.text().startswith("1 of 3 runs; ")
    qtbot.keyClicks(panel.view.search, " zzz")
    assert panel.view.stack.currentWidget() is panel.view.empty
    assert panel.view.empty.text() == NOTHING_FOUND
    panel.view.search.clear()
    assert len(_ids(panel)) == 3


def test_a_box_and_the_space_bar_lay_curves_over(qtbot: QtBot, panel: RunsPanel, workspace: Workspace) -> None:
    runs = workspace.runs
    with qtbot.waitSignal(runs.overlaysChanged):
        _click(qtbot, panel, "b", OVERLAY)
    assert list(runs.overlays) == ["b"]
    qtbot.waitUntil(lambda: "b" in runs.curves)
    assert len(runs.curves["b"].series["loss/train"].steps) == 40
    _click(qtbot, panel, "a", NAME)
    with qtbot.waitSignal(runs.asked) as asked:
        qtbot.keyClick(panel.view.table, Qt.Key.Key_Space)
    assert asked.args == ["runs.overlay"]
    _click(qtbot, panel, "a", OVERLAY)
    assert list(runs.overlays) == ["b", "a"]
    assert runs.color("a", True) != runs.color("b", True)
    model = panel.view.model
    index = model.index(model.row_of("a"), 0)
    assert model.data(index, Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
    assert "2 laid over" in panel.view.count.text()
    qtbot.mouseClick(panel.view.none, Qt.MouseButton.LeftButton)
    assert not runs.overlays
    assert not panel.view.none.isVisible()


def test_the_selection_is_that_of_the_workspace(qtbot: QtBot, panel: RunsPanel, workspace: Workspace) -> None:
    _click(qtbot, panel, "c", NAME)
    assert workspace.runs.selection == ("c",)
    _click(qtbot, panel, "a", NAME, Qt.KeyboardModifier.ControlModifier)
    assert workspace.runs.selection == ("c", "a")
    assert panel.view.compare.isEnabled()
    workspace.runs.select(["b"])
    assert [index.row() for index in panel.view.table.selectionModel().selectedRows()] == [1]
    assert not panel.view.compare.isEnabled()


def test_a_name_is_typed_into_the_table(qtbot: QtBot, panel: RunsPanel, store: RunStore) -> None:
    _click(qtbot, panel, "b", NAME)
    qtbot.keyClick(panel.view.table, Qt.Key.Key_F2)
    editor = QApplication.focusWidget() or panel.view.table.findChild(QLineEdit)
    editor = panel.view.table.findChild(QLineEdit) if not isinstance(editor, QLineEdit) else editor
    qtbot.keyClicks(editor, "  fast   one ")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: _text(panel, "b", NAME) == "fast one")
    assert store.run("b").marks.name == "fast one"


def test_tags_and_notes_are_typed_into_the_card(qtbot: QtBot, panel: RunsPanel, store: RunStore) -> None:
    assert not panel.view.card.isVisible()
    _click(qtbot, panel, "a", NAME)
    card = panel.view.card
    assert card.isVisible()
    assert "took 0:42" in card.about.text()
    qtbot.keyClicks(card.tags, "night, wide,night")
    qtbot.keyClick(card.tags, Qt.Key.Key_Return)
    qtbot.keyClicks(card.notes, "try more")
    card.keep_notes()
    qtbot.waitUntil(lambda: store.run("a").marks.notes == "try more")
    assert store.run("a").marks.tags == ("night", "wide")
    qtbot.waitUntil(lambda: TAGS in panel.view.model.columns)
    assert _text(panel, "a", TAGS) == "night, wide"
    _click(qtbot, panel, "c", NAME)
    assert card.notes.toPlainText() == ""
    assert "ended in the middle" in card.about.text()


def test_notes_survive_the_choice_of_another_run(qtbot: QtBot, panel: RunsPanel, store: RunStore) -> None:
    _click(qtbot, panel, "a", NAME)
    qtbot.keyClicks(panel.view.card.notes, "kept")
    _click(qtbot, panel, "b", NAME)
    qtbot.waitUntil(lambda: store.run("a").marks.notes == "kept")
    assert store.run("b").marks.notes == ""


def test_notes_survive_the_opening_of_another_project(
    qtbot: QtBot, panel: RunsPanel, workspace: Workspace, store: RunStore
) -> None:
    workspace.runs.select(("b",))
    panel.view.card.notes.setPlainText("learns well")
    workspace.new()
    QThreadPool.globalInstance().waitForDone(5_000)
    found = store.run("b")
    assert found is not None
    assert found.marks.notes == "learns well"
    assert not workspace.runs.rows


def test_deleted_runs_go_and_come_back(qtbot: QtBot, panel: RunsPanel, workspace: Workspace, store: RunStore) -> None:
    workspace.runs.set_overlay("a", True)
    workspace.runs.delete(["a", "b"])
    qtbot.waitUntil(lambda: _ids(panel) == ["c"])
    assert not workspace.runs.overlays
    assert panel.view.undo.text() == "Undo deleting 2 runs (2 kB)"
    assert not (store.path.parent / "a").exists()
    qtbot.mouseClick(panel.view.undo, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(_ids(panel)) == 3)
    assert (store.path.parent / "a" / "best.safetensors").exists()
    assert not panel.view.undo.isVisible()


def test_a_run_that_goes_on_cannot_be_deleted(qtbot: QtBot, panel: RunsPanel, workspace: Workspace, store) -> None:
    with held_run(store.path.parent / "c"):
        with qtbot.waitSignal(workspace.problemsRaised) as raised:
            workspace.runs.delete(["c"])
        assert raised.args[0][0].code == "runs.running"
        workspace.runs.look()
        qtbot.waitUntil(lambda: _text(panel, "c", "state") == "running")
    workspace.runs.look()
    qtbot.waitUntil(lambda: _text(panel, "c", "state") == "interrupted")


def test_runs_of_other_programs_appear(qtbot: QtBot, panel: RunsPanel, workspace: Workspace, store: RunStore) -> None:
    store_of(store.path.parent, [record_of(store.path.parent, "d", 9)])
    workspace.runs.look()
    qtbot.waitUntil(lambda: _ids(panel)[0] == "d")


def test_the_own_run_tells_how_far_it_is(qtbot: QtBot, panel: RunsPanel, workspace: Workspace, store) -> None:
    host = attach(workspace)
    workspace.trainer.folder = store.path.parent / "c"
    workspace.runs.look()
    qtbot.waitUntil(lambda: _text(panel, "c", "state") == "running")
    tell(workspace, host, Telemetry(progress=Progress(state=State.RUNNING, step=25, epoch=2)))
    panel._tell()
    assert _text(panel, "c", "epochs") == "2"


def test_columns_are_chosen_and_remembered(panel: RunsPanel, workspace: Workspace) -> None:
    menu = panel.view.columns_menu()
    settings = next(action.menu() for action in menu.actions() if action.text() == "Settings")
    batch = next(action for action in settings.actions() if action.text() == "Batch size")
    assert not batch.isChecked()
    batch.trigger()
    assert "plan/batch_size" in panel.view.model.columns
    assert "plan/batch_size" in workspace.preferences.get("runs.columns")
    panel.view.columns_menu().actions()[0].trigger()
    assert "plan/batch_size" not in panel.view.model.columns
    assert workspace.preferences.get("runs.columns") is None


def test_the_menu_offers_every_action_on_runs(qtbot: QtBot, panel: RunsPanel, workspace: Workspace) -> None:
    workspace.runs.select(["a"])
    actions = {action.text(): action for action in panel.view.menu().actions() if action.text()}
    assert actions["&Open as project"].isEnabled()
    assert not actions["&Compare two runs…"].isEnabled()
    with qtbot.waitSignal(workspace.runs.asked) as asked:
        actions["&Delete…"].trigger()
    assert asked.args == ["runs.delete"]
    with qtbot.waitSignal(workspace.runs.asked) as asked:
        qtbot.keyClick(panel.view.table, Qt.Key.Key_Delete)
    assert asked.args == ["runs.delete"]


def test_a_damaged_store_is_told_once(qtbot: QtBot, workspace: Workspace, themes, tmp_path: Path) -> None:
    file = tmp_path / "y.netb"
    write_document(file, digits_document())
    (tmp_path / "y.runs").mkdir()
    (tmp_path / "y.runs" / FILE_NAME).write_bytes(b"this is no database" * 500)
    workspace.open(file)
    told: list[str] = []
    workspace.problemsRaised.connect(lambda problems: told.extend(problem.code for problem in problems))
    panel = RunsPanel(workspace, themes)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(lambda: told == ["runs.damaged"])
    workspace.runs.look()
    QThreadPool.globalInstance().waitForDone(5_000)
    qtbot.wait(20)
    assert told == ["runs.damaged"]
    panel.hide()


def test_a_hostile_store_is_told_and_shows_nothing(qtbot: QtBot, panel: RunsPanel, workspace: Workspace, store) -> None:
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("UPDATE runs SET id = '../../victim' WHERE id = 'c'")
        connection.commit()
    with qtbot.waitSignal(workspace.problemsRaised) as raised:
        workspace.runs.look()
    assert raised.args[0][0].code == "runs.name"
    assert _ids(panel) == []


def test_without_runs_it_says_what_will_be_here(qtbot: QtBot, digits: Workspace, themes) -> None:
    panel = RunsPanel(digits, themes)
    qtbot.addWidget(panel)
    panel.show()
    QThreadPool.globalInstance().waitForDone(5_000)
    qtbot.wait(20)
    assert panel.view.stack.currentWidget() is panel.view.empty
    assert panel.view.empty.text() == EMPTY
    panel.hide()


def test_another_project_has_other_runs(qtbot: QtBot, panel: RunsPanel, workspace: Workspace) -> None:
    workspace.runs.select(["a"])
    workspace.runs.set_overlay("a", True)
    workspace.new()
    qtbot.waitUntil(lambda: _ids(panel) == [])
    assert workspace.runs.selection == ()
    assert not workspace.runs.overlays


def test_a_thousand_runs(qtbot: QtBot, workspace: Workspace, themes, tmp_path: Path) -> None:
    """Only rows in sight are asked for, and a search looks at each row once."""
    file = tmp_path / "z.netb"
    write_document(file, digits_document())
    runs = tmp_path / "z.runs"
    store_of(runs, [record_of(runs, f"r{n:04}", n, plan=plan_of(10.0 ** -(n % 5))) for n in range(1000)], 1, False)
    workspace.open(file)
    panel = RunsPanel(workspace, themes)
    qtbot.addWidget(panel)
    panel.resize(1000, 260)
    panel.show()
    qtbot.waitUntil(lambda: len(panel.view.model.rows) == 1000)
    asked: set[int] = set()
    model, data = panel.view.model, panel.view.model.data
    model.data = lambda index, role=0: (asked.add(index.row()), data(index, role))[1]
    panel.view.table.viewport().repaint()
    assert len(asked) < 40
    qtbot.keyClicks(panel.view.search, "r0999")
    assert _ids(panel) == ["r0999"]
    panel.hide()
    QThreadPool.globalInstance().waitForDone(5_000)


def test_how_values_are_written() -> None:
    assert shown("best/accuracy", 0.98765) == "98.8 %"
    assert shown("plan/learning_rate", 0.003) == "0.003"
    assert shown("duration", 3725) == "1:02:05"
    assert shown("steps", 12345) == "12,345"
    assert shown("seed", 12345) == "12345"
    assert shown("best/loss", float("nan")) == "not a number"
    assert shown("tags", None) == ""
    assert split_tags(" a b ,, c,a b") == ("a b", "c")
