"""Dropping layers from the palette: onto the canvas, or into a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QDropEvent

from netbuilder.document.model import Place, PortRef
from netbuilder.ui.palette import MIME

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

_REACH = 16.0  # pixels


def key_in(view: CanvasView, data: QMimeData) -> str:
    """Return the declaration's key that a drag carries, "" when it carries none that is known."""
    key = bytes(data.data(MIME).data()).decode(errors="replace") if data.hasFormat(MIME) else ""
    return key if key in view.declarations else ""


def enter(view: CanvasView, event: QDropEvent) -> None:
    """Take a layer; leave files to the window."""
    if key_in(view, event.mimeData()):
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        view.show_offer(True)
    else:
        event.ignore()


def move(view: CanvasView, event: QDropEvent) -> None:
    """Light up the link that the layer would go into."""
    key = key_in(view, event.mimeData())
    if key:
        view.show_splice(_target(view, key, event))
    enter(view, event)


def leave(view: CanvasView) -> None:
    """Show that nothing is offered any more."""
    view.show_splice(None)
    view.show_offer(False)


def drop(view: CanvasView, event: QDropEvent) -> None:
    """Add the layer."""
    key = key_in(view, event.mimeData())
    if not key:
        event.ignore()
        return
    target, at = _target(view, key, event), view.camera.to_scene(event.position())
    leave(view)
    if target is not None:
        view.commands.splice(key, target)
    else:
        view.commands.add(key, Place(at.x(), at.y()))
    event.setDropAction(Qt.DropAction.CopyAction)
    event.accept()
    view.setFocus(Qt.FocusReason.OtherFocusReason)


def _target(view: CanvasView, key: str, event: QDropEvent) -> PortRef | None:
    """Return the link that the layer would go into: Alt, or a node above it, keeps it out."""
    at = view.camera.to_scene(event.position())
    if event.modifiers() & Qt.KeyboardModifier.AltModifier or not view.commands.can_splice(key):
        return None
    if view.content.arrays.node_at(at.x(), at.y()) is not None:
        return None
    return view.content.arrays.edge_at(at.x(), at.y(), _REACH / view.camera.zoom)
