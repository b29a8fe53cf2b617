"""What the Moments panel is made of: the choice of a run and a moment, and one layer's answers at two of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from netbuilder.training.moments import Moment
from netbuilder.training.protocol import Picture, PictureKind
from netbuilder.ui.panels.cards import Card
from netbuilder.ui.panels.matrices import BarsView
from netbuilder.ui.panels.mosaic import Mosaic
from netbuilder.ui.panels.timeline import moment_text
from netbuilder.ui.theme import Theme

NO_MAPS = "Select a layer, and press Show both: its answers at both moments appear here."


class MomentPicker(QWidget):
    """A run and one of its moments.

    Signals:
        chosen: () the user chose another one.
    """

    chosen = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.runs, self.moments = QComboBox(), QComboBox()
        for box, title in ((self.runs, f"Run of the {name} moment"), (self.moments, f"The {name} moment")):
            box.setAccessibleName(title)
            box.setToolTip(title)
            box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.moments.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.runs)
        row.addWidget(self.moments)
        self._known: Mapping[Path, tuple[Moment, ...]] = {}
        self._first = True
        self._picked: tuple[Path, int] | None = None  # by the user; else the first or the last moment is followed
        self.runs.currentIndexChanged.connect(self._fill)
        self.moments.activated.connect(self._pick)
        self.runs.activated.connect(self._pick)

    @property
    def choice(self) -> tuple[Path, int] | None:
        """The run's folder and the moment's step."""
        run, step = self.runs.currentData(), self.moments.currentData()
        return None if run is None or step is None else (Path(run), step)

    def offer(
        self, known: Mapping[Path, tuple[Moment, ...]], own: Path | None, names: Mapping[str, str], *, first: bool
    ) -> None:
        """Offer these runs and moments; what the user chose stays, where it is still there.

        Args:
            known: Run -> its moments.
            own: The run in the window.
            names: Id -> what people call a run.
            first: Whether to begin with a run's first moment, else with its last.
        """
        chosen, self._first = self._picked, first
        self._known = known
        self.runs.blockSignals(True)
        self.runs.clear()
        for run in known:
            name = "this run" if run == own else names.get(run.name, run.name)
            self.runs.addItem(name, str(run))  # text: Qt finds no Path again
            self.runs.setItemData(self.runs.count() - 1, run.name, Qt.ItemDataRole.ToolTipRole)
        wish = chosen[0] if chosen is not None and chosen[0] in known else own
        self.runs.setCurrentIndex(max(self.runs.findData(str(wish)), 0) if known else -1)
        self.runs.blockSignals(False)
        self._fill()
        if chosen is not None and str(chosen[0]) == self.runs.currentData():
            place = self.moments.findData(chosen[1])
            if place >= 0:
                self.moments.setCurrentIndex(place)

    def choose(self, run: Path, step: int) -> None:
        """Choose a moment."""
        self._picked = run, step
        self.runs.setCurrentIndex(self.runs.findData(str(run)))
        self.moments.setCurrentIndex(self.moments.findData(step))

    def _pick(self) -> None:
        self._picked = self.choice
        self.chosen.emit()

    def _fill(self) -> None:
        moments = self._known.get(Path(self.runs.currentData() or ""), ())
        self.moments.clear()
        for moment in moments:
            self.moments.addItem(moment_text(moment), moment.step)
        self.moments.setCurrentIndex(0 if self._first else len(moments) - 1)


class BothCard(Card):
    """What one layer answers to a sample at both moments."""

    def __init__(self, theme: Theme) -> None:
        super().__init__("Activations", NO_MAPS)
        self.show_both = QToolButton()
        self.show_both.setText("Show both")
        self.show_both.setProperty("role", "small")
        self.show_both.setFixedHeight(20)
        self.show_both.setToolTip("Look at the selected layer at both moments, one after the other")
        self.head.addWidget(self.show_both)
        self.mosaics = (Mosaic(smallest=12, largest=80), Mosaic(smallest=12, largest=80))
        self.bars = (BarsView(theme), BarsView(theme))
        self._page = QWidget()
        row = QHBoxLayout(self._page)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(14)
        for mosaic, bars in zip(self.mosaics, self.bars, strict=True):
            row.addWidget(mosaic, 1)
            row.addWidget(bars, 1)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        for bars in self.bars:
            bars.set_theme(theme)

    def show_pictures(self, both: list[Picture], labels: tuple[str, ...]) -> None:
        """Show two pictures of one node."""
        low = min((picture.extent[0] for picture in both if picture.extent), default=0.0)
        high = max((picture.extent[1] for picture in both if picture.extent), default=1.0)
        for picture, mosaic, bars in zip(both, self.mosaics, self.bars, strict=True):
            is_maps = picture.kind is PictureKind.MAPS
            mosaic.setVisible(is_maps)
            bars.setVisible(not is_maps)
            if is_maps:
                mosaic.set_maps(picture.data, low, high)  # one scale for both: else a faint one would look as strong
            else:
                bars.set_values(picture.data, labels)
        self.note.setText(f"steps {both[0].step:,} and {both[1].step:,}, sample {both[0].sample + 1}")
        self.show_body(self._page)
