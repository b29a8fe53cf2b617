"""Mouse, wheel and trackpad: which gesture a press begins, what a turn of the wheel does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QNativeGestureEvent, QPointingDevice, QWheelEvent

from netbuilder.document.model import Place, PortRef
from netbuilder.ui.canvas.carrying import MoveNodes
from netbuilder.ui.canvas.cutting import CutLinks
from netbuilder.ui.canvas.frame_gestures import MoveFrame, ResizeFrame
from netbuilder.ui.canvas.frames import Part, frame_at
from netbuilder.ui.canvas.geometry import HEADER
from netbuilder.ui.canvas.gestures import Gesture, Pan, Pointer, SelectBox
from netbuilder.ui.canvas.linking import DrawLink
from netbuilder.ui.canvas.waypoints import MovePoint, index_at

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

PORT_REACH = 11.0
"""Pixels around a port's middle within which a press takes it."""

WAY_REACH = 8.0
"""Pixels around a point that a link is led through."""

WIRE_REACH = 7.0
"""Pixels from a link within which it is meant."""

FINGER = 2.2
"""How much further than a mouse a finger reaches."""

_NOTCH = 120.0
_ZOOM = 1.2  # a notch


def pointer_of(view: CanvasView, event: QMouseEvent) -> Pointer:
    """Return where a mouse event happened."""
    at = event.position()
    is_finger = event.pointerType() == QPointingDevice.PointerType.Finger
    return Pointer(at, view.camera.to_scene(at), event.modifiers(), is_finger)


def reach(view: CanvasView, pointer: Pointer, pixels: float) -> float:
    """Return how far from a pointer something is still meant, in the scene; `pixels` is a mouse's."""
    return pixels * (FINGER if pointer.is_finger else 1.0) / view.camera.zoom


def press(view: CanvasView, event: QMouseEvent) -> None:
    """Begin a gesture; another button during one cancels it."""
    if view.hand.gesture is not None:
        view.hand.cancel()
        return
    view.setFocus(Qt.FocusReason.MouseFocusReason)
    view.arranging.settle()  # what is carried is taken from where it belongs, not from where it glides
    pointer = pointer_of(view, event)
    view.hand.pointer = pointer
    if event.button() == Qt.MouseButton.MiddleButton or (
        event.button() == Qt.MouseButton.LeftButton and view.hand.space_held
    ):
        view.hand.begin(Pan(view, pointer))
    elif is_knife(event) or (event.button() == Qt.MouseButton.LeftButton and view.hand.knife_held):
        view.hand.begin(CutLinks(view, pointer))
    elif event.button() == Qt.MouseButton.LeftButton:
        gesture = _gesture_at(view, pointer)
        if gesture is not None:
            view.hand.begin(gesture)
    else:
        event.ignore()


def _gesture_at(view: CanvasView, pointer: Pointer) -> Gesture | None:
    x, y = pointer.scene.x(), pointer.scene.y()
    port = view.port_near(x, y, reach(view, pointer, PORT_REACH))
    if port is not None:
        if pointer.modifiers & Qt.KeyboardModifier.AltModifier:
            view.commands.disconnect(_links_at(view, *port))
            return None
        return DrawLink(view, pointer, *port)
    node = view.content.arrays.node_at(x, y)
    if node is not None:
        return view.values.press(pointer, node) or MoveNodes(view, pointer, node)
    way = view.content.way_at(x, y, reach(view, pointer, WAY_REACH))
    if way is not None:
        return MovePoint(view, pointer, *way)
    link = view.content.arrays.edge_at(x, y, reach(view, pointer, WIRE_REACH))
    view.select_link(link)
    if link is not None:
        return None
    found = frame_at(view.content.frames.values(), x, y, view.camera.zoom)
    if found is None or found[1] is Part.NOTE:
        return SelectBox(view, pointer)
    frame, part = found
    return MoveFrame(view, pointer, frame) if part is Part.TITLE else ResizeFrame(view, pointer, frame, part)


def is_knife(event: QMouseEvent) -> bool:
    """Whether a press takes the knife: Ctrl and the right button."""
    is_right = event.button() == Qt.MouseButton.RightButton
    return is_right and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)


