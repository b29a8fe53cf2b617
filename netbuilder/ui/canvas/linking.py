"""The gesture that draws a link from port to port, in either direction, and leads an existing one elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.connections import Loose, first_fit, fits, misfit
from netbuilder.ui.canvas.drawing import paint_loose_wire
from netbuilder.ui.canvas.geometry import PORT_RADIUS
from netbuilder.ui.canvas.gestures import Gesture, Pointer
from netbuilder.ui.canvas.painting import paint_port
from netbuilder.ui.canvas.routing import bend
from netbuilder.ui.theme import ui_font

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

SNAP = 24.0
"""Pixels within which a loose link jumps to a port."""


class DrawLink(Gesture):
    """Draws a link. Dropped on a port or a node it connects; on nothing it asks for a layer to connect to.

    With Ctrl, a press on an output takes hold of all links that it has, to lead them to another output.

    Attributes:
        held: The ports at the fixed ends: one, or the inputs of all links that are led elsewhere.
        led: The inputs of the links that were pulled off.
    """

    pans = True
    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, view: CanvasView, start: Pointer, port: PortRef, is_input: bool) -> None:
        super().__init__(view, start)
        self.led: frozenset[PortRef] = frozenset()
        self.held: tuple[PortRef, ...] = (port,)
        source = view.graph.edges.get(port) if is_input else None
        if source is not None:
            self.led, self.held, is_input = frozenset({port}), (source,), False
        elif not is_input and start.modifiers & Qt.KeyboardModifier.ControlModifier:
            followers = tuple(target for target, origin in view.graph.edges.items() if origin == port)
            if followers:
                self.led, self.held, is_input = frozenset(followers), followers, True
        self.loose = Loose.begin(view.graph, self.held, is_input)
        self._goal: PortRef | None = None
        self._refusal = ""
        self._known: dict[str, frozenset[PortRef]] = {}
        self._pointer = start

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer; jump to a port that is near."""
        self._pointer = pointer
        if self.is_drag(pointer):
            self.view.show_link(self)
            self._find_goal(pointer)
            self.view.update()

    def finish(self, pointer: Pointer) -> None:
        """Connect, or ask what to connect to; a link that was pulled off and dropped on nothing is removed."""
        self.move(pointer)
        self.view.show_link(None)
        if not self.is_drag(pointer):
            return
        commands = self.view.commands
        if self._goal is not None:
            if self._is_leading_all:
                commands.lead(self.held, self._goal)
                return
            target, source = self.loose.ends(self._goal)
            if target not in self.led:
                commands.connect(target, source, instead_of=next(iter(self.led), None))
        elif self._refusal:
            self.view.workspace.message.emit(self._refusal)
        elif not self.led:
            self.view.ask_layer(pointer.at, self.loose)
        elif not self._is_leading_all:
            commands.disconnect(self.led)

    @property
    def _is_leading_all(self) -> bool:
        return bool(self.led) and self.loose.is_input

    def cancel(self) -> None:
        """Leave the links as they were."""
        self.view.show_link(None)

    def dimmed(self) -> frozenset[str]:
        """Return the nodes in view that have no port for this link."""
        view = self.view
        area = view.camera.scene_rect(QRectF(view.rect()))
        rows = view.content.arrays.nodes_in(area.left(), area.top(), area.right(), area.bottom())
        nodes = (view.content.arrays.ids[row] for row in rows)
        return frozenset(node for node in nodes if node != self.loose.fixed.node and not self._fitting(node))

    def _fitting(self, node: str) -> frozenset[PortRef]:
        """Return a node's ports that the link may go to; worked out once, since an edit would end the gesture."""
        known = self._known.get(node)
        if known is None:
            view, loose = self.view, self.loose
            ports = [ref for ref, is_input, _, _ in view.content.ports(node) if is_input is not loose.is_input]
            good = (ref for ref in ports if fits(loose, ref, view.graph, view.declarations, view.knowledge))
            known = self._known[node] = frozenset(good)
        return known

    def _find_goal(self, pointer: Pointer) -> None:
        view, x, y = self.view, pointer.scene.x(), pointer.scene.y()
        self._goal, self._refusal = None, ""
        found = view.content.port_at(x, y, SNAP / view.camera.zoom, wanted=not self.loose.is_input)
        port = found[0] if found else None
        node = port.node if port else view.content.arrays.node_at(x, y)
        if node is None or (port is None and node == self.loose.fixed.node):
            return
        self._refusal = self.loose.refusal(view.graph, node)
        if self._refusal and port is not None and view.content.arrays.node_at(x, y) is None:
            self._refusal = ""  # merely near a port that cannot take it: not meant
        elif not self._refusal:
            document, graph = view.workspace.document, view.graph
            self._goal = port or first_fit(self.loose, node, document, graph, view.declarations, view.knowledge)

    def paint(self, painter: QPainter) -> None:
        """Draw the loose link, the ports that it may go to, and why it may not go where it is."""
        if not self._dragging:
            return
        view, camera, style = self.view, self.view.camera, self.view.style_
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ports(painter)
        end = (self._pointer.scene.x(), self._pointer.scene.y())
        if self._goal is not None:
            end = view.content.port_place(self._goal, not self.loose.is_input)
        color = style.color("bad" if self._refusal else "accent")
        for port in self.held:
            start = view.content.port_place(port, self.loose.is_input)
            ends = np.array([[*end, *start] if self.loose.is_input else [*start, *end]])
            paint_loose_wire(painter, bend(ends)[0], camera, color)
        if self._goal is not None:
            radius = (PORT_RADIUS + 2.5) * max(camera.zoom, 0.6)
            paint_port(painter, camera.to_view(QPointF(*end)), style, "accent", radius)
        words, token = self._words()
        if words:
            self._paint_words(painter, words, token)

    def _words(self) -> tuple[str, str]:
        """Return what to say of the port that the link is at, and in which colour: what would arrive, or why not."""
        if self._refusal:
            return self._refusal, "bad"
        if self._goal is None:
            return "", ""
        view = self.view
        target, source = self.loose.ends(self._goal)
        node, found = view.graph.nodes[target.node], view.knowledge.type_of(source)
        wrong = misfit(view.declarations.get(node.type), node, target.port, found, view.knowledge.values)
        if wrong or found is None:
            return wrong, "validation"
        return f"{found} \u00b7 {found.dtype} \u2192 {target.port}", "accent"

    def _paint_ports(self, painter: QPainter) -> None:
        view = self.view
        area = view.camera.scene_rect(QRectF(view.rect()))
        rows = view.content.arrays.nodes_in(area.left(), area.top(), area.right(), area.bottom())
        radius = (PORT_RADIUS + 1) * max(view.camera.zoom, 0.6)
        for row in rows[:200]:
            node = view.content.arrays.ids[row]
            good = self._fitting(node)
            for ref, is_input, x, y in view.content.ports(node) if good else ():
                if ref in good and is_input is not self.loose.is_input:
                    paint_port(painter, view.camera.to_view(QPointF(x, y)), view.style_, "accent", radius)

    def _paint_words(self, painter: QPainter, words: str, token: str) -> None:
        style = self.view.style_
        painter.setFont(ui_font(12))
        width = painter.fontMetrics().horizontalAdvance(words) + 20
        at = self._pointer.at + QPointF(16, 14)
        box = QRectF(min(at.x(), self.view.width() - width - 8), at.y(), width, 26)
        painter.setPen(style.color(token))
        painter.setBrush(style.color("bar"))
        painter.drawRoundedRect(box, 6, 6)
        painter.setPen(style.color("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
