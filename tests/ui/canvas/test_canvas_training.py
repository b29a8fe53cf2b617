"""What the canvas shows while a network trains: gradient flow, dead units, and only what is in view is asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage

from netbuilder.document import edits
from netbuilder.document.blocks import signature
from netbuilder.document.model import PortRef
from netbuilder.foundation.preferences import Preferences
from netbuilder.training.protocol import Picture, PictureKind, Points, State, Telemetry, Watch
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.flow import EXPLODING, LEVELS, VANISHING, Flow, power_text, shade
from netbuilder.ui.canvas.live import UNMEASURED
from netbuilder.ui.canvas.pictures import percent, score_text
from netbuilder.ui.canvas.style import Style
from netbuilder.ui.canvas.tips import tip_at
from netbuilder.ui.theme import controller, load_theme
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LINEAR, LOSS, RELU, add, small_network


@pytest.fixture(autouse=True)
def time_enough(monkeypatch):
    """Let each frame draw all faces, however busy the machine is: what is late is a plain card for a moment."""
    monkeypatch.setattr("netbuilder.ui.canvas.viewport.BUDGET", 60.0)


def show(workspace, *pictures: Picture, series=None) -> None:
    telemetry = Telemetry(pictures=pictures, series=series or {})
    workspace.trainer.record.add(telemetry)
    workspace.telemetry.emit(telemetry)
    workspace.turns.finish()


def flow(start: float = 1.0, **norms: float) -> Picture:
    labels = tuple(each.replace("__", ".") for each in norms)
    data = np.array(list(norms.values()), dtype=np.float32)
    return Picture(kind=PictureKind.FLOW, node="", step=1, data=data, extent=(start,), labels=labels)


def dead(node: str, count: int, total: int = 64, ends=(0.0, 0.0)) -> Picture:
    data = np.array([count, total], dtype=np.float32)
    caption = f"{count} of {total} units are 0 for all 16 samples"
    return Picture(kind=PictureKind.DEAD, node=node, step=1, data=data, extent=ends, caption=caption)


def thumbs(node: str) -> Picture:
    return Picture(kind=PictureKind.THUMBS, node=node, step=1, data=np.zeros((3, 8, 8), dtype=np.uint8))


def middle_of(view, target: PortRef) -> QPointF:
    """Return where on the widget the middle of a link is."""
    arrays = view.content.arrays
    curve = arrays.curves_of(np.array([arrays.edge_row(target)]))[0]
    return view.to_view(*curve[len(curve) // 2].tolist())


def color_at(view, at: QPointF) -> QColor:
    shot: QImage = view.grab().toImage()
    at = at * shot.devicePixelRatio()
    return shot.pixelColor(round(at.x()), round(at.y()))


def inks_of(view, node: str) -> set[str]:
    """Return the colours in a node's rectangle."""
    shot, rect = view.grab().toImage(), view.node_rect(node).toRect()
    ratio = shot.devicePixelRatio()
    return {
        shot.pixelColor(round(x * ratio), round(y * ratio)).name()
        for x in range(rect.left(), rect.right())
        for y in range(rect.top(), rect.bottom())
    }


def is_near(one: QColor, other: QColor) -> bool:
    """Whether two colours are the same but for what smooth edges leave of them."""
    return all(abs(a - b) < 16 for a, b in zip(one.getRgb(), other.getRgb(), strict=True))


@pytest.fixture
def sent(workspace, monkeypatch) -> list[Watch]:
    """What the run is asked for, as if one were going on."""
    commands: list[Watch] = []
    monkeypatch.setattr(workspace.trainer, "_state", State.RUNNING)
    monkeypatch.setattr(workspace.trainer, "_send", commands.append)
    return commands


INTO_LINEAR, INTO_RELU = PortRef(LINEAR, "x"), PortRef(RELU, "x")
FLOW = {f"{DIGITS}__image": 1e-4, LINEAR: 1.0}


# Gradient flow


def test_links_take_the_colour_of_their_gradient_when_asked_to(view, workspace):
    plain = color_at(view, middle_of(view, INTO_RELU))
    show(workspace, flow(**FLOW))
    assert color_at(view, middle_of(view, INTO_RELU)) == plain, "it is off at first"
    view.attention.toggle_gradient_flow()
    style = view.style_
    assert is_near(color_at(view, middle_of(view, INTO_RELU)), shade(1.0, style))
    show(workspace, flow(**{LINEAR: 1e-4, f"{DIGITS}__image": 1.0}))
    assert is_near(color_at(view, middle_of(view, INTO_RELU)), shade(0.0, style))
    assert workspace.preferences.get("show_gradient_flow") is True
    view.attention.toggle_gradient_flow()
    assert view.live.flow is None
    assert color_at(view, middle_of(view, INTO_RELU)) == plain


