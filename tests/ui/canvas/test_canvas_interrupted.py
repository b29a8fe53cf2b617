"""What is begun on the canvas and interrupted: by undo, by an edit made elsewhere, by what it was about being gone."""

from __future__ import annotations

from functools import partial

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from netbuilder.document import adoption, edits
from netbuilder.document.edits import appearance
from netbuilder.document.model import Place, PortRef
from netbuilder.ui.canvas.connections import Loose
from tests.ui.canvas.conftest import LINEAR, LOSS, RELU

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
TARGET = PortRef(LOSS, "target")


@pytest.mark.parametrize("take_away", ["the point", "the link", "the loss"])
def test_a_point_that_goes_while_it_is_dragged(view, workspace, take_away):
    at = Place(300.0, 200.0)
    workspace.edit("Lead", partial(edits.set_route, target=TARGET, points=(at,)))
    start = view.to_view(at.x, at.y).toPoint()
    QTest.mousePress(view, LEFT, NONE, start)
    QTest.mouseMove(view, start + QPoint(30, 20))
    assert view.hand.gesture is not None
    if take_away == "the point":
        workspace.undo()
    elif take_away == "the link":
        workspace.edit("Cut", partial(edits.disconnect, target=TARGET))
    else:
        workspace.edit("Delete", partial(edits.remove_nodes, nodes=(LOSS,)))
    assert view.hand.gesture is None
    document = workspace.document
    QTest.mouseRelease(view, LEFT, NONE, start + QPoint(30, 20))
    assert workspace.document is document
    assert TARGET not in document.layout.routes


def test_a_search_for_another_layer_closes_when_the_layer_goes(view, workspace):
    workspace.select((RELU,))
    view.replacing.ask()
    assert view.replacing.isVisible()
    workspace.edit("Rename", partial(edits.rename, node=LINEAR, label="other"))
    assert view.replacing.isVisible()
    workspace.edit("Delete", partial(edits.remove_nodes, nodes=(RELU,)))
    assert not view.replacing.isVisible()
    workspace.undo()
    assert not view.replacing.isVisible()


@pytest.mark.parametrize("onward", [True, False])
def test_a_search_for_a_layer_behind_another_closes_when_that_goes(view, workspace, onward):
    workspace.edit("Free", partial(edits.disconnect, target=PortRef(LOSS, "prediction")))
    link = Loose.begin(view.graph, (PortRef(RELU, "y"),), False)
    view.quick_add.ask(view.to_view(0.0, 0.0), link, onward=onward)
    assert view.quick_add.isVisible()
    workspace.edit("Delete", partial(edits.remove_nodes, nodes=(RELU,)))
    assert not view.quick_add.isVisible()


def test_a_search_for_a_layer_in_a_link_closes_when_the_link_goes(view, workspace):
    view.ask_layer(view.to_view(0.0, 0.0), target=TARGET)
    assert view.quick_add.isVisible()
    workspace.edit("Cut", partial(edits.disconnect, target=TARGET))
    assert not view.quick_add.isVisible()
    view.ask_layer(view.to_view(0.0, 0.0))
    workspace.undo()
    assert view.quick_add.isVisible(), "it is about nothing that could go"


@pytest.mark.parametrize("begin", ["add_note", "frame_selected"])
def test_a_frame_that_is_refused_opens_no_field(view, workspace, monkeypatch, begin):
    monkeypatch.setattr(appearance, "FRAMES", 0)
    told = []
    workspace.problemsRaised.connect(told.append)
    getattr(view.selected, begin)()
    assert len(told) == 1
    assert not view.note_editor.isVisible()
    assert not view.label_editor.isVisible()


def test_a_block_for_which_there_is_no_room_is_refused_in_words(view, workspace, monkeypatch):
    workspace.library.refresh()
    monkeypatch.setattr(adoption, "NODES", len(workspace.document.graph.nodes))
    told, before = [], workspace.document
    workspace.problemsRaised.connect(told.append)
    view.add("shipped.residual")
    workspace.select((RELU,))
    view.replacing.ask()
    view.replacing.take("shipped.residual")
    assert [problems[0].code for problems in told] == ["edit.limit"] * 2
    assert workspace.document is before


def test_a_drag_whose_release_went_elsewhere_ends_with_the_next_movement(view, workspace):
    """A question that opens meanwhile takes the release: no node may follow the mouse then."""
    before = workspace.document
    x, y, width, _ = view.content.arrays.rect(RELU)
    start = view.to_view(x + width / 2, y + 8).toPoint()
    QTest.mousePress(view, LEFT, NONE, start)
    QTest.mouseMove(view, start + QPoint(40, 30))
    assert view.hand.gesture is not None
    at = QPointF(start + QPoint(60, 50))
    none = Qt.MouseButton.NoButton
    QApplication.sendEvent(view, QMouseEvent(QEvent.Type.MouseMove, at, view.mapToGlobal(at), none, none, NONE))
    assert view.hand.gesture is None
    assert workspace.document is before
    assert tuple(view.content.arrays.rect(RELU)[:2]) == (x, y)
    QTest.mouseRelease(view, LEFT, NONE, start)
    assert workspace.document is before
