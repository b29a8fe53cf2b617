"""The canvas's context menu: what can be done with the node, the link or the place under the pointer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QMenu

from netbuilder.compiler.custom import TRUST
from netbuilder.document.model import Place, PortRef
from netbuilder.document.topology import descendants
from netbuilder.ui.canvas.cutting import CutLinks
from netbuilder.ui.canvas.frames import COLORS, frame_at
from netbuilder.ui.canvas.pointing import WIRE_REACH

_MOST = 30
"""Nodes that are offered to share weights with."""

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView


def show(view: CanvasView, event: QContextMenuEvent) -> None:
    """Show the menu at the pointer, or at the selected node or link when a key asked for it."""
    if isinstance(view.hand.gesture, CutLinks):  # the right button is the knife's
        return
    view.hand.cancel()
    at = QPointF(event.pos())
    if event.reason() == QContextMenuEvent.Reason.Keyboard:
        at = _selected_point(view)
    menu = build(view, at)
    menu.popup(view.mapToGlobal(at.toPoint()))


def _selected_point(view: CanvasView) -> QPointF:
    """Return where what is selected lies, brought into view; the middle of the canvas, when nothing is."""
    node = next((node for node in view.graph.nodes if node in view.workspace.selection), None)
    if node is not None:
        view.reveal(node)
        return view.node_rect(node).center()
    link = view.workspace.selected_link
    return view.link_point(link) if link is not None else QRectF(view.rect()).center()


def build(view: CanvasView, at: QPointF) -> QMenu:
    """Make the menu for a point of the canvas; it deletes itself when it closes."""
    scene = view.camera.to_scene(at)
    menu = QMenu(view)
    menu.aboutToHide.connect(menu.deleteLater)
    node = view.content.arrays.node_at(scene.x(), scene.y())
    if node is not None:
        if node not in view.workspace.selection:
            view.workspace.select((node,))
        _fill_for_node(menu, view, node)
        return menu
    link = view.content.arrays.edge_at(scene.x(), scene.y(), WIRE_REACH / view.camera.zoom)
    found = frame_at(view.content.frames.values(), scene.x(), scene.y(), view.camera.zoom) if link is None else None
    if link is not None:
        view.select_link(link)
        _fill_for_link(menu, view, link, at)
    elif found is not None:
        if found[0].id not in view.workspace.selected_frames:
            view.workspace.select((), (found[0].id,))
        _fill_for_frame(menu, view, found[0].id)
    else:
        _fill_for_nothing(menu, view, at)
    return menu


def _fill_for_frame(menu: QMenu, view: CanvasView, frame: str) -> None:
    frames, workspace = view.frames, view.workspace
    _add(menu, "Rename\u2026\tF2", lambda: view.label_editor.edit_frame(frame))
    _add(menu, "Write its note\u2026", lambda: view.note_editor.edit(frame))
    colors = menu.addMenu("Colour")
    for color in COLORS:
        _add(colors, color.capitalize(), partial(frames.paint, color))
    _add(menu, "Fit to what is in it", frames.fit)
    _add(menu, "Select what is in it", lambda: workspace.select(*frames.carried((), (frame,))))
    menu.addSeparator()
    _add(menu, "Cut\tCtrl+X", view.selected.cut)
    _add(menu, "Copy\tCtrl+C", view.selected.copy)
    _add(menu, "Duplicate\tCtrl+D", view.selected.duplicate)
    menu.addSeparator()
    _add(menu, "Delete the frame\tDel", view.selected.delete)
    nodes, inner = frames.carried((), (frame,))
    _add(menu, "Delete with what is in it", lambda: view.commands.delete(nodes, frames=inner))


def _fill_for_node(menu: QMenu, view: CanvasView, node: str) -> None:
    for problem in view.workspace.sight.problems.get(node, ()):
        for fix in problem.fixes:
            _add(menu, f"Fix: {fix.title}", partial(view.workspace.apply_fix, fix))
        if TRUST in problem.actions:
            _add(menu, "Review and trust its code…", partial(view.workspace.reviewRequested.emit, problem.node))
    if menu.actions():
        menu.addSeparator()
    _add(menu, "Rename…\tF2", view.selected.rename)
    _add(menu, "Replace…\tR", view.replacing.ask)
    _add(menu, "Edit a value…\tE", view.values.edit_selected, bool(view.values.on(node)))
    menu.addSeparator()
    _fill_for_blocks(menu, view, node)
    menu.addSeparator()
    _add(menu, "Cut\tCtrl+X", view.selected.cut)
    _add(menu, "Copy\tCtrl+C", view.selected.copy)
    _add(menu, "Duplicate\tCtrl+D", view.selected.duplicate)
    _add(menu, "Duplicate with inputs\tCtrl+Shift+D", view.selected.duplicate_with_inputs)
    _add(menu, "Use again\tM" if view.graph.nodes[node].bypassed else "Bypass\tM", view.selected.bypass)
    menu.addSeparator()
    if len(view.workspace.selection) == 1:
        _add(menu, "Connect from an output…\tO", view.link_keys.from_output)
        _add(menu, "Connect into an input…\tI", view.link_keys.into_input)
        menu.addSeparator()
    _add(menu, "Arrange\tCtrl+L", view.arranging.network)
    following = bool(descendants(view.graph, (node,)) - {node})
    _add(menu, "Arrange what follows\tCtrl+Shift+L", view.arranging.downstream, following)
    _add(menu, "Frame\tC", view.selected.frame_selected)
    _add(menu, "Fit the selection\tF", view.views.fit_selection)
    menu.addSeparator()
    _add(menu, "Delete\tDel", view.selected.delete)
    _add(menu, "Delete and reconnect\tCtrl+Del", view.selected.delete_and_heal)


def _fill_for_blocks(menu: QMenu, view: CanvasView, node: str) -> None:
    blocks, selection = view.blocks, view.workspace.selection
    if blocks.instances_in((node,)):
        _add(menu, "Enter block\tEnter", lambda: view.workspace.scopes.enter(node))
        _add(menu, "Dissolve block\tCtrl+Shift+G", blocks.dissolve_selected)
        _add(menu, "Make unique", lambda: blocks.make_unique(node))
        _add(menu, "Save to library", blocks.save_selected)
    _add(menu, "Make a block\tCtrl+G", blocks.make_selected)
    chosen = view.graph.nodes[node]
    partners = blocks.partners(node) if len(selection) == 1 else []
    if len(selection) > 1:
        _add(menu, "Share weights", blocks.share_selected)
    if partners:
        shared = menu.addMenu("Share weights with")
        for other in partners[:_MOST]:
            _add(shared, other.label, partial(blocks.share, (node,), other.id))
    if chosen.tied_to:
        _add(menu, "Own weights", lambda: blocks.share((node,), ""))


def _fill_for_link(menu: QMenu, view: CanvasView, link: PortRef, at: QPointF) -> None:
    _add(menu, "Insert a layer…\tIns", lambda: view.ask_layer(at, target=link))
    if view.waypoints.points(link):
        _add(menu, "Lead it straight", lambda: view.waypoints.clear(link))
    _add(menu, "Remove link\tDel", lambda: view.commands.disconnect((link,)))


def _fill_for_nothing(menu: QMenu, view: CanvasView, at: QPointF) -> None:
    _add(menu, "Add a layer…\tTab", lambda: view.ask_layer(at))
    place = view.camera.to_scene(at)
    _add(menu, "Paste\tCtrl+V", lambda: view.commands.paste(Place(place.x(), place.y())), view.commands.can_paste())
    _add(menu, "Add a note\tN", view.selected.add_note)
    _add(menu, "Add a frame\tC", view.selected.frame_selected)
    menu.addSeparator()
    drawn = bool(view.graph.nodes)
    _add(menu, "Select all\tCtrl+A", view.selected.select_all, drawn)
    _add(menu, "Arrange\tCtrl+L", view.arranging.all, drawn)
    _add(menu, "Fit the network\tHome", view.views.fit_all, drawn)


def _add(menu: QMenu, title: str, call: Callable[[], object], enabled: bool = True) -> None:
    action = menu.addAction(title)
    action.setEnabled(enabled)
    action.triggered.connect(lambda _checked=False: call())
