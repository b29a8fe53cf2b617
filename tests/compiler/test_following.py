"""What follows an edit from what was known gives the same as looking at the document for the first time."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from netbuilder.compiler.cost import CostCounter, count_costs
from netbuilder.compiler.shapes import ShapeInference, Shapes
from netbuilder.compiler.structure import Outline
from netbuilder.compiler.wiring import Wiring, is_sound, rewire, wire
from netbuilder.document import edits
from netbuilder.document.model import Document, Graph, Node, PortRef
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.readiness import review, review_in_steps
from tests.compiler.random_graphs import networks
from tests.compiler.test_random_graphs import an_edit

EXAMPLES = 25


def known_of(shapes: Shapes) -> tuple[object, ...]:
    """Return everything that shapes say, whatever order it was found in."""
    weights = {id: (each.total, each.trainable) for id, each in shapes.weights.items()}
    problems = sorted(map(repr, shapes.problems))
    return shapes.types, shapes.derived, weights, shapes.pending, shapes.done, problems, shapes.expansion.flat.graph


class Follower:
    """Follows a document from edit to edit."""

    def __init__(self) -> None:
        self.inference, self.outline, self.counter = ShapeInference(), Outline(), CostCounter()

    def abandon(self, document: Document, pieces: int) -> None:
        """Begin with a document, and leave it again after some pieces of work."""
        shapes = self.inference.infer(document)
        for steps in (
            review_in_steps(document, shapes, (), self.outline),
            self.counter.count_in_steps(document, shapes, self.outline),
        ):
            with suppress(StopIteration):
                for _ in range(pieces):
                    next(steps)

    def check(self, document: Document) -> None:
        """Compare with a first look."""
        shapes, fresh = self.inference.infer(document), ShapeInference().infer(document)
        for mine, theirs in zip(known_of(shapes), known_of(fresh), strict=True):
            assert mine == theirs
        problems, anew = review(document, shapes, (), self.outline), review(document, fresh)
        assert sorted(map(repr, problems)) == sorted(map(repr, anew))
        assert self.counter.count(document, shapes, self.outline) == count_costs(document, fresh)


@settings(max_examples=EXAMPLES, deadline=None)
@given(networks(layers=8), st.data())
def test_shapes_problems_and_costs_follow_any_edits(document: Document, data: DataObject) -> None:
    follower, history = Follower(), [document]
    follower.check(document)
    for _ in range(data.draw(st.integers(1, 8))):
        if len(history) > 1 and data.draw(st.integers(0, 3)) == 0:
            history.pop()
        else:
            with suppress(NetbuilderError):  # refused: nothing happens
                history.append(an_edit(data, history[-1]))
        if data.draw(st.integers(0, 3)) == 0:
            follower.abandon(history[-1], data.draw(st.integers(0, 6)))
        else:
            follower.check(history[-1])
    follower.check(history[-1])


def is_in_order(wiring: Wiring) -> bool:
    """Whether each node comes after what feeds it, and no two at once."""
    rank = wiring.rank
    links = [(target.node, source.node) for links in wiring.incoming.values() for target, source in links]
    return len(set(rank.values())) == len(rank) and all(rank[s] < rank[t] for t, s in links if t in rank)


def links_of(wiring: Wiring) -> tuple[object, ...]:
    incoming = {id: set(each) for id, each in wiring.incoming.items() if each}
    return incoming, {id: sorted(each) for id, each in wiring.followers.items() if each}, wiring.rank.keys()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_mended_order_is_an_order(data: DataObject) -> None:
    """Links come, go and turn, nodes come and go, circles close and open; every order is right, and no link is lost."""
    graph, wiring = Graph(), wire(Graph())
    for number in range(data.draw(st.integers(1, 25))):
        nodes, edges = dict(graph.nodes), dict(graph.edges)
        for id in data.draw(st.sets(st.sampled_from([*nodes]), max_size=2)) if nodes else ():
            del nodes[id]
            edges = {t: s for t, s in edges.items() if id not in (t.node, s.node)}
        for come in range(data.draw(st.integers(0, 3))):
            nodes[f"n{number}.{come}"] = Node(id=f"n{number}.{come}", type="relu", label="relu")
        ids = st.sampled_from([*nodes]) if nodes else st.nothing()
        for _ in range(data.draw(st.integers(0, 4)) if nodes else 0):
            edges[PortRef(data.draw(ids), data.draw(st.sampled_from("ab")))] = PortRef(data.draw(ids), "y")
        for target in data.draw(st.sets(st.sampled_from([*edges]), max_size=2)) if edges else ():
            del edges[target]
        before, graph = wiring, Graph(nodes=nodes, edges=edges)
        wiring, touched = rewire(before, graph)
        assert is_in_order(wiring)
        assert links_of(wiring) == links_of(wire(graph))
        if touched is not None:
            changed = {id for id in nodes if set(before.incoming.get(id, ())) != set(wiring.incoming.get(id, ()))}
            assert changed <= touched
            assert nodes.keys() - before.graph.nodes.keys() <= touched


def test_an_edit_looks_only_at_what_it_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    from netbuilder.compiler.shapes import Pass
    from tests.benchmarks.large_networks import network

    document, inference, seen = network(400), ShapeInference(), []
    inference.infer(document)
    look = Pass.look
    monkeypatch.setattr(Pass, "look", lambda self, id, memo: seen.append(id) or look(self, id, memo))
    inference.infer(edits.set_parameters(document, "n00000064", {"bias": False}))
    assert seen == ["n00000064"]
    seen.clear()
    inference.infer(edits.disconnect(document, PortRef("head", "x")))
    assert set(seen) <= {"n00000064", "head", "loss"}


def test_a_deadline_leaves_the_rest_for_the_next_time() -> None:
    from netbuilder.compiler.meta import warm_up
    from tests.benchmarks.large_networks import network

    warm_up()  # with a deadline nobody waits for torch
    document, inference = network(1500), ShapeInference()
    turns, pending = 0, None
    while pending is None or pending:
        shapes, turns = inference.infer(document, deadline=0.0), turns + 1
        assert pending is None or len(shapes.pending) < len(pending), "every turn must come further"
        pending = shapes.pending
    assert turns > 2
    assert known_of(shapes) == known_of(ShapeInference().infer(document))


def test_a_refused_edit_changes_nothing() -> None:
    from tests.benchmarks.large_networks import network

    document, follower = network(40), Follower()
    follower.check(document)
    with pytest.raises(NetbuilderError):
        edits.connect(document, PortRef("n00000000", "x"), PortRef("head", "y"))
    follower.check(document)


def test_a_graph_is_known_to_be_sound_as_long_as_it_is_the_same() -> None:
    nodes = {id: Node(id=id, type="add", label=id) for id in "abc"}
    chain = {PortRef("b", "a"): PortRef("a", "y"), PortRef("c", "a"): PortRef("b", "y")}
    sound = Graph(nodes=nodes, edges=chain)
    circle = Graph(nodes=nodes, edges={**chain, PortRef("a", "a"): PortRef("c", "y")})
    before = wire(sound)
    for _ in range(2):
        assert is_sound(sound)
        assert not is_sound(circle)
        assert not rewire(before, circle)[0].is_sound
    assert is_sound(Graph(nodes=dict(nodes), edges=dict(chain)))
    assert not is_sound(Graph(nodes=dict(nodes), edges=dict(circle.edges)))
