"""The search that opens at the pointer: some letters, Enter, and the layer is there, linked if a link asked for it.

What fits comes first, then what answers the letters best, then what the user adds most often there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter

from netbuilder.document.model import Place, PortRef
from netbuilder.foundation.declaration import CATEGORIES, Declaration
from netbuilder.ui.canvas.connections import Loose, accepts, default_ports
from netbuilder.ui.canvas.drawing import paint_loose_wire
from netbuilder.ui.canvas.geometry import HEADER, WIDTH
from netbuilder.ui.canvas.routing import bend
from netbuilder.ui.chooser import Chooser, Row
from netbuilder.ui.palette import COMMON, score

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

_WIDTH = 300
_NAMED = 3
"""So many letters from the beginning of a layer's name are taken for it, whether it fits or not."""

_COMMON: Mapping[str, int] = {key: index for index, key in enumerate(COMMON)}


class QuickAdd(Chooser):
    """A search over all declarations."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view, "Search layers", _WIDTH)
        self._view = view
        self._at = QPointF()
        self._link: Loose | None = None
        self._target: PortRef | None = None
        self._onward = False
        self._fitting: frozenset[str] = frozenset()

    def ask(self, at: QPointF, link: Loose | None = None, target: PortRef | None = None, onward: bool = False) -> None:
        """Open at a point of the canvas.

        Args:
            at: Where the layer will be.
            link: A loose link that it will be connected to: what can take it is offered, anything else when it is
                typed.
            target: The end of a link that it will be inserted into.
            onward: Whether the link is only proposed: everything is offered, and what takes no link stays alone.
        """
        self._at, self._link, self._target, self._onward = at, link, target, onward
        entries = self._view.declarations.values()
        self._fitting = frozenset(entry.key for entry in entries if self._is_possible(entry))
        self.open_at(at.x() - 20, at.y() - 20, self._words())

    def offer(self, query: str) -> Sequence[Row]:
        """Return the layers that answer: what is called so, then what fits, of that what was meant most likely."""
        entries = list(self._view.declarations.values())
        if self._target is not None or not (query.strip() or self._onward):
            entries = [entry for entry in entries if entry.key in self._fitting]
        found = [(self._likelihood(entry, query), entry) for entry in entries]
        found = [pair for pair in found if pair[0] > 0.0] if query.strip() else found

        def rank(pair: tuple[float, Declaration]) -> tuple[bool, bool, float, int]:
            points, entry = pair
            named = len(query.strip()) >= _NAMED and entry.title.casefold().startswith(query.strip().casefold())
            return not named, entry.key not in self._fitting, -points, _COMMON.get(entry.key, len(COMMON))

        return [self._row(entry) for _, entry in sorted(found, key=rank)]

    def take(self, key: object) -> None:
        """Add the layer."""
        view, name, link = self._view, str(key), self._link
        if self._onward and link is not None:
            self._go_on(name, link)
        elif self._target is not None:
            view.commands.splice(name, self._target)
        else:
            view.commands.add(name, self._beside(view.camera.to_scene(self._at), link), link)

    def follow(self) -> None:
        """Close when what the layer would be linked to is gone."""
        graph, link = self._view.graph, self._link
        is_loose = link is not None and link.fixed.node not in graph.nodes
        if is_loose or (self._target is not None and self._target not in graph.edges):
            self.close_up()

    def close_up(self) -> None:
        """Close without adding."""
        super().close_up()
        self._view.update()

    def _go_on(self, key: str, link: Loose) -> None:
        """Add a layer to the right of the node that the proposed link comes from."""
        view = self._view
        x, y, width, _ = view.content.arrays.rect(link.fixed.node)
        place = view.commands.free_spot(x + width + 48 + WIDTH / 2, y + HEADER / 2)
        # What does not fit is linked, too: its problem then offers what makes it fit, a Flatten say.
        view.reveal(view.commands.add(key, place, link))

    def paint_link(self, painter: QPainter) -> None:
        """Draw the link that waits for its layer, on the canvas."""
        if self._link is None or self._link.fixed.node not in self._view.content.arrays:
            return
        camera = self._view.camera
        port, end = self._view.content.port_place(self._link.fixed, self._link.is_input), camera.to_scene(self._at)
        loose = (end.x(), end.y())
        ends = np.array([[*loose, *port] if self._link.is_input else [*port, *loose]])
        paint_loose_wire(painter, bend(ends)[0], camera, self._view.style_.color("accent"))

    def _beside(self, scene: QPointF, link: Loose | None) -> Place:
        """Return the middle of the new node's header: beside the end of a loose link, not below it."""
        aside = 0.0 if link is None else (-70.0 if link.is_input else 70.0)
        return Place(scene.x() + aside, scene.y() - (30.0 if link is not None else 0.0))

    def _is_possible(self, entry: Declaration) -> bool:
        if self._target is not None:
            return self._view.commands.can_splice(entry.key)
        if self._link is None:
            return True
        if self._link.is_input and entry.category == "data":
            return True
        found = None if self._link.is_input else self._view.knowledge.type_of(self._link.fixed)
        return bool(accepts(entry, self._link.is_input, found))

    def _likelihood(self, entry: Declaration, query: str) -> float:
        """Return how well an entry answers, 0 for not at all; among equals, how often it was used here."""
        points = score(entry, query) if query.strip() else 1.0
        source, target = self._neighbours()
        return points + self._view.commands.usage.weight(entry.key, source, target) if points else 0.0

    def _neighbours(self) -> tuple[str, str]:
        """Return the types that the layer would come after and before, "" for none."""
        nodes, edges = self._view.graph.nodes, self._view.graph.edges
        if self._target is not None and self._target in edges:
            return nodes[edges[self._target].node].type, ""
        if self._link is None or self._link.fixed.node not in nodes:
            return "", ""
        type = nodes[self._link.fixed.node].type
        return ("", type) if self._link.is_input else (type, "")

    def _row(self, entry: Declaration) -> Row:
        category = CATEGORIES.get(entry.category, "")
        return Row(
            key=entry.key,
            title=entry.title,
            detail=self._detail(entry),
            tip=f"{category}: {entry.summary}" if entry.summary else category,
            color=self._view.style_.category(entry.category),
        )

    def _detail(self, entry: Declaration) -> str:
        """Say why an entry stands where it does: it was used here before, or it does not fit."""
        if entry.key not in self._fitting:
            assert self._link is not None, "without a link everything fits"
            has_port = default_ports(entry)[self._link.is_input]
            return "does not fit" if has_port else f"no {'output' if self._link.is_input else 'input'}"
        (source, target), usage = self._neighbours(), self._view.commands.usage
        if source and usage.follows(source, entry.key):
            return f"often after {self._title(source)}"
        return f"often before {self._title(target)}" if target and usage.follows(entry.key, target) else ""

    def _title(self, type: str) -> str:
        declaration = self._view.declarations.get(type)
        return declaration.title if declaration is not None else type

    def _words(self) -> str:
        if self._target is not None:
            return "Insert into this link"
        if self._link is None:
            return ""
        label = self._view.graph.nodes[self._link.fixed.node].label
        return f"{'Feed' if self._link.is_input else 'Connect'} {label} · {self._link.fixed.port}"
