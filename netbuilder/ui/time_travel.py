"""Time travel: which moment of the run the window shows, and what can be done from there."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal

from netbuilder.training.moments import Moment
from netbuilder.training.protocol import State, Telemetry, Timeline
from netbuilder.training.snapshot_files import path_of
from netbuilder.ui.part import Part

if TYPE_CHECKING:
    from netbuilder.ui.workspace import Workspace

WRITTEN_MS = 800
"""How long after a run went back what it left behind is surely in the store of runs."""

FRAME_MS = 220
"""How long a moment stays while the run is played."""


class TimeTravel(Part):
    """Chooses the moment of the run that canvas and panels show.

    Signals:
        changed: () `moments`, `shown` or `is_playing` is another.

    Attributes:
        shown: The step of the moment that is shown, or asked for; None for now.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.shown: int | None = None
        self._told = Timeline()
        self._asked: int | None = None
        self._frames = QTimer(self, interval=FRAME_MS)
        self._frames.timeout.connect(self._play_on)
        workspace.telemetry.connect(self._listen)
        workspace.stateChanged.connect(self._enter)
        workspace.documentReplaced.connect(self._forget)

    @property
    def moments(self) -> tuple[Moment, ...]:
        """What can be looked back at, in order."""
        return self._told.moments

    @property
    def moment(self) -> Moment | None:
        """The moment that is shown; None for now, and for one that is kept no longer."""
        return next((each for each in self.moments if each.step == self.shown), None)

    @property
    def is_active(self) -> bool:
        """Whether the run goes on."""
        return self._workspace.state.is_active

    @property
    def is_playing(self) -> bool:
        """Whether one moment after the other is shown."""
        return self._frames.isActive()

    @property
    def is_settled(self) -> bool:
        """Whether the pictures are those of the moment that was asked for."""
        return self._asked is None

    @property
    def path(self) -> Path | None:
        """The file of the moment that is shown."""
        folder, moment = self._workspace.trainer.folder, self.moment
        return None if folder is None or moment is None else path_of(folder, moment)

    def look(self, step: int | None) -> None:
        """Show another moment; None shows now."""
        trainer = self._workspace.trainer
        if step == self.shown or not trainer.can_watch:
            return
        if trainer.is_lost and trainer.folder is not None:
            self._workspace.revisiting.look_back(trainer.folder.name, step)
            return
        self.shown = step
        self._asked = trainer.look(step)
        self.changed.emit()

    def earlier(self) -> None:
        """Show the moment before the one that is shown."""
        self.pause()
        before = [each for each in self.moments if self.shown is None or each.step < self.shown]
        if before:
            self.look(before[-1].step)

    def later(self) -> None:
        """Show the moment after the one that is shown; after the last one comes now."""
        self.pause()
        self._go_later()

    def return_to_now(self) -> None:
        """Show the network as it is."""
        self.pause()
        self.look(None)

    def play_or_pause(self) -> None:
        """Show one moment after the other up to now, from the first one where now is shown; or stop doing so."""
        if self.is_playing:
            self.pause()
        elif self.moments:
            if self.shown is None:
                self.look(self.moments[0].step)
            self._frames.start()
            self.changed.emit()

    def pause(self) -> None:
        """Stay at the moment that is shown."""
        if self.is_playing:
            self._frames.stop()
            self.changed.emit()

    def keep(self) -> None:
        """Keep a snapshot of the run as it is now."""
        self._workspace.trainer.keep_snapshot()

    def go_on(self) -> None:
        """Let the run go back to the moment that is shown, and on from there."""
        self.pause()
        folder = self._workspace.trainer.folder
        if self.shown is None:
            return
        if self.is_active:
            self._workspace.trainer.rewind(self.shown)
            self.shown = self._asked = None
            self.changed.emit()
        elif folder is not None:
            self._workspace.revisiting.go_on(folder, self.shown)

    def branch(self) -> None:
        """Start a new run of the document as it is now from the moment that is shown."""
        self.pause()
        path = self.path
        if path is not None:
            self._workspace.control.branch(path)

    def _go_later(self) -> None:
        if self.shown is None:
            return
        after = [each for each in self.moments if each.step > self.shown]
        self.look(after[0].step if after else None)

    def _play_on(self) -> None:
        if not self.is_settled:  # a moment that takes longer to be drawn is waited for
            return
        self._go_later()
        if self.shown is None:
            self.pause()

    def _listen(self, news: Telemetry) -> None:
        before = self._told, self.shown, self._asked
        self._told = self._workspace.trainer.record.timeline
        if self._asked is not None and news.progress.acknowledged >= self._asked:
            self._asked = None
        if self._asked is None:
            self.shown = self._told.shown
        if before != (self._told, self.shown, self._asked):
            self.changed.emit()
        for event in news.events:
            if event.kind == "rewind" and "run" in event.data:
                QTimer.singleShot(WRITTEN_MS, self, partial(self._show_left_behind, str(event.data["run"])))

    def _show_left_behind(self, run: str) -> None:
        """Lay the curves of what came after over those that go on."""
        runs = self._workspace.runs
        if runs.own and run.startswith(f"{runs.own}~"):  # else another run has begun, or another project was opened
            runs.look()
            runs.set_overlay(run, True)

    def _enter(self, state: State) -> None:
        if state in (State.STARTING, State.IDLE):
            self._forget()
        else:
            self.changed.emit()

    def _forget(self) -> None:
        self._frames.stop()
        self._told, self.shown, self._asked = Timeline(), None, None
        self.changed.emit()
