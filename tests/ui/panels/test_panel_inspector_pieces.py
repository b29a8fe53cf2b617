"""The inspector's page is made in pieces: it comes when it is whole, and shows what is true then."""

from __future__ import annotations

import time
from functools import partial

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.ui.panels import inspector as module
from netbuilder.ui.panels.inspector import InspectorPanel
from netbuilder.ui.panels.node_page import NodePage
from netbuilder.ui.panels.plan_page import PlanPage
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.recorded import CONV, HEAD, RELU


@pytest.fixture
def inspector(
    qtbot: QtBot, digits: Workspace, themes: ThemeController, monkeypatch: pytest.MonkeyPatch
) -> InspectorPanel:
    monkeypatch.setattr(module, "_SLICE", 0.0)  # a piece at each turn
    panel = InspectorPanel(digits, themes)
    qtbot.addWidget(panel)
    panel.resize(270, 800)
    panel.show()
    panel.show_selection()
    return panel


def begin(inspector: InspectorPanel) -> None:
    """Wait until a page is being made, and look at each turn of the event loop: it is soon done."""
    end = time.monotonic() + 10
    while inspector._making is None:
        assert time.monotonic() < end, "no page is made"
        QApplication.processEvents()


def pages(inspector: InspectorPanel) -> list[NodePage]:
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return inspector.findChildren(NodePage)


def test_the_page_before_stays_until_the_new_one_is_whole(
    inspector: InspectorPanel, digits: Workspace, qtbot: QtBot
) -> None:
    turns: list[QWidget | None] = []
    inspector._timer.timeout.connect(lambda: turns.append(inspector.page))
    digits.select([CONV])
    qtbot.waitUntil(lambda: isinstance(inspector.page, NodePage))
    plan = [page for page in turns if isinstance(page, PlanPage)]
    assert len(plan) > 10, "a turn for each piece"
    page = inspector.page
    assert isinstance(page, NodePage)
    assert page.isVisible()
    assert not plan[0].isVisible()
    assert page.form.values()["filters"] == digits.document.graph.nodes[CONV].parameters["filters"]
    assert page.facts.texts()["Out"]
    assert page.help.formula is not None


def test_what_asks_for_the_page_gets_it_whole(inspector: InspectorPanel, digits: Workspace, qtbot: QtBot) -> None:
    digits.select([CONV])
    begin(inspector)
    inspector.show_selection()
    assert isinstance(inspector.page, NodePage)
    assert inspector.page.node == CONV
    assert inspector._making is None
    assert not inspector._timer.isActive()


def test_another_selection_abandons_what_was_begun(inspector: InspectorPanel, digits: Workspace, qtbot: QtBot) -> None:
    digits.select([CONV])
    begin(inspector)
    digits.select([HEAD])
    qtbot.waitUntil(lambda: isinstance(inspector.page, NodePage))
    assert [page.node for page in pages(inspector)] == [HEAD]


def test_an_edit_meanwhile_is_on_the_page(inspector: InspectorPanel, digits: Workspace, qtbot: QtBot) -> None:
    digits.select([CONV])
    begin(inspector)
    digits.edit("x", partial(edits.set_parameters, node=CONV, values={"filters": 13}))
    qtbot.waitUntil(lambda: isinstance(inspector.page, NodePage))
    assert isinstance(inspector.page, NodePage)
    assert inspector.page.form.values()["filters"] == 13
    assert len(pages(inspector)) == 1


def test_a_node_that_goes_meanwhile_gets_no_page(inspector: InspectorPanel, digits: Workspace, qtbot: QtBot) -> None:
    digits.select([RELU])
    begin(inspector)
    digits.edit("x", partial(edits.remove_nodes, nodes=[RELU]))
    qtbot.waitUntil(lambda: inspector._making is None and not inspector._timer.isActive())
    assert isinstance(inspector.page, PlanPage)
    assert not pages(inspector)


def test_what_becomes_known_meanwhile_is_on_the_page(
    inspector: InspectorPanel, digits: Workspace, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits.select([CONV])
    begin(inspector)
    shown: list[str] = []
    real = NodePage.show_shapes
    monkeypatch.setattr(NodePage, "show_shapes", lambda page: (shown.append(page.node), real(page))[1])
    qtbot.waitUntil(lambda: bool(shown))  # as a piece of its own
    digits._learn()
    qtbot.waitUntil(lambda: isinstance(inspector.page, NodePage))
    assert len(shown) == 2
