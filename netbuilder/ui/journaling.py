"""Journaling: hands every edit to the journal, and lets the journal go when a file holds what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from netbuilder.ui.workspace import Change, Workspace

if TYPE_CHECKING:
    from netbuilder.document.journal.reading import Leftover, Recovered
    from netbuilder.document.journal.writer import JournalWriter

_PATIENCE = 2.0
"""Seconds that the end of the program waits for the last lines."""


_IDLE_MS = 2000
"""After so long, what the first edit would import is there."""


class JournalKeeper(QObject):
    """Follows a workspace with a journal. Before the first edit there is none; what it takes is imported when idle.

    Signals:
        troubled: (str) the journal cannot be kept where it should be; one sentence, once.
    """

    troubled = Signal(str)
    _complained = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._writer: JournalWriter | None = None
        self._closed: list[JournalWriter] = []
        self._complained.connect(self.troubled, Qt.ConnectionType.QueuedConnection)
        QTimer.singleShot(_IDLE_MS, self, _prepare)
        workspace.documentChanged.connect(self._record)
        workspace.documentReplaced.connect(self._begin_anew)
        workspace.fileChanged.connect(self._settle)

    @property
    def token(self) -> str:
        """What the files of the journal in progress have in common; "" when there is none."""
        return self._writer.token if self._writer is not None else ""

    def replace(self, leftover: Leftover, recovered: Recovered) -> None:
        """Go on from a journal that was recovered into the open document; it is deleted once this one is on the disk.

        Args:
            leftover: The journal that a crash has left.
            recovered: What it holds.
        """
        self._close(keep=True)
        self._writer = self._begin((leftover, recovered))
        self._writer.record(self._workspace.document)

    def finish(self, keep: bool) -> None:
        """End with the program.

        Args:
            keep: Whether the journal stays for the next start, since nobody was asked about what it holds.
        """
        self._close(keep)
        for writer in self._closed:
            writer.wait(_PATIENCE)
        self._closed.clear()

    def _record(self, change: Change) -> None:
        if self._writer is None:
            self._writer = self._begin()
        self._writer.record(change.new)

    def _begin(self, replaced: tuple[Leftover, Recovered] | None = None) -> JournalWriter:
        from netbuilder.document.journal.generation import UNTITLED
        from netbuilder.document.journal.writer import JournalWriter
        from netbuilder.document.sidecar import real, recovery_folder, sidecar

        file = self._workspace.file
        if file.path is None:
            return JournalWriter((recovery_folder(),), UNTITLED, None, self._complained.emit, replaced)
        path = real(file.path)
        folders: tuple[Path, ...] = (recovery_folder(),)
        if file.is_held:
            folders = (sidecar(path), *folders)
        stamp = (path, file.stamp.modified, file.stamp.size) if file.stamp is not None else (path, 0, 0)
        return JournalWriter(folders, path.name, stamp, self._complained.emit, replaced)

    def _begin_anew(self) -> None:
        self._close(keep=False)

    def _settle(self) -> None:
        if not self._workspace.is_modified:
            self._close(keep=False)

    def _close(self, keep: bool) -> None:
        if self._writer is not None:
            self._writer.close(keep)
            self._closed = [writer for writer in self._closed if not writer.wait(0)] + [self._writer]
            self._writer = None


def _prepare() -> None:
    """Import what the first edit needs, which takes half a frame."""
    import netbuilder.document.journal.writer  # noqa: F401
