"""Resumable runs: those that left a state behind, from which they can go on; found without torch.

What a list needs (at which step, in which epoch) is read from the head of the state's file. Whether the file is whole
shows when the run goes on.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from netbuilder.document.files import loads
from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.protocol import Points, Progress, State, Telemetry
from netbuilder.training.run_files import STATE, STATE_BEFORE
from netbuilder.training.run_lock import goes_on, is_running
from netbuilder.training.run_rewind import Cut
from netbuilder.training.run_store import RunRecord, RunStore
from netbuilder.training.snapshot_files import path_of, snapshots_of

_HEAD_LIMIT: Final = 8 << 20
_ENDLESS: Final = 2**62  # a step that no run reaches
MOST_EPOCHS: Final = 1_000_000
"""The longest run that a plan allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumable:
    """A run that can go on.

    Attributes:
        folder: Its folder.
        record: What the run store knows of it, the document left out.
        step: Steps done when its state was saved.
        epoch: Epochs done by then.
        epochs: Epochs that it was to do.
        saved: When the state was saved, in seconds since the epoch.
        cut: Up to where its record goes on.
        is_newest: Whether that is the run's newest state, and not an earlier moment of it.
    """

    folder: Path
    record: RunRecord
    step: int
    epoch: int
    epochs: int
    saved: float
    cut: Cut
    is_newest: bool = True

    @property
    def is_interrupted(self) -> bool:
        """Whether nothing ended the run: the program did, or the computer."""
        return self.record.ended is None

    @property
    def is_done(self) -> bool:
        """Whether it has come to its end, and goes on only when more epochs are asked for."""
        if self.is_interrupted:  # perhaps in its last moments: its test is still to come
            return False
        return (self.is_newest and self.record.reason in ("finished", "early stopping")) or self.epoch >= self.epochs

    @property
    def name(self) -> str:
        """What people call the run."""
        return self.record.marks.name or self.record.id


def find_resumable(runs: Path) -> tuple[Resumable, ...]:
    """Return the runs in a folder that can go on, the newest first; those that go on at this moment are left out.

    Args:
        runs: A project's folder of runs.

    Raises:
        NetbuilderError: When the run store cannot be read.
    """
    found = (_look(runs / record.id, record) for record in RunStore.open(runs).list_runs())
    return tuple(each for each in found if each is not None)


def choose(runs: Path, wish: str = "") -> Resumable:
    """Return the run that is meant.

    Args:
        runs: A project's folder of runs.
        wish: Its id, or the user's name for it; "" for the newest one.

    Raises:
        NetbuilderError: When there is none, or it cannot go on.
    """
    records = RunStore.open(runs).list_runs()
    fitting = [record for record in records if not wish or record.id == wish]
    fitting = fitting or [record for record in records if record.marks.name == wish]
    if not fitting:
        known = ", ".join(record.id for record in records[:5])
        what = f"There is no run {wish!r} in {runs.name}." if wish else f"{runs.name} holds no run that could go on."
        raise NetbuilderError(Problem(code="resume.unknown", message=what, expected=known, found=wish, file=str(runs)))
    record = fitting[0]
    folder = runs / record.id
    if is_running(folder):
        raise NetbuilderError(goes_on(folder))
    found = _look(folder, record)
    if found is None:
        message = (
            f"The run {record.id} cannot go on: it left no state behind. It ended before its first one was saved, or "
            "comes from an earlier version."
        )
        raise NetbuilderError(Problem(code="state.missing", message=message, file=str(folder / STATE)))
    return found


def at_moment(folder: Path, step: int) -> Resumable:
    """Return a run as it was at one of the moments that it has kept.

    Args:
        folder: The run's folder.
        step: The moment's.

    Raises:
        NetbuilderError: When it goes on now, is not in the record of runs, or has not kept the moment.
    """
    record = _record_of_one_over(folder.parent, folder.name)
    moment = next((each for each in snapshots_of(folder) if each.step == step), None)
    found = _read_head(folder, record, path_of(folder, moment)) if moment is not None else None
    if found is None:
        message = f"There is no snapshot of step {step:,} of the run {folder.name} (any more), or it cannot be read."
        raise NetbuilderError(Problem(code="snapshot.missing", message=message, file=str(folder)))
    return replace(found, is_newest=False)


