"""The Time machine menu in the Train menu."""

from __future__ import annotations

from netbuilder.ui.action_spec import ActionSpec, action, can_branch, can_look_back, can_rewind, is_active, is_away

_MENU = "&Train/T&ime machine"

TIME: tuple[ActionSpec, ...] = (
    action("time.earlier", "&Earlier moment", _MENU, "past.earlier", "Alt+,", enabled=can_look_back),
    action("time.later", "&Later moment", _MENU, "past.later", "Alt+.", enabled=is_away),
    action("time.now", "&Now", _MENU, "past.return_to_now", "Alt+End", enabled=is_away),
    action(
        "time.play",
        "&Play",
        _MENU,
        "past.play_or_pause",
        "Alt+P",
        tip="Show one moment of the run after the other",
        said=lambda workspace: "Sto&p playing" if workspace.past.is_playing else "&Play",
        enabled=can_look_back,
    ),
    action(
        "time.keep",
        "&Keep this moment",
        _MENU,
        "past.keep",
        "Ctrl+Alt+K",
        tip="Keep a snapshot of the run as it is now, whatever the schedule says",
        enabled=is_active,
        line=True,
    ),
    action(
        "time.compare",
        "&Compare moments",
        _MENU,
        "training.compare_moments",
        "Ctrl+Alt+M",
        tip="Show what differs between two moments, of this run or of two runs",
    ),
    action(
        "time.go_on",
        "&Go on from here",
        _MENU,
        "past.go_on",
        tip="Train on from the moment that is shown; what came after it is kept as a run of its own",
        enabled=can_rewind,
    ),
    action(
        "time.branch",
        "&Branch a new run from here",
        _MENU,
        "past.branch",
        tip="Start a new run from the moment that is shown, with the plan as it is now",
        enabled=can_branch,
    ),
    action(
        "time.open",
        "&Open as project",
        _MENU,
        "runs.open_moment",
        tip="Open what the run trained as a new project that starts from the weights of the moment that is shown",
        enabled=can_branch,
    ),
)
