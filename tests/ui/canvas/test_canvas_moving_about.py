"""Moving about on the canvas: wheel, trackpad, keys and minimap."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.camera import Camera
from tests.ui.canvas.conftest import DROPOUT, LEFT, LINEAR, LOSS, MIDDLE, RELU
from tests.ui.canvas.gestures import CTRL, Key


def wheel(view, at: QPointF, degrees: int, modifiers=Qt.KeyboardModifier.NoModifier, pixels=None) -> None:
    event = QWheelEvent(
        at,
        view.mapToGlobal(at),
        pixels or QPoint(),
        QPoint(0, degrees),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.ScrollUpdate if pixels else Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def test_the_wheel_zooms_about_the_pointer(view, qtbot):
    at = QPointF(300, 200)
    under = view.camera.to_scene(at)
    with qtbot.waitSignal(view.zoomChanged) as heard:
        wheel(view, at, 120)
    assert heard.args[0] == view.camera.zoom
    assert view.camera.to_scene(at).x() == pytest.approx(under.x())
    assert view.camera.to_scene(at).y() == pytest.approx(under.y())
    zoom = view.camera.zoom
    wheel(view, at, -120, Qt.KeyboardModifier.ControlModifier)
    assert view.camera.zoom < zoom


def test_a_trackpad_pans(view):
    before = view.camera
    wheel(view, QPointF(300, 200), 40, pixels=QPoint(10, 25))
    assert view.camera.zoom == before.zoom
    assert view.camera.x == pytest.approx(before.x - 10 / before.zoom)
    assert view.camera.y == pytest.approx(before.y - 25 / before.zoom)


def test_the_middle_button_and_space_pan(view, hands, workspace):
    before = view.camera
    hands.drag(QPoint(500, 500), QPoint(560, 540), button=MIDDLE)
    assert view.camera.x == pytest.approx(before.x - 60 / before.zoom)
    QTest.keyPress(view, Key.Key_Space)
    hands.drag(hands.header(LINEAR), hands.header(LINEAR) + QPoint(-60, -40))
    QTest.keyRelease(view, Key.Key_Space)
    assert view.camera.x == pytest.approx(before.x, abs=1)
    assert workspace.selection == frozenset()


def test_home_fits_all_f_the_selection_and_ctrl_0_is_true_size(view, hands):
    view.zoom_to(3.0)
    hands.key(Key.Key_Home)
    area = view.rect()
    for node in view.graph.nodes:
        assert area.contains(view.node_rect(node).toRect())
    hands.click(hands.header(DROPOUT))
    hands.key(Key.Key_F)
    assert view.node_rect(DROPOUT).center().x() == pytest.approx(view.width() / 2, abs=1)
    hands.key(Key.Key_0, CTRL)
    assert view.camera.zoom == 1.0


def test_a_drag_at_the_border_moves_the_view(view, hands, qtbot):
    before = view.camera.x
    hands.drag(hands.header(DROPOUT), QPoint(view.width() - 3, 300), release=False)
    qtbot.waitUntil(lambda: view.camera.x > before + 50)
    place = view.content.arrays.rect(DROPOUT)
    assert place[0] > 200
    hands.key(Key.Key_Escape)


def test_the_minimap_moves_the_view(view, qtbot):
    qtbot.waitUntil(view.minimap.isVisible)
    before = view.camera
    QTest.mouseClick(view.minimap, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(12, 12))
    assert view.camera.zoom == before.zoom
    assert (view.camera.x, view.camera.y) != (before.x, before.y)


def test_the_minimap_makes_way_for_a_network_that_is_in_view(view, qtbot):
    qtbot.waitUntil(view.minimap.isVisible)
    left, top, right, bottom = view.content.arrays.bounds()
    zoom, corner = 0.15, QRectF(view.minimap.geometry()).center()
    x, y, width, height = view.content.arrays.rect(LOSS)
    below = Camera(x + width / 2 - corner.x() / zoom, y + height / 2 - corner.y() / zoom, zoom)
    view.set_camera(below)
    assert view.camera.scene_rect(QRectF(view.rect())).contains(QRectF(left, top, right - left, bottom - top))
    qtbot.waitUntil(lambda: not view.minimap.isVisible())
    view.set_camera(replace(below, x=(left + right) / 2))  # a half is cut off: now an overview tells something
    qtbot.waitUntil(view.minimap.isVisible)


def test_pinch_zooms(view, qtbot):
    from PySide6.QtGui import QNativeGestureEvent, QPointingDevice

    at = QPointF(300, 200)
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture,
        QPointingDevice.primaryPointingDevice(),
        2,
        at,
        at,
        view.mapToGlobal(at),
        0.25,
        QPointF(),
    )
    zoom = view.camera.zoom
    QApplication.sendEvent(view, event)
    assert view.camera.zoom == pytest.approx(zoom * 1.25)


def test_hovering_a_link_lights_it_up(view, hands):
    start, end = (view.port_point(LINEAR, "y", False), view.port_point(RELU, "x", True))
    at = (start + end) / 2
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        at,
        view.mapToGlobal(at),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(view, event)
    assert view.hovered_link == PortRef(RELU, "x")
