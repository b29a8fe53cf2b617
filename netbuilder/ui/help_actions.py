"""What the Help menu does about layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from netbuilder.foundation.declaration import Declaration
    from netbuilder.ui.window import MainWindow


class HelpActions:
    """Explains the layer that the palette stands on while it has the focus, else the selected one."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def explain_layer(self) -> None:
        """Show all that is said about a layer; say what to do where none is meant."""
        declaration = self._meant()
        if declaration is None:
            self._window.workspace.message.emit("Select one layer, or an entry of the palette, to see what it does")
            return
        from netbuilder.ui.layer_help import LayerHelpDialog

        dialog = LayerHelpDialog(self._window, declaration)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _meant(self) -> Declaration | None:
        from netbuilder.ui.panels.titles import declaration_of

        palette, workspace = self._window.docks.palette, self._window.workspace
        if palette.isAncestorOf(self._window.focusWidget()):
            return palette.current()
        nodes = [workspace.document.scope(workspace.scope).nodes.get(id) for id in workspace.selection]
        return declaration_of(workspace.document, nodes[0]) if len(nodes) == 1 and nodes[0] is not None else None
