"""The chronicle: what is told of a run, to whoever watches and to the run store, from its begin to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from netbuilder.data.spec import Prepared
from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError, Problem, Severity
from netbuilder.training import going_on, records
from netbuilder.training.events import end_event
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import Event, Start
from netbuilder.training.recorder import Recorder, RunWriter
from netbuilder.training.run_store import FILE_NAME, RunRecord
from netbuilder.training.state import TrainingState


class Chronicle:
    """A run's record and its events.

    The record of a run that goes on stays as it was until `go_on`: what fails before that is told, and kept nowhere.

    Attributes:
        recorder: Its curves and histograms go here.
    """

    def __init__(self, start: Start, live: LiveView, given: TrainingState | None) -> None:
        """Open the record.

        Args:
            start: What is trained, and where; its folder is there.
            live: Shows what is told.
            given: The state that the run begins from.
        """
        folder = Path(start.folder)
        self._folder = folder
        self._live = live
        self._save_failed = False
        self._leaves_later = start.moment is not None
        self._is_open = not (start.resume and given is not None)
        self._waiting: list[Callable[[], None]] = []
        self._record = records.begin_record(start)
        with ExitStack() as opened:
            writer = RunWriter(folder.parent / FILE_NAME, self._store_failed)
            opened.callback(writer.close)
            self.recorder = Recorder(live, writer, folder.name)
            if self._is_open:
                self.recorder.begin(self._record)  # before any event: the store keeps those of known runs only
            else:
                self._record = replace(self._record, started=going_on.begun(folder, self._record.started))
            self._opened = opened.pop_all()

    def go_on(self, state: TrainingState) -> None:
        """Go on with the record of a run from a state that it is about to be brought to.

        Raises:
            NetbuilderError: When what the run did after the state cannot be kept; the record is as it was.
        """
        if self._is_open:
            return
        if self._leaves_later:
            going_on.leave_later(self._folder, state, self.recorder)
        self.recorder.go_on(self._record, going_on.cut(state))
        self._is_open = True
        for write in self._waiting:
            write()
        self._waiting.clear()

    @property
    def plan(self) -> Mapping[str, Any]:
        """The plan that is trained, as plain values."""
        return self._record.plan

    @property
    def data(self) -> Mapping[str, str]:
        """Data node id -> fingerprint of its settings and files."""
        return self._record.data

    def note_data(self, prepared: Mapping[str, Prepared], device: str) -> None:
        """Write down what the run reads, and where it runs.

        Args:
            prepared: Data node id -> its rows.
            device: For people.
        """
        self._write(records.with_data(self._record, prepared, device))
        self._when_open(lambda: self.recorder.content(prepared))

    def note_weights(self, count: int) -> None:
        """Write down how many weights the network has."""
        self._write(replace(self._record, parameters=count))

    def note_document(self, document: Document) -> None:
        """Write down what is trained from now on."""
        self._write(records.with_document(self._record, document))

    def end(self, reason: str, test: Mapping[str, float], best_epoch: int | None, step: int) -> None:
        """Tell that the run has ended, and write it down.

        Args:
            reason: "finished", "early stopping", "stopped" or "failed".
            test: Metric -> value on the test part.
            best_epoch: The epoch of the best weights, from 1.
            step: Steps done.
        """
        self.recorder.flush()
        self.event(end_event(reason, test, str(self._folder), best_epoch, step))
        self._write(
            replace(self._record, ended=time.time(), reason=reason, steps=step, best_epoch=best_epoch, test=dict(test))
        )

    def event(self, event: Event) -> None:
        """Show and keep an event."""
        self._live.add_event(event)
        self._when_open(lambda: self.recorder.keep(event))

    def log(self, text: str, step: int = 0) -> None:
        """Tell something by the way."""
        self.event(Event(kind="log", text=text, step=step))

    def problem(self, error: NetbuilderError, step: int) -> None:
        """Tell what could not be done while the run goes on: a warning, whatever it would be elsewhere.

        Args:
            error: What happened.
            step: Steps done.
        """
        told = tuple(replace(problem, severity=Severity.WARNING) for problem in error.problems)
        self.event(Event(kind="problem", text=str(error), step=step, problems=told))

    def along(self, save: Callable[[], None], step: int) -> None:
        """Save something along the way; that it cannot be saved is told once.

        Args:
            save: Does it.
            step: Steps done.
        """
        try:
            save()
        except NetbuilderError as error:
            if not self._save_failed:
                self._save_failed = True
                self.problem(error, step)

    def close(self) -> None:
        """Write what is left to the run store."""
        self._opened.close()

    def _write(self, record: RunRecord) -> None:
        self._record = record
        if self._is_open:
            self.recorder.run(record)

    def _when_open(self, write: Callable[[], None]) -> None:
        if self._is_open:
            write()
        else:
            self._waiting.append(write)

    def _store_failed(self, problem: Problem) -> None:
        """Tell that the run store failed; called on the writer's thread."""
        self._live.add_event(Event(kind="problem", text=problem.message, problems=(problem,)))
