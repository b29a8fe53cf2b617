"""Steps: work done a piece at a time, so that whoever waits for the thread can have it in between.

Such work is a generator that yields after each piece and returns its result. It can be abandoned between two pieces.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Steps: TypeAlias = Generator[None, None, T]
"""Work that yields after each piece and returns its result."""


def finish(steps: Steps[T]) -> T:
    """Do all pieces that are left, and return the result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
