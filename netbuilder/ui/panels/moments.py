"""The Moments panel: two moments, of this run or of two runs of the project, side by side."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.moments import Moment
from netbuilder.training.protocol import Picture, PictureKind
from netbuilder.training.snapshot_files import snapshots_of
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.cards import Card, label, scrolling
from netbuilder.ui.panels.errands import Errand
from netbuilder.ui.panels.layer_list import layers_of
from netbuilder.ui.panels.layer_panel import scrolled
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.panels.plot_export import export_plots
from netbuilder.ui.panels.watched import class_names, watched_node
from netbuilder.ui.text import counted
from netbuilder.ui.theme import Theme, ThemeController
from netbuilder.ui.workspace import Workspace

if TYPE_CHECKING:
    from netbuilder.training.comparison import Comparison

EMPTY = "Train, and choose two moments of the run: here you will see what changed between them."
NO_METRICS = "Nothing was recorded up to these moments."
NO_CONFUSION = "No epoch had ended at one of the moments."
NO_ANSWERS = "The answers at these moments cannot be compared."
NOTHING = " "
_NARROWEST = {"layers": 260, "confusion": 150, "answers": 150}
"""Pixels of cards in which they can be read; where there are fewer, all of them are scrolled."""
_DRAWN = (PictureKind.MAPS, PictureKind.VECTOR)


class MomentsPanel(LivePanel):
    """Two pickers, and cards that say what differs."""

    def build(self) -> None:
        """Make pickers and cards."""
        # Few look at this, and not at once: the window is made without it.
        from netbuilder.ui.moment_picker import NO_MAPS, BothCard, MomentPicker
        from netbuilder.ui.moment_views import AnswersView, ChangeList, ConfusionChange, ValueTable

        self._no_maps = NO_MAPS
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
        titles = {"layers": "Layers", "values": "Metrics", "confusion": "Confusion", "answers": "Answers"}
        self.cards = {key: Card(title) for key, title in titles.items()}
        self.both = BothCard(self.theme)
        self.both.show_both.clicked.connect(self._look_at_both)
        self._area = scrolled(self.changes)
        self._lay_out()
        self._errand = Errand(self)
        self._errand.done.connect(self._show)
        self._errand.failed.connect(self._refuse)
        self._compared: object = None
        self._offered: object = None
        self._others: tuple[object, dict[Path, tuple[Moment, ...]]] | None = None
        self._queue: list[int] = []
        self._caught: list[Picture] = []
        self._return_to: int | None = None
        for picker in (self.first, self.second):
            picker.chosen.connect(self._compare)
        self.workspace.past.changed.connect(self._follow_past)
        self.workspace.runs.changed.connect(self._follow)
        self.workspace.runs.look()  # their names

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        for widget in (label("From", "muted"), self.first, self.swap, label("to", "muted"), self.second):
            head.addWidget(widget)
        head.addStretch(1)
        cards = QWidget()
        row = QHBoxLayout(cards)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        stretches = (8, 3, 4, 4, 6)
        for card, stretch in zip((*self.cards.values(), self.both), stretches, strict=True):
            row.addWidget(card, stretch)
        for key, width in _NARROWEST.items():
            self.cards[key].setMinimumWidth(width)
        self.both.setMinimumWidth(190)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(scrolling(cards), 1)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest useful size."""
        return QSize(420, 120)

    def refresh(self) -> None:
        """Offer the moments that there are, and compare those that are chosen."""
        own = self.workspace.trainer.folder
        names = {row.id: str(row.values["name"]) for row in self.workspace.runs.rows}
        others = self._identify_others(own)
        stamp = others, self.workspace.past.moments, names
        if stamp != self._offered:
            self._offered = stamp
            known = self._find(own, others)
            self.first.offer(known, own, names, first=True)
            self.second.offer(known, own, names, first=False)
        self._compare()

    def restyle(self, theme: Theme) -> None:
        """Draw in other colours."""
        for part in (self.changes, self.confusion, self.answers, self.both):
            part.set_theme(theme)

    def _identify_others(self, own: Path | None) -> object:
        """Return what is another one when there may be other runs with snapshots."""
        rows = self.workspace.runs.rows
        return own, self.workspace.runs.folder, tuple((row.id, row.taken.snapshots) for row in rows if not row.is_own)

    def _find(self, own: Path | None, others: object) -> dict[Path, tuple[Moment, ...]]:
        """Return the runs with snapshots, this one first, then the newest."""
        known: dict[Path, tuple[Moment, ...]] = {}
        if own is not None and self.workspace.past.moments:
            known[own] = self.workspace.past.moments
        return known | self._find_others(own, others)

    def _find_others(self, own: Path | None, others: object) -> dict[Path, tuple[Moment, ...]]:
        """Return the other runs with snapshots, the newest first; they are read again only when they are others."""
        if self._others is None or self._others[0] != others:
            folder = self.workspace.runs.folder
            runs = sorted((each for each in folder.iterdir() if each != own), reverse=True) if folder.is_dir() else []
            self._others = others, {run: moments for run in runs if (moments := snapshots_of(run))}
        return self._others[1]

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
            card.show_empty(NOTHING)
            card.note.clear()
        self.cards["layers"].show_empty(text)
        self.both.show_empty(self._no_maps)
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
            card.show_empty(NO_CONFUSION)
        card = self.cards["answers"]
        answers = next(iter(comparison.answers.values()), None)
        if answers is not None:
            self.answers.set_answers(answers, class_names(self.workspace, answers.after.shape[1]))
            card.note.setText(self.answers.summary)
            card.show_body(self.answers)
        else:
            card.note.clear()
            card.show_empty(NO_ANSWERS)

    def _show_layers(self, comparison: Comparison) -> None:
        self.changes.changes = {layer.path: layer for layer in comparison.layers}
        self.changes.set_layers(layers_of(self.workspace, self.changes.changes))
        others = len({*comparison.only_before, *comparison.only_after})
        card = self.cards["layers"]
        card.note.setText(f"{counted(others, 'other')} differ in kind or size" if others else "")
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
            card.show_empty(NO_METRICS)

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
            self.both.show_empty(self._no_maps)


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return MomentsPanel(workspace, themes)


PANEL = PanelSpec(key="moments", title="Moments", area=Area.BOTTOM, order=39, shortcut="", make=_make, is_spare=True)
