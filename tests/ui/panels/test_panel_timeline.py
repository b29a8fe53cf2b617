"""The timeline: slider, buttons and keys choose the moment that the window shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from netbuilder.training.moments import Moment, Reason
from netbuilder.training.protocol import Look, PictureKind, Progress, Rewind, Snapshot, Start, State, Telemetry
from netbuilder.training.protocol import Timeline as Told
from netbuilder.ui.panels.curves import CurvesPanel
from netbuilder.ui.panels.timeline import Timeline, moment_text
from netbuilder.ui.run_control import RunControl
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.recorded import RecordedHost, curves, pictures, tell

MOMENTS = (Moment(0), Moment(40, 2), Moment(90, 4, Reason.BEST), Moment(200, 9, Reason.WISH))


def told(workspace: Workspace, host: RecordedHost, shown: int | None = None, moments=MOMENTS) -> None:
    """Let the run say that it obeyed all commands, and what it shows."""
    progress = Progress(state=host.state, step=210, acknowledged=len(host.commands))
    news = Telemetry(progress=progress, timeline=Told(moments=moments, shown=shown), pictures=pictures(shown or 210))
    tell(workspace, host, news)


@pytest.fixture
def timeline(qtbot: QtBot, digits: Workspace, host: RecordedHost, themes: ThemeController) -> Timeline:
    made = Timeline(digits.past, themes.theme)
    qtbot.addWidget(made)
    made.resize(900, 28)
    told(digits, host)
    with qtbot.waitExposed(made):
        made.show()
    return made


def test_it_is_hidden_while_there_is_nothing_to_look_back_at(timeline, digits, host) -> None:
    assert timeline.isVisible()
    assert timeline.words.text() == "now"
    told(digits, host, moments=())
    assert not timeline.isVisible()


def test_the_keys_of_the_slider_choose_moments(qtbot: QtBot, timeline, digits, host) -> None:
    slider = timeline.slider
    assert (slider.minimum(), slider.maximum(), slider.value()) == (0, 4, 4)
    qtbot.keyClick(slider, Qt.Key.Key_Left)
    assert host.commands == [Look(200)]
    told(digits, host, 200)
    assert timeline.words.text() == "step 200 · epoch 9 · kept"
    qtbot.keyClick(slider, Qt.Key.Key_Home)
    told(digits, host, 0)
    assert host.commands[-1] == Look(0)
    assert not timeline.earlier.isEnabled()
    qtbot.keyClick(slider, Qt.Key.Key_End)
    told(digits, host)
    assert host.commands[-1] == Look(None)
    assert timeline.words.text() == "now"


def test_the_slider_can_be_dragged(qtbot: QtBot, timeline, digits, host) -> None:
    slider = timeline.slider
    y = slider.height() // 2 + 2
    right, left = QPoint(slider.width() - 6, y), QPoint(6, y)
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=right)
    qtbot.mouseMove(slider, QPoint(slider.width() // 2, y))
    qtbot.mouseMove(slider, left)
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=left)
    assert host.commands[-1] == Look(0)


def test_the_buttons_step_and_return(qtbot: QtBot, timeline, digits, host) -> None:
    click = Qt.MouseButton.LeftButton
    qtbot.mouseClick(timeline.earlier, click)
    told(digits, host, 200)
    qtbot.mouseClick(timeline.earlier, click)
    told(digits, host, 90)
    qtbot.mouseClick(timeline.later, click)
    told(digits, host, 200)
    qtbot.mouseClick(timeline.later, click)
    told(digits, host)
    qtbot.mouseClick(timeline.earlier, click)
    qtbot.mouseClick(timeline.now, click)
    assert host.commands == [Look(200), Look(90), Look(200), Look(None), Look(200), Look(None)]


def test_playing_shows_one_moment_after_the_other_up_to_now(qtbot: QtBot, timeline, digits, host) -> None:
    digits.past._frames.setInterval(1)
    qtbot.keyClick(timeline.slider, Qt.Key.Key_Space)
    assert digits.past.is_playing
    qtbot.wait(20)
    assert host.commands == [Look(0)], "a moment that is not drawn yet is waited for"
    for shown in (0, 40, 90, 200):
        told(digits, host, shown)
        qtbot.waitUntil(lambda shown=shown: digits.past.shown != shown)
    told(digits, host)
    qtbot.waitUntil(lambda: not digits.past.is_playing)
    assert host.commands == [Look(0), Look(40), Look(90), Look(200), Look(None)]


def test_a_moment_that_cannot_be_shown_leaves_now(timeline, digits, host) -> None:
    digits.past.look(40)
    assert digits.past.shown == 40
    told(digits, host, None, moments=(MOMENTS[0], *MOMENTS[2:]))
    assert digits.past.shown is None
    assert timeline.words.text() == "now"


def test_what_is_done_from_a_moment(qtbot: QtBot, timeline, digits, host, monkeypatch) -> None:
    assert not timeline.go_on.isEnabled()
    assert not timeline.branch.isVisible()
    digits.past.keep()
    digits.past.look(90)
    told(digits, host, 90)
    qtbot.mouseClick(timeline.go_on, Qt.MouseButton.LeftButton)
    assert host.commands == [Snapshot(), Look(90), Rewind(90)]
    told(digits, host)
    host.state = State.ENDED
    told(digits, host, 40)
    assert timeline.branch.isVisible()
    assert timeline.go_on.isEnabled()
    monkeypatch.setattr(RunControl, "may_train", lambda self: True)
    monkeypatch.setattr(type(digits.trainer), "_find_host", lambda self: host)
    digits.trainer.folder = Path("runs") / "one"
    qtbot.mouseClick(timeline.branch, Qt.MouseButton.LeftButton)
    (start,) = [command for command in host.commands if isinstance(command, Start)]
    assert Path(start.state) == Path("runs") / "one" / "snapshots" / "40-2-time.safetensors"
    assert digits.past.shown is None


def test_pictures_and_curves_follow(qtbot: QtBot, digits, host, themes) -> None:
    panel = CurvesPanel(digits, themes)
    qtbot.addWidget(panel)
    panel.resize(1100, 300)
    with qtbot.waitExposed(panel):
        panel.show()
    tell(digits, host, Telemetry(progress=Progress(state=State.RUNNING), series=curves(300)))
    told(digits, host)
    digits.past.look(90)
    told(digits, host, 90)
    assert panel.loss.chart.marked == 90
    assert digits.pictures[PictureKind.CONFUSION, ""].step == 90
    before = panel.loss.chart.grab().toImage()
    digits.past.return_to_now()
    told(digits, host)
    assert panel.loss.chart.marked is None
    assert isinstance(before, QImage)
    assert panel.loss.chart.grab().toImage() != before


def test_going_back_shortens_the_curves(digits, host) -> None:
    from netbuilder.training.protocol import Event
    from tests.ui.panels.recorded import points

    tell(digits, host, Telemetry(series=curves(300)))
    event = Event(kind="rewind", text="Back", step=99, data={"rewound": 99})
    more = {"loss/train": points(100, [5.0, 6.0])}
    tell(digits, host, Telemetry(series=more, events=(event,)))
    assert digits.series["loss/train"].steps.tolist() == list(range(102))
    assert digits.series["loss/train"].values[-2:].tolist() == [5.0, 6.0]
    assert digits.series["loss/validation"].steps[-1] <= 99


def test_the_words_tell_why_a_moment_was_kept() -> None:
    assert moment_text(Moment(1234, 5)) == "step 1,234 · epoch 5"
    assert moment_text(Moment(7, 1, Reason.CHANGE)) == "step 7 · epoch 1 · before a change"
