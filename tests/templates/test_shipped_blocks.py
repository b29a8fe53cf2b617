"""The shipped blocks: each compiles, learns, and computes what an independent reference does."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netbuilder.compiler.module import initialize, load_module, release
from netbuilder.compiler.problems import find_problems
from netbuilder.compiler.program import TRAINING, Program, write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.block_files import SUFFIX, read_block
from netbuilder.document.blocks import needed, signature, uses
from netbuilder.document.model import Definition, Document, Graph, Node, PortRef
from netbuilder.foundation.resources import resource, resource_names
from netbuilder.layers.catalog import catalog

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
VOCABULARY = 20


def script() -> Any:
    sys.path.insert(0, str(PACKAGING))
    try:
        return importlib.import_module("make_blocks")
    finally:
        sys.path.remove(str(PACKAGING))


BLOCKS: dict[str, Definition] = {block.key: block for block in script().BLOCKS}


def test_the_files_are_what_the_script_makes() -> None:
    made = {f"blocks/{name}": text for name, text in script().files().items()}
    assert resource_names("blocks", SUFFIX) == sorted(made)
    for name, text in made.items():
        assert resource(name).read_text("utf-8") == text, f"{name}: run packaging/make_blocks.py"
        assert read_block(resource(name)).definition == BLOCKS[read_block(resource(name)).block]


def document_of(key: str, dims: Mapping[str, tuple[int, ...]] | None = None, **values: Any) -> Document:
    """Return a network of one instance between Input and Output nodes; `dims` replace what the inputs show."""
    block = BLOCKS[key]
    declared = signature(block)
    nodes: dict[str, Node] = {}
    edges: dict[PortRef, PortRef] = {}

    def put(id: str, type: str, label: str, **parameters: Any) -> None:
        nodes[id] = Node(id=id, type=type, label=label, parameters={**catalog()[type].defaults(), **parameters})

    for port, id in declared.inputs.items():
        own = dict(block.graph.nodes[id].parameters)
        own |= {"vocabulary": VOCABULARY} if own["dtype"] == "int64" else {}
        put(f"in_{port}", "input", f"in_{port}", **(own | ({"dims": dims[port]} if dims and port in dims else {})))
        edges[PortRef("b", port)] = PortRef(f"in_{port}", "y")
    defaults = {parameter.name: parameter.default for parameter in declared.parameters}
    nodes["b"] = Node(id="b", type=f"block.{key}", label="block", parameters=defaults | values)
    for port in declared.outputs:
        put(f"out_{port}", "output", f"out_{port}")
        edges[PortRef(f"out_{port}", "x")] = PortRef("b", port)
    inside = needed(Document(blocks=BLOCKS), uses(block.graph))
    return Document(graph=Graph(nodes=nodes, edges=edges), blocks={key: block, **inside})


def compiled(given: Document) -> tuple[Program, nn.Module, dict[str, Tensor]]:
    """Return the program, a network and inputs for it."""
    shapes = ShapeInference().infer(given)
    problems = [each for each in find_problems(given, shapes) if each.is_error and each.code not in TRAINING]
    assert not problems, [each.message for each in problems]
    program = write_program(given, shapes)
    loaded = load_module(program)
    model = loaded.new_network()
    initialize(model, program, 0)
    torch.manual_seed(7)
    batch = {}
    for field, port in program.sources.items():
        type_ = shapes.types[port]
        size = [2, *(dim if isinstance(dim, int) else 5 for dim in type_.dims[1:])]
        batch[field] = torch.randint(0, VOCABULARY, size) if type_.dtype == "int64" else torch.randn(size)
    torch.manual_seed(1)
    expected = outputs(model(**batch))
    torch.manual_seed(1)
    found = outputs(loaded.tapped(model)(lambda path, value: None, **batch))
    assert all(map(torch.equal, expected, found))
    release(program)
    return program, model, batch


def outputs(result: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("key", list(BLOCKS))
def test_every_block_compiles_and_gradients_reach_all_its_weights(key: str) -> None:
    program, model, batch = compiled(document_of(key))
    sum((value.square().sum() for value in outputs(model(**batch))), torch.zeros(())).backward()
    assert all(weight.grad is not None for weight in model.parameters())
    ast_names = {name.split(".")[1] for name in program.names.values()}
    assert all(not name.startswith("node") for name in ast_names)


@pytest.mark.parametrize("key", list(BLOCKS))
def test_every_block_says_what_it_is(key: str) -> None:
    block = BLOCKS[key]
    declared = signature(block)
    assert not declared.mistakes
    assert block.title
    assert len(block.description) > 60
    assert block.reference
    assert declared.inputs
    assert declared.outputs
    assert all(parameter.help for parameter in declared.parameters)
    used = repr([node.parameters for node in block.graph.nodes.values()])
    assert all(parameter.name in used for parameter in declared.parameters[:-1]), "a parameter that nothing uses"


SAME_SIZE = {
    "residual": {},
    "bottleneck": {},
    "squeeze_excitation": {},
    "dense_layer": {},
    "inverted_residual": {},
    "self_attention": {},
    "rotary_self_attention": {},
    "feed_forward": {},
    "transformer_encoder_block": {},
    "transformer_causal_block": {},
    "transformer_decoder_block": {},
    "double_conv": {},
}


@pytest.mark.parametrize("key", list(SAME_SIZE))
def test_blocks_repeat_in_series_with_fresh_weights(key: str) -> None:
    one = compiled(document_of(key))[1]
    _, three, batch = compiled(document_of(key, repeat=3))
    weights = list(three.parameters())
    if key != "dense_layer":
        assert sum(each.numel() for each in weights) == 3 * sum(each.numel() for each in one.parameters())
    assert not any(torch.equal(a, b) for a, b in pairwise(weights) if a.ndim > 1 and a.shape == b.shape)
    assert torch.isfinite(outputs(three(**batch))[0]).all()


# -- references --------------------------------------------------------------------------------------------------------

Weights = Mapping[str, Tensor]


def linear(w: Weights, name: str, x: Tensor) -> Tensor:
    return F.linear(x, w[f"{name}.weight"], w.get(f"{name}.bias"))


def norm(w: Weights, name: str, x: Tensor) -> Tensor:
    return F.batch_norm(x, None, None, w[f"{name}.weight"], w[f"{name}.bias"], training=True)


def conv(w: Weights, name: str, x: Tensor, stride: int = 1, groups: int = 1) -> Tensor:
    kernel = w[f"{name}.weight"]
    return F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2, groups=groups)


def basic(w: Weights, x: Tensor) -> Tensor:
    h = F.relu(norm(w, "norm_1", conv(w, "conv_1", x)))
    return F.relu(norm(w, "norm_2", conv(w, "conv_2", h)) + x)


def basic_down(w: Weights, x: Tensor) -> Tensor:
    h = F.relu(norm(w, "norm_1", conv(w, "conv_1", x, stride=2)))
    shortcut = norm(w, "norm_shortcut", conv(w, "shortcut", x, stride=2))
    return F.relu(norm(w, "norm_2", conv(w, "conv_2", h)) + shortcut)


def bottle_down(w: Weights, x: Tensor) -> Tensor:
    h = F.relu(norm(w, "norm_1", conv(w, "reduce", x)))
    h = F.relu(norm(w, "norm_2", conv(w, "conv", h, stride=2)))
    shortcut = norm(w, "norm_shortcut", conv(w, "shortcut", x, stride=2))
    return F.relu(norm(w, "norm_3", conv(w, "widen", h)) + shortcut)


def excitation(w: Weights, x: Tensor) -> Tensor:
    gate = torch.sigmoid(linear(w, "excite", F.relu(linear(w, "reduce", x.mean(dim=(2, 3))))))
    return x * gate[:, :, None, None]


def mobile(w: Weights, x: Tensor) -> Tensor:
    h = F.relu6(norm(w, "norm_1", conv(w, "widen", x)))
    h = F.relu6(norm(w, "norm_2", conv(w, "depthwise", h, groups=h.shape[1])))
    return norm(w, "norm_3", conv(w, "narrow", h)) + x


def bahdanau(w: Weights, query: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    scores = [
        linear(w, "score", torch.tanh(linear(w, "of_memory", step) + linear(w, "of_query", query)))
        for step in memory.unbind(1)
    ]
    weights = torch.softmax(torch.cat(scores, dim=1), dim=1)
    return torch.einsum("nt,ntf->nf", weights, memory), weights


REFERENCES: Mapping[str, Callable[..., Any]] = {
    "residual": basic,
    "residual_down": basic_down,
    "bottleneck_down": bottle_down,
    "squeeze_excitation": excitation,
    "inverted_residual": mobile,
    "additive_attention": bahdanau,
}


@pytest.mark.parametrize("key", list(REFERENCES))
def test_a_block_computes_what_its_paper_says(key: str) -> None:
    _, model, batch = compiled(document_of(key))
    weights = dict(model.get_submodule("block").named_parameters())
    found = outputs(model(**batch))
    expected = outputs(REFERENCES[key](weights, *batch.values()))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def attention_weights(block: nn.Module, prefix: str, target: nn.MultiheadAttention) -> None:
    """Copy the weights of one of our attention blocks into torch's."""
    part = block.get_submodule(prefix) if prefix else block
    names = ("query", "key", "value")
    assert target.in_proj_weight is not None
    target.in_proj_weight.data = torch.cat([part.get_submodule(name).weight.data for name in names])
    target.in_proj_bias.data = torch.cat([part.get_submodule(name).bias.data for name in names])
    target.out_proj.load_state_dict(part.get_submodule("projection").state_dict())


