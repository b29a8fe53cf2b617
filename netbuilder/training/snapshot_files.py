"""The files of snapshots: names that say of which moment each is. No torch: the window lists them, too.

There is no index that could be wrong: a file's name says which moment it is of, and it is there or it is not.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from netbuilder.training.moments import Moment, Reason
from netbuilder.training.run_files import SNAPSHOTS

_NAME: Final = re.compile(rf"(\d{{1,15}})-(\d{{1,9}})-({'|'.join(Reason)})\.safetensors")


def path_of(run: Path, moment: Moment) -> Path:
    """Return the file of a snapshot.

    Args:
        run: The run's folder.
        moment: The moment.
    """
    return run / SNAPSHOTS / f"{moment.step}-{moment.epoch}-{moment.reason}.safetensors"


def snapshots_of(run: Path) -> tuple[Moment, ...]:
    """Return the snapshots in a run's folder, in order; says nothing of whether they are whole."""
    found: dict[int, Moment] = {}
    try:
        for path in (run / SNAPSHOTS).iterdir():
            match = _NAME.fullmatch(path.name)
            if match is not None and path.is_file():
                step, epoch, reason = int(match[1]), int(match[2]), Reason(match[3])
                found[step] = Moment(step, epoch, reason, path.stat().st_size)
    except OSError:  # no folder: the run keeps none
        return ()
    return tuple(sorted(found.values()))
