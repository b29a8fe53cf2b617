"""The journal: every edit that no file holds yet, so that a killed program loses next to nothing.

A text file of lines, each with the CRC-32 of what follows it: a header that names the file the edits began from, the
whole document, then one line an edit with the changed entities (`document.changes`). When the changes outgrow the
document, a new *generation* begins, a file of its own; the one before it stays until the next, so that a generation
that a disk has damaged has another behind it. What is read goes through the reader of project files, and reading ends
at the first line that is torn, damaged or out of turn, with what is good until there.

A journal that is being written is held with a lock of the operating system, which ends with the process, however that
ends: `is_live` tells what a crash has left from what another window is writing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from netbuilder.document.changes import ChangeError, Changes, Replay, changes, is_nothing, unhurried
from netbuilder.document.files import convert, document_of, read_bytes
from netbuilder.document.model import Document, Graph
from netbuilder.document.records import Json, plain, plain_definition, plain_document
from netbuilder.document.text import check_size, read_json, refuse_file, short_name
from netbuilder.foundation.limits import JOURNAL_BYTES, MEBIBYTE, NAME_LENGTH
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.save import atomic_save, read_limited

FORMAT: Final = "netbuilder-journal"
VERSION: Final = 1
UNTITLED: Final = "untitled"
"""What journals of documents without a file are named after."""

_NAME: Final = re.compile(r"(?P<name>.+)\.(?P<token>[0-9a-f]{8})-(?P<generation>[1-9]\d{0,8})\.journal\Z")
_LINE: Final = re.compile(rb"([0-9a-f]{8}) (.*)\Z", re.DOTALL)
WORTHWHILE: Final = MEBIBYTE
"""Changes of fewer bytes are not worth a new generation."""

_FULL: Final = 24 * MEBIBYTE

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


class _Header(Struct, frozen=True):
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


class _Entry(Struct, frozen=True, omit_defaults=True):
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


# Writing -------------------------------------------------------------------------------------------------------------


class Generation:
    """One file of a journal while it is being written.

    Attributes:
        path: Where it is.
        size: In bytes.
        is_flushed: Whether all of it is on the disk.
    """

    def __init__(self, path: Path, document: Document, header: Json, edits: int) -> None:
        """Write the header and the whole document, all or nothing.

        Args:
            path: A file that is not there yet, in an existing folder.
            document: What the following changes are changes of.
            header: What `_Header` says besides `edits`.
            edits: How many edits are in the document.

        Raises:
            NetbuilderError: When the system refuses, or the document is larger than any that can be read.
        """
        self.path = path
        self._document = document
        self._number = 1
        snapshot = _encoded({"number": 1, "time": time.time(), "edits": edits, "document": _plain_document(document)})
        check_size(snapshot, str(path))
        data = _line(_encoded({"format": FORMAT, "version": VERSION, "edits": edits, **header})) + _line(snapshot)
        atomic_save(path, data)
        self._least = self.size = len(data)
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0))
            _hold(self._descriptor)
        except OSError as error:
            message = f"{path.name} could not be opened: {error.strerror}."
            raise NetbuilderError(Problem(code="journal.open", message=message, file=str(path))) from error
        self.is_flushed = True

    def append(self, document: Document, edits: int) -> None:
        """Append what leads to `document`; the operating system has it when this returns.

        Raises:
            OSError: When the system refuses. The last line may be torn then: a new generation must begin.
        """
        made = changes(self._document, document)
        if is_nothing(made):
            self._document = document
            return
        entry: Json = {"number": self._number + 1, "time": time.time(), "edits": edits}
        entry.update({"document": _plain_document(document)} if made is None else {"changes": made})
        line = memoryview(_line(_encoded(entry)))
        self.size += len(line)
        self.is_flushed = False
        while line:
            line = line[os.write(self._descriptor, line) :]
        self._number += 1
        self._document = document

    def flush(self) -> None:
        """Have all of it on the disk.

        Raises:
            OSError: When the system refuses.
        """
        os.fsync(self._descriptor)
        self.is_flushed = True

    @property
    def is_long(self) -> bool:
        """Whether the changes have outgrown the document, so that another generation is worth its while."""
        return self.size - self._least > max(WORTHWHILE, 2 * self._least)

    @property
    def is_full(self) -> bool:
        """Whether another generation must begin, so that what is written can always be read."""
        return self.size - self._least > _FULL

    def close(self) -> None:
        """Let go of the file, which stays."""
        os.close(self._descriptor)


def generation_path(folder: Path, name: str, token: str, generation: int) -> Path:
    """Return the file of one generation of a journal.

    Args:
        folder: Where.
        name: The project file's name, or `UNTITLED`.
        token: 8 random hexadecimal digits, the same for all generations.
        generation: From 1 on.
    """
    return folder / f"{name[:120]}.{token}-{generation}.journal"


def header_of(base: Base | None, began: float) -> Json:
    """Return what every generation of a journal says first; see `Generation`."""
    return {"began": began, "base": msgspec.to_builtins(base)}


def _plain_document(document: Document) -> Json:
    """Return what `plain_document` does, links unsorted, in steps between which the window comes to its turn."""
    layout = document.layout
    shell = plain_document(
        replace(document, graph=Graph(extra=document.graph.extra), blocks={}, layout=replace(layout, places={}))
    )
    shell["graph"] = _plain_graph(document.graph)
    shell["blocks"] = {
        key: {**plain_definition(replace(block, graph=Graph())), "graph": _plain_graph(block.graph)}
        for key, block in document.blocks.items()
    }
    shell["layout"]["places"] = {id: [place.x, place.y] for id, place in unhurried(layout.places.items())}
    return shell


def _plain_graph(graph: Graph) -> Json:
    nodes = [plain(node) for node in unhurried(graph.nodes.values())]
    return {**graph.extra, "nodes": nodes, "edges": [[source, target] for target, source in graph.edges.items()]}


def _encoded(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # half a character, pasted from somewhere: "?" stands there, as in a saved file
        plain = msgspec.to_builtins(value)
        return json.dumps(plain, ensure_ascii=False, allow_nan=False).encode(errors="replace")


def _line(content: bytes) -> bytes:
    return b"%08x %b\n" % (zlib.crc32(content), content)


# Reading -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leftover:
    """A journal on the disk.

    Attributes:
        name: The project file's name, or `UNTITLED`.
        token: What its generations have in common.
        files: Its generations, the newest first.
    """

    name: str
    token: str
    files: tuple[Path, ...]

    @property
    def is_live(self) -> bool:
        """Whether a window is writing it at this moment."""
        return any(is_live(path) for path in self.files)

    def discard(self) -> None:
        """Delete it.

        Raises:
            NetbuilderError: When a file cannot be deleted.
        """
        for path in reversed(self.files):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                message = f"{path.name} could not be deleted: {error.strerror}."
                raise NetbuilderError(Problem(code="journal.delete", message=message, file=str(path))) from error


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a journal holds.

    Attributes:
        document: The network as it was last.
        base: The file that the edits began from, as it was then; None without a file.
        edits: How many edits were made since.
        began: When the first was made, in seconds since 1970.
        ended: When the last one was made.
        is_whole: Whether every line could be read; a line that was being written as the program was killed does not
            count.
    """

    document: Document
    base: Base | None
    edits: int
    began: float
    ended: float
    is_whole: bool = True


