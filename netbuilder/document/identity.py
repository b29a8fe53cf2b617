"""Identity: which entries of two mappings are not the same objects.

Documents share whatever an edit did not change, so that this alone tells an edit's extent. It is asked at every edit
of networks with thousands of nodes: the loops run in the interpreter's C code.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import compress, filterfalse
from operator import is_not
from typing import Any, TypeVar

K = TypeVar("K")


def fresh_keys(old: Mapping[K, Any], new: Mapping[K, Any]) -> list[K]:
    """Return the keys of `new` for which `old` has another object or none, in the order of `new`; no value is None."""
    if old is new:
        return []
    return list(compress(new, map(is_not, map(old.get, new), new.values())))


def lost_keys(old: Mapping[K, Any], new: Mapping[K, Any], fresh: list[K]) -> list[K]:
    """Return the keys that `old` has and `new` lacks, in the order of `old`.

    Args:
        old: The mapping before.
        new: The mapping after.
        fresh: Its `fresh_keys`.
    """
    come = len(fresh) - sum(map(old.__contains__, fresh))
    if len(old) + come == len(new):
        return []
    return list(filterfalse(new.__contains__, old))
