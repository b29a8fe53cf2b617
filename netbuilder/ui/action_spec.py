"""What an action is, and when it can be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from netbuilder.document.blocks import definition_of
from netbuilder.document.kinds import data_nodes
from netbuilder.training.protocol import State
from netbuilder.ui.workspace import Workspace

Predicate = Callable[[Workspace], bool]


def always(_: Workspace) -> bool:
    """Every time."""
    return True


def is_idle(workspace: Workspace) -> bool:
    """No run is in progress."""
    return not workspace.state.is_active


def is_active(workspace: Workspace) -> bool:
    """A run is in progress and not about to end."""
    return workspace.state.is_active and workspace.state is not State.STOPPING


def can_train(workspace: Workspace) -> bool:
    """A run can be started, paused or gone on with."""
    if workspace.state in (State.RUNNING, State.PAUSED):
        return True
    return is_ready(workspace)


def can_step(workspace: Workspace) -> bool:
    """The network has layers, and no run is about to end."""
    return is_drawn(workspace) and workspace.state is not State.STOPPING


def has_selection(workspace: Workspace) -> bool:
    """Layers are selected."""
    return bool(workspace.selection)


def has_chosen(workspace: Workspace) -> bool:
    """Layers or frames are selected."""
    return bool(workspace.selection or workspace.selected_frames)


def has_several(workspace: Workspace) -> bool:
    """At least two layers are selected."""
    return len(workspace.selection) > 1


def has_deletable(workspace: Workspace) -> bool:
    """Something that can be deleted is selected."""
    return has_chosen(workspace) or workspace.selected_link is not None


def has_one(workspace: Workspace) -> bool:
    """Exactly one layer is selected."""
    return len(workspace.selection) == 1


def is_on_link(workspace: Workspace) -> bool:
    """A link is selected."""
    return workspace.selected_link is not None


def is_on_link_or_node(workspace: Workspace) -> bool:
    """A link or exactly one layer is selected."""
    return is_on_link(workspace) or has_one(workspace)


def is_drawn(workspace: Workspace) -> bool:
    """The network has layers."""
    return bool(workspace.document.graph.nodes)


def has_idle_data(workspace: Workspace) -> bool:
    """A data node feeds nothing yet."""
    graph = workspace.document.graph
    return any(all(source.node != id for source in graph.edges.values()) for id in data_nodes(graph.nodes))


def is_slowed(workspace: Workspace) -> bool:
    """Runs are not to go as fast as they can."""
    return workspace.trainer.tempo > 0


def can_be_slower(workspace: Workspace) -> bool:
    """Runs may do more than a step a second."""
    return workspace.trainer.tempo != 1


def is_ready(workspace: Workspace) -> bool:
    """The network has layers, and no run is in progress."""
    return is_drawn(workspace) and is_idle(workspace)


def can_undo(workspace: Workspace) -> bool:
    """There is something to undo."""
    return workspace.history.can_undo


def can_redo(workspace: Workspace) -> bool:
    """There is something to redo."""
    return workspace.history.can_redo


def is_troubled(workspace: Workspace) -> bool:
    """The document has problems."""
    return bool(workspace.problems)


def is_seen(workspace: Workspace) -> bool:
    """There are layers where the user stands."""
    return bool(workspace.document.scope(workspace.scope).nodes)


def is_on_block(workspace: Workspace) -> bool:
    """A block is among the selected."""
    if not workspace.document.blocks:
        return False
    nodes = workspace.document.scope(workspace.scope).nodes
    return any(definition_of(workspace.document, nodes[node]) for node in workspace.selection if node in nodes)


def is_on_one_block(workspace: Workspace) -> bool:
    """A block and nothing else is selected."""
    return has_one(workspace) and is_on_block(workspace)


def is_in_block(workspace: Workspace) -> bool:
    """The user stands in a block."""
    return bool(workspace.scope)


def prefers(name: str) -> Predicate:
    """Return whether a preference that is a switch is on."""
    return lambda workspace: bool(workspace.preferences.get(name))


def has_frames(workspace: Workspace) -> bool:
    """There are frames where the user stands."""
    return any(frame.scope == workspace.scope for frame in workspace.document.layout.frames.values())


def can_go_on(workspace: Workspace) -> bool:
    """A run of the table is selected, and none is in progress."""
    return has_run(workspace) and is_idle(workspace)


def has_run(workspace: Workspace) -> bool:
    """Exactly one run is selected in the Runs panel."""
    return len(workspace.runs.selection) == 1


def has_chosen_runs(workspace: Workspace) -> bool:
    """Runs are selected in the Runs panel."""
    return bool(workspace.runs.selection)


def has_two_runs(workspace: Workspace) -> bool:
    """Two runs are selected in the Runs panel."""
    return len(workspace.runs.selection) == 2


def can_look_back(workspace: Workspace) -> bool:
    """The run has kept moments."""
    return bool(workspace.past.moments)


def is_away(workspace: Workspace) -> bool:
    """An earlier moment is shown."""
    return workspace.past.shown is not None


def can_rewind(workspace: Workspace) -> bool:
    """An earlier moment is shown, and the run is not about to end."""
    return is_away(workspace) and workspace.state is not State.STOPPING


def can_branch(workspace: Workspace) -> bool:
    """An earlier moment of a run that is over is shown."""
    return is_away(workspace) and is_idle(workspace)


def has_waiting_edits(workspace: Workspace) -> bool:
    """The run in progress trains another network than the one shown."""
    return bool(workspace.live_edits.waiting)


def can_go_back(workspace: Workspace) -> bool:
    """The run in progress has made a change that can be taken back."""
    return workspace.live_edits.can_go_back


_REASONS: Mapping[Predicate, str] = {
    is_idle: "a run is in progress",
    is_active: "nothing is being trained",
    has_selection: "nothing is selected",
    has_chosen: "nothing is selected",
    has_several: "select several layers",
    has_deletable: "nothing is selected",
    has_one: "select one layer",
    is_on_link: "no link is selected",
    is_on_link_or_node: "select a layer or a link",
    is_drawn: "the network is empty",
    has_idle_data: "no data node is without a network",
    is_slowed: "training goes as fast as it can",
    can_be_slower: "training does one step a second",
    can_train: "the network is empty, or a run is about to begin or to end",
    can_step: "the network is empty, or a run is about to end",
    is_ready: "the network is empty, or a run is in progress",
    is_seen: "there are no layers here",
    has_frames: "there are no frames here",
    is_on_block: "no block is selected",
    is_on_one_block: "select one block",
    is_in_block: "you are not in a block",
    can_undo: "nothing to undo",
    can_redo: "nothing to redo",
    can_look_back: "the run keeps no snapshots",
    is_away: "no earlier moment is shown",
    can_rewind: "show an earlier moment",
    can_branch: "show an earlier moment, and let the run end",
    is_troubled: "there are no problems",
    can_go_on: "select one run in the Runs panel while none is in progress",
    has_run: "select one run in the Runs panel",
    has_chosen_runs: "select runs in the Runs panel",
    has_two_runs: "select two runs in the Runs panel",
    has_waiting_edits: "no edits wait for a run in progress",
    can_go_back: "the run in progress has made no change",
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
        said: What the menu says now; None for what is always called by its title.
    """

    id: str
    title: str
    menu: str
    call: str
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    tip: str = ""
    enabled: Predicate = always
    follows_line: bool = False
    checked: Predicate | None = None
    said: Callable[[Workspace], str] | None = None


def action(
    id: str,
    title: str,
    menu: str,
    call: str,
    *shortcuts: str,
    icon: str = "",
    tip: str = "",
    enabled: Predicate = always,
    line: bool = False,
    checked: Predicate | None = None,
    said: Callable[[Workspace], str] | None = None,
) -> ActionSpec:
    """Return an action as the tables of the menus write it."""
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
        said=said,
    )


def refusal(spec: ActionSpec) -> str:
    """Say why an action cannot be used now."""
    return _REASONS.get(spec.enabled, "not possible now")
