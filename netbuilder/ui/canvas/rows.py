"""Rows: where the entries of a list were in the list before an edit, found without a look-up of each."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from netbuilder.document.identity import shared_ends


def rows_before(old: Sequence[Hashable], new: Sequence[Hashable]) -> NDArray[np.intp]:
    """Return for each entry of `new` its row in `old`, -1 where it has none. No entry stands twice in a list."""
    start, end = shared_ends(old, new)
    middle, last = len(new) - end, len(old) - end
    known = dict(zip(old[start:last], range(start, last), strict=True))
    rows = np.empty(len(new), dtype=np.intp)
    rows[:start] = np.arange(start)
    rows[start:middle] = np.fromiter(map(known.get, new[start:middle], repeat(-1)), np.intp, middle - start)
    rows[middle:] = np.arange(last, len(old))
    return rows
