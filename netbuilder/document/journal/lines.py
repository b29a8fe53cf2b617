"""Lines: what stands in a journal, how it is written down and how it is checked."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from netbuilder.document.changes import Changes
from netbuilder.document.files import read_bytes
from netbuilder.document.records import Json
from netbuilder.document.text import read_json
from netbuilder.foundation.limits import NAME_LENGTH
from netbuilder.foundation.problem import NetbuilderError

FORMAT: Final = "netbuilder-journal"
VERSION: Final = 1
_LINE: Final = re.compile(rb"([0-9a-f]{8}) (.*)\Z", re.DOTALL)
Moment = Annotated[float, Meta(ge=0, le=1e11)]
Number = Annotated[int, Meta(ge=0, le=2**53)]


class Base(Struct, frozen=True):
    """The file that the edits began from, as it was then.

    Attributes:
        path: Its absolute path.
        modified: When it was modified, in ns since 1970.
        size: In bytes.
        sha256: Of its content, in hexadecimal; "" when it had changed already as the journal began.
    """

    path: Annotated[str, Meta(max_length=16 * NAME_LENGTH)]
    modified: int
    size: Number
    sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""

    def is_on_disk(self, path: Path | None = None) -> bool:
        """Whether the file, or the one at `path` that it may have been moved to, is still as it was."""
        try:
            content = read_bytes(path or Path(self.path), "a project file")
        except NetbuilderError:
            return False
        return bool(self.sha256) and len(content) == self.size and _digest(content) == self.sha256


def base_of(path: Path, modified: int, size: int) -> Base:
    """Return what names a file that was opened or saved when it had this time and size."""
    try:
        status, content = path.stat(), path.read_bytes()
        same = (status.st_mtime_ns, status.st_size) == (modified, size) and len(content) == size
    except OSError:  # it is gone: then it is no longer what it was, either
        content, same = b"", False
    return Base(path=str(path), modified=modified, size=size, sha256=_digest(content) if same else "")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Header(Struct, frozen=True):
    """The first line.

    Attributes:
        began: When the first edit of the journal was made, in seconds since 1970.
        edits: How many edits the document of this generation holds already.
    """

    format: Literal["netbuilder-journal"]
    version: int
    began: Moment
    edits: Number
    base: Base | None = None


class Entry(Struct, frozen=True, omit_defaults=True):
    """Any other line: the whole document, or what changed.

    Attributes:
        number: One more than the line before.
        time: In seconds since 1970.
        edits: How many edits there are now.
    """

    number: Number
    time: Moment
    edits: Number
    document: Json | None = None
    changes: Changes | None = None


def header_of(base: Base | None, began: float) -> Json:
    """Return what every generation of a journal says first, besides its number of edits."""
    return {"began": began, "base": msgspec.to_builtins(base)}


def encoded(value: Any) -> bytes:
    """Return a value as one line of JSON."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # half a character, pasted from somewhere: "?" stands there, as in a saved file
        plain = msgspec.to_builtins(value)
        return json.dumps(plain, ensure_ascii=False, allow_nan=False).encode(errors="replace")


def line_of(content: bytes) -> bytes:
    """Return a line with the check sum of its content."""
    return b"%08x %b\n" % (zlib.crc32(content), content)


def checked(line: bytes, name: str) -> Json | None:
    """Return a line's JSON value; None when its check sum is not that of its content."""
    match = _LINE.match(line)
    if match is None or int(match[1], 16) != zlib.crc32(match[2]):
        return None
    return read_json(match[2], name)
