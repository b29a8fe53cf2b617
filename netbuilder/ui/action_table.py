"""The table of actions: what the menus, the shortcuts, the toolbar and the list of shortcuts in Help are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from netbuilder.compiler.custom import TRUST
from netbuilder.document.blocks import definition_of
from netbuilder.exchange.formats import FORMATS
from netbuilder.training.protocol import State
from netbuilder.ui.workspace import Workspace

Predicate = Callable[[Workspace], bool]


def _always(_: Workspace) -> bool:
    return True


def _idle(workspace: Workspace) -> bool:
    return not workspace.state.is_active


def _active(workspace: Workspace) -> bool:
    return workspace.state.is_active and workspace.state is not State.STOPPING


def _selected(workspace: Workspace) -> bool:
    return bool(workspace.selection)


def _chosen(workspace: Workspace) -> bool:
    return bool(workspace.selection or workspace.selected_frames)


def _several(workspace: Workspace) -> bool:
    return len(workspace.selection) > 1


def _deletable(workspace: Workspace) -> bool:
    return _chosen(workspace) or workspace.selected_link is not None


def _one_selected(workspace: Workspace) -> bool:
    return len(workspace.selection) == 1


def _on_link(workspace: Workspace) -> bool:
    return workspace.selected_link is not None


def _on_link_or_node(workspace: Workspace) -> bool:
    return _on_link(workspace) or _one_selected(workspace)


def _drawn(workspace: Workspace) -> bool:
    return bool(workspace.document.graph.nodes)


def _undoable(workspace: Workspace) -> bool:
    return workspace.history.can_undo


def _redoable(workspace: Workspace) -> bool:
    return workspace.history.can_redo


def _troubled(workspace: Workspace) -> bool:
    return bool(workspace.problems)


def _seen(workspace: Workspace) -> bool:
    return bool(workspace.document.scope(workspace.scope).nodes)


def _on_block(workspace: Workspace) -> bool:
    if not workspace.document.blocks:
        return False
    nodes = workspace.document.scope(workspace.scope).nodes
    return any(definition_of(workspace.document, nodes[node]) for node in workspace.selection if node in nodes)


def _in_block(workspace: Workspace) -> bool:
    return bool(workspace.scope)


_REASONS: Mapping[Predicate, str] = {
    _idle: "a run is in progress",
    _active: "nothing is being trained",
    _selected: "nothing is selected",
    _chosen: "nothing is selected",
    _several: "select several layers",
    _deletable: "nothing is selected",
    _one_selected: "select one layer",
    _on_link: "no link is selected",
    _on_link_or_node: "select a layer or a link",
    _drawn: "the network is empty",
    _seen: "there are no layers here",
    _on_block: "no block is selected",
    _in_block: "you are not in a block",
    _undoable: "nothing to undo",
    _redoable: "nothing to redo",
    _troubled: "there are no problems",
}
"""What is missing where a predicate is false."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpec:
    """One action.

    Attributes:
        id: The stable name.
        title: What the menu says; an ampersand marks the access key.
        menu: The menu's title; a "/" makes a submenu.
        call: What it calls: "files.save" is the window's method `save`; see `bind`.
        shortcuts: Key sequences in portable text, the first one shown.
        icon: A name in `resources/icons`, or "".
        tip: The status tip.
        enabled: Whether it can be used now.
        follows_line: Whether the menu draws a line above it.
        checked: Whether it is on; None for what is done rather than switched.
    """

    id: str
    title: str
    menu: str
    call: str
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    tip: str = ""
    enabled: Predicate = _always
    follows_line: bool = False
    checked: Predicate | None = None


MENUS = ("&File", "&Edit", "&View", "&Graph", "&Block", "&Train", "E&xport", "&Help")
"""The menu bar, in order."""


def _a(
    id: str,
    title: str,
    menu: str,
    call: str,
    *shortcuts: str,
    icon: str = "",
    tip: str = "",
    enabled: Predicate = _always,
    line: bool = False,
    checked: Predicate | None = None,
) -> ActionSpec:
    return ActionSpec(
        id=id,
        title=title,
        menu=menu,
        call=call,
        shortcuts=shortcuts,
        icon=icon,
        tip=tip,
        enabled=enabled,
        follows_line=line,
        checked=checked,
    )


_FORMAT_ENTRIES = (
    ("&Python project", "Ctrl+E"),
    ("&ONNX file", "Ctrl+Shift+E"),
    ("PyTorch pro&gram (.pt2)", "Ctrl+Alt+E"),
    ("&Weights (.safetensors)", "Ctrl+Alt+W"),
)
"""What the menu calls each of `FORMATS`, and its keys."""

