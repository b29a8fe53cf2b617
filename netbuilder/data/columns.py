"""Columns of a table: which hold numbers and which categories, and how both become arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netbuilder.data.files import refusal
from netbuilder.data.spec import Array
from netbuilder.foundation.problem import NetbuilderError

if TYPE_CHECKING:
    import polars

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
"""Texts that stand for a missing value, in lower case."""

MAX_CATEGORIES = 1000
"""A text column with more different values is hardly a category."""

_DATE = r"^(\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?|\d{1,2}[./]\d{1,2}[./]\d{4})$"
"""A day, perhaps with a time: what a text table cannot mark as such."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column, read and typed.

    Attributes:
        name: Its name in the file.
        numbers: float64, NaN where missing; None when it holds categories.
        codes: int64 indices into `categories`, -1 where missing; None when it holds numbers.
        categories: The different texts, sorted.
    """

    name: str
    numbers: NDArray[np.float64] | None = None
    codes: NDArray[np.int64] | None = None
    categories: tuple[str, ...] = ()

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Where its values are missing."""
        if self.numbers is not None:
            return np.isnan(self.numbers)
        assert self.codes is not None
        return self.codes < 0


def type_column(series: polars.Series, file: str, first_line: int, limit: int = MAX_CATEGORIES) -> Column:
    """Find out whether a column holds numbers or categories.

    Args:
        series: The column as it was read.
        file: The file's path, for problems.
        first_line: The line of the first row, for problems.
        limit: How many categories at most.

    Raises:
        NetbuilderError: When most but not all of its values are numbers (naming the first that is not), when it has
            too many categories, or when it holds something else (dates, lists).
    """
    if series.dtype.is_numeric():
        return Column(series.name, numbers=_finite(series, file, first_line))
    if series.dtype.is_temporal() or series.dtype.is_nested():
        raise _unusable(series.name, f"{str(series.dtype).lower()} values", file)
    return _type_text(series, file, first_line, limit)


def _unusable(name: str, what: str, file: str) -> NetbuilderError:
    message = f"Column {name!r} holds {what}, which cannot be used: leave it out."
    return refusal("data.column_kind", message, file, "features")


def _type_text(series: polars.Series, file: str, first_line: int, limit: int) -> Column:
    import polars

    stripped = series.cast(polars.String).str.strip_chars()
    known = stripped.is_not_null() & ~stripped.str.to_lowercase().is_in(sorted(MISSING))
    texts = stripped.set(~known, None)
    numbers = texts.cast(polars.Float64, strict=False)
    odd = texts.is_not_null() & numbers.is_null()
    if not odd.any():
        return Column(series.name, numbers=_finite(numbers, file, first_line))
    if 2 * int(odd.sum()) < int(known.sum()):
        row = int(odd.arg_true()[0])
        raise refusal(
            "data.mixed",
            f"Column {series.name!r} holds numbers, except in line {first_line + row}: {str(texts[row])[:60]!r}.",
            file,
            "features",
            first_line + row,
        )
    if texts.str.contains(_DATE).all():
        raise _unusable(series.name, "dates", file)
    categories = tuple(texts.drop_nulls().unique().sort().to_list())
    if len(categories) > limit:
        raise refusal(
            "data.too_many_categories",
            f"Column {series.name!r} holds {len(categories):,} different texts, too many for categories: leave it out.",
            file,
            "features",
        )
    places = {text: index for index, text in enumerate(categories)}
    codes = np.fromiter((-1 if text is None else places[text] for text in texts), dtype=np.int64, count=len(texts))
    return Column(series.name, codes=codes, categories=categories)


def _finite(series: polars.Series, file: str, first_line: int) -> NDArray[np.float64]:
    import polars

    numbers = series.cast(polars.Float64).to_numpy(writable=True)
    limit = float(np.finfo(np.float32).max)
    wrong = np.flatnonzero(np.abs(np.nan_to_num(numbers, nan=0.0, posinf=np.inf, neginf=-np.inf)) > limit)
    if len(wrong):
        line = first_line + int(wrong[0])
        raise refusal(
            "data.infinite",
            f"Column {series.name!r} holds a number too large to train on in line {line}: {numbers[wrong[0]]:g}.",
            file,
            "features",
            line,
        )
    return np.asarray(numbers, dtype=np.float64)


def encode_feature(column: Column, rows: NDArray[np.bool_], encoding: str) -> Array:
    """Return a column's part of the features, float32 (rows, width); missing numbers stay NaN.

    Args:
        column: The column.
        rows: Which rows are kept.
        encoding: How categories are written: "one_hot" or "index".
    """
    if column.numbers is not None:
        return column.numbers[rows, None].astype(np.float32)
    assert column.codes is not None
    gap = bool(column.missing[rows].any())
    codes = np.where(column.codes[rows] < 0, len(column.categories), column.codes[rows])
    if encoding == "index":
        return codes[:, None].astype(np.float32)
    width = len(column.categories) + gap
    return np.eye(width, dtype=np.float32)[codes]


def encode_classes(column: Column, rows: NDArray[np.bool_]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the class index of each kept row, and the class names: categories, or the different numbers ascending."""
    if column.codes is not None:
        present, codes = np.unique(column.codes[rows], return_inverse=True)
        return codes.astype(np.int64), tuple(column.categories[index] for index in present)
    assert column.numbers is not None
    distinct, codes = np.unique(column.numbers[rows], return_inverse=True)
    return codes.astype(np.int64), tuple(f"{number:.12g}" for number in distinct)