def test_a_new_measurement_repaints_the_links_that_changed_only(view, workspace, monkeypatch):
    into_loss = PortRef(LOSS, "prediction")
    workspace.edit("Link", lambda document: edits.connect(document, into_loss, PortRef(RELU, "y")))
    view.attention.toggle_gradient_flow()
    show(workspace, flow(**FLOW, **{RELU: 1e-2}))
    rows: list[np.ndarray] = []
    monkeypatch.setattr(view, "renew_links", rows.append)
    show(workspace, flow(**FLOW, **{RELU: 1e-2}))
    show(workspace, flow(**FLOW, **{RELU: 1e-1}))
    row = view.content.arrays.edge_row(into_loss)
    assert [each.tolist() for each in rows] == [[], [row]]


def test_links_of_data_have_the_gradient_of_their_own_field(view, workspace):
    view.attention.toggle_gradient_flow()
    show(workspace, flow(**FLOW))
    arrays = view.content.arrays
    levels = view.live.flow.levels(arrays)
    assert levels[arrays.edge_row(INTO_LINEAR)] == 0
    assert levels[arrays.edge_row(INTO_RELU)] == LEVELS - 1
    assert levels[arrays.edge_row(PortRef(LOSS, "target"))] == UNMEASURED, "no gradient reaches a label"


def test_links_from_several_ports_of_a_layer_have_the_gradient_of_their_own(workspace):
    graph = edits.connect(small_network(), PortRef(DROPOUT, "x"), PortRef(LINEAR, "another")).graph
    told = flow(**{f"{LINEAR}__y": 0.5, f"{LINEAR}__another": 0.25})
    norms = Flow(told, graph, lambda port: port).norms
    assert norms == {PortRef(LINEAR, "y"): 0.5, PortRef(LINEAR, "another"): 0.25}
    only = flow(**{f"{LINEAR}__y": 0.5})
    assert Flow(only, graph, lambda port: port).norms == {PortRef(LINEAR, "y"): 0.5}, "the other leads to no loss"


def test_links_from_a_block_have_the_gradient_of_the_port_inside(workspace):
    document = edits.make_block(small_network(), (LINEAR, RELU), "Body", outputs=(PortRef(RELU, "y"),))
    (block,) = (id for id, each in document.graph.nodes.items() if each.type.startswith("block."))
    port = next(iter(signature(next(iter(document.blocks.values()))).outputs))
    document = edits.connect(document, PortRef(LOSS, "prediction"), PortRef(block, port))
    inside = {PortRef(block, port): PortRef(f"{block}/0/{RELU}", "second")}
    told = flow(**{f"{block}/0/{RELU}__first": 1.0, f"{block}/0/{RELU}__second": 0.125})
    norms = Flow(told, document.graph, lambda each: inside.get(each, each)).norms
    assert norms == {PortRef(block, port): 0.125}


@pytest.mark.parametrize(
    ("norm", "words"),
    [
        (0.5, "0.25 times that where the loss begins"),
        (2.0 * VANISHING * 0.9, "It has vanished"),
        (0.0, "It has vanished"),
        (2.0 * EXPLODING * 1.1, "It explodes"),
        (float("inf"), "it explodes"),
        (float("nan"), "it explodes"),
    ],
)
def test_hovering_says_how_large_it_is_and_what_is_wrong(view, workspace, norm, words):
    view.attention.toggle_gradient_flow()
    show(workspace, flow(2.0, **{LINEAR: norm}))
    assert words in tip_at(view, middle_of(view, INTO_RELU))
    assert ("vanish" in tip_at(view, middle_of(view, INTO_RELU))) == ("vanish" in words)
    assert "radient" not in tip_at(view, middle_of(view, INTO_LINEAR))
    assert not view.grab().isNull()


def test_what_explodes_is_red_and_counted(view, workspace):
    view.attention.toggle_gradient_flow()
    show(workspace, flow(**{LINEAR: float("nan"), f"{DIGITS}__image": 1e-9}))
    assert color_at(view, middle_of(view, INTO_RELU)) == view.style_.color("bad")
    assert view.live.flow.count(view.content.arrays) == (1, 1)


