"""The Edit menu: the selection, what is done to it, and looking for it."""

from __future__ import annotations

from netbuilder.ui.action_spec import (
    ActionSpec,
    action,
    can_redo,
    can_undo,
    has_chosen,
    has_deletable,
    has_frames,
    has_selection,
    is_seen,
)


def _said(verb: str, title: str) -> str:
    """Return what Undo or Redo would do; a lone ampersand in it would mark an access key."""
    return f"{verb} {title.replace('&', '&&')}".rstrip()


EDIT: tuple[ActionSpec, ...] = (
    action(
        "edit.undo",
        "&Undo",
        "&Edit",
        "workspace.undo",
        "Ctrl+Z",
        icon="undo",
        enabled=can_undo,
        said=lambda workspace: _said("&Undo", workspace.history.undo_title),
    ),
    action(
        "edit.redo",
        "&Redo",
        "&Edit",
        "workspace.redo",
        "Ctrl+Shift+Z",
        "Ctrl+Y",
        icon="redo",
        enabled=can_redo,
        said=lambda workspace: _said("&Redo", workspace.history.redo_title),
    ),
    action("edit.cut", "Cu&t", "&Edit", "selected.cut", "Ctrl+X", icon="cut", enabled=has_chosen, line=True),
    action("edit.copy", "&Copy", "&Edit", "selected.copy", "Ctrl+C", icon="copy", enabled=has_chosen),
    action("edit.paste", "&Paste", "&Edit", "selected.paste", "Ctrl+V", icon="paste"),
    action(
        "edit.duplicate", "&Duplicate", "&Edit", "selected.duplicate", "Ctrl+D", icon="duplicate", enabled=has_chosen
    ),
    action(
        "edit.duplicate_inputs",
        "Duplicate with &inputs",
        "&Edit",
        "selected.duplicate_with_inputs",
        "Ctrl+Shift+D",
        enabled=has_selection,
        tip="Copy the selected layers, fed by what feeds them",
    ),
    action(
        "edit.paste_inputs",
        "Paste wit&h inputs",
        "&Edit",
        "selected.paste_with_inputs",
        "Ctrl+Shift+V",
        tip="Paste layers, fed by what feeds the originals",
    ),
    action("edit.delete", "De&lete", "&Edit", "selected.delete", "Del", icon="delete", enabled=has_deletable),
    action(
        "edit.delete_heal",
        "Delete and reco&nnect",
        "&Edit",
        "selected.delete_and_heal",
        "Ctrl+Del",
        enabled=has_selection,
        tip="Delete the selected layers and link what they fed to what fed them",
    ),
    action("edit.select_all", "Select &all", "&Edit", "selected.select_all", "Ctrl+A", enabled=is_seen, line=True),
)

VALUES: tuple[ActionSpec, ...] = (
    action(
        "edit.value",
        "&Edit a value",
        "&Edit",
        "values.edit_selected",
        "E",
        enabled=has_selection,
        tip="Change a value on the card of the selected node, or of all selected nodes that share it",
        line=True,
    ),
)

SELECT: tuple[ActionSpec, ...] = (
    action("select.downstream", "&Downstream", "&Edit/&Select", "choosing.downstream", "L", enabled=has_selection),
    action("select.upstream", "&Upstream", "&Edit/&Select", "choosing.upstream", "Shift+L", enabled=has_selection),
    action("select.grow", "&Grow", "&Edit/&Select", "choosing.grow", "+", enabled=has_selection, line=True),
    action("select.shrink", "Sh&rink", "&Edit/&Select", "choosing.shrink", "-", enabled=has_selection),
    action("select.same", "&Same type", "&Edit/&Select", "choosing.same_type", enabled=has_selection, line=True),
    action("select.inverse", "&Inverse", "&Edit/&Select", "choosing.inverse", "Ctrl+Shift+I", enabled=is_seen),
    action(
        "select.frame",
        "&Frame around it, or next frame",
        "&Edit/&Select",
        "frames.choose",
        "Shift+C",
        enabled=has_frames,
        tip="Select the frame around the selected layers; pressed again, one frame after the other",
        line=True,
    ),
)
