"""The files in a run's folder that others look for, too."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

BEST: Final = "best.safetensors"
"""The weights of the epoch with the best validation result."""

AVERAGE: Final = "average.safetensors"
"""The running average of the weights when the run was last saved, where the plan asks for one."""

LAST: Final = "last.safetensors"
"""The weights when the run was last saved."""

STATE: Final = "state.safetensors"
"""The newest state of the training, from which the run can go on."""

STATE_BEFORE: Final = "state-before.safetensors"
"""The state before the newest: what is left should that one be damaged."""

FILES: Final = (BEST, AVERAGE, LAST, STATE, STATE_BEFORE)
"""All that a run writes over and over."""

RUNNING: Final = "running"
"""Locked while the run goes on."""

SNAPSHOTS: Final = "snapshots"
"""A folder: the run's states at earlier moments."""


CHANGES: Final = "changes"
"""A folder: the run's states before what was changed while it went on."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a run's files take on the disk.

    Attributes:
        size: All of them, in bytes.
        snapshots: Those that are snapshots.
    """

    size: int = 0
    snapshots: int = 0


def has_state(folder: Path) -> bool:
    """Whether a run left a state behind; says nothing of whether it is whole."""
    return (folder / STATE).exists() or (folder / STATE_BEFORE).exists()


def own_files(folder: Path) -> list[Path]:
    """Return what NetBuilder has put into a run's folder; what else lies there is the user's and stays.

    Raises:
        OSError: When the folder cannot be read.
    """
    own = (RUNNING, SNAPSHOTS, CHANGES)
    return sorted(each for each in folder.iterdir() if each.name in own or ".safetensors" in each.name)


def size_of(folder: Path) -> int:
    """Return how many bytes a run's files take; what cannot be looked at counts nothing."""
    try:
        own = own_files(folder)
        files = [file for each in own for file in ((each, *each.rglob("*")) if each.is_dir() else (each,))]
        return sum(file.lstat().st_size for file in files if not file.is_dir())
    except OSError:
        return 0


def taken_by(folder: Path) -> Taken:
    """Return what a run's files take."""
    return Taken(size_of(folder), _size_in(folder / SNAPSHOTS))


def _size_in(folder: Path) -> int:
    try:
        return sum(file.lstat().st_size for file in folder.iterdir())
    except OSError:  # no folder: the run keeps none
        return 0
