"""The session: one training from Start to its end, obeying commands between steps.

It runs on whatever thread calls `run`, owns every tensor, reads commands from an inbox and writes telemetry to a live
view and a recorder. It knows how to count, wait and stop; what a step does is the trainer's business
(`netbuilder.training.trainer`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from netbuilder.foundation.job import Cancelled
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training import going_on
from netbuilder.training.batches import Batch
from netbuilder.training.events import DEVICE_FAULT, crash, end_event, ignored
from netbuilder.training.inbox import Inbox
from netbuilder.training.live_trainer import LiveTrainer
from netbuilder.training.live_view import LiveView
from netbuilder.training.moments import Moment, Reason
from netbuilder.training.protocol import (
    Change,
    Command,
    Event,
    Look,
    Pause,
    Profile,
    Progress,
    Resume,
    Rewind,
    Snapshot,
    Start,
    State,
    Step,
    Stop,
    Tempo,
    Watch,
)
from netbuilder.training.remains import Remains

REPORT_SECONDS = 0.05
"""The live view gets something new at most this often."""

LOOK_SECONDS = 0.5
"""How often a paused session makes sure that the program still lives."""

RATE_SECONDS = 1.5
"""The rate is taken over about so long."""


class Session:
    """One run.

    Attributes:
        remains: What can still be looked at when the run is over; None before, and when no network was built.
    """

    remains: Remains | None = None

    def __init__(self, start: Start, inbox: Inbox, live: LiveView) -> None:
        """Prepare to run `start`; nothing is built before `run`."""
        self._start = start
        self._inbox = inbox
        self._live = live
        self._trainer: LiveTrainer | None = None
        self._state = State.STARTING
        self._acknowledged = live.progress.acknowledged
        # Steps are done while their number is below the target; None means without end.
        self._target: int | None = 0 if start.paused else None
        self._goes_to_end = False  # whether the target is the end of an epoch
        self._tempo = start.tempo
        self._due = 0.0  # when the next step may begin, where there is a tempo
        self._reported = 0.0
        self._history: deque[tuple[float, int]] = deque()

    def run(self) -> State:
        """Train to the end, or until stopped; everything that goes wrong is told as an event.

        Returns:
            ENDED or FAILED.
        """
        if self._start.revisit:
            return self._revisit()
        reason = "failed"
        can_look = True
        try:
            reason = self._train()
        except Cancelled:
            self._acknowledge_stop()
            reason = "stopped"
        except NetbuilderError as error:
            can_look = all(problem.code != DEVICE_FAULT for problem in error.problems)
            self._event(Event(kind="problem", text=str(error), step=self._step, problems=error.problems))
        except Exception as error:  # ours: told with its traceback, and the run's record is still closed
            self._event(crash(error, self._step))
        return self._finish(reason, can_look)

    def _revisit(self) -> State:
        """Make what an earlier run left behind; nothing is trained, and no end is told: it had its own."""
        from netbuilder.training.revisit import revisit

        try:
            self.remains = remains = revisit(self._start, self._live, self._inbox.job)
        except Cancelled:
            self._acknowledge_stop()
        except NetbuilderError as error:
            self._event(Event(kind="problem", text=str(error), problems=error.problems))
            return State.FAILED
        else:
            last = max(remains.timeline.moments, default=Moment(remains.step))
            self._live.progress = replace(
                self._live.progress,
                step=last.step,
                steps=last.step,
                epoch=last.epoch,
                epochs=self._start.document.plan.epochs,
                device=self._start.device,
            )
        return State.ENDED

    @property
    def _step(self) -> int:
        return self._trainer.step_count if self._trainer else 0

    def _train(self) -> str:
        self._start = going_on.as_recorded(self._start)
        self._trainer = trainer = LiveTrainer(self._start, self._live, self._inbox.job)
        trainer.build()
        self._state = State.RUNNING
        self._publish()
        while trainer.epoch < trainer.epochs and not trainer.stops_early:
            for batches in trainer.batches():
                if self._target is not None or self._tempo or not self._inbox.is_empty:
                    self._obey(trainer)
                    if trainer.has_moved:  # these batches are not those that follow where it stands now
                        break
                self._do(trainer, batches)
            else:
                trainer.end_epoch()
            self._publish()
        return "early stopping" if trainer.stops_early else "finished"

    def _do(self, trainer: LiveTrainer, batches: Sequence[Batch]) -> None:
        trainer.step(batches)
        now = time.perf_counter()
        if now - self._reported >= REPORT_SECONDS:
            self._reported = now
            if not threading.main_thread().is_alive():  # the program ends: nobody is left to press Stop
                raise Cancelled("the program ended")
            trainer.report(now)
            self._publish()

    def _obey(self, trainer: LiveTrainer) -> None:
        """Carry out what waits in the inbox, and wait while paused."""
        while True:
            while (waiting := self._inbox.take()) is not None:
                self._carry_out(trainer, *waiting)
            trainer.past.draw(self._step)
            if self._target is None or self._step < self._target:
                if self._is_early(trainer):
                    continue
                break
            self._rest(trainer)
            if (waiting := self._inbox.take(LOOK_SECONDS)) is not None:
                self._carry_out(trainer, *waiting)
            elif not threading.main_thread().is_alive():
                raise Cancelled("the program ended")
            else:  # nothing happened for a moment: a pause, not one of many single steps
                trainer.save_state()
        if self._state is not State.RUNNING:
            self._state = State.RUNNING
            self._history.clear()
            self._publish()

    def _is_early(self, trainer: LiveTrainer) -> bool:
        """Wait for the tempo's next beat or a command, but not long; False once the next step may begin."""
        now = time.perf_counter()
        if not self._tempo or self._target is not None or now >= self._due:
            self._due = now + 1 / self._tempo if self._tempo else 0.0
            return False
        if self._state is not State.RUNNING:  # it goes on, though not yet
            self._state = State.RUNNING
            self._history.clear()
            self._publish()
        if (waiting := self._inbox.take(min(self._due - now, LOOK_SECONDS))) is not None:
            self._carry_out(trainer, *waiting)
        elif not threading.main_thread().is_alive():
            raise Cancelled("the program ended")
        return True

    def _rest(self, trainer: LiveTrainer) -> None:
        """Enter the pause, showing where things stand."""
        if self._state is not State.PAUSED:
            trainer.show()
            self._state = State.PAUSED
            self._publish()

    def _carry_out(self, trainer: LiveTrainer, number: int, command: Command) -> None:
        self._acknowledged = number
        match command:
            case Stop():
                raise Cancelled("stopped")
            case Watch():
                trainer.watch(command, at_once=self._state is State.PAUSED)
            case Profile():
                trainer.profile(command)
            case Look():
                trainer.past.look_at(command.step)
                if self._inbox.is_empty:  # of many, only the newest is of use
                    trainer.past.draw(self._step)
            case Snapshot():
                trainer.past.keep(Reason.WISH)
            case Rewind():
                self._go_back(trainer, command.step)
            case Change():
                self._change(trainer, number, command)
            case Step():
                self._target = self._after(trainer, command.unit)
                self._goes_to_end = command.unit == "epoch"
            case Tempo():
                self._tempo, self._due = command.steps, 0.0
                self._history.clear()
            case Resume() if self._target is not None:
                self._target = None
            case Pause() if self._target is None or self._step < self._target:
                self._target, self._goes_to_end = self._step, False
            case _:
                self._event(ignored(command, f"the training is {self._state.value} already", self._step))
        self._publish()

    def _go_back(self, trainer: LiveTrainer, step: int) -> None:
        """Go back to a snapshot; a session that is paused, or is to pause soon, waits there."""
        try:
            trainer.rewind(step)
        except NetbuilderError as error:
            trainer.problem(error)
            return
        self._history.clear()
        if self._target is not None:
            self._target = self._step

    def _change(self, trainer: LiveTrainer, number: int, command: Change) -> None:
        """Let the trainer take over an edited document; who rests goes on resting, wherever that leads."""
        before = self._step
        rests = self._target is not None and before >= self._target
        epochs = 0 if rests else self._epochs_to_go(trainer)
        trainer.change(number, command)
        if self._step != before:
            self._history.clear()
            rests = self._target is not None
        if rests:
            self._target = self._step
            trainer.show()
        elif epochs:  # which may end at another step now
            self._target = self._step
            for _ in range(epochs):
                self._target = trainer.end_of_epoch(self._target)

    def _epochs_to_go(self, trainer: LiveTrainer) -> int:
        """Return how many epochs are to end before the next pause, where it is to come at an epoch's end."""
        count, at = 0, self._step
        while self._goes_to_end and self._target is not None and at < self._target:
            count, at = count + 1, trainer.end_of_epoch(at)
        return count

    def _after(self, trainer: LiveTrainer, unit: str) -> int:
        """Return the step to stop before: one more than was asked for already, or the end of that epoch."""
        base = self._step if self._target is None else max(self._step, self._target)
        if unit == "epoch":
            return trainer.end_of_epoch(base)
        return base + 1

    def _acknowledge_stop(self) -> None:
        """Take the commands up to the Stop that interrupted the preparations or a validation."""
        if self._inbox.job.cancelled:
            while (waiting := self._inbox.take()) is not None:
                self._acknowledged = waiting[0]
                if isinstance(waiting[1], Stop):
                    break

    def _finish(self, reason: str, can_look: bool) -> State:
        """Save, evaluate and close the record, whatever happened before.

        Args:
            reason: How the training came to its end.
            can_look: Whether the network is still to be had: a device that failed takes it along.
        """
        self._state = State.STOPPING
        self._publish()
        if self._trainer is None:  # there is no run to close
            self._live.add_event(end_event(reason, folder=self._start.folder))
            return State.FAILED if reason == "failed" else State.ENDED
        try:
            reason = self._trainer.finish(reason)
        except Cancelled:  # stopped while testing: all that mattered is saved
            self._acknowledge_stop()
        finally:
            self._publish()
            self._trainer.close()
            self.remains = self._trainer.remains() if can_look else None
        return State.FAILED if reason == "failed" else State.ENDED

    def _event(self, event: Event) -> None:
        if self._trainer is not None:
            self._trainer.event(event)
        else:
            self._live.add_event(event)

    def _publish(self) -> None:
        """Tell how far the run is."""
        trainer = self._trainer
        steps = trainer.steps if trainer else 0
        rate = self._rate()
        self._live.progress = Progress(
            state=self._state,
            step=self._step,
            steps=steps,
            epoch=trainer.epoch if trainer else 0,
            epochs=trainer.epochs if trainer else self._start.document.plan.epochs,
            rate=rate,
            seconds_left=(steps - self._step) / rate if rate and steps else None,
            device=trainer.device_title if trainer else self._start.device,
            acknowledged=self._acknowledged,
        )

    def _rate(self) -> float:
        """Return steps a second over the last moments; 0 unless running."""
        if self._state is not State.RUNNING:
            return 0.0
        now = time.perf_counter()
        self._history.append((now, self._step))
        while len(self._history) > 2 and now - self._history[1][0] > RATE_SECONDS:
            self._history.popleft()
        (then, step) = self._history[0]
        return (self._step - step) / (now - then) if now > then else 0.0
