"""Large networks on the canvas: far away, and after edits that change little of them."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication

from netbuilder.compiler.meta import warm_up
from netbuilder.document import clipboard, edits
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


MUCH = [f"n{at:08x}" for at in range(8, 88)]


def paste(workspace):
    text = clipboard.copy(workspace.document, MUCH)
    workspace.edit("Paste", lambda document: clipboard.paste(document, text)[0])


def test_an_edit_of_much_is_shown_in_a_frame_of_its_own(view, workspace, qtbot):
    workspace.open_unsaved(network(600))
    renewed = []
    view.renew = lambda: renewed.append(view.content.is_behind)  # nothing is painted for the edit before
    paste(workspace)
    assert view.content.is_behind
    assert not renewed
    qtbot.waitUntil(lambda: not view.content.is_behind)
    assert renewed
    assert not any(renewed)
    assert len(view.content._faces) == len(workspace.document.graph.nodes)
    check(view.content, view.declarations)


def test_problems_wait_while_an_edit_of_much_is_shown(view, workspace, qtbot):
    warm_up()
    workspace.torch_loaded()
    workspace.open_unsaved(network(600))
    qtbot.waitUntil(lambda: workspace.is_settled, timeout=20000)
    qtbot.wait(200)  # until nothing is to be painted for what was before
    turns, real = [], workspace.analysis._turn_until
    workspace.analysis._turn_until = lambda deadline: (turns.append(view.content.is_behind), real(deadline))
    paste(workspace)
    assert not workspace.is_settled
    while view.content.is_behind:
        time.sleep(0.02)  # a machine so busy that everything is due at once
        QApplication.processEvents()
    assert not turns, "not in the frame that showed it, however late that came"
    qtbot.waitUntil(lambda: workspace.is_settled, timeout=20000)
    assert turns
    assert not any(turns)


def test_of_a_large_network_any_link_that_goes_is_shown_in_a_frame_of_its_own(view, workspace, qtbot):
    workspace.open_unsaved(network(1200))
    workspace.edit("Cut", lambda document: edits.disconnect(document, PortRef("n00000011", "b")))
    assert view.content.is_behind
    qtbot.waitUntil(lambda: not view.content.is_behind)
    check(view.content, view.declarations)
    workspace.edit("Rename", lambda document: edits.rename(document, "n00000011", "renamed"))
    assert not view.content.is_behind
    workspace.undo()
    workspace.undo()
    assert view.content.is_behind
    check(view.content, view.declarations)


def test_whoever_looks_meanwhile_sees_it_shown(view, workspace):
    workspace.open_unsaved(network(600))
    before = set(workspace.document.graph.nodes)
    for look in (
        lambda: view.content.faces,
        lambda: view.content.arrays.ids,
        lambda: view.graph.nodes,
        lambda: view.fit_all(),
        lambda: view.grab(),
    ):
        paste(workspace)
        come = workspace.document.graph.nodes.keys() - before
        workspace.select(come)
        assert view.content.is_behind
        look()
        assert not view.content.is_behind
        assert come <= view.content._faces.keys()
        assert view.selection == come
        workspace.undo()
        check(view.content, view.declarations)


def test_edits_in_a_row_are_all_shown(view, workspace):
    workspace.open_unsaved(network(600))
    paste(workspace)
    paste(workspace)
    workspace.undo()
    workspace.edit("Rename", lambda document: edits.rename(document, MUCH[0], "renamed"))
    assert not view.content.is_behind, "an edit of little is shown with it"
    check(view.content, view.declarations)
    workspace.edit("Delete", lambda document: edits.remove_nodes(document, MUCH))
    workspace.undo()
    workspace.redo()
    check(view.content, view.declarations)


def test_another_document_takes_the_place_of_an_edit_that_is_still_to_be_shown(view, workspace, qtbot):
    workspace.open_unsaved(network(600))
    paste(workspace)
    workspace.open_unsaved(network(60))
    assert not view.content.is_behind
    check(view.content, view.declarations)
    qtbot.wait(30)
    check(view.content, view.declarations)


def test_a_press_right_after_an_edit_of_much_takes_what_is_there(view, hands, workspace):
    workspace.open_unsaved(network(600))
    view.views.actual_size()
    paste(workspace)
    workspace.undo()
    assert view.content.is_behind
    node = MUCH[0]
    view.reveal(node)
    start = view.node_rect(node).topLeft().toPoint() + QPoint(40, 8)
    before = workspace.document.layout.places[node]
    hands.drag(start, start + QPoint(48, 32))
    assert workspace.document.layout.places[node] != before
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
