"""The Profile panel: what each layer takes of a step's time and memory, as measured, beside what was estimated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
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
_SHARE = 5  # the column of shares, by which the table is sorted at first
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_BAR = QSize(52, 10)
_NAME = 72  # pixels for a layer's name at least


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


class _Cell(QTableWidgetItem):
    """One cell, sorted by its value rather than by its text."""

    def __init__(self, row: Row, column: Column) -> None:
        super().__init__(column.text(row))
        self.path = row.path
        self.key = column.key(row)
        self.setToolTip(f"{row.label}: {column.tip}")

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return bool(self.key < other.key) if isinstance(other, _Cell) else super().__lt__(other)


@lru_cache(maxsize=256)
def share_bar(percent: int, color: str) -> QPixmap:
    """Return a bar that fills so large a part of its room, for beside the number.

    Args:
        percent: 0 to 100; the smallest bar is still seen.
        color: Its colour's name.
    """
    picture = QPixmap(_BAR * 2)
    picture.setDevicePixelRatio(2.0)
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        painter.fillRect(QRectF(0, 0, max(_BAR.width() * percent / 100, 1.0), _BAR.height()), QColor(color))
    return picture


class ProfilePanel(LivePanel):
    """The table, and what all layers take together."""

    def build(self) -> None:
        """Make the card with its table."""
        self.shown: list[Row] = []
        self.card = Card("Profile", EMPTY)
        self.again = QPushButton("Profile")
        self.again.setToolTip("Measure what each layer takes (F7); the training is not changed by it")
        self.again.clicked.connect(self.workspace.control.profile)
        self.card.head.addWidget(self.again)
        self.table = self._make_table()
        PlotExport(self.workspace, self.table, "profile", lambda: table(self.rows()))
        column = QHBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.addWidget(self.card)
        self._shown: object = None

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, len(COLUMNS))
        table.setAccessibleName("What each layer takes")
        for index, column in enumerate(COLUMNS):
            # The mark of the order stands at the right end, where numbers' titles end.
            head = QTableWidgetItem(column.title + ("    " if index > 1 else ""))
            head.setTextAlignment(_RIGHT if index > 1 else _LEFT)
            head.setToolTip(column.tip)
            table.setHorizontalHeaderItem(index, head)
        table.setIconSize(_BAR)
        table.setSortingEnabled(True)
        table.sortByColumn(_SHARE, Qt.SortOrder.DescendingOrder)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setTextElideMode(Qt.TextElideMode.ElideLeft)  # of a layer in a block the end tells which it is
        table.setFrameShape(QTableWidget.Shape.NoFrame)
        table.horizontalHeader().setMinimumSectionSize(_NAME)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(24)
        table.currentItemChanged.connect(self._choose)
        return table

    def _fill(self) -> None:
        """Put the rows into the table; it sorts them again."""
        with QSignalBlocker(self.table):
            self.table.setSortingEnabled(False)
            self.table.setRowCount(len(self.shown))
            for index, row in enumerate(self.shown):
                for number, column in enumerate(COLUMNS):
                    self.table.setItem(index, number, self._cell(row, number, column))
            self.table.setSortingEnabled(True)
            self.table.setCurrentItem(None)  # type: ignore[call-overload]

    def _cell(self, row: Row, number: int, column: Column) -> QTableWidgetItem:
        cell = _Cell(row, column)
        if number > 1:
            cell.setTextAlignment(_RIGHT)
            cell.setFont(mono_font(12))
        if number == _SHARE and row.share > 0:
            cell.setData(Qt.ItemDataRole.DecorationRole, share_bar(min(round(100 * row.share), 100), self.theme.accent))
        return cell

    def refresh(self) -> None:
        """Show the newest report."""
        report = newest_report(self.workspace.events)
        self.again.setEnabled(bool(self.workspace.document.graph.nodes))
        shown = report, self.workspace.is_settled, self.workspace.shapes.expansion.flat.graph.nodes
        if shown == self._shown:
            return
        self._shown = shown
        if report is None:
            self.card.note.clear()
            self.card.show_empty()
            return
        self.shown = profile_rows(self.workspace, report)
        self._fill()
        self._fit()
        self.card.note.setText(summary(report, self.workspace.costs.total.kept * report.rows))
        self.card.show_body(self.table)

    def _fit(self) -> None:
        """Make columns as wide as what is in them; the names have the rest."""
        self.table.resizeColumnsToContents()
        for index in range(1, len(COLUMNS)):
            # Qt measures digits a little short, and more so beside a bar.
            self.table.setColumnWidth(index, self.table.columnWidth(index) + (30 if index == _SHARE else 9))

    def rows(self) -> Iterator[list[str]]:
        """Yield the table in plain numbers: seconds and bytes, a head first."""
        yield ["node", "label", "type", "forward_s", "backward_s", "share", "output_bytes", "kept_bytes", "estimated"]
        for row in self.shown:
            numbers = (row.node.forward, row.node.backward, row.share, row.node.output, row.node.kept)
            estimate = "" if row.estimate is None else str(row.estimate)
            yield [row.path, row.label, row.title, *map(repr, numbers), estimate]

    def _choose(self, item: QTableWidgetItem | None) -> None:
        if isinstance(item, _Cell):
            self.workspace.reveal(item.path)

    def restyle(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._fill()


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
