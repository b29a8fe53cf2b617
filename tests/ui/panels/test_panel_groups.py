"""Layers with a rate of their own: given from the selection, listed on the plan's page, changed and taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.model import Group, Phase
from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.layer_rate_actions import LayerRateActions, give
from netbuilder.ui.panels.group_list import EMPTY
from netbuilder.ui.panels.plan_page import PlanPage
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.builders import tiny_mlp
from tests.training.documents import alternating, iris


@pytest.fixture
def page(qtbot: QtBot, digits: Workspace) -> PlanPage:
    page = PlanPage(digits)
    qtbot.addWidget(page)
    page.show()
    digits.documentChanged.connect(lambda *_: page.show_document())
    return page


def test_without_groups_the_page_says_how_to_make_one(page: PlanPage) -> None:
    assert page.groups.empty.isVisibleTo(page)
    assert page.groups.empty.text() == EMPTY
    assert not page.groups.forms


def test_numbers_are_changed_and_layers_put_back(digits: Workspace, page: PlanPage) -> None:
    first, second = [id for id, node in digits.document.graph.nodes.items() if node.type in ("linear", "conv2d")][:2]
    digits.edit("Give", lambda document: give(document, (first, second), {"rate": 0.1, "weight_decay": None}))
    labels = [digits.document.graph.nodes[id].label for id in (first, second)]
    (form,), (head,) = page.groups.forms, page.groups.heads
    assert not page.groups.empty.isVisibleTo(page)
    assert head.text() == ", ".join(labels)
    assert "learns at 0.0001" in head.toolTip()
    assert form.values() == {"rate": 0.1, "weight_decay": None}
    form.edited.emit("rate", 1.0, "typing")
    form.edited.emit("weight_decay", 0.5, "typing 2")
    (group, rest) = digits.document.plan.phases[0].groups
    assert group == Group(nodes=(first, second), rate=1.0, weight_decay=0.5)
    assert rest == Group()
    assert page.groups.forms == [form], "what is being typed in must stay"
    page.groups.removers[0].click()
    assert digits.document.plan.phases[0].groups == (Group(),)
    assert page.groups.empty.isVisibleTo(page)
    digits.undo()
    assert digits.document.plan.phases[0].groups[0].weight_decay == 0.5


def test_the_menu_asks_for_the_rate_of_the_selection(qtbot: QtBot) -> None:
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    window.furnish()
    workspace = window.workspace
    workspace.open_unsaved(iris())
    workspace.select(["hidden"])
    rates = LayerRateActions(window)
    rates.give()
    assert rates.dialog is not None
    rates.dialog.form.set_values({"rate": 0.25, "weight_decay": None})
    rates.dialog.confirm()
    assert workspace.document.plan.phases[0].groups == (Group(nodes=("hidden",), rate=0.25), Group())
    assert workspace.history.undo_title == "Give a layer a rate of its own"
    rates.give()
    assert rates.dialog.form.values()["rate"] == 0.25, "it begins with what is"
    rates.dialog.reject()
    workspace.undo()
    assert workspace.document.plan.phases[0].groups == (Group(),)


def test_each_phase_that_updates_the_layers_changes() -> None:
    made = give(alternating(iris()), ("hidden",), {"rate": 0.5, "weight_decay": None})
    first, second = made.plan.phases
    assert first.groups == (Group(nodes=("hidden",), rate=0.5),)
    assert second == alternating(iris()).plan.phases[1]


def test_groups_take_layers_from_each_other() -> None:
    start = tiny_mlp()
    made = edits.give_rate(start, ("hidden", "scores"), 0.1)
    made = edits.give_rate(made, ("scores",), 2.0, 0.01)
    assert made.plan.phases[0].groups == (
        Group(nodes=("hidden",), rate=0.1),
        Group(nodes=("scores",), rate=2.0, weight_decay=0.01),
        Group(),
    )
    again = edits.give_rate(made, ("hidden",), 0.3)
    assert again.plan.phases[0].groups[0] == Group(nodes=("hidden",), rate=0.3), "at its place"
    assert edits.give_rate(again, ("hidden", "scores"), 1.0).plan == start.plan
    assert edits.give_rate(start, ("hidden",), 1.0) is start


def test_without_a_rest_layers_stay_in_a_group_of_their_own() -> None:
    start = tiny_mlp()
    phase = Phase(groups=(Group(nodes=("hidden",), rate=0.1),))
    start = replace(start, plan=replace(start.plan, phases=(phase,)))
    assert edits.give_rate(start, ("hidden",), 1.0).plan.phases[0].groups == (Group(nodes=("hidden",)),)
