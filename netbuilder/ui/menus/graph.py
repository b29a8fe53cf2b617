"""The Graph menu: layers, layout, frames, aligning."""

from __future__ import annotations

from netbuilder.compiler.custom import TRUST
from netbuilder.ui.action_spec import (
    ActionSpec,
    action,
    has_idle_data,
    has_selection,
    has_several,
    is_seen,
    is_troubled,
    prefers,
)

GRAPH: tuple[ActionSpec, ...] = (
    action(
        "graph.add",
        "&Add a layer…",
        "&Graph",
        "canvas.add_layer",
        "Tab",
        icon="search",
        tip="Search for a layer and place it",
    ),
    action(
        "graph.find",
        "&Search the palette",
        "&Graph",
        "window.focus_palette",
        "Ctrl+Shift+F",
        tip="Go to the palette's search",
    ),
    action(
        "graph.first_network",
        "Draw a first &network",
        "&Graph",
        "files.draw_network",
        enabled=has_idle_data,
        tip="Put a small network with a fitting loss behind data that feeds nothing yet",
    ),
    action(
        "graph.replace",
        "Repla&ce by another layer…",
        "&Graph",
        "replacing.ask",
        "R",
        enabled=has_selection,
        tip="Make other layers of the selected ones; links and settings stay as far as they fit",
    ),
    action(
        "graph.bypass",
        "&Bypass",
        "&Graph",
        "selected.bypass",
        "M",
        enabled=has_selection,
        tip="Leave the selected layers out, their input handed on; or use them again",
    ),
    action(
        "graph.rate",
        "&Give a rate of their own…",
        "&Graph",
        "rates.give",
        enabled=has_selection,
        tip="Let the selected layers learn faster or slower than the others",
    ),
    action(
        "graph.trust",
        "Review and &trust Python…",
        "&Graph",
        "trust.review",
        icon="code",
        tip="Look at the Python that this project holds and let it run",
        enabled=lambda workspace: any(TRUST in problem.actions for problem in workspace.problems),
    ),
    action(
        "graph.next_problem",
        "Next &problem",
        "&Graph",
        "window.next_problem",
        "F8",
        icon="error",
        enabled=is_troubled,
    ),
)

LAYOUT: tuple[ActionSpec, ...] = (
    action(
        "graph.arrange",
        "&Arrange",
        "&Graph/A&rrange",
        "arranging.network",
        "Ctrl+L",
        icon="arrange",
        enabled=is_seen,
        tip="Lay the selected layers out from left to right; the whole network when fewer than two are selected",
    ),
    action(
        "arrange.downstream",
        "What &follows the selection",
        "&Graph/A&rrange",
        "arranging.downstream",
        "Ctrl+Shift+L",
        enabled=has_selection,
        tip="Lay out what the selected layers lead to; they and all before them stay",
    ),
    action(
        "arrange.all",
        "The &whole network",
        "&Graph/A&rrange",
        "arranging.all",
        enabled=is_seen,
        tip="Lay all layers out from left to right, whatever is selected",
    ),
)
"""Automatic layout."""

FRAMES: tuple[ActionSpec, ...] = (
    action(
        "frame.add",
        "&Frame",
        "&Graph",
        "selected.frame_selected",
        "C",
        tip="Draw a titled frame around the selected layers",
        line=True,
    ),
    action("frame.note", "Add a n&ote", "&Graph", "selected.add_note", "N", tip="Add a note in Markdown"),
)

ALIGN: tuple[ActionSpec, ...] = (
    action("align.left", "&Left edges", "&Graph/A&lign", "aligning.left", "Ctrl+Shift+Left", enabled=has_several),
    action("align.right", "&Right edges", "&Graph/A&lign", "aligning.right", "Ctrl+Shift+Right", enabled=has_several),
    action("align.top", "&Upper edges", "&Graph/A&lign", "aligning.top", "Ctrl+Shift+Up", enabled=has_several),
    action("align.bottom", "Lo&wer edges", "&Graph/A&lign", "aligning.bottom", "Ctrl+Shift+Down", enabled=has_several),
    action("align.middles", "&Middles", "&Graph/A&lign", "aligning.middles", enabled=has_several),
    action("align.centers", "&Centers", "&Graph/A&lign", "aligning.centers", enabled=has_several),
    action(
        "align.across",
        "Distribute &across",
        "&Graph/A&lign",
        "aligning.distribute_across",
        enabled=has_several,
        tip="Make the gaps from left to right equal",
        line=True,
    ),
    action(
        "align.down",
        "&Distribute down",
        "&Graph/A&lign",
        "aligning.distribute_down",
        enabled=has_several,
        tip="Make the gaps from top to bottom equal",
    ),
    action(
        "align.guides",
        "&Snap guides",
        "&Graph/A&lign",
        "canvas.toggle_snaps",
        tip="Let dragged layers line up with others and straighten links",
        checked=prefers("snap_guides"),
        line=True,
    ),
)
