"""The hand: which gesture has the mouse, where the pointer is, and which keys are held meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRectF, QTimer

from netbuilder.ui.canvas.gestures import Gesture, Pointer

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

_EDGE = 28  # pixels from the border within which a drag moves the view
_FASTEST = 20.0  # pixels a frame that the view moves then


class Hand(QObject):
    """Leads a gesture from press to release.

    Attributes:
        gesture: What the mouse is doing, or None.
        pointer: Where it was last seen, or None.
        space_held: Whether Space is down: a drag pans then.
        space_tapped: Whether nothing was done with it since: letting go asks for a layer.
        knife_held: Whether the knife's key is down: a drag cuts links then.
    """

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self.gesture: Gesture | None = None
        self.pointer: Pointer | None = None
        self.space_held = self.space_tapped = self.knife_held = False
        self._frames = QTimer(self, interval=16)
        self._frames.timeout.connect(self._push)

    def begin(self, gesture: Gesture) -> None:
        """Let a gesture have the mouse."""
        self.space_tapped = False
        self.gesture = gesture
        self._view.setCursor(gesture.cursor)

    def follow(self, pointer: Pointer) -> None:
        """Give a movement to the gesture, and begin to move the view when it comes to the border."""
        self.pointer = pointer
        if self.gesture is not None:
            self.gesture.move(pointer)
            if self.gesture.pans and self.gesture.is_drag(pointer) and not self._frames.isActive():
                self._frames.start()

    def end(self, pointer: Pointer) -> None:
        """The button was released."""
        gesture, self.gesture = self.gesture, None
        if gesture is not None:
            self._view.unsetCursor()
            gesture.finish(pointer)
            self._view.update()

    def cancel(self) -> None:
        """Leave everything as it was before the press."""
        gesture, self.gesture = self.gesture, None
        if gesture is not None:
            gesture.cancel()
            self._view.unsetCursor()
            self._view.update()

    def release_keys(self) -> None:
        """No key is held any more."""
        self.space_held = self.space_tapped = self.knife_held = False

    def _push(self) -> None:
        """Move the view while a drag is at its border."""
        if self.gesture is None or self.pointer is None or not self.gesture.pans:
            self._frames.stop()
            return
        at, inside = self.pointer.at, QRectF(self._view.rect()).adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE)
        dx = max(inside.left() - at.x(), 0.0) - max(at.x() - inside.right(), 0.0)
        dy = max(inside.top() - at.y(), 0.0) - max(at.y() - inside.bottom(), 0.0)
        if not (dx or dy):
            self._frames.stop()
            return
        view, limit = self._view, _FASTEST
        view.set_camera(view.camera.moved(min(max(dx, -limit), limit), min(max(dy, -limit), limit)))
        self.pointer = replace(self.pointer, scene=view.camera.to_scene(at))
        self.gesture.move(self.pointer)
