"""Changing a run while it goes on: an edited document is taken over between two steps, and can be taken back.

Before a change the training state and the document are kept in the run's folder, so that going back restores both.
Changes of settings that follow one another within seconds (a number that is dragged) share what was kept before the
first of them.

A "change" event's data:
    "command": The number of the command that it answers.
    "taken": Whether the change was made.
    "number": Which change; a later one has a higher number.
    "settings", "structure": What was changed, in words.
    "state", "document": The files to go back with; absent when they could not be written.
    "loss": Of the watched samples before and after, where the network was edited.
    "back": The change before which the run stands again, when it went back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from netbuilder.document.files import write_document
from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.amendments import Amendment, compare
from netbuilder.training.moments import Reason
from netbuilder.training.protocol import Change, Event, Start
from netbuilder.training.run_files import CHANGES
from netbuilder.training.state import TrainingState, load_state, save_state
from netbuilder.training.time_machine import TimeMachine
from netbuilder.training.transplant import Transplant

KEPT: Final = 10
"""So many changes can be taken back; what was kept before older ones is deleted."""

CALM_SECONDS: Final = 5.0
"""Changes of settings that are no further apart share what was kept before the first."""


class Changeable(Protocol):
    """What of a trainer a change needs."""

    step_count: int
    document: Document
    past: TimeMachine

    def take_over(self, document: Document) -> Transplant | None:
        """Train an edited document from now on; returns how the network went over, None when it stayed."""
        ...

    def go_back(self, document: Document, state: TrainingState) -> None:
        """Train an earlier document from a state of it on."""
        ...

    def state(self, *, copy: bool = True) -> TrainingState:
        """Return the training's state."""
        ...

    def watched_loss(self) -> float:
        """Return the loss of the watched samples."""
        ...

    def event(self, event: Event) -> None:
        """Tell."""
        ...

    def problem(self, error: NetbuilderError) -> None:
        """Tell a user's mistake."""
        ...


class Changes:
    """Makes changes and keeps what is needed to take them back."""

    def __init__(self, folder: Path) -> None:
        """Keep it in a run's folder.

        Args:
            folder: The run's folder; what an earlier part of the same run kept there still counts.
        """
        self._folder = folder / CHANGES
        self._number = max((int(path.stem) for path in _files_in(self._folder)), default=0)
        self._last = -CALM_SECONDS
        self._shares = False

    def make(self, trainer: Changeable, number: int, command: Change) -> None:
        """Carry out a command; what cannot be done is told, and the run goes on as it was.

        Args:
            trainer: Whose run it is.
            number: The command's number.
            command: What to take over, or to go back to.
        """
        try:
            if command.state:
                self._go_back(trainer, number, command)
            else:
                self._go_on(trainer, number, command.document)
        except NetbuilderError as error:
            text = f"The change was not made, and the run goes on as it was: {error}"
            data = {"command": number, "taken": False}
            trainer.event(Event(kind="change", text=text, step=trainer.step_count, data=data, problems=error.problems))

    def stand_apart(self) -> None:
        """Let the next change share nothing with those before it: the run stands somewhere else now."""
        self._shares = False

    def _go_on(self, trainer: Changeable, number: int, document: Document) -> None:
        amendment = compare(trainer.document, document)
        if amendment.fixed:
            raise NetbuilderError([_fixed(node, field, why) for (node, field), why in amendment.fixed.items()])
        data: dict[str, Any] = {"command": number, "taken": True}
        if not amendment.text:  # names at most
            trainer.take_over(document)
            trainer.event(Event(kind="change", text="Nothing to change.", step=trainer.step_count, data=data))
            return
        before = trainer.watched_loss() if amendment.structure else 0.0
        data |= self._keep(trainer, amendment)
        moved = trainer.take_over(document)
        told = [f"Changed: {amendment.text}."]
        data |= {"number": self._number, "settings": list(amendment.settings), "structure": list(amendment.structure)}
        if amendment.structure and moved is not None:
            after = trainer.watched_loss()
            data["loss"] = [before, after]
            told += _moved_words(document, moved, before, after)
        trainer.event(Event(kind="change", text=" ".join(told), step=trainer.step_count, data=data))

    def _go_back(self, trainer: Changeable, number: int, command: Change) -> None:
        path = Path(command.state)
        state = load_state(path)
        before = trainer.step_count
        trainer.go_back(command.document, state)
        which = int(path.stem) if path.stem.isdecimal() else 0
        data = {"command": number, "taken": True, "back": which, "from": before}
        text = f"Went back from step {before:,} to step {state.step:,}, before the change."
        trainer.event(Event(kind="change", text=text, step=state.step, data=data))

    def _keep(self, trainer: Changeable, amendment: Amendment) -> dict[str, str]:
        """Keep what the run is like now, unless that was done a moment ago; returns the files."""
        now = time.monotonic()
        shares = self._shares and not amendment.structure and now - self._last < CALM_SECONDS
        self._last, self._shares = now, not amendment.structure
        if not shares:
            self._number += 1
            trainer.past.keep(Reason.CHANGE)
            try:
                self._write(trainer)
            except NetbuilderError as error:  # a full disk is no reason to refuse the change
                trainer.problem(error)
                return {}
        state, document = self._files(self._number)
        return {"state": str(state), "document": str(document)} if state.exists() else {}

    def _write(self, trainer: Changeable) -> None:
        state, document = self._files(self._number)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_document(document, trainer.document)
            save_state(state, trainer.state(copy=False))
            for path in self._files(self._number - KEPT):
                path.unlink(missing_ok=True)
        except OSError as error:
            message = f"What the run was before the change cannot be kept: {error.strerror or error}."
            raise NetbuilderError(_unwritable(message, state)) from error

    def _files(self, number: int) -> tuple[Path, Path]:
        return self._folder / f"{number}.safetensors", self._folder / f"{number}.netb"


