"""The Curves panel: what a recorded run's curves, maps and matrices look like, and what the reader can do with them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from netbuilder.foundation.problem import Problem
from netbuilder.training.protocol import Points, Telemetry
from netbuilder.ui.panels.axis import Axis, range_of, tick_text, value_text
from netbuilder.ui.panels.curves import EMPTY, NOTHING, CurvesPanel
from netbuilder.ui.panels.matrices import ConfusionView
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.recorded import CONV, HEAD, RecordedHost, boundary, curves, points, run, tell


@pytest.fixture
def panel(qtbot: QtBot, digits: Workspace, themes: ThemeController) -> CurvesPanel:
    made = CurvesPanel(digits, themes)
    qtbot.addWidget(made)
    made.resize(1200, 300)
    made.show()
    return made


def color_at_all(image: QImage, name: str) -> int:
    """Count the pixels that are close to a colour."""
    plain = image.convertToFormat(QImage.Format.Format_RGB32)  # held: its pixels go with it
    pixels = np.frombuffer(plain.constBits(), np.uint8).reshape(-1, 4)
    wish = np.array([int(name[i : i + 2], 16) for i in (5, 3, 1)])
    return int((np.abs(pixels[:, :3].astype(int) - wish).max(axis=1) < 40).sum())


def test_before_a_run_the_panel_says_what_will_appear(panel: CurvesPanel) -> None:
    assert panel.loss.empty_text == EMPTY
    assert "Press Train" in panel.maps.empty_text
    assert panel.answer.isHidden()


def test_a_run_draws_its_curves_in_their_colours(
    panel: CurvesPanel, digits: Workspace, host: RecordedHost, themes: ThemeController
) -> None:
    recorded = run()
    tell(digits, host, recorded)
    chart = panel.loss.chart
    assert [trace.title for trace in chart.traces] == ["train", "validation", "accuracy"]
    assert panel.loss.title.text() == "Loss and accuracy"
    image = chart.grab().toImage()
    for token in ("accent", "validation", "good"):
        assert color_at_all(image, getattr(themes.theme, token)) > 50, token
    newest = recorded.series["loss/validation"].values[-1]
    assert f"validation {value_text(newest)}" in panel.loss.legend.texts()
    accuracy = recorded.series["accuracy/validation"].values[-1]
    assert f"accuracy {100 * accuracy:.1f} %" in panel.loss.legend.texts()


def test_curves_grow_with_every_telling(panel: CurvesPanel, digits: Workspace, host: RecordedHost) -> None:
    tell(digits, host, Telemetry(series=curves(200)))
    tell(digits, host, Telemetry(series=curves(200, start=200)))
    assert len(panel.loss.chart.traces[0].raw) == 400
    assert panel.loss.chart.span == (0.0, 399.0)


def test_a_new_run_begins_with_an_empty_chart(panel: CurvesPanel, digits: Workspace, host: RecordedHost) -> None:
    tell(digits, host, run())
    digits.trainer.record = type(digits.trainer.record)()
    tell(digits, host, Telemetry(series={"loss/train": points(0, np.array([3.0, 2.0]))}))
    assert [len(trace.raw) for trace in panel.loss.chart.traces] == [2]


def test_a_hidden_panel_catches_up_when_it_is_shown(panel: CurvesPanel, digits: Workspace, host: RecordedHost) -> None:
    panel.hide()
    tell(digits, host, run())
    assert panel.loss.chart.traces == []
    panel.show()
    assert len(panel.loss.chart.traces) == 3


def test_the_cursor_reads_every_series(panel: CurvesPanel, digits: Workspace, host: RecordedHost) -> None:
    recorded = run()
    tell(digits, host, recorded)
    chart = panel.loss.chart
    x = chart.axes()[0]
    QTest.mouseMove(chart, QPoint(round(x.pixel(340)), chart.height() // 2))
    assert chart.cursor_step == pytest.approx(340, abs=2)
    step = int(chart.cursor_step or 0)
    read = {trace.title: value for trace, value in chart.readout()}
    assert read["train"] == recorded.series["loss/train"].values[step]
    assert read["validation"] == recorded.series["loss/validation"].values[step // 22]
    chart.grab()
    QTest.keyClick(chart, Qt.Key.Key_Right)
    assert chart.cursor_step > step
    chart.set_cursor(None)
    assert chart.readout() == []


def test_the_logarithmic_axis_spreads_small_losses(panel: CurvesPanel, digits: Workspace, host: RecordedHost) -> None:
    tell(digits, host, run())
    panel.loss.log.setChecked(True)
    left = panel.loss.chart.axes()[1]
    assert left.logarithmic
    assert left.pixel(0.1) - left.pixel(1.0) > 50
    panel.loss.chart.grab()


def test_a_logarithmic_axis_survives_losses_that_are_not_positive(
    panel: CurvesPanel, digits: Workspace, host: RecordedHost
) -> None:
    panel.loss.log.setChecked(True)
    tell(digits, host, Telemetry(series={"loss/train": points(0, np.array([1.0, 0.0, -2.0, np.nan, np.inf, 0.5]))}))
    assert panel.loss.chart.axes()[1].logarithmic
    panel.loss.chart.grab()
    tell(digits, host, Telemetry(series={"loss/train": points(6, np.array([-1.0, -5.0]))}))
    panel.loss.chart.grab()


@pytest.mark.parametrize("values", [[np.nan] * 5, [0.0] * 5, [7.0], [1e300, 1e-300], [-3.0, -3.0]])
def test_odd_curves_are_drawn_all_the_same(
    panel: CurvesPanel, digits: Workspace, host: RecordedHost, values: list[float]
) -> None:
    for logarithmic in (False, True):
        panel.loss.log.setChecked(logarithmic)
        tell(digits, host, Telemetry(series={"loss/train": points(0, np.array(values))}))
        panel.loss.chart.grab()
        left = panel.loss.chart.axes()[1]
        assert left.high > left.low


def test_smoothing_keeps_the_raw_curve_and_calms_the_shown_one(
    panel: CurvesPanel, digits: Workspace, host: RecordedHost
) -> None:
    tell(digits, host, Telemetry(series=curves(300)))
    panel.loss.smoothing.setValue(90)
    tell(digits, host, Telemetry(series=curves(300, start=300)))
    train, validation = panel.loss.chart.traces[:2]
    assert len(train.raw) == len(train.smoothed) == 600
    assert np.abs(np.diff(train.smoothed.values)).mean() < 0.4 * np.abs(np.diff(train.raw.values)).mean()
    assert not len(validation.smoothed)
    panel.loss.smoothing.setValue(0)
    assert not len(panel.loss.chart.traces[0].smoothed)


def test_the_right_axis_shows_the_chosen_quantity(panel: CurvesPanel, digits: Workspace, host: RecordedHost) -> None:
    tell(digits, host, run())
    panel.loss.fill_menu()
    titles = [action.text() for action in panel.loss.menu.actions()]
    assert "Accuracy" in titles
    assert "F1" in titles
    assert "Learning rate" in titles
    heads = {label.text() for label in panel.loss.menu.findChildren(QLabel)}
    assert {"HORIZONTAL AXIS", "RIGHT AXIS"} <= heads
    panel.loss.set_right("f1/validation")
    assert panel.loss.title.text() == "Loss and F1"
    panel.loss.set_right(NOTHING)
    assert panel.loss.title.text() == "Loss"
    assert len(panel.loss.chart.traces) == 2


def test_zooming_and_panning_stay_inside_the_run(panel: CurvesPanel, digits: Workspace, host: RecordedHost) -> None:
    tell(digits, host, run())
    chart = panel.loss.chart
    for _ in range(6):
        QTest.keyClick(chart, Qt.Key.Key_Plus)
    start, end = chart.span
    assert 0 < start < end < 679
    chart.set_span((-500, -100))
    assert chart.span == (0.0, 400.0)
    QTest.keyClick(chart, Qt.Key.Key_Home)
    assert chart.span == (0.0, 679.0)


def test_a_million_points_are_drawn_as_a_short_line(panel: CurvesPanel, digits: Workspace, host: RecordedHost) -> None:
    values = np.random.default_rng(0).gamma(2.0, 0.1, 1_000_000)
    values[700_000] = 50.0
    tell(digits, host, Telemetry(series={"loss/train": points(0, values)}))
    chart = panel.loss.chart
    _, shown = chart.traces[0].raw.outline(*chart.span, chart.width())
    assert len(shown) < 4 * chart.width() + 20
    assert shown.max() == 50.0
    chart.grab()


def test_pictures_and_values_are_exported(
    panel: CurvesPanel, digits: Workspace, host: RecordedHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = run()
    tell(digits, host, recorded)
    target = tmp_path / "out.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    panel.loss.export._ask_for_picture()
    assert QImage(str(target)).width() == 2 * panel.loss.chart.width()
    target = tmp_path / "out.csv"
    panel.loss.export._ask_for_values()
    rows = list(csv.DictReader(target.read_text().splitlines()))
    assert len(rows) == 680
    assert float(rows[22]["loss/validation"]) == recorded.series["loss/validation"].values[1]
    assert rows[23]["loss/validation"] == ""


def test_an_export_that_cannot_be_written_says_so(
    panel: CurvesPanel, digits: Workspace, host: RecordedHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(digits, host, run())
    raised: list[tuple[Problem, ...]] = []
    digits.problemsRaised.connect(raised.append)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "where.csv"), ""))
    panel.loss.export._ask_for_values()
    assert raised
    assert "could not be saved" in raised[0][0].message


def test_the_selected_layers_maps_are_one_mosaic(panel: CurvesPanel, digits: Workspace, host: RecordedHost) -> None:
    tell(digits, host, run())
    digits.select([CONV])
    assert panel.maps.title.text() == "Conv2d · 32 maps"
    assert panel.maps.note.text().startswith("sample 1 of 16")
    mosaic = panel.maps.mosaic
    assert mosaic.shown == 32
    assert mosaic.image is not None
    assert mosaic.map_at(QPointF(2, 2)) == 0
    before = mosaic.image.copy()
    changed = next(p for p in run().pictures if p.kind == "maps")
    flipped = type(changed)(
        kind=changed.kind, node=CONV, step=700, data=changed.data[:, ::-1].copy(), extent=changed.extent
    )
    tell(digits, host, Telemetry(pictures=(flipped,)))
    assert mosaic.image != before


def test_a_vector_is_shown_as_bars_of_its_classes(panel: CurvesPanel, digits: Workspace, host: RecordedHost) -> None:
    tell(digits, host, run())
    digits.select([HEAD])
    assert panel.maps.title.text() == "Linear · 10 units"
    assert panel.maps.bars.isVisible()
    assert not panel.maps.mosaic.isVisible()
    assert panel.maps.bars.explain(QPointF(3, 3)).startswith("0: ")


def test_the_confusion_matrix_names_classes_and_counts(
    panel: CurvesPanel, digits: Workspace, host: RecordedHost
) -> None:
    recorded = run()
    tell(digits, host, recorded)
    counts = next(p.data for p in recorded.pictures if p.kind == "confusion")
    assert panel.answer.title.text() == "Confusion"
    assert panel.answer.note.text() == f"{100 * np.trace(counts) / counts.sum():.1f} % right"
    area = panel.answer.confusion._area()
    assert panel.answer.confusion.explain(area.topLeft() + QPointF(1, 1)) == (
        f"truth 0, predicted 0: {counts[0, 0]} samples"
    )


def test_a_plane_shows_the_boundary_instead(panel: CurvesPanel, digits: Workspace, host: RecordedHost) -> None:
    tell(digits, host, run())
    tell(digits, host, Telemetry(pictures=boundary()))
    assert panel.answer.title.text() == "Decision boundary"
    assert panel.answer.body is panel.answer.boundary
    image = panel.answer.boundary.grab().toImage()
    assert len({image.pixel(x, y) for x in range(0, 100, 5) for y in range(0, 100, 5)}) > 20


def test_a_theme_change_reaches_every_painted_part(
    panel: CurvesPanel, digits: Workspace, host: RecordedHost, themes: ThemeController
) -> None:
    tell(digits, host, run())
    themes.set_mode("light")
    for part in (panel.loss.chart, panel.loss.legend, panel.maps.bars, panel.answer.confusion, panel.answer.boundary):
        assert part.theme is themes.theme
    assert color_at_all(panel.loss.chart.grab().toImage(), themes.theme.accent) > 50


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.04123, "0.0412"), (1.2345, "1.234"), (12.345, "12.35"), (1842.4, "1,842"), (3e-5, "3.00e−5"), (0, "0")],
)
def test_values_are_written_with_the_digits_that_count(value: float, text: str) -> None:
    assert value_text(value) == text


def test_ticks_are_round_and_inside() -> None:
    ticks = Axis(0.0, 2.3, 200.0, 0.0).ticks(40)
    assert ticks == pytest.approx([0, 0.5, 1.0, 1.5, 2.0])
    assert [tick_text(tick, 0.5) for tick in ticks] == ["0", "0.5", "1.0", "1.5", "2.0"]
    assert Axis(0.001, 10, 200, 0, True).ticks(40) == pytest.approx([0.001, 0.01, 0.1, 1, 10])
    assert range_of(0.01, 2.0, logarithmic=False)[0] == 0.0


def test_points_that_come_in_two_lengths_of_series_do_not_mix(
    panel: CurvesPanel, digits: Workspace, host: RecordedHost
) -> None:
    empty = Points(np.empty(0, np.int64), np.empty(0, np.float64))
    tell(digits, host, Telemetry(series={"loss/train": empty}))
    assert panel.loss.empty_text == EMPTY


def test_the_chart_s_head_has_room_for_whole_names(panel: CurvesPanel, digits: Workspace, host: RecordedHost) -> None:
    panel.resize(1130, 260)
    tell(digits, host, run())
    panel.loss.fill_menu()
    assert panel.loss.log in panel.loss.menu.actions()
    assert panel.loss.smoothing_action in panel.loss.menu.actions()
    assert panel.loss.legend.fitting() == panel.loss.legend.texts()


def test_a_legend_without_room_says_how_many_lines_it_leaves_out(panel: CurvesPanel, digits, host) -> None:
    tell(digits, host, run())
    legend = panel.loss.legend
    seen = []
    for width in range(600, 30, -10):
        legend.resize(width, 18)
        texts = legend.fitting()
        assert legend._width(texts) <= width
        left_out = int(texts[-1]) if texts[-1].startswith("+") else 0
        seen.append(len(texts) - bool(left_out))
        assert seen[-1] + left_out == 3
        legend.grab()
    assert seen == sorted(seen, reverse=True)
    assert set(seen) == {0, 1, 2, 3}
    assert len(legend.toolTip().splitlines()) == 3


def test_the_mosaic_s_caption_counts_what_is_shown_after_a_resize(
    panel: CurvesPanel, digits: Workspace, host: RecordedHost
) -> None:
    panel.resize(700, 130)
    tell(digits, host, run())
    few = panel.maps.mosaic.shown
    panel.resize(1900, 700)
    panel.grab()
    count = panel.maps.mosaic.shown
    assert count >= few
    assert str(count) in panel.maps.title.text() or panel.maps.title.text().endswith("maps")
    assert "…" not in panel.maps.note.text()


@pytest.mark.parametrize("labels", [(), ("a", "b"), ("a", "b", "c", "d", "e", "f", "g", "h")])
def test_a_confusion_matrix_of_more_outputs_than_classes_is_drawn(
    qtbot: QtBot, labels: tuple[str, ...], themes: ThemeController
) -> None:
    view = ConfusionView(themes.theme)
    qtbot.addWidget(view)
    view.resize(200, 200)
    counts = np.zeros((8, 8), np.int64)
    counts[0, 0], counts[1, 2] = 5, 1
    view.set_counts(counts, labels)
    view.grab()
    side = max(3, len(labels))
    cell = view._area().width() / side
    assert view.explain(QPointF(view._area().left() + 2.5 * cell, 1.5 * cell)).endswith("1 samples")
    assert view.summary == "83.3 % right"
