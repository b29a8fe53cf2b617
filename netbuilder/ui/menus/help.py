"""The Help menu."""

from __future__ import annotations

from netbuilder.ui.action_spec import ActionSpec, action

HELP: tuple[ActionSpec, ...] = (
    action(
        "help.layer",
        "&What this layer does",
        "&Help",
        "help.explain_layer",
        "Shift+F1",
        tip="Words, formula, ports and settings of the selected layer",
    ),
    action("help.shortcuts", "&Keyboard shortcuts", "&Help", "window.show_shortcuts", "F1", icon="help"),
    action("help.about", "&About NetBuilder", "&Help", "window.show_about", icon="info"),
)