@pytest.mark.parametrize("norms", [{}, {LINEAR: 0.0}, {LINEAR: float("nan")}, {LINEAR: 1e-30}, {LINEAR: 1e30}])
@pytest.mark.parametrize("start", [0.0, 1.0, float("inf"), float("nan")])
def test_odd_measurements_are_drawn_without_complaint(view, workspace, norms, start):
    view.attention.toggle_gradient_flow()
    show(workspace, flow(start, **norms))
    assert not view.grab().isNull()
    tip_at(view, middle_of(view, INTO_RELU))


def test_the_legend_says_what_to_do_while_there_is_nothing(view):
    corner = QPointF(20, view.height() - 20)
    before = color_at(view, corner)
    view.attention.toggle_gradient_flow()
    assert color_at(view, corner) != before


def test_the_scale_suits_both_themes():
    for name in ("dark", "light"):
        style = Style(load_theme(name))
        canvas = style.color("canvas").lightnessF()
        apart = [abs(shade(part, style).lightnessF() - canvas) for part in np.linspace(0, 1, 9)]
        assert min(apart) > 0.2, "every colour stands out"
        luminance = [shade(part, style).toHsl().lightness() for part in (0.0, 1.0)]
        assert luminance[0] != luminance[1]
    assert power_text(-12) == "10⁻¹²"


def test_edits_keep_the_flow_of_what_stays(view, workspace):
    view.attention.toggle_gradient_flow()
    show(workspace, flow(**FLOW))
    workspace.edit("Delete", lambda document: edits.remove_nodes(document, [DROPOUT]))
    assert PortRef(LINEAR, "y") in view.live.flow.norms
    assert not view.grab().isNull()


# Dead units


def test_an_activation_with_dead_units_shows_a_meter_and_says_how_many(view, workspace):
    show(workspace, thumbs(RELU))
    meter = view.content.geometry(RELU).meter
    corner = view.node_rect(RELU).topLeft()
    at = corner + QPointF(meter.x + 4, meter.y + 1.5) * view.camera.zoom
    before = color_at(view, at)
    show(workspace, dead(RELU, 24))
    assert color_at(view, at).name() == view.style_.color("validation").name()
    assert "24 of 64 units are 0 for all 16 samples" in tip_at(view, view.node_rect(RELU).topLeft() + QPointF(30, 8))
    show(workspace, dead(RELU, 0))
    assert color_at(view, at) == before
    assert "units are 0" not in tip_at(view, view.node_rect(RELU).topLeft() + QPointF(30, 8))


def test_dead_units_can_be_left_out(view, workspace):
    show(workspace, dead(RELU, 24))
    assert RELU in view.live.dead
    view.attention.toggle_dead_units()
    assert view.live.dead == {}
    view.attention.toggle_dead_units()
    assert RELU in view.live.dead, "what the run has told is there again"


@pytest.mark.parametrize(
    ("part", "text"), [(0.0, "0 %"), (0.004, "< 1 %"), (0.37, "37 %"), (0.999, "99 %"), (1.0, "100 %")]
)
def test_percentages_are_none_and_all_only_when_it_is_so(part, text):
    assert percent(part) == text


# Pictures


def test_the_data_s_pictures_begin_with_the_sample_that_the_others_are_of(view, workspace):
    samples = np.arange(16, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), dtype=np.uint8)
    show(workspace, Picture(kind=PictureKind.SAMPLES, node=DIGITS, step=0, data=samples))
    assert view.live.pictures[DIGITS].data[:3, 0, 0].tolist() == [0, 1, 2]
    workspace.control.watch((LINEAR,), 15)
    show(workspace, replace(thumbs(LINEAR), sample=15))
    assert view.live.pictures[DIGITS].data[:3, 0, 0].tolist() == [15, 0, 1]
    view.following.look_again()
    assert view.live.pictures[DIGITS].data[0, 0, 0] == 15
    workspace.control.watch((LINEAR,), 2)
    show(workspace, replace(thumbs(LINEAR), sample=2))
    assert view.live.pictures[DIGITS].data[:3, 0, 0].tolist() == [2, 3, 4]


