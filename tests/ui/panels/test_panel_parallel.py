"""The Compare panel: brushed, clicked and switched by real events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt, QThreadPool
from pytestqt.qtbot import QtBot

from netbuilder.document.files import write_document
from netbuilder.ui.panels.parallel import EMPTY, ParallelPanel
from netbuilder.ui.workspace import Workspace
from tests.training.stored_runs import plan_of, record_of, store_of
from tests.ui.panels.recorded import digits_document

RATES = (1e-4, 1e-3, 1e-2, 1e-1)
LEFT = Qt.MouseButton.LeftButton


def _project(workspace: Workspace, folder: Path, count: int) -> None:
    file = folder / "x.netb"
    write_document(file, digits_document())
    runs = folder / "x.runs"
    plans = [plan_of(RATES[n % 4], batch_size=16 * (n % 3 + 1)) for n in range(count)]
    store_of(runs, [record_of(runs, f"r{n}", n, plan=plan, parameters=100 + n) for n, plan in enumerate(plans)])
    workspace.open(file)


@pytest.fixture
def panel(qtbot: QtBot, workspace: Workspace, themes, tmp_path: Path) -> Iterator[ParallelPanel]:
    _project(workspace, tmp_path, 8)
    panel = ParallelPanel(workspace, themes)
    qtbot.addWidget(panel)
    panel.resize(900, 280)
    panel.show()
    qtbot.waitUntil(lambda: len(panel.plot.rows) == 8)
    yield panel
    panel.hide()
    QThreadPool.globalInstance().waitForDone(5_000)


def _axis(panel: ParallelPanel, key: str) -> int:
    return [axis.key for axis in panel.plot.axes].index(key)


def _drag(qtbot: QtBot, panel: ParallelPanel, key: str, start: float, end: float) -> None:
    plot, x = panel.plot, round(panel.plot.x_of(_axis(panel, key)))
    qtbot.mousePress(plot, LEFT, pos=QPoint(x, round(plot.y_of(start))))
    qtbot.mouseMove(plot, QPoint(x, round(plot.y_of(end))))
    qtbot.mouseRelease(plot, LEFT, pos=QPoint(x, round(plot.y_of(end))))


def _middle(panel: ParallelPanel, number: int) -> QPoint:
    """Return a point on a run's line between the first two axes, nearer to it than any other line."""
    plot = panel.plot
    lines = [plot.points_of(row) for row in plot.rows]
    for part in (0.2, 0.35, 0.5, 0.65, 0.8):
        at = [line[0] + part * (line[1] - line[0]) for line in lines]
        others = [abs(each[1] - at[number][1]) for index, each in enumerate(at) if index != number]
        if min(others) > 4:
            return QPoint(round(at[number][0]), round(at[number][1]))
    raise AssertionError("the lines lie upon each other")


def test_axes_are_the_settings_that_differ_and_the_results(panel: ParallelPanel) -> None:
    keys = [axis.key for axis in panel.plot.axes]
    assert keys == ["parameters", "plan/learning_rate", "plan/batch_size", "best/loss", "best/accuracy"]
    assert panel.plot.axes[1].logarithmic
    assert panel.count.text() == "8 runs, coloured by best loss"


def test_dragging_along_an_axis_brushes_and_a_click_takes_it_away(qtbot: QtBot, panel: ParallelPanel) -> None:
    _drag(qtbot, panel, "plan/learning_rate", -0.1, 0.4)
    passing = {row.id for row, passes in zip(panel.plot.rows, panel.plot.passes, strict=True) if passes}
    assert passing == {f"r{n}" for n in range(8) if n % 4 < 2}
    assert panel.count.text().startswith("4 of 8 runs pass")
    _drag(qtbot, panel, "plan/batch_size", 0.6, 1.05)
    assert sum(panel.plot.passes) == 1
    qtbot.mouseClick(panel.choose, LEFT)
    assert panel._runs.selection == ("r5",)
    x = round(panel.plot.x_of(_axis(panel, "plan/batch_size")))
    qtbot.mouseClick(panel.plot, LEFT, pos=QPoint(x, round(panel.plot.y_of(0.3))))
    assert sum(panel.plot.passes) == 4
    qtbot.keyClick(panel.plot, Qt.Key.Key_Escape)
    assert all(panel.plot.passes)
    assert not panel.choose.isEnabled()


def test_a_click_on_a_line_selects_its_run(qtbot: QtBot, panel: ParallelPanel, workspace: Workspace) -> None:
    number = 5
    qtbot.mouseClick(panel.plot, LEFT, pos=_middle(panel, number))
    assert workspace.runs.selection == (panel.plot.rows[number].id,)
    qtbot.mouseClick(panel.plot, LEFT, Qt.KeyboardModifier.ControlModifier, _middle(panel, 2))
    assert len(workspace.runs.selection) == 2
    qtbot.mouseClick(panel.plot, LEFT, Qt.KeyboardModifier.ControlModifier, _middle(panel, 2))
    assert len(workspace.runs.selection) == 1
    workspace.runs.select(["r0"])
    assert panel.plot.selection == ("r0",)


