"""What the Runs panel shows: the search and its buttons, the table, and a card of the selected run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QPushButton,
    QStackedLayout,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from netbuilder.training.run_values import FIXED, title_of
from netbuilder.ui.icons import icon
from netbuilder.ui.panels.cards import ElidedLabel, label
from netbuilder.ui.run_card import RunCard, room_text
from netbuilder.ui.run_rows import Row
from netbuilder.ui.run_table import NAME, OVERLAY, RunTableModel
from netbuilder.ui.text import counted, file_size
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace

EMPTY = "No runs yet. Press Train: every run is kept here, with its curves, settings and weights."
NOTHING_FOUND = "No run has all these words in its name, tags, notes or settings."

_WIDTHS = {
    OVERLAY: 30,
    NAME: 160,
    "state": 108,
    "started": 124,
    "duration": 76,
    "epochs": 66,
    "steps": 66,
    "seed": 60,
    "plan/epochs": 124,
}
_USUAL_WIDTH = 108
_KEYS = {
    Qt.Key.Key_Space: "runs.overlay",
    Qt.Key.Key_Return: "runs.open",
    Qt.Key.Key_Enter: "runs.open",
    Qt.Key.Key_Delete: "runs.delete",
}
_WITH = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


class _Marks(QStyledItemDelegate):
    """Draws the first column: a box in the colour of the run's curves."""

    def __init__(self, themes: ThemeController, parent: QWidget) -> None:
        super().__init__(parent)
        self._themes = themes

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw a box, and a tick in it where the curves are shown."""
        theme = self._themes.theme
        place: QRect = option.rect
        color = index.data(Qt.ItemDataRole.DecorationRole)
        box = QRect(0, 0, 15, 15)
        box.moveCenter(place.center())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(color if isinstance(color, QColor) else theme.color("node_border"), 1.2))
        painter.setBrush(color if isinstance(color, QColor) else theme.color("field"))
        painter.drawRoundedRect(box, 4, 4)
        if isinstance(color, QColor):
            painter.setPen(QPen(theme.color("panel"), 2))
            corner = box.topLeft()
            painter.drawPolyline([corner + QPoint(x, y) for x, y in ((3, 8), (6, 11), (12, 4))])
        painter.restore()

    def editorEvent(
        self,
        event: QEvent,
        model: object,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        """A click anywhere in the cell ticks it."""
        if isinstance(event, QMouseEvent) and event.type() is QEvent.Type.MouseButtonRelease:
            now = Qt.CheckState(index.data(Qt.ItemDataRole.CheckStateRole))
            other = Qt.CheckState.Unchecked if now is Qt.CheckState.Checked else Qt.CheckState.Checked
            index.model().setData(index, other, Qt.ItemDataRole.CheckStateRole)
            return True
        return event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Return the room that a box needs."""
        return QSize(28, 24)


