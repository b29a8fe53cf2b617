"""Going on: what a run begins from that does not begin afresh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from netbuilder.document.files import loads
from netbuilder.foundation.problem import NetbuilderError, Problem, Severity
from netbuilder.training import left_behind
from netbuilder.training.moments import Moment, Reason
from netbuilder.training.protocol import Event, Start
from netbuilder.training.recorder import Recorder
from netbuilder.training.run_files import SNAPSHOTS, STATE, STATE_BEFORE
from netbuilder.training.run_rewind import Cut
from netbuilder.training.run_store import RunStore
from netbuilder.training.snapshot_files import path_of, snapshots_of
from netbuilder.training.snapshots import load_snapshot, move_after
from netbuilder.training.state import TrainingState, load_generation, load_state, save_only, save_state


def given(start: Start) -> tuple[TrainingState | None, tuple[Problem, ...]]:
    """Return the state that a run is to begin from, if any, and warnings about what had to be passed over.

    Raises:
        NetbuilderError: When it cannot be read, or was changed or damaged.
    """
    if start.resume:
        folder = Path(start.folder)
        return load_generation(folder) if start.moment is None else (load_snapshot(folder, start.moment), ())
    return (load_state(Path(start.state)) if start.state else None), ()


def one_before(start: Start, state: TrainingState) -> TrainingState | None:
    """Return the state before a run's newest one, which does not fit; None when there is no such state that is whole.

    Args:
        start: What was asked for.
        state: The one that does not fit.
    """
    folder = Path(start.folder)
    if not start.resume or state.file != folder / STATE:
        return None
    try:
        return load_state(folder / STATE_BEFORE)
    except NetbuilderError:  # what is told is why the newest one does not fit
        return None


def as_recorded(start: Start) -> Start:
    """Return a Start with the document that the run trained last, where that may be another than its own.

    Raises:
        NetbuilderError: When the run store, or what it holds, cannot be read.
    """
    if not start.recorded:
        return start
    folder = Path(start.folder)
    record = RunStore.open(folder.parent).run(folder.name)
    if record is None or not record.document:
        return start
    return replace(start, document=loads(record.document, f"The document of the run {record.id}"))


def begun(folder: Path, now: float) -> float:
    """Return when a run began that goes on now (seconds since the epoch); `now` when its record is lost."""
    try:
        record = RunStore.open(folder.parent).run(folder.name)
    except NetbuilderError:  # the store's writer meets it too, sets it aside and tells
        return now
    return record.started if record is not None else now


def cut(state: TrainingState) -> Cut:
    """Return up to where the record of a run is kept that goes on from a state."""
    return Cut(step=state.step, epoch_step=int(state.about["epoch_step"]), rate_step=int(state.about["rate"][1]))


def leave_later(run: Path, state: TrainingState, recorder: Recorder) -> None:
    """Leave behind what a run that is over did after one of its snapshots, as a run of its own, to go on from there.

    Args:
        run: The run's folder.
        state: The snapshot.
        recorder: Records the run.

    Raises:
        NetbuilderError: When there is no place for it.
    """
    newest, kept = _newest(run), max(moment.step for moment in snapshots_of(run))
    begun = max(kept, newest.step if newest is not None else 0)
    if begun == state.step:
        return
    folder = left_behind.make_folder_beside(run)
    if newest is not None and newest.step > kept:
        (folder / SNAPSHOTS).mkdir(exist_ok=True)
        save_state(path_of(folder, Moment(newest.step, newest.epoch, Reason.END)), newest)
    save_only(run, state)  # a run that is killed in the next moment goes on from here, too
    move_after(run, state.step, folder)
    recorder.leave_behind(cut(state), folder.name, begun)
    recorder.event(left_behind.event(state.step, begun, folder.name))


def _newest(run: Path) -> TrainingState | None:
    """Return the state that a run left when it ended; None when there is none that is whole."""
    try:
        return load_generation(run)[0]
    except NetbuilderError:  # its snapshots are all that is left of it
        return None


def warnings(state: TrainingState, data: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return warnings of data that changed since.

    Args:
        state: The state.
        data: Data node id -> fingerprint of its rows now.
    """
    before = state.about["data"]
    return tuple(
        Problem(
            code="state.data",
            severity=Severity.WARNING,
            message="The data have changed since the state was saved: the training goes on with what they are now.",
            node=node,
        )
        for node, fingerprint in data.items()
        if before.get(node, fingerprint) != fingerprint
    )


def event(state: TrainingState, because: str = "") -> Event:
    """Return the event that tells where a run goes on from.

    Args:
        state: What it goes on from.
        because: Why it does so by itself; "" when somebody asked for it.
    """
    where = f"from step {state.step:,}, after {state.epoch:,} epoch{'' if state.epoch == 1 else 's'}"
    data: dict[str, object] = {"step": state.step, "epoch": state.epoch, "rewound": state.step}
    if because:
        data["cause"] = because
        return Event(kind="resume", text=f"Going on {where}: {because}.", step=state.step, data=data)
    return Event(kind="resume", text=f"Going on {where}.", step=state.step, data=data)
