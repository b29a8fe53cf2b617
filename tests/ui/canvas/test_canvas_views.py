"""Views: smooth ways, the overview and the dots, and where each graph of a project was left."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.view import CanvasView
from netbuilder.ui.theme import load_theme
from netbuilder.ui.workspace import Workspace
from tests.ui.canvas.conftest import LEFT, LINEAR, NONE, RELU, add, move_pointer
from tests.ui.canvas.gestures import Key


def middle(view) -> tuple[float, float, float]:
    at = view.camera.to_scene(QRectF(view.rect()).center())
    return at.x(), at.y(), view.camera.zoom


def test_home_goes_there_smoothly_and_arrives(view, hands, workspace, qtbot):
    there = view.fitted(None)
    view.set_camera(Camera(500, 300, 2.0))
    workspace.preferences.set("reduce_motion", False)
    hands.key(Key.Key_Home)
    assert view.camera == Camera(500, 300, 2.0)
    qtbot.waitUntil(lambda: view.camera not in (there, Camera(500, 300, 2.0)))
    qtbot.waitUntil(lambda: view.camera == there)


def test_the_user_ends_a_smooth_way(view, hands, workspace, qtbot):
    workspace.preferences.set("reduce_motion", False)
    view.set_camera(Camera(500, 300, 2.0))
    hands.key(Key.Key_Home)
    view.zoom_in()
    there = view.camera
    qtbot.wait(200)
    assert view.camera == there


def test_with_less_motion_it_jumps(view, hands):
    there = view.fitted(None)
    view.set_camera(Camera(500, 300, 2.0))
    hands.key(Key.Key_Home)
    assert view.camera == there


@pytest.mark.parametrize("part", [0.0, 0.3, 1.0])
def test_a_way_between_cameras_keeps_what_both_show_in_view(part):
    start, end = Camera(0, 0, 0.1), Camera(100, 40, 1.0)
    between = start.towards(end, part)
    assert 0.1 <= between.zoom <= 1.0
    size = (1000, 600)
    target, shown = end.scene_rect(QRectF(0, 0, *size)), between.scene_rect(QRectF(0, 0, *size))
    assert shown.adjusted(-0.01, -0.01, 0.01, 0.01).contains(target)
    assert start.towards(end, 0.0) == start
    assert start.towards(end, 1.0).x == pytest.approx(end.x)


def test_a_project_opens_where_it_was_left(qtbot, qapp, tmp_path, view, workspace):
    file = tmp_path / "a.netb"
    workspace.save(file)
    view.set_camera(Camera(120, 40, 1.7))
    left = middle(view)
    workspace.new()
    workspace.open(file)
    assert middle(view) == pytest.approx(left, abs=0.01)
    view.following.remember()
    other = CanvasView(Workspace(Preferences()), load_theme("dark"))
    qtbot.addWidget(other)
    other.resize(700, 500)  # another window, another size: the same is in the middle
    other.workspace.open(file)
    other.show()
    assert middle(other) == pytest.approx(left, abs=0.01)


def test_an_opened_project_that_nobody_moved_in_is_fitted_again(tmp_path, view, workspace):
    file = tmp_path / "a.netb"
    view.fit_opening()
    workspace.save(file)
    fitted = view.camera
    workspace.new()
    workspace.open(file)
    assert view.camera == fitted
    assert not any(path == str(file) for path, _ in workspace.preferences.get("canvas.views", []))


def test_a_view_of_nothing_is_not_gone_back_to(tmp_path, view, workspace):
    file = tmp_path / "a.netb"
    workspace.save(file)
    view.set_camera(Camera(1e6, 1e6, 1.0))
    workspace.new()
    workspace.open(file)
    area = view.camera.scene_rect(QRectF(view.rect()))
    assert area.contains(QPointF(*view.content.arrays.rect(LINEAR)[:2]))


@pytest.mark.parametrize("damage", [7, [[]], [["x", 3]], [["FILE", [[1, 2]]]], [["FILE", [["", "", "", 0, 0, 0]]]]])
def test_damaged_preferences_are_no_obstacle(tmp_path, view, workspace, damage):
    file = tmp_path / "a.netb"
    workspace.save(file)
    workspace.new()
    text = str(file)
    if isinstance(damage, list):
        damage = [[text if part == "FILE" else part for part in each] for each in damage]
    workspace.preferences.set("canvas.views", damage)
    workspace.open(file)
    assert view.camera.zoom > 0.1


def test_a_wide_block_is_fitted_when_it_is_entered_and_left_as_it_was(view, hands, workspace):
    document = workspace.document
    for number in range(12):
        document = add(document, f"n000001{number:02}", "relu", 300 * number, 500)
    workspace.open_unsaved(document)
    workspace.select([f"n000001{number:02}" for number in range(12)])
    view.blocks.make_selected()
    view.label_editor.hide()
    view.setFocus()
    (block,) = workspace.selection
    view.set_camera(Camera(40, 30, 0.8))
    home = middle(view)
    workspace.scopes.enter(block)
    bounds = view.content.bounds()
    left, top, right, bottom = bounds
    shown = view.camera.scene_rect(QRectF(view.rect()))
    assert shown.contains(QRectF(left, top, right - left, bottom - top))
    view.set_camera(Camera(100, 20, 1.3))
    inside = middle(view)
    hands.key(Key.Key_Backspace)
    assert middle(view) == pytest.approx(home, abs=0.01)
    workspace.scopes.enter(block)
    assert middle(view) == pytest.approx(inside, abs=0.01)


def test_the_overview_can_be_switched_off_and_stays_off(view, workspace, qtbot):
    view.set_camera(Camera(0, 0, 3.0))
    qtbot.waitUntil(view.minimap.isVisible)
    view.views.toggle_minimap()
    assert not view.minimap.isVisible()
    view.set_camera(Camera(10, 0, 3.0))
    qtbot.wait(150)
    assert not view.minimap.isVisible()
    assert Preferences().get("show_minimap") is False
    view.views.toggle_minimap()
    assert view.minimap.isVisible()


def test_the_overview_moves_the_view_by_click_and_drag(view, qtbot):
    view.set_camera(Camera(0, 0, 3.0))
    qtbot.waitUntil(view.minimap.isVisible)
    size = view.minimap.size()
    QTest.mousePress(view.minimap, LEFT, NONE, QPoint(size.width() // 4, size.height() // 2))
    clicked = view.camera
    move_pointer(view.minimap, QPointF(size.width() * 0.75, size.height() / 2), LEFT, NONE)
    dragged = view.camera
    QTest.mouseRelease(view.minimap, LEFT)
    assert clicked.x < dragged.x
    assert clicked.zoom == dragged.zoom == 3.0


def colours(picture: QImage) -> set[int]:
    return {picture.pixel(x, y) for x in range(200, 300) for y in range(200, 300)}


def test_the_dots_can_be_switched_off(view, workspace):
    view.set_camera(Camera(-3000, -3000, 1.0))
    QApplication.processEvents()
    with_dots = colours(view.grab().toImage())
    view.views.toggle_dots()
    without = colours(view.grab().toImage())
    assert len(with_dots) > 1
    assert len(without) == 1
    assert Preferences().get("show_dots") is False


def test_f_and_actual_size(view, hands, workspace):
    hands.click(hands.header(RELU))
    hands.key(Key.Key_F)
    assert view.camera == view.fitted({RELU})
    view.zoom_in()
    hands.key(Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert view.camera.zoom == 1.0