def test_keys_go_from_run_to_run_that_passes(qtbot: QtBot, panel: ParallelPanel, workspace: Workspace) -> None:
    _drag(qtbot, panel, "plan/learning_rate", -0.1, 0.1)
    seen = []
    for _ in range(3):
        qtbot.keyClick(panel.plot, Qt.Key.Key_Right)
        seen.append(workspace.runs.selection[0])
    assert seen == ["r4", "r0", "r4"]


def test_a_double_click_on_a_title_switches_the_axis(qtbot: QtBot, panel: ParallelPanel) -> None:
    number = _axis(panel, "plan/learning_rate")
    at = QPoint(round(panel.plot.x_of(number)), 10)
    qtbot.mouseDClick(panel.plot, LEFT, pos=at)
    assert not panel.plot.axes[number].logarithmic
    qtbot.mouseDClick(panel.plot, LEFT, pos=at)
    assert panel.plot.axes[number].logarithmic


def test_axes_and_colour_are_chosen(panel: ParallelPanel) -> None:
    batch = next(action for action in panel.axes_menu().actions() if action.text() == "Batch size")
    assert batch.isChecked()
    batch.trigger()
    assert "plan/batch_size" not in [axis.key for axis in panel.plot.axes]
    panel.axes_menu().actions()[0].trigger()
    assert "plan/batch_size" in [axis.key for axis in panel.plot.axes]
    test = next(action for action in panel.color_menu().actions() if action.text() == "Test loss")
    before = panel.plot.line_color(panel.plot.rows[0])
    test.trigger()
    assert panel.color_by == "test/loss"
    assert "test/loss" in [axis.key for axis in panel.plot.axes]
    assert panel.plot.line_color(panel.plot.rows[0]).isValid()
    assert before.isValid()


def test_bright_lines_are_good_ones(panel: ParallelPanel) -> None:
    lightness = [panel.plot.line_color(row).lightness() for row in panel.plot.rows]
    losses = [row.values["best/loss"] for row in panel.plot.rows]
    assert lightness[losses.index(min(losses))] > lightness[losses.index(max(losses))]


def test_the_scatter_shows_two_values_and_the_front(qtbot: QtBot, panel: ParallelPanel, workspace: Workspace) -> None:
    qtbot.mouseClick(panel.kind, LEFT)
    assert panel._stack.currentWidget() is panel.scatter
    menu = panel.axes_menu()
    next(each for each in menu.actions()[0].menu().actions() if each.text() == "Weights").trigger()
    assert (panel.scatter.across.key, panel.scatter.up.key) == ("parameters", "best/loss")
    front = [panel.scatter.rows[number].id for number in panel.scatter.front]
    assert front == [f"r{n}" for n in range(8)], "each is smaller or better than any other"
    point = panel.scatter.point_of(panel.scatter.rows[3])
    qtbot.mouseClick(panel.scatter, LEFT, pos=point.toPoint())
    assert workspace.runs.selection == (panel.scatter.rows[3].id,)
    assert panel.scatter.run_near(QPointF(0, 0)) == -1
    _ = panel.grab()


def test_the_plots_are_exported(qtbot: QtBot, panel: ParallelPanel, tmp_path: Path) -> None:
    from netbuilder.ui.panels.plot_export import PlotExport

    _drag(qtbot, panel, "plan/learning_rate", -0.1, 0.4)
    for plot, columns in ((panel.plot, 6), (panel.scatter, 4)):
        (export,) = plot.findChildren(PlotExport)
        for kind in ("csv", "png", "svg"):
            export.write(str(tmp_path / f"{columns}.{kind}"))
            assert (tmp_path / f"{columns}.{kind}").stat().st_size > 0
        lines = (tmp_path / f"{columns}.csv").read_text().splitlines()
        assert [len(line.split(",")) for line in lines] == [columns] * 5


def test_what_is_brushed_goes_for_the_scatter_too(qtbot: QtBot, panel: ParallelPanel) -> None:
    _drag(qtbot, panel, "plan/learning_rate", -0.1, 0.4)
    assert len(panel.scatter.rows) == 4


def test_it_is_drawn_in_both_themes(panel: ParallelPanel, themes) -> None:
    dark = panel.plot.grab().toImage()
    themes.set_mode("light")
    assert panel.plot.grab().toImage() != dark


def test_one_run_is_nothing_to_compare(qtbot: QtBot, workspace: Workspace, themes, tmp_path: Path) -> None:
    _project(workspace, tmp_path, 1)
    panel = ParallelPanel(workspace, themes)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(lambda: len(workspace.runs.rows) == 1)
    assert panel._stack.currentWidget() is panel._empty
    assert panel._empty.text() == EMPTY
    panel.hide()
