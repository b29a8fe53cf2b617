"""The File menu."""

from __future__ import annotations

from netbuilder.ui.action_spec import ActionSpec, action, is_drawn, is_idle

FILE: tuple[ActionSpec, ...] = (
    action("file.new", "&New network", "&File", "files.new", "Ctrl+N", icon="new", tip="Begin with an empty canvas"),
    action("file.open", "&Open…", "&File", "files.open", "Ctrl+O", icon="open", tip="Open a NetBuilder project"),
    action(
        "file.data",
        "From your own &data…",
        "&File",
        "files.open_data",
        "Ctrl+Shift+O",
        tip="Begin with a CSV or Parquet file, or a folder of images",
    ),
    action(
        "file.import",
        "&Import…",
        "&File",
        "imports.network",
        "Ctrl+I",
        tip="Make a project of a network in another format: .pt2 or ONNX",
    ),
    action(
        "file.weights",
        "Load &weights…",
        "&File",
        "imports.weights",
        "Ctrl+Shift+W",
        enabled=lambda workspace: is_drawn(workspace) and is_idle(workspace),
        tip="Start from weights in a file, matched by name and shape",
    ),
    action("file.recent", "Open &recent", "&File", "menu.recent"),
    action(
        "file.start",
        "Start &page and templates",
        "&File",
        "window.show_start",
        "Ctrl+Shift+N",
        icon="home",
        tip="Templates and recent files",
    ),
    action("file.save", "&Save", "&File", "files.save", "Ctrl+S", icon="save", line=True),
    action("file.save_as", "Save &as…", "&File", "files.save_as", "Ctrl+Shift+S"),
)

VERSIONS: tuple[ActionSpec, ...] = (
    action(
        "file.versions",
        "Earlier &versions…",
        "&File",
        "versions.show",
        "Ctrl+Alt+H",
        enabled=lambda workspace: workspace.path is not None,
        line=True,
        tip="What the file held before it was saved, the last three times",
    ),
    action(
        "file.reload",
        "Re&load from disk",
        "&File",
        "versions.reload",
        "Ctrl+F5",
        enabled=lambda workspace: workspace.path is not None,
        tip="Take over what another program has written; undo brings back what was here",
    ),
    action(
        "file.recover",
        "Recover &unsaved work…",
        "&File",
        "recovery.ask",
        "Ctrl+Alt+R",
        tip="What was not saved when NetBuilder ended",
    ),
)

PROGRAM: tuple[ActionSpec, ...] = (
    action(
        "file.preferences", "Pre&ferences…", "&File", "window.show_preferences", "Ctrl+,", icon="settings", line=True
    ),
    action("file.quit", "&Quit", "&File", "window.close", "Ctrl+Q", line=True),
)