_FILE = (
    _a("file.new", "&New network", "&File", "files.new", "Ctrl+N", icon="new", tip="Begin with an empty canvas"),
    _a("file.open", "&Open…", "&File", "files.open", "Ctrl+O", icon="open", tip="Open a NetBuilder project"),
    _a(
        "file.data",
        "From your own &data…",
        "&File",
        "files.open_data",
        "Ctrl+Shift+O",
        tip="Begin with a CSV or Parquet file, or a folder of images",
    ),
    _a(
        "file.import",
        "&Import…",
        "&File",
        "imports.network",
        "Ctrl+I",
        tip="Make a project of a network in another format: .pt2 or ONNX",
    ),
    _a(
        "file.weights",
        "Load &weights…",
        "&File",
        "imports.weights",
        "Ctrl+Shift+W",
        enabled=lambda workspace: _drawn(workspace) and _idle(workspace),
        tip="Start from weights in a file, matched by name and shape",
    ),
    _a("file.recent", "Open &recent", "&File", "menu.recent"),
    _a(
        "file.start",
        "Start &page and templates",
        "&File",
        "window.show_start",
        "Ctrl+Shift+N",
        icon="home",
        tip="Templates and recent files",
    ),
    _a("file.save", "&Save", "&File", "files.save", "Ctrl+S", icon="save", line=True),
    _a("file.save_as", "Save &as…", "&File", "files.save_as", "Ctrl+Shift+S"),
)

_VERSIONS = (
    _a(
        "file.versions",
        "Earlier &versions…",
        "&File",
        "versions.show",
        "Ctrl+Alt+H",
        enabled=lambda workspace: workspace.path is not None,
        line=True,
        tip="What the file held before it was saved, the last three times",
    ),
    _a(
        "file.reload",
        "Re&load from disk",
        "&File",
        "versions.reload",
        "Ctrl+F5",
        enabled=lambda workspace: workspace.path is not None,
        tip="Take over what another program has written; undo brings back what was here",
    ),
    _a(
        "file.recover",
        "Recover &unsaved work…",
        "&File",
        "recovery.ask",
        "Ctrl+Alt+R",
        tip="What was not saved when NetBuilder ended",
    ),
)

_PROGRAM = (
    _a("file.preferences", "Pre&ferences…", "&File", "window.show_preferences", "Ctrl+,", icon="settings", line=True),
    _a("file.quit", "&Quit", "&File", "window.close", "Ctrl+Q", line=True),
)

_EDIT = (
    _a(
        "edit.undo",
        "&Undo",
        "&Edit",
        "workspace.undo",
        "Ctrl+Z",
        icon="undo",
        enabled=_undoable,
    ),
    _a(
        "edit.redo",
        "&Redo",
        "&Edit",
        "workspace.redo",
        "Ctrl+Shift+Z",
        "Ctrl+Y",
        icon="redo",
        enabled=_redoable,
    ),
    _a("edit.cut", "Cu&t", "&Edit", "canvas.cut", "Ctrl+X", icon="cut", enabled=_chosen, line=True),
    _a("edit.copy", "&Copy", "&Edit", "canvas.copy", "Ctrl+C", icon="copy", enabled=_chosen),
    _a("edit.paste", "&Paste", "&Edit", "canvas.paste", "Ctrl+V", icon="paste"),
    _a("edit.duplicate", "&Duplicate", "&Edit", "canvas.duplicate", "Ctrl+D", icon="duplicate", enabled=_chosen),
    _a(
        "edit.duplicate_inputs",
        "Duplicate with &inputs",
        "&Edit",
        "canvas.duplicate_with_inputs",
        "Ctrl+Shift+D",
        enabled=_selected,
        tip="Copy the selected layers, fed by what feeds them",
    ),
    _a(
        "edit.paste_inputs",
        "Paste wit&h inputs",
        "&Edit",
        "canvas.paste_with_inputs",
        "Ctrl+Shift+V",
        tip="Paste layers, fed by what feeds the originals",
    ),
    _a("edit.delete", "De&lete", "&Edit", "canvas.delete", "Del", icon="delete", enabled=_deletable),
    _a(
        "edit.delete_heal",
        "Delete and reco&nnect",
        "&Edit",
        "canvas.delete_and_heal",
        "Ctrl+Del",
        enabled=_selected,
        tip="Delete the selected layers and link what they fed to what fed them",
    ),
    _a("edit.select_all", "Select &all", "&Edit", "canvas.select_all", "Ctrl+A", enabled=_seen, line=True),
)

