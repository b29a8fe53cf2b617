"""The Activations panel: what the selected layer answers to one of the probe's fixed samples."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from netbuilder.training.protocol import Picture, PictureKind
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.cards import Card, label
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.panels.mosaic import ImageView, sample_image
from netbuilder.ui.panels.plot_export import export_plots
from netbuilder.ui.panels.watched import MapsCard, sample_count, watched_node
from netbuilder.ui.theme import Theme, ThemeController
from netbuilder.ui.workspace import Workspace

FIXED = "The same 16 validation samples are shown to the network again and again, so that pictures can be compared."


class SampleCard(Card):
    """Chooses which of the fixed samples is looked at."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("Sample")
        self._workspace = workspace
        self._shown: Picture | None = None
        self._chosen = -1
        self.setFixedWidth(190)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.view = ImageView(112)
        self.number = label("", "number")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Sample")
        self.slider.setToolTip(FIXED)
        self.slider.setPageStep(4)
        self.slider.setMinimum(1)
        self.slider.valueChanged.connect(self._choose)
        line = QHBoxLayout()
        line.addWidget(self.slider, 1)
        line.addWidget(self.number)
        column.addWidget(self.view, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(line)
        self.hint = label("", "muted", wrap=True)
        column.addWidget(self.hint)
        column.addStretch(1)
        self.show_body(page)

    def refresh(self) -> None:
        """Show the chosen sample's picture."""
        chosen, count = self._workspace.trainer.sample, sample_count(self._workspace)
        with QSignalBlocker(self.slider):
            self.slider.setMaximum(count)
            self.slider.setValue(chosen + 1)
        able = self._workspace.trainer.can_watch
        self.slider.setEnabled(able)
        self.number.setText(f"{chosen + 1:>2} of {count}")
        for widget in (self.slider, self.number):
            widget.setVisible(able)
        self.hint.setText("" if able else "Samples can be chosen once a network has been trained.")
        pictures = [one for (kind, _), one in self._workspace.pictures.items() if kind is PictureKind.SAMPLES]
        picture = pictures[0] if pictures else None
        if picture is self._shown and chosen == self._chosen:
            return
        self._shown, self._chosen = picture, chosen
        self.view.setVisible(picture is not None)
        if picture is not None:
            self.view.set_image(sample_image(picture.data[min(chosen, len(picture.data) - 1)]))
            self.note.setText(picture.labels[chosen] if chosen < len(picture.labels) else "")

    def _choose(self, number: int) -> None:
        node = watched_node(self._workspace)
        nodes = self._workspace.trainer.watched or ((node,) if node else ())
        self._workspace.control.watch(nodes, number - 1)
        self.refresh()


class ActivationsPanel(LivePanel):
    """The sample, and all maps of the selected layer."""

    def build(self) -> None:
        """Make both cards."""
        self.sample = SampleCard(self.workspace)
        self.maps = MapsCard(self.theme, smallest=24, largest=200)
        export_plots(self.workspace, {"activations": self.maps.mosaic, "values": self.maps.bars})
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(12)
        row.addWidget(self.sample)
        row.addWidget(self.maps, 1)

    def refresh(self) -> None:
        """Show the newest pictures."""
        self.sample.refresh()
        self.maps.refresh(self.workspace)

    def restyle(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.maps.set_theme(theme)


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return ActivationsPanel(workspace, themes)


PANEL = PanelSpec(key="activations", title="Activations", area=Area.BOTTOM, order=20, shortcut="Ctrl+2", make=_make)
