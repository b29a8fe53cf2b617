from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from netbuilder.compiler.facts import field_type
from netbuilder.compiler.meta import WARM, warm_up
from netbuilder.compiler.shapes import ShapeInference, Shapes
from netbuilder.document import edits
from netbuilder.document.model import Document, Field, Place, PortRef, Schema
from netbuilder.layers.tensor import BATCH, TIME, Size, TensorType
from tests.builders import DIGITS, chain, document, linear, node
from tests.compiler.documents import cnn, long_chain, residual, shared, with_node, with_parameters


def infer(given: Document) -> Shapes:
    return ShapeInference().infer(given)


def out(shapes: Shapes, node: str, port: str = "y") -> str:
    return str(shapes.types[PortRef(node, port)])


def one_layer(dims: tuple[int, ...], type: str, dtype: str = "float32", **parameters: Any) -> Document:
    """Return a data node with one field and one layer."""
    schema = Schema(fields=(Field(name="value", dims=dims, dtype=dtype, vocabulary=9 if dtype == "int64" else 0),))
    nodes = [node("data", "data.table"), node("layer", type, **parameters)]
    return document(nodes, [("data.value", "layer.x")], {"data": schema})


def test_every_linked_port_gets_a_type() -> None:
    shapes = infer(cnn())
    assert out(shapes, "digits", "image") == "N × 1 × 8 × 8"
    assert out(shapes, "conv") == "N × 8 × 8 × 8"
    assert out(shapes, "pool", "x") == "N × 8 × 8 × 8"
    assert out(shapes, "pool") == "N × 8 × 4 × 4"
    assert out(shapes, "flat") == "N × 128"
    assert out(shapes, "fc") == "N × 10"
    assert out(shapes, "loss", "loss") == "a single number"
    assert shapes.types[PortRef("loss", "target")].classes == 10
    assert shapes.derived["fc"] == {"in_features": 128}
    assert shapes.weights["fc"].total == 128 * 10 + 10
    assert not shapes.problems
    assert not shapes.pending


@pytest.mark.parametrize(
    ("dims", "shape", "found"),
    [
        ((6,), (2, 3), (BATCH, 2, 3)),
        ((6, 4), (-1,), (BATCH, 24)),
        ((7919,), (7919, 1), (BATCH, 7919, 1)),
        ((2, 7919), (-1,), (BATCH, 15838)),
    ],
)
def test_the_batch_is_told_from_sizes(dims: tuple[int, ...], shape: tuple[int, ...], found: tuple[object, ...]) -> None:
    shapes = infer(one_layer(dims, "reshape", shape=shape))
    assert shapes.types[PortRef("layer", "y")].dims == found


def test_axes_merged_with_the_batch_are_multiples_of_it() -> None:
    from netbuilder.compiler.meta import Layer, MetaRunner
    from netbuilder.layers.spec import LayerSpec

    spec = LayerSpec(key="merge", title="Merge", call="x.reshape(-1, 5)")
    types, _ = MetaRunner().run(Layer(spec, {}, {}, {"x": TensorType((BATCH, 3, 4, 5))}))
    assert types["y"].dims == (Size("N", 12), 5)


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("x.cumsum(1)", (BATCH, TIME, 4)),
        ("x[:, 1:]", (BATCH, Size("T", 1, -1), 4)),
        ("torch.cat([x, x], 1)", (BATCH, Size("T", 2), 4)),
        ("x.sum(1)", (BATCH, 4)),
        ("x[:, ::2]", (BATCH, None, 4)),
        ("x.reshape(x.shape[0], -1)", (BATCH, Size("T", 4))),
        ("x.reshape(-1, 4)", (None, 4)),
    ],
)
def test_a_varying_length_is_read_back_as_an_expression(call: str, found: tuple[object, ...]) -> None:
    from netbuilder.compiler.meta import Layer, MetaRunner
    from netbuilder.layers.spec import LayerSpec

    spec = LayerSpec(key="probe", title="Probe", call=call)
    types, _ = MetaRunner().run(Layer(spec, {}, {}, {"x": TensorType((BATCH, TIME, 4))}))
    assert types["y"].dims == found


def test_an_unknown_size_stays_unknown() -> None:
    from netbuilder.compiler.meta import Layer, MetaRunner
    from netbuilder.layers.spec import LayerSpec

    spec = LayerSpec(key="probe", title="Probe", call="x * 2")
    types, _ = MetaRunner().run(Layer(spec, {}, {}, {"x": TensorType((BATCH, None, 4))}))
    assert types["y"].dims == (BATCH, None, 4)


def test_a_constructor_cannot_depend_on_the_length() -> None:
    (problem,) = infer(one_layer((5, -1), "linear", units=3)).problems
    assert problem.code == "shape.varies"
    assert problem.node == "layer"
    assert "N × 5 × T" in problem.message


