"""Custom layers: refused until trusted, tried in a process of their own, written into the network's text."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from netbuilder.compiler import trials
from netbuilder.compiler.custom import may_run, own_texts, untrusted
from netbuilder.compiler.module import build, explain, load_module, release
from netbuilder.compiler.problems import find_problems
from netbuilder.compiler.program import write_program
from netbuilder.compiler.shapes import ShapeInference, Shapes
from netbuilder.document.model import Definition, Document, Node, PortRef
from netbuilder.foundation import trust
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.layers.catalog import catalog
from netbuilder.layers.custom import EXAMPLE, applied
from netbuilder.layers.tensor import BATCH, TensorType
from tests.builders import chain, document, linear, node

GATE = """\
class Gate(nn.Module):
    def __init__(self, in_features, start=0.0):
        super().__init__()
        self.gate = nn.Parameter(torch.full((in_features,), float(start)))

    def forward(self, x):
        return x * torch.sigmoid(self.gate)
"""


def custom(id: str, code: str, **more: Any) -> Node:
    """Return a custom layer as it is after its code was applied."""
    fresh = catalog()["custom"].defaults()
    return node(id, "custom", **{**fresh, **applied(code, fresh), **more})


def alone(code: str, *dims: int, is_trusted: bool = True, **more: Any) -> Document:
    """Return Inputs -> a custom layer -> Outputs."""
    if is_trusted:
        trust.grant([code])
    layer = custom("layer", code, **more)
    spec = catalog()["custom"]
    inputs = [port.name for port in spec.input_ports(layer.parameters) if not port.optional]
    outputs = [port.name for port in spec.output_ports(layer.parameters)]
    size = dims or (8,)
    nodes = [*(node(f"in_{name}", "input", dims=size) for name in inputs), layer]
    nodes += [node(f"out_{name}", "output") for name in outputs]
    links = [*((f"in_{name}.y", f"layer.{name}") for name in inputs)]
    links += [(f"layer.{name}", f"out_{name}.x") for name in outputs]
    return document(nodes, links)


def infer(given: Document) -> Shapes:
    """Return a document's shapes."""
    return ShapeInference().infer(given)


def outputs(given: Document) -> dict[str, str]:
    """Return the types of the layer's outputs."""
    shapes = infer(given)
    assert not shapes.problems, [problem.message for problem in shapes.problems]
    spec = catalog()["custom"]
    wanted = (port.name for port in spec.output_ports(spec.resolve(given.graph.nodes["layer"].parameters)))
    return {name: str(shapes.types[PortRef("layer", name)]) for name in wanted}


def problem(given: Document) -> Problem:
    """Return the one problem of a document's shapes."""
    (found,) = infer(given).problems
    return found


# Trust ------------------------------------------------------------------------------------------------------------


def test_code_is_a_placeholder_until_it_is_trusted() -> None:
    given = alone(GATE, is_trusted=False)
    inference = ShapeInference()
    shapes = inference.infer(given)
    (found,) = shapes.problems
    assert (found.code, found.node, found.actions) == ("custom.untrusted", "layer", ("trust",))
    assert PortRef("layer", "y") not in shapes.types
    assert "link.port" not in [each.code for each in find_problems(given, shapes)], "its declared ports are there"
    assert untrusted(given) == {GATE: ("layer",)}
    with pytest.raises(NetbuilderError):
        write_program(given, shapes)
    trust.grant([GATE])
    shapes = inference.infer(given)
    assert not shapes.problems
    assert str(shapes.types[PortRef("layer", "y")]) == "N × 8"
    assert untrusted(given) == {}


def test_code_that_is_not_trusted_is_told_of_without_links_too() -> None:
    given = document([custom("layer", GATE)])
    assert problem(given).code == "custom.untrusted"


def test_a_fresh_node_needs_no_trust() -> None:
    assert trust.count() == 0
    assert may_run(EXAMPLE)
    assert EXAMPLE in own_texts()
    given = document([node("in", "input", dims=(4,)), node("layer", "custom"), node("out", "output")],
                     [("in.y", "layer.x"), ("layer.y", "out.x")])  # fmt: skip
    assert outputs(given) == {"y": "N × 4"}


def test_the_gate_refuses_a_program_whose_trust_was_taken_back() -> None:
    given = alone(GATE)
    program = write_program(given, infer(given))
    assert GATE in program.support
    trust.forget()
    with pytest.raises(NetbuilderError) as caught:
        load_module(program)
    assert caught.value.problems[0].code == "custom.untrusted"
    trust.grant([GATE])
    release(load_module(program).program)


