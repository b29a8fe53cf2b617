"""A project that lies beside its data can be moved with them, and saved elsewhere without losing them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.document.files import read_document
from netbuilder.first_network import begin_with
from netbuilder.foundation.preferences import Preferences
from netbuilder.project import Project
from netbuilder.ui.workspace import Workspace


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "course" / "data" / "t.csv"
    path.parent.mkdir(parents=True)
    path.write_text("a;b\n" + "".join(f"{row};{row % 2}\n" for row in range(40)))
    return path


def named(path: Path) -> str:
    (node,) = (node for node in read_document(path).graph.nodes.values() if node.type == "data.table")
    return str(node.parameters["file"])


def test_a_project_and_its_data_move_together(table: Path, tmp_path: Path) -> None:
    home = table.parent.parent
    Project(begin_with(table)).save(home / "p.netb")
    assert named(home / "p.netb") == "data/t.csv"
    shutil.move(home, tmp_path / "elsewhere")
    assert Project.load(tmp_path / "elsewhere" / "p.netb").check().problems == ()


def test_a_project_that_is_saved_elsewhere_keeps_its_data(table: Path, tmp_path: Path) -> None:
    project = Project(begin_with(table))
    project.save(table.parent / "p.netb")
    assert named(table.parent / "p.netb") == "t.csv"
    (tmp_path / "other").mkdir()
    project.save(tmp_path / "other" / "p.netb")
    assert named(tmp_path / "other" / "p.netb") == str(table)
    assert Project.load(tmp_path / "other" / "p.netb").check().problems == ()


def test_the_window_names_data_as_the_terminal_does(qtbot: QtBot, table: Path, tmp_path: Path) -> None:
    workspace = Workspace(Preferences())
    workspace.open_unsaved(begin_with(table))
    before = workspace.document
    workspace.save(table.parent / "p.netb")
    assert named(table.parent / "p.netb") == "t.csv"
    assert workspace.document is before, "a run in progress sees no edit"
    assert not workspace.is_modified
    workspace.open(table.parent / "p.netb")
    (tmp_path / "other").mkdir()
    workspace.save(tmp_path / "other" / "p.netb")
    assert named(tmp_path / "other" / "p.netb") == str(table)
    assert not workspace.is_modified
    workspace.file.lock.release()
