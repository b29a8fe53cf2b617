"""Shapes, problems and costs behind an edit: at once in small documents, in pieces in large ones."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.compiler.cost import count_costs
from netbuilder.compiler.meta import warm_up
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document import edits
from netbuilder.document.blocks import BLOCK
from netbuilder.document.model import Document, PortRef
from netbuilder.foundation.preferences import Preferences
from netbuilder.templates import open_template
from netbuilder.training.readiness import review
from netbuilder.ui import analysis as module
from netbuilder.ui.analysis import SMALL, Analysis
from netbuilder.ui.workspace import Workspace
from tests.benchmarks.large_networks import network

OPEN = partial(edits.disconnect, target=PortRef("head", "x"))


@pytest.fixture
def analysis(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Analysis:
    """An analysis of a document that is too large to be looked at in one piece, with no time before an edit returns."""
    warm_up()
    monkeypatch.setattr(module, "AT_ONCE", 0.0)
    found = Analysis(network(SMALL + 100))
    found.torch_loaded()
    settle(qtbot, found)
    return found


def settle(qtbot: QtBot, analysis: Analysis) -> None:
    qtbot.waitUntil(lambda: analysis.is_settled, timeout=20_000)


def check(analysis: Analysis, document: Document) -> None:
    shapes = ShapeInference().infer(document)
    assert analysis.shapes.types == shapes.types
    assert analysis.problems == review(document, shapes)
    assert analysis.costs == count_costs(document, shapes)


def test_a_small_document_is_known_when_the_edit_returns(qtbot: QtBot) -> None:
    warm_up()
    document = network(50)
    found = Analysis(document)
    found.torch_loaded()
    qtbot.waitUntil(lambda: found.is_settled, timeout=20_000)
    after = OPEN(document)
    found.follow(after, Path())
    assert found.is_settled
    check(found, after)


def test_nodes_in_blocks_count(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    warm_up()
    monkeypatch.setattr(module, "AT_ONCE", 0.0)
    document = open_template("digits-transformer")
    found = Analysis(document)
    found.torch_loaded()
    settle(qtbot, found)
    nodes = document.graph.nodes.values()
    block = next(node.id for node in nodes if node.type == BLOCK + "transformer_encoder_block")
    for repeat in (1, 6):
        document = edits.set_parameters(document, block, {"repeat": repeat})
        found.follow(document, Path())
        settle(qtbot, found)
        is_small = len(found.shapes.expansion.flat.graph.nodes) <= SMALL
        assert is_small == (repeat == 1)
        loss = next(target for target in document.graph.edges if target.port == "target")
        found.follow(edits.disconnect(document, loss), Path())
        assert found.is_settled == is_small
        settle(qtbot, found)
        check(found, found.document)


def test_a_large_document_is_known_soon_after(qtbot: QtBot, analysis: Analysis) -> None:
    after = OPEN(network(SMALL + 100))
    analysis.follow(after, Path())
    assert not analysis.is_settled, "an edit must not wait for all of it"
    assert analysis.problems == ()
    settle(qtbot, analysis)
    check(analysis, after)


def test_an_edit_meanwhile_is_what_counts(qtbot: QtBot, analysis: Analysis) -> None:
    document = network(SMALL + 100)
    analysis.follow(OPEN(document), Path())
    analysis.follow(document, Path())
    settle(qtbot, analysis)
    check(analysis, document)


def test_problems_of_nodes_that_are_gone_are_not_told(qtbot: QtBot, analysis: Analysis) -> None:
    document = OPEN(network(SMALL + 100))
    analysis.follow(document, Path())
    settle(qtbot, analysis)
    assert any(each.node == "head" for each in analysis.problems)
    after = edits.remove_nodes(document, ["head"])
    analysis.follow(after, Path())
    assert not analysis.is_settled
    assert not any(each.node == "head" for each in analysis.problems)
    settle(qtbot, analysis)
    check(analysis, after)


def test_what_asks_to_train_hears_of_all_problems(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    warm_up()
    workspace = Workspace(Preferences())
    workspace.torch_loaded()
    workspace.open_unsaved(network(SMALL + 100))
    qtbot.waitUntil(lambda: workspace.is_settled, timeout=20_000)
    monkeypatch.setattr(module, "AT_ONCE", 0.0)
    workspace.edit("Disconnect", OPEN)
    assert not workspace.is_settled
    with qtbot.waitSignal(workspace.problemsRaised) as raised:
        workspace.control.train()
    assert "input.open" in [each.code for each in raised.args[0]]
    assert workspace.is_settled
