"""How torch's threads wait for one another: asleep, so that the window and other programs get their turn.

By default OpenMP's threads wait in busy loops, which slows training by an order of magnitude as soon as something else
wants a core; and the window always does.
"""

from __future__ import annotations

import os

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
"""Environment variables that OpenMP reads when torch is imported."""


def wait_passively() -> None:
    """Let waiting threads sleep, unless the user has chosen otherwise; call before torch is imported."""
    for name, value in PASSIVE.items():
        os.environ.setdefault(name, value)
