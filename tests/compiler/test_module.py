from __future__ import annotations

import gc
import inspect
import linecache
import pickle
import sys
import traceback
import weakref
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from netbuilder.compiler.module import build, explain, initialize, load_module, module_name, release
from netbuilder.compiler.program import Program, write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document import edits
from netbuilder.document.model import Document, PortRef
from netbuilder.foundation.problem import NetbuilderError
from tests.builders import DIGITS, document, linear, node
from tests.compiler.documents import cnn, residual, shared, two_heads, with_node, with_parameters

BATCH = {"image": torch.linspace(0, 1, 5 * 64).reshape(5, 1, 8, 8), "label": torch.arange(5)}


def write(given: Document) -> Program:
    return write_program(given, ShapeInference().infer(given))


def weights(model: nn.Module, program: Program) -> dict[str, dict[str, Tensor]]:
    """Return each node's weights by node path."""
    return {path: getattr(model, name).state_dict() for path, name in program.names.items()}


def test_a_module_is_registered_and_released() -> None:
    program = write(with_parameters(cnn(), "conv", filters=5))
    loaded = load_module(program)
    network = loaded.new_network()
    name = module_name(program)
    assert sys.modules[name].DigitsCNN is loaded.network_class
    assert inspect.getsource(loaded.network_class).startswith("class DigitsCNN(nn.Module):")
    assert inspect.getsource(loaded.losses["train"]).startswith("def train_losses(")
    copy = pickle.loads(pickle.dumps(network))
    assert torch.equal(copy(image=BATCH["image"]), network(image=BATCH["image"]))
    assert load_module(program).network_class is loaded.network_class, "equal texts are one module"
    linecache.checkcache()
    assert linecache.getline(f"<{name}>", 1) == '"""Digits CNN."""\n'
    initialize(network, program, 0)
    release(program)
    assert name in sys.modules, "it was loaded twice"
    release(program)
    assert name not in sys.modules
    assert linecache.getline(f"<{name}>", 1) == ""
    assert network(image=BATCH["image"]).shape == (5, 10)


def test_released_classes_are_freed() -> None:
    program = write(residual())
    gone = weakref.ref(load_module(program).network_class)
    release(program)
    gc.collect()
    assert gone() is None


def test_a_tapped_forward_shows_every_node_in_order_and_computes_the_same() -> None:
    program = write(residual())
    loaded = load_module(program)
    model = loaded.new_network()
    seen: list[tuple[str, Tensor]] = []
    result = loaded.tapped(model)(lambda path, value: seen.append((path, value)), image=BATCH["image"])
    assert [path for path, _ in seen] == ["stem", "act", "conv", "sum", "flat", "fc"]
    assert torch.equal(result, model(image=BATCH["image"]))
    values = dict(seen)
    assert torch.equal(values["act"], torch.relu(values["stem"]))
    assert torch.equal(values["sum"], values["conv"] + values["act"])
    assert torch.equal(values["fc"], result)
    release(program)


def test_a_tap_sees_the_output_that_is_read() -> None:
    nodes = [node("digits", "data.digits"), node("rows", "squeeze", axis=1), node("memory", "lstm", units=6)]
    links = [("digits.image", "rows.x"), ("rows.y", "memory.x"), ("memory.state", "fc.x")]
    program = write(document([*nodes, linear("fc", 10)], links, {"digits": DIGITS}))
    loaded = load_module(program)
    seen: dict[str, Tensor] = {}
    loaded.tapped(loaded.new_network())(seen.__setitem__, image=BATCH["image"])
    assert seen["memory"].shape == (5, 6)
    assert seen["memory.state"] is seen["memory"]
    assert "memory.sequence" not in seen
    release(program)


def test_of_several_outputs_each_that_is_read_is_shown_by_its_port() -> None:
    nodes = [node("digits", "data.digits"), node("rows", "squeeze", axis=1), node("memory", "lstm", units=6)]
    nodes += [node("flat", "flatten"), linear("a", 10), linear("b", 10), node("sum", "add")]
    links = [("digits.image", "rows.x"), ("rows.y", "memory.x"), ("memory.sequence", "flat.x"), ("flat.y", "a.x")]
    links += [("memory.state", "b.x"), ("a.y", "sum.a"), ("b.y", "sum.b")]
    program = write(document(nodes, links, {"digits": DIGITS}))
    loaded = load_module(program)
    seen: list[tuple[str, Tensor]] = []
    model = loaded.new_network()
    loaded.tapped(model)(lambda path, value: seen.append((path, value)), image=BATCH["image"])
    values = dict(seen)
    assert len(values) == len(seen)
    assert values["memory.sequence"].shape == (5, 8, 6)
    assert torch.equal(values["memory.state"], values["memory.sequence"][:, -1])
    assert {path for path in values if "." in path} == {"memory.sequence", "memory.state"}
    release(program)


def test_initialization_is_a_function_of_seed_and_node() -> None:
    program = write(cnn())
    one, two, other = (load_module(program).new_network() for _ in range(3))
    before = torch.get_rng_state()
    for model, seed in ((one, 3), (two, 3), (other, 4)):
        initialize(model, program, seed)
    assert torch.equal(before, torch.get_rng_state())
    state = one.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in two.state_dict().items())
    assert not torch.equal(other.state_dict()["fc.weight"], state["fc.weight"])
    release(program)


