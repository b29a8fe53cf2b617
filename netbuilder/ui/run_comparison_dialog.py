"""The dialog that shows how two runs differ: networks beside each other, settings, results, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPen
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QListWidget,
    QListWidgetItem,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from netbuilder.ui.dialog import Dialog
from netbuilder.ui.differences import describe_difference
from netbuilder.ui.network_picture import NetworkPicture
from netbuilder.ui.overlays import Order, draw
from netbuilder.ui.panels.cards import label
from netbuilder.ui.panels.chart import Chart
from netbuilder.ui.panels.legend import Legend
from netbuilder.ui.panels.trace import Unit
from netbuilder.ui.run_comparison import ADDED, CHANGED, REMOVED, Comparison, NodeDifference, Pair
from netbuilder.ui.runs import COLORS
from netbuilder.ui.theme import controller, mono_font
from netbuilder.ui.workspace import Workspace

_TOKENS = {ADDED: "good", REMOVED: "bad", CHANGED: "validation"}
_SIGNS = {ADDED: "+", REMOVED: "−", CHANGED: "~"}
NONE = "The networks are the same."
SAME = "Both runs have the same settings, data and versions."
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class MarkedPicture(NetworkPicture):
    """A network whose differing nodes are framed, in the colour of what became of them."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        self._framed: dict[str, str] = {}
        super().__init__(parent)
        self.setAccessibleName(f"The network of {name}")

    def frame(self, nodes: Mapping[str, str]) -> None:
        """Frame these nodes: id -> the theme's token of the colour."""
        self._framed = {node: token for node, token in nodes.items() if node in self.content.faces}
        self.renew()

    def paint_overlay(self, painter: QPainter) -> None:
        """Frame what differs."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for node, token in self._framed.items():
            painter.setPen(QPen(controller().theme.color(token), 2.5))
            painter.drawRoundedRect(QRectF(self.node_rect(node)).adjusted(-3, -3, 3, 3), 7, 7)
        painter.restore()


class RunComparisonDialog(Dialog):
    """Shows how two runs differ; nothing in it changes anything.

    Attributes:
        nodes: The list of what differs between the networks.
        pictures: Both networks.
        results: The table of results.
        settings: The table of settings.
        chart: Both runs' curves.
    """

    def __init__(self, comparison: Comparison, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._comparison = comparison
        names = [str(row.values["name"]) for row in comparison.rows]
        self.setWindowTitle("Compare two runs")
        self.resize(1080, 680)
        heading = label(f"{names[0]}  ⟷  {names[1]}", "heading")
        difference = describe_difference(*comparison.documents)
        summary = label(f"From the first to the second: {difference}.", "muted", wrap=True)
        tabs = QTabWidget(documentMode=True)
        tabs.addTab(self._networks(names), "Networks")
        self.results = _table("Results", names, comparison.results)
        self.settings = _table("Settings", names, comparison.settings)
        tabs.addTab(_page(self.results, self.settings, len(comparison.settings)), "Results and settings")
        tabs.addTab(self._curves(workspace), "Curves")
        tabs.setCurrentIndex(0 if comparison.nodes else 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        for widget in (heading, summary):
            column.addWidget(widget)
        column.addWidget(tabs, 1)
        column.addWidget(buttons)

    def _networks(self, names: Sequence[str]) -> QWidget:
        self.nodes = QListWidget()
        self.nodes.setAccessibleName("What differs between the networks")
        self.nodes.setFixedWidth(330)
        self.nodes.setWordWrap(True)
        for one in self._comparison.nodes:
            self.nodes.addItem(_item(one))
        if not self._comparison.nodes:
            self.nodes.addItem(NONE)
        self.pictures = tuple(MarkedPicture(name) for name in names)
        framed = {one.node: _TOKENS[one.what] for one in self._comparison.nodes if one.node}
        right = QVBoxLayout()
        right.setSpacing(8)
        for name, picture, document in zip(names, self.pictures, self._comparison.documents, strict=True):
            picture.show_document(document)
            picture.frame(framed)
            right.addWidget(label(name, "muted"))
            right.addWidget(_framed(picture), 1)
        self.nodes.currentRowChanged.connect(self._reveal)
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(0, 10, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.nodes)
        row.addLayout(right, 1)
        return page

    def _curves(self, workspace: Workspace) -> QWidget:
        theme = controller().theme
        self.chart = Chart(theme)
        self.legend = Legend(theme)
        monitor = f"{workspace.document.plan.monitor}/validation"
        known = [name for curves in self._comparison.curves for name in curves.series]
        metrics = [name for name in known if name.endswith("/validation") and name != "loss/validation"]
        right = monitor if monitor in metrics else next(iter(metrics), "")
        runs = tuple(zip(self._comparison.curves, COLORS, strict=False))
        drawn = draw(Order(runs=runs, right=right, unit=Unit.STEPS, weight=0.0, has_bands=False))
        self.chart.set_traces(drawn.traces)
        self.legend.set_traces(drawn.traces)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 10, 0, 0)
        column.addWidget(self.legend)
        about = "Solid: training loss. Dashed: validation loss."
        column.addWidget(label(about + (f" Dotted: {right.removesuffix('/validation')}." if right else ""), "caption"))
        column.addWidget(self.chart, 1)
        return page

    def _reveal(self, row: int) -> None:
        """Show a node that differs as selected in both pictures, which show all of their networks."""
        if 0 <= row < len(self._comparison.nodes):
            node = self._comparison.nodes[row].node
            for picture in self.pictures:
                picture.selection = frozenset({node}) & picture.content.faces.keys()
                picture.renew()


def _item(one: NodeDifference) -> QListWidgetItem:
    text = f"{_SIGNS[one.what]}  {one.title}" + (f"\n     {one.detail}" if one.detail else "")
    item = QListWidgetItem(text)
    item.setForeground(QBrush(controller().theme.color(_TOKENS[one.what])))
    item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{one.what}: {one.title} {one.detail}")
    item.setToolTip(one.detail)
    return item


def _framed(widget: QWidget) -> QFrame:
    frame = QFrame()
    frame.setProperty("card", "true")
    inside = QVBoxLayout(frame)
    inside.setContentsMargins(1, 1, 1, 1)
    inside.addWidget(widget)
    return frame


def _page(results: QTableWidget, settings: QTableWidget, count: int) -> QWidget:
    page = QWidget()
    row = QHBoxLayout(page)
    row.setContentsMargins(0, 10, 0, 0)
    row.setSpacing(16)
    for title, table, is_empty in (("RESULTS", results, False), ("SETTINGS THAT DIFFER", settings, not count)):
        column = QVBoxLayout()
        column.addWidget(label(title, "section"))
        if is_empty:
            column.addWidget(label(SAME, "muted", wrap=True))
            column.addStretch(1)
            table.hide()
        column.addWidget(table, 1)
        row.addLayout(column, 1)
    return page


def _table(name: str, names: Sequence[str], pairs: Sequence[Pair]) -> QTableWidget:
    theme = controller().theme
    table = QTableWidget(len(pairs), 3)
    table.setAccessibleName(name)
    for column, name in enumerate(("", *names)):
        head = QTableWidgetItem(name)
        head.setTextAlignment(_RIGHT)
        table.setHorizontalHeaderItem(column, head)
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    for row, pair in enumerate(pairs):
        for column, text in enumerate((pair.title, pair.first, pair.second)):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            if column:
                item.setTextAlignment(_RIGHT)
                item.setFont(mono_font(12))
            if pair.better is not None and column == pair.better + 1:
                item.setForeground(QBrush(theme.color("good")))
                item.setText(f"✓ {text}")
            table.setItem(row, column, item)
    return table
