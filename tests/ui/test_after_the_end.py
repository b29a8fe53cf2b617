"""After a training: the window's workspace still shows any node and sample of the network that was trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.foundation.preferences import Preferences
from netbuilder.training.protocol import PictureKind, State
from netbuilder.ui.workspace import Workspace
from tests.builders import tiny_cnn

MINUTE = 60_000


@pytest.fixture
def trained(qtbot: QtBot) -> Iterator[Workspace]:
    """A workspace whose training has just ended, and whose timer rests."""
    workspace = Workspace(Preferences())
    made = tiny_cnn(4)
    workspace.open_unsaved(replace(made, plan=replace(made.plan, epochs=1)))
    workspace.torch_loaded()
    workspace.select(("stem",))
    workspace.control.train()
    qtbot.waitUntil(lambda: workspace.state is State.ENDED and not workspace.trainer._timer.isActive(), timeout=MINUTE)
    yield workspace
    workspace.trainer.forget()
    assert workspace.trainer.wait(60)


def _rests(workspace: Workspace) -> bool:
    return not workspace.trainer._timer.isActive()


def test_selecting_another_node_draws_it(trained: Workspace, qtbot: QtBot) -> None:
    assert (PictureKind.MAPS, "conv") not in trained.pictures
    trained.select(("conv",))
    qtbot.waitUntil(lambda: (PictureKind.MAPS, "conv") in trained.pictures, timeout=MINUTE)
    assert (PictureKind.KERNELS, "conv") in trained.pictures
    qtbot.waitUntil(lambda: _rests(trained), timeout=MINUTE)
    assert trained.state is State.ENDED


def test_choosing_another_sample_draws_it(trained: Workspace, qtbot: QtBot) -> None:
    trained.control.watch(("stem",), 7)
    qtbot.waitUntil(lambda: trained.pictures[PictureKind.MAPS, "stem"].sample == 7, timeout=MINUTE)
    assert trained.pictures[PictureKind.THUMBS, "conv"].sample == 7
    qtbot.waitUntil(lambda: _rests(trained), timeout=MINUTE)
    assert not [event for event in trained.events if "ignored" in event.text]


def test_another_document_forgets_the_network(trained: Workspace) -> None:
    trained.select(("conv",))
    trained.new()
    assert trained.state is State.IDLE
    assert trained.pictures == {}
    assert _rests(trained)
    assert trained.trainer.wait(60)
    assert not trained.trainer.can_watch