def test_the_loss_node_shows_both_curves_and_what_they_are_now(view, workspace):
    steps = np.arange(1, 101, dtype=np.int64)
    show(workspace, series={"loss/train": Points(steps, np.exp(-steps / 30))})
    one = inks_of(view, LOSS)
    assert view.style_.color("validation").name() not in one, "no validation yet"
    show(workspace, thumbs(LINEAR), series={"loss/train": Points(steps + 100, steps * 0 + 0.5)})
    ends = np.array([50, 100], dtype=np.int64)
    told = {"loss/train": Points(steps + 200, steps * 0 + 0.25), "loss/validation": Points(ends, np.array([0.8, 0.6]))}
    show(workspace, thumbs(LINEAR), series=told)
    assert {view.style_.color("validation").name(), view.style_.category("loss").name()} <= inks_of(view, LOSS)
    losses = view.live.pictures[LOSS]
    assert losses.mark == (300, 2, 0, "")
    nothing = np.full(100, np.nan)
    show(workspace, thumbs(LINEAR), series={"loss/train": Points(steps + 300, nothing)})
    assert not view.grab().isNull(), "a loss that is no number is left out"


def test_pictures_can_be_left_out(view, workspace):
    steps = np.arange(50, dtype=np.int64)
    show(workspace, thumbs(LINEAR), series={"loss/train": Points(steps, np.exp(-steps / 10))})
    height = view.node_rect(LINEAR).height()
    view.attention.toggle_pictures()
    assert view.live.pictures == {}
    assert view.node_rect(LINEAR).height() < height
    show(workspace, thumbs(LINEAR))
    assert view.live.pictures == {}
    view.attention.toggle_pictures()
    assert view.live.pictures.keys() == {LINEAR, LOSS}
    assert view.node_rect(LINEAR).height() == height


def test_the_menu_s_toggles_are_remembered_and_their_keys_belong_to_the_canvas(qtbot):
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    window.furnish()
    window.workspace.open_unsaved(small_network())
    preferences = window.workspace.preferences
    for keys, id, name in (
        ("Shift+T", "live.pictures", "show_thumbnails"),
        ("Shift+D", "live.dead", "show_dead_units"),
        ("Shift+G", "live.flow", "show_gradient_flow"),
    ):
        before, action = preferences.get(name), window.actions_[id]
        assert action.isChecked() is before
        assert action.shortcut().toString() == keys
        assert action in window.canvas.actions(), "they mean something else in a text field"
        action.trigger()
        assert preferences.get(name) is not before
        assert action.isChecked() is not before


# Only what is in view


def test_the_run_is_asked_for_what_is_in_view(view, workspace, sent):
    view.attention.settle()
    assert sent[-1].in_view == {DIGITS, LINEAR, RELU, LOSS, DROPOUT}
    x, y, _, _ = view.content.arrays.rect(LOSS)
    view.set_camera(Camera(x - 20, y - 20, 1.5))
    view.attention.settle()
    assert sent[-1].in_view == {LOSS}
    count = len(sent)
    view.attention.settle()
    assert len(sent) == count, "nothing new, nothing said"


def test_panning_asks_a_few_times_a_second_only(view, sent, qtbot):
    view.attention.settle()
    count = len(sent)
    for _ in range(50):
        view.set_camera(view.camera.moved(-40, 0))
    assert len(sent) == count
    qtbot.waitUntil(lambda: len(sent) == count + 1, timeout=2000)


def test_plain_cards_ask_for_nothing(view, sent):
    view.set_camera(Camera(0, 0, 0.2))
    view.attention.settle()
    assert sent[-1].in_view == frozenset()


def test_a_hidden_canvas_asks_for_nothing(view, workspace, sent, qtbot):
    workspace.preferences.set("show_gradient_flow", True)
    view.attention.settle()
    assert sent[-1].gradient_flow
    view.hide()
    qtbot.waitUntil(lambda: sent[-1].in_view == frozenset() and not sent[-1].gradient_flow, timeout=2000)
    view.show()
    qtbot.waitUntil(lambda: sent[-1].in_view != frozenset() and sent[-1].gradient_flow, timeout=2000)


def test_a_minimized_window_asks_for_nothing(view, sent, qtbot):
    view.attention.settle()
    assert sent[-1].in_view
    view.showMinimized()
    view.attention.settle()
    assert sent[-1].in_view == frozenset()


@pytest.mark.parametrize("state", [State.STOPPING, State.ENDED])
def test_a_run_that_is_over_is_not_asked_for_less(view, workspace, sent, monkeypatch, state):
    view.attention.settle()
    monkeypatch.setattr(workspace.trainer, "_state", state)
    workspace.trainer.record.pictures[PictureKind.THUMBS, LINEAR] = thumbs(LINEAR)
    sent.clear()
    view.hide()
    view.attention.settle()
    assert sent == [], "the window may be closing: nothing may begin to work again"
    view.show()
    view.attention.settle()
    assert sent[-1].in_view


