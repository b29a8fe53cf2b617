"""The menu of runs in the window: opened, started from, compared, marked, exported, deleted, undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QThreadPool
from PySide6.QtWidgets import QFileDialog, QInputDialog
from pytestqt.qtbot import QtBot

from netbuilder.document.files import write_document
from netbuilder.foundation.preferences import Preferences
from netbuilder.project import Project
from netbuilder.training.run_store import RunStore
from netbuilder.ui import dialogs
from netbuilder.ui.dialogs import Answer
from netbuilder.ui.panels.runs import RunsPanel
from netbuilder.ui.run_comparison_dialog import RunComparisonDialog
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.training.documents import iris, planned


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two short runs, which no test changes."""
    file = tmp_path_factory.mktemp("runs") / "x.netb"
    write_document(file, planned(iris(), epochs=1))
    for seed in (0, 1):
        Project.load(file).train(seed=seed)
    return file


@pytest.fixture
def window(qtbot: QtBot, trained: Path, tmp_path: Path) -> Iterator[MainWindow]:
    import shutil

    file = tmp_path / "x.netb"
    shutil.copy(trained, file)
    shutil.copytree(trained.with_suffix(".runs"), file.with_suffix(".runs"))
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda _: setattr(window, "_may_close", True))
    window.workspace.open(file)
    window.show()
    window.docks.show("runs")
    qtbot.waitUntil(lambda: len(window.workspace.runs.rows) == 2)
    yield window
    QThreadPool.globalInstance().waitForDone(5_000)


def _choose(window: MainWindow, *numbers: int) -> list[str]:
    ids = [window.workspace.runs.rows[number].id for number in numbers]
    window.workspace.runs.select(ids)
    return ids


def _do(window: MainWindow, id: str) -> None:
    action = window.actions_[f"runs.{id}"]
    assert action.isEnabled()
    action.trigger()


def _store(window: MainWindow) -> RunStore:
    return window.workspace.runs.store


def test_what_can_be_done_follows_the_selection(window: MainWindow) -> None:
    enabled = {id: window.actions_[f"runs.{id}"].isEnabled for id in ("open", "compare", "delete", "tensorboard")}
    assert {id: is_enabled() for id, is_enabled in enabled.items()} == {
        "open": False,
        "compare": False,
        "delete": False,
        "tensorboard": True,
    }
    _choose(window, 0)
    assert [is_enabled() for is_enabled in enabled.values()] == [True, False, True, True]
    _choose(window, 0, 1)
    assert [is_enabled() for is_enabled in enabled.values()] == [False, True, True, True]


def test_a_run_opens_as_a_project_with_its_weights(qtbot: QtBot, window: MainWindow) -> None:
    workspace = window.workspace
    before = workspace.document
    _choose(window, 0)
    _do(window, "open")
    qtbot.waitUntil(lambda: workspace.path is None, timeout=10_000)
    assert workspace.is_modified
    assert workspace.name == "x (copy)"
    assert workspace.document.graph == before.graph
    assert workspace.document.plan.seed == 1
    start = workspace.document.plan.weights
    assert (workspace.runs.folder / start.file).is_file()
    qtbot.waitUntil(lambda: len(workspace.runs.rows) == 2)


def test_training_may_start_from_a_runs_weights_and_that_is_undone(qtbot: QtBot, window: MainWindow) -> None:
    workspace = window.workspace
    _choose(window, 1)
    _do(window, "start_from")
    qtbot.waitUntil(lambda: workspace.document.plan.weights is not None, timeout=10_000)
    assert workspace.history.undo_title.startswith("Start from the weights of ")
    workspace.undo()
    assert workspace.document.plan.weights is None