def _links_at(view: CanvasView, port: PortRef, is_input: bool) -> frozenset[PortRef]:
    """Return the targets of the links at a port."""
    edges = view.graph.edges
    if is_input:
        return frozenset({port} & edges.keys())
    return frozenset(target for target, source in edges.items() if source == port)


def move(view: CanvasView, event: QMouseEvent) -> None:
    """Go on with the gesture, or light up the link under the pointer."""
    pointer, hand = pointer_of(view, event), view.hand
    if hand.gesture is not None and not event.buttons():
        hand.cancel()  # the button went up where the canvas was not told: below a question, say
    hand.follow(pointer)
    if hand.gesture is not None:
        return
    x, y, zoom = pointer.scene.x(), pointer.scene.y(), view.camera.zoom
    port = view.port_near(x, y, PORT_REACH / zoom)
    over = port is not None or view.content.arrays.node_at(x, y) is not None
    link = None if over else view.content.arrays.edge_at(x, y, WIRE_REACH / zoom)
    view.hover_link(link)
    value = view.values.at(x, y) if over and port is None and not hand.space_held and not hand.knife_held else None
    view.values.hover(value)
    if hand.knife_held:
        view.setCursor(Qt.CursorShape.CrossCursor)
    elif hand.space_held:
        view.setCursor(Qt.CursorShape.OpenHandCursor)
    elif port is not None:
        view.setCursor(Qt.CursorShape.CrossCursor)
    elif value is not None:
        view.setCursor(view.values.cursor(value))
    else:
        frame = None if over or link else frame_at(view.content.frames.values(), x, y, zoom)
        view.setCursor(frame[1].cursor if frame else Qt.CursorShape.ArrowCursor)


def release(view: CanvasView, event: QMouseEvent) -> None:
    """End the gesture when its last button goes up."""
    if not event.buttons():
        view.hand.end(pointer_of(view, event))


def double_click(view: CanvasView, event: QMouseEvent) -> None:
    """Go into a block, rename, write a note, ask for a layer; bend a link, with Shift insert into it."""
    if event.button() != Qt.MouseButton.LeftButton:
        return
    pointer = pointer_of(view, event)
    x, y = pointer.scene.x(), pointer.scene.y()
    node = view.content.arrays.node_at(x, y)
    if node is not None:
        if view.workspace.scopes.enter(node):
            return
        if y - view.content.arrays.rect(node)[1] <= HEADER:
            view.label_editor.edit(node)
        else:
            press(view, event)
        return
    way = view.content.way_at(x, y, WAY_REACH / view.camera.zoom)
    target = view.content.arrays.edge_at(x, y, WIRE_REACH / view.camera.zoom)
    if way is not None:
        view.waypoints.remove(*way)
        return
    if target is not None and not pointer.modifiers & Qt.KeyboardModifier.ShiftModifier:
        row = view.content.arrays.edge_row(target)
        assert row is not None, "it was just found"
        view.waypoints.add(target, index_at(view.content.arrays, row, x, y), Place(round(x), round(y)))
        return
    found = frame_at(view.content.frames.values(), x, y, view.camera.zoom) if target is None else None
    if found is None:
        view.ask_layer(pointer.at, target=target)
    elif found[1] is Part.NOTE:
        view.note_editor.edit(found[0].id)
    else:
        view.label_editor.edit_frame(found[0].id)


def wheel(view: CanvasView, event: QWheelEvent) -> None:
    """Zoom about the pointer with a wheel; pan with a trackpad, which tells pixels. Ctrl always zooms."""
    pixels, degrees = event.pixelDelta(), event.angleDelta()
    zooms = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
    from_trackpad = not pixels.isNull() and event.phase() != Qt.ScrollPhase.NoScrollPhase
    if from_trackpad and not zooms:
        view.set_camera(view.camera.moved(pixels.x(), pixels.y()))
    elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not zooms:
        view.set_camera(view.camera.moved((degrees.y() + degrees.x()) * 0.6, 0.0))
    elif degrees.y():
        view.zoom_to(view.camera.zoom * _ZOOM ** (degrees.y() / _NOTCH), event.position())
    event.accept()


def pinch(view: CanvasView, event: QEvent) -> bool:
    """Zoom with two fingers; returns whether it was that."""
    assert isinstance(event, QNativeGestureEvent)
    if event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture:
        return False
    view.zoom_to(view.camera.zoom * max(1.0 + event.value(), 0.2), QPointF(event.position()))
    return True
