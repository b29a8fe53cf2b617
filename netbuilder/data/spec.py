"""`SourceSpec`: the one declaration from which a data source's palette entry, form, schema and reading come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netbuilder.document.model import Schema
from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.job import Job
from netbuilder.foundation.parameter import Values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
else:  # numpy is needed for rows, not for saying what a source is
    Array = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """All rows of a source, before splitting and normalizing.

    Attributes:
        schema: What the fields are.
        columns: field name -> array whose first axis is the row.
        stratify: The field whose classes the split keeps in proportion, or "".
        notes: What the user should know: "12 rows with missing target were left out".
    """

    schema: Schema
    columns: Mapping[str, Array]
    stratify: str = ""
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many samples there are."""
        return len(next(iter(self.columns.values()))) if self.columns else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The first rows of a source as the inspector shows them: text for tables, pictures for images.

    Attributes:
        columns: The column names, as the file has them.
        rows: One tuple of text a row.
        pictures: uint8 (k, h, w) or (k, h, w, 3); None when the source holds no pictures.
        captions: One line a picture (its class).
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    pictures: Array | None = None
    captions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SourceSpec(Declaration):
    """A data source; its key begins with "data." and its category is "data".

    File and folder parameters arrive as absolute paths.

    Attributes:
        describe: Resolved parameters -> schema, reading as little as it can; raises NetbuilderError.
        read: Resolved parameters and a job -> all rows; raises NetbuilderError naming file and row.
        preview: Resolved parameters and a number of rows -> the first rows; None shows what `read` yields.
        normalizes: Fields that `normalize` standardizes, fitted on the training part only.
        brief: One short line for the node's face.
    """

    describe: Callable[[Values], Schema]
    read: Callable[[Values, Job], Dataset]
    preview: Callable[[Values, int], Preview] | None = None
    normalizes: tuple[str, ...] = ()
    brief: Callable[[Values], str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standardization:
    """Per-feature mean and standard deviation of the training part: `(x - mean) / std`; std is never 0."""

    mean: Array
    std: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A data node's rows, split and normalized, ready for batches.

    Attributes:
        schema: What the fields are.
        parts: "train", "validation", "test" -> field name -> array; every part has the same fields.
        fitted: field name -> what normalized it.
        notes: From the dataset.
    """

    schema: Schema
    parts: Mapping[str, Mapping[str, Array]]
    fitted: Mapping[str, Standardization] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def rows_of(part: Mapping[str, Array]) -> int:
    """Return how many samples a part holds."""
    return len(next(iter(part.values()))) if part else 0
