"""The Outline panel: the network as a tree of rows, in step with the canvas; what a screen reader reads it by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTreeView, QVBoxLayout, QWidget

from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Change, Workspace

if TYPE_CHECKING:
    from netbuilder.ui.outline_model import OutlineModel

_WIDTHS = (260, 200, 160)
_SELECT = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows


class OutlinePanel(QWidget):
    """The tree. While it is hidden it follows nothing.

    Attributes:
        tree: The view; made at the first showing.
        model: What it shows; None before the first showing.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.tree: QTreeView
        self.model: OutlineModel | None = None
        self._is_following = False  # while the tree is brought to what the canvas has selected
        self._is_leading = False  # while the canvas is brought to what the tree has
        workspace.documentChanged.connect(self._follow)
        workspace.documentReplaced.connect(self._restart)
        workspace.shapesChanged.connect(self.refresh)
        workspace.selectionChanged.connect(self._follow_selection)

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up."""
        super().showEvent(event)
        if self.model is None:
            self._build()
        self.refresh()

    def _follow(self, change: Change) -> None:
        if not change.difference.is_layout_only or change.difference.frames:
            self.refresh()

    def refresh(self) -> None:
        """Follow the document, where somebody looks."""
        if self.model is None or not self.isVisible():
            return
        self._is_following = True  # rows that go take their selection with them: the canvas has its own
        try:
            self.model.follow()
        finally:
            self._is_following = False
        self.tree.viewport().update()
        self._follow_selection()

    def _build(self) -> None:
        from netbuilder.ui.outline_model import OutlineModel

        self.tree = QTreeView()
        self.tree.setObjectName("outlineTree")
        self.tree.setFrameShape(QFrame.Shape.NoFrame)
        self.tree.setAccessibleName("Outline")
        self.tree.setAccessibleDescription("Layers in the order of the flow; Enter goes into a block")
        self.tree.setUniformRowHeights(True)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tree.setExpandsOnDoubleClick(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.addWidget(self.tree)
        self.model = OutlineModel(self._workspace)
        self.model.setParent(self)
        self.tree.setModel(self.model)
        header = self.tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, width in enumerate(_WIDTHS):
            header.resizeSection(column, width)
        self.tree.selectionModel().selectionChanged.connect(self._lead)
        self.tree.activated.connect(self._enter)

    def _restart(self) -> None:
        if self.model is not None:
            self.model.restart()

    def _follow_selection(self) -> None:
        """Select the rows of what is selected on the canvas, and open the blocks that they are in."""
        if self.model is None or not self.isVisible() or self._is_leading:
            return
        workspace = self._workspace
        at = workspace.scopes.at
        chosen = frozenset() if at.sample else workspace.selection | workspace.selected_frames
        rows = self.model.locate(at.path(node) for node in chosen)
        self._is_following = True
        try:
            self.tree.selectionModel().select(rows, _SELECT)
            first = self.model.find(at.path(next(iter(chosen)))) if chosen else QModelIndex()
            if first.isValid():
                self.tree.selectionModel().setCurrentIndex(first, QItemSelectionModel.SelectionFlag.NoUpdate)
                self.tree.scrollTo(first)
        finally:
            self._is_following = False

    def _lead(self, _selected: QItemSelection, _deselected: QItemSelection) -> None:
        """Select on the canvas what is selected here; of rows in several graphs, those beside the current one."""
        if self._is_following or self.model is None:
            return
        current = self.tree.currentIndex()
        rows = self.tree.selectionModel().selectedRows()
        beside = [row for row in rows if row.parent() == current.parent()] or rows[:1]
        self._is_leading = True
        try:
            if not beside:
                self._workspace.select(())
                return
            paths = [self.model.path(row) for row in beside]
            is_here = current in rows
            self._workspace.reveal(self.model.path(current) if is_here else paths[0])
            frames = self._workspace.document.layout.frames
            ids = [path.rpartition("/")[2] for path in paths]
            self._workspace.select((id for id in ids if id not in frames), (id for id in ids if id in frames))
        finally:
            self._is_leading = False

    def _enter(self, index: QModelIndex) -> None:
        """Go into a block; bring any other node into view."""
        if self.model is None:
            return
        path = self.model.path(index)
        self._workspace.reveal(path)
        if self.model.hasChildren(index.siblingAtColumn(0)):
            self._workspace.scopes.enter(path.rpartition("/")[2])
            self.tree.expand(index.siblingAtColumn(0))


def _make(workspace: Workspace, _: ThemeController) -> QWidget:
    return OutlinePanel(workspace)


PANEL = PanelSpec(
    key="outline", title="Outline", area=Area.BOTTOM, order=60, shortcut="Ctrl+8", make=_make, is_spare=True
)
