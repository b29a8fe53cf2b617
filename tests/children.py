"""Child processes that tests start: the program's own modules, a home of their own, no screen, one thread."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def environment(home: Path) -> Mapping[str, str]:
    """Return what a child is started with.

    Args:
        home: The folder for its preferences, recovery and unsaved runs.
    """
    own = {
        "NETBUILDER_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "QT_QPA_PLATFORM": "offscreen",
        "OMP_NUM_THREADS": "1",
    }
    return {**os.environ, **own}