def changes_for(start: Start, tell: Callable[[NetbuilderError], None]) -> Changes:
    """Return the changes of a run that begins or goes on.

    Args:
        start: What was asked for. Where it begins, what lies in its folder is another run's, and goes.
        tell: Called with what went wrong.
    """
    run = Path(start.folder)
    try:
        for path in [] if start.resume else _files_in(run / CHANGES):
            path.unlink()
    except OSError as error:
        message = f"What an earlier run kept before its changes cannot be removed: {error.strerror or error}."
        tell(NetbuilderError(_unwritable(message, run / CHANGES)))
    return Changes(run)


def _files_in(folder: Path) -> list[Path]:
    """Return what was kept before changes; other files are not ours."""
    found = [*folder.glob("*.safetensors"), *folder.glob("*.netb")]
    return [path for path in found if path.stem.isdecimal()]


def _unwritable(message: str, path: Path) -> Problem:
    return Problem(code="change.unwritable", message=message, file=str(path))


def _fixed(node: str, field: str, why: str) -> Problem:
    return Problem(code="change.fixed", message=why, node=node, field=field)


def _moved_words(document: Document, moved: Transplant, before: float, after: float) -> list[str]:
    """Say how a network went over."""
    labels = _labels(document)
    told = [f"The loss of the watched samples was {before:.4g} before and is {after:.4g} after."]
    drawn = [path for path in moved.fresh if path not in moved.insertion.identity | moved.insertion.zero]
    if drawn:
        told.append(f"Drawn anew: {', '.join(dict.fromkeys(_name(path, labels) for path in drawn))}.")
    return told + list(dict.fromkeys(f"{_name(path, labels)} {why}." for path, why in moved.inexact.items()))


def _name(path: str, labels: Mapping[str, str]) -> str:
    return labels.get(path.rpartition("/")[2], path)


def _labels(document: Document) -> dict[str, str]:
    graphs = [document.graph, *(block.graph for block in document.blocks.values())]
    return {id: node.label for graph in graphs for id, node in graph.nodes.items()}
