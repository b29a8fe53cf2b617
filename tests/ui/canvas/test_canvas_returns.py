"""Links back to the next row: along lanes that are clear of nodes, side by side, and never far from straight ones."""

from __future__ import annotations

import numpy as np
import pytest

from netbuilder.document.layout import arrange
from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.arrays import CanvasArrays, Wire
from netbuilder.ui.canvas.returns import find_lane_back, lead_back, returning
from netbuilder.ui.canvas.routing import STEPS
from tests.document.test_topology import graph_of

ROWS = np.array([[x, y, 150.0, 100.0] for y in (0.0, 220.0) for x in (0.0, 200.0, 400.0)])
BACK = np.array([550.0, 40.0, 0.0, 260.0])  # from the end of the first row to the beginning of the second


def inside(curve, rects) -> bool:
    near, far = rects[:, None, :2] + 1.0, rects[:, None, :2] + rects[:, None, 2:] - 1.0
    return bool(((curve > near) & (curve < far)).all(axis=2).any())


def led(end, number):
    """Return the curve of one link that runs back."""
    return lead_back(end[None], np.array([find_lane_back(end, ROWS, number)]))[0]


def test_only_links_back_to_another_row_take_lanes():
    ends = np.array([BACK, [0, 0, 300, 400], [300, 0, 290, 400], [300, 0, 0, 20]], dtype=float)
    assert returning(ends).tolist() == [0]


def test_so_many_that_no_lane_would_be_left_take_none():
    assert len(returning(np.tile(BACK, (400, 1)))) == 400
    assert len(returning(np.tile(BACK, (401, 1)))) == 0


@pytest.mark.parametrize("number", range(5))
def test_the_lane_is_clear_of_nodes(number):
    curve = led(BACK, number)
    assert curve.shape == (STEPS + 1, 2)
    assert curve[0].tolist() == BACK[:2].tolist()
    assert curve[-1].tolist() == BACK[2:].tolist()
    assert not inside(curve, ROWS)
    lane = curve[STEPS // 2, 1]
    assert 100 < lane < 220


def test_links_in_one_gap_take_lanes_side_by_side():
    lanes = [led(BACK, number)[STEPS // 2, 1] for number in range(5)]
    assert np.diff(sorted(lanes)).min() > 3


def test_upwards_it_is_the_same():
    curve = led(np.array([550.0, 260.0, 0.0, 40.0]), 0)
    assert not inside(curve, ROWS)


def test_where_no_lane_is_free_there_is_none():
    wall = np.array([[-100.0, -100.0, 900.0, 600.0]])
    assert find_lane_back(BACK, wall, 0) is None


@pytest.mark.parametrize("count", [60, 900])
def test_a_folded_chain_is_never_crossed_by_its_own_links(count):
    graph = graph_of(count, {(number, number + 1) for number in range(count - 1)})
    places = arrange(graph, {})
    arrays = CanvasArrays()
    arrays.set_nodes({id: (*at, 190.0, 120.0) for id, at in places.items()})
    arrays.set_wires(
        Wire(PortRef(target.node, "x"), PortRef(source.node, "y"), 44.0, 44.0) for target, source in graph.edges.items()
    )
    arrays.find_ways()
    back = returning(arrays.ends)
    assert len(back) == len({at.y for at in places.values()}) - 1
    for row in back:
        curve = arrays.curves_of(np.array([row]))[0]
        assert not inside(curve, arrays.rects)
        left, top, right, bottom = arrays.boxes[row]
        assert (curve >= (left - 1, top - 1)).all()
        assert (curve <= (right + 1, bottom + 1)).all()


def test_links_from_one_node_share_a_lane():
    arrays = CanvasArrays()
    arrays.set_nodes({f"n{index}": rect for index, rect in enumerate(ROWS.tolist())})
    source = PortRef("n2", "y")  # the last of the first row
    arrays.set_wires(Wire(PortRef(target, "x"), source, 44.0, 44.0) for target in ("n3", "n4"))
    arrays.find_ways()
    first, second = arrays.curves_of(np.array([0, 1]))
    lane = first[STEPS // 2, 1]
    assert second[STEPS // 2, 1] == lane
    assert 100 < lane < 220
