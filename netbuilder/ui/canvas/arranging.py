"""Arranging: the automatic layout of the network, the selection, or what follows it; in the background if it is large.

What comes of it is one undo entry, and the nodes glide to their new places.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar

from netbuilder.document.clearance import DIRECTIONS, Rect, bounds_of, clear_of, shifted
from netbuilder.document.layout import Sizes, arrange
from netbuilder.document.model import Graph, Place
from netbuilder.document.topology import descendants
from netbuilder.foundation.job import Job
from netbuilder.ui.background import Background
from netbuilder.ui.canvas.arrays import Floats
from netbuilder.ui.canvas.motion import Motion, is_wanted

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

SMALL = 150
"""Nodes; up to here a layout takes less than a frame or two and is made at once."""

GLIDE = 200
"""Milliseconds that nodes take to their new places."""

CROWDED = 1_000
"""Nodes in view; more than these jump to their new places."""

APPEARS = 200
"""Milliseconds after which the progress is shown."""


class Arranging:
    """What the menu Graph > Arrange does."""

    def __init__(self, view: CanvasView) -> None:
        self._view = view
        self._background = Background(view)
        self._job: Job | None = None
        self._bar: Progress | None = None
        self._late = QTimer(view, singleShot=True, interval=APPEARS)
        self._late.timeout.connect(self._show_progress)
        self._motion = Motion(view)

    # Commands ------------------------------------------------------------------------------------------------------

    def network(self) -> None:
        """Lay the selected nodes out from left to right; all, when fewer than two are selected."""
        chosen = self._view.workspace.selection
        self._arrange(chosen if len(chosen) > 1 else self._view.graph.nodes, "")

    def all(self) -> None:
        """Lay all nodes out from left to right."""
        self._arrange(self._view.graph.nodes, "")

    def downstream(self) -> None:
        """Lay out what the selected nodes lead to; they themselves, and all that leads to them, stay where they are."""
        graph, chosen = self._view.graph, self._view.workspace.selection
        following = descendants(graph, chosen) - chosen
        if not following:
            self._view.workspace.message.emit("Nothing follows the selection")
            return
        anchor = max(chosen, key=lambda node: (self._view.content.arrays.rect(node)[0], node))
        self._arrange(following | {anchor}, anchor)

    @property
    def is_busy(self) -> bool:
        """Whether a layout is being found."""
        return self._job is not None

    def cancel(self) -> bool:
        """Give up the layout that is being found; returns whether there was one."""
        job = self._job
        if job is None:
            return False
        job.cancel()
        self._end()
        self._view.workspace.message.emit("Arranging was cancelled")
        return True

    def stop(self, timeout: float) -> bool:
        """Give up everything and wait for it, for closing the program; returns False when the time ran out first."""
        return self._background.stop(timeout)

    def settle(self) -> None:
        """Take nodes that are still gliding to where they belong, at once."""
        self._motion.finish()

    # Inside --------------------------------------------------------------------------------------------------------

    def _arrange(self, nodes: Collection[str], anchor: str) -> None:
        """Find places for nodes.

        Args:
            nodes: Which.
            anchor: The node among them that stays where it is; "" keeps the middle of all of them (of a whole network:
                its upper left corner).
        """
        graph, sizes = _part(self._view.graph, frozenset(nodes)), self._view.content.expected_sizes()
        if not graph.nodes or self.is_busy:
            return
        sizes = {node: sizes[node] for node in graph.nodes}
        if len(graph.nodes) <= SMALL:
            self._apply(arrange(graph, sizes), sizes, anchor)
            return
        of, scope = self._view.graph, self._view.workspace.scope
        self._late.start()
        self._job = self._background.run(
            "Arrange",
            lambda job: arrange(graph, sizes, job),
            lambda places: self._take(places, sizes, anchor, of, scope),
        )

    def _take(self, places: dict[str, Place], sizes: Sizes, anchor: str, of: Graph, scope: str) -> None:
        """Apply what was found, unless it is about another network than the one shown by now."""
        self._end()
        workspace = self._view.workspace
        now = self._view.graph
        if workspace.scope != scope or now.edges != of.edges or now.nodes.keys() != of.nodes.keys():
            workspace.message.emit("The network changed meanwhile and was not arranged")
            return
        self._apply(places, sizes, anchor)

    def _apply(self, places: dict[str, Place], sizes: Sizes, anchor: str) -> None:
        self.settle()
        view, arrays = self._view, self._view.content.arrays
        placed = self._placed(places, sizes, anchor)
        rows = arrays.rows(list(placed))
        before = arrays.rects[rows, :2].copy()
        view.commands.place("Arrange", placed, view.frames.refit)
        self._glide(list(placed), before)

    def _placed(self, places: dict[str, Place], sizes: Sizes, anchor: str) -> dict[str, Place]:
        """Move a layout to where its nodes are, and aside as far as it would cover others."""
        arrays = self._view.content.arrays
        bounds = arrays.bounds(arrays.rows(list(places)))
        assert bounds is not None, "every node has a place on the canvas"
        others = [_rect(arrays.rect(node)) for node in self._view.graph.nodes.keys() - places.keys()]
        if anchor:
            x, y, _, _ = arrays.rect(anchor)
            at = shifted(places, x - places[anchor].x, y - places[anchor].y)
            del at[anchor]
            others.append((x, y, x + sizes[anchor][0], y + sizes[anchor][1]))
            return clear_of(at, sizes, others, DIRECTIONS[:2])
        if not others:
            return shifted(places, bounds[0], bounds[1])
        left, top, right, bottom = bounds_of(places, sizes)
        dx, dy = (bounds[0] + bounds[2] - left - right) / 2, (bounds[1] + bounds[3] - top - bottom) / 2
        return clear_of(shifted(places, dx, dy), sizes, others)

    def _glide(self, nodes: list[str], before: Floats) -> None:
        """Show nodes on their way from where they were."""
        view, arrays = self._view, self._view.content.arrays
        rows = arrays.rows(nodes)
        after = arrays.rects[rows, :2].copy()
        crowd = len(arrays.nodes_in(*view.shown_area())) > CROWDED
        if crowd or (before == after).all() or not is_wanted(view, view.workspace.preferences):
            return
        self._motion.start(lambda part: view.show_corners(rows, before + (after - before) * part), GLIDE)

    def _show_progress(self) -> None:
        if self._job is not None:
            self._bar = Progress(self._view, self._job)

    def _end(self) -> None:
        self._job = None
        self._late.stop()
        if self._bar is not None:
            self._bar.hide()
            self._bar.deleteLater()
            self._bar = None


class Progress(QFrame):
    """How far a layout is, at the canvas's lower edge, and how to give it up."""

    def __init__(self, view: CanvasView, job: Job) -> None:
        super().__init__(view)
        self._job = job
        self.setObjectName("canvasProgress")
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        row = QHBoxLayout(self)
        row.addWidget(QLabel("Arranging…"))
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(120, 6)
        row.addWidget(self._bar)
        row.addWidget(QLabel("Esc cancels"))
        self.adjustSize()
        self.move((view.width() - self.width()) // 2, view.height() - self.height() - 16)
        timer = QTimer(self, interval=80)
        timer.timeout.connect(self._look)
        timer.start()
        self._look()
        self.show()

    def _look(self) -> None:
        fraction = self._job.fraction
        self._bar.setMaximum(0 if fraction is None else 1000)
        if fraction is not None:
            self._bar.setValue(round(1000 * fraction))


def _part(graph: Graph, nodes: frozenset[str]) -> Graph:
    """Return the graph of some nodes and the links among them."""
    if nodes >= graph.nodes.keys():
        return graph
    inner = {target: source for target, source in graph.edges.items() if {target.node, source.node} <= nodes}
    return Graph(nodes={node: graph.nodes[node] for node in graph.nodes if node in nodes}, edges=inner)


def _rect(box: tuple[float, float, float, float]) -> Rect:
    x, y, width, height = box
    return x, y, x + width, y + height
