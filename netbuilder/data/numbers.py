"""Numbers with commas in them: a decimal sign in much of Europe, between thousands elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars

DECIMAL = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)?,\d+([eE][+-]?\d+)?$"
THOUSANDS = r"^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$"
POINTS_ALONE = r"^[+-]?\d{1,3}(\.\d{3})+$"

_MEANINGS = {";": (DECIMAL,), ",": (THOUSANDS,)}
"""Delimiter -> what a comma can mean. A table whose values are separated by semicolons has decimal commas."""


def with_plain_numbers(frame: polars.DataFrame, delimiter: str) -> tuple[polars.DataFrame, dict[str, str]]:
    """Write numbers as Python does, in columns of text that hold mostly numbers, some with commas in them.

    Args:
        frame: Columns of text.
        delimiter: What separated the values.

    Returns:
        The frame, and what a comma means in each rewritten column: "decimal" or "thousands".
    """
    commas: dict[str, str] = {}
    changed = []
    for old in frame:
        found = _rewritten(old, delimiter)
        if found is not None:
            column, meaning = found
            changed.append(column)
            commas[column.name] = "decimal" if meaning is DECIMAL else "thousands"
    return (frame.with_columns(*changed) if changed else frame), commas


def _rewritten(column: polars.Series, delimiter: str) -> tuple[polars.Series, str] | None:
    """Return the column with plain numbers and the meaning of its commas; None when there is nothing to rewrite."""
    import polars

    if not column.str.contains(",", literal=True).any():
        return None
    text = column.str.strip_chars()
    with_comma = text.str.contains(",", literal=True)
    for meaning in _MEANINGS.get(delimiter, (THOUSANDS, DECIMAL)):
        numbers = text.str.contains(meaning)
        plain = text.cast(polars.Float64, strict=False).is_not_null()
        if (numbers | ~with_comma).all() and 2 * int((numbers | plain).sum()) > int(text.is_not_null().sum()):
            rewritten = text.str.replace_all(",", "", literal=True)
            if meaning is DECIMAL:
                numbers |= text.str.contains(POINTS_ALONE)
                rewritten = text.str.replace_all(".", "", literal=True).str.replace_all(",", ".", literal=True)
            return rewritten.zip_with(numbers.fill_null(value=False), text).alias(column.name), meaning
    return None
