"""Slowing training down: the keys go through the tempos, the toolbar says so, and later runs keep it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.foundation.preferences import Preferences
from netbuilder.training.protocol import State
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.training.documents import iris, planned


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    window.furnish()
    window.workspace.open_unsaved(planned(iris(), epochs=100_000))
    window.workspace.torch_loaded()
    qtbot.waitUntil(lambda: window.workspace.is_settled, timeout=20_000)
    yield window
    window.workspace.control.stop()
    assert window.workspace.trainer.wait(20)


def test_the_keys_go_through_the_tempos(qtbot: QtBot, window: MainWindow) -> None:
    workspace, told = window.workspace, list[str]()
    workspace.message.connect(told.append)
    slower, faster, full = (window.actions_[f"train.{name}"] for name in ("slower", "faster", "full_speed"))
    assert slower.isEnabled()
    assert not faster.isEnabled()
    for _ in range(5):
        slower.trigger()
    assert told[-1] == "Training is slowed down to 1 step a second"
    assert not slower.isEnabled()
    faster.trigger()
    assert workspace.trainer.tempo == 3
    workspace.control.train()
    qtbot.waitUntil(lambda: workspace.trainer.record.progress.step >= 2, timeout=20_000)
    qtbot.waitUntil(lambda: "slowed down" in window.toolbar.rate.text(), timeout=20_000)
    assert workspace.trainer.record.progress.step < 30
    full.trigger()
    qtbot.waitUntil(lambda: workspace.trainer.record.progress.step > 50, timeout=20_000)
    assert workspace.state is State.RUNNING
    assert "slowed" not in window.toolbar.rate.text()
