"""What edits make can be read again: they refuse what the reader of files would refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from netbuilder.document import clipboard, edits
from netbuilder.document.files import dumps, loads
from netbuilder.document.model import Document, Frame, Graph, Node, Place, PortRef
from netbuilder.foundation.limits import COORDINATE, EDGES, FRAMES, NAME_LENGTH, NODES, TEXT_LENGTH
from netbuilder.foundation.problem import NetbuilderError

FAR = 2 * COORDINATE
FRAME = Frame(id="f00000000", title="Frame", color="gray", width=100.0, height=100.0)


def node(number: int) -> Node:
    return Node(id=f"n{number:08x}", type="concat", label=f"concat_{number}")


ONE = edits.add_node(Document(), node(1), Place(COORDINATE, 0.0))
FRAMED = edits.add_frame(Document(), FRAME)
LINK = {PortRef(node(1).id, "a"): PortRef(node(0).id, "y")}
PAIR = Document(graph=Graph(nodes={node(n).id: node(n) for n in range(2)}, edges=LINK))
FULL_OF_FRAMES = replace(
    Document(),
    layout=replace(
        Document().layout, frames={f"f{n:08x}": replace(FRAME, id=f"f{n:08x}") for n in range(1, FRAMES + 1)}
    ),
)


def full_of_links() -> Document:
    nodes = {node(n).id: node(n) for n in range(NODES - 10)}
    ids = list(nodes)
    ports = -(-EDGES // (len(ids) - 10))
    chain = list(pairwise(ids))[:-9]
    links = [(PortRef(after, f"x{port}"), PortRef(before, "y")) for before, after in chain for port in range(ports)]
    return Document(graph=Graph(nodes=nodes, edges=dict(links[:EDGES])))


TRIES: dict[str, Callable[[], Document]] = {
    "a node far away": lambda: edits.add_node(Document(), node(1), Place(FAR, 0.0)),
    "a node nowhere": lambda: edits.add_node(Document(), node(1), Place(float("nan"), 0.0)),
    "pasted far away": lambda: clipboard.paste(ONE, clipboard.copy(ONE, [node(1).id]), Place(FAR, 0.0))[0],
    "duplicated at the edge": lambda: clipboard.paste(ONE, clipboard.copy(ONE, [node(1).id]))[0],
    "a frame pasted far away": lambda: clipboard.paste(FRAMED, clipboard.copy(FRAMED, [FRAME.id]), Place(0.0, FAR))[0],
    "a long title of a frame": lambda: edits.change_frame(FRAMED, FRAME.id, {"title": "x" * (NAME_LENGTH + 1)}),
    "a long note of a frame": lambda: edits.change_frame(FRAMED, FRAME.id, {"note": "x" * (TEXT_LENGTH + 1)}),
    "one frame more": lambda: edits.add_frame(FULL_OF_FRAMES, FRAME),
    "one frame more, pasted": lambda: clipboard.paste(FULL_OF_FRAMES, clipboard.copy(FRAMED, [FRAME.id]))[0],
    "a long title": lambda: edits.set_about(ONE, replace(ONE.about, title="x" * (NAME_LENGTH + 1))),
    "a long description": lambda: edits.set_about(ONE, replace(ONE.about, description="x" * (TEXT_LENGTH + 1))),
    "a long note of a node": lambda: edits.set_note(ONE, node(1).id, "x" * (TEXT_LENGTH + 1)),
    "one link more": lambda: edits.connect(
        full_of_links(), PortRef(node(NODES - 12).id, "a"), PortRef(node(NODES - 13).id, "y")
    ),
    "one link more, pasted": lambda: clipboard.paste(full_of_links(), clipboard.copy(PAIR, list(PAIR.graph.nodes)))[0],
}


@pytest.mark.parametrize("what", TRIES)
def test_what_no_file_could_hold_is_refused(what: str) -> None:
    with pytest.raises(NetbuilderError) as caught:
        TRIES[what]()
    assert caught.value.problems[0].message


@pytest.mark.parametrize(
    "document",
    [
        edits.add_node(Document(), node(1), Place(COORDINATE, -COORDINATE)),
        edits.change_frame(FRAMED, FRAME.id, {"title": "x" * NAME_LENGTH, "note": "x" * TEXT_LENGTH}),
        edits.set_about(ONE, replace(ONE.about, title="x" * NAME_LENGTH, description="x" * TEXT_LENGTH)),
        FULL_OF_FRAMES,
    ],
    ids=["place", "frame", "about", "frames"],
)
def test_what_is_just_within_the_limits_is_read_again(document: Document) -> None:
    assert loads(dumps(document)) == document


def test_as_many_links_as_there_may_be_are_read_again_and_one_is_led_elsewhere() -> None:
    document = full_of_links()
    assert len(document.graph.edges) == EDGES
    target = next(reversed(document.graph.edges))
    changed = edits.connect(document, target, PortRef(node(0).id, "y"))
    assert loads(dumps(changed)).graph.edges == changed.graph.edges