def test_sequences_of_any_length_pass_through_recurrent_layers() -> None:
    shapes = infer(one_layer((-1, 5), "gru", units=7))
    assert out(shapes, "layer", "sequence") == "N × T × 7"
    assert out(shapes, "layer", "state") == "N × 7"


def test_a_mismatch_names_both_nodes_and_its_fix_mends_it() -> None:
    broken = cnn()
    edges = {target: source for target, source in broken.graph.edges.items() if target != PortRef("fc", "x")}
    graph = replace(broken.graph, edges={**edges, PortRef("fc", "x"): PortRef("pool", "y")})
    broken = replace(broken, graph=graph)
    shapes = infer(broken)
    (problem,) = shapes.problems
    assert problem.message == "fc expects N × features, got N × 8 × 4 × 4 from pool: insert Flatten"
    assert (problem.node, problem.port) == ("fc", "x")
    fix = problem.fixes[0]
    mended = infer(edits.apply(broken, fix.edit, fix.arguments))
    assert not mended.problems
    assert out(mended, "fc") == "N × 10"


def test_nodes_behind_a_mistake_are_silent() -> None:
    given = with_parameters(cnn(), "conv", filters=-1)
    shapes = infer(given)
    (problem,) = shapes.problems
    assert (problem.node, problem.field) == ("conv", "filters")
    assert PortRef("fc", "y") not in shapes.types
    assert not shapes.pending


def test_what_torch_refuses_is_said_in_words() -> None:
    (problem,) = infer(one_layer((5,), "reshape", shape=(-1, 4))).problems
    assert problem.code in ("shape.torch", "shape.mismatch")
    assert "7919" not in problem.message
    assert "39595" not in problem.message
    assert problem.message.startswith("layer ")


def test_an_unknown_type_is_kept_and_reported() -> None:
    shapes = infer(with_node(cnn(), "act", type="hologram"))
    (problem,) = shapes.problems
    assert "'hologram'" in problem.message
    assert PortRef("conv", "y") in shapes.types
    assert PortRef("pool", "y") not in shapes.types


def test_layout_and_labels_cost_nothing() -> None:
    inference = ShapeInference()
    given = cnn()
    before = inference.infer(given)
    runs = inference.runs
    moved = replace(given, layout=replace(given.layout, places={"conv": Place(5.0, 5.0)}))
    renamed = with_node(moved, "conv", label="stem", note="hello")
    after = inference.infer(renamed)
    assert inference.runs == runs
    assert after.types == before.types


def test_only_the_changed_cone_is_asked_again() -> None:
    inference = ShapeInference()
    given = long_chain(100)
    inference.infer(given)
    runs = inference.runs
    edited = inference.infer(with_parameters(given, "n50", filters=61))
    assert 1 <= inference.runs - runs <= 3
    assert out(edited, "n50") == "N × 61 × 8 × 8"
    runs = inference.runs
    inference.infer(given)
    inference.infer(with_parameters(given, "n50", filters=61))
    assert inference.runs == runs, "going back and forth asks nothing again"


def test_a_new_inference_and_an_old_one_agree_after_any_edits() -> None:
    inference = ShapeInference()
    given = residual()
    for filters, other in ((4, 4), (6, 4), (6, 6), (4, 6), (4, 4)):
        given = with_parameters(with_parameters(given, "stem", filters=filters), "conv", filters=other)
        assert inference.infer(given) == infer(given)


@settings(max_examples=25, deadline=None)
@drawn(st.lists(st.tuples(st.sampled_from(["conv", "pool", "fc", "flat"]), st.booleans()), max_size=8))
def test_cutting_and_joining_links_leaves_nothing_stale(steps: list[tuple[str, bool]]) -> None:
    whole = cnn()
    inference, current = ShapeInference(), whole
    for name, cut in steps:
        target = PortRef(name, "x")
        current = (
            edits.disconnect(current, target) if cut else edits.connect(current, target, whole.graph.edges[target])
        )
        assert inference.infer(current) == infer(current)


def test_shared_weights_must_need_the_same_sizes() -> None:
    assert not infer(shared()).problems
    shapes = infer(shared(32))
    (problem,) = shapes.problems
    assert (problem.node, problem.code) == ("second", "tie.size")
    assert "in_features 64" in problem.message
    assert "in_features 32" in problem.message
    assert PortRef("second", "y") not in shapes.types
    fix = problem.fixes[0]
    assert not infer(edits.apply(shared(32), fix.edit, fix.arguments)).problems


@pytest.mark.parametrize(("owner", "code"), [("gone", "tie.missing"), ("flat", "tie.type"), ("second", "tie.chain")])
def test_sharing_the_weights_of_what_has_none(owner: str, code: str) -> None:
    assert code in {problem.code for problem in infer(with_node(shared(), "second", tied_to=owner)).problems}


def test_a_circle_of_links_is_survived() -> None:
    given = cnn()
    graph = replace(given.graph, edges={**given.graph.edges, PortRef("conv", "x"): PortRef("pool", "y")})
    shapes = infer(replace(given, graph=graph))
    assert PortRef("digits", "image") in shapes.types
    assert PortRef("fc", "y") not in shapes.types


