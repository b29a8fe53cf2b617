"""Where the actions of the menus lead: the names in the action table, and the objects that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from netbuilder.ui.areas import Areas
from netbuilder.ui.balance_actions import BalanceActions
from netbuilder.ui.experiment_actions import ExperimentActions
from netbuilder.ui.export_actions import ExportActions
from netbuilder.ui.help_actions import HelpActions
from netbuilder.ui.layer_rate_actions import LayerRateActions
from netbuilder.ui.run_actions import RunActions
from netbuilder.ui.training_actions import TrainingActions
from netbuilder.ui.trial_actions import TrialActions
from netbuilder.ui.trust_actions import TrustActions

if TYPE_CHECKING:
    from netbuilder.ui.window import MainWindow


def find_targets(window: MainWindow) -> dict[str, Callable[[], object]]:
    """Return what each name in the action table stands for.

    Args:
        window: Whose actions they are. What it lacks before it is furnished is made when an action asks for it.
    """
    training = TrainingActions(window.workspace, lambda key: window.docks.show(key))
    exports, trust = ExportActions(window), TrustActions(window)
    help, trial, experiments = HelpActions(window), TrialActions(window), ExperimentActions(window)
    runs, areas = RunActions(window), Areas(window.areas_in_sight)
    balance, rates = BalanceActions(window), LayerRateActions(window)
    return {
        "window": lambda: window,
        "files": lambda: window.files,
        "workspace": lambda: window.workspace,
        "control": lambda: window.workspace.control,
        "canvas": window.canvas_in_sight,
        "blocks": lambda: window.canvas_in_sight().blocks,
        "selected": lambda: window.canvas_in_sight().selected,
        "replacing": lambda: window.canvas_in_sight().replacing,
        "frames": lambda: window.canvas_in_sight().frames,
        "choosing": lambda: window.canvas_in_sight().choosing,
        "aligning": lambda: window.canvas_in_sight().aligning,
        "arranging": lambda: window.canvas_in_sight().arranging,
        "views": lambda: window.canvas_in_sight().views,
        "values": lambda: window.canvas_in_sight().values,
        "find": lambda: window.canvas_in_sight().find_bar,
        "link_keys": lambda: window.canvas_in_sight().link_keys,
        "attention": lambda: window.canvas.attention,
        "training": lambda: training,
        "areas": lambda: areas,
        "detaching": lambda: window.docks.detaching,
        "trial": lambda: trial,
        "past": lambda: window.workspace.past,
        "experiments": lambda: experiments,
        "going_on": lambda: window.going_on,
        "balance": lambda: balance,
        "rates": lambda: rates,
        "exports": lambda: exports,
        "trust": lambda: trust,
        "help": lambda: help,
        "runs": lambda: runs,
        "imports": lambda: window.imports,
        "versions": lambda: window.versions,
        "recovery": lambda: window.recovery,
    }
