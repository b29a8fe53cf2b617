"""The project's file: reading and writing it, noticing that another program changed it, remembering recent ones."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from netbuilder.document.files import read_document, write_document
from netbuilder.document.model import Document
from netbuilder.document.versions import keep_version, prune_versions
from netbuilder.foundation.preferences import Preferences, RecentFile
from netbuilder.foundation.save import sweep_temporaries
from netbuilder.ui.document_lock import DocumentLock


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one state of a file from another.

    Attributes:
        modified: When it was written, in ns since 1970.
        size: In bytes.
    """

    modified: int
    size: int


class ProjectFile:
    """The document's file on disk.

    Attributes:
        path: Where it is; None while the document has no file.
        lock: Held while it is open here, unless another window has it or nothing can be written beside it.
        stamp: The file when it was opened or saved here; None without a file.
        saved_at: `time.time()` of the last save in this window, or None.
        origin: The file that a document without a file is a copy of, or None.
    """

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences
        self._path: Path | None = None
        self.lock = DocumentLock()
        self.stamp: Stamp | None = None
        self.saved_at: float | None = None
        self.origin: Path | None = None

    @property
    def path(self) -> Path | None:
        """Where it is."""
        return self._path

    @path.setter
    def path(self, path: Path | None) -> None:
        self._path = path.absolute() if path else None
        self.stamp = stamp_of(self._path)
        self.saved_at = self.origin = None
        if self._path:
            self.lock.take(self._path)
            self._preferences.add_recent(self._path)
        else:
            self.lock.release()

    @property
    def is_held(self) -> bool:
        """Whether this window holds the file's lock."""
        return self._path is not None and self.lock.path is not None

    @property
    def base(self) -> Path:
        """The folder that relative file names in the document are relative to; the working folder without a file."""
        return self.home.parent if self.home else Path()

    @property
    def home(self) -> Path | None:
        """The file beside which data, runs and weights are: the document's own, else that which it is a copy of."""
        return self._path or self.origin

    @property
    def folder(self) -> Path:
        """Where dialogs begin to look for files: beside the document's file, or the user's own folder without one."""
        return self.home.parent if self.home else Path.home()

    def read(self, path: Path) -> Document:
        """Return the document in a file.

        Raises:
            NetbuilderError: When it cannot be read.
        """
        document = read_document(path)
        sweep_temporaries(path.absolute().parent)
        return document

    def write(self, path: Path, document: Document, keep: bool = True) -> str:
        """Write a document to a file, which becomes its file.

        Args:
            path: The file.
            document: What to write.
            keep: Whether what the file held is kept as an earlier version.

        Returns:
            Why no earlier version could be kept, or "".

        Raises:
            NetbuilderError: When it cannot be written; the file is as it was.
        """
        if document.plan.weights is not None:
            from netbuilder.project import runs_folder
            from netbuilder.training.start_weights import carry_start

            carry_start(document.plan.weights, runs_folder(self.home), runs_folder(path))
        trouble = self._keep_version(path) if keep else ""
        write_document(path, document)
        prune_versions(path)
        sweep_temporaries(path.absolute().parent)
        self.path = path
        self.saved_at = time.time()
        return trouble

    def _keep_version(self, path: Path) -> str:
        is_known = path.absolute() == self._path and not self.is_changed_outside
        try:
            keep_version(path, is_sound=is_known)
        except OSError as error:
            return f"no earlier version could be kept: {error.strerror or error}"
        return ""

    @property
    def is_changed_outside(self) -> bool:
        """Whether another program has changed or removed the file since it was opened or saved here."""
        return self.stamp is not None and stamp_of(self._path) != self.stamp

    def take_stamp(self) -> None:
        """Take the file as it is now for the one that is open here."""
        self.stamp = stamp_of(self._path)

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


def stamp_of(path: Path | None) -> Stamp | None:
    """Return what tells a file's state now from others; None when there is no such file."""
    try:
        status = path.stat() if path else None
    except OSError:
        return None
    return Stamp(status.st_mtime_ns, status.st_size) if status else None
