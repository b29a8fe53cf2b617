"""Fingers on a touch screen: one does what the mouse does, two move and zoom the view, a rest asks for the menu.

A finger covers what it points at: ports and links are taken from further away (`pointing.reach`), and dragging the
empty canvas moves the view, since a finger has no middle button.
"""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QLineF, QPointF, Qt, QTimer
from PySide6.QtGui import QContextMenuEvent, QEventPoint, QInputDevice, QMouseEvent, QPointingDevice, QTouchEvent
from PySide6.QtWidgets import QApplication, QToolTip

from netbuilder.ui.canvas import menus, pointing
from netbuilder.ui.canvas.gestures import Pan, Pointer, SelectBox

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

HOLD = 600
"""Milliseconds that a finger rests until it asks for the menu."""

_NEAR = 24.0  # pixels within which a second tap belongs to the first
_Type = QEvent.Type

TOUCHES = frozenset({_Type.TouchBegin, _Type.TouchUpdate, _Type.TouchEnd, _Type.TouchCancel})
"""The events that are fingers."""


class FingerPan(Pan):
    """Moves the view; a tap on nothing selects nothing."""

    def finish(self, pointer: Pointer) -> None:
        """Settle what a tap means."""
        if not self.is_drag(pointer):
            self.cancel()
            self.view.workspace.select(())

    def move(self, pointer: Pointer) -> None:
        """Follow the finger, once it means it."""
        if self.is_drag(pointer):
            super().move(pointer)


class Touch:
    """What the fingers on one canvas are doing."""

    def __init__(self, view: CanvasView) -> None:
        """Take the touches of a canvas."""
        self._view = view
        self._pair: QLineF | None = None  # between the two fingers, as of the last event
        self._is_over = False  # two fingers became one: until all are off
        self._asks = False  # the finger has rested; lifting it brings the menu
        self._began = QPointF()
        self._tapped: tuple[int, QPointF] | None = None  # when and where the last tap ended
        # Of our own: a mouse event of the screen's device would make Qt forget whom its points belong to.
        self._device = QPointingDevice(
            "finger",
            1,
            QInputDevice.DeviceType.TouchScreen,
            QPointingDevice.PointerType.Finger,
            QInputDevice.Capability.Position,
            1,
            1,
        )
        self._hold = QTimer(view, singleShot=True, interval=HOLD)
        self._hold.timeout.connect(self._promise)
        view.setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)

    def follow(self, event: QEvent) -> bool:
        """Do what the fingers do; returns True: no mouse is to be made of them besides."""
        assert isinstance(event, QTouchEvent)
        points = [point for point in event.points() if point.state() != QEventPoint.State.Released]
        if event.type() == _Type.TouchCancel:
            self._stop()
        elif len(points) >= 2:
            self._move_pair(points[0].position(), points[1].position())
        elif self._pair is not None:
            self._pair, self._is_over = None, True
        elif not self._is_over:
            self._follow_one(event)
        if event.type() in (_Type.TouchEnd, _Type.TouchCancel):
            self._pair, self._is_over = None, False
        event.accept()
        return True

    def _follow_one(self, event: QTouchEvent) -> None:
        view, at = self._view, event.points()[0].position()
        if self._asks:
            if event.type() == _Type.TouchEnd:
                self._show_menu()
        elif event.type() == _Type.TouchBegin:
            self._press(event, at)
        elif event.type() == _Type.TouchUpdate:
            if (at - self._began).manhattanLength() > _NEAR / 2:
                self._hold.stop()
            pointing.move(view, self._mouse(_Type.MouseMove, event, at, held=True))
        else:
            self._hold.stop()
            pointing.release(view, self._mouse(_Type.MouseButtonRelease, event, at, held=False))
            is_tap = (at - self._began).manhattanLength() < _NEAR
            self._tapped = (event.timestamp(), at) if is_tap else None

    def _press(self, event: QTouchEvent, at: QPointF) -> None:
        view = self._view
        self._began = at
        self._hold.start()
        before, self._tapped = self._tapped, None
        mouse = self._mouse(_Type.MouseButtonPress, event, at, held=True)
        if before is not None and _follows(before, event.timestamp(), at):
            pointing.double_click(view, mouse)
            return
        pointing.press(view, mouse)
        if isinstance(view.hand.gesture, SelectBox):
            start = view.hand.gesture.start
            view.hand.cancel()
            view.hand.begin(FingerPan(view, start))

    def _move_pair(self, first: QPointF, second: QPointF) -> None:
        view, before, self._pair = self._view, self._pair, QLineF(first, second)
        if before is None:
            self._stop()
            return
        moved = self._pair.center() - before.center()
        view.set_camera(view.camera.moved(moved.x(), moved.y()))
        apart, now = hypot(before.dx(), before.dy()), hypot(self._pair.dx(), self._pair.dy())
        if apart > 1 and now > 1:
            view.zoom_to(view.camera.zoom * now / apart, self._pair.center())

    def _promise(self) -> None:
        """The finger has rested: it may be lifted for the menu. A menu below a finger would close as that is lifted."""
        self._view.hand.cancel()
        self._asks = True
        QToolTip.showText(self._view.mapToGlobal(self._began.toPoint()), "Lift for the menu", self._view)

    def _show_menu(self) -> None:
        self._asks = False
        QToolTip.hideText()
        at = self._began.toPoint()
        menus.show(self._view, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, self._view.mapToGlobal(at)))

    def _stop(self) -> None:
        self._asks = False
        self._hold.stop()
        self._view.hand.cancel()

    def _mouse(self, type: QEvent.Type, event: QTouchEvent, at: QPointF, *, held: bool) -> QMouseEvent:
        """Return what a mouse would have said; its pointer is a finger still."""
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        button = none if type == _Type.MouseMove else left
        buttons = left if held else none
        there = event.points()[0].globalPosition()
        return QMouseEvent(type, at, at, there, button, buttons, event.modifiers(), self._device)


def _follows(before: tuple[int, QPointF], now: int, at: QPointF) -> bool:
    then, where = before
    return now - then <= QApplication.doubleClickInterval() and (at - where).manhattanLength() < _NEAR
