"""Splitting rows into training, validation and test parts, by a seed and in proportion to classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from netbuilder.data.spec import Array
from netbuilder.foundation.problem import NetbuilderError, Problem

Rows = NDArray[np.int64]

PARTS = ("train", "validation", "test")


def split_rows(
    rows: int, *, validation_percent: int, test_percent: int, seed: int, classes: Array | None = None
) -> Mapping[str, Rows]:
    """Deal row numbers to the three parts.

    Args:
        rows: How many rows there are.
        validation_percent: The validation part's share.
        test_percent: The test part's share.
        seed: The same seed deals the same way.
        classes: Each row's class, when every part shall get its share of each; a class keeps at least one training row.

    Returns:
        Part name -> row numbers, ascending.

    Raises:
        NetbuilderError: When a part would be empty.
    """
    wanted = _wanted(rows, validation_percent, test_percent)
    generator = np.random.default_rng(seed)
    labels = np.zeros(rows, dtype=np.int64) if classes is None else np.asarray(classes)
    # Asked for the counts too, numpy does not import its masked arrays, which would stay in the window's memory.
    distinct, _ = np.unique(labels, return_counts=True)
    groups = [generator.permutation(np.flatnonzero(labels == label)) for label in distinct]
    parts: dict[str, Rows] = {}
    for part, count in wanted.items():
        taken = _shares([len(group) for group in groups], count)
        parts[part] = np.sort(
            np.concatenate([group[:share] for group, share in zip(groups, taken, strict=True)] or [_NONE])
        )
        groups = [group[share:] for group, share in zip(groups, taken, strict=True)]
    parts["train"] = np.sort(np.concatenate(groups or [_NONE]))
    _require_rows({part: len(parts[part]) for part in PARTS}, rows, len(distinct))
    return {part: parts[part] for part in PARTS}


def check_split(rows: int, *, validation_percent: int, test_percent: int) -> None:
    """Make sure that so many rows can be split, as far as their number tells; nothing is dealt.

    Args:
        rows: How many rows there are.
        validation_percent: The validation part's share.
        test_percent: The test part's share.

    Raises:
        NetbuilderError: When a part would be empty.
    """
    left, sizes = rows, {}
    for part, count in _wanted(rows, validation_percent, test_percent).items():
        (sizes[part],) = _shares([left], count)
        left -= sizes[part]
    _require_rows({**sizes, "train": left}, rows, min(rows, 1))


def _wanted(rows: int, validation_percent: int, test_percent: int) -> dict[str, int]:
    """Return how many rows the parts that are dealt first shall have."""
    if validation_percent + test_percent >= 100:
        raise _refusal(
            f"Validation ({validation_percent} %) and test ({test_percent} %) leave nothing to train on: together "
            "they must stay below 100 %."
        )
    return {"test": round(rows * test_percent / 100), "validation": round(rows * validation_percent / 100)}


_NONE: Rows = np.empty(0, dtype=np.int64)


def _shares(sizes: list[int], count: int) -> list[int]:
    """Return how many of each group to take so that `count` are taken in proportion and each group keeps one."""
    total = sum(sizes)
    if not total:
        return [0] * len(sizes)
    exact = [size * count / total for size in sizes]
    taken = [min(int(share), size - 1) for share, size in zip(exact, sizes, strict=True)]
    by_remainder = sorted(range(len(sizes)), key=lambda index: (taken[index] - exact[index], index))
    while sum(taken) < count and any(taken[index] < sizes[index] - 1 for index in by_remainder):
        for index in by_remainder:
            if sum(taken) < count and taken[index] < sizes[index] - 1:
                taken[index] += 1
    return taken


def _require_rows(sizes: Mapping[str, int], rows: int, classes: int) -> None:
    empty = [part for part in PARTS if not sizes[part]]
    if empty:
        words = {"train": "training", "validation": "validation", "test": "test"}
        counted = f"There are {rows} usable rows" + (f" of {classes} classes" if classes > 1 else "")
        advice = "Add rows or change the percentages."
        if 2 * classes > rows > 2:  # each class keeps a row for training: nothing is left for the rest
            advice = "Is the target a number to predict? Then set Task to regression; else join rare classes."
        raise _refusal(f"{counted}, too few for all three parts: the {words[empty[0]]} part would be empty. {advice}")


def _refusal(message: str) -> NetbuilderError:
    return NetbuilderError(Problem(code="data.split", message=message, field="validation_percent"))
