"""The table of actions: what the menus, the shortcuts, the toolbar and the list of shortcuts in Help are made of.

Each menu has a module in `netbuilder/ui/menus`.
"""

from __future__ import annotations

from collections.abc import Mapping

from netbuilder.ui.action_spec import ActionSpec
from netbuilder.ui.menus import block, edit, export, file, find, graph, help, runs, time, train, view

MENUS = ("&File", "&Edit", "&View", "&Graph", "&Block", "&Train", "E&xport", "&Help")
"""The menu bar, in order."""

ACTIONS: tuple[ActionSpec, ...] = (
    *file.FILE,
    *file.VERSIONS,
    *file.PROGRAM,
    *edit.EDIT,
    *edit.VALUES,
    *edit.SELECT,
    *view.VIEW,
    *find.FIND,
    *view.LIVE,
    *graph.GRAPH,
    *graph.LAYOUT,
    *graph.FRAMES,
    *graph.ALIGN,
    *block.BLOCK,
    *train.TRAIN,
    *runs.RUNS,
    *time.TIME,
    *export.EXPORT,
    *help.HELP,
)
"""Every action, in the order of the menus."""

BY_ID: Mapping[str, ActionSpec] = {spec.id: spec for spec in ACTIONS}
