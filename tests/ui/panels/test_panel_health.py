"""The Health panel: findings of a run that goes wrong, their evidence, their fixes, and what follows on the canvas."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from netbuilder.compiler.meta import warm_up
from netbuilder.document import edits
from netbuilder.foundation.problem import Problem, Severity
from netbuilder.training.protocol import Event, Progress, State, Telemetry
from netbuilder.ui.panels.health import BEFORE, HEALTHY, WATCHING, HealthPanel
from netbuilder.ui.status import StatusBar
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.recorded import CONV, HEAD, RELU, RecordedHost, curves, points, tell


@pytest.fixture
def panel(qtbot: QtBot, digits: Workspace, themes: ThemeController) -> HealthPanel:
    made = HealthPanel(digits, themes)
    qtbot.addWidget(made)
    made.resize(1000, 320)
    made.show()
    return made


def tell_and_look(workspace: Workspace, host: RecordedHost, step: int, dead: float, **more: object) -> None:
    """Tell of a step with a part of dead units, and look."""
    series = {
        "loss/train": points(step, np.full(1, 1.0)),
        f"dead/{RELU}": points(step, np.full(1, dead)),
        "learning_rate": points(step, np.full(1, 1e-3)),
    }
    progress = Progress(state=State.RUNNING, step=step, steps=1000, epoch=0, epochs=10)
    tell(workspace, host, Telemetry(progress=progress, series=series))
    while workspace.health._timer.isActive():
        workspace.health._timer.stop()
        workspace.health._turn()


@pytest.fixture
def running(qtbot: QtBot, digits: Workspace, host: RecordedHost) -> RecordedHost:
    digits.trainer.document = digits.document
    warm_up()
    digits.torch_loaded()
    qtbot.waitUntil(lambda: digits.is_settled)
    return host


def make_ill(workspace: Workspace, host: RecordedHost, start: int = 1) -> None:
    """Tell of dead units until the rule is sure."""
    for step in range(start, start + 6):
        tell_and_look(workspace, host, step, 0.75)


def test_before_a_run_the_panel_says_what_it_is_for(panel: HealthPanel) -> None:
    assert panel.summary.text() == BEFORE
    assert panel.windowTitle() == "Health"


def test_a_healthy_run_is_said_to_be_so(panel: HealthPanel, digits: Workspace, running: RecordedHost) -> None:
    for step in range(1, 8):
        tell_and_look(digits, running, step, 0.1)
    assert digits.health.findings == ()
    assert panel.summary.text() == WATCHING.format(count=14)
    running.state = State.ENDED
    tell(digits, running, Telemetry(progress=Progress(state=State.ENDED, step=8)))
    assert panel.summary.text() == HEALTHY.format(count=14)


def test_a_finding_is_listed_with_evidence_and_goes_to_its_node(
    panel: HealthPanel, digits: Workspace, running: RecordedHost
) -> None:
    make_ill(digits, running)
    (row,) = panel.rows
    assert panel.windowTitle() == "Health 1"
    assert row.finding.rule == "dead_units"
    assert row.finding.node == RELU
    assert "75%" in row._message.text()
    assert row.spark.columns == 6
    QTest.mouseClick(row, Qt.MouseButton.LeftButton, pos=row.rect().center())
    assert digits.selection == {RELU}


def test_newer_numbers_keep_the_row(panel: HealthPanel, digits: Workspace, running: RecordedHost) -> None:
    make_ill(digits, running)
    before = panel.rows[0]
    for step in range(7, 12):
        tell_and_look(digits, running, step, 0.9)
    assert panel.rows == [before]
    assert "90%" in before._message.text()


def test_the_canvas_shows_a_warning_at_the_node_until_it_has_gone(
    panel: HealthPanel, digits: Workspace, running: RecordedHost
) -> None:
    assert RELU not in digits.sight.problems
    make_ill(digits, running)
    (problem,) = digits.sight.problems[RELU]
    assert problem.code == "health.dead_units"
    assert problem.severity is Severity.WARNING
    assert digits.problems == ()  # nothing prevents training
    for step in range(7, 20):
        tell_and_look(digits, running, step, 0.0)
    assert digits.health.findings == ()
    assert RELU not in digits.sight.problems
    assert panel.rows == []


def test_a_fix_is_one_change_is_marked_as_made_and_comes_back_with_undo(
    panel: HealthPanel, digits: Workspace, running: RecordedHost
) -> None:
    make_ill(digits, running)
    button = panel.rows[0].fix_buttons[0]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert digits.document.graph.nodes[RELU].type == "leaky_relu"
    assert not button.isEnabled()
    assert button.text().startswith("✓")
    digits.undo()
    assert digits.document.graph.nodes[RELU].type == "relu"
    assert button.isEnabled()
    assert not button.text().startswith("✓")


def test_trying_a_fix_is_asked_for(qtbot: QtBot, panel: HealthPanel, digits: Workspace, running: RecordedHost) -> None:
    make_ill(digits, running)
    row = panel.rows[0]
    with qtbot.waitSignal(digits.experimentRequested) as asked:
        row.trying.menu().actions()[1].trigger()
    assert asked.args == ["try", row.finding.fixes[1]]


def test_another_run_begins_without_findings(panel: HealthPanel, digits: Workspace, running: RecordedHost) -> None:
    make_ill(digits, running)
    digits.trainer._enter(State.ENDED)
    digits.trainer._enter(State.STARTING)
    assert digits.health.findings == ()
    assert panel.windowTitle() == "Health"


def test_a_run_that_goes_back_leaves_its_findings_behind(
    panel: HealthPanel, digits: Workspace, running: RecordedHost
) -> None:
    make_ill(digits, running)
    assert digits.health.findings
    tell(digits, running, Telemetry(progress=Progress(state=State.PAUSED, step=1, steps=1000, epochs=10)))
    assert digits.health.findings == ()


def test_a_network_edited_meanwhile_is_found_out_about_behind_the_window(
    qtbot: QtBot, panel: HealthPanel, digits: Workspace, host: RecordedHost
) -> None:
    digits.trainer.document = digits.document
    digits.select((HEAD,))
    digits.edit("Rename", lambda document: edits.rename(document, CONV, "first"))
    with qtbot.waitSignal(digits.health._errand.done, timeout=20_000):
        tell_and_look(digits, host, 1, 0.75)
    for step in range(2, 8):
        tell_and_look(digits, host, step, 0.75)
    assert [each.rule for each in digits.health.findings] == ["dead_units"]


def test_the_status_bar_counts_findings(
    qtbot: QtBot, panel: HealthPanel, digits: Workspace, running: RecordedHost, themes: ThemeController
) -> None:
    from PySide6.QtWidgets import QMainWindow

    window = QMainWindow()
    qtbot.addWidget(window)
    bar = StatusBar(digits, themes, window)
    assert bar.health.isHidden()
    make_ill(digits, running)
    assert not bar.health.isHidden()
    assert "1 finding" in bar.health.text()
    assert "Dead units" in bar.health.toolTip()
    with qtbot.waitSignal(bar.healthRequested):
        bar.health.linkActivated.emit("health")


def test_a_recorded_healthy_run_raises_nothing(panel: HealthPanel, digits: Workspace, running: RecordedHost) -> None:
    for place in range(10):
        progress = Progress(state=State.RUNNING, step=(place + 1) * 68, steps=800, epoch=place, epochs=30)
        tell(digits, running, Telemetry(progress=progress, series=curves(68, start=place * 68)))
        digits.health._timer.stop()
        digits.health._turn()
    assert digits.health.findings == ()


def test_the_plans_page_tells_how_the_checks_came_out(qtbot: QtBot, digits: Workspace, themes: ThemeController) -> None:
    from netbuilder.insight.check import Result, Verdict
    from netbuilder.ui.panels.checks_line import UNCHECKED, ChecksLine

    line = ChecksLine(digits)
    qtbot.addWidget(line)
    assert line.text.text() == UNCHECKED
    good = Result(check="a", title="Initial loss", verdict=Verdict.PASS, message="Fine.")
    bad = Result(check="b", title="Labels", verdict=Verdict.FAIL, message="No rows.")
    digits.health.take_checks((good, bad), digits.document)
    assert line.text.text() == "1 of 2 checks passed; look at: Labels."
    digits.edit("Longer", lambda document: edits.change_plan(document, {"epochs": 77}))
    assert line.text.text().endswith("The network has changed since.")
    digits.undo()
    assert line.text.text() == "1 of 2 checks passed; look at: Labels."
    for button, kind in ((line.check, "check"), (line.rate, "rate")):
        with qtbot.waitSignal(digits.experimentRequested) as asked:
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        assert asked.args == [kind, None]


def test_a_run_that_broke_down_at_its_first_step_is_told_of(
    panel: HealthPanel, digits: Workspace, running: RecordedHost
) -> None:
    message = "Training stopped at step 1: loss = inf."
    broken = Problem(code="training.not_finite", message=message, node=HEAD)
    running.state = State.FAILED
    event = Event(kind="problem", text=message, problems=(broken,))
    tell(digits, running, Telemetry(progress=Progress(state=State.FAILED), events=(event,)))
    (finding,) = digits.health.findings
    assert (finding.rule, finding.node) == ("not_finite", HEAD)
    assert [fix.title for fix in finding.fixes][:2] == ["Lower the learning rate to 0.0001", "Clip gradients to 1"]
    assert panel.rows[0].spark.isHidden()
