"""The actions' table: every line works, and no two keys mean two things."""

from __future__ import annotations

from collections import Counter

import pytest
from PySide6.QtGui import QKeySequence

from netbuilder.ui.action_table import ACTIONS, MENUS
from netbuilder.ui.areas import Areas
from netbuilder.ui.balance_actions import BalanceActions
from netbuilder.ui.canvas.aligning import Aligning
from netbuilder.ui.canvas.arranging import Arranging
from netbuilder.ui.canvas.attention import Attention
from netbuilder.ui.canvas.block_commands import BlockCommands
from netbuilder.ui.canvas.choosing import Choosing
from netbuilder.ui.canvas.find_bar import FindBar
from netbuilder.ui.canvas.frame_commands import FrameCommands
from netbuilder.ui.canvas.link_keys import LinkKeys
from netbuilder.ui.canvas.replacing import Replacing
from netbuilder.ui.canvas.selection_commands import SelectionCommands
from netbuilder.ui.canvas.value_commands import ValueCommands
from netbuilder.ui.canvas.view import CanvasView
from netbuilder.ui.canvas.views import Views
from netbuilder.ui.detaching import Detaching
from netbuilder.ui.experiment_actions import ExperimentActions
from netbuilder.ui.export_actions import ExportActions
from netbuilder.ui.file_actions import FileActions
from netbuilder.ui.go_on_actions import GoOnActions
from netbuilder.ui.help_actions import HelpActions
from netbuilder.ui.import_actions import ImportActions
from netbuilder.ui.layer_rate_actions import LayerRateActions
from netbuilder.ui.recovery_actions import RecoveryActions
from netbuilder.ui.run_actions import RunActions
from netbuilder.ui.run_control import RunControl
from netbuilder.ui.time_travel import TimeTravel
from netbuilder.ui.training_actions import TrainingActions
from netbuilder.ui.trial_actions import TrialActions
from netbuilder.ui.trust_actions import TrustActions
from netbuilder.ui.version_actions import VersionActions
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace

TARGETS = {
    "window": MainWindow,
    "files": FileActions,
    "workspace": Workspace,
    "control": RunControl,
    "canvas": CanvasView,
    "training": TrainingActions,
    "areas": Areas,
    "detaching": Detaching,
    "trial": TrialActions,
    "past": TimeTravel,
    "experiments": ExperimentActions,
    "going_on": GoOnActions,
    "balance": BalanceActions,
    "rates": LayerRateActions,
    "exports": ExportActions,
    "trust": TrustActions,
    "help": HelpActions,
    "imports": ImportActions,
    "blocks": BlockCommands,
    "choosing": Choosing,
    "selected": SelectionCommands,
    "replacing": Replacing,
    "frames": FrameCommands,
    "aligning": Aligning,
    "values": ValueCommands,
    "versions": VersionActions,
    "recovery": RecoveryActions,
    "runs": RunActions,
    "find": FindBar,
    "link_keys": LinkKeys,
    "arranging": Arranging,
    "views": Views,
    "attention": Attention,
}


@pytest.mark.parametrize("spec", ACTIONS, ids=lambda spec: spec.id)
def test_every_action_calls_something_that_exists(spec) -> None:
    place, _, name = spec.call.partition(".")
    assert place == "menu" or callable(getattr(TARGETS[place], name))
    assert spec.menu.partition("/")[0] in MENUS


def test_ids_are_unique() -> None:
    assert len({spec.id for spec in ACTIONS}) == len(ACTIONS)


def test_no_key_means_two_things() -> None:
    keys = Counter(QKeySequence(keys).toString() for spec in ACTIONS for keys in spec.shortcuts)
    assert "" not in keys
    assert [key for key, count in keys.items() if count > 1] == []


def test_no_access_key_is_taken_twice_in_a_menu() -> None:
    menus = {spec.menu for spec in ACTIONS}
    for menu in menus:
        inner = [each.rpartition("/")[2] for each in menus if each.rpartition("/")[0] == menu]
        titles = [spec.title for spec in ACTIONS if spec.menu == menu] + inner
        letters = Counter(title[title.index("&") + 1].lower() for title in titles)
        assert [letter for letter, count in letters.items() if count > 1] == [], menu
    assert len({title[title.index("&") + 1] for title in MENUS}) == len(MENUS)
