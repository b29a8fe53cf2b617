"""What the panels that list layers share: a card with the list, and a switch for what is selected."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QScrollArea

from netbuilder.ui.panels.cards import Card, scrolling
from netbuilder.ui.panels.layer_list import LayerList, layers_of
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.panels.plot_export import export_plots
from netbuilder.ui.theme import Theme


class LayerPanel(LivePanel):
    """A list of layers that is drawn again only where what was told of them has changed.

    Attributes:
        list: The list.
        card: The card around it.
        only: Whether only what is selected is listed.
    """

    title: str
    plot: str
    empty: str
    unselected: str

    @abstractmethod
    def make_list(self) -> LayerList:
        """Return the list."""

    @abstractmethod
    def told(self) -> Mapping[str, int]:
        """Return how much was told of each layer, by node path."""

    def note(self) -> str:
        """Return what stands beside the title where there are layers."""
        return f"at step {self.workspace.progress.step:,}"

    def build(self) -> None:
        """Make the card."""
        self.list = self.make_list()
        export_plots(self.workspace, {self.plot: self.list})
        self._area = scrolled(self.list)
        self.card = Card(self.title, self.empty)
        self.only = QCheckBox("Only selected")
        self.only.toggled.connect(self.refresh)
        self.card.head.addWidget(self.only)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.addWidget(self.card)
        self._drawn: object = None

    def refresh(self) -> None:
        """Show what the run has told."""
        told = self.told()
        layers = layers_of(self.workspace, told, selected_only=self.only.isChecked())
        drawn = layers, tuple(told.values()), self.workspace.selection
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self.list.set_layers(layers)
        self.card.note.setText(self.note() if layers else "")
        if layers:
            self.card.show_body(self._area)
        else:
            self.card.show_empty(self.unselected if told and self.only.isChecked() else self.empty)

    def restyle(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.list.set_theme(theme)


def scrolled(layers: LayerList) -> QScrollArea:
    """Return a frameless area in which a list is as wide as there is room, and scrolled, also by its keys."""
    area = scrolling(layers)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the list takes the keys, and one stop on the way is enough
    layers.wanted.connect(partial(_show_all_of, area))
    return area


def _show_all_of(area: QScrollArea, row: QRect) -> None:
    middle = row.center()
    area.ensureVisible(0, middle.y(), 0, row.height() // 2 + 4)
