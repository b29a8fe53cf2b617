"""Automatic layout on the canvas: one entry, in the background when large, gliding, aside from what stays."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QPoint, QRectF

from netbuilder.document import edits
from netbuilder.document.layout import arrange
from netbuilder.document.model import PortRef
from netbuilder.foundation.job import Cancelled
from netbuilder.ui.canvas import arranging
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LINEAR, LOSS, RELU, add
from tests.ui.canvas.gestures import CTRL, SHIFT, Key, undoes


def rects(view) -> dict[str, QRectF]:
    return {node: QRectF(*view.content.arrays.rect(node)) for node in view.graph.nodes}


def covered(view) -> list[tuple[str, str]]:
    items = list(rects(view).items())
    return [(a, b) for i, (a, one) in enumerate(items) for b, other in items[i + 1 :] if one.intersects(other)]


@pytest.fixture
def held(monkeypatch):
    """Layouts go to the background whatever their size, and wait there until they are let go."""
    let_go = threading.Event()

    def wait(graph, sizes, job=None):
        assert job is not None, "it runs in the background"
        job.report(0.5)
        assert let_go.wait(10)
        job.report(0.9)
        return arrange(graph, sizes)

    monkeypatch.setattr(arranging, "SMALL", 0)
    monkeypatch.setattr(arranging, "arrange", wait)
    yield let_go
    let_go.set()


def test_a_large_network_is_arranged_in_the_background_in_one_entry(view, hands, workspace, qtbot, held):
    before = workspace.document
    hands.key(Key.Key_L, CTRL)
    assert view.arranging.is_busy
    assert workspace.document is before
    hands.key(Key.Key_L, CTRL)  # asked again: the one that runs is enough
    qtbot.waitUntil(lambda: view.findChild(arranging.Progress) is not None)
    held.set()
    qtbot.waitUntil(lambda: not view.arranging.is_busy)
    assert not any(bar.isVisible() for bar in view.findChildren(arranging.Progress))
    assert covered(view) == []
    undoes(workspace, before)


def test_escape_cancels_it_and_nothing_changes(view, hands, workspace, qtbot, held):
    before = workspace.document
    hands.click(hands.header(RELU))
    hands.key(Key.Key_L, CTRL)
    with qtbot.waitSignal(workspace.message) as said:
        hands.key(Key.Key_Escape)
    assert said.args == ["Arranging was cancelled"]
    assert workspace.selection == {RELU}  # Escape means the layout only
    held.set()
    assert view.arranging.stop(10)
    qtbot.wait(20)
    assert workspace.document is before


def test_a_network_that_changed_meanwhile_is_left_alone(view, hands, workspace, qtbot, held):
    hands.key(Key.Key_L, CTRL)
    workspace.edit("Delete", lambda document: edits.remove_nodes(document, nodes=(DROPOUT,)))
    changed = workspace.document
    with qtbot.waitSignal(workspace.message) as said:
        held.set()
    assert said.args == ["The network changed meanwhile and was not arranged"]
    assert workspace.document is changed


def test_a_cancelled_layout_stops_at_its_next_report(view, hands, qtbot, held, monkeypatch):
    stopped = threading.Event()

    def layout(graph, sizes, job=None):
        try:
            while True:
                job.report(0.1)
        except Cancelled:
            stopped.set()
            raise

    monkeypatch.setattr(arranging, "arrange", layout)
    hands.key(Key.Key_L, CTRL)
    hands.key(Key.Key_Escape)
    assert stopped.wait(10)
    assert view.arranging.stop(10)


def test_the_selection_keeps_its_middle_and_covers_no_other(view, hands, workspace):
    workspace.select((DIGITS, LINEAR, RELU))
    before, at = workspace.document, rects(view)
    hands.key(Key.Key_L, CTRL)
    now = rects(view)
    assert now[LOSS] == at[LOSS]
    assert now[DROPOUT] == at[DROPOUT]
    assert covered(view) == []
    undoes(workspace, before)


def test_the_selection_goes_aside_where_others_stand_in_its_middle(view, hands, workspace):
    document = add(workspace.document, "n00000006", "relu", 300, 40)  # right where the two would meet
    document = add(document, "n00000007", "relu", 150, 30)
    workspace.open_unsaved(document)
    workspace.select((LINEAR, RELU))
    hands.key(Key.Key_L, CTRL)
    assert not {pair for pair in covered(view) if {LINEAR, RELU} & set(pair)}


def test_what_follows_the_selection_is_arranged_and_the_rest_stays(view, hands, workspace):
    workspace.edit("Move", lambda document: edits.move_nodes(document, places={RELU: (90.0, 400.0)}))
    workspace.edit("Link", lambda document: edits.connect(document, PortRef(LOSS, "prediction"), PortRef(RELU, "y")))
    workspace.select((LINEAR,))
    before, at = workspace.document, rects(view)
    hands.key(Key.Key_L, CTRL | SHIFT)
    now = rects(view)
    assert [now[node] for node in (DIGITS, LINEAR, DROPOUT)] == [at[node] for node in (DIGITS, LINEAR, DROPOUT)]
    assert now[LINEAR].right() < now[RELU].left()
    assert now[RELU].right() < now[LOSS].left()
    assert covered(view) == []
    undoes(workspace, before)


def test_nothing_follows_an_end(hands, workspace, qtbot):
    workspace.select((DROPOUT,))
    before = workspace.document
    with qtbot.waitSignal(workspace.message) as said:
        hands.key(Key.Key_L, CTRL | SHIFT)
    assert said.args == ["Nothing follows the selection"]
    assert workspace.document is before


def test_nodes_glide_and_a_press_ends_it(view, hands, workspace, qtbot):
    workspace.preferences.set("reduce_motion", False)
    before, start = workspace.document, rects(view)
    hands.key(Key.Key_L, CTRL)
    after = workspace.document.layout.places
    moved = next(node for node in after if (start[node].x(), start[node].y()) != tuple(after[node]))
    assert rects(view)[moved] == start[moved]  # it sets out from where it was
    view.arranging.settle()
    assert (rects(view)[moved].x(), rects(view)[moved].y()) == tuple(after[moved])
    workspace.undo()
    assert workspace.document == before
    hands.key(Key.Key_L, CTRL)
    qtbot.waitUntil(lambda: (rects(view)[moved].x(), rects(view)[moved].y()) == tuple(after[moved]))
    workspace.undo()
    hands.key(Key.Key_L, CTRL)
    hands.click(hands.at(-200, -200))  # on nothing
    assert {node: (rect.x(), rect.y()) for node, rect in rects(view).items()} == {
        node: tuple(place) for node, place in after.items()
    }


def test_with_less_motion_nodes_jump(view, hands, workspace):
    hands.key(Key.Key_L, CTRL)
    places = workspace.document.layout.places
    assert all((rect.x(), rect.y()) == tuple(places[node]) for node, rect in rects(view).items())


def test_a_node_that_is_taken_as_it_glides_is_dropped_where_it_belongs(view, hands, workspace, qtbot):
    workspace.preferences.set("reduce_motion", False)
    workspace.preferences.set("snap_guides", False)
    hands.key(Key.Key_L, CTRL)
    at = workspace.document.layout.places[DROPOUT]
    assert view.content.arrays.rect(DROPOUT)[:2] != tuple(at)
    place = hands.at(at.x + 60, at.y + 10)
    hands.drag(place, QPoint(place.x() + 60, place.y() + 40))
    moved = workspace.document.layout.places[DROPOUT]
    zoom = view.camera.zoom
    assert moved.x == pytest.approx(at.x + 60 / zoom, abs=4)
    assert moved.y == pytest.approx(at.y + 40 / zoom, abs=4)


def test_a_node_that_is_nudged_as_it_glides_moves_from_where_it_belongs(view, hands, workspace):
    workspace.preferences.set("reduce_motion", False)
    hands.key(Key.Key_L, CTRL)
    at = workspace.document.layout.places[DROPOUT]
    workspace.select((DROPOUT,))
    hands.key(Key.Key_Right, CTRL)
    assert workspace.document.layout.places[DROPOUT] == (at.x + 8, at.y)
