"""Export of plots: every plot's context menu writes it as a picture (PNG, SVG) or its numbers as a table (CSV)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, cast

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractScrollArea, QMenu, QWidget

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.foundation.save import atomic_save
from netbuilder.ui.dialogs import choose_target
from netbuilder.ui.panels.chart_files import table, write_png, write_svg
from netbuilder.ui.workspace import Workspace


class Tabular(Protocol):
    """A plot that knows its numbers."""

    def rows(self) -> Iterable[Sequence[object]]:
        """Return them as a table, its head first."""
        ...


def export_plots(workspace: Workspace, plots: Mapping[str, QWidget]) -> None:
    """Offer to export several plots, each of which knows its numbers.

    Args:
        workspace: Tells what was written, and what could not be.
        plots: What files are called at first -> the plot, a `Tabular`.
    """
    for name, plot in plots.items():
        PlotExport(workspace, plot, name, partial(_table_of, cast("Tabular", plot)))


def _table_of(plot: Tabular) -> Iterable[bytes]:
    return table(plot.rows())


class PlotExport(QObject):
    """Offers to export one plot.

    Attributes:
        plot: The widget that shows it.
    """

    def __init__(
        self,
        workspace: Workspace,
        plot: QWidget,
        name: str,
        values: Callable[[], Iterable[bytes]],
        draw: Callable[[QPainter], None] | None = None,
    ) -> None:
        """Give a plot its context menu.

        Args:
            workspace: Tells what was written, and what could not be.
            plot: The widget; it owns this.
            name: What files are called at first.
            values: Gives its numbers as CSV, piece by piece.
            draw: Draws it; None draws what the widget shows.
        """
        super().__init__(plot)
        self.plot = plot
        self._workspace = workspace
        self._name = name
        self._values = values
        self._draw = draw or self._render
        plot.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        plot.customContextMenuRequested.connect(self._open)

    def fill(self, menu: QMenu) -> None:
        """Add the two entries to a menu."""
        menu.addAction("Export picture…", self._ask_for_picture)
        menu.addAction("Export values…", self._ask_for_values)

    def menu(self) -> QMenu:
        """Return the context menu."""
        menu = QMenu(self.plot)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.fill(menu)
        return menu

    def write(self, path: str) -> None:
        """Write a file of the kind that its name ends with: .csv, .svg, else a PNG.

        What goes wrong is told through the workspace.
        """
        writers = {".csv": partial(atomic_save, path, self._values())}
        writers[".svg"] = partial(write_svg, path, self.plot, self._draw)
        write = writers.get(Path(path).suffix.lower(), partial(write_png, path, self.plot, self._draw))
        try:
            write()
        except NetbuilderError as error:
            self._workspace.problemsRaised.emit(error.problems)
        else:
            self._workspace.message.emit(f"Exported {path}")

    def _open(self, at: QPoint) -> None:
        place = self.plot.viewport() if isinstance(self.plot, QAbstractScrollArea) else self.plot
        self.menu().popup(place.mapToGlobal(at))

    def _ask_for_picture(self) -> None:
        self._ask("Export picture", {".png": "PNG picture", ".svg": "SVG drawing"})

    def _ask_for_values(self) -> None:
        self._ask("Export values", {".csv": "Table"})

    def _ask(self, title: str, kinds: Mapping[str, str]) -> None:
        name = f"{self._name}{next(iter(kinds))}"
        path = choose_target(self.plot, title, self._workspace.file.folder / name, kinds)
        if path is not None:
            self.write(str(path))

    def _render(self, painter: QPainter) -> None:
        # Without its background: that of the file is filled in already.
        self.plot.render(painter, QPoint(), renderFlags=QWidget.RenderFlag.DrawChildren)
