"""Marks of layers that are frozen or learn at a rate of their own."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QPointF

from netbuilder.document import edits
from netbuilder.document.blocks import BLOCK
from netbuilder.document.diff import diff
from netbuilder.document.model import Document, Group, Phase, Plan, PortRef
from netbuilder.project import declarations
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.faces import Knowledge
from netbuilder.ui.canvas.geometry import MARGIN, measure
from netbuilder.ui.canvas.learning import Learning, Paces, affected
from netbuilder.ui.canvas.painting import learning_box
from netbuilder.ui.canvas.tips import tip_at
from tests.ui.canvas.conftest import DIGITS, LINEAR, LOSS, RELU, small_network

pytestmark = pytest.mark.usefixtures("qapp")


def looked_at(document: Document, path: str = "") -> Content:
    content = Content(declarations())
    content.show(document, Knowledge(paces=Paces.of(document.plan, path)))
    return content


def blocked() -> tuple[Document, str, str]:
    """Return a network whose linear layer and activation are a block; the instance's id and the definition's key."""
    document = edits.make_block(small_network(), (LINEAR, RELU), "Body", outputs=(PortRef(RELU, "y"),))
    instance = next(node for node in document.graph.nodes.values() if node.type.startswith(BLOCK))
    return document, instance.id, instance.type.removeprefix(BLOCK)


def frozen(document: Document) -> Document:
    return edits.set_parameters(document, LINEAR, {"trainable": False})


def test_layers_that_learn_like_all_others_have_no_mark():
    assert {face.learning for face in looked_at(small_network()).faces.values()} == {None}


def test_a_frozen_layer_has_a_mark_and_no_other_has():
    faces = looked_at(frozen(small_network())).faces
    assert faces[LINEAR].learning == Learning(frozen=1, layers=1)
    assert faces[LINEAR].learning.is_frozen
    assert all(faces[node].learning is None for node in (DIGITS, RELU, LOSS))


def test_a_layer_with_a_rate_of_its_own_shows_it():
    document = edits.give_rate(small_network(), (LINEAR,), 0.1)
    learning = looked_at(document).faces[LINEAR].learning
    assert (learning.mark, learning.frozen) == ("×0.1", 0)
    assert learning.words == ("Learns at 0.1 times the learning rate.",)


def test_layers_without_weights_have_no_rate_to_show():
    assert looked_at(edits.give_rate(small_network(), (RELU,), 0.1)).faces[RELU].learning is None


def test_a_layer_that_no_phase_updates_is_frozen():
    plan = Plan(phases=(Phase(groups=(Group(nodes=("another",)),)),))
    assert looked_at(replace(small_network(), plan=plan)).faces[LINEAR].learning.is_frozen


def test_of_two_phases_the_one_that_updates_it_counts():
    phases = (Phase(name="a", groups=(Group(nodes=(LINEAR,)),)), Phase(name="b", groups=(Group(nodes=("x",)),)))
    assert looked_at(replace(small_network(), plan=Plan(phases=phases))).faces[LINEAR].learning is None


def test_a_block_shows_what_is_in_it():
    document, instance, key = blocked()
    assert looked_at(document).faces[instance].learning is None
    inner = next(id for id, node in document.blocks[key].graph.nodes.items() if node.type == "linear")
    all_of_it = edits.set_parameters(document, inner, {"trainable": False}, scope=key)
    assert looked_at(all_of_it).faces[instance].learning.is_frozen
    slow = edits.give_rate(document, (inner,), 0.01)
    assert looked_at(slow).faces[instance].learning.mark == "×0.01"


def test_the_group_that_names_a_block_decides_for_what_is_in_it():
    document, instance, key = blocked()
    inner = next(id for id, node in document.blocks[key].graph.nodes.items() if node.type == "linear")
    document = edits.give_rate(edits.give_rate(document, (inner,), 0.01), (instance,), 0.5)
    assert looked_at(document).faces[instance].learning.mark == "×0.5"
    assert Paces.of(document.plan, f"{instance}/0").pace(inner) == (0.5,)


def test_a_block_that_holds_itself_ends():
    document, instance, key = blocked()
    definition = document.blocks[key]
    inner = {**definition.graph.nodes, "nffffffff": replace(document.graph.nodes[instance], id="nffffffff")}
    looped = replace(definition, graph=replace(definition.graph, nodes=inner))
    assert looked_at(replace(document, blocks={key: looped})).faces[instance].learning is None


@pytest.mark.parametrize(
    ("learning", "mark", "told"),
    [
        (Learning(frozen=1, layers=1), "", "Frozen"),
        (Learning(frozen=2, layers=5, rates=(1.0,)), "", "2 of the 5 layers"),
        (Learning(frozen=1, layers=3, rates=(0.1, 1.0)), "×0.1…1", "The rest learns at 0.1 or 1"),
        (Learning(layers=2, rates=(0.0,)), "×0", "0 times"),
    ],
)
def test_marks_are_told_in_words(learning, mark, told):
    assert learning.mark == mark
    assert told in " ".join(learning.words)


def test_the_mark_stays_within_what_is_drawn_of_a_node():
    face = looked_at(edits.give_rate(frozen(small_network()), (LINEAR,), 0.001)).faces[LINEAR]
    geometry = measure(face)
    for learning in (face.learning, Learning(1, 3, (0.00123, 123.0))):
        box = learning_box(learning, geometry)
        assert box.y + box.height < geometry.height + MARGIN
        assert 0 < box.x < box.x + box.width < geometry.width
        assert geometry.picture is None or box.y > geometry.picture.y + geometry.picture.height


def test_faces_follow_the_plan_and_what_is_in_blocks():
    old, instance, key = blocked()
    content = looked_at(old)
    inner = next(id for id, node in old.blocks[key].graph.nodes.items() if node.type == "linear")
    slow = edits.give_rate(old, (inner,), 0.1)
    changed = content.update(slow, diff(old, slow), Knowledge(paces=Paces.of(slow.plan)))
    assert instance in changed
    assert content.faces[instance].learning.mark == "×0.1"
    stays = edits.set_parameters(slow, inner, {"trainable": False}, scope=key)
    content.update(stays, diff(slow, stays), Knowledge(paces=Paces.of(slow.plan)))
    assert content.faces[instance].learning.is_frozen


def test_only_nodes_whose_rate_changed_are_looked_at_again():
    graph = small_network().graph
    assert not affected(Paces(), Paces(), graph)
    assert set(affected(Paces(), Paces({LINEAR: (0.1,)}), graph)) == {LINEAR}
    assert set(affected(Paces(), Paces(rest=(0.5,)), graph)) == set(graph.nodes)


def test_the_tip_of_a_frozen_layer_says_so(view):
    view.workspace.edit("Freeze", frozen)
    x, y, width, height = view.content.arrays.rect(LINEAR)
    tip = tip_at(view, view.camera.to_view(QPointF(x + width / 2, y + height - 6)))
    assert "Frozen" in tip
