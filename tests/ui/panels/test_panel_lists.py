"""Problems, Log, Activations, Weights & gradients: what they show of a document and a recorded run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.foundation.problem import Fix, Problem, Severity
from netbuilder.training import failures
from netbuilder.training.protocol import Event, State, Telemetry, Watch
from netbuilder.ui.panels import log as log_panel
from netbuilder.ui.panels.activations import ActivationsPanel
from netbuilder.ui.panels.layer_list import HEAD as TABLE_HEAD
from netbuilder.ui.panels.log import LAID_OUT, MOST_LINES, LogPanel
from netbuilder.ui.panels.mosaic import GAP, Mosaic, lay_out
from netbuilder.ui.panels.problems import MOST, NONE, ProblemsPanel
from netbuilder.ui.panels.weights import ROW, WeightsPanel, logarithms
from netbuilder.ui.series import Series
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.recorded import CONV, HEAD, RELU, RecordedHost, points, run, tell

# Problems ----------------------------------------------------------------------


@pytest.fixture
def problems(qtbot: QtBot, digits: Workspace, themes: ThemeController) -> ProblemsPanel:
    panel = ProblemsPanel(digits, themes)
    qtbot.addWidget(panel)
    panel.resize(900, 300)
    panel.show()
    return panel


def raise_problems(monkeypatch: pytest.MonkeyPatch, workspace: Workspace, *found: Problem) -> None:
    monkeypatch.setattr(type(workspace), "problems", property(lambda _: found))
    workspace.shapesChanged.emit()


WRONG = Problem(
    code="a",
    message="head expects features.",
    node=HEAD,
    port="x",
    expected="N × features",
    found="N × 32 × 8 × 8",
    fixes=(Fix(title="Use 7 units", edit="set_parameters", arguments={"node": HEAD, "values": {"units": 7}}),),
)
HINT = Problem(code="b", message="A smaller batch learns more.", severity=Severity.ADVICE)


def test_without_problems_the_list_says_so(
    problems: ProblemsPanel, digits: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_problems(monkeypatch, digits)
    assert problems.empty.isVisible()
    assert problems.empty.text() == NONE
    assert problems.windowTitle() == "Problems"


def test_problems_are_counted_listed_by_weight_and_say_where(
    problems: ProblemsPanel, digits: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_problems(monkeypatch, digits, HINT, WRONG)
    assert problems.windowTitle() == "Problems 2"
    assert [row.problem for row in problems.rows] == [WRONG, HINT]
    assert problems.rows[0].accessibleName() == "Error · head · x: head expects features."
    assert problems.rows[1].accessibleName().startswith("Advice:")
    assert not problems.empty.isVisible()


def test_a_click_reveals_the_node_and_a_button_mends_it(
    problems: ProblemsPanel, digits: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_problems(monkeypatch, digits, WRONG)
    revealed: list[str] = []
    digits.revealRequested.connect(revealed.append)
    QTest.mouseClick(problems.rows[0], Qt.MouseButton.LeftButton, pos=QPoint(300, 10))
    assert revealed == [HEAD]
    assert digits.selection == {HEAD}
    QTest.keyClick(problems.rows[0], Qt.Key.Key_Return)
    assert revealed == [HEAD, HEAD]
    problems.rows[0].findChild(QPushButton).click()
    assert digits.document.graph.nodes[HEAD].parameters["units"] == 7
    digits.undo()
    assert digits.document.graph.nodes[HEAD].parameters["units"] == 10


def test_a_loss_that_is_no_number_offers_a_lower_learning_rate_first(
    problems: ProblemsPanel, digits: Workspace, host: RecordedHost
) -> None:
    broken = failures.not_finite(8, {"loss": math.inf}, HEAD, "", "")
    tell(digits, host, Telemetry(events=(Event(kind="problem", text=broken.message, problems=(broken,)),)))
    titles = [button.text() for button in problems.rows[0].findChildren(QPushButton)]
    assert titles == ["Lower the learning rate to 0.0001", "Clip gradients to norm 1"]
    problems.rows[0].findChild(QPushButton).click()
    assert digits.document.plan.phases[0].optimizer.values["learning_rate"] == pytest.approx(0.0001)


def test_a_hidden_list_still_counts(
    problems: ProblemsPanel, digits: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems.hide()
    raise_problems(monkeypatch, digits, WRONG)
    assert problems.windowTitle() == "Problems 1"
    assert problems.rows == []
    problems.show()
    assert len(problems.rows) == 1


def test_a_flood_of_problems_is_cut(
    problems: ProblemsPanel, digits: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_problems(monkeypatch, digits, *[Problem(code="x", message=f"Problem {i}") for i in range(MOST + 50)])
    assert problems.windowTitle() == f"Problems {MOST + 50}"
    assert len(problems.rows) == MOST


def test_markup_in_a_message_is_shown_as_text(
    problems: ProblemsPanel, digits: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_problems(monkeypatch, digits, Problem(code="x", message="<img src='http://x'>"))
    labels = [child.textFormat() for child in problems.rows[0].findChildren(type(problems.empty)) if child.text()]
    assert set(labels) == {Qt.TextFormat.PlainText}


# Log ---------------------------------------------------------------------------


@pytest.fixture
def log(qtbot: QtBot, digits: Workspace, themes: ThemeController) -> LogPanel:
    panel = LogPanel(digits, themes)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def test_messages_events_and_refusals_are_noted_in_order(log: LogPanel, digits: Workspace, host: RecordedHost) -> None:
    assert not log.view.isVisible()
    digits.message.emit("Saved x.netb")
    tell(digits, host, Telemetry(events=(Event(kind="epoch", text="Epoch 1: loss 0.5"),)))
    digits.problemsRaised.emit((WRONG,))
    assert [(line.kind, line.text) for line in log.lines] == [
        ("message", "Saved x.netb"),
        ("epoch", "Epoch 1: loss 0.5"),
        ("problem", "head expects features."),
    ]
    assert log.view.isVisible()
    assert log.view.toPlainText().splitlines()[1].endswith("Epoch 1: loss 0.5")


def test_a_filter_shows_matching_lines_only_and_copy_takes_those(log: LogPanel, digits: Workspace) -> None:
    for text in ("Epoch 1 done", "Saved", "Epoch 2 done"):
        digits.message.emit(text)
    log.filter.setText("EPOCH done")
    assert len(log.view.toPlainText().splitlines()) == 2
    digits.message.emit("Saved again")
    log.copy()
    assert QGuiApplication.clipboard().text().count("\n") == 1
    log.filter.clear()
    assert len(log.view.toPlainText().splitlines()) == 4
    log.clear()
    assert log.view.toPlainText() == ""


def test_the_log_shows_its_end_until_somebody_reads_above(
    qtbot: QtBot, digits: Workspace, themes: ThemeController
) -> None:
    panel = LogPanel(digits, themes)
    qtbot.addWidget(panel)
    for number in range(100):  # while nobody looks
        panel.add("epoch", f"Epoch {number}")
    panel.resize(500, 200)
    panel.show()
    bar = panel.view.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 50)
    assert bar.value() == bar.maximum()
    panel.resize(500, 160)
    qtbot.waitUntil(lambda: bar.value() == bar.maximum())
    bar.setValue(10)
    panel.add("epoch", "Epoch 100")
    assert bar.value() == 10


def test_the_log_is_bounded(log: LogPanel, digits: Workspace) -> None:
    log.add("message", "first")
    log.add("message", "x" * 1_000_000 + "\nnext")
    assert len(log.lines[-1].text) <= 2_000
    log.lines.extend([log.lines[-1]] * MOST_LINES)
    assert len(log.lines) == MOST_LINES
    assert log.view.maximumBlockCount() == MOST_LINES


def laid_out(log: LogPanel) -> int:
    """Return how many lines Qt keeps laid out."""
    blocks = map(log.view.document().findBlockByNumber, range(log.view.blockCount()))
    return sum(block.layout().lineCount() > 0 for block in blocks)


def test_lines_out_of_sight_do_not_stay_laid_out(log: LogPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    log.resize(600, 300)
    for number in range(2 * LAID_OUT):
        log.add("problem" if number % 3 else "epoch", f"Line {number}")
    assert laid_out(log) <= LAID_OUT + 2 * log._in_sight
    monkeypatch.setattr(log_panel, "LAID_OUT", MOST_LINES)
    for number in range(2 * LAID_OUT):
        log.add("epoch", f"Line {number}")
    assert laid_out(log) > 2 * LAID_OUT


def test_lines_written_anew_read_and_look_as_before(log: LogPanel) -> None:
    log.resize(600, 300)
    for number in range(LAID_OUT - 1):
        log.add("problem" if number % 3 else "epoch", f"Line {number}")
    bar = log.view.verticalScrollBar()
    before, at = log.view.document().toHtml(), bar.value()
    log._write_anew()
    assert log.view.document().toHtml() == before
    assert bar.value() == at == bar.maximum()
    assert log.view.toPlainText().splitlines() == [str(line) for line in log.lines]


def test_a_full_log_keeps_its_last_lines_and_its_end_in_sight(log: LogPanel) -> None:
    log.resize(600, 300)
    for number in range(MOST_LINES):
        log._note("epoch", f"Early {number}")
    for number in range(2 * LAID_OUT):
        log.add("epoch", f"Line {number}")
    assert log.view.toPlainText().splitlines() == [str(line) for line in log.lines]
    assert laid_out(log) <= LAID_OUT + 2 * log._in_sight
    assert log.view.verticalScrollBar().value() == log.view.verticalScrollBar().maximum()


def test_lines_are_left_alone_while_some_are_selected_or_somebody_reads_earlier_ones(log: LogPanel) -> None:
    log.resize(600, 300)
    for number in range(LAID_OUT - 1):
        log.add("epoch", f"Line {number}")
    cursor = log.view.textCursor()
    cursor.movePosition(QTextCursor.MoveOperation.End)
    cursor.movePosition(QTextCursor.MoveOperation.Up)
    cursor.select(QTextCursor.SelectionType.LineUnderCursor)
    log.view.setTextCursor(cursor)
    selected = cursor.selectedText()
    log.add("epoch", "One more")
    assert log.view.textCursor().selectedText() == selected
    assert laid_out(log) >= LAID_OUT
    cursor.clearSelection()
    log.view.setTextCursor(cursor)
    bar = log.view.verticalScrollBar()
    bar.setValue(20)
    log.add("epoch", "And one")
    assert bar.value() == 20
    assert laid_out(log) >= LAID_OUT
    bar.setValue(bar.maximum())
    log.add("epoch", "And the last")
    assert laid_out(log) < LAID_OUT


def test_a_log_made_late_tells_what_the_run_told_before(
    qtbot: QtBot, digits: Workspace, host: RecordedHost, themes: ThemeController
) -> None:
    tell(digits, host, run())
    late = LogPanel(digits, themes)
    qtbot.addWidget(late)
    assert [line.kind for line in late.lines] == ["log", "epoch", "checkpoint"]


# Activations -------------------------------------------------------------------


@pytest.fixture
def activations(qtbot: QtBot, digits: Workspace, themes: ThemeController) -> ActivationsPanel:
    panel = ActivationsPanel(digits, themes)
    qtbot.addWidget(panel)
    panel.resize(900, 300)
    panel.show()
    return panel


def test_choosing_a_sample_asks_the_run_for_it(
    activations: ActivationsPanel, digits: Workspace, host: RecordedHost
) -> None:
    digits.select([CONV])
    tell(digits, host, run())
    activations.sample.slider.setValue(4)
    assert host.commands[-1] == Watch(nodes=(CONV,), sample=3)
    assert activations.sample.number.text().strip() == "4 of 16"
    assert activations.maps.note.text().startswith("sample 1 of 16"), "the picture is still the old sample's"
    tell(digits, host, run())
    assert activations.maps.note.text().startswith("sample 1 of 16"), "it was drawn before the choice arrived"
    tell(digits, host, run(sample=3))
    assert activations.maps.note.text().startswith("sample 4 of 16")
    activations.sample.slider.setValue(9)
    assert host.commands[-1] == Watch(nodes=(CONV,), sample=8)


@pytest.mark.parametrize("end", [State.ENDED, State.FAILED])
def test_samples_can_be_chosen_from_the_first_training_on_and_after_its_end(
    activations: ActivationsPanel, digits: Workspace, host: RecordedHost, end: State
) -> None:
    digits.trainer._enter(State.IDLE)
    assert not activations.sample.slider.isEnabled()
    assert activations.sample.hint.text()
    digits.trainer._enter(State.RUNNING)
    tell(digits, host, run())
    assert activations.sample.slider.isEnabled()
    host.state = end
    digits.trainer.drain()
    assert activations.sample.slider.isEnabled()
    assert not activations.sample.hint.text()
    activations.sample.slider.setValue(6)
    assert host.commands[-1].sample == 5
    digits.trainer.forget()
    activations.refresh()
    assert not activations.sample.slider.isEnabled()


def test_a_run_watches_something_even_when_nothing_is_selected(
    activations: ActivationsPanel, digits: Workspace, host: RecordedHost
) -> None:
    tell(digits, host, run())
    assert host.commands == [Watch(nodes=(CONV,), sample=0)]
    tell(digits, host, run())
    assert len(host.commands) == 1
    assert activations.maps.title.text() == "Conv2d · 32 maps"


def test_the_next_run_shows_what_was_looked_at_in_the_last(
    activations: ActivationsPanel, digits: Workspace, host: RecordedHost
) -> None:
    tell(digits, host, run())
    digits.control.watch([CONV], 5)
    host.state = State.ENDED
    digits.trainer.drain()
    host.commands.clear()
    digits.trainer.start(digits.document, None)
    assert host.commands[1:] == [Watch(nodes=(CONV,), sample=5)]


def test_a_layer_without_pictures_says_why(
    activations: ActivationsPanel, digits: Workspace, host: RecordedHost
) -> None:
    digits.select([RELU])
    assert "first pictures" in activations.maps.empty_text
    host.state = State.ENDED
    digits.trainer.drain()
    assert "Press Train" in activations.maps.empty_text


@pytest.mark.parametrize(("count", "size"), [(1, 8), (32, 8), (512, 7), (3, 224), (64, 1), (2048, 4)])
@pytest.mark.parametrize("room", [(300, 200), (1100, 90), (40, 400)])
def test_a_mosaic_fits_its_room(count: int, size: int, room: tuple[int, int]) -> None:
    grid = lay_out(count, (size, size), room, smallest=18, largest=120)
    assert grid.columns * (grid.width + GAP) - GAP <= room[0]
    rows = -(-min(count, grid.places) // grid.columns)
    assert rows * (grid.height + GAP) - GAP <= room[1]
    assert grid.places >= min(count, 2)


def test_maps_that_are_no_numbers_are_drawn_all_the_same(qtbot: QtBot) -> None:
    mosaic = Mosaic()
    qtbot.addWidget(mosaic)
    mosaic.resize(200, 100)
    mosaic.set_maps(np.full((4, 3, 3), np.nan, np.float32), float("nan"), float("nan"))
    assert mosaic.image is not None
    mosaic.grab()


# Weights & gradients -----------------------------------------------------------


@pytest.fixture
def weights(qtbot: QtBot, digits: Workspace, themes: ThemeController) -> WeightsPanel:
    panel = WeightsPanel(digits, themes)
    qtbot.addWidget(panel)
    panel.resize(1000, 300)
    panel.show()
    return panel


def test_every_layer_with_weights_has_a_row(weights: WeightsPanel, digits: Workspace, host: RecordedHost) -> None:
    assert "Press Train" in weights.layers.empty_text
    tell(digits, host, run())
    assert [row.label for row in weights.table.layers] == ["stem", "head"]
    image = weights.table.grab().toImage()
    (left, width) = weights.table.boxes()[1]
    band = {
        image.pixel(round(x), TABLE_HEAD + ROW - 22) for x in np.linspace(left + 0.3 * width, left + 0.7 * width, 20)
    }
    background = image.pixel(round(left + width / 2), TABLE_HEAD + 2 * ROW + 30)
    assert background not in band, "the middle of the histogram is drawn"


def test_a_click_on_a_row_selects_its_layer_and_shows_its_kernels(
    weights: WeightsPanel, digits: Workspace, host: RecordedHost
) -> None:
    tell(digits, host, run())
    QTest.mouseClick(weights.table, Qt.MouseButton.LeftButton, pos=QPoint(30, TABLE_HEAD + 10))
    assert digits.selection == {CONV}
    assert weights.kernels_card.title.text() == "Conv2d · 32 kernels"
    assert weights.kernels.isVisible()
    QTest.keyClick(weights.table, Qt.Key.Key_Down)
    assert digits.selection == {HEAD}
    assert weights.kernels_card.empty_text
    weights.only.click()
    assert [row.path for row in weights.table.layers] == [HEAD]


def test_layers_that_were_removed_lose_their_row(weights: WeightsPanel, digits: Workspace, host: RecordedHost) -> None:
    tell(digits, host, run())
    digits.edit("x", lambda document: edits.remove_nodes(document, [HEAD]))
    tell(digits, host, run())
    assert [row.path for row in weights.table.layers] == [CONV]


def test_a_norms_course_is_thinned_and_skips_what_has_no_logarithm() -> None:
    series = Series()
    series.extend(points(0, np.concatenate(([0.0, np.nan, -1.0], np.full(10_000, 0.01)))))
    line = logarithms(series, 100)
    assert len(line) == 100
    assert line == pytest.approx(np.full(100, -2.0))
