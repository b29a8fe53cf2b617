"""Fingers on a touch screen: synthesized touch events on the real widget."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from netbuilder.document.model import PortRef
from netbuilder.ui.canvas import touch
from tests.ui.canvas.conftest import DROPOUT, LINEAR, LOSS, RELU
from tests.ui.canvas.gestures import undoes

EMPTY = QPoint(30, 600)


class Fingers:
    """One hand on the canvas."""

    def __init__(self, view) -> None:
        self._view = view
        self._device = QTest.createTouchDevice()

    def send(self, **fingers) -> None:
        """Send one event: `press`, `move` and `release`, each a list of points by the number of the finger."""
        sequence = QTest.touchEvent(self._view, self._device)
        for act, points in fingers.items():
            for number, at in points.items():
                getattr(sequence, act)(number, QPointF(at).toPoint(), self._view)
        sequence.commit()

    def tap(self, at: QPoint) -> None:
        self.send(press={0: at})
        self.send(release={0: at})

    def drag(self, start: QPoint, end: QPoint) -> None:
        self.send(press={0: start})
        for part in (0.3, 0.7, 1.0):
            self.send(move={0: QPointF(start) + (QPointF(end) - QPointF(start)) * part})
        self.send(release={0: end})


@pytest.fixture
def fingers(view) -> Fingers:
    return Fingers(view)


def test_a_tap_selects_and_one_on_nothing_clears(view, hands, fingers, workspace):
    fingers.tap(hands.header(RELU))
    assert workspace.selection == {RELU}
    QTest.qWait(1)
    fingers.tap(EMPTY)
    assert workspace.selection == frozenset()
    assert view.hand.gesture is None


def test_a_finger_carries_a_node(view, hands, fingers, workspace):
    before = workspace.document
    start = hands.header(DROPOUT)
    fingers.drag(start, start + QPoint(80, -40))
    assert workspace.document.layout.places[DROPOUT] != before.layout.places[DROPOUT]
    undoes(workspace, before)


def test_a_finger_takes_ports_from_further_away_than_a_mouse(view, hands, fingers, workspace):
    before = workspace.document
    start = hands.port(RELU, "y", False) + QPoint(16, 0)
    end = hands.port(LOSS, "prediction", True)
    hands.drag(start, end)
    assert workspace.document == before, "a mouse so far from a port draws a box"
    fingers.drag(start, end)
    assert workspace.document.graph.edges[PortRef(LOSS, "prediction")] == PortRef(RELU, "y")
    undoes(workspace, before)


def test_a_finger_on_nothing_moves_the_view(view, fingers, workspace):
    workspace.select((RELU,))
    at = view.camera
    fingers.drag(EMPTY, EMPTY + QPoint(50, -30))
    assert (view.camera.x, view.camera.y) == pytest.approx((at.x - 50 / at.zoom, at.y + 30 / at.zoom))
    assert workspace.selection == {RELU}


def test_two_fingers_zoom_about_their_middle_and_move(view, hands, fingers, workspace):
    before, zoom = workspace.document, view.camera.zoom
    fingers.send(press={0: QPoint(400, 300)})
    fingers.send(move={0: QPoint(400, 300)}, press={1: QPoint(600, 300)})
    middle = view.camera.to_scene(QPointF(500, 300))
    fingers.send(move={0: QPoint(350, 340), 1: QPoint(650, 340)})
    assert view.camera.zoom == pytest.approx(zoom * 1.5)
    there = view.camera.to_view(middle)
    assert (there.x(), there.y()) == pytest.approx((500, 340))
    fingers.send(move={0: QPoint(350, 340)}, release={1: QPoint(650, 340)})
    fingers.send(move={0: QPoint(200, 100)})  # the finger that is left does nothing any more
    fingers.send(release={0: QPoint(200, 100)})
    assert view.camera.zoom == pytest.approx(zoom * 1.5)
    assert (workspace.document, view.hand.gesture) == (before, None)


def test_a_second_finger_cancels_what_the_first_began(view, hands, fingers, workspace):
    before, start = workspace.document, hands.header(LINEAR)
    fingers.send(press={0: start})
    fingers.send(move={0: start + QPoint(60, 60)})
    fingers.send(move={0: start + QPoint(60, 60)}, press={1: QPoint(800, 500)})
    fingers.send(release={0: start + QPoint(60, 60), 1: QPoint(800, 500)})
    assert workspace.document == before
    assert view.content.arrays.rect(LINEAR)[:2] == before.layout.places[LINEAR]


@pytest.mark.qt_log_ignore("This plugin does not support")  # popups of the offscreen platform
def test_a_finger_that_rests_and_is_lifted_brings_the_menu(view, hands, fingers, workspace, qtbot):
    at = hands.header(RELU)
    fingers.send(press={0: at})
    qtbot.waitUntil(lambda: view.hand.gesture is None, timeout=5 * touch.HOLD)
    assert not view.findChildren(QMenu)
    fingers.send(release={0: at})
    (menu,) = view.findChildren(QMenu)
    assert "Delete\tDel" in [action.text() for action in menu.actions()]
    assert workspace.selection == {RELU}
    menu.close()


def test_a_finger_that_moves_does_not_ask(view, fingers):
    fingers.send(press={0: EMPTY})
    fingers.send(move={0: EMPTY + QPoint(20, -20)})
    QTest.qWait(touch.HOLD + 100)
    assert view.hand.gesture is not None
    fingers.send(release={0: EMPTY + QPoint(20, -20)})
    assert not view.findChildren(QMenu)


def test_two_taps_ask_for_a_layer(view, fingers):
    fingers.tap(EMPTY)
    fingers.tap(EMPTY)
    assert view.quick_add.isVisible()


def test_two_slow_taps_are_two_taps(view, fingers, monkeypatch):
    monkeypatch.setattr(QApplication, "doubleClickInterval", staticmethod(lambda: -1))
    fingers.tap(EMPTY)
    fingers.tap(EMPTY)
    assert not view.quick_add.isVisible()


def test_a_touch_that_the_system_takes_away_changes_nothing(view, hands, fingers, workspace):
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QTouchEvent

    before, start = workspace.document, hands.header(LINEAR)
    fingers.send(press={0: start})
    fingers.send(move={0: start + QPoint(60, 60)})
    QApplication.sendEvent(view, QTouchEvent(QEvent.Type.TouchCancel, fingers._device, Qt.KeyboardModifier.NoModifier))
    assert (workspace.document, view.hand.gesture) == (before, None)
    fingers.tap(hands.header(RELU))
    assert workspace.selection == {RELU}
