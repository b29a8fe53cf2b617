"""Large networks on the canvas: far away, and after edits that change little of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint

from netbuilder.compiler.meta import warm_up
from netbuilder.document import edits
from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.content import MANY, Content
from netbuilder.ui.canvas.drawing import FAR
from netbuilder.ui.canvas.faces import Links
from tests.benchmarks.large_networks import network
from tests.ui.canvas.conftest import LINEAR


def test_far_away_a_press_means_the_node_and_not_its_ports(view, hands, workspace):
    """All of a small card is within reach of its ports, which are not drawn there."""
    view.zoom_to(FAR * 0.6)
    before, links = workspace.document.layout.places[LINEAR], workspace.document.graph.edges
    rect = view.node_rect(LINEAR)
    start = QPoint(round(rect.left() + 2), round(rect.center().y()))
    hands.drag(start, start + QPoint(20, 20))
    assert workspace.document.layout.places[LINEAR] != before
    assert workspace.document.graph.edges == links
    workspace.undo()
    assert workspace.document.layout.places[LINEAR] == before


def test_ports_can_be_taken_as_soon_as_they_are_drawn(view):
    view.zoom_to(1.0)
    x, y = view.content.port_place(PortRef(LINEAR, "y"), False)
    assert view.port_near(x, y, 8.0) == (PortRef(LINEAR, "y"), False)
    view.zoom_to(FAR * 0.6)
    assert view.port_near(x, y, 8.0) is None


def check(content: Content, declarations) -> None:
    """Compare what followed edits with what is made anew."""
    anew = Content(declarations)
    anew.show(content.document, content._knowledge)
    assert content.faces == anew.faces
    assert content.arrays.ids == anew.arrays.ids
    assert content.arrays.wires == anew.arrays.wires
    for name in ("rects", "ends"):
        assert np.array_equal(getattr(content.arrays, name), getattr(anew.arrays, name)), name
    content.arrays.find_ways()  # which lanes links have depends on what was there before; where they run does not
    curves, boxes = content.arrays.curves_of(np.arange(len(anew.arrays.wires))), content.arrays.boxes[:, None]
    assert (curves >= boxes[..., :2] - 1e-6).all()
    assert (curves <= boxes[..., 2:] + 1e-6).all()


@pytest.mark.parametrize("count", [60, 300])
def test_links_follow_any_edit_as_if_made_anew(view, workspace, count):
    workspace.open_unsaved(network(count))
    node, follower = "n00000010", "n00000011"
    for change in (
        lambda document: edits.disconnect(document, PortRef(follower, "b")),
        lambda document: edits.connect(document, PortRef(follower, "b"), PortRef("n00000004", "y")),
        lambda document: edits.set_parameters(document, follower, {"inputs": 2}),
        lambda document: edits.insert_layer(document, node, "x", "relu", {}),
        lambda document: edits.remove_and_heal(document, [node]),
        lambda document: edits.duplicate(document, ["n00000020", "n00000021"]),
    ):
        workspace.edit("Edit", change)
        check(view.content, view.declarations)
        workspace.undo()
        check(view.content, view.declarations)
        workspace.redo()
        check(view.content, view.declarations)


def test_counted_links_follow_an_edit():
    document = network(60)
    after = edits.remove_and_heal(edits.disconnect(document, PortRef("n00000011", "b")), ["n00000020"])
    links = Links.of(document.graph).after(document.graph, after.graph)
    anew = Links.of(after.graph)
    assert {id: each for id, each in links.inputs.items() if each} == anew.inputs
    assert {id: each for id, each in links.outputs.items() if each} == anew.outputs


def test_of_many_nodes_those_in_view_are_looked_at_first(view, workspace, qtbot):
    """Half of a network loses its shapes: what is seen tells at once, the rest while nobody waits."""
    warm_up()
    workspace.torch_loaded()  # without it there are no shapes, unless another test has imported it
    workspace.open_unsaved(network(1000))
    qtbot.waitUntil(lambda: workspace.is_settled and not view.content.late, timeout=60_000)
    view.views.actual_size()
    arrays = view.content.arrays
    seen = {arrays.ids[row] for row in arrays.nodes_in(*view.shown_area())}
    known = replace(view.knowledge, pending=frozenset(workspace.document.graph.nodes))
    changed = view.content.look_again(known, seen)
    assert changed == seen
    assert 0 < len(seen) < MANY < len(view.content.late)
    left = set(view.content.late)
    assert view.content.look_late() <= left
    assert len(view.content.late) == len(left) - MANY
    while view.content.late:
        view.content.look_late()
    check(view.content, workspace.vocabulary)
