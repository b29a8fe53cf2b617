"""The window never loses work: its journal, the dialogs that offer what was left, versions, changes from outside."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.files import dumps, read_document, write_document
from netbuilder.document.journal.reading import find_journals, recover
from netbuilder.document.journal.writer import JournalWriter
from netbuilder.document.model import About, Document, Node, new_id
from netbuilder.document.sidecar import FOLDER, recovery_folder, sidecar
from netbuilder.document.versions import find_versions
from netbuilder.foundation.preferences import Preferences
from netbuilder.ui import dialogs
from netbuilder.ui.dialogs import Answer
from netbuilder.ui.recovery_dialog import RecoveryDialog
from netbuilder.ui.theme import controller
from netbuilder.ui.versions_dialog import VersionsDialog
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.builders import tiny_cnn, tiny_mlp


@pytest.fixture
def make_window(qtbot: QtBot) -> Callable[[], MainWindow]:
    def make() -> MainWindow:
        window = MainWindow(Workspace(Preferences()), controller())
        qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
        window.show()
        window.furnish()
        return window

    return make


@pytest.fixture
def window(make_window: Callable[[], MainWindow]) -> MainWindow:
    return make_window()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "net.netb"
    path.parent.mkdir()
    write_document(path, tiny_mlp())
    return path


def add_layer(window: MainWindow) -> str:
    node = Node(id=new_id(), type="relu", label="relu")
    window.workspace.edit("Add ReLU", partial(edits.add_node, node=node))
    return node.id


def edited() -> Document:
    return replace(tiny_mlp(), about=About(title="Edited"))


def leave(folder: Path, document: Document, path: Path | None = None) -> None:
    stamp = (path, path.stat().st_mtime_ns, path.stat().st_size) if path else None
    writer = JournalWriter((folder,), path.name if path else "untitled", stamp, print)
    writer.record(document)
    writer.close(keep=True)
    assert writer.wait(10)


def shown(qtbot: QtBot, kind: type[QDialog]) -> QDialog:
    """Wait for a dialog of a kind and return it."""

    def found() -> list[QDialog]:
        return [each for each in QApplication.topLevelWidgets() if isinstance(each, kind) and each.isVisible()]

    qtbot.waitUntil(lambda: bool(found()), timeout=10_000)
    return found()[0]


def box(qtbot: QtBot) -> QMessageBox:
    dialog = shown(qtbot, QMessageBox)
    assert isinstance(dialog, QMessageBox)
    return dialog


def recovery(qtbot: QtBot) -> RecoveryDialog:
    dialog = shown(qtbot, RecoveryDialog)
    assert isinstance(dialog, RecoveryDialog)
    return dialog


def click(button: object) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint())


# The journal ---------------------------------------------------------------------------------------------------------


def test_nothing_is_written_before_the_first_edit(window: MainWindow, path: Path) -> None:
    window.workspace.open(path)
    assert find_journals(sidecar(path)) == []
    assert window.journal.token == ""


def test_every_edit_undo_and_redo_is_in_the_journal(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    workspace = window.workspace
    workspace.open(path)
    steps = (lambda: add_layer(window), lambda: add_layer(window), workspace.undo, workspace.redo, workspace.undo)
    for step in steps:
        step()

        def holds() -> bool:
            found = find_journals(sidecar(path), path.name)
            return bool(found) and recover(found[0]).document == workspace.document

        qtbot.waitUntil(holds, timeout=10_000)
    (leftover,) = find_journals(sidecar(path))
    assert leftover.is_live
    base = recover(leftover).base
    assert base is not None
    assert base.is_on_disk(path)


def test_a_document_without_a_file_has_its_journal_in_the_users_folder(window: MainWindow, qtbot: QtBot) -> None:
    add_layer(window)
    qtbot.waitUntil(lambda: bool(find_journals(recovery_folder())), timeout=10_000)


@pytest.mark.parametrize("way", ["save", "save as", "undo", "new", "close"])
def test_the_journal_goes_when_nothing_could_be_lost(
    window: MainWindow, path: Path, way: str, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogs, "ask_unsaved", lambda *_: Answer.NO)
    window.workspace.open(path)
    add_layer(window)
    qtbot.waitUntil(lambda: bool(find_journals(sidecar(path))), timeout=10_000)
    if way == "save":
        assert window.files.save()
    elif way == "save as":
        window.workspace.save(path.parent / "other.netb")
    elif way == "undo":
        window.workspace.undo()
    elif way == "new":
        window.files.new()
    else:
        assert window.close()
    qtbot.waitUntil(lambda: not find_journals(sidecar(path)), timeout=10_000)


def test_closing_without_a_question_keeps_the_journal(window: MainWindow, path: Path) -> None:
    window.workspace.open(path)
    add_layer(window)
    window.close_now()
    (leftover,) = find_journals(sidecar(path))
    assert recover(leftover).document == window.workspace.document
    assert not leftover.is_live
    assert not list(sidecar(path).glob("*.lock"))


def test_a_folder_that_refuses_is_told_once_and_work_goes_on(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    (path.parent / FOLDER).write_text("in the way")
    told: list[str] = []
    window.workspace.message.connect(told.append)
    window.workspace.open(path)
    assert not window.workspace.file.is_held
    add_layer(window)
    qtbot.waitUntil(lambda: bool(find_journals(recovery_folder(), path.name)), timeout=10_000)
    assert window.files.save()
    assert any("no earlier version could be kept" in text for text in told)
    assert read_document(path) == window.workspace.document


# Recovery ------------------------------------------------------------------------------------------------------------


def test_what_a_crash_left_is_offered_at_the_start_and_recovered(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    leave(sidecar(path), edited(), path)
    old = find_journals(sidecar(path))
    window.workspace.preferences.add_recent(path)
    window.recovery.look()
    dialog = recovery(qtbot)
    assert dialog.heading.text() == "net.netb"
    assert "1 edit that no file holds" in dialog.when.text()
    assert "the description changed" in dialog.difference.text()
    assert not dialog.note.isVisible()
    assert not dialog.list.isVisible()
    assert set(dialog.picture.content.faces) == set(tiny_mlp().graph.nodes)
    assert dialog.recover_button.text() == "Recover"
    click(dialog.recover_button)
    assert window.workspace.document == edited()
    assert window.workspace.path == path
    assert window.workspace.is_modified
    assert read_document(path) == tiny_mlp(), "the file is as it was until it is saved"
    qtbot.waitUntil(lambda: not old[0].files[0].exists(), timeout=10_000)
    (leftover,) = find_journals(sidecar(path))
    assert recover(leftover).document == edited(), "it can crash again"
    assert window.files.save()
    assert read_document(path) == edited()


def test_return_recovers_and_escape_leaves_everything(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    leave(sidecar(path), edited(), path)
    window.workspace.preferences.add_recent(path)
    window.recovery.look()
    QTest.keyClick(recovery(qtbot), Qt.Key.Key_Escape)
    assert len(find_journals(sidecar(path))) == 1
    assert window.workspace.document == Document()
    window.actions_["file.recover"].trigger()
    QTest.keyClick(recovery(qtbot), Qt.Key.Key_Return)
    assert window.workspace.document == edited()


def test_a_newer_file_is_never_replaced(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    leave(sidecar(path), edited(), path)
    write_document(path, tiny_cnn())
    window.files.open_path(path)
    dialog = recovery(qtbot)
    assert "has been written since then" in dialog.note.text()
    assert dialog.recover_button.text() == "Recover as a copy"
    click(dialog.recover_button)
    assert window.workspace.document == edited()
    assert window.workspace.path is None
    assert window.workspace.name == "net (copy)"
    assert window.workspace.is_modified
    assert read_document(path) == tiny_cnn()
    qtbot.waitUntil(lambda: bool(find_journals(recovery_folder())) and not find_journals(sidecar(path)), timeout=10_000)


def test_the_file_can_be_opened_as_it_is(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    leave(sidecar(path), edited(), path)
    window.workspace.preferences.add_recent(path)
    window.recovery.look()
    click(recovery(qtbot).open_button)
    assert window.workspace.document == tiny_mlp()
    assert len(find_journals(sidecar(path))) == 1, "it can still be recovered"
    qtbot.waitUntil(lambda: not window.background.is_busy, timeout=10_000)
    assert not any(isinstance(each, RecoveryDialog) and each.isVisible() for each in QApplication.topLevelWidgets())


def test_discarding_asks_and_goes_through_the_list(
    window: MainWindow, path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(sidecar(path), edited(), path)
    leave(recovery_folder(), tiny_cnn())
    window.workspace.preferences.add_recent(path)
    window.recovery.look()
    dialog = recovery(qtbot)
    assert dialog.list.count() == 2
    assert dialog.heading.text() == tiny_cnn().about.title
    assert not dialog.open_button.isVisible()
    monkeypatch.setattr(dialogs, "ask_discard", lambda *_: False)
    click(dialog.discard_button)
    assert dialog.list.count() == 2
    monkeypatch.setattr(dialogs, "ask_discard", lambda *_: True)
    click(dialog.discard_button)
    assert find_journals(recovery_folder()) == []
    assert dialog.heading.text() == "net.netb"
    click(dialog.discard_button)
    assert find_journals(sidecar(path)) == []
    assert not dialog.isVisible()


def test_what_is_damaged_is_shown_and_stays(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    leave(sidecar(path), edited(), path)
    (leftover,) = find_journals(sidecar(path))
    leftover.files[0].write_text("damaged")
    window.files.open_path(path)
    dialog = recovery(qtbot)
    assert not dialog.recover_button.isEnabled()
    assert "ends too early" in dialog.note.text()
    click(dialog.later_button)
    assert leftover.files[0].exists()


def test_nothing_to_recover_is_said(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_["file.recover"].trigger()
    dialog = box(qtbot)
    assert "no unsaved work" in dialog.text()
    dialog.reject()


def test_a_journal_that_another_window_writes_is_not_taken(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    leave(sidecar(path), edited(), path)
    window.files.open_path(path)
    dialog = recovery(qtbot)
    file = dialog.offer.leftover.files[0]
    from netbuilder.document.journal.holding import hold

    descriptor = os.open(file, os.O_RDWR)
    hold(descriptor)
    try:
        click(dialog.recover_button)
        assert "is recovering" in box(qtbot).informativeText()
        box(qtbot).reject()
        assert window.workspace.document == tiny_mlp()
    finally:
        os.close(descriptor)


# Versions ------------------------------------------------------------------------------------------------------------


def versions(qtbot: QtBot) -> VersionsDialog:
    dialog = shown(qtbot, VersionsDialog)
    assert isinstance(dialog, VersionsDialog)
    return dialog


def save_twice(window: MainWindow, path: Path) -> None:
    window.workspace.open(path)
    for _ in range(2):
        add_layer(window)
        assert window.files.save()


def test_an_earlier_version_is_restored_and_undone(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    assert not window.actions_["file.versions"].isEnabled()
    save_twice(window, path)
    last = window.workspace.document
    window.actions_["file.versions"].trigger()
    dialog = versions(qtbot)
    assert dialog.list.count() == 2
    assert "1 node removed" in dialog.difference.text()
    dialog.list.setCurrentRow(1)
    assert "2 nodes removed" in dialog.difference.text()
    assert set(dialog.picture.content.faces) == set(tiny_mlp().graph.nodes)
    click(dialog.restore_button)
    assert window.workspace.document == tiny_mlp()
    assert window.workspace.history.undo_title.startswith("Restore the version of")
    window.workspace.undo()
    assert window.workspace.document == last
    assert not window.workspace.is_modified


def test_an_earlier_version_opens_as_a_copy(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    save_twice(window, path)
    window.versions.show()
    click(versions(qtbot).copy_button)
    assert window.workspace.path is None
    assert window.workspace.file.base == path.parent
    assert len(window.workspace.document.graph.nodes) == len(tiny_mlp().graph.nodes) + 1


def test_saving_what_is_saved_keeps_no_version(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    window.workspace.open(path)
    for _ in range(5):
        assert window.files.save()
    assert find_versions(path) == []
    window.versions.show()
    assert "There is none yet" in box(qtbot).informativeText()
    box(qtbot).reject()


@pytest.mark.parametrize("agrees", [True, False])
def test_a_damaged_file_offers_the_newest_whole_version(
    window: MainWindow, path: Path, agrees: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_twice(window, path)
    window.workspace.new()
    path.write_text('{"format": "netbuilder", "graph": ')
    asked: list[str] = []
    monkeypatch.setattr(dialogs, "ask_version_instead", lambda *given: bool(asked.append(given[2])) or agrees)
    window.files.open_path(path)
    assert "damaged" in asked[0]
    assert bool(window.workspace.document.graph.nodes) is agrees
    assert window.workspace.path is None
    assert path.read_text() == '{"format": "netbuilder", "graph": '
    if agrees:
        window.workspace.save(path)
        assert [version.is_damaged for version in find_versions(path)].count(True) == 1


# Two windows, and other programs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "opens"), [(Answer.YES, "a copy"), (Answer.NO, "the file"), (Answer.CANCEL, "nothing")]
)
def test_a_file_that_is_open_elsewhere(
    window: MainWindow, path: Path, answer: Answer, opens: str, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.ui.test_document_lock import end, hold

    asked: list[str] = []
    monkeypatch.setattr(dialogs, "ask_open_elsewhere", lambda *given: asked.append(given[2]) or answer)
    process = hold(path)
    try:
        window.files.open_path(path)
        assert "on this computer, since" in asked[0]
        assert f"process {process.pid}" in asked[0]
        assert (window.workspace.document == tiny_mlp()) is (opens != "nothing")
        assert window.workspace.path == (path if opens == "the file" else None)
        assert not window.workspace.file.is_held
        if opens == "the file":  # its journal keeps out of the other window's way
            add_layer(window)
            qtbot.waitUntil(lambda: bool(find_journals(recovery_folder(), path.name)), timeout=10_000)
            assert find_journals(sidecar(path)) == []
    finally:
        end(process)


@pytest.mark.parametrize("answer", [Answer.YES, Answer.NO, Answer.CANCEL])
def test_saving_over_a_file_that_is_open_elsewhere_asks(
    window: MainWindow, path: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.ui.test_document_lock import end, hold

    monkeypatch.setattr(dialogs, "choose_project_target", lambda *_: path)
    monkeypatch.setattr(dialogs, "ask_overwrite_open", lambda *_: answer)
    window.workspace.open_unsaved(tiny_cnn())
    process = hold(path)
    try:
        assert window.files.save_as() is (answer is Answer.NO)
    finally:
        end(process)
    assert read_document(path) == (tiny_cnn() if answer is Answer.NO else tiny_mlp())
    assert [version.read() for version in find_versions(path)] == ([tiny_mlp()] if answer is Answer.NO else [])


@pytest.mark.parametrize("reloads", [True, False])
def test_a_change_from_outside_is_told_when_the_window_comes_to_the_front(
    window: MainWindow, path: Path, reloads: bool, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(dialogs, "ask_reload", lambda *given: bool(asked.append(given[2])) or reloads)
    workspace = window.workspace
    workspace.open(path)
    add_layer(window)
    mine = workspace.document
    write_document(path, tiny_cnn())
    window.outside._note(Qt.ApplicationState.ApplicationActive)
    qtbot.waitUntil(lambda: bool(asked) and not window.background.is_busy, timeout=10_000)
    assert asked == [True]
    assert workspace.document == (tiny_cnn() if reloads else mine)
    assert workspace.is_modified is not reloads
    window.outside.look()
    qtbot.waitUntil(lambda: not window.background.is_busy, timeout=10_000)
    assert len(asked) == 1, "each change is told once"
    if reloads:
        workspace.undo()
        assert workspace.document == mine
        assert workspace.is_modified
        assert not workspace.file.is_changed_outside
    else:
        monkeypatch.setattr(dialogs, "ask_overwrite_changed", lambda *_: Answer.NO)
        assert window.files.save()
        assert [version.read() for version in find_versions(path)] == [tiny_cnn()], "what was overwritten is kept"


def test_saving_while_the_file_is_looked_at_is_no_change_from_outside(
    window: MainWindow, path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(dialogs, "ask_reload", lambda *given: asked.append(given))
    window.workspace.open(path)
    window.outside.look()
    add_layer(window)
    window.workspace.save()
    qtbot.waitUntil(lambda: not window.background.is_busy, timeout=10_000)
    assert asked == []


def test_a_file_that_is_gone_is_told_and_a_damaged_one_is_not_taken_over(
    window: MainWindow, path: Path, qtbot: QtBot
) -> None:
    told: list[str] = []
    window.workspace.message.connect(told.append)
    window.workspace.open(path)
    path.unlink()
    window.outside.look()
    qtbot.waitUntil(lambda: any("no longer on the disk" in text for text in told), timeout=10_000)
    path.write_text("damaged")
    window.actions_["file.reload"].trigger()
    assert "damaged" in box(qtbot).informativeText()
    box(qtbot).reject()
    assert window.workspace.document == tiny_mlp()
    assert dumps(window.workspace.document) == dumps(tiny_mlp())


def test_a_window_that_was_closed_looks_at_nothing(window: MainWindow, path: Path) -> None:
    window.workspace.open(path)
    window.close_now()
    window.outside._note(Qt.ApplicationState.ApplicationActive)
    assert not window.background.is_busy
