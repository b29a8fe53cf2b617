"""The Block menu."""

from __future__ import annotations

from netbuilder.ui.action_spec import ActionSpec, action, has_selection, is_in_block, is_on_block, is_on_one_block

BLOCK: tuple[ActionSpec, ...] = (
    action(
        "block.make",
        "&Make a block",
        "&Block",
        "blocks.make_selected",
        "Ctrl+G",
        enabled=has_selection,
        tip="Make a block of the selected layers",
    ),
    action(
        "block.dissolve",
        "&Dissolve",
        "&Block",
        "blocks.dissolve_selected",
        "Ctrl+Shift+G",
        enabled=is_on_block,
        tip="Put the layers of the selected blocks in their place",
    ),
    action("block.enter", "&Enter", "&Block", "canvas.enter_block", "Return", enabled=is_on_one_block, line=True),
    action("block.leave", "Lea&ve", "&Block", "canvas.leave_block", "Backspace", enabled=is_in_block),
    action(
        "block.unique",
        "Make &unique",
        "&Block",
        "blocks.make_selected_unique",
        enabled=is_on_block,
        line=True,
        tip="Give the selected block a definition of its own",
    ),
    action(
        "block.save",
        "&Save to library",
        "&Block",
        "blocks.save_selected",
        enabled=lambda workspace: is_on_block(workspace) or is_in_block(workspace),
        tip="Keep the block for other projects",
    ),
    action("block.library", "Open the &library's folder", "&Block", "window.open_library"),
    action(
        "block.share",
        "Share &weights",
        "&Block",
        "blocks.share_selected",
        enabled=has_selection,
        line=True,
        tip="Let the selected layers or blocks use the weights of the first; one alone gets its own again",
    ),
)
