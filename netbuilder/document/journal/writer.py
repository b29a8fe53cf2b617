"""Writing the journal behind everybody's back: a thread takes the newest document and appends what has changed.

A document is a value, so that handing it over costs nothing; when edits come faster than the disk takes them, several
become one line. A folder that refuses gives way to the next one, and the edit never waits for any of them.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from netbuilder.document.journal.generation import Generation, generation_path
from netbuilder.document.journal.lines import Base, base_of, header_of
from netbuilder.document.journal.reading import Leftover, Recovered
from netbuilder.document.model import Document
from netbuilder.document.sidecar import remove_if_empty
from netbuilder.foundation.problem import NetbuilderError

FLUSH: Final = 0.5
"""Seconds after which what was appended is flushed to the disk, for the case that the power fails."""

BREATH: Final = 0.25
"""Seconds between the first edit and the first generation: the window paints, and may take the edit back."""

IDLE: Final = 1.0
"""Seconds without an edit before a new generation begins, for which there is time then."""

REST: Final = 5.0
"""Seconds between two generations, and between two attempts where every folder has refused."""


class JournalWriter:
    """The journal of one document since it was opened or saved.

    Attributes:
        token: What its files have in common.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        name: str,
        stamp: tuple[Path, int, int] | None,
        complain: Callable[[str], None],
        replaced: tuple[Leftover, Recovered] | None = None,
    ) -> None:
        """Begin; nothing is written before the first edit.

        Args:
            folders: Where it may lie, the best first.
            name: The project file's name.
            stamp: The project file with its time of modification (ns) and size when it was opened or saved.
            complain: Is told, on the journal's thread and once each, that a folder refuses.
            replaced: A journal, with what was recovered of it, which the first document recorded is; it is deleted
                once that is on the disk.
        """
        self.token = secrets.token_hex(4)
        self._folders, self._name, self._stamp, self._complain = tuple(folders), name, stamp, complain
        self._replaced = replaced[0] if replaced is not None else None
        before = replaced[1] if replaced is not None else None
        self._began = before.began if before is not None else time.time()
        self._base: Base | None = None
        self._news = threading.Condition()
        self._document: Document | None = None
        self._edits = before.edits - 1 if before is not None else 0  # recovering is no edit
        self._closing = self._keeps = False
        # What follows belongs to the thread.
        self._generation: Generation | None = None
        self._files: list[Path] = []
        self._count = 0
        self._last: tuple[Document, int] | None = None
        self._told: set[Path] = set()
        self._edited_at = self._unflushed_since = self._begun_at = 0.0
        self._thread = threading.Thread(target=self._run, name="netbuilder: journal", daemon=True)
        self._thread.start()

    def record(self, document: Document) -> None:
        """Note an edit's result; returns at once."""
        with self._news:
            self._document = document
            self._edits += 1
            self._news.notify()

    def close(self, keep: bool) -> None:
        """End the journal; returns at once.

        Args:
            keep: Whether it stays, with all that was recorded, for the next start; else it is deleted.
        """
        with self._news:
            self._closing, self._keeps = True, keep
            self._news.notify()

    def wait(self, timeout: float) -> bool:
        """Wait for the end after `close`; False when the time ran out first."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # On the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        if self._stamp is not None:
            self._base = base_of(*self._stamp)
        while True:
            with self._news:
                if self._document is None and not self._closing:
                    self._news.wait(self._patience())
                document, edits, closing = self._document, self._edits, self._closing
                self._document = None
                if document is not None and self._generation is None and not closing:
                    self._news.wait_for(lambda: self._closing, BREATH)
                    document, edits, closing = self._document or document, self._edits, self._closing
                    self._document = None
            if closing and not self._keeps:
                break
            if document is not None:
                self._write(document, edits)
            self._tend(closing)
            if closing:
                break
        if self._generation is not None:
            self._generation.close()
        if not self._keeps:
            self._delete(self._files)

    def _write(self, document: Document, edits: int) -> None:
        self._last = document, edits
        self._edited_at = time.monotonic()
        if self._generation is not None:
            if self._generation.is_flushed:
                self._unflushed_since = self._edited_at
            try:
                self._generation.append(document, edits)
            except OSError:  # the line may be torn: a new generation, here or elsewhere, holds everything
                self._drop_generation()
        elif not self._is_resting:
            self._begin()

    def _tend(self, at_once: bool) -> None:
        """Do what is due: flush, begin a new generation, try again where every folder has refused."""
        generation, now = self._generation, time.monotonic()
        if generation is None:
            if self._last is not None and (at_once or not self._is_resting):
                self._begin()
        elif not generation.is_flushed and (at_once or now >= self._unflushed_since + FLUSH):
            try:
                generation.flush()
            except OSError:  # nobody knows which lines are on the disk
                self._drop_generation()
        elif (generation.is_full and not self._is_resting) or (generation.is_long and now >= self._compaction_due):
            self._begin()

    def _patience(self) -> float | None:
        """Return for how many seconds there is nothing to do without news; None for ever."""
        generation, due = self._generation, []
        if generation is None:
            due += [self._begun_at + REST] if self._last is not None else []
        else:
            due += [] if generation.is_flushed else [self._unflushed_since + FLUSH]
            due += [self._compaction_due] if generation.is_long else []
        return max(0.0, min(due) - time.monotonic()) if due else None

    @property
    def _compaction_due(self) -> float:
        return max(self._edited_at + IDLE, self._begun_at + REST)

    @property
    def _is_resting(self) -> bool:
        """Whether every folder has refused just now."""
        return bool(self._begun_at) and time.monotonic() < self._begun_at + REST

    def _drop_generation(self) -> None:
        assert self._generation is not None, "there is one to drop"
        self._generation.close()
        self._generation = None
        self._begin()

    def _begin(self) -> None:
        """Begin a generation with the newest document in the first folder that takes it."""
        assert self._last is not None, "a generation begins with an edit"
        self._begun_at = time.monotonic()
        for folder in self._folders:
            path = generation_path(folder, self._name, self.token, self._count + 1)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                generation = Generation(path, self._last[0], header_of(self._base, self._began), self._last[1])
            except (NetbuilderError, OSError) as error:
                self._tell(folder, error)
            else:
                self._take(generation)
                return

    def _take(self, generation: Generation) -> None:
        """Write this generation from now on; the one before it stays, in case that a disk damages this one."""
        if self._generation is not None:
            self._generation.close()
        self._generation = generation
        self._count += 1
        self._files.append(generation.path)
        self._delete(self._files[:-2])
        self._files = self._files[-2:]
        if self._replaced is not None:
            self._delete(self._replaced.files)
            self._replaced = None

    def _tell(self, folder: Path, error: Exception) -> None:
        if folder in self._told:
            return
        self._told.add(folder)
        why = error.problems[0].message if isinstance(error, NetbuilderError) else str(error)
        rest = self._folders[self._folders.index(folder) + 1 :]
        then = (
            "It is kept in your own folder instead."
            if rest
            else "Work goes on, but what is not saved would be lost with the program: save soon."
        )
        self._complain(f"The journal of edits cannot be kept in {folder}: {why} {then}")

    def _delete(self, files: Sequence[Path]) -> None:
        for path in files:
            with contextlib.suppress(OSError):  # it stays, and is offered at the next start: nothing is lost by that
                path.unlink()
        for folder in {path.parent for path in files}:
            remove_if_empty(folder)