def test_self_attention_is_torchs() -> None:
    for key, causal in (("self_attention", False), ("causal_self_attention", True)):
        _, model, batch = compiled(document_of(key))
        reference = nn.MultiheadAttention(64, 4, batch_first=True)
        attention_weights(model.get_submodule("block"), "", reference)
        (x,) = batch.values()
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if causal else None
        expected, _ = reference(x, x, x, attn_mask=mask, need_weights=False)
        torch.testing.assert_close(model(**batch), expected, rtol=1e-4, atol=1e-5)


def move(block: nn.Module, target: nn.Module, parts: Mapping[str, str]) -> None:
    for ours, theirs in parts.items():
        target.get_submodule(theirs).load_state_dict(block.get_submodule(ours).state_dict())


FEED = {"feed_forward.widen": "linear1", "feed_forward.narrow": "linear2"}


@pytest.mark.parametrize(
    ("key", "first"), [("transformer_encoder_block", True), ("transformer_encoder_block_post", False)]
)
def test_encoder_blocks_are_torchs(key: str, first: bool) -> None:
    _, model, batch = compiled(document_of(key, dropout=0.0))
    reference = nn.TransformerEncoderLayer(64, 4, 256, 0.0, "gelu", batch_first=True, norm_first=first)
    block = model.get_submodule("block")
    attention_weights(block, "attention", reference.self_attn)
    move(block, reference, {**FEED, "norm_attention": "norm1", "norm_feed_forward": "norm2"})
    (x,) = batch.values()
    torch.testing.assert_close(model(**batch), reference(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("key", "first"), [("transformer_decoder_block", True), ("transformer_decoder_block_post", False)]
)
def test_decoder_blocks_are_torchs(key: str, first: bool) -> None:
    _, model, batch = compiled(document_of(key, dropout=0.0, dims={"memory": (9, 64)}))
    reference = nn.TransformerDecoderLayer(64, 4, 256, 0.0, "gelu", batch_first=True, norm_first=first)
    block = model.get_submodule("block")
    attention_weights(block, "attention", reference.self_attn)
    attention_weights(block, "cross_attention", reference.multihead_attn)
    norms = {"norm_attention": "norm1", "norm_cross_attention": "norm2", "norm_feed_forward": "norm3"}
    move(block, reference, {**FEED, **norms})
    x, memory = batch["in_x"], batch["in_memory"]
    mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
    expected = reference(x, memory, tgt_mask=mask, tgt_is_causal=True)
    torch.testing.assert_close(model(**batch), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "key", ["causal_self_attention", "rotary_self_attention", "transformer_causal_block", "transformer_rotary_block"]
)
def test_causal_blocks_do_not_look_ahead(key: str) -> None:
    _, model, batch = compiled(document_of(key, repeat=2))
    model.eval()
    (field, x), *_ = batch.items()
    changed = x.clone()
    changed[:, -1] += 1.0
    before, after = model(**batch), model(**{**batch, field: changed})
    assert torch.equal(before[:, :-1], after[:, :-1])
    assert not torch.equal(before[:, -1], after[:, -1])


def test_rotary_positions_know_distances_only() -> None:
    """The products of turned queries and keys stay the same when all positions are shifted."""
    spec = catalog()["rotary_positions"]
    namespace: dict[str, Any] = {"torch": torch, "nn": nn, "Tensor": Tensor}
    exec(spec.support, namespace)
    turn = namespace["RotaryPositions"](16, 10_000.0)
    query, key = torch.randn(16), torch.randn(16)

    def product(at: int, other: int) -> Tensor:
        longer = torch.zeros(1, 40, 16)
        longer[0, at], longer[0, other] = query, key
        turned = turn(longer)[0]
        only_query = torch.zeros(1, 40, 16)
        only_query[0, at] = query
        return turn(only_query)[0, at] @ turned[other]

    torch.testing.assert_close(product(3, 10), product(20, 27), rtol=1e-4, atol=1e-4)
    assert not torch.isclose(product(3, 10), product(3, 12), atol=1e-3)


def test_squeeze_and_excitation_of_few_channels_keeps_a_unit() -> None:
    _, model, _ = compiled(document_of("squeeze_excitation", dims={"x": (4, 8, 8)}, channels=4, reduction=16))
    assert model.get_submodule("block.reduce").weight.shape == (1, 4)


def test_a_hundred_blocks_are_one_class() -> None:
    program, model, _ = compiled(document_of("feed_forward", repeat=100, dropout=0.0))
    assert program.source.count("class FeedForward(") == 1
    assert len(list(model.parameters())) == 400
