"""Choosing along the links, aligning, distributing, snapping."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.arrays import CanvasArrays, Wire
from netbuilder.ui.canvas.guides import snap
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LINEAR, LOSS, RELU, move_pointer
from tests.ui.canvas.gestures import ALT, undoes

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.mark.parametrize(
    ("chosen", "how", "expected"),
    [
        ({LINEAR}, "downstream", {LINEAR, RELU}),
        ({DIGITS}, "downstream", {DIGITS, LINEAR, RELU, LOSS}),
        ({RELU}, "upstream", {DIGITS, LINEAR, RELU}),
        ({LOSS}, "upstream", {DIGITS, LOSS}),
        ({LINEAR}, "grow", {DIGITS, LINEAR, RELU}),
        ({DIGITS, LINEAR, RELU}, "shrink", {LINEAR, RELU}),
        ({LINEAR, DROPOUT}, "inverse", {DIGITS, RELU, LOSS}),
        ({LINEAR}, "same_type", {LINEAR}),
    ],
)
def test_choosing(view, workspace, chosen, how, expected):
    workspace.select(chosen)
    before = workspace.document
    getattr(view.choosing, how)()
    assert workspace.selection == expected
    assert workspace.document == before


def test_all_of_a_type_are_chosen(view, workspace):
    workspace.select((RELU,))
    view.selected.duplicate()
    (copy,) = workspace.selection
    view.choosing.same_type()
    assert workspace.selection == {RELU, copy}


def edges(view, node: str) -> tuple[float, float, float, float]:
    x, y, width, height = view.content.arrays.rect(node)
    return x, y, x + width, y + height


@pytest.mark.parametrize(
    ("how", "value"),
    [
        ("left", lambda e: e[0]),
        ("right", lambda e: e[2]),
        ("top", lambda e: e[1]),
        ("bottom", lambda e: e[3]),
        ("centers", lambda e: (e[0] + e[2]) / 2),
        ("middles", lambda e: (e[1] + e[3]) / 2),
    ],
)
def test_aligning(view, workspace, how, value):
    workspace.select((LINEAR, RELU, LOSS))
    before = workspace.document
    getattr(view.aligning, how)()
    values = [value(edges(view, node)) for node in (LINEAR, RELU, LOSS)]
    assert max(values) - min(values) <= 1.0, "places are whole numbers"
    assert workspace.history.undo_title == "Align 3 nodes"
    assert view.content.arrays.rect(DROPOUT)[:2] == tuple(before.layout.places[DROPOUT])
    undoes(workspace, before)


@pytest.mark.parametrize(("how", "axis"), [("distribute_across", 0), ("distribute_down", 1)])
def test_distributing(view, workspace, how, axis):
    chosen = (DIGITS, LINEAR, LOSS, DROPOUT)
    workspace.select(chosen)
    before = workspace.document
    getattr(view.aligning, how)()
    spans = sorted((edges(view, node)[axis], edges(view, node)[axis + 2]) for node in chosen)
    spans.sort(key=sum)
    gaps = [after[0] - before_[1] for before_, after in pairwise(spans)]
    assert max(gaps) - min(gaps) <= 2.0
    undoes(workspace, before)


def test_one_node_is_aligned_with_nothing(view, workspace):
    workspace.select((LINEAR,))
    before = workspace.document
    view.aligning.left()
    view.aligning.distribute_across()
    assert workspace.document == before


# Guides --------------------------------------------------------------------------------------------------------------


def two_nodes(second: tuple[float, float]) -> CanvasArrays:
    arrays = CanvasArrays()
    arrays.set_nodes({"a": (0, 0, 100, 80), "b": (*second, 100, 80), "c": (900, 900, 50, 50)})
    arrays.set_wires([Wire(PortRef("b", "x"), PortRef("a", "y"), 60.0, 40.0)])
    return arrays


def test_nodes_snap_where_a_link_becomes_level():
    arrays = two_nodes((300, 0))
    found = snap(arrays, np.array([1]), np.array([0.0, -17.0]), np.array([0, 2]), 6.0)
    assert found.dy == pytest.approx(-3.0), "from 17 above to 20 above, where port meets port"
    assert found.dx is None
    assert found.guides == ()


def test_the_source_of_a_link_snaps_as_well():
    arrays = two_nodes((300, 0))
    found = snap(arrays, np.array([0]), np.array([0.0, 17.0]), np.array([1, 2]), 6.0)
    assert found.dy == pytest.approx(3.0)


def test_nodes_snap_to_edges_and_middles_with_a_guide():
    arrays = two_nodes((300, 300))
    found = snap(arrays, np.array([1]), np.array([-297.0, 0.0]), np.array([0, 2]), 6.0)
    assert found.dx == pytest.approx(-3.0)
    (guide,) = found.guides
    assert (guide.is_upright, guide.at, guide.start, guide.end) == (True, 0.0, 0.0, 380.0)
    assert found.dy is None


def test_nothing_snaps_beyond_its_reach():
    arrays = two_nodes((300, 300))
    found = snap(arrays, np.array([1]), np.array([-290.0, 0.0]), np.array([0, 2]), 6.0)
    assert (found.dx, found.dy, found.guides) == (None, None, ())
    assert snap(arrays, np.array([2]), np.zeros(2), np.array([], dtype=int), 6.0).dx is None


def carry(hands, node: str, by: QPoint, modifiers=NONE) -> None:
    start = hands.header(node)
    hands.drag(start, start + by, release=False)
    move_pointer(hands.view, start + by, LEFT, modifiers)
    QTest.mouseRelease(hands.view, LEFT, modifiers, start + by)


def test_a_dragged_node_straightens_its_link(hands, view, workspace):
    before = workspace.document
    carry(hands, RELU, QPoint(70, 3))
    ports = [view.content.port_place(PortRef(LINEAR, "y"), False), view.content.port_place(PortRef(RELU, "x"), True)]
    assert ports[0][1] == ports[1][1]
    undoes(workspace, before)


def test_alt_and_the_switch_keep_nodes_from_snapping(hands, view, workspace):
    carry(hands, RELU, QPoint(70, 3), ALT)
    free = workspace.document.layout.places[RELU]
    assert free.y == pytest.approx(3 / view.camera.zoom, abs=1)
    workspace.undo()
    view.toggle_snaps()
    assert not view.snaps
    carry(hands, RELU, QPoint(70, 3))
    assert workspace.document.layout.places[RELU].y == 4.0, "the grid alone"


def test_guides_are_drawn_while_dragging_and_gone_after(hands, view, workspace):
    start = hands.header(DROPOUT)
    hands.drag(start, start + QPoint(1, 40), release=False)
    assert [guide.is_upright for guide in view.hand.gesture._guides] == [True]
    drawn = view.grab().toImage()
    QTest.mouseRelease(view, LEFT, NONE, start + QPoint(1, 40))
    assert view.hand.gesture is None
    assert view.grab().toImage() != drawn
