"""The View menu: what is seen of the network, live pictures, panels."""

from __future__ import annotations

from netbuilder.ui.action_spec import ActionSpec, action, has_selection, is_seen, prefers

VIEW: tuple[ActionSpec, ...] = (
    action("view.fit", "&Fit the network", "&View", "views.fit_all", "Home", icon="fit", enabled=is_seen),
    action("view.fit_selection", "Fit the &selection", "&View", "views.fit_selection", "F", enabled=has_selection),
    action("view.zoom_in", "Zoom &in", "&View", "canvas.zoom_in", "Ctrl++", "Ctrl+=", icon="zoom-in"),
    action("view.zoom_out", "Zoom &out", "&View", "canvas.zoom_out", "Ctrl+-", icon="zoom-out"),
    action("view.actual_size", "&Actual size", "&View", "views.actual_size", "Ctrl+0"),
    action(
        "view.minimap",
        "O&verview",
        "&View",
        "views.toggle_minimap",
        tip="Show the whole network in the canvas's corner, where there is more than can be seen",
        checked=prefers("show_minimap"),
        line=True,
    ),
    action(
        "view.dots",
        "&Grid dots",
        "&View",
        "views.toggle_dots",
        tip="Show the grid behind the network",
        checked=prefers("show_dots"),
    ),
    action("view.theme", "&Theme", "&View", "menu.theme", line=True),
    action("view.panels", "&Panels", "&View", "menu.panels"),
    action(
        "view.detach",
        "&Detach the panel",
        "&View",
        "detaching.toggle",
        "Ctrl+Alt+D",
        tip="Make the panel in use a window of its own, or put it back",
    ),
    action(
        "view.unlock",
        "&Rearrange panels",
        "&View",
        "window.toggle_titles",
        tip="Show the panels' title bars, by which they can be moved",
    ),
    action(
        "view.next_area",
        "Go to the ne&xt part of the window",
        "&View",
        "areas.next",
        "F6",
        tip="From the canvas to the inspector, the panel below, the layers and the toolbar, and round again",
    ),
    action("view.previous_area", "Go to the previous part of the &window", "&View", "areas.previous", "Shift+F6"),
    action("view.full_screen", "F&ull screen", "&View", "window.toggle_full_screen", "F11"),
)

LIVE: tuple[ActionSpec, ...] = (
    action(
        "live.pictures",
        "&Pictures",
        "&View/&Live",
        "attention.toggle_pictures",
        "Shift+T",
        tip="Show activations, samples and curves on the nodes while training",
        checked=prefers("show_thumbnails"),
    ),
    action(
        "live.dead",
        "&Dead units",
        "&View/&Live",
        "attention.toggle_dead_units",
        "Shift+D",
        tip="Show on activations how many of their units are 0, or saturated, for all samples",
        checked=prefers("show_dead_units"),
    ),
    action(
        "live.flow",
        "&Gradient flow",
        "&View/&Live",
        "attention.toggle_gradient_flow",
        "Shift+G",
        tip="Colour links by the size of the gradient that flows back through them while training",
        checked=prefers("show_gradient_flow"),
    ),
    action(
        "live.profile",
        "&Measured times",
        "&View/&Live",
        "attention.toggle_profile",
        "Shift+M",
        tip="Show on nodes how long they took once the network was profiled",
        checked=prefers("show_profile"),
    ),
)
