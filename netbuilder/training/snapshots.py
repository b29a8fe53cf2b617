"""Snapshots: a run's states at earlier moments, as files within a budget of bytes and of time.

They lie in the folder `snapshots` of the run, a file each (`netbuilder.training.state`). Its name says of which moment
it is (`netbuilder.training.snapshot_files`), its seal whether it is what was written.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from netbuilder.foundation.problem import NetbuilderError, Problem, Severity
from netbuilder.foundation.save import sweep_temporaries
from netbuilder.training.moments import LEAST, PINNED, Moment, Reason, superfluous
from netbuilder.training.protocol import Start
from netbuilder.training.run_files import SNAPSHOTS
from netbuilder.training.snapshot_files import path_of, snapshots_of
from netbuilder.training.snapshot_room import make_room_for
from netbuilder.training.state import TrainingState, load_state, save_state

NUMBER: Final = 48
"""So many are kept of a run: a slider's worth."""

SECONDS: Final = 0.1
"""Between two of them, however cheap they are."""

RETRY_SECONDS: Final = 30.0
"""How long to wait when one could not be written."""

SHARE: Final = 0.01
"""Writing them takes at most this part of a run's time..."""

CREDIT: Final = 0.15
"""...and so many seconds more, so that a run's beginning is dense."""


def load_snapshot(run: Path, step: int) -> TrainingState:
    """Read the snapshot of a step and prove that it is what was written.

    Raises:
        NetbuilderError: When there is none, or it cannot be read, or was changed or damaged.
    """
    moment = next((each for each in snapshots_of(run) if each.step == step), None)
    if moment is None:
        message = f"There is no snapshot of step {step:,} (any more)."
        raise NetbuilderError(Problem(code="snapshot.missing", message=message, file=str(run / SNAPSHOTS)))
    state = load_state(path_of(run, moment))
    if state.step != step:
        message = f"The snapshot of step {step:,} holds step {state.step:,}: somebody renamed it."
        raise NetbuilderError(Problem(code="snapshot.renamed", message=message, file=str(path_of(run, moment))))
    return state


def move_after(run: Path, step: int, to: Path) -> None:
    """Give a run's snapshots of later steps to another run.

    Args:
        run: The run's folder.
        step: Up to which it keeps them.
        to: The other run's folder.

    Raises:
        NetbuilderError: When the system refuses.
    """
    later = [each for each in snapshots_of(run) if each.step > step]
    try:
        if later:
            (to / SNAPSHOTS).mkdir(parents=True, exist_ok=True)
        for moment in later:
            path_of(run, moment).replace(path_of(to, moment))
    except OSError as error:
        raise NetbuilderError(_unwritable(run, error)) from error


