"""The room that the snapshots of a project's runs take together: what is thinned when there is too little, and cleared.

Oldest runs give way first. A run that the user has pinned keeps its snapshots, and so does one that goes on; of the
others, what was kept by hand stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from netbuilder.foundation.problem import NetbuilderError, Problem, Severity
from netbuilder.training.moments import PINNED, Moment, Reason, superfluous
from netbuilder.training.run_files import SNAPSHOTS
from netbuilder.training.run_lock import is_running
from netbuilder.training.run_store import RunStore
from netbuilder.training.run_trash import folder_of
from netbuilder.training.snapshot_files import path_of, snapshots_of


@dataclass(slots=True)
class _Kept:
    """The snapshots of one run."""

    folder: Path
    moments: tuple[Moment, ...]
    may_go: bool

    @property
    def size(self) -> int:
        return sum(moment.size for moment in self.moments)

    def drop(self, moments: Sequence[Moment]) -> None:
        _remove(self.folder, moments)
        self.moments = tuple(each for each in self.moments if each not in moments)


def make_room(store: RunStore, size: int, spared: str) -> int:
    """Thin the snapshots of a project's runs until they keep a budget.

    Runs give up moments in the order of their age, at first down to their beginning, their end, their best moment and
    what was kept on purpose; where that is not enough, all but what was kept by hand.

    Args:
        store: The project's store of runs.
        size: How many bytes they may take together.
        spared: The id of the run that this is done for; it is neither counted nor thinned.

    Returns:
        How many bytes they take now: more than `size` where the rest belongs to pinned runs, to runs in progress, or
        was kept by hand.

    Raises:
        NetbuilderError: When the store cannot be read or the system refuses.
    """
    runs = [each for each in _kept(store) if each.folder.name != spared]
    total = sum(run.size for run in runs)
    for give_up in (_spare, _nearly_all):
        for run in runs:
            if total <= size:
                return total
            if run.may_go:
                before = run.size
                run.drop(give_up(run.moments, total - size))
                total -= before - run.size
    return total


def make_room_for(run: Path, size: int, together: int | None, tell: Callable[[NetbuilderError], None]) -> int:
    """Make room for the snapshots of a run among those of the project's other runs.

    Args:
        run: The run's folder.
        size: How many bytes its snapshots may take.
        together: How many those of all runs of the project may take; None sets no limit.
        tell: Called with what went wrong.

    Returns:
        How many bytes the run's snapshots may take.
    """
    if together is None or size <= 0:
        return size
    size = min(size, together)
    try:
        taken = make_room(RunStore.open(run.parent), together - size, run.name)
    except NetbuilderError as error:
        tell(error)
        return size
    if taken > together - size:
        tell(NetbuilderError(_too_much(taken, together)))
    return size


def clear(store: RunStore, runs: Iterable[str]) -> int:
    """Remove all snapshots of some runs; one that goes on keeps its own.

    Returns:
        How many bytes are free again.

    Raises:
        NetbuilderError: When the system refuses.
    """
    freed = 0
    for run in runs:
        folder = folder_of(store, run)
        if not is_running(folder):
            moments = snapshots_of(folder)
            _remove(folder, moments)
            freed += sum(moment.size for moment in moments)
    return freed


def _kept(store: RunStore) -> list[_Kept]:
    """Return the runs with snapshots, the oldest first."""
    found = []
    for record in sorted(store.list_runs(), key=lambda record: (record.started, record.id)):
        folder = folder_of(store, record.id)
        moments = snapshots_of(folder)
        if moments:
            found.append(_Kept(folder, moments, not record.marks.pinned and not is_running(folder)))
    return found


def _spare(moments: Sequence[Moment], excess: int) -> list[Moment]:
    """Return what a run can give up so that its course can still be seen."""
    size = sum(moment.size for moment in moments) - excess
    return [each for each in superfluous(moments, len(moments), max(size, 0)) if each.reason not in PINNED]


def _nearly_all(moments: Sequence[Moment], excess: int) -> list[Moment]:
    return [each for each in moments if each.reason is not Reason.WISH]


def _remove(folder: Path, moments: Iterable[Moment]) -> None:
    try:
        for moment in moments:
            path_of(folder, moment).unlink(missing_ok=True)
    except OSError as error:
        message = f"The snapshots of the run {folder.name} cannot be removed: {error.strerror or error}."
        raise NetbuilderError(
            Problem(code="snapshot.files", message=message, severity=Severity.WARNING, file=str(folder / SNAPSHOTS))
        ) from error


def _too_much(taken: int, together: int) -> Problem:
    return Problem(
        code="snapshot.together",
        severity=Severity.WARNING,
        message=(
            f"The snapshots of this project's other runs take {taken / 2**20:,.1f} MB, and all may take "
            f"{together / 2**20:,.1f} MB. What is left belongs to pinned runs or was kept by hand: remove snapshots in "
            "the Runs panel, or allow more in the preferences."
        ),
        expected=f"at most {together / 2**20:,.1f} MB with the new run's",
        found=f"{taken / 2**20:,.1f} MB",
    )