_VALUES = (
    _a(
        "edit.value",
        "&Edit a value",
        "&Edit",
        "values.edit_selected",
        "E",
        enabled=_selected,
        tip="Change a value on the card of the selected node, or of all selected nodes that share it",
        line=True,
    ),
)

_SELECT = (
    _a("select.downstream", "&Downstream", "&Edit/&Select", "choosing.downstream", "L", enabled=_selected),
    _a("select.upstream", "&Upstream", "&Edit/&Select", "choosing.upstream", "Shift+L", enabled=_selected),
    _a("select.grow", "&Grow", "&Edit/&Select", "choosing.grow", "+", enabled=_selected, line=True),
    _a("select.shrink", "Sh&rink", "&Edit/&Select", "choosing.shrink", "-", enabled=_selected),
    _a("select.same", "&Same type", "&Edit/&Select", "choosing.same_type", enabled=_selected, line=True),
    _a("select.inverse", "&Inverse", "&Edit/&Select", "choosing.inverse", "Ctrl+Shift+I", enabled=_seen),
)

_FRAMES = (
    _a(
        "frame.add",
        "&Frame",
        "&Graph",
        "canvas.frame_selected",
        "C",
        tip="Draw a titled frame around the selected layers",
        line=True,
    ),
    _a("frame.note", "Add a n&ote", "&Graph", "canvas.add_note", "N", tip="Add a note in Markdown"),
)

_ALIGN = (
    _a("align.left", "&Left edges", "&Graph/A&lign", "aligning.left", "Ctrl+Shift+Left", enabled=_several),
    _a("align.right", "&Right edges", "&Graph/A&lign", "aligning.right", "Ctrl+Shift+Right", enabled=_several),
    _a("align.top", "&Upper edges", "&Graph/A&lign", "aligning.top", "Ctrl+Shift+Up", enabled=_several),
    _a("align.bottom", "Lo&wer edges", "&Graph/A&lign", "aligning.bottom", "Ctrl+Shift+Down", enabled=_several),
    _a("align.middles", "&Middles", "&Graph/A&lign", "aligning.middles", enabled=_several),
    _a("align.centers", "&Centers", "&Graph/A&lign", "aligning.centers", enabled=_several),
    _a(
        "align.across",
        "Distribute &across",
        "&Graph/A&lign",
        "aligning.distribute_across",
        enabled=_several,
        tip="Make the gaps from left to right equal",
        line=True,
    ),
    _a(
        "align.down",
        "&Distribute down",
        "&Graph/A&lign",
        "aligning.distribute_down",
        enabled=_several,
        tip="Make the gaps from top to bottom equal",
    ),
    _a(
        "align.guides",
        "&Snap guides",
        "&Graph/A&lign",
        "canvas.toggle_snaps",
        tip="Let dragged layers line up with others and straighten links",
        checked=lambda workspace: bool(workspace.preferences.get("snap_guides")),
        line=True,
    ),
)

_VIEW = (
    _a("view.fit", "&Fit the network", "&View", "views.fit_all", "Home", icon="fit"),
    _a("view.fit_selection", "Fit the &selection", "&View", "views.fit_selection", "F", enabled=_selected),
    _a("view.zoom_in", "Zoom &in", "&View", "canvas.zoom_in", "Ctrl++", "Ctrl+=", icon="zoom-in"),
    _a("view.zoom_out", "Zoom &out", "&View", "canvas.zoom_out", "Ctrl+-", icon="zoom-out"),
    _a("view.actual_size", "&Actual size", "&View", "views.actual_size", "Ctrl+0"),
    _a(
        "view.minimap",
        "O&verview",
        "&View",
        "views.toggle_minimap",
        tip="Show the whole network in the canvas's corner, where there is more than can be seen",
        checked=lambda workspace: bool(workspace.preferences.get("show_minimap")),
        line=True,
    ),
    _a(
        "view.dots",
        "&Grid dots",
        "&View",
        "views.toggle_dots",
        tip="Show the grid behind the network",
        checked=lambda workspace: bool(workspace.preferences.get("show_dots")),
    ),
    _a("view.theme", "&Theme", "&View", "menu.theme", line=True),
    _a("view.panels", "&Panels", "&View", "menu.panels"),
    _a(
        "view.unlock",
        "&Rearrange panels",
        "&View",
        "window.toggle_titles",
        tip="Show the panels' title bars, by which they can be moved",
    ),
    _a("view.full_screen", "F&ull screen", "&View", "window.toggle_full_screen", "F11"),
)

