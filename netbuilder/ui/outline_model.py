"""The outline's model: nodes in the order of the flow, and frames; what is in a block stands below each instance.

It reads the document as it is and keeps only which rows there are. What is in a block is looked at when its row is
opened; an edit inserts and removes the rows that it touched, so that the view keeps its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QItemSelection, QModelIndex, QPersistentModelIndex, Qt

from netbuilder.compiler.paths import enclosing
from netbuilder.document.blocks import block_key, is_block
from netbuilder.document.model import ROOT, Document, Graph, Node, PortRef
from netbuilder.document.topology import flow
from netbuilder.foundation.problem import Problem
from netbuilder.ui.canvas.faces import Links, node_title, port_names
from netbuilder.ui.icons import icon
from netbuilder.ui.text import counted
from netbuilder.ui.workspace import Workspace

Index = QModelIndex | QPersistentModelIndex

COLUMNS = ("Layer", "Type", "Shape", "Problems")
_LABEL, _TYPE, _SHAPE, _PROBLEMS = range(4)
_NOWHERE = QModelIndex()


class _Item:
    """A row: a node, or a frame, as it is reached through the instances above it.

    Attributes:
        number: What Qt knows it by.
        id: The node's or frame's id, "" for the root.
        path: Its path in the network, through the first copy of each block.
        above: The row that it is below; None for the root.
        row: Where among its siblings.
        scope: The graph below it; None for a node that is no block.
        graph: That graph, as the rows below are of it.
        below: The rows below, in order; None while nobody has looked.
        by_id: The same by the ids of their nodes.
    """

    __slots__ = ("above", "below", "by_id", "graph", "id", "number", "path", "row", "scope")

    def __init__(self, number: int, id: str, path: str, above: _Item | None, scope: str | None) -> None:
        self.number, self.id, self.path, self.above, self.scope = number, id, path, above, scope
        self.row = 0
        self.graph = Graph()
        self.below: list[_Item] | None = None
        self.by_id: dict[str, _Item] = {}

    @property
    def prefix(self) -> str:
        """What the paths of the rows below begin with."""
        return f"{self.path}/0/" if self.path else ""


class OutlineModel(QAbstractItemModel):
    """The tree of a workspace's document."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._document = Document()
        self._troubles: dict[str, list[Problem]] = {}
        self._blocks = self._document.blocks
        self._items: dict[int, _Item] = {}
        self._numbers = count(1)
        self._root = self._make("", None, ROOT)
        self._root.below = []

    # Following the workspace ---------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Show the document and what is known of it as they are now.

        Rows whose nodes have changed are told one by one. What became known of others, their shapes and problems, is
        for the view to draw again: telling thousands of rows takes longer than the edit.
        """
        self._document = self._workspace.document
        self._troubles = _by_path(self._workspace.problems)
        self._sync(self._root)
        self._blocks = self._document.blocks

    def restart(self) -> None:
        """Show another document."""
        self.beginResetModel()
        self._document = self._workspace.document
        self._troubles = _by_path(self._workspace.problems)
        self._items, self._blocks = {}, self._document.blocks
        self._root = self._make("", None, ROOT)
        self._load(self._root)
        self.endResetModel()

    def _graph_below(self, item: _Item) -> Graph:
        is_there = item.scope is not None and (item.scope == ROOT or item.scope in self._document.blocks)
        return self._document.scope(item.scope or ROOT) if is_there else Graph()

    def _make(self, id: str, above: _Item | None, scope: str | None) -> _Item:
        item = _Item(next(self._numbers), id, above.prefix + id if above is not None else "", above, scope)
        self._items[item.number] = item
        return item

    def _make_for(self, id: str, above: _Item) -> _Item:
        return self._make(id, above, self._scope_of(above.graph.nodes.get(id)))

    def _scope_of(self, node: Node | None) -> str | None:
        is_known = node is not None and is_block(node) and block_key(node) in self._document.blocks
        return block_key(node) if node is not None and is_known else None

    def _frames_in(self, item: _Item) -> list[str]:
        return [id for id, frame in self._document.layout.frames.items() if frame.scope == item.scope]

    def _load(self, item: _Item) -> list[_Item]:
        """Return the rows below an item, made when they are asked for the first time."""
        if item.below is None:
            item.graph = self._graph_below(item)
            order = [*flow(item.graph), *self._frames_in(item)]
            self._set_below(item, [self._make_for(id, item) for id in order])
        assert item.below is not None, "they were just made"
        return item.below

    def _set_below(self, item: _Item, below: list[_Item]) -> None:
        item.below = below
        item.by_id = {each.id: each for each in below}
        for row, each in enumerate(below):
            each.row = row

    def _sync(self, item: _Item) -> None:
        """Insert and remove rows below an item, and below those of its rows that somebody has looked at."""
        if item.below is None:
            return
        before, item.graph = item.graph, self._graph_below(item)
        frames = self._frames_in(item)
        is_same = item.graph.edges is before.edges and item.graph.nodes.keys() == before.nodes.keys()
        if not is_same or frames != [each.id for each in item.below if each.id not in before.nodes]:
            self._replace(item, [*flow(item.graph), *frames])
        is_block = self._document.blocks is not self._blocks
        for child in item.below:
            node = item.graph.nodes.get(child.id)
            is_other = node is not before.nodes.get(child.id)
            if is_other or is_block or child.below is not None:
                child.scope = self._scope_of(node)
                self._sync(child)
            if is_other:
                self.dataChanged.emit(self._index(child), self._index(child, _PROBLEMS))

    def _replace(self, item: _Item, order: list[str]) -> None:
        """Bring the rows below an item into another order; those at the beginning and the end that agree stay."""
        assert item.below is not None, "nobody has looked at what is below"
        old, place = [each.id for each in item.below], self._index(item)
        most, start, kept = min(len(old), len(order)), 0, 0
        while start < most and old[start] == order[start]:
            start += 1
        while kept < most - start and old[-1 - kept] == order[-1 - kept]:
            kept += 1
        head, gone, tail = item.below[:start], item.below[start : len(old) - kept], item.below[len(old) - kept :]
        come = order[start : len(order) - kept]
        if gone:
            self.beginRemoveRows(place, start, start + len(gone) - 1)
            for each in gone:
                self._forget(each)
            self._set_below(item, head + tail)
            self.endRemoveRows()
        if come:
            self.beginInsertRows(place, start, start + len(come) - 1)
            self._set_below(item, head + [self._make_for(id, item) for id in come] + tail)
            self.endInsertRows()

    def _forget(self, item: _Item) -> None:
        del self._items[item.number]
        for child in item.below or ():
            self._forget(child)

    # Paths ---------------------------------------------------------------------------------------------------------

    def path(self, index: Index) -> str:
        """Return the path of the node of a row."""
        return self._item(index).path

    def find(self, path: str) -> QModelIndex:
        """Return the row of a node by its path, in whichever copy of a block."""
        item = self._item_at(path)
        return self._index(item) if item is not None else QModelIndex()

    def locate(self, paths: Iterable[str]) -> QItemSelection:
        """Return the rows of nodes by their paths, in whichever copy of a block, as few ranges as there can be."""
        rows: dict[int, tuple[_Item, list[int]]] = {}
        for path in paths:
            item = self._item_at(path)
            if item is not None and item.above is not None:
                rows.setdefault(item.above.number, (item.above, []))[1].append(item.row)
        selection = QItemSelection()
        for above, numbers in rows.values():
            place = self._index(above)
            for first, last in _ranges(sorted(numbers)):
                selection.select(self.index(first, 0, place), self.index(last, _PROBLEMS, place))
        return selection

    def _item_at(self, path: str) -> _Item | None:
        item: _Item | None = self._root
        for id in path.split("/")[::2]:
            if item is not None:
                self._load(item)
                item = item.by_id.get(id)
        return item

    # Qt's model ----------------------------------------------------------------------------------------------------

    def _item(self, index: Index) -> _Item:
        return self._items[index.internalId()] if index.isValid() else self._root

    def _index(self, item: _Item, column: int = 0) -> QModelIndex:
        return QModelIndex() if item is self._root else self.createIndex(item.row, column, item.number)

    def index(self, row: int, column: int, parent: Index = _NOWHERE) -> QModelIndex:
        """Return where a row is."""
        below = self._load(self._item(parent))
        if not (0 <= row < len(below) and 0 <= column < len(COLUMNS)):
            return QModelIndex()
        return self.createIndex(row, column, below[row].number)

    def parent(self, index: Index = _NOWHERE) -> QModelIndex:  # type: ignore[override]  # QObject.parent is another
        """Return the row above."""
        above = self._item(index).above if index.isValid() else None
        return self._index(above) if above is not None else QModelIndex()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many rows are below one."""
        return len(self._load(self._item(parent))) if parent.column() <= 0 else 0

    def columnCount(self, _: Index = _NOWHERE) -> int:
        """Return how many columns there are."""
        return len(COLUMNS)

    def hasChildren(self, parent: Index = _NOWHERE) -> bool:
        """Return whether a row is a block with something in it, without looking into it."""
        if parent.column() > 0:
            return False
        item = self._item(parent)
        return bool(self._graph_below(item).nodes if item.below is None else item.below)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's title."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a row says in a column."""
        item = self._item(index)
        node = item.above.graph.nodes.get(item.id) if item.above is not None else None
        if node is None:
            return self._frame_data(item.id, index.column(), role)
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(item, node, index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole and index.column() == _LABEL:
            return ", ".join(filter(None, (self._text(item, node, column) for column in range(len(COLUMNS)))))
        troubles = self._troubles.get(item.path, ())
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(problem.message for problem in troubles) or node.note or None
        if role == Qt.ItemDataRole.DecorationRole and index.column() == _PROBLEMS and troubles:
            is_error = any(problem.is_error for problem in troubles)
            return icon("error", "bad") if is_error else icon("warning", "validation")
        return None

    def _frame_data(self, id: str, column: int, role: int) -> str | None:
        frame = self._document.layout.frames.get(id)
        if frame is None:
            return None
        title = frame.title or "untitled"
        if role == Qt.ItemDataRole.DisplayRole:
            return (title, "Frame", "", "")[column]
        if role == Qt.ItemDataRole.AccessibleTextRole and column == _LABEL:
            return f"{title}, Frame"
        return (frame.note or None) if role == Qt.ItemDataRole.ToolTipRole else None

    def _text(self, item: _Item, node: Node, column: int) -> str:
        if column == _LABEL:
            return node.label
        if column == _TYPE:
            return node_title(node, self._document, self._workspace.vocabulary.get(node.type))
        if column == _SHAPE:
            return self._shape(item, node)
        troubles = self._troubles.get(item.path, ())
        return troubles[0].message if len(troubles) == 1 else counted(len(troubles), "problem") if troubles else ""

    def _shape(self, item: _Item, node: Node) -> str:
        """Return the shapes at a node's outputs, as far as they are known."""
        shapes = self._workspace.shapes
        instance = shapes.expansion.instances.get(item.path.rpartition("/")[0])
        values = instance.values if instance is not None else {}
        _, outputs = port_names(node, self._document, self._workspace.vocabulary, Links(), values)
        types = (shapes.types.get(PortRef(item.path, port)) for port in outputs)
        return ", ".join(type.short or "scalar" for type in types if type is not None)


def _ranges(numbers: list[int]) -> Iterable[tuple[int, int]]:
    """Yield the runs of consecutive numbers as first and last."""
    first = last = -2
    for number in numbers:
        if number > last + 1:
            if last >= 0:
                yield first, last
            first = number
        last = number
    if last >= 0:
        yield first, last


def _by_path(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    """Return problems by the path of the node that they are about, and by those of the blocks it is in."""
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.node:
            parts = problem.node.split("/")
            path = "/".join("0" if number % 2 else part for number, part in enumerate(parts))
            for each in (*enclosing(path), path):
                found.setdefault(each, []).append(problem)
    return found
