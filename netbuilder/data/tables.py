"""Reading tables: CSV and Parquet files as columns of text or numbers, with the row named when one is wrong.

Files are opened here and handed over as bytes: the library would take a path for a pattern or an address.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netbuilder.data.files import refusal, require_file
from netbuilder.data.numbers import with_plain_numbers

if TYPE_CHECKING:
    import polars

MAX_BYTES = 1 << 30
"""A larger text table is refused."""

MAX_CELLS = 500_000_000
"""A Parquet file that holds more cells is refused, however small it is packed."""

HEAD_BYTES = 4 << 20
"""A preview reads no more than this."""

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}

_UNPRINTABLE = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
"""What no text holds: a file with it is something else, whatever its bytes can be read as."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it was read.

    Attributes:
        frame: The columns: text where the file is CSV, whatever it holds where it is Parquet.
        delimiter: What separated the values; a comma for Parquet.
        commas: Column -> what a comma in its numbers means, "decimal" or "thousands", where there were some.
        encoding: Python's name of what the text's bytes mean: "utf-8-sig", "utf-16" or "cp1252".
    """

    frame: polars.DataFrame
    delimiter: str = ","
    commas: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "utf-8-sig"


def read_table(path: str, *, header: bool, delimiter: str, head: int | None = None) -> Table:
    """Read a table.

    Args:
        path: An absolute path of a CSV or Parquet file; which of the two is told by its content.
        header: Whether a CSV file's first line holds the column names.
        delimiter: A key of `DELIMITERS`, or "auto".
        head: Read only so many rows; None reads all.

    Raises:
        NetbuilderError: When the file is missing, empty, too large, damaged, ragged or no text; names file and line.
    """
    file = require_file(path, "The table")
    try:
        with file.open("rb") as stream:
            if stream.read(4) == b"PAR1":
                stream.seek(0)
                return Table(_read_parquet(file, stream, head))
            stream.seek(0)
            content = stream.read(MAX_BYTES + 1 if head is None else HEAD_BYTES)
            whole = not stream.read(1)
    except OSError as error:
        raise refusal("data.unreadable", f"{file.name} cannot be read: {error.strerror}.", file, "file") from error
    if head is None and len(content) > MAX_BYTES:
        raise refusal("data.too_large", f"{file.name} is larger than 1 GiB; save it as Parquet.", file, "file")
    if not whole:
        content = content[: content.rfind(b"\n") + 1] or content
    return _read_csv(file, content, header, delimiter, head)


def _read_csv(file: Path, content: bytes, header: bool, delimiter: str, head: int | None) -> Table:
    import polars

    text, encoding = _decode(file, content)
    separator = DELIMITERS.get(delimiter) or sniff_delimiter(text)
    try:
        frame = polars.read_csv(
            io.BytesIO(text.encode()), has_header=header, separator=separator, infer_schema=False, n_rows=head
        )
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, ValueError) as error:
        _refuse_ragged(file, text, separator)
        reason = str(error).splitlines()[0]
        raise refusal("data.damaged", f"{file.name} cannot be read as a table: {reason}", file, "file") from error
    if not frame.width or not frame.height:
        raise refusal("data.no_rows", f"{file.name} has no rows besides its column names.", file, "file")
    if frame[:, -1].null_count():
        _refuse_ragged(file, text, separator)  # too few values in a row arrive as empty cells at its end
    frame = _name_columns(frame)
    if head is not None:
        return Table(frame, separator, encoding=encoding)
    frame, commas = with_plain_numbers(frame, separator)
    return Table(frame, separator, commas, encoding)


def _name_columns(frame: polars.DataFrame) -> polars.DataFrame:
    """Take the spaces off the columns' names, and name the nameless by their place, as far as names stay different."""
    names = [name.strip() or f"column_{place}" for place, name in enumerate(frame.columns, 1)]
    return frame.rename(dict(zip(frame.columns, names, strict=True))) if len(set(names)) == len(names) else frame


def _decode(file: Path, content: bytes) -> tuple[str, str]:
    """Return a table's text and what its bytes mean: UTF-8; UTF-16 where a mark says so; else Windows' own."""
    if content.startswith(b"PK"):
        message = f"{file.name} is a zip archive or a spreadsheet, not a text table: save it as CSV."
        raise refusal("data.encoding", message, file, "file")
    is_wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if is_wide else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        _refuse_binary(file, text, is_guessed=encoding == "cp1252")
        return text, encoding
    message = f"{file.name} is not a text table: save it as CSV in UTF-8."
    raise refusal("data.encoding", message, file, "file")


def _refuse_binary(file: Path, text: str, *, is_guessed: bool) -> None:
    place = text.find("\0")
    if place < 0 and is_guessed and (found := _UNPRINTABLE.search(text)) is not None:
        place = found.start()
    if place >= 0:
        line = text.count("\n", 0, place) + 1
        raise refusal("data.damaged", f"Line {line} of {file.name} holds binary data, not text.", file, "file", line)


def sniff_delimiter(text: str) -> str:
    """Return the character that most evenly separates the values of the first lines; a comma when in doubt."""
    lines = [line for line in itertools.islice(io.StringIO(text[:65536], newline=None), 20) if line.strip()]
    lines = lines[:-1] if len(lines) > 2 and len(text) > 65536 else lines
    best, width = ",", 1
    for candidate in DELIMITERS.values():
        fewest = min((len(row) for row in csv.reader(lines, delimiter=candidate) if row), default=1)
        if fewest > width:
            best, width = candidate, fewest
    return best


def _refuse_ragged(file: Path, text: str, separator: str) -> None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    width = 0
    try:
        for row in reader:
            width = width or len(row)
            if row and len(row) != width:
                raise refusal(
                    "data.columns",
                    f"Line {reader.line_num} of {file.name} has {len(row)} values, and the first line has {width}.",
                    file,
                    "file",
                    reader.line_num,
                )
    except csv.Error as error:
        raise refusal(
            "data.damaged", f"Line {reader.line_num} of {file.name}: {error}.", file, "file", reader.line_num
        ) from error


def _read_parquet(file: Path, stream: Any, head: int | None) -> polars.DataFrame:
    import polars

    try:
        content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise refusal("data.too_large", f"{file.name} is larger than 1 GiB.", file, "file")
        lazy = polars.scan_parquet(io.BytesIO(content))
        rows = int(lazy.select(polars.len()).collect().item())
        width = len(lazy.collect_schema())
        if rows * width > MAX_CELLS:
            raise refusal("data.too_large", f"{file.name} holds {rows * width:,} cells, too many.", file, "file")
        frame = lazy.collect() if head is None else lazy.head(head).collect()
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError, ValueError) as error:
        raise refusal("data.damaged", f"{file.name} is a damaged Parquet file.", file, "file") from error
    if not frame.width or not frame.height:
        raise refusal("data.no_rows", f"{file.name} has no rows.", file, "file")
    return frame