def whole(runs: Path, run: str) -> Resumable:
    """Return all of a run that is over, whether it can go on or not.

    Raises:
        NetbuilderError: When it goes on now, or is not in the record of runs.
    """
    record = _record_of_one_over(runs, run)
    return Resumable(
        folder=runs / run,
        record=record,
        step=record.steps,
        epoch=record.epochs,
        epochs=int(record.plan.get("epochs", 0)),
        saved=record.ended or record.started,
        cut=Cut(step=_ENDLESS, epoch_step=_ENDLESS, rate_step=_ENDLESS),
    )


def _record_of_one_over(runs: Path, run: str) -> RunRecord:
    record = RunStore.open(runs).run(run)
    if record is None:
        raise NetbuilderError(_unknown(runs / run))
    if is_running(runs / run):
        raise NetbuilderError(goes_on(runs / run))
    return record


def _unknown(folder: Path) -> Problem:
    message = f"The run {folder.name} is no longer in the record of runs."
    return Problem(code="resume.unknown", message=message, file=str(folder))


def own_document(run: Resumable) -> Document:
    """Return what a run trained.

    Raises:
        NetbuilderError: When its record cannot be read.
    """
    record = RunStore.open(run.folder.parent).run(run.record.id)
    if record is None:
        raise NetbuilderError(_unknown(run.folder))
    return loads(record.document, f"The document of the run {record.id}")


def document_of(run: Resumable, more: int | None = None) -> Document:
    """Return what a run is to train when it goes on: its own document.

    Args:
        run: The run.
        more: How many epochs it is to do beyond those that are done; None for as many as it was to do.

    Raises:
        NetbuilderError: When its record cannot be read, or it has come to its end and no more is asked for.
    """
    document = own_document(run)
    if more is None:
        if run.is_done:
            raise NetbuilderError(
                Problem(
                    code="resume.done",
                    message=f"The run {run.name} has done its {run.epoch} epochs: say how many more it is to do.",
                    field="epochs",
                )
            )
        return document
    return replace(document, plan=replace(document.plan, epochs=min(run.epoch + more, MOST_EPOCHS)))


def read_history(run: Resumable) -> Telemetry:
    """Return what a run told up to its state, as one telemetry.

    Raises:
        NetbuilderError: When the run store cannot be read.
    """
    store, id = RunStore.open(run.folder.parent), run.record.id
    series = {}
    for name in store.names(id):
        points = store.series(id, name)
        kept = int(points.steps.searchsorted(run.cut.of(name), side="right"))
        series[name] = Points(points.steps[:kept], points.values[:kept])
    events = tuple(event for event in store.events(id) if run.cut.keeps(event))
    pictures = tuple(picture for picture in store.histograms(id) if picture.step <= run.step)
    progress = Progress(state=State.STARTING, step=run.step, epoch=run.epoch, epochs=run.epochs)
    return Telemetry(progress=progress, series=series, pictures=pictures, events=events)


def _look(folder: Path, record: RunRecord) -> Resumable | None:
    """Return a run that left a state behind; None for others, and for one that goes on now."""
    for path in (folder / STATE, folder / STATE_BEFORE):
        found = _read_head(folder, record, path)
        if found is not None and not is_running(folder):
            return found
    return None


def _read_head(folder: Path, record: RunRecord, path: Path) -> Resumable | None:
    """Return a run as it was when a file was written; None when there is none that can be read."""
    head = _head(path)
    if head is None:
        return None
    about, saved = head
    return Resumable(
        folder=folder,
        record=record,
        step=about["step"],
        epoch=about["epoch"],
        epochs=int(record.plan.get("epochs", 0)),
        saved=saved,
        cut=Cut(step=about["step"], epoch_step=about["epoch_step"], rate_step=about["rate"][1]),
    )


def _head(path: Path) -> tuple[dict[str, Any], float] | None:
    """Return what a state's file says of itself, and when it was written; None when there is none that can be read."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > _HEAD_LIMIT:
                return None
            about = json.loads(json.loads(file.read(size))["__metadata__"]["about"])
            saved = os.fstat(file.fileno()).st_mtime  # of this very file: its run may give it another name meanwhile
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(about, dict) or not isinstance(about.get("rate"), list) or len(about["rate"]) != 2:
        return None
    numbers = (about.get("step"), about.get("epoch"), about.get("epoch_step"), about["rate"][1])
    return (about, saved) if all(isinstance(number, int) for number in numbers) else None
