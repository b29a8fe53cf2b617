"""The Train menu."""

from __future__ import annotations

from netbuilder.ui.action_spec import ActionSpec, action, is_active, is_drawn, is_idle, is_ready

TRAIN: tuple[ActionSpec, ...] = (
    action(
        "train.train",
        "&Train",
        "&Train",
        "training.train_or_pause",
        "F5",
        icon="play",
        enabled=lambda workspace: is_drawn(workspace) or is_active(workspace),
    ),
    action("train.step", "&Step one batch", "&Train", "training.step_batch", "F10", icon="step", enabled=is_drawn),
    action("train.step_epoch", "Step one &epoch", "&Train", "training.step_epoch", "Shift+F10", enabled=is_drawn),
    action(
        "train.profile",
        "&Profile",
        "&Train",
        "training.profile",
        "F7",
        tip="Measure how long each layer takes forward and backward; the training is not changed by it",
        enabled=is_drawn,
    ),
    action("train.stop", "St&op and save", "&Train", "workspace.stop", "Shift+F5", icon="stop", enabled=is_active),
    action(
        "train.check",
        "&Check before training",
        "&Train",
        "experiments.check",
        "Ctrl+F8",
        tip="Try the network and its data in a few short runs that change nothing",
        enabled=is_drawn,
        line=True,
    ),
    action(
        "train.find_rate",
        "Find the &learning rate…",
        "&Train",
        "experiments.find_rate",
        "Ctrl+F9",
        tip="Train shortly with ever larger learning rates, and see where the loss falls",
        enabled=is_drawn,
    ),
    action(
        "train.fastest",
        "Find the &fastest way…",
        "&Train",
        "trial.find_fastest",
        tip="Measures for some seconds how this computer trains this network fastest",
        enabled=is_ready,
    ),
    action("train.device", "&Device", "&Train", "menu.device", line=True, enabled=is_idle),
)
