import pytest

from netbuilder.document import edits
from netbuilder.document.diff import diff
from netbuilder.document.model import Document, Node, Place, Plan, PortRef
from netbuilder.foundation.problem import Problem, Severity
from netbuilder.layers.tensor import BATCH, TensorType
from netbuilder.project import declarations
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.faces import Area, Face, Knowledge, Links, OutputFace, make_face, own_label
from netbuilder.ui.canvas.geometry import HEADER, WIDEST, WIDTH, measure
from netbuilder.ui.canvas.knowing import knowledge_of, wrong_ports
from netbuilder.ui.sight import Sight
from tests.ui.canvas.conftest import DIGITS, LINEAR, LOSS, RELU, add, small_network


def face(document: Document, node: str, knowledge: Knowledge | None = None) -> Face:
    links = Links.of(document.graph)
    return make_face(document.graph.nodes[node], document, declarations(), links, knowledge or Knowledge())


def test_a_face_shows_title_ports_parameters_and_shapes():
    known = Knowledge(types={PortRef(LINEAR, "y"): TensorType((BATCH, 64))})
    shown = face(small_network(), LINEAR, known)
    assert (shown.title, shown.category, shown.inputs) == ("Linear", "linear", ("x",))
    assert shown.outputs == (OutputFace("y", "64"),)
    assert shown.brief == "64 units"
    assert shown.known


def test_a_data_node_shows_its_fields():
    shown = face(small_network(), DIGITS)
    assert [output.name for output in shown.outputs] == ["image", "label"]


def test_an_unknown_type_shows_the_ports_that_are_linked():
    document = edits.add_node(small_network(), Node(id="n0000000a", type="future", label="f"), Place(0, 0))
    document = edits.connect(document, PortRef("n0000000a", "first"), PortRef(RELU, "y"))
    document = edits.connect(document, PortRef(LOSS, "prediction"), PortRef("n0000000a", "out"))
    shown = face(document, "n0000000a")
    assert not shown.known
    assert (shown.title, shown.inputs, shown.outputs) == ("future", ("first",), (OutputFace("out"),))


def test_a_port_that_is_declared_no_more_still_shows_while_it_is_linked():
    document = edits.connect(small_network(), PortRef(RELU, "old_port"), PortRef(DIGITS, "label"))
    assert face(document, RELU).inputs == ("x", "old_port")


def test_a_bad_parameter_does_not_take_the_face_away():
    document = edits.set_parameters(small_network(), LINEAR, {"units": -3})
    assert face(document, LINEAR).title == "Linear"


@pytest.mark.parametrize(
    ("label", "shown"),
    [("linear", ""), ("linear_12", ""), ("linear2", ""), ("head", "head"), ("linear_head", "linear_head")],
)
def test_only_labels_that_the_user_chose_are_shown(label, shown):
    assert own_label(Node(id="n0", type="linear", label=label), declarations()["linear"]) == shown


def test_short_parameters_stand_beside_the_title_and_long_ones_below():
    short = measure(Face("Linear", "linear", ("x",), (OutputFace("y", "10"),), brief="10"))
    long = measure(Face("Conv2d", "convolution", ("x",), (OutputFace("y", "32×8×8"),), brief="32 · 3×3 · same"))
    assert (short.aside, short.line) == ("10", "")
    assert (long.aside, long.line) == ("", "32 · 3×3 · same")
    assert short.width == long.width == WIDTH
    assert long.height > short.height


def test_a_node_grows_with_its_texts_but_not_without_end():
    wide = measure(Face("A layer with quite a long title", "linear", ("x",), (OutputFace("y"),)))
    widest = measure(Face("A layer with a title " * 9, "linear", ("x",), (OutputFace("y"),)))
    assert WIDTH < wide.width <= WIDEST
    assert widest.width == WIDEST
    assert widest.title_width < WIDEST


@pytest.mark.parametrize("area", list(Area))
def test_pictures_lie_below_everything_and_inside(area):
    bare = Face("Add", "shape", ("a", "b"), (OutputFace("y"),))
    shown = measure(Face("Add", "shape", ("a", "b"), (OutputFace("y"),), area=area))
    assert shown.rows == measure(bare).rows
    assert shown.rows[0] > HEADER
    if area is Area.NONE:
        assert shown.picture is None
    else:
        box = shown.picture
        assert box.y > shown.rows[-1]
        assert box.y + box.height < shown.height
        assert box.x + box.width < shown.width


