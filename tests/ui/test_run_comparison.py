"""Two runs side by side: every difference is told once, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.model import Document, Node, Place, PortRef
from netbuilder.foundation.job import Job
from netbuilder.foundation.preferences import Preferences
from netbuilder.training.run_values import values_of
from netbuilder.ui.run_comparison import ADDED, CHANGED, REMOVED, Comparison, read_comparison
from netbuilder.ui.run_comparison_dialog import NONE, RunComparisonDialog
from netbuilder.ui.run_rows import Row
from netbuilder.ui.workspace import Workspace
from tests.training.stored_runs import plan_of, record_of, store_of
from tests.ui.panels.recorded import CONV, HEAD, RELU, digits_document


def _edited(document: Document) -> Document:
    """A wider head, another activation's place taken by nothing, a new layer."""
    document = edits.set_parameters(document, HEAD, {"units": 12})
    document = edits.remove_nodes(document, [RELU])
    document = edits.add_node(document, node=Node(id="nnew00001", type="gelu", label="gelu"), place=Place(5, 5))
    return edits.connect(document, PortRef("nnew00001", "x"), PortRef(CONV, "y"))


@pytest.fixture
def compared(tmp_path: Path):
    def compare(first: Document, second: Document, **values) -> Comparison:
        folder = tmp_path / "x.runs"
        records = [
            record_of(folder, "a", 0, document=first, content={"ndata0001": "11" * 16}),
            record_of(folder, "b", 1, document=second, **values),
        ]
        store = store_of(folder, records)
        rows = [Row(record, values_of(record)) for record in reversed(store.list_runs())]
        return read_comparison(store, *rows, Job("x"))

    return compare


def test_equal_runs_differ_in_nothing(compared):
    found = compared(digits_document(), digits_document(), content={"ndata0001": "11" * 16})
    assert found.nodes == ()
    assert found.settings == ()
    assert {pair.title for pair in found.results} >= {"Best loss", "Test accuracy", "Epochs"}


def test_networks_settings_data_and_results(compared):
    document = digits_document()
    found = compared(
        document,
        _edited(document),
        plan=plan_of(0.1, seed=4),
        content={"ndata0001": "22" * 16},
        versions={"torch": "9.9"},
        device="CUDA",
    )
    told = {(one.what, one.title): one.detail for one in found.nodes}
    assert told[ADDED, "GELU gelu"] == ""
    assert told[REMOVED, "ReLU relu"] == ""
    assert told[CHANGED, "Linear head"] == "units 10 → 12"
    assert all(one.title != "Link" for one in found.nodes), "links of nodes that came or went are told with them"
    settings = {pair.title: (pair.first, pair.second) for pair in found.settings}
    assert settings == {
        "Learning rate": ("0.001", "0.1"),
        "Seed": ("0", "4"),
        "Device": ("CPU", "CUDA"),
        "Rows of digits": ("111111111111", "222222222222"),
        "Version of torch": ("–", "9.9"),
    }
    results = {pair.title: pair.better for pair in found.results}
    assert results["Best loss"] == 1
    assert results["Best accuracy"] == 1
    assert results["Test accuracy"] is None
    assert results["Duration"] is None


def test_a_link_led_elsewhere_is_told(compared):
    document = digits_document()
    other = edits.connect(document, PortRef(HEAD, "x"), PortRef(CONV, "y"))
    links = [(one.what, one.detail) for one in compared(document, other).nodes]
    assert links == [(ADDED, "stem.y → head.x"), (REMOVED, "flatten.y → head.x")]


def test_the_dialog_shows_all_of_it(qtbot: QtBot, compared):
    document = digits_document()
    dialog = RunComparisonDialog(compared(document, _edited(document), plan=plan_of(0.1)), Workspace(Preferences()))
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.nodes.count() == 3
    dialog.nodes.setCurrentRow(2)
    assert all(picture.selection == {HEAD} for picture in dialog.pictures)
    assert dialog.pictures[0]._framed.keys() == {RELU, HEAD}
    assert dialog.pictures[1]._framed.keys() == {"nnew00001", HEAD}
    assert dialog.settings.item(0, 0).text() == "Learning rate"
    better = [dialog.results.item(row, 2).text() for row in range(dialog.results.rowCount())]
    assert any(text.startswith("✓") for text in better)
    assert len(dialog.chart.traces) == 6
    assert not dialog.grab().toImage().isNull()


def test_the_dialog_of_equal_networks_says_so(qtbot: QtBot, compared):
    dialog = RunComparisonDialog(compared(digits_document(), digits_document()), Workspace(Preferences()))
    qtbot.addWidget(dialog)
    assert dialog.nodes.item(0).text() == NONE


def test_a_run_whose_curves_are_missing_can_be_compared(qtbot: QtBot, compared):
    found = compared(digits_document(), digits_document())
    bare = tuple(replace(curves, series={}) for curves in found.curves)
    dialog = RunComparisonDialog(replace(found, curves=bare), Workspace(Preferences()))
    qtbot.addWidget(dialog)
    assert dialog.chart.traces == []
