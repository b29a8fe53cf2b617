"""The watched node: which layer's inner life is shown, and the card that shows it as maps or bars."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from PySide6.QtWidgets import QVBoxLayout, QWidget

from netbuilder.document.model import ROOT, Document, Node
from netbuilder.training.protocol import Picture, PictureKind, State
from netbuilder.ui.colors import diverging
from netbuilder.ui.panels.axis import short_text, value_text
from netbuilder.ui.panels.cards import Card
from netbuilder.ui.panels.matrices import BarsView
from netbuilder.ui.panels.mosaic import GAP, Mosaic
from netbuilder.ui.panels.titles import node_title
from netbuilder.ui.text import counted
from netbuilder.ui.theme import Theme
from netbuilder.ui.workspace import Workspace

SELECT = "Select a layer: its activations appear here."
TRAIN = "Press Train: the activations of the selected layer appear here."
WAIT = "The first pictures come with the next look of the probe."
NONE = "This layer has no activations to draw."


def watched_node(workspace: Workspace) -> str:
    """Return the node path whose pictures panels show: the selected node's, else the last one watched; "" for none."""
    pictured = {node for kind, node in workspace.pictures if kind in (PictureKind.MAPS, PictureKind.VECTOR)}
    if pictured:
        for path in (*map(workspace.scopes.source_of, sorted(workspace.selection)), *workspace.trainer.watched):
            if path in pictured:
                return path
    return workspace.scopes.source_of(min(workspace.selection)) if workspace.selection else ""


def watch_something(workspace: Workspace) -> None:
    """When a run goes on and the user has chosen nothing to watch, watch the first layer that has maps."""
    if workspace.selection or workspace.trainer.watched or workspace.state is not State.RUNNING:
        return
    # Faces are drawn of what is in view only; weights are told of always.
    for kind in (PictureKind.THUMBS, PictureKind.BARS, PictureKind.WEIGHTS):
        for pictured, node in workspace.pictures:
            if pictured is kind:
                workspace.control.watch((node,), workspace.trainer.sample)
                return


def find_node(workspace: Workspace, path: str) -> Node | None:
    """Return the node at a node path, as far as the document (still) has it."""
    return find_in(workspace.document, path)


def _chosen_node(workspace: Workspace, path: str) -> Node | None:
    """Return the node by whose name a path's pictures go: of a block, whose value is a layer's inside, the block."""
    nodes = workspace.document.scope(workspace.scope).nodes
    chosen = (node for node in sorted(workspace.selection) if workspace.scopes.source_of(node) == path)
    return next((nodes[node] for node in chosen if node in nodes), None) or find_node(workspace, path)


def find_in(document: Document, path: str) -> Node | None:
    """Return the node at a node path of a document."""
    name = path.rpartition("/")[2]
    for graph in (document.scope(ROOT), *(block.graph for block in document.blocks.values())):
        if name in graph.nodes:
            return graph.nodes[name]
    return None


