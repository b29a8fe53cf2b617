"""What the canvas does with the values on its cards: finds the one under the pointer, edits it, scrubs it.

A value of a selected node is that of all selected nodes which declare it alike: they are set together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from netbuilder.foundation.parameter import Kind
from netbuilder.foundation.problem import Problem
from netbuilder.ui.canvas.card_values import CardValue, nearest, values_on
from netbuilder.ui.canvas.gestures import Gesture, Pointer
from netbuilder.ui.canvas.scrubbing import PressValue, ScrubValue
from netbuilder.ui.canvas.viewport import READABLE
from netbuilder.ui.shared_values import assign, sharers

if TYPE_CHECKING:
    from netbuilder.ui.canvas.value_editor import ValueEditor
    from netbuilder.ui.canvas.view import CanvasView

_FINGER = 16.0  # pixels that a value is wide at least for the pointer


class ValueCommands:
    """The values on the cards of a canvas.

    Attributes:
        hovered: The one under the pointer, or None.
        editor: The field that is open or was open last; None until the first.
    """

    def __init__(self, view: CanvasView) -> None:
        self._view = view
        self.hovered: CardValue | None = None
        self.editor: ValueEditor | None = None

    # Where they are ------------------------------------------------------------------------------------------------

    def on(self, node: str) -> tuple[CardValue, ...]:
        """Return the values that a node's card shows, from the left."""
        view = self._view
        graph_node = view.graph.nodes[node]
        declaration = view.declarations.get(graph_node.type)
        face, geometry = view.content.faces[node], view.content.geometry(node)
        return values_on(face, geometry, graph_node, declaration, view.workspace.sight.values)

    def find(self, node: str, name: str) -> CardValue | None:
        """Return a parameter's value on a node's card; None where the card does not show it."""
        if node not in self._view.content.faces:
            return None
        return next((value for value in self.on(node) if value.parameter.name == name), None)

    def at(self, x: float, y: float) -> CardValue | None:
        """Return the value at a point of the scene; None where there is none, or where cards are too small to read."""
        view = self._view
        if view.camera.zoom < READABLE:
            return None
        node = view.content.arrays.node_at(x, y)
        if node is None:
            return None
        left, top, _, _ = view.content.arrays.rect(node)
        return nearest(self.on(node), x - left, y - top, _FINGER / view.camera.zoom)

    def rect(self, value: CardValue) -> QRectF:
        """Return where on the canvas a value is."""
        x, y, _, _ = self._view.content.arrays.rect(value.node)
        box = value.box
        return self._view.camera.view_rect(QRectF(x + box.x, y + box.y, box.width, box.height))

    # Pointing ------------------------------------------------------------------------------------------------------

    def hover(self, value: CardValue | None) -> None:
        """Underline the value under the pointer."""
        if value != self.hovered:
            old, self.hovered = self.hovered, value
            for each in (old, value):
                if each is not None and each.node in self._view.content.arrays:
                    self._view.update(self.rect(each).toAlignedRect().adjusted(-2, -2, 2, 2))

    def cursor(self, value: CardValue) -> Qt.CursorShape:
        """Return the pointer's shape over a value."""
        if value.is_scrubbed:
            return Qt.CursorShape.SizeHorCursor
        is_picked = value.parameter.kind in (Kind.BOOL, Kind.CHOICE) and not value.is_computed
        return Qt.CursorShape.PointingHandCursor if is_picked else Qt.CursorShape.IBeamCursor

    def paint(self, painter: QPainter) -> None:
        """Draw the line below the value under the pointer."""
        value = self.hovered
        if value is None or self.find(value.node, value.parameter.name) != value:
            return
        rect = self.rect(value)
        y = rect.center().y() + 7.0 * self._view.camera.zoom
        painter.setPen(QPen(self._view.style_.color("link"), max(1.0, self._view.camera.zoom)))
        painter.drawLine(QLineF(rect.left(), y, rect.right(), y))

    def press(self, pointer: Pointer, node: str) -> Gesture | None:
        """Return the gesture that a press on a node's card begins; None where it is on no value."""
        value = self.at(pointer.scene.x(), pointer.scene.y())
        if value is None or value.node != node or pointer.modifiers & Qt.KeyboardModifier.AltModifier:
            return None
        return (ScrubValue if value.is_scrubbed else PressValue)(self._view, pointer, value)

    # Editing -------------------------------------------------------------------------------------------------------

    def edit(self, value: CardValue) -> None:
        """Open the field for a value, over it."""
        if self.editor is None:
            from netbuilder.ui.canvas.value_editor import (
                ValueEditor,  # with it come all fields: only now are they needed
            )

            self.editor = ValueEditor(self._view)
        self.hover(None)
        self.editor.edit(value)

    def edit_selected(self) -> None:
        """Open the field for the first value on the card of the selected node."""
        view = self._view
        chosen = [node for node in view.graph.nodes if node in view.workspace.selection]
        for node in chosen:
            values = self.on(node)
            if values:
                view.reveal(node)
                self.edit(values[0])
                return
        if chosen:
            words = "shows no value on its card" if len(chosen) == 1 else "show no values on their cards"
            view.workspace.message.emit(f"{view.commands.title(chosen)} {words}: the Inspector has all settings")
            view.settingsAsked.emit()

    def close(self) -> None:
        """Close the field without taking what was typed."""
        self.hovered = None
        if self.editor is not None:
            self.editor.close_up()

    def sharers(self, value: CardValue) -> tuple[str, ...]:
        """Return the nodes that a value is set in: its own and, where that is selected, all that share it."""
        workspace = self._view.workspace
        others = sorted(workspace.selection) if value.node in workspace.selection else ()
        return sharers(workspace.document, self._view.graph, others, value.node, value.parameter.name)

    def set(self, value: CardValue, new: Any, merge: str = "") -> tuple[Problem, ...]:
        """Give a value, and the same of the other selected nodes, another one.

        Args:
            value: Which.
            new: A value or an expression.
            merge: Edits in a row with the same key are one undo entry.

        Returns:
            A problem for each node that does not accept it; the others have it.
        """
        workspace, name = self._view.workspace, value.parameter.name
        graph, block = self._view.graph, workspace.sight.values
        found = assign(workspace.document, graph, self.sharers(value), name, new, block)
        found.apply(workspace, merge)
        return found.refused
