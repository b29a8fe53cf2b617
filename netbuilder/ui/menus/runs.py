"""The submenu of runs in the Train menu; the Runs panel offers the same on its rows."""

from __future__ import annotations

from typing import Final

from netbuilder.ui.action_spec import ActionSpec, action, can_go_on, has_chosen_runs, has_run, has_two_runs

MENU: Final = "&Train/&Runs"
"""Whatever stands in this menu is offered on the rows of the Runs panel, too."""

EXPORT_MENU: Final = "E&xport/&Runs"


RUNS: tuple[ActionSpec, ...] = (
    action(
        "runs.open",
        "&Open as project",
        MENU,
        "runs.open",
        enabled=has_run,
        tip="Open what the selected run trained as a new project that starts from its best weights",
    ),
    action(
        "runs.look_back",
        "Look &back at it",
        MENU,
        "runs.look_back",
        enabled=can_go_on,
        tip="Show the selected run's curves, pictures and kept moments, as right after its end",
    ),
    action(
        "runs.go_on",
        "&Go on with it…",
        MENU,
        "going_on.show_selected",
        enabled=can_go_on,
        tip="Let the selected run go on from where it stopped, or train it for more epochs",
    ),
    action(
        "runs.start_from",
        "&Start from its weights",
        MENU,
        "runs.start_from",
        enabled=has_run,
        tip="Let the next training of this project start from the selected run's best weights",
    ),
    action(
        "runs.compare",
        "&Compare two runs…",
        MENU,
        "runs.compare",
        enabled=has_two_runs,
        tip="Networks, settings, results and curves of the two selected runs, side by side",
    ),
    action(
        "runs.plot",
        "Compare on &axes",
        MENU,
        "runs.show_plot",
        tip="All runs on parallel axes, or two of their values against each other",
    ),
    action(
        "runs.overlay",
        "&Lay curves over",
        MENU,
        "runs.toggle_overlay",
        enabled=has_chosen_runs,
        tip="Draw the selected runs' curves with the current one's",
        line=True,
    ),
    action(
        "runs.pin",
        "&Pin or unpin",
        MENU,
        "runs.toggle_pin",
        enabled=has_chosen_runs,
        tip="Keep it at the head of the table",
    ),
    action("runs.rename", "&Rename…", MENU, "runs.rename", enabled=has_run),
    action(
        "runs.tag", "Add a &tag…", MENU, "runs.tag", enabled=has_chosen_runs, tip="A word to find the selected runs by"
    ),
    action("runs.folder", "Show its &folder", MENU, "runs.show_folder", enabled=has_run, tip="Where its weights lie"),
    action("runs.delete", "&Delete…", MENU, "runs.delete", enabled=has_chosen_runs, icon="delete", line=True),
    action(
        "runs.clear_snapshots",
        "Remove s&napshots…",
        MENU,
        "runs.clear_snapshots",
        tip="Free the space of the selected runs' snapshots, or of all runs that are not pinned",
    ),
    action(
        "runs.empty_trash",
        "&Empty the trash",
        MENU,
        "runs.empty_trash",
        tip="Delete for good what was deleted from the table, and free its space",
    ),
    action(
        "runs.table",
        "&Table of runs (CSV)…",
        EXPORT_MENU,
        "runs.export_table",
        tip="A line a run: settings, results, what you say of it",
    ),
    action(
        "runs.curves",
        "&Curves of the selected run (CSV)…",
        EXPORT_MENU,
        "runs.export_curves",
        enabled=has_run,
        tip="A line a step, a column a curve",
    ),
    action(
        "runs.tensorboard",
        "For Tensor&Board…",
        EXPORT_MENU,
        "runs.export_tensorboard",
        tip="Event files of the selected runs, or of all",
    ),
)
