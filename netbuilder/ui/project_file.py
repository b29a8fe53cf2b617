"""The project's file: reading and writing it, noticing that another program changed it, remembering recent ones."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from netbuilder.document.files import read_document, write_document
from netbuilder.document.model import Document
from netbuilder.foundation.preferences import Preferences, RecentFile
from netbuilder.foundation.save import sweep_temporaries


@dataclass(frozen=True, slots=True)
class _Stamp:
    modified: int
    size: int


class ProjectFile:
    """The document's file on disk.

    Attributes:
        path: Where it is; None while the document has no file.
        saved_at: `time.time()` of the last save in this window, or None.
    """

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences
        self._path: Path | None = None
        self._stamp: _Stamp | None = None
        self.saved_at: float | None = None

    @property
    def path(self) -> Path | None:
        """Where it is."""
        return self._path

    @path.setter
    def path(self, path: Path | None) -> None:
        self._path = path.absolute() if path else None
        self._stamp = _stamp(self._path)
        self.saved_at = None
        if self._path:
            self._preferences.add_recent(self._path)

    @property
    def base(self) -> Path:
        """The folder that relative file names in the document are relative to; the working folder without a file."""
        return self._path.parent if self._path else Path()

    def read(self, path: Path) -> Document:
        """Return the document in a file.

        Raises:
            NetbuilderError: When it cannot be read.
        """
        document = read_document(path)
        sweep_temporaries(path.absolute().parent)
        return document

    def write(self, path: Path, document: Document) -> None:
        """Write a document to a file, which becomes its file.

        Raises:
            NetbuilderError: When it cannot be written; the file is as it was.
        """
        if document.plan.weights is not None:
            from netbuilder.project import runs_folder
            from netbuilder.training.start_weights import carry_start

            carry_start(document.plan.weights, runs_folder(self._path), runs_folder(path))
        write_document(path, document)
        sweep_temporaries(path.absolute().parent)
        self.path = path
        self.saved_at = time.time()

    @property
    def is_changed_outside(self) -> bool:
        """Whether another program has changed or removed the file since it was opened or saved here."""
        return self._stamp is not None and _stamp(self._path) != self._stamp

    @property
    def recent(self) -> tuple[RecentFile, ...]:
        """The projects used last, the newest first; those that no longer exist are left out."""
        return tuple(file for file in self._preferences.recent if Path(file.path).is_file())

    def forget_recent(self) -> None:
        """Empty the list of recent projects."""
        for file in self._preferences.recent:
            self._preferences.remove_recent(file.path)

    def mark(self, text: str) -> None:
        """Note what the last training of this project reached, for the start page."""
        if self._path:
            self._preferences.add_recent(self._path, text)


def _stamp(path: Path | None) -> _Stamp | None:
    try:
        status = path.stat() if path else None
    except OSError:
        return None
    return _Stamp(status.st_mtime_ns, status.st_size) if status else None
