"""Shortage: how much memory was asked for and how much there was, when there was not enough."""

from __future__ import annotations

import re
import sys
from typing import Final

import psutil

from netbuilder.training.footprint import in_words

_ASKED: Final = re.compile(r"tr(?:ied|ying) to allocate ([\d.]+) ?(bytes|[KMGT]i?B)", re.IGNORECASE)
_FREE: Final = re.compile(r"of which ([\d.]+) ?([KMGT]i?B) is free")
_UNITS: Final = {"bytes": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


def asked(error: BaseException) -> float | None:
    """Return how many bytes were asked for at once, as torch tells; None where it does not."""
    return _bytes(_ASKED.search(str(error)))


def free(error: BaseException) -> float:
    """Return how many bytes there were: on a GPU as torch tells, else what the system has left for this process."""
    told = _bytes(_FREE.search(str(error)))
    if told is not None:
        return told
    left = float(psutil.virtual_memory().available)
    if sys.platform == "linux":
        limit, _ = psutil.Process().rlimit(psutil.RLIMIT_AS)
        if limit >= 0:
            left = min(left, max(0.0, limit - psutil.Process().memory_info().vms))
    return left


def in_short(error: BaseException) -> tuple[str, str]:
    """Return what was needed and what there was, for people; "" where that is not known."""
    size = asked(error)
    return (f"{in_words(size)} more", f"{in_words(free(error))} free") if size is not None else ("", "")


def _bytes(found: re.Match[str] | None) -> float | None:
    if found is None:
        return None
    unit = found[2] if found[2] == "bytes" else found[2].upper()
    if len(unit) == 2:  # torch writes GiB; older ones GB for the same
        unit = f"{unit[0]}IB"
    return float(found[1]) * _UNITS[unit]
