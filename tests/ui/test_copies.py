"""A document that is a copy of a file finds that file's data, runs and weights, whatever is done with it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.model import Document, Node, Place, new_id
from netbuilder.foundation.preferences import Preferences
from netbuilder.project import runs_folder
from netbuilder.ui.experiment_actions import ExperimentActions
from netbuilder.ui.panels.inspector import InspectorPanel
from netbuilder.ui.panels.node_page import NodePage
from netbuilder.ui.run_control import RunControl
from netbuilder.ui.theme import controller
from netbuilder.ui.trial_actions import TrialActions
from netbuilder.ui.workspace import Workspace


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,4\n5,6\n7,8\n")
    return tmp_path / "table.netb"


@pytest.fixture
def copy(qtbot: QtBot, origin: Path) -> Workspace:
    made = Workspace(Preferences())
    made.open_recovered(Document(), None, origin)
    assert made.path is None
    return made


def test_a_branch_keeps_its_run_beside_the_original(copy: Workspace, origin: Path, monkeypatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(RunControl, "may_train", lambda self: True)
    monkeypatch.setattr(copy.trainer, "start", lambda document, path, **rest: started.append(path))
    copy.control.branch(Path("state"))
    copy.control.train()
    assert started == [origin, origin]


def test_short_runs_and_the_trial_read_beside_the_original(copy: Workspace, origin: Path) -> None:
    window: Any = SimpleNamespace(workspace=copy)
    order = ExperimentActions(window)._order(from_run=False)
    assert (order.base, order.runs) == (str(origin.parent), str(runs_folder(origin)))
    trial = TrialActions(window)._order(False)
    assert (trial.keywords["base"], trial.keywords["runs"]) == (str(origin.parent), str(runs_folder(origin)))


def test_a_data_node_reads_beside_the_original(copy: Workspace, qtbot: QtBot) -> None:
    node = Node(id=new_id(), type="data.table", label="rows", parameters={"file": "rows.csv", "target": "b"})
    copy.edit("Add", lambda document: edits.add_node(document, node=node, place=Place(0, 0)))
    panel = InspectorPanel(copy, controller())
    qtbot.addWidget(panel)
    panel.show()
    copy.select((node.id,))
    panel.show_selection()
    assert isinstance(panel.page, NodePage)
    assert panel.page.data is not None
    qtbot.waitUntil(lambda: panel.page.data.table.rowCount() == 4)


def test_dialogs_begin_beside_the_file_or_its_original(copy: Workspace, origin: Path) -> None:
    assert copy.file.folder == origin.parent
    copy.new()
    assert copy.file.folder == Path.home()
