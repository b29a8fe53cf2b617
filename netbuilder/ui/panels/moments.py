"""The Moments panel: two moments, of this run or of two runs of the project, side by side."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.moments import Moment
from netbuilder.training.protocol import Picture, PictureKind
from netbuilder.training.snapshot_files import snapshots_of
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.cards import Card, label
from netbuilder.ui.panels.errands import Errand
from netbuilder.ui.panels.layer_list import layers_of
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.panels.matrices import BarsView
from netbuilder.ui.panels.moment_views import AnswersView, ChangeList, ConfusionChange, ValueTable
from netbuilder.ui.panels.mosaic import Mosaic
from netbuilder.ui.panels.plot_export import export_plots
from netbuilder.ui.panels.timeline import moment_text
from netbuilder.ui.panels.updates import scrolled
from netbuilder.ui.panels.watched import class_names, watched_node
from netbuilder.ui.theme import Theme, ThemeController
from netbuilder.ui.workspace import Workspace

if TYPE_CHECKING:
    from netbuilder.training.comparison import Comparison

EMPTY = "Train, and choose two moments of the run: here you will see what changed between them."
NO_MAPS = "Select a layer, and press Show both: its answers at both moments appear here."
_DRAWN = (PictureKind.MAPS, PictureKind.VECTOR)


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
        self._known: dict[Path, tuple[Moment, ...]] = {}
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

    def offer(self, known: dict[Path, tuple[Moment, ...]], own: Path | None, first: bool) -> None:
        """Offer these runs and moments; what the user chose stays, where it is still there.

        Args:
            known: Run -> its moments.
            own: The run in the window.
            first: Whether to begin with a run's first moment, else with its last.
        """
        chosen, self._first = self._picked, first
        self._known = known
        self.runs.blockSignals(True)
        self.runs.clear()
        for run in known:
            self.runs.addItem("this run" if run == own else run.name, str(run))  # text: Qt finds no Path again
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


class MomentsPanel(LivePanel):
    """Two pickers, and cards that say what differs."""

    def build(self) -> None:
        """Make pickers and cards."""
        self.first, self.second = MomentPicker("first"), MomentPicker("second")
        self.swap = QToolButton()
        self.swap.setText("⇄")
        self.swap.setProperty("role", "small")
        self.swap.setAccessibleName("Swap the moments")
        self.swap.setToolTip("Swap the moments")
        self.swap.clicked.connect(self._swap)
        self.changes = ChangeList(self.workspace, self.theme)
        self.values, self.confusion = ValueTable(), ConfusionChange(self.theme)
        self.answers = AnswersView(self.theme)
        plots = {"layer changes": self.changes, "metrics": self.values}
        export_plots(self.workspace, plots | {"confusion change": self.confusion, "answers": self.answers})
        self.cards = {
            "layers": Card("Layers", EMPTY),
            "values": Card("Metrics", "Nothing was recorded up to both moments."),
            "confusion": Card("Confusion", "No epoch had ended at one of the moments."),
            "answers": Card("Answers", "The moments' answers cannot be compared."),
        }
        self.both = BothCard(self.theme)
        self.both.show_both.clicked.connect(self._look_at_both)
        self._area = scrolled(self.changes)
        self._lay_out()
        self._errand = Errand(self)
        self._errand.done.connect(self._show)
        self._errand.failed.connect(self._refuse)
        self._compared: object = None
        self._offered: object = None
        self._queue: list[int] = []
        self._caught: list[Picture] = []
        self._return_to: int | None = None
        for picker in (self.first, self.second):
            picker.chosen.connect(self._compare)
        self.workspace.past.changed.connect(self._follow_past)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        for widget in (label("From", "muted"), self.first, self.swap, label("to", "muted"), self.second):
            head.addWidget(widget)
        head.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(8)
        stretches = (8, 3, 4, 4, 6)
        for card, stretch in zip((*self.cards.values(), self.both), stretches, strict=True):
            row.addWidget(card, stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(8)
        column.addLayout(head)
        column.addLayout(row, 1)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest useful size."""
        return QSize(420, 120)

    def refresh(self) -> None:
        """Offer the moments that there are, and compare those that are chosen."""
        own = self.workspace.trainer.folder
        stamp = own, self.workspace.past.moments, self.workspace.runs.folder
        if stamp != self._offered:
            self._offered = stamp
            known = self._find(own)
            self.first.offer(known, own, first=True)
            self.second.offer(known, own, first=False)
        self._compare()

    def restyle(self, theme: Theme) -> None:
        """Draw in other colours."""
        for part in (self.changes, self.confusion, self.answers, self.both):
            part.set_theme(theme)

    def _find(self, own: Path | None) -> dict[Path, tuple[Moment, ...]]:
        """Return the runs with snapshots, this one first, then the newest."""
        known: dict[Path, tuple[Moment, ...]] = {}
        if own is not None and self.workspace.past.moments:
            known[own] = self.workspace.past.moments
        folder = self.workspace.runs.folder
        others = sorted((each for each in folder.iterdir() if each != own), reverse=True) if folder.is_dir() else []
        for run in others:
            moments = snapshots_of(run)
            if moments:
                known[run] = moments
        return known

    def _swap(self) -> None:
        first, second = self.first.choice, self.second.choice
        if first is not None and second is not None:
            self.first.choose(*second)
            self.second.choose(*first)
            self._compare()

    def _compare(self) -> None:
        first, second = self.first.choice, self.second.choice
        if first is None or second is None:
            self._compared = None
            self._clear(EMPTY)
            return
        self.both.show_both.setEnabled(self._can_look)
        if (first, second) == self._compared:
            return
        self._compared = first, second
        from netbuilder.training.comparison import compare  # torch: there is a run, so it is there

        self._errand.run(partial(compare, first, second))

    @property
    def _can_look(self) -> bool:
        own, choices = self.workspace.trainer.folder, (self.first.choice, self.second.choice)
        return self.workspace.trainer.can_watch and all(one is not None and one[0] == own for one in choices)

    def _clear(self, text: str) -> None:
        self._errand.forget()
        for card in self.cards.values():
            card.show_empty()
            card.note.clear()
        self.cards["layers"].show_empty(text)
        self.both.show_empty(NO_MAPS)
        self.both.note.clear()
        self.both.show_both.setEnabled(False)

    def _refuse(self, error: NetbuilderError) -> None:
        self._clear(error.problems[0].message)

    def _show(self, comparison: Comparison) -> None:
        self._show_layers(comparison)
        self._show_values(comparison)
        before, after = comparison.confusions
        card = self.cards["confusion"]
        if before is not None and after is not None and before.data.shape == after.data.shape:
            self.confusion.set_both(before.data, after.data, after.labels)
            card.note.setText(self.confusion.summary)
            card.show_body(self.confusion)
        else:
            card.note.clear()
            card.show_empty()
        card = self.cards["answers"]
        answers = next(iter(comparison.answers.values()), None)
        if answers is not None:
            self.answers.set_answers(answers, class_names(self.workspace, answers.after.shape[1]))
            card.note.setText(self.answers.summary)
            card.show_body(self.answers)
        else:
            card.note.clear()
            card.show_empty()

    def _show_layers(self, comparison: Comparison) -> None:
        self.changes.changes = {layer.path: layer for layer in comparison.layers}
        self.changes.set_layers(layers_of(self.workspace, self.changes.changes))
        others = len({*comparison.only_before, *comparison.only_after})
        card = self.cards["layers"]
        card.note.setText(f"{others} other{'s' if others != 1 else ''} differ in kind or size" if others else "")
        if self.changes.layers:
            card.show_body(self._area)
        else:
            card.show_empty("The moments have no layer with weights in common that is still in the network.")

    def _show_values(self, comparison: Comparison) -> None:
        card = self.cards["values"]
        self.values.show_values(comparison)
        if comparison.metrics:
            card.show_body(self.values)
        else:
            card.show_empty()

    # Both moments' pictures ----------------------------------------------------------------------------------------

    def _look_at_both(self) -> None:
        """Look at one moment after the other, and return to where one stood."""
        first, second = self.first.choice, self.second.choice
        if first is None or second is None or not self._can_look or self._queue:
            return
        self._caught, self._return_to = [], self.workspace.past.shown
        self._queue = [first[1], second[1]]
        self.workspace.past.pause()
        self.workspace.past.look(self._queue[0])
        self._follow_past()

    def _follow_past(self) -> None:
        past = self.workspace.past
        if not self._queue or not past.is_settled:
            return
        if past.shown != self._queue[0]:  # it cannot be shown, or the user went elsewhere
            self._queue.clear()
            return
        node = watched_node(self.workspace)
        known = self.workspace.pictures
        self._caught += [known[kind, node] for kind in _DRAWN if (kind, node) in known][:1]
        self._queue.pop(0)
        if self._queue:
            past.look(self._queue[0])
            self._follow_past()
            return
        past.look(self._return_to)
        if len(self._caught) == 2 and self._caught[0].kind is self._caught[1].kind:
            self.both.show_pictures(self._caught, class_names(self.workspace, len(self._caught[0].data)))
        else:
            self.both.show_empty(NO_MAPS)


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return MomentsPanel(workspace, themes)


PANEL = PanelSpec(key="moments", title="Moments", area=Area.BOTTOM, order=39, shortcut="", make=_make, is_spare=True)
