"""What the File menu does: new, open, own data, save; and what must be asked before something could be lost."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.templates import open_template
from netbuilder.ui import dialogs
from netbuilder.ui.dialogs import Answer
from netbuilder.ui.document_lock import Holder
from netbuilder.ui.openings import Opening, recognize
from netbuilder.ui.own_data import OwnData
from netbuilder.ui.text import clock

if TYPE_CHECKING:
    from netbuilder.ui.window import MainWindow


class _Way(Enum):
    """How a project is opened."""

    FILE = auto()
    COPY = auto()


class FileActions:
    """Asks, then acts on the workspace.

    Attributes:
        window: The parent of every question.
        own_data: Networks that begin with data of the user's own.
    """

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.workspace = window.workspace
        self.own_data = OwnData(window, self.may_leave)

    # What the actions call -----------------------------------------------------------------------------------------

    def new(self) -> None:
        """Begin an empty network."""
        if self.may_leave():
            self.workspace.new()
            self.window.show_network()

    def open(self) -> None:
        """Ask for a project and open it."""
        path = dialogs.choose_project(self.window, self.workspace.file.folder)
        if path:
            self.open_path(path)

    def open_data(self) -> None:
        """Ask for a table or a folder of images and begin a network with it."""
        self.own_data.choose(self.workspace.file.folder)

    def draw_network(self) -> None:
        """Draw a first network behind a data node that feeds nothing."""
        self.own_data.draw_network()

    def save(self) -> bool:
        """Save; ask where when there is no file yet, and what to do when another program changed the file.

        Returns:
            Whether the document is saved.
        """
        path = self.workspace.path
        if path is None:
            return self.save_as()
        if self.workspace.file.is_changed_outside:
            answer = dialogs.ask_overwrite_changed(self.window, path)
            if answer is not Answer.NO:
                return self.save_as() if answer is Answer.YES else False
        return self._write(path)

    def save_as(self) -> bool:
        """Ask where, and save there."""
        suggestion = self.workspace.path or self.workspace.file.folder / f"{self.workspace.name}.netb"
        path = dialogs.choose_project_target(self.window, suggestion)
        if path is None:
            return False
        holder = self.workspace.file.lock.holder(path)
        if holder is not None and dialogs.ask_overwrite_open(self.window, path, _introduce(holder)) is not Answer.NO:
            return False
        return self._write(path)

    # What others call ----------------------------------------------------------------------------------------------

    def open_path(self, path: Path) -> None:
        """Open whatever a path is: a project in place of the current one, data as a node of the current network."""
        kind = recognize(path)
        if kind is Opening.PROJECT:
            self._open_project(path)
        elif kind is Opening.NETWORK:
            self.window.imports.read_network(path)
        elif kind is Opening.WEIGHTS:
            self.window.imports.read_weights(path)
        elif kind is Opening.UNKNOWN:
            message = (
                f"“{path.name}” is not something NetBuilder opens: a project (.netb), a network (.pt2, .onnx), weights "
                "(.safetensors, .pt), a CSV or Parquet table, or a folder of images."
            )
            self.window.show_problems(
                "It cannot be opened", (Problem(code="open.unknown", message=message, file=str(path)),)
            )
        elif self.window.is_start_page_shown:
            self.own_data.begin(path)
        else:
            self.own_data.add(path)

    def open_template(self, key: str) -> None:
        """Open a copy of a template, not saved yet."""
        if self.may_leave():
            self.workspace.open_unsaved(open_template(key))
            self.window.show_network()

    def may_leave(self) -> bool:
        """Ask what could be lost by leaving the current document; whether it may be left now."""
        if self.workspace.state.is_active:
            if dialogs.ask_running(self.window) is not Answer.YES:
                return False
            self.workspace.control.stop()
        if not self.workspace.is_modified:
            return True
        answer = dialogs.ask_unsaved(self.window, self.workspace.name)
        return self.save() if answer is Answer.YES else answer is Answer.NO

    # Inside --------------------------------------------------------------------------------------------------------

    def _open_project(self, path: Path) -> None:
        if not self.may_leave():
            return
        way = self._way_of_opening(path)
        if way is None:
            return
        try:
            if way is _Way.COPY:
                self.workspace.open_recovered(self.workspace.file.read(path), None, path)
            else:
                self.workspace.open(path)
        except NetbuilderError as error:
            if not self.window.versions.offer_instead(path, error):
                self.window.show_problems(f"“{path.name}” cannot be opened", error.problems)
        else:
            self.window.show_network()
            if way is _Way.FILE:
                self.window.recovery.look_beside(path)

    def _way_of_opening(self, path: Path) -> _Way | None:
        """Ask how to open a file that another window has open; None when it is not to be opened."""
        lock = self.workspace.file.lock
        holder = lock.holder(path)
        if holder is None:
            return _Way.FILE
        answer = dialogs.ask_open_elsewhere(self.window, path, _introduce(holder))
        if answer is Answer.NO and not holder.is_here:
            try:
                lock.break_lock(path)  # the user knows that window to be gone: nothing here can look
            except OSError as error:
                self.workspace.message.emit(f"The lock of {path.name} could not be removed: {error.strerror}")
        return {Answer.YES: _Way.COPY, Answer.NO: _Way.FILE}.get(answer)

    def _write(self, path: Path) -> bool:
        try:
            self.workspace.save(path)
        except NetbuilderError as error:
            self.window.show_problems(f"“{path.name}” could not be saved", error.problems)
            return False
        return True


def _introduce(holder: Holder) -> str:
    """Return who has a file open, where and since when."""
    who = f"{holder.user} has" if holder.user else "Somebody has"
    where = "on this computer" if holder.is_here else f"on {holder.host}"
    since = f", since {clock(holder.since)}" if holder.since else ""
    return f"{who} it open {where}{since} (process {holder.process})."
