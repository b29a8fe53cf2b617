"""What a screen reader hears: the canvas is painted, so it has to say itself what is selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget

from netbuilder.document.model import PortRef

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView


def announce(widget: QWidget, text: str) -> None:
    """Have a screen reader say something, if one is listening."""
    if text and is_heard():
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, text))


def is_heard() -> bool:
    """Return whether anything listens: words are made for nobody otherwise."""
    return QAccessible.isActive()


def describe_selection(view: CanvasView) -> str:
    """Return what is selected in words: "Conv2d conv1, 32×8×8 selected"."""
    selection, link = view.workspace.selection, view.workspace.selected_link
    frames = [view.content.frames[id] for id in view.workspace.selected_frames if id in view.content.frames]
    if frames and not selection:
        titles = ", ".join(frame.title or "untitled" for frame in frames)
        return f"{'Frame' if len(frames) == 1 else 'Frames'} {titles} selected"
    if len(selection) == 1:
        return f"{describe_node(view, next(iter(selection)))} selected"
    if selection:
        more = f" and {len(frames)} frame{'s' if len(frames) > 1 else ''}" if frames else ""
        return f"{len(selection)} nodes{more} selected"
    return f"{describe_link(view, link)} selected" if link is not None else "Nothing selected"


def describe_node(view: CanvasView, node: str) -> str:
    """Return a node in words: its layer, its name, its shapes and whether something is wrong with it."""
    face, label = view.content.faces[node], view.graph.nodes[node].label
    shapes = [output.shape for output in face.outputs if output.shape]
    trouble = [face.severity.value] if face.severity is not None else []
    return ", ".join([f"{face.title} {label}", *shapes, *trouble])


def describe_link(view: CanvasView, target: PortRef) -> str:
    """Return a link in words."""
    nodes, source = view.graph.nodes, view.graph.edges[target]
    return f"Link from {nodes[source.node].label} {source.port} to {nodes[target.node].label} {target.port}"
