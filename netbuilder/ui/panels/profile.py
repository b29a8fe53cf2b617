"""The Profile panel: what each layer takes of a step's time and memory, as measured, beside what was estimated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, QSortFilterProxyModel, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from netbuilder.training.profile_report import NodeProfile, ProfileReport, newest_report
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.cards import Card
from netbuilder.ui.panels.chart_files import table
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.panels.plot_export import PlotExport
from netbuilder.ui.panels.titles import node_title
from netbuilder.ui.panels.watched import find_node
from netbuilder.ui.theme import Theme, ThemeController, mono_font
from netbuilder.ui.units import duration, memory
from netbuilder.ui.workspace import Workspace

EMPTY = "Train > Profile (F7) measures how long each layer takes forward and backward, and what it keeps in memory."
_SORT = Qt.ItemDataRole.UserRole
_SHARE = Qt.ItemDataRole.UserRole + 1
_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Row:
    """One layer.

    Attributes:
        path: Its node path.
        label: Its label.
        title: What it is.
        node: What was measured.
        share: Its part of the whole time, 0 to 1.
        estimate: Bytes that it was estimated to keep for the batch; None where it is not known.
    """

    path: str
    label: str
    title: str
    node: NodeProfile
    share: float
    estimate: int | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, what is written, what it is sorted by, and what it means."""

    title: str
    text: Callable[[Row], str]
    key: Callable[[Row], Any]
    tip: str


COLUMNS: Final = (
    Column("Layer", lambda row: row.label, lambda row: row.label.lower(), "A click selects it"),
    Column("Type", lambda row: row.title, lambda row: row.title.lower(), "What it is"),
    Column("Forward", lambda row: duration(row.node.forward), lambda row: row.node.forward, "Time forward, a batch"),
    Column(
        "Backward", lambda row: duration(row.node.backward), lambda row: row.node.backward, "Time backward, a batch"
    ),
    Column("Both", lambda row: duration(row.node.seconds), lambda row: row.node.seconds, "Forward and backward"),
    Column("Share", lambda row: f"{100 * row.share:.1f} %", lambda row: row.share, "Part of all layers' time"),
    Column("Output", lambda row: memory(row.node.output), lambda row: row.node.output, "Memory of its output, a batch"),
    Column(
        "Kept",
        lambda row: memory(row.node.kept),
        lambda row: row.node.kept,
        "Memory that it keeps for the backward pass, measured; what several layers need counts at the first",
    ),
    Column(
        "Estimated",
        lambda row: "" if row.estimate is None else memory(row.estimate),
        lambda row: row.estimate or 0,
        "What was estimated before the start that it keeps",
    ),
)


def profile_rows(workspace: Workspace, report: ProfileReport) -> list[Row]:
    """Return a row for every layer that was measured, those that the document has no more included."""
    rows = []
    flat, costs = workspace.shapes.expansion.flat.graph.nodes, workspace.costs.nodes
    for path, measured in report.nodes.items():
        node = flat.get(path) or find_node(workspace, path)
        cost = costs.get(path)
        rows.append(
            Row(
                path,
                node.label if node else path,
                node_title(workspace.document, node) if node else "gone",
                measured,
                report.share(measured),
                cost.kept * report.rows if cost else None,
            )
        )
    return rows


class ProfileModel(QAbstractTableModel):
    """The rows as Qt's views want them."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []

    def set_rows(self, rows: list[Row]) -> None:
        """Show these layers."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many layers there are."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows or is sorted by."""
        row, column = self.rows[index.row()], COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == _SORT:
            return column.key(row)
        if role == _SHARE:
            return row.share if column.title == "Share" else None
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 1:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.FontRole and index.column() > 1:
            return mono_font(12)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.label}: {column.tip}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's title and what it means."""
        if orientation is Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                # The mark of the order stands at the right end, where numbers' titles end.
                return COLUMNS[section].title + ("    " if section > 1 else "")
            if role == Qt.ItemDataRole.ToolTipRole:
                return COLUMNS[section].tip
            if role == Qt.ItemDataRole.TextAlignmentRole:
                side = Qt.AlignmentFlag.AlignRight if section > 1 else Qt.AlignmentFlag.AlignLeft
                return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None