def test_snapshots_are_counted_and_cleared(qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = window.workspace
    view = window.findChild(RunsPanel).view
    assert all(0 < row.taken.snapshots < row.taken.size for row in workspace.runs.rows)
    assert "of it snapshots" in view.count.text()
    (first,) = _choose(window, 0)
    assert "of it snapshots" in view.card.about.text()
    asked = []
    answers = [Answer.CANCEL, Answer.YES]
    monkeypatch.setattr(dialogs, "ask", lambda _, title, detail, yes: asked.append((title, detail)) or answers.pop(0))
    _do(window, "clear_snapshots")
    assert "cannot be undone" in asked[0][1]
    _do(window, "clear_snapshots")
    qtbot.waitUntil(lambda: workspace.runs.row(first).taken.snapshots == 0)
    other = next(row for row in workspace.runs.rows if row.id != first)
    assert other.taken.snapshots > 0
    assert (workspace.runs.folder / first / "best.safetensors").is_file()


def test_without_a_selection_all_runs_but_the_pinned_are_cleared(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = window.workspace.runs
    pinned, other = (row.id for row in runs.rows)
    runs.mark((pinned,), pinned=True)
    qtbot.waitUntil(lambda: runs.row(pinned).record.marks.pinned)
    runs.select(())
    monkeypatch.setattr(dialogs, "ask", lambda *_: Answer.YES)
    _do(window, "clear_snapshots")
    qtbot.waitUntil(lambda: runs.row(other).taken.snapshots == 0)
    assert runs.row(pinned).taken.snapshots > 0


def test_two_runs_are_compared(qtbot: QtBot, window: MainWindow) -> None:
    _choose(window, 0, 1)
    _do(window, "compare")
    qtbot.waitUntil(lambda: bool(window.findChildren(RunComparisonDialog)))
    (dialog,) = window.findChildren(RunComparisonDialog)
    assert dialog.settings.item(0, 0).text() == "Seed"
    dialog.reject()


def test_marks(qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = window.workspace.runs
    first, second = _choose(window, 0, 1)
    _do(window, "pin")
    qtbot.waitUntil(lambda: all(row.record.marks.pinned for row in runs.rows))
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_, **__: (" night, ", True))
    _do(window, "tag")
    qtbot.waitUntil(lambda: all(row.record.marks.tags == ("night",) for row in runs.rows))
    _do(window, "tag")
    qtbot.waitUntil(lambda: all(row.record.marks.tags == () for row in runs.rows))
    _choose(window, 0)
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("mine", True))
    _do(window, "rename")
    qtbot.waitUntil(lambda: runs.rows[0].values["name"] == "mine")
    _do(window, "overlay")
    assert list(runs.overlays) == [first]
    _do(window, "overlay")
    assert not runs.overlays
    assert second


def test_deleting_asks_first(qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = window.workspace.runs
    (run,) = _choose(window, 0)
    asked: list[str] = []
    answers = [Answer.CANCEL, Answer.YES]

    def ask(parent: object, text: str, detail: str, *_: str) -> Answer:
        asked.append(text + detail)
        return answers.pop(0)

    monkeypatch.setattr(dialogs, "ask", ask)
    _do(window, "delete")
    qtbot.waitUntil(lambda: len(asked) == 1)
    assert run in asked[0]
    assert "kB on the disk" in asked[0]
    qtbot.wait(50)
    assert len(_store(window).list_runs()) == 2
    _do(window, "delete")
    qtbot.waitUntil(lambda: len(runs.rows) == 1)
    assert (runs.folder / "trash" / run).is_dir()
    _do(window, "empty_trash")
    qtbot.waitUntil(lambda: not (runs.folder / "trash").exists())
    assert _store(window).list_runs(trashed=True) == ()


def test_exports(qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = _choose(window, 0)
    for action, name, lines in (("table", "t.csv", 3), ("curves", "c.csv", 8)):
        target = tmp_path / name
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, to=target: (str(to), ""))
        _do(window, action)
        qtbot.waitUntil(target.exists, timeout=10_000)
        assert len(target.read_text().splitlines()) == lines
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "tb"))
    _do(window, "tensorboard")
    qtbot.waitUntil(lambda: any((tmp_path / "tb").rglob("*tfevents*")), timeout=10_000)
    assert [each.name for each in (tmp_path / "tb").iterdir()] == [run], "the selected one only"
    qtbot.waitUntil(lambda: not window.background.is_busy)


def test_an_export_that_fails_is_told(qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(window, "show_problems", lambda title, problems: told.extend(each.code for each in problems))
    window.background.failed.disconnect()
    window.background.failed.connect(window.show_problems)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "t.csv"), ""))
    _do(window, "table")
    qtbot.waitUntil(lambda: told == ["save.folder"], timeout=10_000)


def test_a_window_that_has_shown_runs_goes_when_nobody_holds_it(qtbot: QtBot, trained: Path) -> None:
    import gc
    import weakref

    def use() -> tuple[weakref.ref[MainWindow], weakref.ref[Workspace]]:
        window = MainWindow(Workspace(Preferences()), controller())
        window.workspace.open(trained)
        window.show()
        window.docks.show("runs")
        runs = window.workspace.runs
        qtbot.waitUntil(lambda: len(runs.rows) == 2)
        runs.set_overlay(runs.rows[0].id, True)
        qtbot.waitUntil(lambda: len(runs.curves) == 1)
        window.close_now()
        QThreadPool.globalInstance().waitForDone(5_000)
        window.deleteLater()
        return weakref.ref(window), weakref.ref(window.workspace)

    held = use()
    qtbot.wait(20)
    gc.collect()
    assert [each() for each in held] == [None, None]