_FIND = (
    _a(
        "find.open",
        "&Find…",
        "&Edit",
        "find.open",
        "Ctrl+F",
        icon="search",
        enabled=_drawn,
        tip="Find layers by name, type, shape, parameter or note, also inside blocks",
        line=True,
    ),
    _a("find.next", "Find ne&xt", "&Edit", "find.go_next", "F3", enabled=_drawn),
    _a("find.previous", "Find pre&vious", "&Edit", "find.go_previous", "Shift+F3", enabled=_drawn),
    _a(
        "find.commands",
        "&Commands…",
        "&View",
        "window.show_commands",
        "Ctrl+K",
        tip="Search everything that the menus offer",
        line=True,
    ),
    _a(
        "find.from_output",
        "Connect from an &output…",
        "&Graph/Lin&ks",
        "link_keys.from_output",
        "O",
        enabled=_one_selected,
        tip="Choose one of the layer's ports, then where its link goes; or remove a link",
    ),
    _a(
        "find.into_input",
        "Connect into an &input…",
        "&Graph/Lin&ks",
        "link_keys.into_input",
        "I",
        enabled=_one_selected,
        tip="Choose one of the layer's ports, then where its link comes from; or remove a link",
    ),
    _a(
        "find.next_link",
        "Select the ne&xt link",
        "&Graph/Lin&ks",
        "link_keys.select_next",
        ".",
        enabled=_on_link_or_node,
        tip="Go through the links of the selected layer",
    ),
    _a(
        "find.previous_link",
        "Select the pre&vious link",
        "&Graph/Lin&ks",
        "link_keys.select_previous",
        ",",
        enabled=_on_link_or_node,
        tip="Go through the links of the selected layer, backwards",
    ),
    _a(
        "find.insert",
        "In&sert a layer into the link…",
        "&Graph/Lin&ks",
        "link_keys.insert",
        "Ins",
        enabled=_on_link,
        tip="Search for a layer and put it into the selected link",
    ),
)

_LAYOUT = (
    _a(
        "graph.arrange",
        "&Arrange",
        "&Graph/A&rrange",
        "arranging.network",
        "Ctrl+L",
        icon="arrange",
        enabled=_seen,
        tip="Lay the selected layers out from left to right; the whole network when fewer than two are selected",
    ),
    _a(
        "arrange.downstream",
        "What &follows the selection",
        "&Graph/A&rrange",
        "arranging.downstream",
        "Ctrl+Shift+L",
        enabled=_selected,
        tip="Lay out what the selected layers lead to; they and all before them stay",
    ),
    _a(
        "arrange.all",
        "The &whole network",
        "&Graph/A&rrange",
        "arranging.all",
        enabled=_seen,
        tip="Lay all layers out from left to right, whatever is selected",
    ),
)
"""Automatic layout."""

_LIVE = (
    _a(
        "live.pictures",
        "&Pictures",
        "&View/&Live",
        "attention.toggle_pictures",
        "Shift+T",
        tip="Show activations, samples and curves on the nodes while training",
        checked=lambda workspace: bool(workspace.preferences.get("show_thumbnails")),
    ),
    _a(
        "live.dead",
        "&Dead units",
        "&View/&Live",
        "attention.toggle_dead_units",
        "Shift+D",
        tip="Show on activations how many of their units are 0, or saturated, for all samples",
        checked=lambda workspace: bool(workspace.preferences.get("show_dead_units")),
    ),
    _a(
        "live.flow",
        "&Gradient flow",
        "&View/&Live",
        "attention.toggle_gradient_flow",
        "Shift+G",
        tip="Colour links by the size of the gradient that flows back through them while training",
        checked=lambda workspace: bool(workspace.preferences.get("show_gradient_flow")),
    ),
)

_GRAPH = (
    _a(
        "graph.add",
        "&Add a layer…",
        "&Graph",
        "canvas.add_layer",
        "Tab",
        icon="search",
        tip="Search for a layer and place it",
    ),
    _a(
        "graph.find",
        "&Search the palette",
        "&Graph",
        "window.focus_palette",
        "Ctrl+Shift+F",
        tip="Go to the palette's search",
    ),
    _a(
        "graph.bypass",
        "&Bypass",
        "&Graph",
        "canvas.bypass",
        "M",
        enabled=_selected,
        tip="Leave the selected layers out, their input handed on; or use them again",
    ),
    _a(
        "graph.trust",
        "Review and &trust Python…",
        "&Graph",
        "trust.review",
        icon="code",
        tip="Look at the Python that this project holds and let it run",
        enabled=lambda workspace: any(problem.action == TRUST for problem in workspace.problems),
    ),
    _a(
        "graph.next_problem",
        "Next &problem",
        "&Graph",
        "window.next_problem",
        "F8",
        icon="error",
        enabled=_troubled,
    ),
)

