"""Ways around nodes: found for links that need one, kept as long as they hold, and found a few at a time."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from netbuilder.document import edits
from netbuilder.document.model import Place, PortRef
from netbuilder.ui.canvas import viewport
from netbuilder.ui.canvas.arrays import CanvasArrays, Wire
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.faces import Knowledge
from netbuilder.ui.canvas.routing import LANE, STEPS, bend
from tests.benchmarks.large_networks import network
from tests.ui.canvas.test_canvas_backing import ROUNDING, painted_anew, pixels

NODES = {"a": (0.0, 0.0, 100.0, 100.0), "b": (600.0, 0.0, 100.0, 100.0), "c": (300.0, -20.0, 100.0, 120.0)}


def drawn(nodes=NODES, heights=(50.0,)) -> CanvasArrays:
    """Return nodes, and links from "a" to "b" at some heights."""
    result = CanvasArrays()
    result.set_nodes(nodes)
    result.set_wires(Wire(PortRef("b", f"x{at}"), PortRef("a", f"y{at}"), y, y) for at, y in enumerate(heights))
    return result


def curve(arrays, row=0):
    return arrays.curves_of(np.array([row]))[0].copy()


def covered(line, rects) -> bool:
    x, y = line[:, 0, None], line[:, 1, None]
    inside = (x > rects[:, 0]) & (x < rects[:, 0] + rects[:, 2]) & (y > rects[:, 1]) & (y < rects[:, 1] + rects[:, 3])
    return bool(inside.any())


def put(arrays, places):
    """Move nodes as an edit does."""
    arrays.follow(arrays.put(list(places), places))


def place(arrays, node, x, y):
    """Move a node as an edit does."""
    put(arrays, {node: (x, y)})


def test_a_link_is_led_around_a_node_that_lies_on_it():
    arrays = drawn()
    assert covered(curve(arrays), arrays.rects[2:])
    changed, is_done = arrays.find_ways()
    assert is_done
    assert np.array_equal(changed, [bend(arrays.ends)[0], curve(arrays)])
    assert not covered(curve(arrays), arrays.rects[2:])
    assert curve(arrays)[0].tolist() == [100, 50]
    assert curve(arrays)[-1].tolist() == [600, 50]
    assert len(curve(arrays)) == STEPS + 1
    left, top, right, bottom = arrays.boxes[0]
    assert (curve(arrays) >= (left, top)).all()
    assert (curve(arrays) <= (right, bottom)).all()


def test_two_links_around_the_same_node_take_two_lanes():
    arrays = drawn(heights=(50.0, 60.0))
    arrays.find_ways()
    assert abs(curve(arrays, 0)[STEPS // 2, 1] - curve(arrays, 1)[STEPS // 2, 1]) >= LANE


def test_a_free_link_is_not_led_around_anything():
    arrays = drawn({**NODES, "c": (300.0, 400.0, 100.0, 120.0)})
    assert not len(arrays.find_ways()[0])
    assert np.array_equal(curve(arrays), bend(arrays.ends)[0])


def test_a_node_that_comes_in_between_is_avoided_and_forgotten_when_it_leaves():
    arrays = drawn({**NODES, "c": (300.0, 400.0, 100.0, 120.0)})
    arrays.find_ways()
    straight = curve(arrays)
    place(arrays, "c", 300.0, -20.0)
    assert np.array_equal(curve(arrays), straight), "it runs as before until its way is found"
    assert len(arrays.find_ways()[0]) == 2
    assert not covered(curve(arrays), arrays.rects[2:])
    place(arrays, "c", 300.0, 400.0)
    arrays.find_ways()
    assert np.array_equal(curve(arrays), straight)


def test_a_node_that_is_new_or_gone_or_grows_counts_as_well():
    arrays = drawn({node: NODES[node] for node in "ab"})
    arrays.find_ways()
    straight = curve(arrays)
    wires = {wire.target: wire for wire in arrays.wires}
    arrays.arrange_nodes("abc", {"c": (300.0, 60.0, 100.0, 120.0)})
    arrays.arrange_wires(wires, {})
    arrays.find_ways()
    assert not covered(curve(arrays), arrays.rects[2:])
    arrays.arrange_nodes("ab", {})
    arrays.arrange_wires(wires, {})
    arrays.find_ways()
    assert np.array_equal(curve(arrays), straight)

    arrays = drawn({**NODES, "c": (300.0, -20.0, 100.0, 10.0)})
    arrays.find_ways()
    arrays.resize("c", 100.0, 120.0)
    arrays.find_ways()
    assert not covered(curve(arrays), arrays.rects[2:])


def test_what_moves_as_a_whole_keeps_its_ways():
    arrays = drawn(heights=(50.0, 60.0))
    arrays.find_ways()
    before = arrays.curves_of(np.arange(2)).copy()
    put(arrays, {node: (x + 40.5, y - 60.1) for node, (x, y, *_) in NODES.items()})
    assert np.allclose(arrays.curves_of(np.arange(2)), before + np.array([40.5, -60.1]))
    assert not len(arrays.find_ways()[0])
    assert not arrays._ways.is_due.any()
    after = arrays.curves_of(np.arange(2))
    assert np.allclose(after, before + np.array([40.5, -60.1]))


def test_a_part_that_moves_keeps_its_ways_unless_it_comes_near_to_others():
    far = {f"{node}2": (x, y + 1000, *size) for node, (x, y, *size) in NODES.items()}
    arrays = drawn({**NODES, **far, "d": (300.0, 3000.0, 100.0, 100.0)})
    arrays.find_ways()
    before = curve(arrays)
    put(arrays, {node: (NODES[node][0], NODES[node][1] + 1200) for node in NODES})
    assert not len(arrays.find_ways()[0])
    assert np.allclose(curve(arrays), before + np.array([0, 1200]))
    put(arrays, {node: (NODES[node][0], NODES[node][1] + 2960) for node in NODES})
    arrays.find_ways()
    assert not covered(curve(arrays), arrays.rects[arrays.rows(["c", "d"])])


def test_links_let_a_node_pass_that_is_carried_and_avoid_it_where_it_is_dropped():
    arrays = drawn({**NODES, "c": (300.0, 400.0, 100.0, 120.0)})
    arrays.find_ways()
    straight, row = curve(arrays), arrays.rows(["c"])
    arrays.set_corners(row, np.array([[300.0, -20.0]]))
    assert not len(arrays.find_ways()[0])
    assert np.array_equal(curve(arrays), straight)
    place(arrays, "c", 300.0, -20.0)
    arrays.find_ways()
    assert not covered(curve(arrays), arrays.rects[2:])


def test_links_avoid_a_node_that_has_glided_in_between():
    arrays = drawn({**NODES, "c": (300.0, 400.0, 100.0, 120.0)})
    arrays.find_ways()
    straight, row = curve(arrays), arrays.rows(["c"])
    place(arrays, "c", 300.0, -20.0)
    for y in (400.0, 200.0, 40.0):
        arrays.set_corners(row, np.array([[300.0, y]]))
        arrays.find_ways()
        assert np.array_equal(curve(arrays), straight)
    arrays.set_corners(row, np.array([[300.0, -20.0]]))
    arrays.find_ways()
    assert not covered(curve(arrays), arrays.rects[2:])


def test_links_that_are_carried_along_find_their_ways_meanwhile():
    arrays = drawn({**NODES, "c": (300.0, 400.0, 100.0, 120.0)})
    arrays.find_ways()
    arrays.set_corners(arrays.rows("ab"), np.array([[0.0, 400.0], [600.0, 400.0]]))
    arrays.find_ways()
    assert not covered(curve(arrays), arrays.rects[2:])
    arrays.set_corners(arrays.rows("ab"), np.array([[0.0, 0.0], [600.0, 0.0]]))
    arrays.find_ways()
    assert np.array_equal(curve(arrays), bend(arrays.ends)[0])


def test_a_lane_is_not_kept_on_another():
    """A chain and its double, moved onto it: where the lanes would be one, they are found anew."""
    double = {f"{node}2": (x + 20, y + 1000, *size) for node, (x, y, *size) in NODES.items()}
    arrays = CanvasArrays()
    arrays.set_nodes(NODES | double)
    arrays.set_wires(Wire(PortRef(f"b{k}", "x"), PortRef(f"a{k}", "y"), 50.0, 50.0) for k in ("", "2"))
    arrays.find_ways()
    put(arrays, {node: (x, y - 1000) for node, (x, y, *_) in double.items()})
    arrays.find_ways()
    assert abs(curve(arrays, 0)[STEPS // 2, 1] - curve(arrays, 1)[STEPS // 2, 1]) >= LANE


def test_ways_are_found_a_few_at_a_time_and_only_in_view():
    arrays = drawn(heights=tuple(range(10, 90, 4)))
    count = len(arrays.wires)
    assert arrays.find_ways((0.0, 5000.0, 700.0, 6000.0))[1]
    assert arrays._ways.is_due.all()
    rounds, is_done = 0, False
    while not is_done:
        before = int(arrays._ways.is_due.sum())
        _, is_done = arrays.find_ways(None, until=0.0)
        assert int(arrays._ways.is_due.sum()) < before, "each call gets further"
        rounds += 1
    assert rounds >= count // 2
    lanes = sorted(curve(arrays, row)[STEPS // 2, 1] for row in range(count))
    assert min(np.diff(lanes)) >= LANE


def test_a_link_that_is_led_through_points_runs_there():
    arrays = drawn()
    arrays.set_ways({0: np.array([[350.0, 40.0]])})
    through = curve(arrays)
    changed, is_done = arrays.find_ways()
    assert is_done
    assert not len(changed)
    assert np.array_equal(curve(arrays), through)
    arrays.replace_wires(np.array([0]), arrays.wires)
    arrays.find_ways()
    assert not covered(curve(arrays), arrays.rects[2:]), "straightened, it is led around again"


@pytest.mark.parametrize("back", [True, False])
def test_far_away_only_links_back_are_asked_for(back):
    arrays = drawn({**NODES, "b": (-600.0, 400.0, 100.0, 100.0)} if back else NODES)
    changed, _ = arrays.find_ways(only_back=True)
    assert len(changed) == (2 if back else 0)


def test_moves_and_their_undoing_leave_no_link_on_a_node_that_could_be_led_around(workspace):
    """Random moves in a network: what is kept is as good as what is found anew."""
    chance, document = np.random.default_rng(3), network(60)
    content = Content(workspace.vocabulary)
    content.show(document, Knowledge())
    arrays = content.arrays
    arrays.find_ways()
    places = {node: arrays.rect(node)[:2] for node in arrays.ids}
    for _ in range(12):
        some = chance.choice(arrays.ids, size=int(chance.integers(1, 40)), replace=False).tolist()
        shift = chance.integers(-300, 300, size=2)
        put(arrays, {node: np.array(arrays.rect(node)[:2]) + shift for node in some})
        arrays.find_ways()
        anew = CanvasArrays()
        anew.set_nodes({node: arrays.rect(node) for node in arrays.ids})
        anew.set_wires(arrays.wires)
        anew.find_ways()
        assert overlaps(arrays) <= overlaps(anew) * 1.1 + 5
    put(arrays, places)
    arrays.find_ways()
    assert overlaps(arrays) == 0


def overlaps(arrays) -> int:
    """Return how many points of links lie on nodes that are not their ends."""
    found = 0
    for row, wire in enumerate(arrays.wires):
        others = np.delete(arrays.rects, [arrays.row(wire.source.node), arrays.row(wire.target.node)], axis=0)
        line = curve(arrays, row)[:, None]
        found += int(((line > others[:, :2]) & (line < others[:, :2] + others[:, 2:])).all(axis=2).any(axis=1).sum())
    return found


def are_found(view) -> bool:
    """Return whether all links in view have ways that hold."""
    arrays = view.content.arrays
    return not arrays._is_moved and not arrays._ways.is_due[arrays.edges_in(*view.shown_area())].any()


def test_a_network_that_is_opened_is_not_seen_settling(view, workspace, monkeypatch):
    monkeypatch.setattr(viewport, "_WAYS", 0.0)
    monkeypatch.setattr(viewport, "_FIRST_WAYS", 60.0)
    for _ in range(2):
        workspace.open_unsaved(network(60))
        view.repaint()
        assert are_found(view)


def test_the_frame_of_an_edit_leaves_ways_to_those_after_it(view, workspace, qtbot):
    workspace.open_unsaved(network(60))
    view.views.actual_size()
    view.repaint()
    qtbot.waitUntil(lambda: are_found(view))
    found = view.content.arrays.curves_of(np.arange(len(view.content.arrays.wires))).copy()
    workspace.edit("Move", partial(edits.move_nodes, places={"n00000003": Place(720.0, 40.0)}))
    view.repaint()
    assert not are_found(view), "its frame has enough to do"
    qtbot.waitUntil(lambda: are_found(view))
    moved = view.content.arrays.curves_of(np.arange(len(found)))
    assert not np.array_equal(moved, found)
    workspace.undo()
    qtbot.waitUntil(lambda: are_found(view))
    assert np.array_equal(view.content.arrays.curves_of(np.arange(len(found))), found), "undo brings the ways back"


def test_what_is_painted_while_ways_are_found_is_what_is_painted_anew(view, workspace, qtbot):
    workspace.open_unsaved(network(60))
    view.views.actual_size()
    view.repaint()
    qtbot.waitUntil(lambda: are_found(view))
    workspace.edit("Move", partial(edits.move_nodes, places={"n00000003": Place(720.0, 40.0)}))
    qtbot.waitUntil(lambda: are_found(view))
    shown = pixels(view).astype(int)
    assert np.abs(shown - painted_anew(view)).max() <= ROUNDING
