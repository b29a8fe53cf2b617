"""The menu of a block in the palette: open it, keep it, name it, take it away."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from netbuilder.document import edits
from netbuilder.document.adoption import fingerprint
from netbuilder.document.blocks import BLOCK, instances
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.library import PERSONAL, SHIPPED
from netbuilder.ui.dialogs import Answer, ask
from netbuilder.ui.workspace import Workspace


def save_to_library(workspace: Workspace, key: str) -> None:
    """Put one of the project's blocks into the user's library, beside what is there.

    Args:
        workspace: Where it is, and the library.
        key: The definition's key.
    """
    library, title = workspace.library, workspace.document.blocks[key].title
    library.refresh()
    mark = fingerprint(key, workspace.document.blocks)
    if any(entry.is_personal and entry.mark == mark for entry in library.entries.values()):
        workspace.message.emit(f"{title} is in your library already")
        return
    try:
        path = library.save(workspace.document, key)
    except NetbuilderError as error:
        workspace.problemsRaised.emit(error.problems)
        return
    workspace.message.emit(f"Saved {title} to your library as {path.name}")
    workspace.libraryChanged.emit()


class BlockMenus:
    """Makes the menus."""

    def __init__(self, workspace: Workspace, parent: QWidget) -> None:
        self._workspace, self._parent = workspace, parent

    def build(self, key: str) -> QMenu | None:
        """Return the menu for a block's key in the palette; None for a layer. It deletes itself when it closes."""
        menu = QMenu(self._parent)
        menu.aboutToHide.connect(menu.deleteLater)
        if key.startswith(BLOCK):
            self._fill_for_project(menu, key.removeprefix(BLOCK))
        elif key.startswith(PERSONAL):
            menu.addAction("Rename…", partial(self.ask_title, key))
            menu.addAction("Delete from the library…", partial(self.ask_delete, key))
            menu.addSeparator()
            menu.addAction("Open the library's folder", self._open_folder)
        elif key.startswith(SHIPPED):
            menu.addAction("Add to the project and open", partial(self._open_shipped, key))
        else:
            menu.deleteLater()
            return None
        return menu

    def _fill_for_project(self, menu: QMenu, key: str) -> None:
        workspace = self._workspace
        menu.addAction("Open", partial(workspace.scopes.open_block, key))
        menu.addAction("Save to library", partial(save_to_library, workspace, key))
        menu.addSeparator()
        remove = menu.addAction(
            "Remove from the project",
            lambda: workspace.edit("Remove the block", partial(edits.remove_block, key=key)),
        )
        used = any(True for _ in instances(workspace.document, key))
        remove.setEnabled(not used)
        if used:
            remove.setText("Remove from the project (in use)")

    def ask_title(self, key: str) -> None:
        """Let the user give a block of the library another title."""
        entry = self._workspace.library.entries.get(key)
        dialog = QInputDialog(self._parent)
        dialog.setWindowTitle("Rename the block")
        dialog.setLabelText("Title")
        dialog.setTextValue(entry.definition.title if entry else "")
        dialog.textValueSelected.connect(partial(self.rename, key))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def rename(self, key: str, title: str) -> None:
        """Give a block of the library another title."""
        self._try(partial(self._workspace.library.rename, key, title))

    def ask_delete(self, key: str) -> None:
        """Ask, then delete a block of the library."""
        entry = self._workspace.library.entries.get(key)
        title = entry.definition.title if entry else key
        detail = "Projects that use it keep their own copy. The file cannot be brought back."
        if ask(self._parent, f"Delete “{title}” from your library?", detail, "Delete") is Answer.YES:
            self.delete(key)

    def delete(self, key: str) -> None:
        """Delete a block of the library."""
        self._try(partial(self._workspace.library.delete, key))

    def _open_shipped(self, key: str) -> None:
        workspace, entry = self._workspace, self._workspace.library.entries[key]
        change = partial(edits.add_definitions, blocks=entry.file.blocks, layout=entry.file.layout)
        workspace.edit(f"Add {entry.definition.title}", change)  # nothing, where the project has it already
        blocks = workspace.document.blocks
        found = next((each for each in blocks if fingerprint(each, blocks) == entry.mark), "")
        if found:
            workspace.scopes.open_block(found)

    def _open_folder(self) -> None:
        self._try(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._workspace.library.make_folder()))))

    def _try(self, call: Callable[[], object]) -> None:
        try:
            call()
        except NetbuilderError as error:
            self._workspace.problemsRaised.emit(error.problems)
        self._workspace.libraryChanged.emit()