class MapsCard(Card):
    """What a layer answers to one sample: maps as a mosaic, a vector as bars."""

    def __init__(self, theme: Theme, *, smallest: int = 18, largest: int = 120) -> None:
        super().__init__("Activations", SELECT)
        self.mosaic = Mosaic(smallest=smallest, largest=largest)
        self.bars = BarsView(theme)
        self._page = QWidget()
        column = QVBoxLayout(self._page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.mosaic)
        column.addWidget(self.bars)
        self._shown: Picture | None = None
        self._described: Node | None = None
        self._describe_again: Callable[[], None] | None = None
        self.mosaic.laidOut.connect(self._follow_layout)

    def _follow_layout(self) -> None:
        if self._shown is not None and self._describe_again is not None:
            self._describe_again()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.bars.set_theme(theme)

    def refresh(self, workspace: Workspace) -> None:
        """Show the watched node's newest picture."""
        watch_something(workspace)
        path = watched_node(workspace)
        node = _chosen_node(workspace, path)
        pictures = workspace.pictures
        picture = pictures.get((PictureKind.MAPS, path)) or pictures.get((PictureKind.VECTOR, path))
        if node is None or picture is None or not picture.data.size:
            self._shown = None
            self.title.setText(node_title(workspace.document, node) if node else "Activations")
            self.note.clear()
            self.show_empty(self._missing(workspace, node, path))
            return
        is_new = picture is not self._shown
        if is_new:
            self._shown = picture
            self._draw(picture, picture.labels or class_names(workspace, len(picture.data)))
        if is_new or node is not self._described:
            self._described = node
            self._describe_again = partial(self._describe, workspace, node, picture)
            self._describe_again()
        self.show_body(self._page)

    def _missing(self, workspace: Workspace, node: Node | None, path: str) -> str:
        if node is None:
            return SELECT if workspace.pictures or workspace.state.is_active else TRAIN
        if workspace.state in (State.STARTING, State.RUNNING) and not workspace.pictures:
            return WAIT
        trained = workspace.trainer.document
        if not workspace.trainer.can_watch or (trained is not None and find_in(trained, node.id) is None):
            return TRAIN
        return WAIT if any(pictured == path for _, pictured in workspace.pictures) else NONE

    def _draw(self, picture: Picture, labels: tuple[str, ...]) -> None:
        maps = picture.kind is PictureKind.MAPS
        self.mosaic.setVisible(maps)
        self.bars.setVisible(not maps)
        if maps:
            self.mosaic.set_maps(picture.data, *_extent(picture))
        else:
            self.bars.set_values(picture.data, labels)

    def _describe(self, workspace: Workspace, node: Node, picture: Picture) -> None:
        count = len(picture.data)
        title = node_title(workspace.document, node)
        if picture.kind is PictureKind.MAPS:
            shown = min(self.mosaic.shown or count, count)
            part = f"{shown} of {count} maps" if shown < count else counted(count, "map")
            self.title.setText(f"{title} · {part if shown < count else picture.caption or part}")
        else:
            self.title.setText(f"{title} · {counted(count, 'unit')}")
        low, high = _extent(picture)
        total = sample_count(workspace)
        sample = f"sample {picture.sample + 1} of {total}"
        full = f"{sample}   {short_text(low)} to {short_text(high)}"
        # The range is the first to go where room is short, then the words: the tooltip has all.
        room, metrics = self.width() - self.title.sizeHint().width() - 32, self.note.fontMetrics()
        fitting = (text for text in (full, sample) if metrics.horizontalAdvance(text) <= room)
        self.note.setText(next(fitting, f"{picture.sample + 1}/{total}"))
        extent = f"smallest value {value_text(low)}, largest {value_text(high)}"
        self.note.setToolTip(f"S{sample[1:]}: {extent}, taken at step {picture.step:,}")


_MATRIX = 1024
_LOWEST = 6
"""Pixels: the longer side of a matrix at most, and what a flat one is given."""


class KernelsView(Mosaic):
    """A layer's kernels as little pictures, coloured around zero; a matrix takes all the room there is."""

    def __init__(self, *, smallest: int = 18, largest: int = 120) -> None:
        super().__init__(smallest=smallest, largest=largest)
        self._tile = largest

    def show_kernels(self, picture: Picture, theme: Theme) -> None:
        """Show a KERNELS picture."""
        self._largest = self._tile if len(picture.data) > 1 else _MATRIX
        limit = float(np.max(np.abs(np.nan_to_num(picture.data)), initial=0.0)) or 1.0
        self.set_maps(picture.data, -limit, limit, diverging(theme.is_dark))

    def height_for(self, width: int) -> int:
        """Return the height that all kernels need at their largest size."""
        high, wide = self._maps.shape[1:]
        if len(self._maps) == 1:
            return max(int(min(width, _MATRIX) * high // wide), _LOWEST)
        tile = self._largest * wide // max(high, wide)
        columns = max((width + GAP) // (tile + GAP), 1)
        rows = -(-len(self._maps) // columns)
        return int(rows * (self._largest * high // max(high, wide) + GAP))


def sample_count(workspace: Workspace) -> int:
    """Return how many fixed samples the probe has."""
    for (kind, _), picture in workspace.pictures.items():
        if kind is PictureKind.SAMPLES:
            return len(picture.data)
    return 16


def class_names(workspace: Workspace, count: int) -> tuple[str, ...]:
    """Return the names of the classes when there are so many: those of the data's fields."""
    for schema in workspace.document.schemas.values():
        for one in schema.fields:
            if one.classes and len(one.classes) == count:
                return one.classes
    return ()


def _extent(picture: Picture) -> tuple[float, float]:
    if len(picture.extent) >= 2:
        return picture.extent[0], picture.extent[1]
    finite = picture.data[np.isfinite(picture.data)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
