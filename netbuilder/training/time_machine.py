"""The time machine: keeps a run's snapshots, shows the network as it was, and goes back to where it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training import going_on, left_behind
from netbuilder.training.live_view import LiveView
from netbuilder.training.moments import WANTED, Reason
from netbuilder.training.network import Network
from netbuilder.training.past import confusion_of, look_back, with_pictures
from netbuilder.training.probe import Probe
from netbuilder.training.protocol import Timeline
from netbuilder.training.recorder import Recorder
from netbuilder.training.snapshots import Shelf
from netbuilder.training.state import TrainingState


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What a time machine asks of the training.

    Attributes:
        take: Returns the state; it is written before the training goes on.
        restore: Brings the training to a state.
        tell: Tells a problem.
        explained: Turns errors of the network's text into problems.
    """

    take: Callable[[], TrainingState]
    restore: Callable[[TrainingState], None]
    tell: Callable[[NetbuilderError], None]
    explained: Callable[[], AbstractContextManager[None]]


class TimeMachine:
    """A run's way back, while it goes on. Every method is for the time between two steps."""

    def __init__(
        self, shelf: Shelf, network: Network, probe: Probe, live: LiveView, recorder: Recorder, present: Present
    ) -> None:
        """Look at the past of one network.

        Args:
            shelf: Its snapshots.
            network: The network.
            probe: Its probe.
            live: Where pictures go.
            recorder: What its curves are recorded with.
            present: What is asked of the training.
        """
        self._shelf = shelf
        self._network = network
        self._probe = probe
        self._live = live
        self._recorder = recorder
        self._present = present
        self._wish: int | None = None
        self._is_drawn = True
        self._is_told = False
        self._since: list[int] = []  # after which steps the network became another one
        self._publish()

    @property
    def is_away(self) -> bool:
        """Whether the pictures shown are, or are to be, those of another moment."""
        return self._wish is not None

    def keep(self, reason: Reason = Reason.TIME) -> None:
        """Keep a snapshot of the present if it is due, or if somebody wants it.

        That there is no room for it, or that it cannot be written, is told once and is no reason to stop.
        """
        if (reason not in WANTED and time.perf_counter() < self._shelf.due) or not self._shelf.is_open:
            return
        state = with_pictures(self._present.take(), self._probe.confusion, self._probe.answers(), self._network)
        try:
            self._shelf.keep(state, reason)
        except NetbuilderError as error:
            if not self._is_told:
                self._is_told = True
                self._present.tell(error)
        self._publish()

    def look_at(self, step: int | None) -> None:
        """Choose the moment that the pictures show, None being the present; `draw` draws them."""
        self._is_drawn = self._is_drawn and step == self._wish
        self._wish = step

    def draw(self, step: int, *, again: bool = False) -> None:
        """Draw the moment that was chosen, unless that is done. One that cannot be shown leaves the present.

        Args:
            step: Steps done.
            again: Whether to draw it again: something else of it is wanted.
        """
        if self._is_drawn and not again:
            return
        self._is_drawn = True
        try:
            with self._present.explained():
                if self._wish is not None:
                    seen = look_back(self._network.model, self._probe, self._shelf.load(self._wish))
                    self._probe.muted = True
                    self._live.show_moment(seen, replace(self._timeline, shown=self._wish))
        except NetbuilderError as error:
            self._wish = None
            self._present.tell(error)
        if self._wish is None:
            with self._present.explained():
                self._show_present(step)

    def rewind(self, run: Path, step: int, begun: int) -> None:
        """Go back to a snapshot; what came after it is left behind as a run of its own.

        Args:
            run: The run's folder.
            step: The snapshot's.
            begun: Steps done.

        Raises:
            NetbuilderError: When it cannot be had or is of another network; nothing is changed then.
        """
        self.go_back(run, self._shelf.load(step), begun, self._present.restore)

    def go_back(self, run: Path, state: TrainingState, begun: int, restore: Callable[[TrainingState], None]) -> None:
        """Go back to a state; what came after it is left behind as a run of its own.

        Args:
            run: The run's folder.
            state: The state.
            begun: Steps done.
            restore: Brings the training to the state.

        Raises:
            NetbuilderError: When it is of another network; nothing is changed then.
        """
        self.keep(Reason.WISH)  # where the run stands: nothing is lost
        step = state.step
        folder = left_behind.make_folder_beside(run)
        try:
            restore(state)
        except NetbuilderError:
            folder.rmdir()
            raise
        self._since = [since for since in self._since if since < step]
        self._recorder.flush()
        try:
            self._shelf.move_after(step, folder)
        except NetbuilderError as error:
            self._present.tell(error)
        self._live.forget_after(step)
        self._recorder.leave_behind(going_on.cut(state), folder.name, begun)
        self._recorder.event(left_behind.event(step, begun, folder.name))
        self._probe.confusion, self._probe.mistakes = confusion_of(state), None
        self.return_to_present()

    def follow(self, network: Network, probe: Probe, step: int) -> None:
        """Look at another network from now on: the one that was edited.

        Moments of the former one cannot be shown with it; they are offered again when the run goes back to it.

        Args:
            network: The network.
            probe: Its probe.
            step: Steps done.
        """
        self._network, self._probe = network, probe
        self._since.append(step)
        self.return_to_present()

    def return_to_present(self) -> None:
        """Show the present from the next look on."""
        self._is_drawn = self._wish is None
        self._wish = None
        self._publish()

    def _show_present(self, step: int) -> None:
        self._probe.muted = False
        self._live.show_moment((*self._probe.look(step).pictures, *self._probe.judged), self._timeline)

    @property
    def _timeline(self) -> Timeline:
        since = self._since[-1] if self._since else -1
        return Timeline(moments=tuple(each for each in self._shelf.moments if each.step > since))

    def _publish(self) -> None:
        shown = self._live.timeline.shown if self._probe.muted else None
        self._live.timeline = replace(self._timeline, shown=shown)