def test_adding_or_renaming_a_layer_changes_no_other_layer_s_weights() -> None:
    given = cnn()
    arguments = {"node": "pool", "port": "x", "type": "conv2d", "parameters": {"filters": 8}, "id": "n0000001"}
    longer = with_node(edits.apply(given, "insert_layer", arguments), "conv", label="stem")
    short, long = write(given), write(longer)
    assert long.names["conv"] == "stem"
    models = []
    for program in (short, long):
        model = load_module(program).new_network()
        initialize(model, program, 7)
        models.append(weights(model, program))
        release(program)
    assert models[1].keys() - models[0].keys() == {"n0000001"}
    for path, state in models[0].items():
        for key, value in state.items():
            assert torch.equal(value, models[1][path][key]), (path, key)


def test_initialization_follows_the_text() -> None:
    given = cnn(initializer="zeros", trainable=False)
    model = build(given)
    assert not model.conv.weight.any()
    assert model.conv.bias.any()
    assert not model.conv.weight.requires_grad
    assert not model.conv.bias.requires_grad
    assert model.fc.weight.requires_grad


@pytest.mark.parametrize("type", ["multihead_attention", "transformer_encoder_layer", "lstm", "batch_norm1d"])
def test_every_kind_of_module_is_drawn_from_its_seed(type: str) -> None:
    nodes = [node("digits", "data.digits"), node("rows", "squeeze", axis=1), node("layer", type, **({"heads": 2}))]
    port = "a" if type == "matmul" else "x"
    given = document(nodes, [("digits.image", "rows.x"), ("rows.y", f"layer.{port}")], {"digits": DIGITS})
    torch.manual_seed(1)
    one = build(given).state_dict()
    torch.manual_seed(2)
    two = build(given).state_dict()
    assert one
    assert all(torch.equal(value, two[key]) for key, value in one.items())


def test_shared_weights_are_drawn_once_and_learn_together() -> None:
    model = build(shared())
    assert sorted(name for name, _ in model.named_parameters()) == [
        "fc.bias",
        "fc.weight",
        "first.bias",
        "first.weight",
    ]


def test_the_losses_reach_all_weights() -> None:
    program = write(two_heads())
    loaded = load_module(program)
    model = loaded.new_network()
    sum(loaded.losses["train"](model, BATCH).values(), torch.zeros(())).backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in model.parameters())
    release(program)


@pytest.mark.parametrize("tapped", [False, True])
def test_an_error_while_running_names_its_node(tapped: bool) -> None:
    program = write(cnn())
    loaded = load_module(program)
    model = loaded.new_network()
    wrong = torch.zeros(5, 1, 6, 6)
    with pytest.raises(RuntimeError) as caught:
        loaded.tapped(model)(lambda path, value: None, image=wrong) if tapped else model(image=wrong)
    problem = explain(caught.value, program)
    assert problem.node == "fc"
    assert problem.message.startswith("fc failed while running: cannot multiply 5x72 by 128x10")
    assert "x = self.fc(x)" in "".join(traceback.format_exception(caught.value))
    release(program)


@pytest.mark.parametrize(
    ("layer", "value", "words"),
    [
        (node("tokens", "embedding", tokens=5, width=3), torch.tensor([[7]]), "below the layer's number of tokens"),
        (node("norm", "batch_norm1d"), torch.ones(1, 4), "use batches of at least 2"),
    ],
    ids=["token", "batch of one"],
)
def test_what_only_the_numbers_show_is_said_in_plain_words(layer, value, words):
    shape = {"dims": value.shape[1:], "dtype": str(value.dtype).removeprefix("torch.")}
    made = document(
        [node("x", "input", **shape), layer, node("out", "output")],
        [("x.y", f"{layer.id}.x"), (f"{layer.id}.y", "out.x")],
    )
    program = write_program(made, ShapeInference().infer(made))
    network = load_module(program).new_network()
    with pytest.raises((RuntimeError, IndexError, ValueError)) as caught:
        network(value)
    problem = explain(caught.value, program)
    assert problem.node == layer.id
    assert words in problem.message


def test_an_error_in_a_loss_names_the_loss() -> None:
    program = write(cnn())
    loaded = load_module(program)
    with pytest.raises(IndexError) as caught:
        loaded.losses["train"](loaded.new_network(), {**BATCH, "label": torch.full((5,), 99)})
    assert explain(caught.value, program).node == "loss"
    release(program)


def test_too_little_memory_is_said_in_words() -> None:
    program = write(cnn())
    problem = explain(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), program)
    assert problem.code == "run.memory"
    assert "smaller batch size" in problem.message


def test_build_refuses_what_cannot_be_built() -> None:
    given = cnn()
    edges = {target: source for target, source in given.graph.edges.items() if target != PortRef("fc", "x")}
    with pytest.raises(NetbuilderError) as caught:
        build(replace(given, graph=replace(given.graph, edges=edges)))
    assert caught.value.problems[0].node == "fc"


def test_a_network_without_data_or_loss_can_be_built() -> None:
    model = build(document([node("noise", "input", dims=(4,)), linear("fc", 3)], [("noise.y", "fc.x")]))
    assert model(noise=torch.zeros(2, 4)).shape == (2, 3)
