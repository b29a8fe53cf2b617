"""Files: reading and writing `.netb` projects.

A project is sorted JSON and nothing in it can run: no name in it is ever resolved to a module, a class or a path.
What this version does not know (keys, layers) is kept. What is wrong is refused as a whole, in plain words, before
anything of it is used.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from netbuilder.document.model import Document
from netbuilder.document.names import is_label
from netbuilder.document.records import (
    FORMAT,
    VERSION,
    DocumentRecord,
    FrameRecord,
    GraphRecord,
    document_from,
    plain_document,
)
from netbuilder.document.text import check_size, read_json, refuse_file, short_name, write_json
from netbuilder.foundation.limits import DOCUMENT_BYTES, EDGES, NODES
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.save import atomic_save, read_limited

SUFFIX: Final = ".netb"

MIGRATIONS: Final[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {}
"""Version -> what makes the JSON value of that version one of the next; applied in order."""


def read_document(path: str | os.PathLike[str], allow_newer: bool = False) -> Document:
    """Read a project.

    Args:
        path: The file.
        allow_newer: Whether a file of a newer version is read as far as it is understood (for looking, not for saving).

    Raises:
        NetbuilderError: When it cannot be read or is no sound project; nothing was changed.
    """
    return loads(read_bytes(path, "a project file"), str(path), allow_newer)


def read_bytes(path: str | os.PathLike[str], what: str) -> bytes:
    """Return a file's content, of which nothing but its size was looked at.

    Args:
        path: The file.
        what: What was expected there: "a project file".

    Raises:
        NetbuilderError: When it cannot be read, or is no file; a file that is too large is cut, and refused later.
    """
    name = Path(path).name
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            kind = "a folder" if os.path.isdir(path) else "a device"
            refuse_file("file.kind", f"{name} is {kind}, not {what}.", str(path))
        return b"".join(read_limited(path, DOCUMENT_BYTES))
    except (OSError, ValueError) as error:
        message = f"{name} could not be opened: {_why_unreadable(error)}."
        raise NetbuilderError(Problem(code="file.unreadable", message=message, file=str(path))) from error


def write_document(path: str | os.PathLike[str], document: Document) -> None:
    """Write a project, all or nothing.

    Raises:
        NetbuilderError: When the system refuses or the project is too large to be read; the old file is as it was.
    """
    data = dumps(document).encode()
    check_size(data, str(path))
    atomic_save(path, data)


def dumps(document: Document) -> str:
    """Return the document as a project file's text."""
    return write_json(plain_document(document))


def loads(text: str | bytes, name: str = "The text", allow_newer: bool = False) -> Document:
    """Read a document from a project file's text.

    Args:
        text: The text, as UTF-8 or decoded.
        name: The file's name or path, for problems.
        allow_newer: See `read_document`.

    Raises:
        NetbuilderError: When it is no sound project.
    """
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    return document_of(read_json(data, name), name, allow_newer)


def document_of(raw: dict[str, Any], name: str, allow_newer: bool = False) -> Document:
    """Read a document from a project file's JSON value.

    Args:
        raw: The value, as `read_json` gives it.
        name: The file's name or path, for problems.
        allow_newer: See `read_document`.

    Raises:
        NetbuilderError: When it is no sound project.
    """
    raw = _current(raw, name, allow_newer)
    record = convert(raw, DocumentRecord, name)
    check_graphs([record.graph, *(block.graph for block in record.blocks.values())], name)
    check_frames(record.layout.frames, name)
    try:
        return document_from(record, raw)
    except ValueError as error:
        message = f"{short_name(name)} holds a value that is not acceptable {error}."
        raise NetbuilderError(Problem(code="file.value", message=message, file=name)) from error


def convert(raw: dict[str, Any], record: type[Any], name: str) -> Any:
    """Convert a JSON object into a record.

    Raises:
        NetbuilderError: Saying where which type or range was expected.
    """
    try:
        return msgspec.convert(raw, record)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        message = f"{short_name(name)} holds something unexpected at {_place(path, raw)}: {_words(what)}."
        problem = Problem(code="file.value", message=message, file=name, expected=_words(what))
        raise NetbuilderError(problem) from error


