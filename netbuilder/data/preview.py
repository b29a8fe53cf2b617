"""Rows of a dataset as people look at them: a table of text, or pictures with their classes."""

from __future__ import annotations

import numpy as np

from netbuilder.data.spec import Array, Dataset, Preview, SourceSpec
from netbuilder.document.model import Field
from netbuilder.foundation.job import Job
from netbuilder.foundation.parameter import Values

MAX_COLUMNS = 200
"""A preview shows at most so many columns of one field."""


def show_rows(source: SourceSpec, values: Values, rows: int) -> Preview:
    """Return the first rows of what a source reads.

    Args:
        source: The source.
        values: Resolved values with absolute paths.
        rows: How many rows at most.
    """
    return show_dataset(source.read(values, Job()), rows)


def show_dataset(dataset: Dataset, rows: int) -> Preview:
    """Return the first rows of a dataset: pictures where it has an image field, else text."""
    fields = dataset.schema.fields
    image = next((field for field in fields if field.layout == "CHW"), None)
    if image is not None:
        label = next((field for field in fields if field.classes), None)
        captions = _texts(label, dataset.columns[label.name][:rows]) if label else []
        return Preview(
            pictures=_pictures(dataset.columns[image.name][:rows]), captions=tuple(text for (text,) in captions)
        )
    columns: list[str] = []
    parts = []
    for field in fields:
        width = min(int(np.prod(field.dims, dtype=np.int64)), MAX_COLUMNS) if field.dims else 1
        columns.extend([field.name] if width == 1 else [f"{field.name} {index + 1}" for index in range(width)])
        parts.append(_texts(field, dataset.columns[field.name][:rows]))
    return Preview(columns=tuple(columns), rows=tuple(sum(row, ()) for row in zip(*parts, strict=True)))


def _texts(field: Field, values: Array) -> list[tuple[str, ...]]:
    if field.classes:
        return [(field.classes[int(value)],) for value in values]
    flat = values.reshape(len(values), -1)[:, :MAX_COLUMNS]
    return [tuple(f"{number:.6g}" for number in row) for row in flat]


def _pictures(values: Array) -> Array:
    pixels = (np.clip(values, 0, 1) * 255).round().astype(np.uint8)
    return pixels[:, 0] if pixels.shape[1] != 3 else np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