def test_the_worst_problem_counts():
    problems = [
        Problem(code="a", message="m", severity=Severity.ADVICE, node="n1"),
        Problem(code="a", message="m", severity=Severity.ERROR, node="n1", port="x"),
        Problem(code="a", message="m", severity=Severity.WARNING, node="n1", port="z"),
        Problem(code="a", message="m", severity=Severity.WARNING, node=""),
    ]
    sight = Sight(problems={"n1": tuple(problems[:3])})
    assert knowledge_of(sight, {}, Plan()).severities == {"n1": Severity.ERROR}
    assert wrong_ports(sight) == {PortRef("n1", "x")}


def shown(document: Document) -> Content:
    content = Content(declarations())
    content.show(document, Knowledge())
    return content


def test_following_edits_gives_the_same_as_showing_anew():
    content, document = shown(small_network()), small_network()
    steps = [
        lambda d: add(d, "n0000000b", "conv2d", 700, 300),
        lambda d: edits.connect(d, PortRef("n0000000b", "x"), PortRef(DIGITS, "image")),
        lambda d: edits.set_parameters(d, "n0000000b", {"kernel_size": (5, 5)}),
        lambda d: edits.move_nodes(d, {RELU: Place(444, 222), LINEAR: Place(-9, 5)}),
        lambda d: edits.rename(d, RELU, "gate"),
        lambda d: edits.disconnect(d, PortRef(RELU, "x")),
        lambda d: edits.replace_type(d, RELU, "dropout", declarations()["dropout"].defaults()),
        lambda d: edits.remove_nodes(d, [LINEAR]),
    ]
    for step in steps:
        old, document = document, step(document)
        content.update(document, diff(old, document), Knowledge())
        fresh = shown(document)
        assert content.faces == fresh.faces
        assert list(content.faces) == list(fresh.faces)
        for node in document.graph.nodes:
            assert content.arrays.rect(node) == fresh.arrays.rect(node)
        rows = content.arrays.rows(document.graph.nodes)
        drawn = {content.arrays.ids[row]: name for name, which in content.by_category(rows) for row in rows[which]}
        assert drawn == {node: content.faces[node].category for node in document.graph.nodes}
        assert sorted(map(repr, content.arrays.wires)) == sorted(map(repr, fresh.arrays.wires))
        assert sorted(content.arrays.ends.tolist()) == sorted(fresh.arrays.ends.tolist())


def test_only_faces_of_which_something_else_is_known_change():
    content = shown(small_network())
    known = Knowledge(types={PortRef(LINEAR, "y"): TensorType((BATCH, 64))})
    assert content.look_again(known) == {LINEAR}
    assert content.look_again(Knowledge(types=dict(known.types), pending=frozenset({RELU}))) == {RELU}
    assert content.look_again(Knowledge(types=dict(known.types))) == {RELU}
    assert content.look_again(Knowledge()) == {LINEAR}


def test_a_node_that_grows_takes_its_links_along():
    content = shown(small_network())
    before = content.arrays.rect(LINEAR)
    content.look_again(Knowledge(areas={LINEAR: Area.CHART}))
    after = content.arrays.rect(LINEAR)
    assert after[:3] == before[:3]
    assert after[3] > before[3] + 20


def test_nodes_without_a_place_get_one_below_the_others():
    document = small_network()
    for id in ("n0000000c", "n0000000d"):
        document = edits.add_node(document, Node(id=id, type="relu", label="relu"))
    content = shown(document)
    first, second = content.arrays.rect("n0000000c"), content.arrays.rect("n0000000d")
    assert first[1] > max(content.arrays.rect(node)[1] for node in small_network().graph.nodes)
    assert first[0] + first[2] < second[0]


@pytest.fixture(autouse=True)
def _fonts(qapp):
    """Faces are measured with real fonts."""


def test_links_forget_nodes_that_are_gone():
    document = small_network()
    links = Links.of(document.graph)
    grown = edits.insert_layer(document, RELU, "x", "tanh", {}, id="n0000000b")
    assert links.after(document.graph, grown.graph).after(grown.graph, document.graph) == links
