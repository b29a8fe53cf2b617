"""The workspace: editing, files, selection and shapes, without a window."""

from __future__ import annotations

import gc
import os
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.model import Document, Node, Phase, PortRef, Setting, new_id
from netbuilder.foundation.preferences import Preferences
from netbuilder.foundation.problem import Fix, NetbuilderError, Problem
from netbuilder.layers.catalog import catalog
from netbuilder.training.protocol import State
from netbuilder.ui.workspace import Change, Workspace


@pytest.fixture
def workspace(qtbot: QtBot) -> Workspace:
    return Workspace(Preferences())


def add(workspace: Workspace, kind: str, **values: Any) -> str:
    node = Node(id=new_id(), type=kind, label=kind, parameters={**catalog()[kind].defaults(), **values})
    workspace.edit(f"Add {kind}", partial(edits.add_node, node=node))
    return node.id


def test_an_edit_is_told_with_what_differs(workspace: Workspace) -> None:
    changes: list[Change] = []
    workspace.documentChanged.connect(changes.append)
    node = add(workspace, "linear")
    assert [change.difference.added for change in changes] == [{node}]
    assert changes[0].new is workspace.document
    assert workspace.is_modified


def test_an_edit_that_changes_nothing_is_not_told(workspace: Workspace) -> None:
    changes: list[Change] = []
    workspace.documentChanged.connect(changes.append)
    workspace.edit("Nothing", lambda document: document)
    assert not changes
    assert not workspace.history.can_undo
    assert not workspace.is_modified


def test_a_refused_edit_leaves_everything_and_tells_why(workspace: Workspace) -> None:
    raised: list[tuple[Problem, ...]] = []
    workspace.problemsRaised.connect(raised.append)
    before = workspace.document

    def refuse(_: Document) -> Document:
        raise NetbuilderError(Problem(code="test.no", message="No."))

    workspace.edit("Fail", refuse)
    assert workspace.document is before
    assert not workspace.history.can_undo
    assert [problem.code for problem in raised[0]] == ["test.no"]


def test_undo_and_redo_travel(workspace: Workspace) -> None:
    node = add(workspace, "linear")
    workspace.undo()
    assert node not in workspace.document.graph.nodes
    assert not workspace.is_modified
    workspace.redo()
    assert node in workspace.document.graph.nodes


def test_edits_with_one_merge_key_are_one_entry(workspace: Workspace) -> None:
    node = add(workspace, "linear")
    for units in (20, 30, 40):
        workspace.edit("Set", partial(edits.set_parameters, node=node, values={"units": units}), merge="scrub")
    workspace.undo()
    assert workspace.document.graph.nodes[node].parameters == catalog()["linear"].defaults()


def test_the_selection_holds_only_what_exists(workspace: Workspace) -> None:
    node = add(workspace, "linear")
    told: list[frozenset[str]] = []
    workspace.selectionChanged.connect(lambda: told.append(workspace.selection))
    workspace.select([node, "n00000000"])
    workspace.select([node])
    assert told == [{node}]
    workspace.undo()
    assert told == [{node}, frozenset()]


def test_a_fix_is_one_undo_entry_with_its_title(workspace: Workspace) -> None:
    node = add(workspace, "linear")
    workspace.apply_fix(Fix(title="Rename it", edit="rename", arguments={"node": node, "label": "head"}))
    assert workspace.document.graph.nodes[node].label == "head"
    assert workspace.history.undo_title == "Rename it"


def test_saving_and_opening_round_trip(workspace: Workspace, tmp_path: Path) -> None:
    add(workspace, "linear")
    path = tmp_path / "net.netb"
    workspace.save(path)
    assert not workspace.is_modified
    assert workspace.name == "net"
    saved = workspace.document
    workspace.new()
    assert workspace.path is None
    workspace.open(path)
    assert workspace.document == saved
    assert [file.path for file in workspace.file.recent] == [str(path)]


def test_a_file_that_cannot_be_opened_leaves_the_document(workspace: Workspace, tmp_path: Path) -> None:
    node = add(workspace, "linear")
    path = tmp_path / "broken.netb"
    path.write_text("{")
    with pytest.raises(NetbuilderError):
        workspace.open(path)
    assert node in workspace.document.graph.nodes
    assert workspace.path is None


def test_a_save_that_fails_leaves_the_document_modified(workspace: Workspace, tmp_path: Path) -> None:
    add(workspace, "linear")
    with pytest.raises(NetbuilderError):
        workspace.save(tmp_path / "missing" / "net.netb")
    assert workspace.is_modified
    assert workspace.path is None


def test_a_change_by_another_program_is_noticed(workspace: Workspace, tmp_path: Path) -> None:
    add(workspace, "linear")
    path = tmp_path / "net.netb"
    workspace.save(path)
    assert not workspace.file.is_changed_outside
    path.write_text(path.read_text() + "\n")
    assert workspace.file.is_changed_outside
    workspace.save(path)
    assert not workspace.file.is_changed_outside
    path.unlink()
    assert workspace.file.is_changed_outside


