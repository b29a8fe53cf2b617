"""Earlier versions in the window, and a file that cannot be read: offers the newest version that can."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netbuilder.document.versions import find_versions, newest_good
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.ui import dialogs
from netbuilder.ui.text import clock

if TYPE_CHECKING:
    from netbuilder.ui.versions_dialog import Shown
    from netbuilder.ui.window import MainWindow


class VersionActions:
    """Shows, restores and opens what a project's file held before."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    # What the actions call -----------------------------------------------------------------------------------------

    def show(self) -> None:
        """Show the earlier versions of the open project."""
        path = self._window.workspace.path
        if path is not None:
            self._window.background.run(f"Reading earlier versions of {path.name}", lambda _: _read(path), self._show)

    def reload(self) -> None:
        """Take over what is on the disk, as an edit that can be undone."""
        workspace = self._window.workspace
        if workspace.path is None:
            return
        try:
            workspace.reload()
        except NetbuilderError as error:
            self._window.show_problems(f"“{workspace.path.name}” cannot be read", error.problems)
        else:
            workspace.message.emit(f"{workspace.path.name} is as it is on the disk")

    # What others call ----------------------------------------------------------------------------------------------

    def offer_instead(self, path: Path, error: NetbuilderError) -> bool:
        """Offer the newest version that can be read of a file that cannot; nothing happens to the file.

        Returns:
            Whether there was one to offer.
        """
        found = newest_good(path)
        if found is None:
            return False
        version, document = found
        why = " ".join(problem.message for problem in error.problems)
        if dialogs.ask_version_instead(self._window, path, why, clock(version.saved)):
            self._window.workspace.open_recovered(document, None, path)
            self._window.show_network()
        return True

    # Inside --------------------------------------------------------------------------------------------------------

    def _show(self, versions: list[Shown]) -> None:
        from netbuilder.ui.versions_dialog import VersionsDialog

        workspace = self._window.workspace
        if not versions:
            message = "There is none yet: each time it is saved, what it held before is kept, the last three times."
            self._window.show_problems("Earlier versions", (Problem(code="versions.none", message=message),))
            return
        dialog = VersionsDialog(workspace.name, workspace.document, versions, self._window)
        dialog.restoreRequested.connect(self._restore)
        dialog.copyRequested.connect(self._open_copy)
        dialog.open()

    def _restore(self, shown: Shown) -> None:
        document = shown.document
        if document is not None:
            title = f"Restore the version of {clock(shown.version.saved)}"
            self._window.workspace.edit(title, lambda _: document)

    def _open_copy(self, shown: Shown) -> None:
        if shown.document is not None:
            origin = self._window.workspace.path
            if self._window.files.may_leave():
                self._window.workspace.open_recovered(shown.document, None, origin)
                self._window.show_network()


def _read(path: Path) -> list[Shown]:
    from netbuilder.ui.versions_dialog import Shown

    shown = []
    for version in find_versions(path):
        try:
            shown.append(Shown(version, version.read()))
        except NetbuilderError as error:
            shown.append(Shown(version, None, error.problems))
    return shown