class _ShareBar(QStyledItemDelegate):
    """Draws a layer's share as a bar behind its number."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.theme = theme

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        share = index.data(_SHARE)
        if share:
            room = QRectF(option.rect).adjusted(6, 4, -6, -4)
            color = self.theme.color("accent")
            color.setAlphaF(0.35)
            room.setWidth(max(room.width() * min(share, 1.0), 2.0))
            painter.fillRect(room, color)
        super().paint(painter, option, index)


class ProfilePanel(LivePanel):
    """The table, and what all layers take together."""

    def build(self) -> None:
        """Make the card with its table."""
        self.model = ProfileModel()
        self.sorted = QSortFilterProxyModel()
        self.sorted.setSourceModel(self.model)
        self.sorted.setSortRole(_SORT)
        self.card = Card("Profile", EMPTY)
        self.again = QPushButton("Profile")
        self.again.setToolTip("Measure what each layer takes (F7); the training is not changed by it")
        self.again.clicked.connect(self.workspace.profile)
        self.card.head.addWidget(self.again)
        self.table = self._make_table()
        PlotExport(self.workspace, self.table, "profile", lambda: table(self.rows()))
        column = QHBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.addWidget(self.card)
        self._shown: object = None

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setAccessibleName("What each layer takes")
        table.setModel(self.sorted)
        table.setSortingEnabled(True)
        table.sortByColumn(5, Qt.SortOrder.DescendingOrder)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setTextElideMode(Qt.TextElideMode.ElideLeft)  # of a layer in a block the end tells which it is
        table.setFrameShape(QTableView.Shape.NoFrame)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(24)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.setItemDelegateForColumn(5, _ShareBar(self.theme, table))
        table.selectionModel().currentRowChanged.connect(self._choose)
        return table

    def refresh(self) -> None:
        """Show the newest report."""
        report = newest_report(self.workspace.events)
        self.again.setEnabled(bool(self.workspace.document.graph.nodes))
        settled = self.workspace.is_settled
        if (report, settled) == self._shown:
            return
        self._shown = report, settled
        if report is None:
            self.card.note.clear()
            self.card.show_empty()
            return
        self.model.set_rows(profile_rows(self.workspace, report))
        self._fit()
        self.card.note.setText(summary(report, self.workspace.costs.total.kept * report.rows))
        self.card.show_body(self.table)

    def _fit(self) -> None:
        """Make columns as wide as what is in them, and the mark of the order beside it."""
        self.table.resizeColumnsToContents()
        for index in range(1, len(COLUMNS)):
            self.table.setColumnWidth(index, self.table.columnWidth(index) + 14)

    def rows(self) -> Iterator[list[str]]:
        """Yield the table in plain numbers: seconds and bytes, a head first."""
        yield ["node", "label", "type", "forward_s", "backward_s", "share", "output_bytes", "kept_bytes", "estimated"]
        for row in self.model.rows:
            numbers = (row.node.forward, row.node.backward, row.share, row.node.output, row.node.kept)
            estimate = "" if row.estimate is None else str(row.estimate)
            yield [row.path, row.label, row.title, *map(repr, numbers), estimate]

    def _choose(self, index: QModelIndex) -> None:
        if index.isValid():
            self.workspace.reveal(self.model.rows[self.sorted.mapToSource(index).row()].path)

    def restyle(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.table.setItemDelegateForColumn(5, _ShareBar(theme, self.table))


def summary(report: ProfileReport, estimate: int) -> str:
    """Return what all layers take together, in a line.

    Args:
        report: What was measured.
        estimate: Bytes that the network was estimated to keep for the batch.
    """
    total = report.total
    return (
        f"A batch of {report.rows:,}: {duration(total.forward)} forward, {duration(total.backward)} backward"
        f" (a whole pass {duration(report.seconds)}) · keeps {memory(total.kept)}, estimated {memory(estimate)}"
        f" · median of {report.passes} on {report.device}, step {report.step:,}"
    )


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return ProfilePanel(workspace, themes)


PANEL = PanelSpec(key="profile", title="Profile", area=Area.BOTTOM, order=37, shortcut="", make=_make, is_spare=True)
