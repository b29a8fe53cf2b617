"""The panels of gradients and updates, activation statistics, histograms over time, and the computer."""

from __future__ import annotations

import csv
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.files import write_document
from netbuilder.training import pictures
from netbuilder.training.histories import History
from netbuilder.training.protocol import Picture, PictureKind, Telemetry, Watch
from netbuilder.training.run_schema import connect
from netbuilder.training.run_store import FILE_NAME, write_histograms
from netbuilder.training.series_names import (
    DEAD,
    DEVIATION,
    GRADIENT_NORM,
    MEAN,
    PROCESS,
    PROCESSOR,
    SATURATED,
    THROUGHPUT,
    UPDATE_RATIO,
    ZERO,
    series_of,
)
from netbuilder.ui.panels import activations, curves, histograms, statistics, system, updates, weights
from netbuilder.ui.panels.histograms import ROWS, heat_map
from netbuilder.ui.panels.layer_list import HEAD as LIST_HEAD
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.panels.plot_export import PlotExport
from netbuilder.ui.panels.updates import verdict
from netbuilder.ui.workspace import Workspace
from tests.training.stored_runs import record_of, store_of
from tests.ui.panels.recorded import CONV, HEAD, RELU, RecordedHost, digits_document, points, run, tell


def _told(steps: int = 60) -> Telemetry:
    """Return what a run of some looks tells of its layers and of the computer."""
    drawn, at = np.random.default_rng(0), np.arange(steps)
    series = {
        THROUGHPUT: 5000.0 + 100 * at,
        PROCESS: np.full(steps, 4.5e8),
        PROCESSOR: np.full(steps, 0.5),
        series_of(ZERO, RELU): np.full(steps, 0.25),
        series_of(SATURATED, RELU): np.full(steps, 0.5),
        series_of(DEAD, RELU): np.full(steps, 0.125),
    }
    for node, ratio in ((CONV, 1e-3), (HEAD, 0.3)):
        series[series_of(GRADIENT_NORM, node)] = 0.1 * np.exp(-at / 20)
        series[series_of(UPDATE_RATIO, node)] = np.full(steps, ratio)
    for node in (CONV, RELU, HEAD):
        series[series_of(MEAN, node)] = np.full(steps, -0.5)
        series[series_of(DEVIATION, node)] = np.full(steps, 2.0)
    return Telemetry(
        series={name: points(0, values) for name, values in series.items()},
        pictures=tuple(_histogram(kind, CONV, steps, drawn.normal(0, 1, 500)) for kind in histograms._KINDS),
    )


def _histogram(kind: PictureKind, node: str, step: int, values: np.ndarray) -> Picture:
    counts, extent = pictures.histogram(values.astype(np.float32))
    return Picture(kind=kind, node=node, step=step, data=counts, extent=extent)


@pytest.fixture(params=[updates, statistics, histograms, system], ids=lambda module: module.PANEL.key)
def panel(request, qtbot: QtBot, digits: Workspace, themes) -> LivePanel:
    made = request.param.PANEL.make(digits, themes)
    assert isinstance(made, LivePanel)
    qtbot.addWidget(made)
    made.resize(1000, 260)
    made.show()
    return made


def _make(module, qtbot: QtBot, digits: Workspace, themes) -> LivePanel:
    made = module.PANEL.make(digits, themes)
    qtbot.addWidget(made)
    made.resize(1000, 260)
    made.show()
    return made


def test_each_says_what_will_be_there_and_then_shows_it(panel, digits: Workspace, host: RecordedHost) -> None:
    before = panel.grab().toImage()
    cards = [child for child in panel.findChildren(QWidget) if hasattr(child, "empty_text")]
    assert all("Press Train" in card.empty_text for card in cards)
    tell(digits, host, _told())
    assert all(card.body is not None for card in cards)
    assert panel.grab().toImage() != before


def test_a_layer_s_new_name_is_there_at_once_also_after_the_run(digits: Workspace, host: RecordedHost, qtbot, themes):
    made = [_make(module, qtbot, digits, themes) for module in (updates, statistics, histograms, weights)]
    tell(digits, host, _told())
    digits.edit("Rename", lambda document: edits.rename(document, CONV, "trunk"))
    for panel in made:
        names = [layer.label for layer in (panel.table if panel is made[-1] else panel.list).layers]
        assert "trunk" in names, type(panel).__name__


def test_keys_go_to_layers_beyond_the_edge(digits: Workspace, host: RecordedHost, qtbot, themes):
    panel = _make(statistics, qtbot, digits, themes)
    panel.resize(900, 110)
    tell(digits, host, _told())
    rows = panel.list
    last = len(rows.layers) - 1

    def is_seen() -> bool:
        return rows.visibleRegion().boundingRect().contains(rows.cell(last, 0).center().toPoint())

    qtbot.waitUntil(lambda: not rows.visibleRegion().isEmpty())
    assert not is_seen()
    for _ in rows.layers:
        QTest.keyClick(rows, Qt.Key.Key_Down)
    assert digits.selection == {HEAD}
    assert is_seen()


