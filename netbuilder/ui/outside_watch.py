"""Changes from outside: looks at the project's file whenever the window comes to the front, and offers to reload it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication

from netbuilder.ui import dialogs
from netbuilder.ui.project_file import Stamp, stamp_of

if TYPE_CHECKING:
    from pathlib import Path

    from netbuilder.ui.window import MainWindow


class OutsideWatch(QObject):
    """Tells once of each change that another program makes to the open project's file."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._told: tuple[Path, Stamp | None] | None = None
        self._is_looking = False
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.applicationStateChanged.connect(self._note)

    def look(self) -> None:
        """Look at the file behind the window's back: a network disk may take its time."""
        path, known = self._window.workspace.path, self._window.workspace.file.stamp
        if path is None or known is None or self._is_looking or not self._window.isVisible():
            return  # a window that was closed has stopped its work, and starts none
        self._is_looking = True
        self._window.background.run(
            f"Looking at {path.name}", lambda _: stamp_of(path), partial(self._judge, path, known)
        )

    def _note(self, state: Qt.ApplicationState) -> None:
        if state is Qt.ApplicationState.ApplicationActive:
            self.look()

    def _judge(self, path: Path, known: Stamp, stamp: Stamp | None) -> None:
        self._is_looking = False
        workspace = self._window.workspace
        if not self._window.isVisible():
            return
        is_current = (workspace.path, workspace.file.stamp) == (path, known)  # else it was saved here meanwhile
        if not is_current or stamp == known or self._told == (path, stamp):
            return
        self._told = path, stamp
        if stamp is None:
            workspace.message.emit(f"{path.name} is no longer on the disk; saving writes it again")
        elif dialogs.ask_reload(self._window, path, workspace.is_modified):
            self._window.versions.reload()
