import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.arrays import CanvasArrays, Wire
from netbuilder.ui.canvas.routing import STEPS, bend


def arrays() -> CanvasArrays:
    result = CanvasArrays()
    result.set_nodes({"a": (0, 0, 100, 60), "b": (200, 0, 100, 60), "c": (50, 30, 100, 60)})
    result.set_wires([Wire(PortRef("b", "x"), PortRef("a", "y"), 20.0, 40.0)])
    return result


def test_the_topmost_node_is_found():
    assert arrays().node_at(75, 45) == "c"
    assert arrays().node_at(10, 10) == "a"
    assert arrays().node_at(180, 200) is None
    assert arrays().node_at(-5, 10) is None
    assert arrays().node_at(-5, 10, reach=6) == "a"


def test_links_begin_and_end_at_their_ports():
    ends = arrays().ends[0]
    assert ends.tolist() == [100, 40, 200, 20]
    curve = arrays().curves_of(np.array([0]))[0]
    assert curve[0].tolist() == [100, 40]
    assert curve[-1].tolist() == [200, 20]


def test_a_link_is_found_near_its_curve_and_not_elsewhere():
    known = arrays()
    middle = known.curves_of(np.array([0]))[0][STEPS // 2]
    assert known.edge_at(*middle, reach=3) == PortRef("b", "x")
    assert known.edge_at(middle[0], middle[1] + 9, reach=3) is None


def test_links_follow_their_nodes():
    known = arrays()
    touched = known.set_corners(known.rows(["b"]), np.array([[300.0, 100.0]]))
    assert touched.tolist() == [0]
    assert known.ends[0].tolist() == [100, 40, 300, 120]
    assert known.boxes[0][2] == 300
    assert known.set_corners(known.rows(["c"]), np.array([[0.0, 0.0]])).tolist() == []


def test_links_of_unknown_nodes_are_left_out():
    known = arrays()
    known.set_wires([Wire(PortRef("b", "x"), PortRef("gone", "y"), 0, 0)])
    assert known.wires == []
    assert known.edge_at(150, 30, 50) is None


def test_bounds():
    assert arrays().bounds() == (0, 0, 300, 90)
    assert CanvasArrays().bounds() is None


@given(st.lists(st.tuples(*[st.integers(-500, 500)] * 4), min_size=1, max_size=20))
def test_rectangle_queries_agree_with_a_plain_loop(boxes):
    known = CanvasArrays()
    known.set_nodes({f"n{i}": (x, y, abs(w), abs(h)) for i, (x, y, w, h) in enumerate(boxes)})
    found = {known.ids[row] for row in known.nodes_in(-100, -100, 100, 100)}
    plain = {
        f"n{i}"
        for i, (x, y, w, h) in enumerate(boxes)
        if x <= 100 and x + abs(w) >= -100 and y <= 100 and y + abs(h) >= -100
    }
    assert found == plain


@pytest.mark.parametrize("across", [-400.0, -10.0, 0.0, 5.0, 300.0])
def test_curves_leave_and_arrive_level(across):
    curve = bend(np.array([[0.0, 0, across, 120]]))[0]
    start, end = curve[1] - curve[0], curve[-1] - curve[-2]
    assert abs(start[1]) < abs(start[0])
    assert abs(end[1]) < abs(end[0])
    assert start[0] > 0
    assert end[0] > 0