class Shelf:
    """A run's snapshots while it goes on.

    Attributes:
        due: When the next one is to be kept, by `time.perf_counter`.
        is_open: Whether any is kept: not without a budget, nor when it holds no two of them.
        moments: What can be gone back to, in order.
    """

    def __init__(self, run: Path, size: int, number: int = NUMBER) -> None:
        """Keep the snapshots of one run; those that it has already count.

        Args:
            run: Its folder.
            size: How many bytes they may take together; 0 keeps none.
            number: How many they may be.
        """
        self._run = run
        self._size = size
        self._number = number
        self._begun: float | None = None
        self._spent = 0.0
        self.moments = snapshots_of(run)
        self.due = 0.0
        self.is_open = size > 0
        sweep_temporaries(run / SNAPSHOTS)

    def keep(self, state: TrainingState, reason: Reason) -> None:
        """Write a snapshot, and remove those that it leaves no room for.

        One of the same step is replaced, but what was pinned stays pinned.

        Raises:
            NetbuilderError: When there is no room for two such snapshots, or it cannot be written.
        """
        begun = time.perf_counter()
        before = next((each for each in self.moments if each.step == state.step), None)
        if before is not None and (before.reason in PINNED or before.reason is reason):
            return
        moment = Moment(state.step, state.epoch, reason, _size_of(state))
        try:
            self._make_room(moment, before)
            (self._run / SNAPSHOTS).mkdir(exist_ok=True)
            save_state(path_of(self._run, moment), state)
        except (OSError, NetbuilderError) as error:
            self.moments = snapshots_of(self._run)
            self.due = time.perf_counter() + RETRY_SECONDS
            if isinstance(error, NetbuilderError):
                raise
            raise NetbuilderError(_unwritable(self._run, error)) from error
        self.moments = snapshots_of(self._run)
        self._plan(begun)

    def load(self, step: int) -> TrainingState:
        """Read the snapshot of a step; one that cannot be had is offered no more.

        Raises:
            NetbuilderError: As `load_snapshot`.
        """
        try:
            return load_snapshot(self._run, step)
        except NetbuilderError:
            self.moments = tuple(each for each in self.moments if each.step != step)
            raise

    def move_after(self, step: int, to: Path) -> None:
        """Give the snapshots of later steps to another run.

        Raises:
            NetbuilderError: When the system refuses.
        """
        try:
            move_after(self._run, step, to)
        finally:
            self.moments = snapshots_of(self._run)

    def drop_after(self, step: int) -> None:
        """Remove the snapshots of later steps: what a run repeats that was killed."""
        self._remove([each for each in self.moments if each.step > step])
        self.moments = tuple(each for each in self.moments if each.step <= step)

    def _make_room(self, moment: Moment, before: Moment | None) -> None:
        if LEAST * moment.size > self._size:
            self.is_open = False
            raise NetbuilderError(_no_room(self._size, moment.size))
        others = [each for each in self.moments if each is not before]
        gone = superfluous(sorted([*others, moment]), self._number, self._size)
        self._remove([*([before] if before is not None else []), *gone])

    def _remove(self, moments: list[Moment]) -> None:
        for moment in moments:
            with contextlib.suppress(FileNotFoundError):  # somebody else was faster
                path_of(self._run, moment).unlink()

    def _plan(self, begun: float) -> None:
        """Set when the next one is due: not before what the writing took is paid for."""
        now = time.perf_counter()
        cost = now - begun
        if self._begun is None:  # the first one comes before the first step
            self._begun = now
        else:
            self._spent += cost
        self.due = max(now + SECONDS, self._begun + (self._spent + cost - CREDIT) / SHARE)


def shelf_for(start: Start, after: int | None, tell: Callable[[NetbuilderError], None]) -> Shelf:
    """Return the snapshots of a run that begins or goes on.

    Args:
        start: What was asked for.
        after: The step that the run goes on from in its own folder; None when it begins: what lies there is another's.
        tell: Called with what went wrong.
    """
    run = Path(start.folder)
    shelf = Shelf(run, make_room_for(run, start.snapshots, start.snapshots_together, tell))
    try:
        shelf.drop_after(-1 if after is None else after)
    except OSError as error:
        tell(NetbuilderError(_unwritable(run, error)))
    return shelf


def _size_of(state: TrainingState) -> int:
    """Return about how many bytes a state's file has: its tensors and what is said of each."""
    return sum(tensor.nbytes + 128 for tensor in state.tensors.values()) + 4096


def _no_room(size: int, needed: int) -> Problem:
    return Problem(
        code="snapshot.room",
        severity=Severity.WARNING,
        message=(
            f"No snapshots are kept of this run: one takes {_megabytes(needed)}, and all together may take "
            f"{_megabytes(size)}. Allow more in the preferences to look back at earlier moments."
        ),
        expected=f"at least {_megabytes(LEAST * needed)}",
        found=_megabytes(size),
    )


def _unwritable(run: Path, error: OSError) -> Problem:
    message = f"The snapshots of the run {run.name} cannot be changed: {error.strerror or error}."
    return Problem(code="snapshot.files", message=message, severity=Severity.WARNING, file=str(run / SNAPSHOTS))


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.1f} MB"
