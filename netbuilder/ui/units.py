"""Units: measured quantities in words, with three digits and the unit that suits them."""

from __future__ import annotations

from math import isfinite

from netbuilder.training.footprint import in_words as memory

__all__ = ["duration", "memory"]

_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def duration(seconds: float) -> str:
    """Return a time for people: "12.3 ms", "850 µs", "0"."""
    if not isfinite(seconds) or seconds <= 0:
        return "0"
    for limit, unit in _TIMES:
        if seconds >= limit * 0.9995:
            return f"{_digits(seconds / limit)} {unit}"
    return f"{_digits(seconds / 1e-6)} µs"


def _digits(number: float) -> str:
    decimals = 0 if number >= 99.95 else 1 if number >= 9.995 else 2
    return f"{number:,.{decimals}f}"