def test_texts_inside_blocks_are_found_and_gated() -> None:
    given = _in_block()
    trust.forget()
    assert untrusted(given) == {GATE: ("gate",)}
    assert "custom.untrusted" in [each.code for each in infer(given).problems]


# Shapes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "dims", "more", "expected"),
    [
        (GATE, (8,), {}, {"y": "N × 8"}),
        (GATE, (-1, 16), {}, {"y": "N × T × 16"}),
        ("def twice(x):\n    return torch.cat([x, x], 1)\n", (-1, 5), {}, {"y": "N × 2T × 5"}),
        ("def twice(x):\n    return torch.cat([x, x])\n", (5,), {}, {"y": "2N × 5"}),
        ("def two(x, y):\n    return x + y, y.sum(1)\n", (5,), {}, {"y1": "N × 5", "y2": "N"}),
        ("def wide(x, n=2):\n    return x.repeat(1, n)\n", (5,), {"arguments": "n=3"}, {"y": "N × 15"}),
        ("def flat(x):\n    return x.reshape(-1)\n", (5,), {}, {"y": "5N"}),
        ("def last(x):\n    return x[:, 1:]\n", (-1, 5), {}, {"y": "N × T-1 × 5"}),
    ],
)
def test_shapes_are_found(code: str, dims: tuple[int, ...], more: dict[str, Any], expected: dict[str, str]) -> None:
    assert outputs(alone(code, *dims, **more)) == expected


def test_code_that_looks_at_values_is_run_on_small_sizes() -> None:
    code = "def signed(x):\n    return x[:, :2] if x.mean() > 0 else x[:, :2]\n"
    assert outputs(alone(code, 5)) == {"y": "N × 2"}


def test_a_size_that_hangs_on_values_is_unknown() -> None:
    assert outputs(alone("def some(x):\n    return x[x > 0.5]\n", 5)) == {"y": "?"}


def test_an_optional_input_needs_no_link() -> None:
    code = "def masked(x, mask=None):\n    return x if mask is None else x * mask\n"
    given = alone(code, 5)
    assert outputs(given) == {"y": "N × 5"}
    assert "masked(in_x)" in write_program(given, infer(given)).source
    linked = replace(given, graph=replace(given.graph, edges={**given.graph.edges, PortRef("layer", "mask"): PortRef("in_x", "y")}))  # fmt: skip  # noqa: E501
    assert outputs(linked) == {"y": "N × 5"}
    assert "masked(in_x, mask=in_x)" in write_program(linked, infer(linked)).source


@pytest.mark.parametrize(
    ("code", "more", "kind", "words", "field", "line"),
    [
        ("def g(x):\n    y = x\n    return y @ torch.zeros(3, 3)\n", {}, "custom.failed", "cannot multiply", "code", 3),
        ("def g(x):\n    return nothing\n", {}, "custom.failed", "NameError", "code", 2),
        ("def g(x):\n    exit()\n", {}, "custom.failed", "tried to end", "code", 2),
        ("def g(x):\n    return 3\n", {}, "custom.failed", "a tensor is expected", "code", 0),
        ("def g(x:\n", {}, "custom.code", "no Python, at line 1", "code", 1),
        ("class A(dict):\n    def forward(self, x): return x\n", {}, "custom.failed", "nn.Module", "code", 0),
        ("def g(x):\n    return x\n", {"inputs": "a"}, "custom.ports", "other inputs", "inputs", 0),
        ("def g(x):\n    return x\n", {"outputs": "y, 1z"}, "custom.ports", "1z", "outputs", 0),
        ("def g(x):\n    return x\n", {"arguments": "n=1"}, "custom.arguments", "does not take", "arguments", 0),
    ],
)
def test_mistakes_are_told_at_their_place(
    code: str, more: dict[str, Any], kind: str, words: str, field: str, line: int
) -> None:
    found = problem(alone(code, 5, **more))
    assert (found.code, found.node, found.field, found.line) == (kind, "layer", field, line)
    assert words in found.message