def test_without_pictures_and_meters_nothing_is_asked_for(view, sent):
    view.attention.toggle_pictures()
    assert sent[-1].in_view, "dead units are shown still"
    view.attention.toggle_dead_units()
    assert sent[-1].in_view == frozenset()


def test_what_is_watched_stays_watched(view, workspace, sent):
    workspace.select([LINEAR])
    view.attention.toggle_gradient_flow()
    assert sent[-1].nodes == (LINEAR,)
    assert sent[-1].gradient_flow
    workspace.control.watch((RELU,), 3)
    assert (sent[-1].nodes, sent[-1].sample, sent[-1].gradient_flow) == ((RELU,), 3, True)


# Outputs and metrics


OUT = "n0000000a"


def with_output(workspace) -> None:
    """Let the network give what its ReLU gives."""
    workspace.edit("x", lambda document: add(document, OUT, "output", 620, -120))
    workspace.edit("x", lambda document: edits.connect(document, PortRef(OUT, "x"), PortRef(RELU, "y")))


def bars(node: str, *values: float) -> Picture:
    return Picture(kind=PictureKind.BARS, node=node, step=1, data=np.array(values, dtype=np.float32))


def test_an_output_shows_what_leads_to_it(view, workspace):
    with_output(workspace)
    height = view.node_rect(OUT).height()
    show(workspace, bars(RELU, 0.1, 0.7, 0.2))
    assert view.live.pictures[OUT] is view.live.pictures[RELU]
    assert view.node_rect(OUT).height() > height, "its face makes room"


def test_an_output_in_view_asks_for_what_leads_to_it(view, workspace, sent):
    with_output(workspace)
    x, y, _, _ = view.content.arrays.rect(OUT)
    view.set_camera(Camera(x - 20, y - 400 / 3, 3.0))
    view.attention.settle()
    assert RELU not in view.faces_in_view()
    assert sent[-1].in_view - {LOSS} == {RELU}
    workspace.select((OUT,))
    assert sent[-1].nodes == (RELU,)


def test_an_output_that_nothing_leads_to_shows_nothing(view, workspace):
    workspace.edit("x", lambda document: add(document, OUT, "output", 620, -120))
    show(workspace, bars(RELU, 0.1, 0.7, 0.2))
    assert OUT not in view.live.pictures
    assert workspace.scopes.source_of(OUT) == OUT


def series(*values: float) -> Points:
    return Points(np.arange(len(values), dtype=np.int64), np.array(values))


def test_a_loss_shows_the_metric_that_the_plan_watches(view, workspace):
    told = {"loss/train": series(2.0, 1.0), "accuracy/validation": series(0.5, 0.912), "f1/validation": series(0.4)}
    show(workspace, series=told)
    shown = view.live.pictures[LOSS]
    assert (shown.metric, shown.scores[-1]) == ("accuracy", 0.912)
    assert score_text(shown.metric, float(shown.scores[-1])) == "91.2 %"
    workspace.edit("x", lambda d: replace(d, plan=replace(d.plan, monitor="f1")))
    show(workspace, thumbs(RELU), series={"loss/train": series(0.9)})
    view.following.look_again()
    assert view.live.pictures[LOSS].metric == "f1"
    without = view.grab().toImage()
    show(workspace, series={"f1/validation": series(0.77)})
    view.following.look_again()
    assert view.grab().toImage() != without


def test_each_of_several_losses_shows_its_own_curve(view, workspace):
    label = workspace.document.graph.nodes[LOSS].label
    told = {
        "loss/train": series(3.0, 2.0),
        f"{label}.loss/train": series(1.0, 0.5),
        f"{label}.loss/validation": series(0.75),
        "loss/validation": series(2.5),
        f"{label}.mae/validation": series(0.25),
        "accuracy/validation": series(0.5),
    }
    show(workspace, series=told)
    shown = view.live.pictures[LOSS]
    assert shown.train[1].tolist() == [1.0, 0.5]
    assert shown.validation[1].tolist() == [0.75]
    assert (shown.metric, shown.scores.tolist()) == ("mae", [0.25])
    assert score_text("mae", 0.25) == "0.25"
