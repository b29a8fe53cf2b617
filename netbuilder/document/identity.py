"""Identity: which entries of two mappings are not the same objects.

Documents share whatever an edit did not change, so that this alone tells an edit's extent. It is asked at every edit
of networks with thousands of nodes: the loops run in the interpreter's C code, and several parts of the program, which
all follow the same edit, get the answer that was found for the first. Most edits leave the order of what they do not
touch, so that nearly all keys are met in pairs, and only those between are looked up.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import chain, compress, filterfalse, islice
from operator import eq, is_not
from typing import Any, Final, TypeVar

K = TypeVar("K")


_PIECE: Final = 512

_KEPT: Final = 6
"""Answers that are kept: those about one edit's nodes, links, places and types."""


class _Answer:
    """What was found of two mappings."""

    __slots__ = ("fresh", "lost", "new", "old")

    def __init__(self, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> None:
        self.old, self.new = old, new
        before, after = list(old), list(new)
        start, end = shared_ends(before, after)
        values, others = list(new.values()), list(old.values())
        middle, last = len(after) - end, len(before) - end
        differs = chain(
            map(is_not, islice(others, start), values),
            map(is_not, map(old.get, after[start:middle]), values[start:middle]),
            map(is_not, others[last:], values[middle:]),
        )
        self.fresh = tuple(compress(after, differs))
        self.lost = tuple(filterfalse(new.__contains__, before[start:last]))


def shared_ends(old: Sequence[Hashable], new: Sequence[Hashable]) -> tuple[int, int]:
    """Return how many entries two lists share at their beginnings, and how many of the others at their ends."""
    most = min(len(old), len(new))
    start = _alike(old, new, most)
    return start, _alike(old[: start - len(old) - 1 : -1], new[: start - len(new) - 1 : -1], most - start)


def _alike(old: Sequence[Hashable], new: Sequence[Hashable], most: int) -> int:
    """Return how many entries are alike from the beginning, at most so many; whole pieces are compared in one go."""
    start = 0
    while start < most and old[start : start + _PIECE] == new[start : start + _PIECE]:
        start += _PIECE
    same = list(map(eq, old[start : start + _PIECE], new[start : start + _PIECE]))
    return min(start + (same.index(False) if False in same else len(same)), most)


_recent: tuple[_Answer, ...] = ()


def _answer(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> _Answer:
    global _recent
    for known in _recent:
        if known.old is old and known.new is new:
            return known
    answer = _Answer(old, new)
    _recent = (answer, *_recent[: _KEPT - 1])  # replaced as a whole: several threads may ask
    return answer


def fresh_keys(old: Mapping[K, Any], new: Mapping[K, Any]) -> list[K]:
    """Return the keys of `new` for which `old` has another object or none, in the order of `new`; no value is None.

    Both are values: neither may be changed once it was asked about.
    """
    return [] if old is new else list(_answer(old, new).fresh)


def lost_keys(old: Mapping[K, Any], new: Mapping[K, Any]) -> list[K]:
    """Return the keys that `old` has and `new` lacks, in the order of `old`; see `fresh_keys`."""
    return [] if old is new else list(_answer(old, new).lost)
