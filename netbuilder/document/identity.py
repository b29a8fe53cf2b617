"""Identity: which entries of two mappings are not the same objects.

Documents share whatever an edit did not change, so that this alone tells an edit's extent. It is asked at every edit
of networks with thousands of nodes: the loops run in the interpreter's C code, and several parts of the program, which
all follow the same edit, get the answer that was found for the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import compress, filterfalse
from operator import is_not
from typing import Any, Final, TypeVar

K = TypeVar("K")


_KEPT: Final = 6
"""Answers that are kept: those about one edit's nodes, links, places and types."""


class _Answer:
    """What was found of two mappings; `lost` is found when it is asked for."""

    __slots__ = ("fresh", "lost", "new", "old")

    def __init__(self, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> None:
        self.old, self.new = old, new
        self.fresh = tuple(compress(new, map(is_not, map(old.get, new), new.values())))
        self.lost: tuple[Any, ...] | None = None


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
    if old is new:
        return []
    answer = _answer(old, new)
    if answer.lost is None:
        come = len(answer.fresh) - sum(map(old.__contains__, answer.fresh))
        answer.lost = tuple(filterfalse(new.__contains__, old)) if len(old) + come != len(new) else ()
    return list(answer.lost)