def test_with_a_deadline_types_arrive_little_by_little() -> None:
    warm_up()
    inference = ShapeInference()
    given = long_chain(20)
    rounds, known = 0, -1
    while True:
        shapes = inference.infer(given, deadline=time.perf_counter() - 1.0)
        rounds += 1
        assert len(shapes.done) > known, "every call gets further"
        known = len(shapes.done)
        if not shapes.pending:
            break
    assert rounds > 5
    assert shapes == infer(given)


def test_a_pending_node_shows_its_old_type() -> None:
    warm_up()
    inference = ShapeInference()
    given = cnn()
    inference.infer(given)
    changed = with_parameters(given, "conv", filters=30)
    shapes = inference.infer(changed, deadline=time.perf_counter() - 1.0)
    assert "fc" in shapes.pending
    assert out(shapes, "conv") == "N × 30 × 8 × 8"
    assert out(shapes, "flat") == "N × 128"
    while shapes.pending:
        shapes = inference.infer(changed, deadline=time.perf_counter() - 1.0)
    assert out(shapes, "flat") == "N × 480"


def test_before_torch_is_there_everything_that_needs_it_is_pending() -> None:
    code = (
        "import sys, time\n"
        "from netbuilder.compiler.shapes import ShapeInference\n"
        "from netbuilder.compiler.problems import find_problems\n"
        "from netbuilder.compiler.cost import count_costs\n"
        "from tests.compiler.documents import cnn\n"
        "shapes = ShapeInference().infer(cnn(), time.perf_counter() + 1)\n"
        "find_problems(cnn(), shapes), count_costs(cnn(), shapes)\n"
        "assert 'torch' not in sys.modules\n"
        "assert 'networkx' not in sys.modules\n"
        "print(sorted(shapes.pending), len(shapes.types), shapes.problems)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "['act', 'conv', 'fc', 'flat', 'loss', 'pool'] 3 ()"


def test_an_import_of_torch_in_progress_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.__spec__, "_initializing", True)
    shapes = ShapeInference().infer(cnn(), deadline=time.perf_counter() + 1)
    assert "conv" in shapes.pending


def test_torch_is_warmed_up_in_a_thread_before_it_is_asked_in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    WARM.clear()
    inference = ShapeInference()
    assert "conv" in inference.infer(cnn(), deadline=time.perf_counter() + 1).pending
    assert WARM.wait(60)
    while inference.infer(cnn(), deadline=time.perf_counter() + 1).pending:
        time.sleep(0.001)


def test_torch_s_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    infer(cnn())
    infer(one_layer((4, 5), "lstm", units=3))
    assert torch.equal(before, torch.get_rng_state())


def test_fields_become_types() -> None:
    assert field_type(Field(name="a", dims=(-1, 3), layout="TF")).dims == (BATCH, TIME, 3)
    assert field_type(Field(name="a", dims=(-1, -1))).dims == (BATCH, TIME, None)
    assert field_type(Field(name="a", dtype="int64", classes=("x", "y"))).classes == 2


@pytest.mark.parametrize("field", [Field(name="a", dims=(-7,)), Field(name="a", dtype="load")])
def test_an_impossible_field_is_a_problem(field: Field) -> None:
    given = document(
        [node("data", "data.csv"), linear("fc", 3)], [("data.a", "fc.x")], {"data": Schema(fields=(field,))}
    )
    (problem,) = infer(given).problems
    assert problem.node == "data"


def test_two_data_nodes_and_inputs() -> None:
    nodes = [node("digits", "data.digits"), node("extra", "input", dims=(4,)), node("flat", "flatten")]
    join = node("join", "concat")
    links = [("digits.image", "flat.x"), ("flat.y", "join.a"), ("extra.y", "join.b")]
    shapes = infer(document([*nodes, join], links, {"digits": DIGITS}))
    assert out(shapes, "join") == "N × 68"


def test_a_chain_has_the_shapes_that_running_it_gives() -> None:
    body = [node("a", "conv2d", filters=3, stride=(2, 2)), node("b", "upsample"), node("c", "avg_pool2d")]
    given = document(
        [node("digits", "data.digits"), *body], [("digits.image", "a.x"), *chain(*body)], {"digits": DIGITS}
    )
    from netbuilder.compiler.module import build

    real = build(given)(image=torch.zeros(5, 1, 8, 8))
    assert tuple(real.shape[1:]) == infer(given).types[PortRef("c", "y")].dims[1:]


def test_tokens_stay_tokens_when_they_are_only_moved_about() -> None:
    shapes = infer(one_layer((2, 3), "flatten", "int64"))
    moved = shapes.types[PortRef("layer", "y")]
    assert (str(moved), moved.vocabulary) == ("N × 6", 9)
    summed = infer(one_layer((2, 3), "sum", "int64")).types[PortRef("layer", "y")]
    assert summed.vocabulary == 0