_BLOCK = (
    _a(
        "block.make",
        "&Make a block",
        "&Block",
        "blocks.make_selected",
        "Ctrl+G",
        enabled=_selected,
        tip="Make a block of the selected layers",
    ),
    _a(
        "block.dissolve",
        "&Dissolve",
        "&Block",
        "blocks.dissolve_selected",
        "Ctrl+Shift+G",
        enabled=_on_block,
        tip="Put the layers of the selected blocks in their place",
    ),
    _a("block.enter", "&Enter", "&Block", "canvas.enter_block", "Return", enabled=_on_block, line=True),
    _a("block.leave", "Lea&ve", "&Block", "canvas.leave_block", "Backspace", enabled=_in_block),
    _a(
        "block.unique",
        "Make &unique",
        "&Block",
        "blocks.make_selected_unique",
        enabled=_on_block,
        line=True,
        tip="Give the selected block a definition of its own",
    ),
    _a(
        "block.save",
        "&Save to library",
        "&Block",
        "blocks.save_selected",
        enabled=lambda workspace: _on_block(workspace) or _in_block(workspace),
        tip="Keep the block for other projects",
    ),
    _a("block.library", "Open the &library's folder", "&Block", "window.open_library"),
    _a(
        "block.share",
        "Share &weights",
        "&Block",
        "blocks.share_selected",
        enabled=_selected,
        line=True,
        tip="Let the selected layers or blocks use the weights of the first; one alone gets its own again",
    ),
)

_TRAIN = (
    _a(
        "train.train",
        "&Train",
        "&Train",
        "training.train_or_pause",
        "F5",
        icon="play",
        enabled=lambda workspace: _drawn(workspace) or _active(workspace),
    ),
    _a("train.step", "&Step one batch", "&Train", "training.step_batch", "F10", icon="step", enabled=_drawn),
    _a("train.step_epoch", "Step one &epoch", "&Train", "training.step_epoch", "Shift+F10", enabled=_drawn),
    _a("train.stop", "St&op and save", "&Train", "workspace.stop", "Shift+F5", icon="stop", enabled=_active),
    _a("train.device", "&Device", "&Train", "menu.device", line=True, enabled=_idle),
)

_EXPORT = (
    *(
        _a(
            f"export.{form.key}",
            f"{title}…",
            "E&xport",
            f"exports.{form.key}",
            *keys,
            icon="code" if form.key == "python" else "",
            enabled=_drawn,
            tip=form.summary,
        )
        for form, (title, *keys) in zip(FORMATS.values(), _FORMAT_ENTRIES, strict=True)
    ),
    _a(
        "export.picture",
        "P&icture of the network…",
        "E&xport",
        "exports.picture",
        "Ctrl+Alt+P",
        enabled=_drawn,
        tip="PNG, SVG or PDF of the whole network",
        line=True,
    ),
)

_HELP = (
    _a(
        "help.layer",
        "&What this layer does",
        "&Help",
        "help.explain_layer",
        "Shift+F1",
        tip="Words, formula, ports and settings of the selected layer",
    ),
    _a("help.shortcuts", "&Keyboard shortcuts", "&Help", "window.show_shortcuts", "F1", icon="help"),
    _a("help.about", "&About NetBuilder", "&Help", "window.show_about", icon="info"),
)

ACTIONS: tuple[ActionSpec, ...] = (
    *_FILE,
    *_VERSIONS,
    *_PROGRAM,
    *_EDIT,
    *_VALUES,
    *_SELECT,
    *_VIEW,
    *_FIND,
    *_LIVE,
    *_GRAPH,
    *_LAYOUT,
    *_FRAMES,
    *_ALIGN,
    *_BLOCK,
    *_TRAIN,
    *_EXPORT,
    *_HELP,
)
"""Every action, in the order of the menus."""

BY_ID: Mapping[str, ActionSpec] = {spec.id: spec for spec in ACTIONS}


def refusal(spec: ActionSpec) -> str:
    """Say why an action cannot be used now."""
    return _REASONS.get(spec.enabled, "not possible now")
