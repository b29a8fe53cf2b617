"""The Runs panel: every run of the project in a table, to be sorted, searched, named, compared and laid over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.theme import Theme, ThemeController
from netbuilder.ui.workspace import Workspace

if TYPE_CHECKING:
    from netbuilder.ui.run_view import RunView

LOOK_MS = 2000
"""How often the disk is asked for runs of other programs, while somebody looks."""

TELL_MS = 500
"""How often the row of the run in progress is written again."""

_SELECT = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows


class RunsPanel(QWidget):
    """The table with its search; while nobody looks it reads nothing.

    Attributes:
        view: What it shows; made at the first showing.
    """

    view: RunView

    def __init__(self, workspace: Workspace, themes: ThemeController) -> None:
        super().__init__()
        self._workspace, self._runs, self._themes = workspace, workspace.runs, themes
        self._is_built = False
        self._is_following = False
        self._looks = QTimer(self, interval=LOOK_MS)
        self._looks.timeout.connect(self._runs.look)
        self._tells = QTimer(self, interval=TELL_MS)
        self._tells.timeout.connect(self._tell)

    def showEvent(self, event: QShowEvent) -> None:
        """Build at the first showing, and read what there is at every one."""
        super().showEvent(event)
        if not self._is_built:
            self._build()
        self._looks.start()
        self._tells.start()
        self._runs.look()
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """Read nothing while nobody looks."""
        super().hideEvent(event)
        self._looks.stop()
        self._tells.stop()

    def refresh(self) -> None:
        """Show the runs as they are known now."""
        if not self._is_built:
            return
        self._is_following = True
        try:
            self.view.model.follow()
            self.view.show_count()
        finally:
            self._is_following = False
        self._select()

    def _build(self) -> None:
        from netbuilder.ui.run_view import RunView

        self.view = view = RunView(self._workspace, self._themes, self)
        self._is_built = True
        view.table.selectionModel().selectionChanged.connect(self._lead)
        view.table.customContextMenuRequested.connect(self._open_menu)
        view.model.modelReset.connect(self._select)
        self._runs.changed.connect(self.refresh)
        self._runs.overlaysChanged.connect(self._repaint_marks)
        self._runs.selectionChanged.connect(self._select)
        self._runs.deleted.connect(self._offer_undo)
        self._themes.changed.connect(self._restyle)

    # Methods of a widget, since a signal of the workspace would keep anything else alive.

    def _repaint_marks(self) -> None:
        self.view.repaint_marks()

    def _offer_undo(self, runs: tuple[str, ...], size: int) -> None:
        self.view.offer_undo(runs, size)

    def _tell(self) -> None:
        if self._workspace.state.is_active:
            self.view.model.tell(self._workspace.progress)

    def _lead(self, _selected: QItemSelection, _deselected: QItemSelection) -> None:
        if not self._is_following:
            rows = sorted(index.row() for index in self.view.table.selectionModel().selectedRows())
            self._runs.select(self.view.model.rows[row].id for row in rows)

    def _select(self) -> None:
        """Select the rows of the selected runs."""
        self.view.refresh_buttons()
        selection = self.view.table.selectionModel()
        shown = [self.view.model.row_of(run) for run in self._runs.selection]
        if sorted(index.row() for index in selection.selectedRows()) == sorted(row for row in shown if row >= 0):
            return
        self._is_following = True
        try:
            selection.clearSelection()
            for row in shown:
                if row >= 0:
                    selection.select(self.view.model.index(row, 1), _SELECT)
        finally:
            self._is_following = False

    def _open_menu(self, at: QPoint) -> None:
        if self._runs.selection:
            self.view.menu().popup(self.view.table.viewport().mapToGlobal(at))

    def _restyle(self, theme: Theme) -> None:
        self.refresh()


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return RunsPanel(workspace, themes)


PANEL = PanelSpec(key="runs", title="Runs", area=Area.BOTTOM, order=35, shortcut="Ctrl+9", make=_make)