def test_each_follows_the_theme(panel, digits: Workspace, host: RecordedHost, themes) -> None:
    tell(digits, host, _told())
    dark = panel.grab().toImage()
    themes.set_mode("light")
    light = panel.grab().toImage()
    assert light.pixelColor(5, 5).lightness() > dark.pixelColor(5, 5).lightness()
    assert light != dark


def test_each_plot_is_exported_as_picture_drawing_and_table(
    panel, digits: Workspace, host: RecordedHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(digits, host, _told())
    export = panel.findChildren(PlotExport)[0]
    told: list[str] = []
    digits.message.connect(told.append)
    png, svg, table = (tmp_path / f"plot.{kind}" for kind in ("png", "svg", "csv"))
    for path in (png, svg, table):
        export.write(str(path))
    assert told == [f"Exported {path}" for path in (png, svg, table)]
    image = QImage(str(png))
    assert image.width() == 2 * export.plot.width()
    assert len({image.pixel(x, image.height() // 3) for x in range(0, image.width(), 3)}) > 2, "something is drawn"
    assert svg.read_text().count("<") > 20
    rows = list(csv.reader(table.read_text().splitlines()))
    assert len(rows) > 1
    assert len(rows[0]) >= 2
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "named"), "SVG drawing (*.svg)"))
    export._ask_for_picture()
    assert (tmp_path / "named.svg").exists(), "the kind that was chosen gives its ending"


def test_what_cannot_be_written_is_a_problem(panel, digits: Workspace, host: RecordedHost, tmp_path: Path) -> None:
    tell(digits, host, _told())
    export = panel.findChildren(PlotExport)[0]
    raised: list[object] = []
    digits.problemsRaised.connect(raised.append)
    export.write(str(tmp_path / "no" / "where.svg"))
    assert raised


def test_the_context_menu_offers_both(panel, digits: Workspace, host: RecordedHost) -> None:
    tell(digits, host, _told())
    export = panel.findChildren(PlotExport)[0]
    assert [action.text() for action in export.menu().actions()] == ["Export picture…", "Export values…"]
    assert export.plot.contextMenuPolicy() is Qt.ContextMenuPolicy.CustomContextMenu


@pytest.mark.parametrize("module", [updates, statistics, histograms])
def test_a_click_selects_the_layer_and_keys_go_on(module, qtbot, digits: Workspace, host: RecordedHost, themes) -> None:
    panel = _make(module, qtbot, digits, themes)
    tell(digits, host, _told())
    QTest.mouseClick(panel.list, Qt.MouseButton.LeftButton, pos=QPoint(30, LIST_HEAD + 10))
    assert digits.selection == {CONV}
    panel.only.click()
    assert [layer.path for layer in panel.list.layers] == [CONV]
    digits.select([])
    assert panel.card.empty_text.startswith("No layer")


def test_a_ratio_is_judged_in_words(qtbot, digits: Workspace, host: RecordedHost, themes) -> None:
    panel = _make(updates, qtbot, digits, themes)
    tell(digits, host, _told())
    said = {}
    for row, layer in enumerate(panel.list.layers):
        box = panel.list.cell(row, 3)
        said[layer.path] = panel.list._explained(box.center())
    assert said[CONV].endswith("which is healthy")
    assert "the learning rate may be too high" in said[HEAD]
    assert verdict(1e-6) == "which is little: the layer hardly learns"


def test_numbers_that_are_none_do_not_break_the_lists(qtbot, digits: Workspace, host: RecordedHost, themes) -> None:
    shown = [_make(module, qtbot, digits, themes) for module in (updates, statistics)]
    bad = {
        series_of(kind, CONV): points(0, np.array([value, value]))
        for kind, value in ((GRADIENT_NORM, np.inf), (UPDATE_RATIO, np.nan), (MEAN, np.nan), (DEVIATION, np.inf))
    }
    tell(digits, host, Telemetry(series=bad))
    for panel in shown:
        panel.grab()
        for column in range(4):
            panel.list._explained(panel.list.cell(0, column).center())


def test_statistics_are_said(qtbot, digits: Workspace, host: RecordedHost, themes) -> None:
    panel = _make(statistics, qtbot, digits, themes)
    tell(digits, host, _told())
    row = [layer.path for layer in panel.list.layers].index(RELU)
    said = panel.list._explained(panel.list.cell(row, 3).center())
    assert said == "relu: 25.0 % exactly 0, 50.0 % saturated, 12.5 % dead units"
    assert "mean −0.5000, standard deviation 2.000" in panel.list._explained(panel.list.cell(row, 1).center())


def test_a_heat_map_is_bright_where_the_values_are() -> None:
    history = History()
    history.add(_histogram(PictureKind.WEIGHTS, "n", 0, np.concatenate((np.full(90, 0.1), np.full(10, 0.9)))))
    history.add(_histogram(PictureKind.WEIGHTS, "n", 10, np.concatenate((np.full(10, 0.1), np.full(90, 0.9)))))
    image = heat_map(history, 100)
    assert (image.width(), image.height()) == (100, ROWS)
    left, right = ([image.pixelColor(x, y).lightness() for y in (0, ROWS // 2, ROWS - 1)] for x in (20, 80))
    assert left[2] > left[0] > left[1]
    assert right[0] > right[2] > right[1]


def test_the_pointer_is_told_what_lies_there(qtbot, digits: Workspace, host: RecordedHost, themes) -> None:
    panel = _make(histograms, qtbot, digits, themes)
    for step in (0, 50):
        tell(digits, host, Telemetry(pictures=(_histogram(PictureKind.WEIGHTS, CONV, step, np.array([0.0, 1.0])),)))
    area = panel.list._area(panel.list.cell(0, 1))
    said = panel.list._explained(QPointF(area.left() + 3, area.top() + 1))
    assert said.startswith("stem, step 0: 50.0 % of the values within")
    assert "step 50" in panel.list._explained(QPointF(area.right() - 3, area.top() + 1))


def test_a_run_draws_histograms_while_a_panel_shows_them(qtbot, digits: Workspace, host: RecordedHost, themes) -> None:
    first = _make(histograms, qtbot, digits, themes)
    assert host.commands[-1] == Watch(histograms=True)
    count = len(host.commands)
    second = _make(statistics, qtbot, digits, themes)
    first.hide()
    assert len(host.commands) == count, "one of two is enough"
    second.hide()
    assert host.commands[-1] == Watch(histograms=False)


def test_the_computer_is_told_in_numbers(qtbot, digits: Workspace, host: RecordedHost, themes) -> None:
    panel = _make(system, qtbot, digits, themes)
    tell(digits, host, _told())
    assert panel.speed.note.text() == "10,900 samples/s"
    assert panel.memory.note.text().startswith("450 MB, the network's part estimated ")
    assert panel.load.note.text() == "processor 50 %"
    assert panel.memory.chart.traces[0].raw.values[-1] == pytest.approx(450.0)


def test_every_plot_of_the_older_panels_is_exported_too(
    qtbot, digits: Workspace, host: RecordedHost, themes, tmp_path: Path
) -> None:
    """The plots with what they hold: the first lines of their tables."""
    made = {module: _make(module, qtbot, digits, themes) for module in (curves, activations, weights)}
    digits.select([CONV])
    tell(digits, host, run())
    first = {}
    for module, panel in made.items():
        for export in panel.findChildren(PlotExport):
            path = tmp_path / f"{module.PANEL.key}-{export._name}.csv"
            export.write(str(path))
            first[path.stem] = path.read_text().splitlines()[0]
            export.write(str(path.with_suffix(".svg")))
            assert path.with_suffix(".svg").stat().st_size > 100
    assert {name: first[name].partition(",")[0] for name in first} == {
        "curves-curves": "step",
        "curves-activations": "map",
        "curves-values": "index",
        "curves-confusion": "truth",
        "activations-activations": "map",
        "activations-values": "index",
        "weights-weights": "node",
        "weights-kernels": "map",
    }
    confusion = list(csv.reader((tmp_path / "curves-confusion.csv").read_text().splitlines()))
    assert [row[0] for row in confusion] == ["truth", *"0123456789"]
    assert sum(int(cell) for row in confusion[1:] for cell in row[1:]) > 0


def test_an_earlier_runs_histograms_are_read_from_the_store(
    qtbot, workspace: Workspace, tmp_path: Path, themes
) -> None:
    file, runs = tmp_path / "x.netb", tmp_path / "x.runs"
    write_document(file, digits_document())
    store = store_of(runs, [record_of(runs, "a", 0), record_of(runs, "b", 1)])
    told = [_histogram(PictureKind.WEIGHTS, CONV, step, np.random.default_rng(step).normal(size=99)) for step in (0, 9)]
    with closing(connect(runs / FILE_NAME)) as connection, connection:
        write_histograms(connection, "a", told)
    workspace.open(file)
    panel = _make(histograms, qtbot, workspace, themes)
    qtbot.waitUntil(lambda: panel.runs.count() == 3)
    assert panel.card.empty_text.startswith("Press Train")
    panel.runs.setCurrentIndex(panel.runs.findData("a"))
    panel.runs.activated.emit(panel.runs.currentIndex())
    qtbot.waitUntil(lambda: bool(panel.list.layers))
    assert [layer.label for layer in panel.list.layers] == ["stem"]
    assert panel.list.histories[PictureKind.WEIGHTS, CONV].steps == (0, 9)
    panel.runs.setCurrentIndex(panel.runs.findData("b"))
    panel.runs.activated.emit(panel.runs.currentIndex())
    qtbot.waitUntil(lambda: panel.card.empty_text.startswith("No histograms were recorded"))
    panel.runs.setCurrentIndex(0)
    panel.runs.activated.emit(0)
    assert panel.card.empty_text.startswith("Press Train")
    assert store.list_runs()
