"""The plan page's curve of the learning rate follows the schedule that is picked and its values."""

from __future__ import annotations

from functools import partial

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.training import schedules
from netbuilder.ui.panels.inspector import InspectorPanel
from netbuilder.ui.panels.plan_page import PlanPage
from netbuilder.ui.panels.schedule_curve import ScheduleCurve
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace


@pytest.fixture
def inspector(qtbot: QtBot, digits: Workspace, themes: ThemeController) -> InspectorPanel:
    panel = InspectorPanel(digits, themes)
    qtbot.addWidget(panel)
    panel.resize(300, 900)
    panel.show()
    panel.show_selection()
    return panel


@pytest.fixture
def page(inspector: InspectorPanel) -> PlanPage:
    assert isinstance(inspector.page, PlanPage)
    return inspector.page


def pick(workspace: Workspace, page: PlanPage, key: str, **values: object) -> ScheduleCurve:
    change = partial(edits.set_schedule, key=key, values={**schedules.registry()[key].defaults(), **values})
    workspace.edit("Pick", change)
    page.show_document()
    return page.curve


def test_the_curve_follows_the_schedule(digits: Workspace, page: PlanPage) -> None:
    curve = pick(digits, page, "linear", end=0.25)
    assert curve.isVisibleTo(page)
    assert curve.factors[0] == 1.0
    assert curve.factors[-1] == pytest.approx(0.25, abs=0.01)
    assert "0.254 and 1 times" in curve.toolTip()
    before = curve.grab().toImage()
    assert pick(digits, page, "cosine_restarts").grab().toImage() != before
    digits.undo()
    page.show_document()
    assert curve.grab().toImage() == before


def test_no_curve_where_the_losses_decide_or_a_value_is_refused(digits: Workspace, page: PlanPage) -> None:
    assert not pick(digits, page, "plateau").isVisibleTo(page)
    assert pick(digits, page, "constant").isVisibleTo(page)
    assert not pick(digits, page, "step", drops=0).isVisibleTo(page)


def test_every_setting_of_the_plan_has_a_field_that_edits_it(digits: Workspace, page: PlanPage) -> None:
    page.plan.edited.emit("accumulation", 4, "")
    page.plan.edited.emit("ema_decay", 0.99, "")
    assert (digits.document.plan.accumulation, digits.document.plan.ema_decay) == (4, 0.99)
    page.show_document()
    assert page.plan.values()["accumulation"] == 4
