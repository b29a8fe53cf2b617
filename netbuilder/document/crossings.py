"""Crossings of links between the columns of a layered drawing: how many there are, and fewer of them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

Columns = Sequence[Sequence[int]]
Links = Sequence[Sequence[int]]
"""By cell: the cells it is linked to in the next column, or in the one before."""


def count_crossings(columns: Columns, after: Links, rank: Sequence[int]) -> int:
    """Return how many pairs of links between neighbouring columns cross.

    Args:
        columns: The cells of each column, from top to bottom.
        after: By cell, where its links lead to; those past the next column do not count.
        rank: By cell, its column.
    """
    position = {cell: index for column in columns for index, cell in enumerate(column)}
    total = 0
    for column in columns:
        seen: list[int] = []  # sorted
        for cell in column:
            ends = [position[other] for other in after[cell] if rank[other] == rank[cell] + 1]
            total += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def swap_neighbours(columns: list[list[int]], before: Links, after: Links) -> None:
    """Exchange cells next to each other in their column where their links then cross less; one pass, in place.

    Args:
        columns: The cells of each column, from top to bottom.
        before: By cell, where its links come from.
        after: By cell, where its links lead to.
    """
    position = {cell: index for column in columns for index, cell in enumerate(column)}
    for column in columns:
        for index in range(len(column) - 1):
            upper, lower = column[index], column[index + 1]
            gain = sum(
                _crossings([position[cell] for cell in side[upper]], [position[cell] for cell in side[lower]])
                - _crossings([position[cell] for cell in side[lower]], [position[cell] for cell in side[upper]])
                for side in (before, after)
            )
            if gain > 0:
                column[index], column[index + 1] = lower, upper
                position[upper], position[lower] = index + 1, index


def _crossings(upper: list[int], lower: list[int]) -> int:
    """Return how many pairs of links of two cells cross, from where their ends stand."""
    return sum(1 for end in upper for other in lower if end > other)
