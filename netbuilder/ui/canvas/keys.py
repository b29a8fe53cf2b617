"""The canvas's own keys, for when it has the focus; the window's menus have most of them as shortcuts too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from netbuilder.document.model import Place
from netbuilder.ui.canvas.walking import neighbour

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

Key = Qt.Key
_CTRL = Qt.KeyboardModifier.ControlModifier
_SHIFT = Qt.KeyboardModifier.ShiftModifier
_NONE = Qt.KeyboardModifier.NoModifier

ARROWS: Mapping[Qt.Key, tuple[int, int]] = {
    Key.Key_Left: (-1, 0),
    Key.Key_Right: (1, 0),
    Key.Key_Up: (0, -1),
    Key.Key_Down: (0, 1),
}

_COMMANDS: Mapping[tuple[Qt.KeyboardModifier, Qt.Key], Callable[[CanvasView], object]] = {
    (_NONE, Key.Key_Tab): lambda view: view.add_layer(),
    (_NONE, Key.Key_Delete): lambda view: view.selected.delete(),
    (_NONE, Key.Key_Backspace): lambda view: view.leave_or_delete(),
    (_NONE, Key.Key_Return): lambda view: _enter(view),
    (_NONE, Key.Key_Enter): lambda view: _enter(view),
    (_CTRL, Key.Key_G): lambda view: view.blocks.make_selected(),
    (_CTRL | _SHIFT, Key.Key_G): lambda view: view.blocks.dissolve_selected(),
    (_CTRL, Key.Key_Delete): lambda view: view.selected.delete_and_heal(),
    (_CTRL, Key.Key_Backspace): lambda view: view.selected.delete_and_heal(),
    (_CTRL, Key.Key_A): lambda view: view.selected.select_all(),
    (_CTRL, Key.Key_C): lambda view: view.selected.copy(),
    (_CTRL, Key.Key_X): lambda view: view.selected.cut(),
    (_CTRL, Key.Key_V): lambda view: view.selected.paste(),
    (_CTRL, Key.Key_D): lambda view: view.selected.duplicate(),
    (_CTRL, Key.Key_L): lambda view: view.arranging.network(),
    (_CTRL | _SHIFT, Key.Key_L): lambda view: view.arranging.downstream(),
    (_CTRL, Key.Key_0): lambda view: view.views.actual_size(),
    (_CTRL, Key.Key_Plus): lambda view: view.zoom_in(),
    (_CTRL, Key.Key_Equal): lambda view: view.zoom_in(),
    (_CTRL, Key.Key_Minus): lambda view: view.zoom_out(),
    (_NONE, Key.Key_Home): lambda view: view.views.fit_all(),
    (_NONE, Key.Key_F): lambda view: view.views.fit_selection(),
    (_NONE, Key.Key_F2): lambda view: view.selected.rename(),
}


def press(view: CanvasView, event: QKeyEvent) -> bool:
    """Do what a key means; returns False for keys that mean nothing here."""
    view.arranging.settle()  # what a key moves starts from where it belongs
    key, modifiers = Qt.Key(event.key()), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if key == Key.Key_Escape:
        _escape(view)
        return True
    if key == Key.Key_Space and not modifiers:
        if not event.isAutoRepeat():
            view.hand.space_held = view.hand.space_tapped = True
            view.setCursor(Qt.CursorShape.OpenHandCursor)
        return True
    view.hand.space_tapped = False
    if key == Key.Key_Y and modifiers == _NONE:
        view.hand.knife_held = True
        view.setCursor(Qt.CursorShape.CrossCursor)
        return True
    if key in ARROWS and modifiers != _CTRL | _SHIFT:
        _arrow(view, key, modifiers)
        return True
    command = _COMMANDS.get((modifiers, key))
    if command is None:
        return False
    command(view)
    return True


def release(view: CanvasView, event: QKeyEvent) -> bool:
    """End holding Space or the knife; a tap on Space asks for a layer."""
    if event.key() not in (Key.Key_Space, Key.Key_Y) or event.isAutoRepeat():
        return False
    tapped = view.hand.space_tapped and event.key() == Key.Key_Space
    view.hand.release_keys()
    if view.hand.gesture is None:
        view.unsetCursor()
    if tapped:
        view.add_layer()
    return True


def _enter(view: CanvasView) -> None:
    """Go into the selected block; ask for a layer to put into the selected link."""
    if view.workspace.selected_link is not None:
        view.link_keys.insert()
    else:
        view.enter_block()


def _escape(view: CanvasView) -> None:
    """Cancel the gesture; without one, the layout that is being found; without that, select nothing."""
    if view.hand.gesture is not None:
        view.hand.cancel()
    elif view.arranging.cancel():
        return
    else:
        view.workspace.select(())


def _arrow(view: CanvasView, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
    """Walk along the links; with Ctrl, move the selection."""
    dx, dy = ARROWS[key]
    if modifiers & _CTRL:
        step = 8
        nodes, _ = view.frames.carried(view.workspace.selection, view.workspace.selected_frames)
        rects = {node: view.content.arrays.rect(node) for node in nodes}
        places = {node: Place(x + dx * step, y + dy * step) for node, (x, y, _, _) in rects.items()}
        chosen = ((id, view.content.frames[id]) for id in view.workspace.selected_frames)
        frames = {id: Place(frame.x + dx * step, frame.y + dy * step) for id, frame in chosen}
        if places or frames:
            view.commands.move(places, merge="nudge:" + ",".join(sorted({*places, *frames})), frames=frames)
        return
    selection, link = view.workspace.selection, view.workspace.selected_link
    if link is not None and dx:  # from a link to the node at its end
        end = link.node if dx > 0 else view.graph.edges[link].node
        view.workspace.select((end,))
        view.reveal(end)
        return
    start = next((node for node in view.graph.nodes if node in selection), None)
    found = neighbour(view.content, start, dx, dy)
    if found is not None:
        view.workspace.select(selection | {found} if modifiers & _SHIFT else (found,))
        view.reveal(found)


GESTURES: tuple[tuple[str, str], ...] = (
    ("Add a layer", "Tab, Space, or double-click the canvas"),
    ("Replace a layer by another", "R"),
    ("Insert a layer into a link", "Drop it on the link, Shift+double-click it, or select it and press Enter"),
    ("Lead a link through a point", "Double-click it; drag the point, double-click it away"),
    ("Connect", "Drag from port to port, or O"),
    ("Connect to a new layer", "Drop the link on the canvas"),
    ("Lead a link elsewhere", "Drag it off its input"),
    ("Lead all links of an output elsewhere", "Ctrl while dragging from it"),
    ("Remove all links of a port", "Alt and click"),
    ("Cut links", "Ctrl and the right button, or hold Y, and draw across them"),
    ("Select several", "Drag over them; Shift adds, Ctrl toggles"),
    ("Delete and keep the flow", "Ctrl+Del"),
    ("Walk along links", "Arrow keys; with Shift selecting"),
    ("Move the selection", "Ctrl+arrow keys"),
    ("Move without grid and guides", "Alt while dragging"),
    ("Drag a copy", "Alt, then drag"),
    ("Pan", "Middle button, Space+drag, or two fingers"),
    ("Zoom", "Wheel, Ctrl+wheel, or pinch"),
    ("On a touch screen", "One finger as the mouse, two to pan and zoom, rest and lift for the menu"),
    ("Rename a frame", "F2, or double-click its title; double-click its note to write it"),
    ("Move a frame", "Drag its title: what is in it goes along; drag its sides to resize it"),
    ("Change a value on a node", "E, or click it; Tab for the next, Esc leaves it"),
    ("Change a number", "Drag it sideways; Shift coarse, Ctrl fine"),
    ("Rename", "F2, or double-click the title"),
    ("Go into a block", "Enter, or double-click it"),
    ("Go out of a block", "Backspace, or the bar above the canvas"),
    ("Cancel", "Esc"),
)
"""What the mouse and the canvas's own keys do, for the list of shortcuts: (what, how)."""
