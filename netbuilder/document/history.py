"""History: undo and redo as a list of documents, which share what did not change between them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from netbuilder.document.model import Document

ENTRIES: Final = 1_000
BYTES: Final = 64 << 20
_ENTITY: Final = 1_000  # what a node with its parameters, label and place takes, about


@dataclass(frozen=True, slots=True)
class _Entry:
    title: str
    before: Document
    after: Document
    size: int


class History:
    """The current document and the ways back and forth.

    Successive edits with the same merge key become one entry, until `seal` ends the gesture; a gesture that comes back
    to where it began, as a cancelled one does, leaves none. The oldest entries are forgotten when there are too many or
    they hold too much memory.
    """

    def __init__(self, document: Document, entries: int = ENTRIES, size: int = BYTES) -> None:
        """Begin with an opened or fresh document, which counts as saved.

        Args:
            document: The current document.
            entries: How many entries are kept at most.
            size: How many bytes the entries hold at most, as estimated.
        """
        self._document = document
        self._saved: Document | None = document
        self._done: list[_Entry] = []
        self._undone: list[_Entry] = []
        self._lost: list[_Entry] = []  # what could be redone before the gesture began
        self._merge = ""
        self._entries = entries
        self._size = size
        self._held = 0

    @property
    def document(self) -> Document:
        """The current document."""
        return self._document

    def push(self, title: str, document: Document, merge: str = "") -> None:
        """Make `document` the current one; what was undone can no longer be redone.

        Args:
            title: What Undo will say.
            document: The edit's result; nothing happens when it is the current document itself.
            merge: Edits in a row with the same non-empty key become one entry.
        """
        if document is self._document:
            return
        before = self._document
        # The saved document stays within reach: an entry never merges across it.
        if merge and merge == self._merge and self._done and before is not self._saved:
            before = self._drop_last().before
            if document == before:
                self._document, self._undone, self._merge = before, self._lost, ""
                return
        else:
            self._lost = self._undone
        self._undone = []
        self._append(_Entry(title, before, document, _estimate(before, document)))
        self._document = document
        self._merge = merge

    def seal(self) -> None:
        """End the gesture: the next edit starts an entry of its own, whatever its merge key."""
        self._merge = ""

    @property
    def undo_title(self) -> str:
        """What Undo would undo, or "" when there is nothing."""
        return self._done[-1].title if self._done else ""

    @property
    def redo_title(self) -> str:
        """What Redo would redo, or "" when there is nothing."""
        return self._undone[-1].title if self._undone else ""

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return bool(self._undone)

    def undo(self) -> Document:
        """Go one entry back; return the document that is current then (the same one when there is nothing to undo)."""
        self.seal()
        if self._done:
            entry = self._drop_last()
            self._undone.append(entry)
            self._document = entry.before
        return self._document

    def redo(self) -> Document:
        """Go one entry forth again; return the document that is current then."""
        self.seal()
        if self._undone:
            entry = self._undone.pop()
            self._append(entry)
            self._document = entry.after
        return self._document

    def mark_saved(self, document: Document | None = None) -> None:
        """Remember which document the file holds.

        Args:
            document: What was written, when a save in the background was overtaken by edits; else the current one.
        """
        self._saved = document if document is not None else self._document
        self.seal()

    def mark_unsaved(self) -> None:
        """Remember that no file holds any of these documents (a recovered or imported one)."""
        self._saved = None

    @property
    def is_clean(self) -> bool:
        """Whether the file holds the current document."""
        return self._document is self._saved

    def _append(self, entry: _Entry) -> None:
        self._done.append(entry)
        self._held += entry.size
        while len(self._done) > 1 and (len(self._done) > self._entries or self._held > self._size):
            self._held -= self._done.pop(0).size

    def _drop_last(self) -> _Entry:
        entry = self._done.pop()
        self._held -= entry.size
        return entry


def _estimate(old: Document, new: Document) -> int:
    """Estimate the bytes that keeping `old` beside `new` takes: mappings and values that they do not share."""
    size = _ENTITY
    for before, after in _mappings(old, new):
        if before is not after:
            size += sys.getsizeof(before) + _ENTITY * abs(len(before) - len(after))
    return size


def _mappings(old: Document, new: Document) -> Iterator[tuple[Mapping[Any, Any], Mapping[Any, Any]]]:
    yield old.graph.nodes, new.graph.nodes
    yield old.graph.edges, new.graph.edges
    yield old.schemas, new.schemas
    yield old.layout.places, new.layout.places
    yield old.layout.frames, new.layout.frames
    yield old.layout.routes, new.layout.routes
    for key in old.blocks.keys() & new.blocks.keys():
        yield old.blocks[key].graph.nodes, new.blocks[key].graph.nodes
        yield old.blocks[key].graph.edges, new.blocks[key].graph.edges