def test_wrong_numbers_of_outputs_are_mended_by_a_fix() -> None:
    found = problem(alone("def g(x):\n    return [x, x]\n", 5))
    assert [fix.arguments["values"] for fix in found.fixes] == [{"outputs": "y1, y2"}]
    found = problem(alone("def g(x):\n    return x\n", 5, outputs="a, b"))
    assert [fix.arguments["values"] for fix in found.fixes] == [{"outputs": "y"}]
    found = problem(alone("def g(x):\n    return x\n", 5, inputs="a"))
    assert [fix.arguments["values"] for fix in found.fixes] == [{"inputs": "x"}]


def test_a_size_that_varies_cannot_be_filled_in() -> None:
    code = GATE.replace("in_features", "in_channels")
    assert problem(alone(code, -1, 5)).code == "shape.varies"


def test_a_lazy_layer_is_refused_with_advice() -> None:
    code = (
        "class A(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.a = nn.LazyLinear(3)\n"
    )
    found = problem(alone(code + "    def forward(self, x):\n        return self.a(x)\n", 5))
    assert "in_features" in found.message


# The process ------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process of its own, which gives a trial two seconds."""
    own = trials.Trials()
    monkeypatch.setattr(trials, "SECONDS", 2.0)
    monkeypatch.setattr(trials, "TRIALS", own)
    yield
    own.close()


@pytest.mark.usefixtures("impatient")
def test_code_that_never_ends_is_a_problem() -> None:
    found = problem(alone("def g(x):\n    while True:\n        pass\n", 5))
    assert (found.code, found.line in (2, 3)) == ("custom.ended", True)
    assert "loop" in found.message


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_code_that_crashes_is_a_problem_and_the_next_is_tried() -> None:
    found = problem(alone("def g(x):\n    import os\n    os.abort()\n", 5))
    assert (found.code, found.line) == ("custom.ended", 3)
    assert "brought down" in found.message
    assert outputs(alone("def g(x):\n    print('among the answers?')\n    return x\n", 5)) == {"y": "N × 5"}


def test_the_window_never_waits_for_it() -> None:
    """The time of a call with a deadline has nothing to do with that of the code."""
    code = "import time\ndef slow(x):\n    time.sleep(0.2)\n    return x\n"
    given = alone(code, 5)
    inference = ShapeInference()
    inference.infer(alone("def g(x):\n    return x\n", 5))  # torch is there, and so is the process
    started = time.perf_counter()
    shapes = inference.infer(given, started + 0.01)
    first = time.perf_counter() - started
    assert "layer" in shapes.pending
    assert not shapes.problems
    while shapes.pending:
        time.sleep(0.02)
        shapes = inference.infer(given, time.perf_counter() + 0.01)
    assert time.perf_counter() - started > 4 * 0.2 > 2 * first
    assert str(shapes.types[PortRef("layer", "y")]) == "N × 5"


def test_closing_ends_a_trial_that_is_going_on() -> None:
    own = trials.Trials()
    code = "import time\ndef slow(x):\n    time.sleep(9)\n    return x\n"
    given = alone(code, 5)
    values = catalog()["custom"].resolve(given.graph.nodes["layer"].parameters)
    question = trials._question(values, {}, {"x": TensorType((BATCH, 5))})
    assert own.ask(question, may_wait=False) is None
    time.sleep(0.3)
    started = time.perf_counter()
    own.close()
    assert own.is_idle
    assert time.perf_counter() - started < 9
    answer = own.ask(question, may_wait=False)
    assert answer is not None
    assert answer["code"] == "custom.ended"


