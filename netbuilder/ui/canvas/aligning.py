"""Aligning and distributing the selected nodes: each is one undo entry."""

from __future__ import annotations

import numpy as np

from netbuilder.document.model import Place
from netbuilder.ui.canvas.arrays import Floats
from netbuilder.ui.canvas.commands import Commands
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.workspace import Workspace


class Aligning:
    """What the menu Graph > Align does."""

    def __init__(self, workspace: Workspace, content: Content, commands: Commands) -> None:
        self._workspace = workspace
        self._content = content
        self._commands = commands

    def left(self) -> None:
        """Move the left edges to the leftmost one."""
        self._align(0, 0.0)

    def right(self) -> None:
        """Move the right edges to the rightmost one."""
        self._align(0, 1.0)

    def top(self) -> None:
        """Move the upper edges to the highest one."""
        self._align(1, 0.0)

    def bottom(self) -> None:
        """Move the lower edges to the lowest one."""
        self._align(1, 1.0)

    def middles(self) -> None:
        """Move the nodes' middles to one height."""
        self._align(1, 0.5)

    def centers(self) -> None:
        """Move the nodes' middles below each other."""
        self._align(0, 0.5)

    def distribute_across(self) -> None:
        """Make the gaps between the nodes equal from left to right; the outer two stay."""
        self._distribute(0)

    def distribute_down(self) -> None:
        """Make the gaps between the nodes equal from top to bottom; the outer two stay."""
        self._distribute(1)

    def _align(self, axis: int, part: float) -> None:
        """Move nodes along an axis until the point at a part of their extent is at that of all of them together."""
        nodes, rects = self._chosen()
        if len(nodes) < 2:
            return
        starts, sizes = rects[:, axis], rects[:, 2 + axis]
        low, high = starts.min(), (starts + sizes).max()
        self._move("Align", nodes, rects, axis, low + (high - low) * part - sizes * part)

    def _distribute(self, axis: int) -> None:
        nodes, rects = self._chosen()
        if len(nodes) < 3:
            return
        starts, sizes = rects[:, axis], rects[:, 2 + axis]
        order = np.argsort(starts + sizes / 2, kind="stable")
        inner = sizes[order]
        whole = (starts + sizes)[order[-1]] - starts[order[0]]
        gap = (whole - inner.sum()) / (len(order) - 1)
        placed = np.empty(len(order))
        placed[order] = starts[order[0]] + np.concatenate([[0.0], np.cumsum(inner[:-1] + gap)])
        self._move("Distribute", nodes, rects, axis, placed)

    def _chosen(self) -> tuple[list[str], Floats]:
        nodes = [node for node in self._content.graph.nodes if node in self._workspace.selection]
        arrays = self._content.arrays
        return nodes, arrays.rects[arrays.rows(nodes)].copy()

    def _move(self, verb: str, nodes: list[str], rects: Floats, axis: int, starts: Floats) -> None:
        corners = rects[:, :2]
        corners[:, axis] = np.round(starts)
        places = {node: Place(x, y) for node, (x, y) in zip(nodes, corners.tolist(), strict=True)}
        self._commands.move(places, verb=verb)
