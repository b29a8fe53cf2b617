"""What is done to the selection: copied, pasted, deleted, left out, named, framed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netbuilder.document.model import Place

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView


class SelectionCommands:
    """The commands of one canvas that begin with what is selected on it."""

    def __init__(self, view: CanvasView) -> None:
        """Command the selection of `view`."""
        self._view = view
        self._workspace, self._commands = view.workspace, view.commands

    def delete(self) -> None:
        """Delete the selected nodes, or the selected link."""
        if self._workspace.selected_link is not None:
            self._commands.disconnect((self._workspace.selected_link,))
        self._commands.delete(self._workspace.selection, frames=self._workspace.selected_frames)

    def delete_and_heal(self) -> None:
        """Delete the selected nodes and link what they fed to what fed them."""
        self._commands.delete(self._workspace.selection, heal=True, frames=self._workspace.selected_frames)

    def duplicate(self) -> None:
        """Copy what is selected beside itself."""
        self._commands.duplicate(self._picked)

    def duplicate_with_inputs(self) -> None:
        """Copy what is selected beside itself, fed by what feeds it."""
        self._commands.duplicate(self._picked, keep_inputs=True)

    @property
    def _picked(self) -> frozenset[str]:
        return self._workspace.selection | self._workspace.selected_frames

    def bypass(self) -> None:
        """Leave the selected nodes out, or use them again."""
        self._commands.bypass(self._workspace.selection)

    def copy(self) -> None:
        """Put what is selected on the clipboard."""
        self._commands.copy(self._picked)

    def cut(self) -> None:
        """Put what is selected on the clipboard and delete it."""
        self._commands.copy(self._picked)
        self.delete()

    def paste(self) -> None:
        """Add what is on the clipboard, at the pointer."""
        self._paste()

    def paste_with_inputs(self) -> None:
        """Add what is on the clipboard, at the pointer, fed by what feeds the originals."""
        self._paste(keep_inputs=True)

    def _paste(self, keep_inputs: bool = False) -> None:
        at = self._view.camera.to_scene(self._view.paste_point())
        self._commands.paste(Place(round(at.x()), round(at.y())), keep_inputs)

    def select_all(self) -> None:
        """Select everything."""
        self._workspace.select(self._view.graph.nodes, self._view.content.frames)

    def rename(self) -> None:
        """Edit the label of the selected node, or the title of the selected frame."""
        nodes, frames = self._workspace.selection, self._workspace.selected_frames
        if len(nodes) == 1:
            self._view.label_editor.edit(next(iter(nodes)))
        elif len(frames) == 1 and not nodes:
            self._view.label_editor.edit_frame(next(iter(frames)))

    def frame_selected(self) -> None:
        """Draw a frame around the selection and ask for its title."""
        self._view.label_editor.edit_frame(self._view.frames.frame_selected())

    def add_note(self) -> None:
        """Add a note and open it."""
        self._view.note_editor.edit(self._view.frames.add_note())
