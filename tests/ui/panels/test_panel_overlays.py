"""Other runs over the current one: colours, axes that count something else, bands over seeds, a million points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QThreadPool
from PySide6.QtGui import QImage, QPainter
from pytestqt.qtbot import QtBot

from netbuilder.document.files import write_document
from netbuilder.training.protocol import Points
from netbuilder.training.run_store import RunStore
from netbuilder.ui.overlays import Order, draw
from netbuilder.ui.panels import curves
from netbuilder.ui.panels.axis import Axis
from netbuilder.ui.panels.chart import Chart
from netbuilder.ui.panels.curves import CurvesPanel
from netbuilder.ui.panels.trace import Placement, Trace, Unit
from netbuilder.ui.quantities import is_share
from netbuilder.ui.run_reading import Curves, read_curves
from netbuilder.ui.runs import COLORS
from netbuilder.ui.workspace import Workspace
from tests.training.stored_runs import plan_of, record_of, store_of
from tests.ui.panels.recorded import attach, digits_document, run, tell


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """Runs a and b differ in their seed, c in its rate."""
    runs = tmp_path / "x.runs"
    plans = (plan_of(seed=0), plan_of(seed=1), plan_of(0.5))
    return store_of(runs, [record_of(runs, "abc"[number], number, plan=plan) for number, plan in enumerate(plans)])


def _order(curves: list[Curves], **options) -> Order:
    known = {"right": "accuracy/validation", "unit": Unit.STEPS, "weight": 0.0, "has_bands": False, **options}
    return Order(runs=tuple(zip(curves, COLORS, strict=False)), **known)


def test_each_run_has_its_colour_and_each_series_its_style(store):
    curves = [read_curves(store, run) for run in "ac"]
    drawn = draw(_order(curves))
    assert len(drawn.traces) == 6
    assert not drawn.bands
    assert [trace.colors for trace in drawn.traces] == [COLORS[0]] * 3 + [COLORS[1]] * 3
    styles = [trace.style for trace in drawn.traces[:3]]
    assert len(set(styles)) == 3
    assert [trace.quiet for trace in drawn.traces[:3]] == [True, False, True], "the legend names a run once"
    assert drawn.traces[2].percent
    np.testing.assert_array_equal(drawn.traces[0].raw.values, store.series("a", "loss/train").values)


def test_smoothing_is_of_steps_only(store):
    train, validation, _ = draw(_order([read_curves(store, "a")], weight=0.5)).traces
    assert len(train.smoothed) == 40
    assert not len(validation.smoothed)


def test_epochs_and_time_place_what_is_known(store):
    curves = read_curves(store, "a")
    train = draw(_order([curves], unit=Unit.EPOCHS)).traces[0]
    assert train.raw.steps.tolist() == [100 * step for step in range(1, 41)], "thousandths of an epoch, ten steps each"
    timed = draw(_order([curves], unit=Unit.TIME)).traces[0]
    assert timed.raw.steps[-1] == 6000, "milliseconds"
    assert (np.diff(timed.raw.steps) >= 0).all()
    early = replace(curves, epochs=Points(np.array([0, 10]), np.array([0.0, 1.0])))
    assert len(draw(_order([early], unit=Unit.EPOCHS)).traces[0].raw) == 10
    nothing = replace(curves, clock=Points(np.empty(0, np.int64), np.empty(0)))
    assert len(draw(_order([nothing], unit=Unit.TIME)).traces[0].raw) == 0


def test_places_found_once_stay(store):
    placement = Placement(Unit.EPOCHS)
    first = placement.place("s", np.arange(1, 11), Points(np.array([0, 10]), np.array([0.0, 1.0])))
    later = placement.place("s", np.arange(1, 31), Points(np.array([0, 10, 25]), np.array([0.0, 1.0, 2.0])))
    assert len(later) == 25
    assert later[:10].tolist() == first.tolist()


def test_runs_that_differ_in_their_seed_become_mean_and_spread(store):
    curves = [read_curves(store, run) for run in "abc"]
    drawn = draw(_order(curves, has_bands=True))
    assert len(drawn.traces) == 6
    assert len(drawn.bands) == 3
    mean = drawn.traces[0]
    assert mean.title.startswith("2 seeds of ")
    values = np.stack([store.series(run, "loss/train").values for run in "ab"])
    np.testing.assert_allclose(mean.raw.values, values.mean(axis=0))
    band = drawn.bands[0]
    np.testing.assert_allclose(band.high.values - band.low.values, 2 * values.std(axis=0, ddof=1))
    assert band.colors == COLORS[0]
    assert [band.right for band in drawn.bands] == [False, False, True]


def test_runs_of_different_lengths_are_compared_as_far_as_all_reach(store):
    first, second = read_curves(store, "a"), read_curves(store, "b")
    cut = {name: Points(points.steps[5:20], points.values[5:20]) for name, points in second.series.items()}
    drawn = draw(_order([first, replace(second, series=cut)], has_bands=True, right=""))
    train = drawn.traces[0]
    assert (train.raw.steps[0], train.raw.steps[-1]) == (6, 20)


def test_the_axis_counts_seconds_minutes_hours():
    for end, sign in ((90_000, " s"), (1_800_000, " min"), (36_000_000, " h")):
        ticks = Unit.TIME.ticks(Axis(0, end, 0, 700), 70)
        assert all(text.endswith(sign) for _, text in ticks)
        assert len(ticks) > 3
        assert all(0 <= at <= end for at, _ in ticks)
    assert Unit.TIME.cursor_text(125_000) == "2:05"
    assert Unit.EPOCHS.cursor_text(1500) == "epoch 1.50"
    assert [text for _, text in Unit.EPOCHS.ticks(Axis(0, 4000, 0, 400), 70)] == ["0", "1", "2", "3", "4"]


def test_a_million_points_are_drawn_as_a_line_of_thousands(store, themes):
    curves = read_curves(store, "a")
    count = 1_000_000
    noise = np.random.default_rng(0).normal(1.0, 0.1, count)
    long = replace(curves, series={"loss/train": Points(np.arange(1, count + 1), noise)})
    (trace,) = draw(_order([long], weight=0.9, right="")).traces
    steps, _ = trace.raw.outline(0, count, 800)
    assert 800 < len(steps) < 4000
    chart = Chart(themes.theme)
    chart.resize(900, 300)
    chart.set_traces([trace])
    image = QImage(900, 300, QImage.Format.Format_RGB32)
    image.fill(0)
    with QPainter(image) as painter:
        chart.draw(painter)
    assert all(image.pixelColor(x, 150).name() == COLORS[0][0] for x in range(100, 800, 50))


def test_the_line_that_comes_first_lies_on_those_that_are_laid_over(themes):
    own, other = Trace("train", "accent"), Trace("another run", "text", colors=COLORS[0])
    for trace in (own, other):
        trace.update(np.arange(1, 101), np.linspace(0.0, 1.0, 100), 0.0)
    chart = Chart(themes.theme)
    chart.resize(400, 200)
    chart.set_traces([own, other])
    image = QImage(400, 200, QImage.Format.Format_RGB32)
    image.fill(0)
    with QPainter(image) as painter:
        chart.draw(painter)
    column = [image.pixelColor(200, y) for y in range(200)]
    strongest = max(column, key=lambda color: color.saturation() * color.value())
    assert abs(strongest.hue() - own.color(themes.theme).hue()) < 20


def test_a_band_is_painted_in_its_colour(store, themes):
    drawn = draw(_order([read_curves(store, run) for run in "ab"], has_bands=True, right=""))
    pictures = []
    for bands in ((), drawn.bands):
        chart = Chart(themes.theme)
        chart.resize(400, 200)
        chart.set_traces(drawn.traces, bands)
        image = QImage(400, 200, QImage.Format.Format_RGB32)
        image.fill(0)
        with QPainter(image) as painter:
            chart.draw(painter)
        pictures.append(image)
    assert pictures[0] != pictures[1]
    for logarithmic in (True, False):
        chart.set_logarithmic(logarithmic)
        chart.axes()


@pytest.fixture
def panel(qtbot: QtBot, workspace: Workspace, store: RunStore, themes, tmp_path: Path) -> CurvesPanel:
    file = tmp_path / "x.netb"
    write_document(file, digits_document())
    workspace.open(file)
    panel = CurvesPanel(workspace, themes)
    qtbot.addWidget(panel)
    panel.resize(1000, 260)
    panel.show()
    return panel


def _titles(panel: CurvesPanel) -> list[str]:
    return [trace.title for trace in panel.loss.chart.traces]


def test_curves_are_laid_over_without_a_run_of_ones_own(qtbot: QtBot, panel: CurvesPanel, workspace: Workspace):
    assert panel.loss.body is None
    workspace.runs.set_overlay("a", True)
    qtbot.waitUntil(lambda: len(panel.loss.chart.traces) == 3)
    assert panel.loss.body is panel.loss.chart
    assert len(panel.loss.legend.texts()) == 1
    workspace.runs.set_overlay("a", False)
    qtbot.waitUntil(lambda: panel.loss.body is None)


def test_they_lie_over_the_run_in_progress_and_go_with_its_axis(qtbot: QtBot, panel: CurvesPanel, workspace: Workspace):
    host = attach(workspace)
    tell(workspace, host, run())
    own = _titles(panel)
    workspace.runs.set_overlay("a", True)
    workspace.runs.set_overlay("c", True)
    qtbot.waitUntil(lambda: len(_titles(panel)) == len(own) + 6)
    assert _titles(panel)[: len(own)] == own
    panel.loss.set_unit(Unit.EPOCHS)
    assert panel.loss.chart.unit is Unit.EPOCHS
    qtbot.waitUntil(lambda: {trace.raw.steps[-1] for trace in panel.loss.chart.traces if trace.colors} == {4000})
    hovered: list[int] = []
    panel.loss.chart.hovered.connect(hovered.append)
    panel.loss.chart.set_cursor(2000)
    assert hovered == [-1], "what follows the cursor knows steps alone"
    panel.loss.set_unit(Unit.STEPS)
    qtbot.waitUntil(lambda: len(_titles(panel)) == len(own) + 6)
    QThreadPool.globalInstance().waitForDone(5_000)


def test_values_are_exported_with_those_that_are_laid_over(
    qtbot: QtBot, panel: CurvesPanel, workspace: Workspace, tmp_path: Path
):
    workspace.runs.set_overlay("a", True)
    qtbot.waitUntil(lambda: len(panel.loss.chart.traces) == 3)
    panel.loss.export.write(str(tmp_path / "curves.csv"))
    head, *lines = (tmp_path / "curves.csv").read_text().splitlines()
    assert head == "step,a: loss/train,a: loss/validation,a: accuracy/validation"
    assert len(lines) == 40
    host = attach(workspace)
    tell(workspace, host, run())
    panel.loss.export.write(str(tmp_path / "curves.csv"))
    head = (tmp_path / "curves.csv").read_text().splitlines()[0].split(",")
    assert {"loss/train", "a: loss/train"} <= set(head)


def test_the_menu_switches_axis_and_bands(qtbot: QtBot, panel: CurvesPanel, workspace: Workspace):
    for name in "ab":
        workspace.runs.set_overlay(name, True)
    qtbot.waitUntil(lambda: len(panel.loss.chart.traces) == 6)
    panel.loss.fill_menu()
    actions = {action.text(): action for action in panel.loss.menu.actions()}
    assert actions["Steps"].isChecked()
    panel.loss.bands.trigger()
    qtbot.waitUntil(lambda: len(panel.loss.chart.bands) == 3)
    actions["Time"].trigger()
    assert panel.loss.chart.unit is Unit.TIME
    panel.loss.fill_menu()
    assert {action.text(): action.isChecked() for action in panel.loss.menu.actions()}["Time"]
    QThreadPool.globalInstance().waitForDone(5_000)


@pytest.mark.parametrize(("name", "share"), [("accuracy", True), ("digit.f1", True), ("mae", False), ("loss", False)])
def test_a_share_is_told_in_percent_in_every_run(name: str, share: bool) -> None:
    assert curves._trace(f"{name}/validation").percent is share
    assert is_share(f"{name}/validation") is is_share(name) is share
