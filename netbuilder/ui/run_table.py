"""The table of runs: which columns there are and what stands in each cell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from netbuilder.training.protocol import Progress
from netbuilder.training.run_values import INTERRUPTED, RUNNING, Value, title_of
from netbuilder.ui.icons import icon
from netbuilder.ui.panels.axis import value_text
from netbuilder.ui.run_rows import Row, arrange, best_of, is_percent
from netbuilder.ui.runs import Runs
from netbuilder.ui.text import clock, duration, grouped
from netbuilder.ui.theme import ThemeController, mono_font

Index = QModelIndex | QPersistentModelIndex

OVERLAY = "overlay"
"""The first column: a mark in the colour of the run's curves."""

NAME, TAGS = "name", "tags"
_NUMBERS = {"epochs", "steps", "seed", "parameters", "duration"}
_NOWHERE = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class RunTableModel(QAbstractTableModel):
    """What passes the search, sorted.

    Attributes:
        columns: The keys of the columns: `OVERLAY`, `NAME`, then those that were chosen.
        rows: What is shown, in order.
        keys: Every key that could be a column.
        chosen: What the user chose to see; None for what tells the runs apart.
    """

    def __init__(self, runs: Runs, themes: ThemeController) -> None:
        super().__init__()
        self._runs = runs
        self._themes = themes
        self._words = ""
        self._sort = ("started", True)
        self._best: dict[str, float | None] = {}
        self.columns: list[str] = [OVERLAY, NAME]
        self.rows: list[Row] = []
        self.keys: list[str] = []
        self.chosen: tuple[str, ...] | None = None

    # What is shown -------------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Show the runs as they are now."""
        rows = self._runs.rows
        self.keys = list(self._runs.keys)
        wish = self._runs.usual if self.chosen is None else [key for key in self.keys if key in self.chosen]
        columns = [OVERLAY, NAME, *(key for key in wish if key != NAME)]
        shown = arrange(rows, self._words, *self._sort)
        if columns == self.columns and [row.id for row in shown] == [row.id for row in self.rows]:
            self.rows = shown
            self._judge()
            if shown:
                self.dataChanged.emit(self.index(0, 0), self.index(len(shown) - 1, len(columns) - 1))
            return
        self.beginResetModel()
        self.columns, self.rows = columns, shown
        self._judge()
        self.endResetModel()

    def search(self, words: str) -> None:
        """Show the runs in which each of these words occurs."""
        self._words = words
        self.follow()

    def choose(self, keys: Iterable[str] | None) -> None:
        """Show these columns; None shows what tells the runs apart."""
        self.chosen = None if keys is None else tuple(keys)
        self.follow()

    def tell(self, progress: Progress) -> None:
        """Let the row of this window's run say how far it is."""
        for number, row in enumerate(self.rows):
            if row.is_own:
                values = {**row.values, "epochs": progress.epoch, "steps": progress.step}
                values["duration"] = max(0.0, _now() - row.record.started)
                self.rows[number] = Row(row.record, values, row.is_running, True)
                self.dataChanged.emit(self.index(number, 0), self.index(number, len(self.columns) - 1))

    def row_of(self, run: str) -> int:
        """Return where a run stands; -1 where it is not shown."""
        return next((number for number, row in enumerate(self.rows) if row.id == run), -1)

    def _judge(self) -> None:
        self._best = {key: best_of(self.rows, key) for key in self.columns}

    # Qt's questions ------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many runs are shown."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(self.columns)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column."""
        if 0 < column < len(self.columns):
            self._sort = (self.columns[column], order is Qt.SortOrder.DescendingOrder)
            self.follow()

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Names and tags can be typed."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        key = self.columns[index.column()]
        if key == OVERLAY:
            return flags | Qt.ItemFlag.ItemIsUserCheckable
        return flags | Qt.ItemFlag.ItemIsEditable if key in (NAME, TAGS) else flags

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's title."""
        if orientation is not Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        key = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return "" if key == OVERLAY else title_of(key)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "Whose curves are laid over the current run's" if key == OVERLAY else title_of(key)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if _is_number(key, self.rows) else _LEFT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what stands in a cell."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row, key = self.rows[index.row()], self.columns[index.column()]
        if key == OVERLAY:
            return self._mark(row, role)
        value = row.values.get(key)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return shown(key, value)
            case Qt.ItemDataRole.EditRole:
                return row.record.marks.name if key == NAME else str(value or "")
            case Qt.ItemDataRole.ToolTipRole:
                return _tip(row) if key == NAME else None
            case Qt.ItemDataRole.DecorationRole if key == NAME and row.record.marks.pinned:
                return icon("pin", "muted")
            case Qt.ItemDataRole.TextAlignmentRole if _is_number(key, self.rows):
                return _RIGHT
            case Qt.ItemDataRole.FontRole if _is_number(key, self.rows):
                return mono_font(12)
            case Qt.ItemDataRole.ForegroundRole:
                return self._color(row, key, value)
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{title_of(key)} {shown(key, value)}"
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take a name or tags that were typed, or lay curves over."""
        row, key = self.rows[index.row()], self.columns[index.column()]
        if key == OVERLAY and role == Qt.ItemDataRole.CheckStateRole:
            self._runs.set_overlay(row.id, Qt.CheckState(value) is Qt.CheckState.Checked)
            return True
        if role != Qt.ItemDataRole.EditRole:
            return False
        if key == NAME:
            self._runs.mark((row.id,), name=" ".join(str(value).split()))
        elif key == TAGS:
            self._runs.mark((row.id,), tags=split_tags(str(value)))
        return key in (NAME, TAGS)

    def _mark(self, row: Row, role: int) -> Any:
        is_shown = row.id in self._runs.overlays
        if role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if is_shown else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.DecorationRole and is_shown:
            return QColor(self._runs.color(row.id, self._themes.theme.is_dark))
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return "Its curves are shown" if is_shown else "Show its curves"
        return None

    def _color(self, row: Row, key: str, value: Value) -> QColor | None:
        theme = self._themes.theme
        if key == "state":
            token = {RUNNING: "good", INTERRUPTED: "validation", "failed": "bad"}.get(str(value), "muted")
            return theme.color(token)
        if self._best.get(key) is not None and value == self._best[key]:
            return theme.color("good")
        return None


def shown(key: str, value: Value) -> str:
    """Write a value as a cell shows it."""
    if value is None or value == "":
        return ""
    if key == "started" and isinstance(value, (int, float)):
        return clock(value)
    if key == "duration" and isinstance(value, (int, float)):
        return duration(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return " ".join(str(value).split())
    if isinstance(value, int):
        return str(value) if key == "seed" else grouped(value)
    if is_percent(key) and math.isfinite(value):
        return f"{100 * value:.1f} %"
    return value_text(value) if "/" in key and not key.startswith("plan/") else f"{value:.6g}"


def split_tags(text: str) -> tuple[str, ...]:
    """Return tags as they were typed, apart by commas, each once."""
    return tuple(dict.fromkeys(tag for part in text.split(",") if (tag := " ".join(part.split()))))


def _is_number(key: str, rows: Sequence[Row]) -> bool:
    if key in _NUMBERS:
        return True
    return any(isinstance(row.values.get(key), (int, float)) for row in rows[:20]) and key != "started"


def _tip(row: Row) -> str:
    record = row.record
    lines = [record.id, f"{record.title}, {record.device}"]
    if record.versions:
        lines.append(", ".join(f"{name} {version}" for name, version in sorted(record.versions.items())))
    if record.marks.notes:
        lines += ["", record.marks.notes[:400]]
    return "\n".join(lines)


def _now() -> float:
    import time

    return time.time()
