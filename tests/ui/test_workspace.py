"""The workspace: editing, files, selection and shapes, without a window."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.model import Document, Node, PortRef, new_id
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
    workspace.stop()
    assert workspace.state is State.IDLE
