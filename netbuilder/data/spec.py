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
class ColumnCode:
    """How one column of a table becomes numbers of a field: what a program without the table needs to know.

    Attributes:
        name: The column's name in the file.
        place: Its place in a row of the file, from 0.
        kind: "number", "one_hot" (a place for each category) or "index" (the category's place).
        categories: The known texts, in the order of their places; () for numbers.
        gap: Whether a missing category has a place of its own, after the others.
        comma: What a comma in a number means: "decimal", "thousands", or "" when none was met.
    """

    name: str
    place: int
    kind: str
    categories: tuple[str, ...] = ()
    gap: bool = False
    comma: str = ""

    @property
    def width(self) -> int:
        """How many numbers it becomes."""
        return len(self.categories) + self.gap if self.kind == "one_hot" else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCode:
    """How a row of a text table becomes one field.

    Attributes:
        field: The field's name.
        columns: The columns in the order of the field's numbers.
        header: Whether the first line holds the columns' names.
        delimiter: What separates the values: one character.
        width: How many values a row of the file has.
        encoding: Python's name of what the file's bytes mean.
    """

    field: str
    columns: tuple[ColumnCode, ...]
    header: bool
    delimiter: str
    width: int
    encoding: str = "utf-8-sig"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """All rows of a source, before splitting and normalizing.

    Attributes:
        schema: What the fields are.
        columns: field name -> array whose first axis is the row.
        stratify: The field whose classes the split keeps in proportion, or "".
        notes: What the user should know: "12 rows with missing target were left out".
        code: How a row of the file became features; None when the source is no table of the user's.
    """

    schema: Schema
    columns: Mapping[str, Array]
    stratify: str = ""
    notes: tuple[str, ...] = ()
    code: TableCode | None = None

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
        notes: What the user should know of the rows: `Dataset.notes`.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    pictures: Array | None = None
    captions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


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
    """Per-feature mean and standard deviation of the training part, float64: `(x - mean) / std`; std is never 0."""

    mean: Array
    std: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A data node's rows, split and normalized, ready for batches.

    Attributes:
        schema: What the fields are.
        parts: "train", "validation", "test" -> field name -> array; every part has the same fields.
        fitted: field name -> what normalized it.
        filled: field name -> what missing numbers were, or would be, replaced by; only where the settings say so.
        notes: From the dataset.
        code: From the dataset.
    """

    schema: Schema
    parts: Mapping[str, Mapping[str, Array]]
    fitted: Mapping[str, Standardization] = field(default_factory=dict)
    filled: Mapping[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    code: TableCode | None = None


def rows_of(part: Mapping[str, Array]) -> int:
    """Return how many samples a part holds."""
    return len(next(iter(part.values()))) if part else 0
