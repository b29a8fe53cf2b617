"""The stage: a viewport in which links and nodes stand out or step back while the user does something with them.

Each change paints only what looks otherwise.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.arrays import Floats, Rows
from netbuilder.ui.canvas.drawing import Marks, paint_found
from netbuilder.ui.canvas.faces import Declarations
from netbuilder.ui.canvas.viewport import SOME, Viewport
from netbuilder.ui.theme import Theme


class Stage(Viewport):
    """Marks links, selects and moves nodes, all for the eye only: the document knows nothing of it.

    Attributes:
        selected_link: The target of the link that is drawn as selected, or None.
        hovered_link: The target of the link under the pointer, or None.
        wrong_ports: Ports that an error is about; links into them are drawn as wrong.
        is_offered: Whether a layer that is being dragged is over the canvas.
    """

    def __init__(self, theme: Theme, declarations: Declarations, parent: QWidget | None = None) -> None:
        super().__init__(theme, declarations, parent)
        self.selected_link: PortRef | None = None
        self.hovered_link: PortRef | None = None
        self.wrong_ports: frozenset[PortRef] = frozenset()
        self.is_offered = False
        self._splice: PortRef | None = None
        self._led: frozenset[PortRef] = frozenset()
        self._cut: frozenset[PortRef] = frozenset()
        self._dimmed: frozenset[str] = frozenset()
        self._found: frozenset[str] = frozenset()
        self._lost: frozenset[str] = frozenset()
        self._found_now = ""

    def marks(self) -> Marks:
        """Return the links that are drawn otherwise."""
        hot = {link for link in (self.hovered_link, self._splice) if link is not None}
        chosen = {self.selected_link} if self.selected_link is not None else set()
        return Marks(hot=hot, chosen=chosen, wrong=self.wrong_ports | self._cut, hidden=self._led, flow=self.live.flow)

    def faded(self) -> frozenset[str]:
        """Return the nodes that step back."""
        return self._dimmed | self._lost if self._lost else self._dimmed

    def invites(self) -> bool:
        """Return whether there is room for a hint: not where a layer is about to be dropped."""
        return super().invites() and not self.is_offered

    def paint_overlay(self, painter: QPainter) -> None:
        """Draw rings around what was found, and a frame while a drop is welcome."""
        if self._found:
            paint_found(painter, self.content, self.camera, self.style_, self._found, self._found_now)
        if self.is_offered:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.setPen(QPen(self.style_.color("accent"), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def draw_selected(self, nodes: frozenset[str]) -> None:
        """Draw these nodes as selected, and no others."""
        changed, self.selection = self.selection ^ nodes, nodes
        self.renew_nodes(changed)

    def draw_selected_link(self, target: PortRef | None) -> None:
        """Draw this link as selected, and no other."""
        before, self.selected_link = self.selected_link, target
        self._renew_marked(before, target)

    def hover_link(self, target: PortRef | None) -> None:
        """Light up the link under the pointer."""
        before, self.hovered_link = self.hovered_link, target
        self._renew_marked(before, target)

    def show_splice(self, target: PortRef | None) -> None:
        """Mark the link that something would be dropped into."""
        before, self._splice = self._splice, target
        self._renew_marked(before, target)

    def show_offer(self, offered: bool) -> None:
        """Show whether a layer that is being dragged could be dropped."""
        if self.is_offered != offered:
            self.is_offered = offered
            self.update()

    def show_cut(self, targets: frozenset[PortRef]) -> None:
        """Mark the links that a knife has gone through."""
        changed, self._cut = self._cut ^ targets, targets
        rows = [row for link in changed if (row := self.content.arrays.edge_row(link)) is not None]
        self.renew_links(np.array(rows, dtype=np.intp))

    def step_back(self, nodes: frozenset[str], links: frozenset[PortRef]) -> None:
        """Fade nodes that a link being drawn cannot go to, and hide those that are being led elsewhere."""
        if (nodes, links) != (self._dimmed, self._led):
            self._dimmed, self._led = nodes, links
            self.renew()

    def show_found(self, nodes: frozenset[str] | None, current: str = "") -> None:
        """Let what a search found stand out, and the rest step back; None ends it.

        Args:
            nodes: Ids of the nodes found; () when none was, which fades all.
            current: The one among them that the search stands at.
        """
        lost = frozenset() if nodes is None else frozenset(self.content.faces) - nodes
        found = frozenset() if nodes is None else nodes
        if lost != self._lost:
            self._lost = lost
            self.renew()
        self._found, self._found_now = found, current
        self.update()

    def show_corners(self, rows: Rows, corners: Floats) -> None:
        """Draw nodes where a drag has carried them; the document does not know yet."""
        self._renew_with_links(rows)
        self.content.arrays.set_corners(rows, corners)
        self._renew_with_links(rows)

    def _renew_with_links(self, rows: Rows) -> None:
        arrays = self.content.arrays
        if len(rows) > SOME:
            self.renew()
        else:
            self.renew_nodes([arrays.ids[row] for row in rows])
            self.renew_links(arrays.edges_of(rows))

    def _renew_marked(self, before: PortRef | None, after: PortRef | None) -> None:
        if before != after:
            arrays = self.content.arrays
            rows = [arrays.edge_row(link) for link in (before, after) if link is not None]
            self.renew_links(np.array([row for row in rows if row is not None], dtype=np.intp))
