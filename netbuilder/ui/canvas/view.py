"""The canvas: shows the workspace's document as a graph and turns gestures into edits.

One widget that paints itself: where nodes and links lie is in arrays (`content`), how they look is cached (`nodes`),
what the mouse does is a gesture object. It knows the workspace and nothing else of the window.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from netbuilder.document.model import Graph, PortRef
from netbuilder.training.protocol import Telemetry
from netbuilder.ui.canvas import dropping, keys, menus, pointing
from netbuilder.ui.canvas.aligning import Aligning
from netbuilder.ui.canvas.announcing import announce, describe_selection, is_heard
from netbuilder.ui.canvas.arranging import Arranging
from netbuilder.ui.canvas.attention import Attention
from netbuilder.ui.canvas.block_commands import BlockCommands
from netbuilder.ui.canvas.choosing import Choosing
from netbuilder.ui.canvas.commands import Commands
from netbuilder.ui.canvas.connections import Loose
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.drawing import Marks
from netbuilder.ui.canvas.faces import Knowledge
from netbuilder.ui.canvas.frame_commands import FrameCommands
from netbuilder.ui.canvas.gestures import Gesture, Pointer
from netbuilder.ui.canvas.knowing import know, wrong_ports
from netbuilder.ui.canvas.label_editor import LabelEditor
from netbuilder.ui.canvas.link_keys import LinkKeys
from netbuilder.ui.canvas.linking import DrawLink
from netbuilder.ui.canvas.minimap import Minimap
from netbuilder.ui.canvas.note_editor import NoteEditor
from netbuilder.ui.canvas.quick_add import QuickAdd
from netbuilder.ui.canvas.selection_commands import SelectionCommands
from netbuilder.ui.canvas.stage import Stage
from netbuilder.ui.canvas.style import Style
from netbuilder.ui.canvas.tips import show_tip
from netbuilder.ui.canvas.touch import TOUCHES, Touch
from netbuilder.ui.canvas.trail import Trail
from netbuilder.ui.canvas.value_commands import ValueCommands
from netbuilder.ui.canvas.views import Views
from netbuilder.ui.canvas.waypoints import Waypoints
from netbuilder.ui.render import render_content
from netbuilder.ui.standpoint import Standpoint
from netbuilder.ui.theme import Theme, controller, load_theme
from netbuilder.ui.workspace import Change, Workspace

if TYPE_CHECKING:
    from netbuilder.ui.canvas.find_bar import FindBar

_EDGE = 28  # pixels from the border within which a drag moves the view
_FASTEST = 20.0  # pixels a frame that the view moves then


class CanvasView(Stage):
    """The graph editor.

    Attributes:
        workspace: What is edited.
        declarations: Type -> declaration.
        commands: The edits.
        link_keys: Links without a mouse.
        blocks: The edits of blocks.
        values: The values on the cards, and their edits.
        selected: What is done to the selection.
        knowledge: Shapes, problems and pictures as the faces show them.
        gesture: What the mouse is doing, or None.
        pointer: Where it was last seen, or None.
        space_held: Whether Space is down: a drag pans then.
        space_tapped: Whether nothing was done with it since: letting go asks for a layer.
    """

    def __init__(self, workspace: Workspace, theme: Theme, parent: QWidget | None = None) -> None:
        """Show what the workspace holds.

        Args:
            workspace: What is edited.
            theme: The look to begin with; changes of the application's theme are followed.
            parent: Qt's owner.
        """
        super().__init__(theme, workspace.vocabulary, parent)
        self.workspace = workspace
        self.declarations = workspace.vocabulary
        self.commands = Commands(workspace, self.content)
        self._standpoint = Standpoint()
        self.knowledge = Knowledge()
        self.gesture: Gesture | None = None
        self.pointer: Pointer | None = None
        self.space_held = self.space_tapped = self.knife_held = False
        self._frames = QTimer(self, interval=16)
        self._frames.timeout.connect(self._next_frame)
        self._late = QTimer(self, singleShot=True, interval=0)
        self._late.timeout.connect(self._look_late)
        self.minimap = Minimap(self)
        self.quick_add = QuickAdd(self)
        self._find_bar: FindBar | None = None
        self.link_keys = LinkKeys(self)
        self.label_editor = LabelEditor(self)
        self.blocks: BlockCommands = BlockCommands(workspace, self.label_editor.edit)
        self.frames = FrameCommands(workspace, self.content, lambda: self.camera.to_scene(self.paste_point()))
        self.note_editor = NoteEditor(self)
        self.waypoints = Waypoints(workspace)
        self.choosing = Choosing(workspace)
        self.aligning = Aligning(workspace, self.content, self.commands)
        self.values = ValueCommands(self)
        self.selected: SelectionCommands = SelectionCommands(self)
        self.arranging: Arranging = Arranging(self)
        self.views: Views = Views(self)
        self.trail = Trail(self)
        self.attention = Attention(self)
        self._touch = Touch(self)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Network")
        self.setAccessibleDescription("Arrow keys walk along links, Tab or Space adds a layer, O links, F6 leaves")
        self._follow_workspace()

    def _follow_workspace(self) -> None:
        workspace = self.workspace
        workspace.documentChanged.connect(self._follow)
        workspace.documentReplaced.connect(self._show_other)
        workspace.scopeChanged.connect(self._show_scope)
        workspace.selectionChanged.connect(self._selection_changed)
        workspace.shapesChanged.connect(self.look_again)
        workspace.telemetry.connect(self._show_telemetry)
        workspace.revealRequested.connect(self.reveal)
        controller().changed.connect(self.set_theme)
        self._show_anew()

    @property
    def has_selection(self) -> bool:
        """Whether something is selected: nodes, frames or a link."""
        return (
            bool(self.workspace.selection or self.workspace.selected_frames) or self.workspace.selected_link is not None
        )

    @property
    def find_bar(self) -> FindBar:
        """The bar that searches the document, made when it is first asked for."""
        if self._find_bar is None:
            from netbuilder.ui.canvas.find_bar import FindBar

            self._find_bar = FindBar(self)
        return self._find_bar

    @property
    def graph(self) -> Graph:
        """The graph shown."""
        return self.content.graph

    # Following the workspace ---------------------------------------------------------------------------------------

    def _know(self, graph: Graph) -> None:
        self.live.collect(self.workspace, graph, self.declarations)
        self.knowledge = know(self.workspace, self.live.areas)
        self.wrong_ports = wrong_ports(self.workspace.sight)

    def _show_other(self) -> None:
        """Show another document."""
        self.views.change_project(self._standpoint)
        self._show_anew()

    def _show_scope(self) -> None:
        """Show another graph of the document, where it was left the last time."""
        self.views.leave(self._standpoint)
        self._show_anew()

    def fit_opening(self) -> None:
        """Show a graph as it was left; one that is new as a whole, the main graph no smaller than can be read."""
        camera = self.views.camera(self._standpoint)
        if camera is not None:
            self.show_sharp(camera)
            self.is_opening = True
        elif self.workspace.scope:
            self.fit_all()
            self.is_opening = True
        else:
            super().fit_opening()

    def remember(self) -> None:
        """Keep where the project is seen from, for the next time."""
        self.views.save(self._standpoint)

    def _show_anew(self) -> None:
        self.arranging.settle()
        self.cancel_gesture()
        self.quick_add.close_up()
        self.values.close()
        self.forget_drawn()
        document, scope = self.workspace.document, self.workspace.scope
        self._know(document.scope(scope))
        self.content.show(document, self.knowledge, scope)
        self.selected_link = self.hovered_link = None
        self.selection, self.selected_frames = self.workspace.selection, self.workspace.selected_frames
        self._standpoint = self.workspace.scopes.at
        self.trail.refresh()
        self.fit_opening()

    def _follow(self, change: Change) -> None:
        self.arranging.settle()
        if self.gesture is None or not self.gesture.is_editing:
            self.cancel_gesture()
        self._know(change.new.scope(self.workspace.scope))
        self.content.update(change.new, change.difference, self.knowledge)
        if self.selected_link not in self.graph.edges:
            self.selected_link = None
        self.hovered_link = None
        self.trail.refresh()
        come = change.difference.added & self.graph.nodes.keys()
        if come:
            self.welcome(come)
            self._frames.start()
        self.moved.emit()
        self.renew()

    def look_again(self) -> None:
        """Show what is known by now of shapes, problems and the run; of many nodes first those in view."""
        self._know(self.graph)
        arrays = self.content.arrays
        self.content.look_again(self.knowledge, [arrays.ids[row] for row in arrays.nodes_in(*self.shown_area())])
        self.moved.emit()
        self.renew()
        if self.content.late:
            self._late.start()

    def _look_late(self) -> None:
        """Look at some of the nodes that were left; all is painted again at the end."""
        self.content.look_late()
        if self.content.late:
            self._late.start()
        else:
            self.moved.emit()
            self.renew()

    def _show_telemetry(self, telemetry: Telemetry) -> None:
        before, heat = self.live.flow, self.live.heat
        fresh = self.live.take(telemetry, self.workspace, self.graph, self.declarations)
        self.renew_flow(before)
        if self.live.heat is not heat:
            self.renew()
        if self.live.areas == self.knowledge.areas:
            self.update_pictures(fresh)
            return
        self.knowledge = replace(self.knowledge, areas=dict(self.live.areas))
        self.content.look_again(self.knowledge)
        self.moved.emit()
        self.renew()

    def _selection_changed(self) -> None:
        self.draw_selected(self.workspace.selection)
        self.draw_selected_link(self.workspace.selected_link)
        if self.selected_frames != self.workspace.selected_frames:
            self.selected_frames = self.workspace.selected_frames
            self.renew()
        if is_heard():
            announce(self, describe_selection(self))

    # What gestures show --------------------------------------------------------------------------------------------

    def preview_selection(self, nodes: frozenset[str] | None) -> None:
        """Draw these nodes as selected; None goes back to the workspace's selection."""
        self.draw_selected(self.workspace.selection if nodes is None else nodes)
        self.update()

    def show_link(self, link: DrawLink | None) -> None:
        """Show a link being drawn: nodes that it does not fit step back."""
        self.step_back(*((link.dimmed(), link.led) if link is not None else (frozenset(), frozenset())))

    def select_link(self, target: PortRef | None) -> None:
        """Select a link instead of nodes."""
        self.workspace.select_link(target)

    @property
    def snaps(self) -> bool:
        """Whether dragged nodes line up with others."""
        return bool(self.workspace.preferences.get("snap_guides"))

    def toggle_snaps(self) -> None:
        """Let dragged nodes line up with others, or not."""
        self.workspace.preferences.set("snap_guides", not self.snaps)

    def paint_overlay(self, painter: QPainter) -> None:
        """Draw the gesture's preview, and a link that waits for its layer."""
        super().paint_overlay(painter)
        self.attention.paint(painter)
        self.values.paint(painter)
        if self.quick_add.isVisible():
            self.quick_add.paint_link(painter)
        if self.gesture is not None:
            self.gesture.paint(painter)

    # Gestures ------------------------------------------------------------------------------------------------------

    def begin(self, gesture: Gesture) -> None:
        """Let a gesture have the mouse."""
        self.space_tapped = False
        self.gesture = gesture
        self.setCursor(gesture.cursor)

    def cancel_gesture(self) -> None:
        """Leave everything as it was before the press."""
        gesture, self.gesture = self.gesture, None
        if gesture is not None:
            gesture.cancel()
            self.unsetCursor()
            self.update()

    def follow_pointer(self, pointer: Pointer) -> None:
        """Give a movement to the gesture, and begin to move the view when it comes to the border."""
        self.pointer = pointer
        if self.gesture is not None:
            self.gesture.move(pointer)
            if self.gesture.pans and self.gesture.is_drag(pointer) and not self._frames.isActive():
                self._frames.start()

    def end_gesture(self, pointer: Pointer) -> None:
        """The button was released."""
        gesture, self.gesture = self.gesture, None
        if gesture is not None:
            self.unsetCursor()
            gesture.finish(pointer)
            self.update()

    def _next_frame(self) -> None:
        """Go on with what moves by itself: nodes that appear, a drag at the border."""
        pushed, appearing = self._push(), self.go_on_welcoming()
        if not pushed and not appearing:
            self._frames.stop()

    def _push(self) -> bool:
        """Move the view while a drag is at its border; returns whether it may go on to."""
        if self.gesture is None or self.pointer is None or not self.gesture.pans:
            return False
        at, inside = self.pointer.at, QRectF(self.rect()).adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE)
        dx = max(inside.left() - at.x(), 0.0) - max(at.x() - inside.right(), 0.0)
        dy = max(inside.top() - at.y(), 0.0) - max(at.y() - inside.bottom(), 0.0)
        if not (dx or dy):
            return False
        limit = _FASTEST
        self.set_camera(self.camera.moved(min(max(dx, -limit), limit), min(max(dy, -limit), limit)))
        self.pointer = replace(self.pointer, scene=self.camera.to_scene(at))
        self.gesture.move(self.pointer)
        return True

    # Events --------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a gesture."""
        pointing.press(self, event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with it, or see what is under the pointer."""
        pointing.move(self, event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End it."""
        pointing.release(self, event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Rename a node, or ask for a layer."""
        pointing.double_click(self, event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom with a wheel, pan with a trackpad."""
        pointing.wheel(self, event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Show what can be done here."""
        menus.show(self, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Do what a key means."""
        if not keys.press(self, event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """End holding Space."""
        if not keys.release(self, event):
            super().keyReleaseEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Let go of the value that was pointed at."""
        self.values.hover(None)
        super().leaveEvent(event)

    def focusNextPrevChild(self, _: bool) -> bool:
        """Keep Tab: it asks for a layer. F6 leaves the canvas."""
        return False

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Forget held keys: their release goes elsewhere."""
        self.space_held = self.space_tapped = self.knife_held = False
        super().focusOutEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take layers."""
        dropping.enter(self, event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Show where the layer would go."""
        dropping.move(self, event)

    def dragLeaveEvent(self, _: QDragLeaveEvent) -> None:
        """Forget it."""
        dropping.leave(self)

    def dropEvent(self, event: QDropEvent) -> None:
        """Add the layer."""
        dropping.drop(self, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the minimap in its corner."""
        super().resizeEvent(event)
        self.minimap.settle()
        self.trail.settle()

    def event(self, event: QEvent) -> bool:
        """Show tips, and follow fingers on a trackpad."""
        if event.type() == QEvent.Type.ToolTip:
            return show_tip(self, event)
        if event.type() == QEvent.Type.NativeGesture:
            return pointing.pinch(self, event)
        if event.type() in TOUCHES:
            return self._touch.follow(event)
        return super().event(event)

    # Commands ------------------------------------------------------------------------------------------------------

    def add(self, key: str) -> None:
        """Add a layer in a free spot near the middle of what is shown."""
        middle = self.camera.to_scene(QRectF(self.rect()).center())
        self.commands.add(key, self.commands.free_spot(middle.x(), middle.y()))

    def add_layer(self) -> None:
        """Ask for a layer to add: behind the selected one whose output leads nowhere yet, else at the pointer."""
        link = self._loose_end()
        if link is None:
            self.ask_layer(self.paste_point())
        else:
            self.reveal(link.fixed.node)
            port = self.port_point(link.fixed.node, link.fixed.port, False)
            self.quick_add.ask(port + QPointF(48, 0), link, onward=True)

    def _loose_end(self) -> Loose | None:
        """Return a link from the one selected node's first output, when nothing hangs on it."""
        if len(self.workspace.selection) != 1:
            return None
        (node,) = self.workspace.selection
        ports = self.content.faces[node].outputs
        if not ports:
            return None
        end = PortRef(node, ports[0].name)
        return None if end in self.graph.edges.values() else Loose.begin(self.graph, (end,), False)

    def ask_layer(self, at: QPointF, link: Loose | None = None, target: PortRef | None = None) -> None:
        """Ask for a layer: to add at a point of the widget, to connect to a loose link, or to insert into a link."""
        self.quick_add.ask(at, link, target)

    def paste_point(self) -> QPointF:
        """Return where on the widget new things go: the pointer if it is here, else the middle."""
        area = QRectF(self.rect())
        if self.pointer is not None and self.underMouse() and area.contains(self.pointer.at):
            return self.pointer.at
        return area.center()

    def enter_block(self) -> None:
        """Go into the selected block."""
        if len(self.workspace.selection) == 1:
            self.workspace.enter(next(iter(self.workspace.selection)))

    def leave_block(self) -> None:
        """Go one block up."""
        self.workspace.leave()

    def leave_or_delete(self) -> None:
        """Go one block up; in the main graph, delete what is selected."""
        if self.workspace.scope:
            self.leave_block()
        else:
            self.selected.delete()

    def export(self, path: Path, theme: str, scale: float = 2.0, *, live: bool = False) -> None:
        """Write the whole network, without selection, as a PNG, SVG or PDF.

        Args:
            path: Where to; its ending tells the kind.
            theme: One of `render.THEMES`.
            scale: Pixels a scene unit in a PNG.
            live: Whether the pictures on the nodes are in it.

        Raises:
            NetbuilderError: When it cannot be written.
        """
        content, pictures = self.content, self.live.pictures
        if not live:  # nor is there room for the pictures
            content, pictures = Content(self.content.declarations), {}
            content.show(self.workspace.document, replace(self.knowledge, areas={}), self.workspace.scope)
        marks = Marks(wrong=self.wrong_ports)
        render_content(content, path, Style(load_theme(theme)), scale, live=pictures, marks=marks)
