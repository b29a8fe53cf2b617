"""What the canvas shows: live pictures, problems, shapes on arrival, themes; looked at in pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QAccessible, QColor, QDragEnterEvent, QDragLeaveEvent, QImage
from PySide6.QtWidgets import QApplication

from netbuilder.document import edits
from netbuilder.document.model import Document, Node, Place, PortRef
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.protocol import Picture, PictureKind, Points, Telemetry
from netbuilder.ui.canvas.faces import Area
from netbuilder.ui.canvas.menus import build
from netbuilder.ui.canvas.pictures import Plane
from netbuilder.ui.canvas.style import Style
from netbuilder.ui.canvas.tips import tip_at
from netbuilder.ui.canvas.viewport import READABLE
from netbuilder.ui.palette import MIME
from netbuilder.ui.theme import load_theme
from tests.ui.canvas.conftest import DIGITS, LINEAR, LOSS, RELU, small_network


def image(view) -> QImage:
    return view.grab().toImage()


def colors_in(view, rect) -> set[str]:
    shot = image(view)
    ratio = shot.devicePixelRatio()
    area = rect.toRect()
    return {
        shot.pixelColor(round(x * ratio), round(y * ratio)).name()
        for x in range(area.left(), area.right())
        for y in range(area.top(), area.bottom())
    }


def show(workspace, *pictures: Picture, series=None) -> None:
    telemetry = Telemetry(pictures=pictures, series=series or {})
    workspace.trainer.record.add(telemetry)
    workspace.telemetry.emit(telemetry)
    workspace.turns.finish()


def picture(kind: PictureKind, node: str, data) -> Picture:
    return Picture(kind=kind, node=node, step=1, data=np.asarray(data))


def test_the_network_is_drawn(view):
    shot = colors_in(view, view.node_rect(LINEAR))
    assert load_theme("dark").categories["linear"] in shot
    assert load_theme("dark").node in shot


def test_thumbnails_come_in_viridis_and_only_their_rectangles_are_repainted(view, workspace, qtbot):
    thumbs = np.full((3, 8, 8), 255, dtype=np.uint8)
    show(workspace, picture(PictureKind.THUMBS, LINEAR, thumbs))
    assert view.content.faces[LINEAR].area is Area.STRIP
    assert "#fde725" in colors_in(view, view.node_rect(LINEAR))  # viridis's yellow
    regions = []
    original = view.update
    view.update = lambda *region: regions.append(region) or original(*region)
    show(workspace, picture(PictureKind.THUMBS, LINEAR, thumbs // 255))
    ((region,),) = regions
    assert view.node_rect(LINEAR).toAlignedRect().adjusted(-3, -3, 3, 3).contains(region.boundingRect())
    assert "#fde725" not in colors_in(view, view.node_rect(LINEAR))


def test_bars_and_the_loss_curve_are_drawn_in_their_category(view, workspace):
    theme = load_theme("dark")
    show(workspace, picture(PictureKind.BARS, RELU, np.array([0.1, 3.0, 0.5], dtype=np.float32)))
    assert view.content.faces[RELU].area is Area.CHART
    box = view.content.geometry(RELU).picture
    rect = view.node_rect(RELU)
    middle = rect.topLeft() + QPointF(box.x + box.width / 2, box.y + box.height / 2) * view.camera.zoom
    assert image(view).pixelColor(middle.toPoint()) == QColor(theme.categories["activation"])
    steps = np.arange(50, dtype=np.int64)
    show(workspace, series={"loss/train": Points(steps, np.exp(-steps / 10))})
    assert view.content.faces[LOSS].area is Area.CURVES
    assert "loss" not in view.content.faces[LOSS].outputs


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (PictureKind.SAMPLES, np.zeros((2, 5, 9), dtype=np.uint8)),
        (PictureKind.SAMPLES, np.zeros((1, 6, 6, 3), dtype=np.uint8)),
        (PictureKind.THUMBS, np.zeros((1, 1, 300), dtype=np.uint8)),
        (PictureKind.THUMBS, np.zeros((0, 4, 4), dtype=np.uint8)),
        (PictureKind.BARS, np.array([np.nan, np.inf, -2.0], dtype=np.float32)),
        (PictureKind.BARS, np.zeros(0, dtype=np.float32)),
        (PictureKind.POINTS, np.array([[0, 0, 0], [1, 1, 1], [np.nan, 0, 0]], dtype=np.float32)),
        (PictureKind.POINTS, np.zeros((0, 3), dtype=np.float32)),
    ],
)
def test_odd_pictures_are_drawn_without_complaint(view, workspace, kind, data):
    show(workspace, picture(kind, DIGITS, data))
    assert view.content.faces[DIGITS].area is not Area.NONE
    assert not image(view).isNull()


def test_the_boundary_lies_behind_the_points_that_it_parts(view, workspace):
    cloud = np.array([[0, 0, 0], [1, 1, 1]], dtype=np.float32)
    show(workspace, picture(PictureKind.POINTS, DIGITS, cloud))
    assert not isinstance(view.live.pictures[DIGITS], Plane)
    ones = np.ones((4, 4), dtype=np.float32)
    boundary = Picture(kind=PictureKind.BOUNDARY, node="", step=1, data=ones, extent=(-1.0, -1.0, 2.0, 2.0))
    before = colors_in(view, view.node_rect(DIGITS))
    show(workspace, boundary)
    assert isinstance(view.live.pictures[DIGITS], Plane)
    assert colors_in(view, view.node_rect(DIGITS)) != before
    show(workspace, picture(PictureKind.POINTS, DIGITS, cloud + 1))
    assert view.live.pictures[DIGITS].points.data[0, 0] == 1


def test_pictures_leave_the_theme_s_colours_alone(view, workspace):
    show(workspace, picture(PictureKind.POINTS, DIGITS, np.array([[0, 0, 0], [1, 1, 1]], dtype=np.float32)))
    image(view)
    for token in ("text", "muted", "canvas", "accent"):
        assert view.style_.color(token) == QColor(getattr(load_theme("dark"), token))


def test_pictures_of_nodes_that_are_gone_are_forgotten(view, workspace):
    show(workspace, picture(PictureKind.THUMBS, LINEAR, np.zeros((1, 2, 2), dtype=np.uint8)))
    workspace.edit("Delete", lambda document: edits.remove_nodes(document, [LINEAR]))
    assert LINEAR not in view.live.pictures
    show(workspace, picture(PictureKind.THUMBS, LINEAR, np.zeros((1, 2, 2), dtype=np.uint8)))
    assert not image(view).isNull()


def test_another_theme_is_worn_at_once(view):
    assert image(view).pixelColor(3, 3) == QColor(load_theme("dark").canvas)
    view.set_theme(load_theme("light"))
    assert image(view).pixelColor(3, 3) == QColor(load_theme("light").canvas)
    assert load_theme("light").node in colors_in(view, view.node_rect(LINEAR))


def test_an_empty_canvas_says_what_to_do(view, workspace):
    workspace.open_unsaved(Document())
    middle = view.rect().center()
    drawn = colors_in(view, QRectF(middle.x() - 120, middle.y() - 34, 240, 60))
    assert len(drawn) > 8  # letters, antialiased


def test_problems_are_shown_on_the_node_and_in_its_tip(view, workspace):
    document = edits.add_node(workspace.document, Node(id="n0000000a", type="future", label="f"), Place(400, 260))
    workspace.open_unsaved(document)
    assert view.content.faces["n0000000a"].severity is not None
    tip = tip_at(view, view.node_rect("n0000000a").center())
    assert "future" in tip
    assert "does not know" in tip


def test_tips_escape_what_the_user_typed(view, workspace):
    workspace.edit("Note", lambda document: edits.set_note(document, LINEAR, "<img src=x>"))
    assert "&lt;img" in tip_at(view, view.node_rect(LINEAR).center())
    assert tip_at(view, QPointF(2, 2)) == ""


def test_a_free_port_says_what_it_is(view):
    tip = tip_at(view, view.port_point(LOSS, "prediction", True))
    assert "prediction" in tip
    assert "Not connected" in tip


def test_the_menu_of_a_node_offers_its_commands(view, workspace):
    menu = build(view, view.node_rect(LINEAR).center())
    titles = [action.text().split("\t")[0] for action in menu.actions()]
    assert {"Rename…", "Duplicate", "Delete", "Delete and reconnect"} <= set(titles)
    assert workspace.selection == {LINEAR}
    next(action for action in menu.actions() if action.text().startswith("Delete\t")).trigger()
    assert LINEAR not in workspace.document.graph.nodes


def test_the_menu_of_a_link_removes_it(view, workspace):
    middle = (view.port_point(LINEAR, "y", False) + view.port_point(RELU, "x", True)) / 2
    menu = build(view, middle)
    next(action for action in menu.actions() if action.text().startswith("Remove")).trigger()
    assert PortRef(RELU, "x") not in workspace.document.graph.edges


def test_an_edit_from_elsewhere_ends_a_gesture(view, hands, workspace):
    hands.drag(hands.header(LINEAR), hands.header(LINEAR) + QPoint(50, 50), release=False)
    workspace.edit("Rename", lambda document: edits.rename(document, RELU, "gate"))
    assert view.hand.gesture is None
    assert view.content.arrays.rect(LINEAR)[:2] == (200, 0)


def test_a_new_node_fades_in_and_stays(view, workspace, qtbot):
    view.add("tanh")
    (new,) = workspace.selection
    assert view.go_on_welcoming()
    qtbot.waitUntil(lambda: not view.go_on_welcoming())
    assert new in view.content.arrays


def test_reveal_brings_a_node_into_view(view, workspace):
    view.set_camera(view.camera.moved(-5000, 0))
    workspace.reveal(LINEAR)
    assert view.rect().contains(view.node_rect(LINEAR).toAlignedRect())


def test_export_leaves_live_pictures_out_unless_asked(view, workspace, tmp_path):
    show(workspace, picture(PictureKind.THUMBS, LINEAR, np.zeros((3, 4, 4), dtype=np.uint8)))
    view.export(tmp_path / "net.png", "dark", live=True)
    view.export(tmp_path / "bare.png", "dark")
    view.export(tmp_path / "large.png", "dark", 4.0)
    live, bare, large = (QImage(str(tmp_path / f"{name}.png")) for name in ("net", "bare", "large"))
    assert live.width() > 1000
    assert live != bare
    assert abs(large.width() - 2 * bare.width()) <= 2
    for name in ("net.svg", "net.pdf"):
        view.export(tmp_path / name, "print", live=True)
        assert (tmp_path / name).read_bytes()[:5] in (b"<?xml", b"%PDF-")


def test_export_refuses_other_kinds_and_leaves_nothing(view, tmp_path):
    with pytest.raises(NetbuilderError, match=r"\.svg or \.pdf"):
        view.export(tmp_path / "net.jpg", "dark")
    assert list(tmp_path.glob("net.*")) == []


def test_the_canvas_survives_many_documents(view, workspace):
    """Adding, deleting and undoing leave no trace that a later paint would fall over."""
    import gc

    for _ in range(10):
        workspace.open_unsaved(small_network())
        view.selected.select_all()
        view.selected.duplicate()
        view.selected.delete()
        workspace.undo()
        image(view)
        gc.collect()
    assert len(workspace.document.graph.nodes) == 10


def test_what_a_frame_shows_stays_cached_however_little_room_there_is(view, monkeypatch):
    from netbuilder.ui.canvas import nodes

    monkeypatch.setattr(nodes, "_ROOM", 1)
    drawn = []
    original = nodes.draw_face
    monkeypatch.setattr(nodes, "draw_face", lambda *args: drawn.append(args[0]) or original(*args))
    view.forget_drawn()
    for _ in range(20):
        image(view)
    assert len(drawn) == len(view.graph.nodes)
    view.zoom_to(view.camera.zoom * 2.5)
    image(view)
    assert len(view._layer._faces) <= len(view.graph.nodes)


def test_a_link_tells_its_shape_and_type(view, workspace, qtbot):
    workspace.torch_loaded()
    qtbot.waitUntil(lambda: not workspace.shapes.pending)
    start, end = view.port_point(DIGITS, "image", False), view.port_point(LINEAR, "x", True)
    tip = tip_at(view, (start + end) / 2)
    assert "<b>N × 1 × 8 × 8</b> · float32" in tip
    assert "digits · image → linear · x" in tip
    assert "Error:" in tip  # an image does not fit Linear


@pytest.mark.parametrize("zoom", [0.4, 1.0])
def test_a_selected_link_can_be_seen(view, zoom):
    view.zoom_to(zoom)
    start, end = view.port_point(LINEAR, "y", False), view.port_point(RELU, "x", True)
    area = QRectF(start, end).adjusted(8, -8, -8, 8)
    accent = load_theme("dark").accent
    assert accent not in colors_in(view, area)
    view.select_link(PortRef(RELU, "x"))
    assert accent in colors_in(view, area)
    view.select_link(None)
    assert accent not in colors_in(view, area)


def test_a_large_network_opens_readable_at_its_beginning(view, workspace):
    document = small_network()
    places = {node: Place(place.x * 9, place.y) for node, place in document.layout.places.items()}
    workspace.open_unsaved(edits.move_nodes(document, places))
    assert view.camera.zoom == READABLE
    assert view.rect().contains(view.node_rect(DIGITS).toAlignedRect())
    view.fit_all()
    assert view.camera.zoom < READABLE


def test_a_network_opens_no_larger_than_it_is(view, workspace):
    workspace.open_unsaved(edits.remove_nodes(small_network(), [LOSS, LINEAR, RELU]))
    assert view.camera.zoom == 1.0


def test_until_the_view_was_moved_it_fits_when_the_window_grows(view, workspace):
    workspace.open_unsaved(small_network())
    before = view.camera.zoom
    view.resize(700, 640)
    assert view.camera.zoom < before
    view.set_camera(view.camera.moved(5, 5))
    zoom = view.camera.zoom
    view.resize(1000, 640)
    assert view.camera.zoom == zoom


def test_the_selection_is_said_aloud(view, workspace, qtbot, monkeypatch):
    said = []
    monkeypatch.setattr(QAccessible, "isActive", lambda: True)
    monkeypatch.setattr(QAccessible, "updateAccessibility", lambda event: said.append(event.message()))
    workspace.torch_loaded()
    qtbot.waitUntil(lambda: not workspace.shapes.pending)
    workspace.select((DIGITS,))
    workspace.select((LINEAR,))
    workspace.select((LINEAR, RELU))
    workspace.select_link(PortRef(RELU, "x"))
    workspace.select(())
    assert said == [
        "Digits digits, 1×8×8 selected",
        "Linear linear, error selected",
        "2 nodes selected",
        "Link from linear y to relu x selected",
        "Nothing selected",
    ]
    assert view.accessibleName()
    assert view.accessibleDescription()


def test_a_link_that_goes_is_selected_no_more(view, workspace):
    workspace.select_link(PortRef(RELU, "x"))
    view.selected.delete()
    assert PortRef(RELU, "x") not in view.graph.edges
    assert workspace.selected_link is None
    assert view.selected_link is None


def test_undo_selects_what_comes_back_and_forgets_what_goes(view, workspace):
    workspace.select((RELU, LOSS))
    view.selected.delete()
    assert workspace.selection == frozenset()
    workspace.undo()
    assert workspace.selection == {RELU, LOSS}
    workspace.redo()
    assert workspace.selection == frozenset()
    view.add("tanh")
    (new,) = workspace.selection
    workspace.select((new, LINEAR))
    workspace.undo()
    assert workspace.selection == {LINEAR}
    workspace.redo()
    assert workspace.selection == {new}


def luminance(color: QColor) -> float:
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in color.getRgbF()[:3]]
    return float(np.dot(parts, [0.2126, 0.7152, 0.0722]))


def contrast(first: QColor, second: QColor) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_words_on_nodes_can_be_read_and_links_be_seen(qapp, name):
    style = Style(load_theme(name))
    for category in style.theme.categories:
        assert contrast(style.color("text"), style.header(category)) >= 4.5
        assert contrast(style.header_text(category), style.header(category)) >= 4.5
    for token in ("text", "muted", "link"):
        assert contrast(style.color(token), style.color("node")) >= 4.5
        assert contrast(style.color(token), style.color("canvas")) >= 4.5
    assert contrast(style.color("edge"), style.color("canvas")) >= 3.0
    assert contrast(style.color("accent"), style.color("canvas")) >= 3.0


def test_a_layer_that_is_dragged_over_is_made_welcome(view, hands, workspace):
    workspace.new()
    accent = QColor(load_theme("dark").accent)
    assert image(view).pixelColor(1, 300) != accent
    data = QMimeData()
    data.setData(MIME, b"relu")
    copy, at = Qt.DropAction.CopyAction, QPoint(500, 300)
    none = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(view, QDragEnterEvent(at, copy, data, Qt.MouseButton.LeftButton, none))
    assert image(view).pixelColor(1, 300) == accent
    QApplication.sendEvent(view, QDragLeaveEvent())
    assert image(view).pixelColor(1, 300) != accent
    hands.drop("relu", at)
    assert len(view.graph.nodes) == 1
    assert image(view).pixelColor(1, 300) != accent
