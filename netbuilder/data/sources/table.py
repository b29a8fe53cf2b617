"""A table from a file: CSV or Parquet, some columns the features, one the target."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netbuilder.data.columns import Column, encode_classes, encode_feature, type_column
from netbuilder.data.files import refusal
from netbuilder.data.settings import shared_settings
from netbuilder.data.spec import Array, ColumnCode, Dataset, Preview, SourceSpec, TableCode
from netbuilder.data.tables import DELIMITERS, Table, read_table
from netbuilder.document.model import Field, Schema
from netbuilder.foundation.job import Job
from netbuilder.foundation.limits import NAME_LENGTH
from netbuilder.foundation.parameter import Choice, Kind, Parameter, Values
from netbuilder.foundation.problem import NetbuilderError, Problem

if TYPE_CHECKING:
    import polars

MAX_AUTOMATIC_CLASSES = 20
"""A target of whole numbers with more different values is taken for a regression."""

MAX_CLASSES = 1000

MANY_CATEGORIES = 20
"""A text column with more, and with a different one in most rows, is hardly a category: a note says so."""

MAX_FEATURE_BYTES = 4 << 30

_UNUSABLE = {
    "data.column_kind": "holds dates or lists",
    "data.empty_column": "is empty",
    "data.too_many_categories": "holds too many different texts for categories",
}
"""Why a column that nobody chose is left out, by the code of the problem that it would be."""

PARAMETERS = (
    Parameter(
        name="file",
        title="File",
        kind=Kind.FILE,
        default="",
        help="A CSV or Parquet file. Its name is kept relative to the project where it lies beside or below it.",
    ),
    Parameter(
        name="target",
        title="Target",
        kind=Kind.COLUMN,
        default="",
        none_title="the last one",
        help="The column to predict. Left empty, it is the last one.",
    ),
    Parameter(
        name="features",
        title="Features",
        kind=Kind.COLUMNS,
        default=(),
        none_title="all but the target",
        help="The columns to predict from. None chosen means all but the target that can be used: dates, empty columns "
        "and columns with too many different texts are left out.",
    ),
    Parameter(
        name="task",
        title="Task",
        kind=Kind.CHOICE,
        default="auto",
        choices=(
            Choice(value="auto", title="automatic"),
            Choice(value="classification", title="classification"),
            Choice(value="regression", title="regression"),
        ),
        help="Whether the target names a class or is a number. Automatic: text, or at most 20 different whole numbers, "
        "are classes.",
    ),
    Parameter(
        name="missing",
        title="Missing values",
        kind=Kind.CHOICE,
        default="drop",
        choices=(
            Choice(value="drop", title="skip the row"),
            Choice(value="mean", title="use the mean"),
            Choice(value="median", title="use the median"),
            Choice(value="stop", title="stop and say"),
        ),
        help="What happens to rows with empty cells. Mean and median are those of the training part; a row without a "
        "target is always left out.",
    ),
    Parameter(
        name="categories",
        title="Categories",
        kind=Kind.CHOICE,
        default="one_hot",
        choices=(
            Choice(value="one_hot", title="one-hot"),
            Choice(value="index", title="numbers 0, 1, …"),
        ),
        help="How text columns become numbers. One-hot lets no category be 'larger' than another.",
    ),
    Parameter(
        name="header",
        title="First line is names",
        kind=Kind.BOOL,
        default=True,
        advanced=True,
        help="Whether the first line of a CSV file holds the column names.",
    ),
    Parameter(
        name="delimiter",
        title="Delimiter",
        kind=Kind.CHOICE,
        default="auto",
        choices=tuple(Choice(value=key, title=key) for key in ("auto", *DELIMITERS)),
        advanced=True,
        help="What separates the values of a CSV file.",
    ),
)


def _table(values: Values, head: int | None = None) -> Table:
    return read_table(values["file"], header=values["header"], delimiter=values["delimiter"], head=head)


def _chosen_columns(frame: polars.DataFrame, values: Values) -> tuple[list[str], str]:
    target = values["target"] or frame.columns[-1]
    _require_column(frame.columns, target, "target", values["file"])
    features = list(values["features"]) or [name for name in frame.columns if name != target]
    for name in features:
        _require_column(frame.columns, name, "features", values["file"])
    if target in features:
        raise refusal(
            "data.target_in_features",
            f"Column {target!r} is both target and feature: the network would read the answer.",
            values["file"],
            "features",
        )
    if not features:
        raise refusal(
            "data.no_features",
            "The table has one column only, and nothing to predict from.",
            values["file"],
            "features",
        )
    return features, target


def _require_column(columns: Sequence[str], name: str, field: str, file: str) -> None:
    if name not in columns:
        close = difflib.get_close_matches(name, columns, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(columns[:8])}."
        raise NetbuilderError(
            Problem(
                code="data.unknown_column",
                message=f"The table has no column {name!r}{hint}",
                field=field,
                file=file,
                expected=", ".join(columns[:20]),
                found=name,
            )
        )


def _describe(values: Values) -> Schema:
    return _read(values, Job()).schema


def _read(values: Values, job: Job) -> Dataset:
    job.report(0.0, "Reading the table")
    table = _table(values)
    frame = table.frame
    names, target_name = _chosen_columns(frame, values)
    first_line = 2 if values["header"] else 1
    columns, left_out = _type_features(frame, names, values, first_line, job)
    target = type_column(frame[target_name], values["file"], first_line, limit=frame.height)
    rows, notes = _usable_rows(columns, target, values, first_line)
    if table.encoding == "cp1252":
        left_out = ("The file is not UTF-8 and was read as Windows text (cp1252)", *left_out)
    notes = (*left_out, *notes)
    features = _encode_features(columns, rows, values)
    is_classes = _is_classification(target, rows, values)
    labels, classes = _encode_target(target, rows, is_classes, values)
    schema = Schema(
        fields=(
            Field(name="features", dims=(features.shape[1],), layout="F"),
            Field(name="label", dtype="int64", classes=classes)
            if is_classes
            else Field(name="target", dims=(1,), layout="F"),
        ),
        rows=len(features),
    )
    outputs = schema.fields[1].name
    return Dataset(
        schema=schema,
        columns={"features": features, outputs: labels},
        stratify=outputs if is_classes else "",
        notes=notes,
        code=_code(table, columns, rows, values),
    )


def _type_features(
    frame: polars.DataFrame, names: Sequence[str], values: Values, first_line: int, job: Job
) -> tuple[list[Column], tuple[str, ...]]:
    """Return the columns to predict from, and what is said of those left out: only columns that nobody chose."""
    columns, notes, reasons = [], [], []
    for index, name in enumerate(names):
        job.report(index / len(names), f"Reading column {name}")
        try:
            column = type_column(frame[name], values["file"], first_line)
            if column.missing.all():
                raise _empty(name, values)
            columns.append(column)
        except NetbuilderError as error:
            if values["features"] or error.problems[0].code not in _UNUSABLE:
                raise
            reasons.append(error)
            notes.append(f"Column {name!r} was left out: it {_UNUSABLE[error.problems[0].code]}")
    if not columns:
        raise reasons[0]
    named = [] if values["features"] else [column for column in columns if _names_rows(column, frame.height)]
    if len(named) == len(columns):
        return columns, tuple(notes)
    notes += [f"Column {column.name!r} was left out: nearly every row has a text of its own there" for column in named]
    return [column for column in columns if column not in named], tuple(notes)


def _names_rows(column: Column, rows: int) -> bool:
    """Whether a column of texts has a category for nearly every row: a name, from which nothing general is learned."""
    return len(column.categories) > MANY_CATEGORIES and 2 * len(column.categories) > rows


def _empty(name: str, values: Values) -> NetbuilderError:
    return refusal("data.empty_column", f"Column {name!r} is empty: leave it out.", values["file"], "features")


def _code(table: Table, columns: Sequence[Column], rows: NDArray[np.bool_], values: Values) -> TableCode:
    """Return how a row becomes features."""
    places = {name: place for place, name in enumerate(table.frame.columns)}
    codes = tuple(
        ColumnCode(
            name=column.name,
            place=places[column.name],
            kind=values["categories"] if column.codes is not None else "number",
            categories=column.categories,
            gap=column.codes is not None and bool(column.missing[rows].any()),
            comma=table.commas.get(column.name, ""),
        )
        for column in columns
    )
    return TableCode(
        field="features",
        columns=codes,
        header=bool(values["header"]),
        delimiter=table.delimiter,
        width=table.frame.width,
        encoding=table.encoding,
    )


def _usable_rows(
    columns: Sequence[Column], target: Column, values: Values, first_line: int
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    without_target = target.missing
    gaps = np.zeros_like(without_target)
    for column in columns:
        gaps |= column.missing
    if values["missing"] == "stop" and (gaps | without_target).any():
        line = first_line + int(np.flatnonzero(gaps | without_target)[0])
        raise refusal("data.missing_value", f"Line {line} has an empty cell.", values["file"], "missing", line)
    keep = ~without_target & ~gaps if values["missing"] == "drop" else ~without_target
    if not keep.any():
        raise refusal("data.no_rows", "Every row has an empty cell: no row is left.", values["file"], "missing")
    notes = []
    if without_target.any():
        line = first_line + int(np.flatnonzero(without_target)[0])
        notes.append(f"{int(without_target.sum()):,} rows without a target were left out, the first in line {line}")
    dropped = int((~keep & ~without_target).sum())
    if dropped:
        notes.append(f"{dropped:,} rows with an empty cell were left out")
    notes += [
        f"Column {column.name!r} was taken for categories and has {len(column.categories):,}, nearly one a row"
        for column in columns
        if _names_rows(column, len(keep))
    ]
    return keep, tuple(notes)


def _encode_features(columns: Sequence[Column], rows: NDArray[np.bool_], values: Values) -> Array:
    one_hot = values["categories"] == "one_hot"
    width = sum(len(column.categories) + 1 if one_hot and column.categories else 1 for column in columns)
    if width * int(rows.sum()) * 4 > MAX_FEATURE_BYTES:
        raise refusal(
            "data.too_large",
            f"The features would be {width:,} numbers a row: leave columns out.",
            values["file"],
            "features",
        )
    for column in columns:
        if column.numbers is not None and np.isnan(column.numbers[rows]).all():
            raise _empty(column.name, values)
    return np.ascontiguousarray(
        np.concatenate([encode_feature(column, rows, values["categories"]) for column in columns], axis=1)
    )


def _is_classification(target: Column, rows: NDArray[np.bool_], values: Values) -> bool:
    if values["task"] != "auto":
        return bool(values["task"] == "classification")
    if target.numbers is None:
        return True
    distinct = np.unique(target.numbers[rows])
    return bool(len(distinct) <= MAX_AUTOMATIC_CLASSES and (distinct == np.round(distinct)).all())


def _encode_target(
    target: Column, rows: NDArray[np.bool_], is_classes: bool, values: Values
) -> tuple[Array, tuple[str, ...]]:
    if not is_classes:
        if target.numbers is None:
            raise refusal(
                "data.text_target",
                f"Column {target.name!r} holds text, and a regression needs numbers.",
                values["file"],
                "target",
            )
        return np.ascontiguousarray(target.numbers[rows, None], dtype=np.float32), ()
    labels, classes = encode_classes(target, rows)
    longest = max(map(len, classes), default=0)
    if longest > NAME_LENGTH:
        raise refusal(
            "data.classes",
            f"Column {target.name!r} holds texts of up to {longest:,} characters; the name of a class has at most "
            f"{NAME_LENGTH:,}.",
            values["file"],
            "target",
        )
    if not 2 <= len(classes) <= MAX_CLASSES:
        found = f"{len(classes):,} different values" if len(classes) > 1 else f"only one value, {classes[0]!r}"
        raise refusal(
            "data.classes",
            f"Column {target.name!r} has {found}; a classification needs 2 to {MAX_CLASSES:,} different ones.",
            values["file"],
            "target",
        )
    return labels, classes


def _preview(values: Values, rows: int) -> Preview:
    frame = _table(values, head=rows).frame
    texts = tuple(tuple("" if cell is None else str(cell) for cell in row) for row in frame.iter_rows())
    try:
        notes = _read(values, Job()).notes
    except NetbuilderError:  # told where the settings are applied; the rows can be looked at all the same
        notes = ()
    return Preview(columns=tuple(frame.columns), rows=texts, notes=notes)


def _brief(values: Values) -> str:
    name = str(values["file"]).replace("\\", "/").rpartition("/")[2]
    return f"{name} → {values['target']}" if name and values["target"] else name or "no file yet"


SOURCE = SourceSpec(
    key="data.table",
    title="Table (CSV, Parquet)",
    category="data",
    summary="Rows of your own: columns picked as features and target",
    help="Reads a table from a file. Text columns become categories, empty cells are left out or filled, and the "
    "target decides the task: a class to tell, or a number to predict.",
    keywords=("csv", "parquet", "file", "spreadsheet", "own data"),
    parameters=(*PARAMETERS, *shared_settings(classes=True, target=True, normalize=True)),
    describe=_describe,
    read=_read,
    preview=_preview,
    normalizes=("features", "target"),
    brief=_brief,
)
