"""Checks, the learning-rate finder and trying a fix, from the menu to what becomes of the document."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from netbuilder.compiler.meta import warm_up
from netbuilder.document import edits
from netbuilder.document.model import Document, PortRef
from netbuilder.foundation.job import Job
from netbuilder.foundation.preferences import Preferences
from netbuilder.foundation.problem import Fix
from netbuilder.insight import experiments, fixes
from netbuilder.insight.check import Result, Verdict, check
from netbuilder.insight.comparison import Arm, Comparison, compare
from netbuilder.insight.order import Order
from netbuilder.insight.rate_finder import RateCurve, find_rate, judge
from netbuilder.project import Project
from netbuilder.training.run_files import has_state
from netbuilder.training.state import load_generation
from netbuilder.ui.comparison_dialog import ComparisonDialog
from netbuilder.ui.panels.health import HealthPanel
from netbuilder.ui.rate_dialog import STEP, RateDialog
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.training.documents import iris, planned, with_optimizer


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> MainWindow:
    import torch  # noqa: F401

    warm_up()
    Project(planned(with_optimizer(iris(), "adam", learning_rate=1e-5), epochs=3)).save(tmp_path / "iris.netb")
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    window.furnish()
    window.workspace.open(tmp_path / "iris.netb")
    window.workspace.torch_loaded()
    window.show_network()
    qtbot.waitUntil(lambda: window.workspace.is_settled)
    return window


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """Short runs on the thread in place of a child process; returns the orders."""
    orders: list[Order] = []

    def do(work: Callable[..., object], order: Order, *more: object) -> object:
        orders.append(order)
        return work(order, *more)

    def short(order: Order, fixed: Document, job: Job) -> Comparison:
        return compare(order, fixed, job, steps=30)

    monkeypatch.setattr(experiments, "check_in_child", partial(do, check))
    monkeypatch.setattr(experiments, "find_rate_in_child", partial(do, find_rate))
    monkeypatch.setattr(experiments, "compare_in_child", partial(do, short))
    return orders


def health_panel(window: MainWindow) -> HealthPanel:
    (panel,) = window.findChildren(HealthPanel)
    return panel


def rate_of(window: MainWindow) -> float:
    return float(window.workspace.document.plan.phases[0].optimizer.values["learning_rate"])


# Checks ------------------------------------------------------------------------------------------------------------


def test_checking_lists_what_failed_first_with_its_fix(qtbot: QtBot, window: MainWindow, here: list[Order]) -> None:
    window.actions_["train.check"].trigger()
    qtbot.waitUntil(lambda: bool(window.workspace.health.checks), timeout=60_000)
    panel = health_panel(window)
    assert here[0].document is window.workspace.document
    assert panel.isVisible()
    assert len(panel.check_rows) == 8
    first = panel.check_rows[0]
    assert first.result.check == "one_batch"  # a hundred-thousandth is no rate to learn with
    assert first.result.verdict is Verdict.FAIL
    assert panel.checks.note.text().startswith("7 of 8 passed") or panel.checks.note.text().startswith("6 of 8")
    before = rate_of(window)
    button = next(each for each in first.fix_buttons if "Raise" in each.text())
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert rate_of(window) > before
    assert "changed since" in panel.checks.note.text()
    window.workspace.undo()
    assert rate_of(window) == before


def test_another_document_has_not_been_checked(qtbot: QtBot, window: MainWindow) -> None:
    window.docks.show("health")
    window.workspace.health.take_checks(
        (Result(check="x", title="X", verdict=Verdict.PASS, message="Fine."),), window.workspace.document
    )
    panel = health_panel(window)
    assert len(panel.check_rows) == 1
    window.workspace.new()
    assert panel.check_rows == []
    assert panel.checks.isHidden()


def test_what_cannot_be_trained_is_not_checked(qtbot: QtBot, window: MainWindow, here: list[Order]) -> None:
    raised = []
    window.workspace.problemsRaised.disconnect()
    window.workspace.problemsRaised.connect(raised.append)
    window.workspace.edit("Cut", lambda document: edits.disconnect(document, PortRef("loss", "prediction")))
    qtbot.waitUntil(lambda: window.workspace.is_settled)
    window.workspace.experimentRequested.emit("check", None)
    window.workspace.experimentRequested.emit("rate", None)
    assert here == []
    assert [problems[0].node for problems in raised] == ["loss", "loss"]


# The finder --------------------------------------------------------------------------------------------------------


def open_rates(qtbot: QtBot, window: MainWindow) -> RateDialog:
    window.actions_["train.find_rate"].trigger()
    qtbot.waitUntil(lambda: bool(window.findChildren(RateDialog)), timeout=60_000)
    return window.findChildren(RateDialog)[-1]


def test_the_suggestion_is_one_click_and_one_undo(qtbot: QtBot, window: MainWindow, here: list[Order]) -> None:
    dialog = open_rates(qtbot, window)
    assert dialog.view is not None
    suggested = dialog._curve.suggestion
    assert suggested is not None
    assert dialog.view.rate == suggested
    assert str(suggested) in dialog.go.text() or "e" in dialog.go.text()
    QTest.keyClick(dialog.view, Qt.Key.Key_Return)
    assert rate_of(window) == suggested, "Enter means the main button"
    window.workspace.undo()
    assert rate_of(window) == 1e-5


def test_another_rate_is_picked_by_mouse_and_keys(qtbot: QtBot, window: MainWindow, here: list[Order]) -> None:
    dialog = open_rates(qtbot, window)
    view = dialog.view
    assert view is not None
    view.resize(640, 300)
    before = view.rate
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert view.rate == pytest.approx(before / STEP)
    x = round(view._axes[0].pixel(1e-3))
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(x, 100))
    assert view.rate == pytest.approx(1e-3, rel=0.05)
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(2, 100))
    assert view.rate == dialog._curve.rates[0]  # not beyond what was tried
    QTest.mouseClick(dialog.leave, Qt.MouseButton.LeftButton)
    assert rate_of(window) == 1e-5


def test_a_loss_that_never_falls_is_said_to(window: MainWindow) -> None:
    rates = [10 ** (place / 10 - 6) for place in range(60)]
    flat = RateDialog(window, judge(rates, [1.0] * 60))
    assert "does not fall" in flat.verdict.text()
    nothing = RateDialog(window, RateCurve(rates=(), losses=(), smoothed=()))
    assert "not a number" in nothing.verdict.text()
    assert nothing.view is None
    assert nothing.go.isHidden()
    for dialog in (flat, nothing):
        dialog.close()


def test_the_curve_is_drawn(qtbot: QtBot, window: MainWindow) -> None:
    rates = [10 ** (place / 15 - 6) for place in range(90)]
    losses = [
        2.0 if place < 45 else 2 - 0.04 * (place - 45) if place < 80 else 0.6 + (place - 80) for place in range(90)
    ]
    dialog = RateDialog(window, judge(rates, losses, 400))
    qtbot.addWidget(dialog)
    assert dialog.view is not None
    assert "step 400" in dialog.verdict.text()
    assert not dialog.view.grab().isNull()


# Trying a fix -------------------------------------------------------------------------------------------------------


def try_fix(qtbot: QtBot, window: MainWindow, fix: Fix) -> ComparisonDialog:
    window.workspace.experimentRequested.emit("try", fix)
    qtbot.waitUntil(lambda: bool(window.findChildren(ComparisonDialog)), timeout=60_000)
    return window.findChildren(ComparisonDialog)[-1]


def test_a_fix_is_tried_and_applied(qtbot: QtBot, window: MainWindow, here: list[Order]) -> None:
    fix = fixes.raise_rate(window.workspace.document)
    assert fix is not None
    before = window.workspace.document
    dialog = try_fix(qtbot, window, fix)
    assert window.workspace.document is before  # trying changes nothing
    assert here[0].run == ""
    assert "lower" in dialog.verdict.text()
    assert not dialog.view.grab().isNull()
    QTest.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    assert rate_of(window) == 1e-3
    window.workspace.undo()
    assert rate_of(window) == 1e-5


def test_a_fix_is_tried_and_discarded(qtbot: QtBot, window: MainWindow, here: list[Order]) -> None:
    before = window.workspace.document
    dialog = try_fix(qtbot, window, fixes.plan("Stop early", patience=3))
    assert "no difference can be told" in dialog.verdict.text()
    QTest.mouseClick(dialog.leave, Qt.MouseButton.LeftButton)
    assert window.workspace.document is before


def test_runs_that_break_down_are_counted(qtbot: QtBot, window: MainWindow) -> None:
    broken = Arm(losses=((1.0,), (1.0, 2.0)), scores=(float("inf"), float("inf")))
    whole = Arm(losses=((1.0, 0.5), (1.0, 0.6)), scores=(0.5, 0.6))
    dialog = ComparisonDialog(window, fixes.plan("X", patience=1), Comparison(without=broken, with_fix=whole))
    qtbot.addWidget(dialog)
    assert "2 of 2 runs break down, with it 0" in dialog.verdict.text()
    assert "broke down" in dialog.numbers.text()
    assert not dialog.view.grab().isNull()


def test_a_change_for_the_worse_is_told_in_times(qtbot: QtBot, window: MainWindow) -> None:
    few, many = Arm(losses=((1.0, 0.5),) * 4, scores=(0.5,) * 4), Arm(losses=((90.0, 50.0),) * 4, scores=(50.0,) * 4)
    dialog = ComparisonDialog(window, fixes.plan("X", patience=1), Comparison(without=few, with_fix=many))
    qtbot.addWidget(dialog)
    assert "is 100 times what it is without" in dialog.verdict.text()
    assert not dialog.view.grab().isNull()  # on a logarithmic axis


def test_a_fix_whose_layer_is_gone_is_refused(window: MainWindow, here: list[Order]) -> None:
    raised = []
    window.workspace.problemsRaised.disconnect()
    window.workspace.problemsRaised.connect(raised.append)
    gone = Fix(title="X", edit="set_parameters", arguments={"node": "nowhere", "values": {"units": 3}})
    window.workspace.experimentRequested.emit("try", gone)
    assert here == []
    assert raised[0][0].code == "edit.node"


def test_during_a_run_it_is_tried_from_the_runs_weights(
    qtbot: QtBot, window: MainWindow, here: list[Order], tmp_path: Path
) -> None:
    window.workspace.control.step()
    qtbot.waitUntil(lambda: window.workspace.state.value == "paused", timeout=60_000)
    folder = window.workspace.trainer.folder
    assert folder is not None
    # A pause is written down after half a second: till then the newest state is an older one.
    qtbot.waitUntil(lambda: has_state(folder) and load_generation(folder)[0].step == 1, timeout=60_000)
    dialog = try_fix(qtbot, window, fixes.plan("Stop early", patience=3))
    assert here[0].run == str(window.workspace.trainer.folder)
    assert here[0].trained is window.workspace.trainer.document
    assert "the weights of step 1" in dialog.verdict.text()
    assert window.workspace.state.value == "paused"
    dialog.reject()
    drawn = {"node": "scores", "values": {"initializer": "orthogonal"}}
    window.workspace.experimentRequested.emit("try", Fix(title="Draw anew", edit="set_parameters", arguments=drawn))
    qtbot.waitUntil(lambda: len(here) == 2 and not window.background.is_busy, timeout=60_000)
    assert here[1].run == ""  # how weights are drawn can be seen of fresh ones alone
    window.workspace.control.stop()
    qtbot.waitUntil(lambda: not window.workspace.state.is_active, timeout=60_000)