@pytest.mark.parametrize("error", [OSError("no room"), RuntimeError("our defect")])
def test_whoever_waits_gets_an_answer(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse() -> None:
        raise error

    own = trials.Trials()
    monkeypatch.setattr(trials, "TRIALS", own)
    monkeypatch.setattr(trials, "_Child", refuse)
    assert str(error) in problem(alone("def g(x):\n    return x\n", 5)).message
    own.close()


def test_nothing_is_tried_twice() -> None:
    given = alone("def once(x):\n    return x\n", 5)
    infer(given)
    known = dict(trials.TRIALS._answers)
    infer(given)
    assert trials.TRIALS._answers == known


# The text ---------------------------------------------------------------------------------------------------------


def _two(first: str, second: str, title: str = "") -> Document:
    trust.grant([first, second])
    body = [node("in", "input", dims=(8,)), custom("one", first), custom("two", second), node("out", "output")]
    return document(body, chain(*body), title=title)


def collisions(given: Document) -> list[Problem]:
    """Return the problems of names in a document."""
    return [each for each in find_problems(given, infer(given)) if each.code == "custom.name"]


def test_nodes_with_the_same_code_share_one_class() -> None:
    given = _two(GATE, GATE)
    source = write_program(given, infer(given)).source
    assert source.count("class Gate(") == 1
    assert source.count("Gate(in_features=8)") == 2
    model = build(given)
    assert {name: tuple(weight.shape) for name, weight in model.named_parameters()} == {
        "one.gate": (8,),
        "two.gate": (8,),
    }


def test_two_codes_of_one_name_are_a_problem() -> None:
    given = _two(GATE, GATE.replace("sigmoid", "tanh"))
    (found,) = collisions(given)
    assert found.node == "two"
    assert "Gate" in found.message
    assert "one" in found.message


def test_a_name_of_the_catalogs_own_support_is_a_problem() -> None:
    code = EXAMPLE.replace("Swish", "PositionalEncoding")
    trust.grant([code])
    body = [node("in", "input", dims=(6, 8)), node("positions", "positional_encoding"), custom("mine", code)]
    body += [node("out", "output")]
    given = document(body, chain(*body))
    shapes = infer(given)
    assert not shapes.problems
    assert [each.node for each in collisions(given)] == ["mine"]


def test_a_function_named_like_an_input_is_a_problem() -> None:
    code = "def in_x(x):\n    return x\n"
    given = alone(code, 5)
    assert len(collisions(given)) == 1


def test_names_of_the_text_make_way_for_the_codes() -> None:
    given = _two(GATE.replace("Gate", "MyNet"), "def layer(x):\n    return x\n", title="My net")
    program = write_program(given, infer(given))
    assert program.class_name == "Network"
    given = alone("def layer(x):\n    return x + 1\n", 5)
    twice = replace(given, graph=replace(given.graph, nodes={
        id: replace(each, label="layer") if id == "layer" else each for id, each in given.graph.nodes.items()
    }))  # fmt: skip
    model = build(twice)
    assert torch.equal(model(in_x=torch.ones(2, 5)), torch.full((2, 5), 2.0))


def test_the_text_is_the_users_word_for_word_and_runs_alone() -> None:
    code = "\n# Mine.\n" + GATE.replace("    def forward", "    # the heart of it\n    def forward")
    given = alone(code, 8, arguments="start=1.5")
    source = write_program(given, infer(given)).source
    assert code.strip("\n") in source
    namespace: dict[str, Any] = {"__name__": "exported"}
    exec(compile(source, "model.py", "exec"), namespace)
    x = torch.rand(3, 8)
    assert torch.allclose(namespace["Network"]()(x), x * torch.sigmoid(torch.tensor(1.5)))


def test_a_frozen_custom_layer_does_not_learn() -> None:
    given = alone(GATE, 8, trainable=False)
    shapes = infer(given)
    assert shapes.weights["layer"].trainable == 0
    assert [weight.requires_grad for weight in build(given).parameters()] == [False]


def test_failing_while_running_names_the_line_of_the_code() -> None:
    code = (
        "\n\nclass Late(nn.Module):\n    def forward(self, x):\n        assert len(x) < 7, 'many'\n        return x\n"
    )
    given = alone(code, 8)
    program = write_program(given, infer(given))
    loaded = load_module(program)
    with pytest.raises(AssertionError) as caught:
        loaded.new_network()(in_x=torch.ones(8, 8))
    release(program)
    found = explain(caught.value, program)
    assert (found.node, found.field, found.line) == ("layer", "code", 5)
    assert "many" in found.message


def _in_block() -> Document:
    trust.grant([GATE])
    inner = document(
        [node("e", "input", "x"), linear("wide", 6), custom("gate", GATE), node("a", "output", "y")],
        [("e.y", "wide.x"), ("wide.y", "gate.x"), ("gate.y", "a.x")],
    )
    block = Definition(key="gated", title="Gated", graph=inner.graph)
    body = [node("in", "input", dims=(8,)), node("b", "block.gated", repeat=2), node("out", "output")]
    outer = document(body, [("in.y", "b.x"), ("b.y", "out.x")])
    return replace(outer, blocks={"gated": block})


def test_custom_layers_work_in_blocks() -> None:
    given = _in_block()
    shapes = infer(given)
    assert not shapes.problems, [each.message for each in shapes.problems]
    assert build(given)(torch.ones(2, 8)).shape == (2, 6)
    source = write_program(given, shapes).source
    assert source.count("class Gate(") == 1
