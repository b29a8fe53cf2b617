"""The Moments panel: a real run's moments are compared, and both are looked at; another run's can be chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from netbuilder.foundation.preferences import Preferences
from netbuilder.training.comparison import Answers, LayerChange
from netbuilder.training.moments import Moment
from netbuilder.training.protocol import PictureKind, State, Timeline
from netbuilder.training.run_files import Taken
from netbuilder.ui.moment_views import AnswersView, ConfusionChange, angle_text, moved_text
from netbuilder.ui.panels import moments
from netbuilder.ui.panels.moments import EMPTY, NO_CONFUSION, MomentsPanel
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace
from tests.builders import tiny_cnn

MINUTE = 60_000


@pytest.fixture
def trained(qtbot: QtBot, tmp_path) -> Iterator[Workspace]:
    """A workspace whose training has just ended, and whose timer rests."""
    workspace = Workspace(Preferences())
    made = tiny_cnn(4)
    workspace.open_unsaved(replace(made, plan=replace(made.plan, epochs=2)))
    workspace.save(tmp_path / "cnn.netb")
    workspace.torch_loaded()
    workspace.select(("stem",))
    workspace.control.train()
    qtbot.waitUntil(lambda: workspace.state is State.ENDED and not workspace.trainer._timer.isActive(), timeout=MINUTE)
    yield workspace
    workspace.trainer.forget()
    assert workspace.trainer.wait(60)


def show(qtbot: QtBot, workspace: Workspace, themes: ThemeController) -> MomentsPanel:
    panel = MomentsPanel(workspace, themes)
    qtbot.addWidget(panel)
    panel.resize(1200, 260)
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


def test_without_a_run_it_says_what_it_is_for(qtbot: QtBot, workspace, themes) -> None:
    panel = show(qtbot, workspace, themes)
    assert panel.cards["layers"].empty_text == EMPTY
    assert not panel.both.show_both.isEnabled()


def test_the_first_and_the_last_moment_are_compared_and_looked_at(qtbot: QtBot, trained, themes) -> None:
    panel = show(qtbot, trained, themes)
    moments = trained.past.moments
    assert len(moments) >= 2
    own = trained.trainer.folder
    assert panel.first.choice == (own, moments[0].step)
    assert panel.second.choice == (own, moments[-1].step)
    qtbot.waitUntil(lambda: panel.cards["layers"].body is not None, timeout=MINUTE)
    assert [layer.path for layer in panel.changes.layers] == ["stem", "norm", "conv", "scores"]
    assert all(change.distance > 0 for change in panel.changes.changes.values())
    assert panel.values.values["loss/validation"][1] == trained.series["loss/validation"].values[-1]
    assert panel.answers.summary.endswith("of 16 changed")
    assert panel.cards["confusion"].empty_text == NO_CONFUSION, "no epoch had ended at the first moment"
    qtbot.mouseClick(panel.both.show_both, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.both.body is not None, timeout=MINUTE)
    assert f"steps 0 and {moments[-1].step:,}" in panel.both.note.text()
    qtbot.waitUntil(lambda: trained.past.is_settled and trained.past.shown is None, timeout=MINUTE)
    assert trained.pictures[PictureKind.MAPS, "stem"].step > 0
    rows = list(panel.changes.rows())
    assert [row[0] for row in rows] == ["node", "stem", "norm", "conv", "scores"]

    qtbot.mouseClick(panel.swap, Qt.MouseButton.LeftButton)
    assert panel.first.choice == (own, moments[-1].step)
    qtbot.waitUntil(lambda: np.isnan(panel.values.values["loss/validation"][1]), timeout=MINUTE)

    trained.control.train()
    qtbot.waitUntil(lambda: trained.state is State.ENDED and not trained.trainer._timer.isActive(), timeout=MINUTE)
    assert panel.first.choice == (own, moments[-1].step), "what the user chose stays"
    assert panel.first.runs.count() == 2
    trained.runs.mark((own.name,), name="first try")
    qtbot.waitUntil(lambda: panel.first.runs.currentText() == "first try", timeout=MINUTE)
    panel.second.choose(trained.trainer.folder, trained.past.moments[-1].step)
    panel.second.chosen.emit()
    qtbot.waitUntil(lambda: not np.isnan(panel.values.values["loss/validation"][1]), timeout=MINUTE)
    assert not panel.both.show_both.isEnabled(), "the first is another run's moment"
    assert all(change.distance == 0 for change in panel.changes.changes.values()), "equal seeds, equal runs"


def test_what_a_run_leaves_behind_is_laid_over_its_curves(qtbot: QtBot, tmp_path) -> None:
    workspace = Workspace(Preferences())
    made = tiny_cnn(4)
    workspace.open_unsaved(replace(made, plan=replace(made.plan, epochs=50)))
    workspace.save(tmp_path / "cnn.netb")
    workspace.torch_loaded()
    workspace.control.step()
    qtbot.waitUntil(lambda: workspace.progress.step == 1 and workspace.state is State.PAUSED, timeout=MINUTE)
    workspace.past.keep()
    for _ in range(3):
        workspace.control.step()
    qtbot.waitUntil(lambda: workspace.progress.step == 4 and workspace.state is State.PAUSED, timeout=MINUTE)
    workspace.past.look(1)
    qtbot.waitUntil(lambda: workspace.past.is_settled, timeout=MINUTE)
    workspace.past.go_on()
    qtbot.waitUntil(lambda: workspace.progress.step == 1, timeout=MINUTE)
    assert workspace.series["loss/train"].steps.tolist() == [1]
    left = f"{workspace.runs.own}~1"
    qtbot.waitUntil(lambda: left in workspace.runs.curves, timeout=MINUTE)
    assert workspace.runs.curves[left].series["loss/train"].steps.tolist() == [2, 3, 4]
    workspace.control.stop()
    qtbot.waitUntil(lambda: workspace.state is State.ENDED and not workspace.trainer._timer.isActive(), timeout=MINUTE)
    workspace.trainer.forget()
    assert workspace.trainer.wait(60)


def test_a_snapshot_that_is_gone_is_told_in_the_panel(qtbot: QtBot, trained, themes) -> None:
    panel = show(qtbot, trained, themes)
    qtbot.waitUntil(lambda: panel.cards["layers"].body is not None, timeout=MINUTE)
    for path in (trained.trainer.folder / "snapshots").iterdir():
        path.unlink()
    qtbot.mouseClick(panel.swap, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "There is no snapshot" in panel.cards["layers"].empty_text, timeout=MINUTE)


def test_words_of_changes() -> None:
    assert moved_text(0.0812) == "8.12 %"
    assert moved_text(25.0) == "25 x"
    assert moved_text(float("inf")) == "from 0"
    assert angle_text(0.0) == "90°"
    assert angle_text(float("nan")) == "–"
    assert LayerChange(path="a", before=2.0, after=3.0, distance=1.0, cosine=1.0).relative == 0.5


def test_the_confusions_difference(qtbot: QtBot, themes) -> None:
    view = ConfusionChange(themes.theme)
    qtbot.addWidget(view)
    view.set_both(np.array([[3, 1], [2, 2]]), np.array([[4, 0], [2, 2]]), ("cat", "dog"))
    assert view.summary == "62.5 → 75.0 %"
    assert [view.number(0, 0), view.number(0, 1), view.number(1, 0)] == ["+1", "-1", ""]
    assert view.describe(0, 1) == "truth cat, predicted dog: 1 fewer"
    assert view.describe(1, 1) == "truth dog, predicted dog: as many as before"
    assert list(view.rows())[1] == ["cat", "1", "-1"]


def test_answers_are_classes_or_values(qtbot: QtBot, themes) -> None:
    view = AnswersView(themes.theme)
    qtbot.addWidget(view)
    before = np.array([[2.0, 1.0], [0.0, 1.0]], np.float32)
    view.set_answers(Answers(before=before, after=before[::-1].copy()), ("cat", "dog"))
    assert view.summary == "2 of 2 changed"
    assert list(view.rows())[1][:3] == ["1", "cat", "dog"]
    view.set_answers(Answers(before=before[:, :1], after=before[:, :1]), ())
    assert view.summary == "0 of 2 changed"
    assert list(view.rows())[1][:3] == ["1", "2.000", "2.000"]


def test_other_runs_are_read_again_only_when_there_are_others(
    qtbot: QtBot, workspace: Workspace, themes, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run keeps a moment every few seconds; its project may have hundreds of runs."""
    read: list[str] = []
    monkeypatch.setattr(moments, "snapshots_of", lambda run: bool(read.append(run.name)) or (Moment(3),))
    monkeypatch.setattr(type(workspace.runs), "folder", property(lambda _: tmp_path))
    monkeypatch.setattr(MomentsPanel, "_compare", lambda _: None)
    monkeypatch.setattr(workspace.runs, "look", lambda: None)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    workspace.trainer.folder = tmp_path / "own"
    panel = show(qtbot, workspace, themes)
    for step in (1, 2):
        workspace.past._told = Timeline(moments=tuple(map(Moment, range(step + 1))))
        panel.refresh()
    assert sorted(read) == ["one", "two"]
    assert panel.first.moments.count() == 3
    (tmp_path / "three").mkdir()
    three: Any = SimpleNamespace(id="three", values={"name": "3"}, is_own=False, taken=Taken(snapshots=5))
    workspace.runs.rows = (three,)
    workspace.runs.changed.emit()
    assert sorted(read) == ["one", "one", "three", "two", "two"]


def test_a_low_panel_scrolls_what_it_cannot_show(qtbot: QtBot, workspace: Workspace, themes) -> None:
    panel = show(qtbot, workspace, themes)
    comparison: Any = SimpleNamespace(steps=(0, 9), metrics=dict.fromkeys("abcdef", (0.1, 0.2)))
    shorter: Any = SimpleNamespace(steps=(0, 1), metrics={"a": (0.1, 0.2)})
    panel.values.show_values(shorter)
    panel.values.show_values(comparison)
    panel.cards["values"].show_body(panel.values)
    for width, height in ((1200, 260), (560, 150)):
        panel.resize(width, height)
        qtbot.wait(20)
        rows = [panel.values._grid.itemAtPosition(row, 0).geometry() for row in range(1, 7)]
        assert all(above.bottom() < below.top() for above, below in pairwise(rows)), "no line lies over another"
        assert len({row.height() for row in rows}) == 1
        assert panel.cards["answers"].width() >= 150