def check_frames(frames: Iterable[FrameRecord], name: str) -> None:
    """Check that frames have ids of their own.

    Raises:
        NetbuilderError: When they have not.
    """
    ids = [frame.id for frame in frames]
    if len(set(ids)) != len(ids):
        refuse_file("file.id", f"{short_name(name)}: two frames have the same id.", name)


def check_graphs(graphs: Iterable[GraphRecord], name: str) -> None:
    """Check what types cannot say: ids are unique, labels legal, links lead from node to node.

    Two nodes of one name are no reason to refuse a file: they are a problem of the document, with a fix.

    Raises:
        NetbuilderError: Naming the node or the link.
    """
    seen: set[str] = set()
    edges = 0
    for graph in graphs:
        edges += len(graph.edges)
        for node in graph.nodes:
            if node.id in seen:
                refuse_file("file.id", f"{short_name(name)}: two nodes have the id {node.id!r}.", name)
            if not is_label(node.label):
                message = (
                    f"{short_name(name)}: {node.label!r} cannot name a node, since Python or PyTorch uses that name."
                )
                refuse_file("file.label", message, name)
            seen.add(node.id)
        _check_edges(graph, name)
    if len(seen) > NODES or edges > EDGES:
        message = f"{short_name(name)} is too large: expected at most {NODES:,} nodes and {EDGES:,} links."
        refuse_file("file.large", message, name)


def _check_edges(graph: GraphRecord, name: str) -> None:
    ids = {node.id for node in graph.nodes}
    targets = set()
    for source, target in graph.edges:
        for node, port in (source, target):
            if node not in ids:
                message = f"{short_name(name)}: a link ends at {port!r} of {node!r}, but there is no such node."
                refuse_file("file.link", message, name)
        if target in targets:
            message = f"{short_name(name)}: two links lead into {target[1]!r} of {target[0]!r}; an input takes one."
            refuse_file("file.link", message, name)
        targets.add(target)


def _current(raw: dict[str, Any], name: str, allow_newer: bool) -> dict[str, Any]:
    """Return the JSON value in the form of this version."""
    if raw.get("format") != FORMAT:
        message = f'{short_name(name)} is not a NetBuilder project: expected "format": "{FORMAT}".'
        refuse_file("file.format", message, name)
    version = raw.get("version")
    if type(version) is not int or version < 1:
        refuse_file("file.version", f"{short_name(name)} does not say which version wrote it.", name)
    if version > VERSION and not allow_newer:
        message = (
            f"{short_name(name)} was written by a newer NetBuilder (file version {version}, not {VERSION}). "
            "Update NetBuilder to open it."
        )
        refuse_file("file.newer", message, name)
    while version < VERSION:
        try:
            raw = MIGRATIONS[version](raw)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            message = f"{short_name(name)} says it is of version {version}, but is not of that form."
            raise NetbuilderError(Problem(code="file.version", message=message, file=name)) from error
        version += 1
    return raw


def _why_unreadable(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file. It was moved, renamed or deleted"
    if isinstance(error, PermissionError):
        return "you may not read it"
    if isinstance(error, OSError) and error.errno == errno.EIO:
        return "the disk reports an error"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _place(path: str, raw: Any) -> str:
    """Turn "$.graph.nodes[3].type" into words, with the node's label where it has one."""
    words = []
    for key, index in re.findall(r"([A-Za-z_]\w*)|\[(\d+|\.\.\.)\]", path):
        inside = raw if not isinstance(raw, list) else None
        if key:
            words.append(key)
            raw = inside.get(key) if isinstance(inside, dict) else None
        elif index.isdigit():
            raw = raw[int(index)] if isinstance(raw, list) and int(index) < len(raw) else None
            label = raw.get("label", raw.get("id")) if isinstance(raw, dict) else None
            words.append(repr(label) if isinstance(label, str) else f"entry {int(index) + 1}")
    return " / ".join(words) or "the top"


def _words(text: str) -> str:
    """Turn msgspec's words into everybody's."""
    for name, word in _TYPES.items():
        text = text.replace(f"`{name}`", word)
    return text[:1].lower() + text[1:]


_TYPES: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}

__all__ = [
    "MIGRATIONS",
    "SUFFIX",
    "check_frames",
    "check_graphs",
    "convert",
    "document_of",
    "dumps",
    "loads",
    "read_bytes",
    "read_document",
    "write_document",
]
