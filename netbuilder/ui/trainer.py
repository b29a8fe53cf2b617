"""The trainer: the window's hold on the training session. Commands go in; a timer pulls telemetry out.

The session never waits for the window, and the window never waits for the session.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from netbuilder.document.model import Document
from netbuilder.foundation.preferences import SnapshotRoom
from netbuilder.training.protocol import (
    GRACE,
    Change,
    Command,
    Event,
    Look,
    Pause,
    Profile,
    Resume,
    Rewind,
    SessionHost,
    Snapshot,
    Start,
    State,
    Step,
    Stop,
    Tempo,
    Watch,
)
from netbuilder.ui.pace import FASTEST, Pace
from netbuilder.ui.series import RunRecord


class Trainer(QObject):
    """Runs at most one session, and keeps what it tells.

    Signals:
        stateChanged: (State) the session's state changed.
        telemetry: (Telemetry) what is new.
        message: (str) one line for people.

    Attributes:
        record: What the current or last run has told.
        document: What it trains, as last asked for; None before the first run.
        folder: Where the current or last run is kept; None before the first run.
        device: Where the next run goes.
        tempo: How many steps a second runs may do at most; 0 for as fast as it goes.
        is_revisiting: Whether the run in the window is an earlier one that is only looked into.
        sample: Which of the probe's fixed samples is shown in full.
        watched: Paths of the nodes that the probe draws in full.
        in_view: Paths of the nodes whose faces the probe draws; None for all.
        gradient_flow: Whether the probe measures the gradient flow.
        histograms: Keys of the panels in sight that show how weights, gradients or values are spread.
    """

    stateChanged = Signal(object)
    telemetry = Signal(object)
    message = Signal(str)

    def __init__(
        self,
        parent: QObject | None = None,
        apart: Callable[[], bool] = lambda: False,
        room: Callable[[], SnapshotRoom] = lambda: SnapshotRoom(0, None),
    ) -> None:
        """Train nothing yet.

        Args:
            parent: Qt's owner.
            apart: Returns whether runs are to have a process of their own; asked when one starts.
            room: Returns how much room snapshots have; likewise.
        """
        super().__init__(parent)
        self._apart = apart
        self._room = room
        self.record = RunRecord()
        self.document: Document | None = None
        self.folder: Path | None = None
        self.device = "cpu"
        self.tempo = 0.0
        self.is_revisiting = False
        self.sample = 0
        self.watched: tuple[str, ...] = ()
        self.in_view: frozenset[str] | None = None
        self.gradient_flow = False
        self.histograms: frozenset[str] = frozenset()
        self._host: SessionHost | None = None  # made for the first run
        self._is_apart = False
        self._state = State.IDLE
        self._torch = False
        self._waiting: list[Command] = []
        self._asked: tuple[int, Document] | None = None  # the last change sent, and what was trained before it
        self._pace = Pace()
        self._timer = QTimer(self, interval=FASTEST)
        self._timer.timeout.connect(self._drain_in_time)

    @property
    def state(self) -> State:
        """Where the session stands, as last told."""
        return self._state

    @property
    def can_watch(self) -> bool:
        """Whether there is a network to look into: that of a run in progress, or the last run's."""
        return self._state.is_active or bool(self.record.pictures)

    @property
    def is_lost(self) -> bool:
        """Whether the last run's process died, and its network with it: what is left is in the run's folder."""
        told = (problem.code for event in self.record.events for problem in event.problems)
        return not self._state.is_active and not self.is_revisiting and "session.died" in told

    @property
    def is_waiting(self) -> bool:
        """Whether a run has been asked for that torch is still missing for."""
        return bool(self._waiting)

    def start(self, document: Document, path: Path | None, *, paused: bool = False, state: str = "") -> None:
        """Begin a run, as soon as torch is there.

        Args:
            document: What to train; later edits do not reach it.
            path: Its file, beside which the run is kept and to which its data files are relative.
            paused: Build everything, then wait.
            state: A file with a training's state to begin from; "" begins afresh.
        """
        from netbuilder.project import run_folder

        self._begin(document, path, run_folder(path), RunRecord(), paused=paused, state=state)

    def go_on(
        self, document: Document, path: Path | None, folder: Path, record: RunRecord, moment: int | None = None
    ) -> None:
        """Go on with an earlier run from the state that it left, as soon as torch is there.

        Args:
            document: What it trains.
            path: The project's file.
            folder: The run's folder.
            record: What it told before.
            moment: The step of one of its snapshots, to go on from that instead.
        """
        self._begin(document, path, folder, record, resume=True, moment=moment)

    def revisit(self, document: Document, path: Path | None, folder: Path, record: RunRecord) -> None:
        """Make what an earlier run left behind, so that it can be looked into; nothing is trained.

        Args:
            document: What it trained.
            path: The project's file.
            folder: The run's folder.
            record: What it told.
        """
        self._begin(document, path, folder, record, revisit=True)

    def _begin(
        self,
        document: Document,
        path: Path | None,
        folder: Path,
        record: RunRecord,
        *,
        paused: bool = False,
        resume: bool = False,
        state: str = "",
        moment: int | None = None,
        revisit: bool = False,
    ) -> None:
        assert not self._state.is_active, "one session at a time"
        from netbuilder.project import runs_folder

        self.record, self.document, self.folder, self._asked = record, document, folder, None
        self.is_revisiting = revisit
        room = self._room()
        start = Start(
            document=document,
            folder=str(folder),
            base=str(path.parent) if path else "",
            runs=str(runs_folder(path)),
            device=self.device,
            paused=paused,
            snapshots=room.run,
            snapshots_together=room.together,
            state=state,
            resume=resume,
            tempo=self.tempo,
            moment=moment,
            revisit=revisit,
        )
        self._send(start)
        self._enter(State.STARTING)
        # What the user looked at in the last run is what they want to see of this one.
        self.watched = tuple(path for path in self.watched if path.partition("/")[0] in document.graph.nodes)
        if self._wish != Watch():
            self._send(self._wish)
        if not self._torch:
            self.message.emit("Loading PyTorch…")

    def pause(self) -> None:
        """Pause after the current step."""
        self._command(Pause())

    def resume(self) -> None:
        """Go on."""
        self._command(Resume())

    def step(self, unit: str) -> None:
        """Do one batch or go on to the end of the epoch, then pause."""
        self._command(Step(unit))

    def set_tempo(self, steps: float) -> None:
        """Let this and later runs do at most so many steps a second; 0 for as fast as it goes."""
        self.tempo = steps
        self._command(Tempo(steps))

    def profile(self) -> None:
        """Measure what each node takes."""
        self._command(Profile())

    def look(self, step: int | None) -> int | None:
        """Show the network as it was at a snapshot, or as it is now; an ended run's network is still there.

        Returns:
            The command's number; None when there is no network to look at.
        """
        return self._send(Look(step)) if self.can_watch else None

    def keep_snapshot(self) -> None:
        """Keep a snapshot of this moment."""
        self._command(Snapshot())

    def rewind(self, step: int) -> None:
        """Go back to a snapshot, and on from there."""
        self._command(Rewind(step))

    def stop(self) -> None:
        """Finish the current step, save, end."""
        if self._waiting:
            self._waiting.clear()
            self._enter(State.IDLE)
        elif self._state.is_active:
            self._send(Stop())
            self._enter(State.STOPPING)

    def change(self, document: Document, state: str = "") -> None:
        """Let the run in progress take over an edited document.

        Args:
            document: What to train from the next step on.
            state: The file of a training state to go back to; "" goes on from where the run is.
        """
        if not self._state.is_active or self._state is State.STOPPING:
            return
        before, self.document = self.document, document
        number = self._send(Change(document=document, state=state))
        if number is not None and before is not None:
            # Until the first of several is answered, what was trained before all of them counts.
            self._asked = number, before if self._asked is None else self._asked[1]

    def note_change(self, event: Event) -> Document | None:
        """Take in how the run answered a change: one that was refused leaves it with what it trained before.

        Returns:
            What was refused, if it was.
        """
        if self._asked is None or event.data.get("command") != self._asked[0]:
            return None
        (_, before), self._asked = self._asked, None
        if event.data["taken"]:
            return None
        refused, self.document = self.document, before
        return refused

    def watch(self, nodes: tuple[str, ...], sample: int) -> None:
        """Choose what the probe draws in full; an ended run's network is still there to be looked at."""
        self.watched, self.sample = nodes, sample
        if self.can_watch:
            self._send(self._wish)

    def attend(self, in_view: frozenset[str] | None, gradient_flow: bool) -> None:
        """Choose which nodes have their faces drawn, and whether the gradient flow is measured."""
        before, flowed = self.in_view, self.gradient_flow
        if (in_view, gradient_flow) == (before, flowed):
            return
        self.in_view, self.gradient_flow = in_view, gradient_flow
        self._ask(
            is_more=(gradient_flow and not flowed)
            or (before is not None and (in_view is None or not in_view <= before))
        )

    def attend_histograms(self, panel: str, *, shown: bool) -> None:
        """Have every look draw histograms while a panel shows them; else only those looks do that are recorded.

        Args:
            panel: Its key.
            shown: Whether it is in sight.
        """
        before = self.histograms
        self.histograms = before | {panel} if shown else before - {panel}
        if bool(self.histograms) is not bool(before):
            self._ask(is_more=shown)

    def _ask(self, *, is_more: bool) -> None:
        """Tell the run what is looked at now: one that goes on, and one that is over when there is more to see."""
        # A run that goes on is to do less, too; one that is over would look once more for nothing.
        goes_on = self._state.is_active and self._state is not State.STOPPING
        if goes_on or (is_more and self.can_watch):
            self._send(self._wish)

    @property
    def _wish(self) -> Watch:
        return Watch(
            nodes=self.watched,
            sample=self.sample,
            in_view=self.in_view,
            gradient_flow=self.gradient_flow,
            histograms=bool(self.histograms),
        )

    def torch_loaded(self) -> None:
        """Torch is there: send what waited for it."""
        self._torch = True
        if self._apart():  # its process gets ready before it is needed
            self._find_host()
        waiting, self._waiting = self._waiting, []
        for command in waiting:
            self._send(command)
        if waiting:
            self.stateChanged.emit(self._state)

    def forget(self) -> None:
        """Drop what the last run told and left behind, unless one is in progress."""
        if not self._state.is_active:
            self._timer.stop()
            if self._host is not None:
                self._host.close()
            self.record = RunRecord()
            self.document = self.folder = None
            self.is_revisiting = False
            self._enter(State.IDLE)

    def wait(self, timeout: float) -> bool:
        """Wait for the session to end, for closing the program only; False when the time ran out first."""
        return self._host is None or self._host.wait(timeout)

    def leave(self, patience: float = GRACE) -> None:
        """Give everything back, for closing the program only; what runs elsewhere has so many seconds to end."""
        if self._host is not None:
            self._host.leave(patience)

    def drain(self) -> None:
        """Take what is new from the session and tell the panels."""
        if self._host is None:
            return
        # Read before the drain: whatever the session told before it ended is then in `news`, and every picture that was
        # asked for after the end.
        state = self._host.state
        over = not state.is_active and self._host.wait(0)
        news = self._host.drain()
        if over:  # before others hear of it: what they ask for now starts it again
            self._timer.stop()
        self.record.add(news)
        self.telemetry.emit(news)
        stopping = self._state is State.STOPPING and state.is_active
        if not stopping:
            self._enter(state)

    def _drain_in_time(self) -> None:
        self._timer.setInterval(self._pace.wait(apart=self._is_apart))
        self.drain()

    def _command(self, command: Command) -> None:
        if self._state.is_active:
            self._send(command)

    def _send(self, command: Command) -> int | None:
        """Send a command; returns its number, None while it waits for torch."""
        if not self._torch:
            self._waiting.append(command)
            return None
        host = self._find_host() if isinstance(command, Start) or self._host is None else self._host
        number = host.send(command)
        if not self._timer.isActive():
            self._pace.restart()
            self._timer.start()
        return number

    def _find_host(self) -> SessionHost:
        """Return the host of the kind that is wished for; one of the other kind is left."""
        apart = self._apart()
        if self._host is not None and self._is_apart is not apart and not self._host.state.is_active:
            self._host.leave()
            self._host = None
        if self._host is None:
            self._is_apart = apart
            self._host = _make_host(apart)
        return self._host

    def _enter(self, state: State) -> None:
        if state is self._state:
            return
        self._state = state
        self.stateChanged.emit(state)


def _make_host(apart: bool) -> SessionHost:
    if apart:
        from netbuilder.training.process_host import ProcessHost

        return ProcessHost()
    from netbuilder.training.thread_host import ThreadHost

    return ThreadHost()