def test_recent_files_that_are_gone_are_not_offered(workspace: Workspace, tmp_path: Path) -> None:
    for name in ("a", "b"):
        workspace.save(tmp_path / f"{name}.netb")
    assert [Path(file.path).stem for file in workspace.file.recent] == ["b", "a"]
    (tmp_path / "b.netb").unlink()
    assert [Path(file.path).stem for file in workspace.file.recent] == ["a"]


def test_shapes_follow_edits(workspace: Workspace, qtbot: QtBot) -> None:
    import torch  # noqa: F401  (the loader's work)

    workspace.torch_loaded()
    flatten, linear = add(workspace, "flatten"), add(workspace, "linear", units=7)
    workspace.edit("Connect", partial(edits.connect, target=PortRef(linear, "x"), source=PortRef(flatten, "y")))
    data = Node(id=new_id(), type="data.digits", label="digits")
    from netbuilder.data.schemas import describe

    workspace.edit("Add", partial(edits.add_node, node=data, schema=describe("data.digits", {})))
    workspace.edit("Connect", partial(edits.connect, target=PortRef(flatten, "x"), source=PortRef(data.id, "image")))
    qtbot.waitUntil(lambda: not workspace.shapes.pending, timeout=30_000)
    assert workspace.shapes.types[PortRef(linear, "y")].short == "7"
    assert workspace.costs.total.parameters == 64 * 7 + 7


def test_training_waits_for_torch_without_blocking(workspace: Workspace) -> None:
    told: list[str] = []
    workspace.message.connect(told.append)
    add(workspace, "linear")
    workspace.trainer.start(workspace.document, None)
    assert workspace.state is State.STARTING
    assert any("PyTorch" in text for text in told)
    workspace.control.stop()
    assert workspace.state is State.IDLE


# Data files --------------------------------------------------------------------------------------------------------

TABLE = "size,weight,kind\n" + "".join(f"{row},{(row * 7) % 13},{'ab'[row % 2]}\n" for row in range(60))


def own_table(workspace: Workspace, folder: Path) -> tuple[str, Path]:
    """Save a project that reads a table beside it; return the data node's id and the project's file."""
    from netbuilder.data.schemas import describe

    (folder / "rows.csv").write_text(TABLE)
    values = {"file": "rows.csv"}
    data = Node(id=new_id(), type="data.table", label="rows", parameters=values)
    schema = describe("data.table", values, folder)
    workspace.edit("Add", partial(edits.add_node, node=data, schema=schema))
    linear = add(workspace, "linear")
    workspace.edit("Link", partial(edits.connect, target=PortRef(linear, "x"), source=PortRef(data.id, "features")))
    path = folder / "net.netb"
    workspace.save(path)
    return data.id, path


def rewrite(path: Path, text: str) -> None:
    """Write a file anew, one second later than it was."""
    later = path.stat().st_mtime_ns + 10**9
    path.write_text(text)
    os.utime(path, ns=(later, later))


def data_problems(workspace: Workspace) -> list[tuple[str, str, bool]]:
    return [(each.code, each.node, each.is_error) for each in workspace.problems if each.code.startswith("data.")]


def wait_until_looked(workspace: Workspace, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: bool(workspace.analysis.data.readings), timeout=10_000)


def become_active(qtbot: QtBot) -> None:
    application = QGuiApplication.instance()
    assert isinstance(application, QGuiApplication)
    application.applicationStateChanged.emit(Qt.ApplicationState.ApplicationActive)


def test_a_missing_file_is_told_on_opening_at_its_node(workspace: Workspace, tmp_path: Path, qtbot: QtBot) -> None:
    data, path = own_table(workspace, tmp_path)
    workspace.new()
    (tmp_path / "rows.csv").unlink()
    workspace.open(path)
    qtbot.waitUntil(lambda: data_problems(workspace) == [("data.missing_file", data, True)], timeout=10_000)
    assert not workspace.is_modified
    assert not workspace.history.can_undo


def test_a_file_that_comes_back_is_seen_as_the_window_becomes_active(
    workspace: Workspace, tmp_path: Path, qtbot: QtBot
) -> None:
    _, path = own_table(workspace, tmp_path)
    (tmp_path / "rows.csv").rename(tmp_path / "moved.csv")
    workspace.open(path)
    qtbot.waitUntil(lambda: bool(data_problems(workspace)), timeout=10_000)
    (tmp_path / "moved.csv").rename(tmp_path / "rows.csv")
    become_active(qtbot)
    qtbot.waitUntil(lambda: not data_problems(workspace), timeout=10_000)


