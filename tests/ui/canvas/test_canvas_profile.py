"""What the canvas shows of a profile: a ring and a badge on each node that was measured, coloured cards from afar."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF

from netbuilder.training.profile_report import NodeProfile, ProfileReport
from netbuilder.training.protocol import Progress, State, Telemetry
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.heat import badge_box
from netbuilder.ui.canvas.tips import tip_at
from netbuilder.ui.units import duration
from tests.ui.canvas.conftest import LINEAR, LOSS, RELU

REPORT = ProfileReport(
    nodes={
        LINEAR: NodeProfile(forward=0.003, backward=0.006, output=1000, kept=2000),
        RELU: NodeProfile(forward=0.0005, backward=0.0005),
    },
    rows=64,
    passes=5,
    seconds=0.009,
    device="CPU",
    step=10,
)


def told(workspace, report: ProfileReport = REPORT) -> None:
    telemetry = Telemetry(events=(report.event(),))
    workspace.trainer.record.add(telemetry)
    workspace.telemetry.emit(telemetry)
    workspace.turns.finish()


def test_nodes_show_what_they_took(view, workspace):
    before = view.grab().toImage()
    told(workspace)
    assert {node: heat.badge for node, heat in view.live.heat.items()} == {
        LINEAR: "9.00 ms · 90 %",
        RELU: "1.00 ms · 10 %",
    }
    assert view.grab().toImage() != before


def test_the_badge_is_in_the_color_of_the_share(view, workspace):
    told(workspace)
    heat, geometry = view.live.heat[LINEAR], view.content.geometry(LINEAR)
    box = badge_box(geometry, heat)
    x, y, _, _ = view.content.arrays.rect(LINEAR)
    at = view.to_view(x + box.x + 8.5, y + box.y + box.height / 2)
    shot = view.grab().toImage()
    at = at * shot.devicePixelRatio()
    found, wanted = shot.pixelColor(round(at.x()), round(at.y())), heat.color(view.style_)
    assert abs(found.red() - wanted.red()) + abs(found.green() - wanted.green()) < 24
    assert heat.color(view.style_) != view.live.heat[RELU].color(view.style_)


def test_the_tip_says_forward_and_backward(view, workspace):
    told(workspace)
    x, y, width, _ = view.content.arrays.rect(LINEAR)
    tip = tip_at(view, QPointF(view.to_view(x + width / 2, y + 12)))
    assert tip is not None
    assert "A batch of 64 takes 3.00 ms forward and 6.00 ms backward: 90.0 %" in tip


def test_it_can_be_switched_off_and_on(view, workspace):
    told(workspace)
    view.attention.toggle_profile()
    assert view.live.heat == {}
    assert workspace.preferences.get("show_profile") is False
    view.attention.toggle_profile()
    assert set(view.live.heat) == {LINEAR, RELU}, "what was measured is still known"


def test_another_run_forgets_it(view, workspace):
    told(workspace)
    workspace.telemetry.emit(Telemetry(progress=Progress(state=State.STARTING)))
    workspace.turns.finish()
    assert view.live.heat == {}


def test_cards_far_away_take_the_color(view, workspace):
    view.set_camera(Camera(view.camera.x, view.camera.y, 0.2))
    before = view.grab().toImage()
    told(workspace)
    assert view.grab().toImage() != before


def test_nodes_that_were_not_measured_have_none(view, workspace):
    told(workspace)
    assert LOSS not in view.live.heat


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0"),
        (float("nan"), "0"),
        (1.2e-7, "0.12 µs"),
        (8.49e-4, "849 µs"),
        (9.9996e-4, "1.00 ms"),
        (0.0123, "12.3 ms"),
        (0.999, "999 ms"),
        (1.0, "1.00 s"),
        (75.0, "75.0 s"),
    ],
)
def test_times_have_three_digits_and_a_unit(seconds, words):
    assert duration(seconds) == words
