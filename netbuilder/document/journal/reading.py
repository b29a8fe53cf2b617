"""Reading journals: what is there, and what stands in it as far as it is sound."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from netbuilder.document.changes import ChangeError, Replay
from netbuilder.document.files import convert, document_of
from netbuilder.document.journal.holding import is_live
from netbuilder.document.journal.lines import FORMAT, VERSION, Base, Entry, Header, checked
from netbuilder.document.model import Document
from netbuilder.document.text import refuse_file, short_name
from netbuilder.foundation.limits import JOURNAL_BYTES, MEBIBYTE
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.save import read_limited

_NAME: Final = re.compile(r"(?P<name>.+)\.(?P<token>[0-9a-f]{8})-(?P<generation>[1-9]\d{0,8})\.journal\Z")


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


def _beginning(lines: Sequence[bytes], name: str) -> tuple[Header, Entry]:
    """Return the header and the whole document that follows it."""
    short = short_name(name)
    if len(lines) < 2:
        refuse_file("journal.cut", f"{short} ends too early: no network stands in it.", name)
    raw = checked(lines[0], name)
    if raw is None or raw.get("format") != FORMAT:
        refuse_file("journal.format", f"{short} is damaged in its first line, or is no journal of NetBuilder's.", name)
    if type(raw.get("version")) is not int or raw["version"] > VERSION:
        refuse_file("journal.newer", f"{short} was written by a newer NetBuilder. Update NetBuilder to read it.", name)
    header: Header = convert(raw, Header, name)
    raw = checked(lines[1], name)
    entry: Entry | None = convert(raw, Entry, name) if raw is not None else None
    if entry is None or entry.document is None or entry.number != 1:
        refuse_file("journal.damaged", f"{short} is damaged: the network that its edits began from is gone.", name)
    return header, entry


def _replayed(start: Entry, lines: Sequence[bytes], name: str) -> tuple[Replay, Entry, bool]:
    """Apply lines as long as they are sound; return the state, the last entry that is in it, and whether all are."""
    assert start.document is not None, "the beginning has a document"
    replay, last = Replay(start.document), start
    for line in lines:
        try:
            raw = checked(line, name)
            if raw is None:
                return replay, last, False
            entry: Entry = convert(raw, Entry, name)
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
