"""The canvas: shows the workspace's document as a graph and turns gestures into edits.

One widget that paints itself: where nodes and links lie is in arrays (`content`), how they look is cached (`nodes`),
what the mouse does is a gesture object. It knows the workspace and nothing else of the window.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
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
from netbuilder.ui.canvas import dropping, keys, menus, pointing
from netbuilder.ui.canvas.aligning import Aligning
from netbuilder.ui.canvas.arranging import Arranging
from netbuilder.ui.canvas.attention import Attention
from netbuilder.ui.canvas.block_commands import BlockCommands
from netbuilder.ui.canvas.choosing import Choosing
from netbuilder.ui.canvas.commands import Commands
from netbuilder.ui.canvas.connections import Loose
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.drawing import Marks
from netbuilder.ui.canvas.faces import Knowledge
from netbuilder.ui.canvas.following import Following
from netbuilder.ui.canvas.frame_commands import FrameCommands
from netbuilder.ui.canvas.hand import Hand
from netbuilder.ui.canvas.label_editor import LabelEditor
from netbuilder.ui.canvas.link_keys import LinkKeys
from netbuilder.ui.canvas.linking import DrawLink
from netbuilder.ui.canvas.minimap import Minimap
from netbuilder.ui.canvas.note_editor import NoteEditor
from netbuilder.ui.canvas.quick_add import QuickAdd
from netbuilder.ui.canvas.replacing import Replacing
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
from netbuilder.ui.theme import Theme, controller, load_theme
from netbuilder.ui.workspace import Workspace

if TYPE_CHECKING:
    from netbuilder.ui.canvas.find_bar import FindBar


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
        replacing: The search for what selected layers are to become.
        knowledge: Shapes, problems and pictures as the faces show them.
        hand: What the mouse and held keys are doing.
        following: Keeps all of this true to the workspace.

    Signals:
        settingsAsked: () the user wants to change a value that the selected node's card does not show.
    """

    settingsAsked = Signal()

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
        self.knowledge = Knowledge()
        self.hand = Hand(self)
        self.minimap = Minimap(self)
        self.quick_add = QuickAdd(self)
        self.replacing = Replacing(self)
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
        self.following = Following(self)
        self.following.show_anew()
        controller().changed.connect(self.set_theme)

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

    def fit_opening(self) -> None:
        """Show a graph as it was left; one that is new as a whole, the main graph no smaller than can be read."""
        camera = self.views.camera(self.following.standpoint)
        if camera is not None:
            self.show_sharp(camera)
            self.is_opening = True
        elif self.workspace.scope:
            self.fit_all()
            self.is_opening = True
        else:
            super().fit_opening()

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
        if self.hand.gesture is not None:
            self.hand.gesture.paint(painter)

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
        self.hand.release_keys()
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
        if self.hand.pointer is not None and self.underMouse() and area.contains(self.hand.pointer.at):
            return self.hand.pointer.at
        return area.center()

    def enter_block(self) -> None:
        """Go into the selected block."""
        if len(self.workspace.selection) == 1:
            self.workspace.scopes.enter(next(iter(self.workspace.selection)))

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
        self.renew()  # it may have led links in view along other ways