def find_journals(folder: Path, name: str = "") -> list[Leftover]:
    """Return the journals in a folder, the live ones too, whatever is in them.

    Args:
        folder: Where; it need not exist.
        name: Only those of this project file's name.
    """
    found: dict[tuple[str, str], list[tuple[int, Path]]] = {}
    try:
        entries = sorted(os.listdir(folder))
    except OSError:  # there is no such folder, or it may not be read: nothing can be offered
        return []
    for entry in entries:
        match = _NAME.match(entry)
        if match and (not name or match["name"] == name[:120]):
            found.setdefault((match["name"], match["token"]), []).append((int(match["generation"]), folder / entry))
    return [
        Leftover(name, token, tuple(path for _, path in sorted(files, reverse=True)))
        for (name, token), files in found.items()
    ]


def is_live(path: Path) -> bool:
    """Whether a process is writing this journal at this moment."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:  # gone, or not ours to write to: nobody with our rights is writing it
        return False
    try:
        return not _try_hold(descriptor)
    finally:
        os.close(descriptor)


def recover(journal: Leftover) -> Recovered:
    """Read what a journal holds: its newest generation that can be read.

    Raises:
        NetbuilderError: When none can be; saying what is wrong with the newest. Nothing is changed.
    """
    first: NetbuilderError | None = None
    for path in journal.files:
        try:
            return read_journal(path)
        except NetbuilderError as error:
            first = first or error
    assert first is not None, "a journal has a file"
    raise first


def read_journal(path: Path) -> Recovered:
    """Read one generation.

    Raises:
        NetbuilderError: When its header or its document cannot be read, or what comes of it is no sound project.
    """
    name = str(path)
    try:
        data = b"".join(read_limited(path, JOURNAL_BYTES))
    except OSError as error:
        message = f"{path.name} could not be read: {error.strerror}."
        raise NetbuilderError(Problem(code="journal.unreadable", message=message, file=name)) from error
    if len(data) > JOURNAL_BYTES:
        most = JOURNAL_BYTES // MEBIBYTE
        refuse_file("journal.large", f"{path.name} is too large for a journal: expected at most {most} MB.", name)
    lines = data.split(b"\n")
    lines.pop()  # nothing, or the line that was being written as the program was killed
    header, start = _beginning(lines, name)
    assert start.document is not None, "the beginning has a document"
    document_of(start.document, name)  # what is replayed upon has the form of a project
    replay, last, is_whole = _replayed(start, lines[2:], name)
    document = document_of(replay.raw(), name)
    return Recovered(document, header.base, last.edits, header.began, last.time, is_whole)


def _beginning(lines: Sequence[bytes], name: str) -> tuple[_Header, _Entry]:
    """Return the header and the whole document that follows it."""
    short = short_name(name)
    if len(lines) < 2:
        refuse_file("journal.cut", f"{short} ends too early: no network stands in it.", name)
    raw = _checked(lines[0], name)
    if raw is None or raw.get("format") != FORMAT:
        refuse_file("journal.format", f"{short} is damaged in its first line, or is no journal of NetBuilder's.", name)
    if type(raw.get("version")) is not int or raw["version"] > VERSION:
        refuse_file("journal.newer", f"{short} was written by a newer NetBuilder. Update NetBuilder to read it.", name)
    header: _Header = convert(raw, _Header, name)
    raw = _checked(lines[1], name)
    entry: _Entry | None = convert(raw, _Entry, name) if raw is not None else None
    if entry is None or entry.document is None or entry.number != 1:
        refuse_file("journal.damaged", f"{short} is damaged: the network that its edits began from is gone.", name)
    return header, entry


def _replayed(start: _Entry, lines: Sequence[bytes], name: str) -> tuple[Replay, _Entry, bool]:
    """Apply lines as long as they are sound; return the state, the last entry that is in it, and whether all are."""
    assert start.document is not None, "the beginning has a document"
    replay, last = Replay(start.document), start
    for line in lines:
        try:
            raw = _checked(line, name)
            if raw is None:
                return replay, last, False
            entry: _Entry = convert(raw, _Entry, name)
            if entry.number != last.number + 1 or (entry.document is None) == (entry.changes is None):
                return replay, last, False
            if entry.document is not None:
                document_of(entry.document, name)
                replay = Replay(entry.document)
            elif entry.changes is not None:
                replay.apply(entry.changes)
        except NetbuilderError:
            return replay, last, False
        except ChangeError:  # no journal of ours: half of it may have been applied, so that it is done again without
            return *_replayed(start, lines[: last.number - 1], name)[:2], False
        last = entry
    return replay, last, True


def _checked(line: bytes, name: str) -> Json | None:
    """Return a line's JSON value; None when its check sum is not that of its content."""
    match = _LINE.match(line)
    if match is None or int(match[1], 16) != zlib.crc32(match[2]):
        return None
    return read_json(match[2], name)


# Holding -------------------------------------------------------------------------------------------------------------

_FAR: Final = 1 << 40
"""Where Windows locks a byte: behind everything that anybody reads."""


def _hold(descriptor: int) -> None:
    """Hold an open file until it is closed, or this process ends in whatever way."""
    for _ in range(50):  # somebody may be asking at this moment whether it is held
        if _try_hold(descriptor):
            return
        time.sleep(0.01)


def _try_hold(descriptor: int) -> bool:
    """Return whether an open file is held now; False while another holds it."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a disk without locks: nothing tells that it is held
        return True
    return True


__all__ = [
    "UNTITLED",
    "Base",
    "Generation",
    "Leftover",
    "Recovered",
    "base_of",
    "find_journals",
    "generation_path",
    "header_of",
    "is_live",
    "read_journal",
    "recover",
]