def test_a_refused_training_looks_again(workspace: Workspace, tmp_path: Path, qtbot: QtBot) -> None:
    _, path = own_table(workspace, tmp_path)
    (tmp_path / "rows.csv").rename(tmp_path / "moved.csv")
    workspace.open(path)
    qtbot.waitUntil(lambda: bool(data_problems(workspace)), timeout=10_000)
    (tmp_path / "moved.csv").rename(tmp_path / "rows.csv")
    workspace.control.train()
    assert workspace.state is State.IDLE
    qtbot.waitUntil(lambda: not data_problems(workspace), timeout=10_000)


def test_other_columns_are_offered_and_never_taken_over_unasked(
    workspace: Workspace, tmp_path: Path, qtbot: QtBot
) -> None:
    data, path = own_table(workspace, tmp_path)
    rewrite(tmp_path / "rows.csv", TABLE + "1,2,c\n" * 5)
    workspace.open(path)
    qtbot.waitUntil(lambda: data_problems(workspace) == [("data.changed", data, True)], timeout=10_000)
    assert workspace.document.schemas[data].rows == 60
    assert not workspace.is_modified
    (problem,) = (each for each in workspace.problems if each.code == "data.changed")
    workspace.apply_fix(problem.fixes[0])
    assert data_problems(workspace) == []
    assert workspace.document.schemas[data].fields[1].classes == ("a", "b", "c")
    workspace.undo()
    qtbot.waitUntil(lambda: data_problems(workspace) == [("data.changed", data, True)], timeout=10_000)


def test_more_rows_are_told_and_change_nothing(workspace: Workspace, tmp_path: Path, qtbot: QtBot) -> None:
    data, path = own_table(workspace, tmp_path)
    workspace.open(path)
    wait_until_looked(workspace, qtbot)
    told: list[str] = []
    workspace.message.connect(told.append)
    rewrite(tmp_path / "rows.csv", TABLE + "1,2,a\n" * 5)
    workspace.analysis.data.look()
    qtbot.waitUntil(lambda: "rows has 65 rows now; it had 60" in told, timeout=10_000)
    assert data_problems(workspace) == []
    assert workspace.document.schemas[data].rows == 60
    assert not workspace.is_modified
    rewrite(tmp_path / "rows.csv", "\n".join(TABLE.splitlines()[:4]))
    workspace.analysis.data.look()
    qtbot.waitUntil(lambda: data_problems(workspace) == [("data.split", data, True)], timeout=10_000)


def test_the_window_is_not_held_up_by_a_slow_disk_and_does_not_look_twice_at_once(
    workspace: Workspace, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netbuilder.ui import data_watch

    gc.collect()  # a window of an earlier test, closed but not collected yet, would look at its own files
    _, path = own_table(workspace, tmp_path)
    gate, looks = threading.Event(), []
    read = data_watch.read

    def slow(*given: Any) -> Any:
        looks.append(threading.current_thread())
        assert gate.wait(10)
        return read(*given)

    monkeypatch.setattr(data_watch, "read", slow)
    workspace.open(path)
    workspace.analysis.data.look()
    qtbot.waitUntil(lambda: bool(looks), timeout=10_000)
    add(workspace, "relu")  # says nothing new of the data
    become_active(qtbot)
    qtbot.wait(300)
    gate.set()
    wait_until_looked(workspace, qtbot)
    assert len(looks) == 1
    assert looks[0] is not threading.main_thread()
    become_active(qtbot)  # just looked
    qtbot.wait(300)
    assert len(looks) == 1


def test_built_in_data_are_not_looked_at(workspace: Workspace, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    from netbuilder.templates import open_template
    from netbuilder.ui import data_watch

    looks: list[object] = []
    monkeypatch.setattr(data_watch, "read", lambda *given: looks.append(given))
    workspace.open_unsaved(open_template("spiral"))
    become_active(qtbot)
    qtbot.wait(300)
    assert looks == []


def test_what_the_plan_gets_wrong_is_told_before_training(workspace: Workspace) -> None:
    from netbuilder.templates import open_template

    workspace.open_unsaved(open_template("spiral"))
    plan = replace(workspace.document.plan, phases=(Phase(losses=("gone",), optimizer=Setting(key="none")),))
    workspace.edit("Plan", partial(edits.set_plan, plan=plan))

    def found() -> list[Problem]:
        return [each for each in workspace.problems if each.code.startswith("plan.")]

    assert [each.code for each in found()] == ["plan.optimizer", "plan.no_loss"]
    workspace.apply_fix(found()[0].fixes[0])
    assert [each.code for each in found()] == ["plan.no_loss"]
    workspace.apply_fix(found()[0].fixes[0])
    assert found() == []
    assert workspace.history.undo_title == "Train for all losses"


def test_undoing_an_addition_leads_back_to_what_it_hung_on(workspace: Workspace) -> None:
    first = add(workspace, "linear")
    added = Node(id=new_id(), type="relu", label="relu")

    def hang(document: Document) -> Document:
        return edits.connect(edits.add_node(document, added), PortRef(added.id, "x"), PortRef(first, "y"))

    workspace.edit("Add relu", hang)
    workspace.select((added.id,))
    workspace.undo()
    assert workspace.selection == {first}