class RunTable(QTableView):
    """The table: Space lays curves over, Enter opens, Delete deletes.

    Signals:
        asked: (str) the action of this id is asked for.
    """

    asked = Signal(str)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Act on the selected runs."""
        action = _KEYS.get(Qt.Key(event.key())) if not event.modifiers() & _WITH else None
        if action is not None and self.selectionModel().hasSelection():
            self.asked.emit(action)
        else:
            super().keyPressEvent(event)


class RunView:
    """Makes the panel's content in `parent`.

    Attributes:
        model: What the table shows.
        table: The table.
        search: The search.
        card: What is said of the selected run.
    """

    def __init__(self, workspace: Workspace, themes: ThemeController, parent: QWidget) -> None:
        self._workspace, self._runs = workspace, workspace.runs
        self.model = RunTableModel(workspace.runs, themes)
        self.model.setParent(parent)
        chosen = workspace.preferences.get("runs.columns")
        self.model.chosen = tuple(map(str, chosen)) if isinstance(chosen, list) else None
        self.table = self._make_table(themes, parent)
        self.card = RunCard(workspace)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search runs")
        self.search.setAccessibleName("Search runs")
        self.search.setClearButtonEnabled(True)
        self.search.setFixedWidth(220)
        self.search.textChanged.connect(self._search)
        self.count = ElidedLabel("", "muted")
        self.undo = _button("Undo", "undo", "Bring back what was just deleted", self._undelete)
        self.undo.hide()
        self.compare = _button(
            "Compare", "", "Differences of the two selected runs", partial(self._ask, "runs.compare")
        )
        self.columns = _button("Columns", "chevron-down", "Which columns are shown", self._open_columns)
        self.export = _button("Export", "chevron-down", "The table or the curves as files", self._open_export)
        self.none = _button("Clear overlays", "", "Take all curves away that are laid over", self._runs.clear_overlays)
        self._lay_out(parent)
        self.model.modelReset.connect(self._size_columns)
        self.refresh_buttons()

    def _make_table(self, themes: ThemeController, parent: QWidget) -> RunTable:
        table = RunTable(parent)
        table.asked.connect(self._ask)
        table.setModel(self.model)
        table.setAccessibleName("Runs")
        table.setAccessibleDescription("Space lays a run's curves over, Enter opens it, F2 renames it")
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.DoubleClicked
        )
        table.setShowGrid(False)
        table.setAlternatingRowColors(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.setItemDelegateForColumn(0, _Marks(themes, table))
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(26)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsMovable(True)
        header.setMinimumSectionSize(28)
        header.setSortIndicatorShown(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(lambda at: self.columns_menu().popup(header.mapToGlobal(at)))
        header.setSortIndicator(-1, Qt.SortOrder.DescendingOrder)
        table.setSortingEnabled(True)
        return table

    def _lay_out(self, parent: QWidget) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(8)
        bar.addWidget(self.search)
        bar.addWidget(self.count, 1)
        for button in (self.undo, self.none, self.compare, self.columns, self.export):
            bar.addWidget(button)
        self.empty = label(EMPTY, "muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedLayout()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.table)
        middle = QHBoxLayout()
        middle.setSpacing(12)
        middle.addLayout(self.stack, 1)
        middle.addWidget(self.card)
        column = QVBoxLayout(parent)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(6)
        column.addLayout(bar)
        column.addLayout(middle, 1)

    def show_count(self) -> None:
        """Say how many runs there are, and show the table where there are some."""
        total, shown = len(self._runs.rows), len(self.model.rows)
        words = counted(total, "run") if shown == total else f"{shown:,} of {counted(total, 'run')}"
        overlays = len(self._runs.overlays)
        words += f", {overlays} laid over" if overlays else ""
        self.count.setText(f"{words}{_room(self._runs.rows)}" if total else "")
        self.empty.setText(NOTHING_FOUND if total else EMPTY)
        self.stack.setCurrentWidget(self.table if shown else self.empty)
        self.none.setVisible(bool(overlays))
        self.card.refresh()

    def repaint_marks(self) -> None:
        """Draw the marks of what is laid over again."""
        if self.model.rows:
            self.model.dataChanged.emit(self.model.index(0, 0), self.model.index(len(self.model.rows) - 1, 0))
        self.show_count()

    def offer_undo(self, runs: tuple[str, ...], size: int) -> None:
        """Say what was deleted, and offer to bring it back."""
        self.undo.setText(f"Undo deleting {counted(len(runs), 'run')} ({file_size(size)})")
        self.undo.setVisible(bool(runs))

    def menu(self) -> QMenu:
        """Return what can be done with the selected runs."""
        from netbuilder.ui.menus.runs import MENU

        return self._menu_of(MENU)

    def columns_menu(self) -> QMenu:
        """Return the menu of columns."""
        menu = _passing(self.table)
        usual = menu.addAction("What tells the runs apart")
        usual.setCheckable(True)
        usual.setChecked(self.model.chosen is None)
        usual.triggered.connect(lambda: self._choose(None))
        shown = set(self.model.columns)
        groups = {"": menu, "best/": None, "last/": None, "test/": None, "plan/": None}
        titles = {"best/": "Best results", "last/": "Last results", "test/": "On the test part", "plan/": "Settings"}
        menu.addSeparator()
        for key in self.model.keys:
            head = key.partition("/")[0] + "/" if "/" in key and key not in FIXED else ""
            if key == NAME:
                continue
            inner = groups.get(head) or menu.addMenu(titles[head])
            groups[head] = inner
            action = inner.addAction(title_of(key))
            action.setCheckable(True)
            action.setChecked(key in shown)
            action.triggered.connect(partial(self._toggle, key))
        return menu

    def _menu_of(self, menu_title: str) -> QMenu:
        from netbuilder.ui.action_table import ACTIONS

        menu = _passing(self.table)
        for spec in ACTIONS:
            if spec.menu == menu_title:
                if spec.follows_line:
                    menu.addSeparator()
                action = menu.addAction(spec.title, partial(self._ask, spec.id))
                action.setEnabled(spec.enabled(self._workspace))
                if spec.icon:
                    action.setIcon(icon(spec.icon))
        return menu

    def _open_columns(self) -> None:
        self.columns_menu().popup(self.columns.mapToGlobal(self.columns.rect().bottomLeft()))

    def _open_export(self) -> None:
        from netbuilder.ui.menus.runs import EXPORT_MENU

        self._menu_of(EXPORT_MENU).popup(self.export.mapToGlobal(self.export.rect().bottomLeft()))

    def _toggle(self, key: str) -> None:
        now = [column for column in self.model.columns if column not in (OVERLAY, NAME)]
        self._choose([each for each in now if each != key] if key in now else [*now, key])

    def _choose(self, keys: list[str] | None) -> None:
        self._workspace.preferences.set("runs.columns", keys)
        self.model.choose(keys)

    def _search(self, words: str) -> None:
        self.model.search(words)
        self.show_count()

    def _undelete(self) -> None:
        self.undo.hide()
        self._runs.undelete()

    def _ask(self, action: str) -> None:
        self._runs.asked.emit(action)

    def refresh_buttons(self) -> None:
        """Let the buttons and the card follow the selection."""
        self.compare.setEnabled(len(self._runs.selection) == 2)
        self.card.refresh()

    def _size_columns(self) -> None:
        for column, key in enumerate(self.model.columns):
            self.table.setColumnWidth(column, _WIDTHS.get(key, _USUAL_WIDTH))


def _room(rows: Iterable[Row]) -> str:
    """Say what runs take on the disk."""
    size, snapshots = (sum(getattr(row.taken, name) for row in rows) for name in ("size", "snapshots"))
    return f"; {room_text(size, snapshots)}" if size else ""


def _passing(parent: QWidget) -> QMenu:
    menu = QMenu(parent)
    menu.aboutToHide.connect(menu.deleteLater)
    return menu


def _button(text: str, name: str, tip: str, call: Callable[[], object]) -> QPushButton:
    button = QPushButton(icon(name, "muted"), text) if name else QPushButton(text)
    button.setProperty("role", "quiet")
    button.setToolTip(tip)
    button.clicked.connect(lambda _checked=False: call())
    return button
