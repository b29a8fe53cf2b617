"""Weights moved into an edited network: the function stays where it can, what is unchanged stays to the last bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from netbuilder.data.schemas import describe
from netbuilder.document import edits
from netbuilder.document.model import Document
from netbuilder.layers.catalog import catalog
from netbuilder.training.network import Network
from netbuilder.training.transplant import Body, Transplant, transplant
from tests.builders import chain, conv2d, linear, node, tiny_cnn, tiny_mlp
from tests.builders import document as built_of
from tests.compiler.blocks import define, with_blocks
from tests.training.documents import iris, network, rows_lstm

CLOSE = 1e-5


def built(document: Document) -> Network:
    """Return a network that has learned a little: no weight and no statistic is what it was drawn as."""
    made = Network(document, torch.device("cpu"))
    generator = torch.Generator().manual_seed(1)
    for tensor in made.model.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(0.2 * torch.rand(tensor.shape, generator=generator))
    return made


def moved(before: Network, document: Document) -> tuple[Network, Transplant]:
    """Return an edited document's network with what could be moved."""
    after = Network(document, torch.device("cpu"))
    done = transplant(Body(before.document, before.modules), Body(after.document, after.modules))
    return after, done


def outputs(made: Network, training: bool) -> torch.Tensor:
    """Return what a network makes of the same 32 samples."""
    generator = torch.Generator().manual_seed(0)
    batch = {}
    for key, port in made.program.sources.items():
        field = made.field(port)
        assert field is not None
        batch[key] = torch.rand((32, *field.dims), generator=generator)
    made.model.train(training)
    with torch.no_grad():
        return made.predict(batch)[0]


def check_same_function(document: Document, edited: Document, *, training: bool = True) -> Transplant:
    """Check that an edit changes no output, in training mode and in evaluation."""
    before = built(document)
    after, done = moved(before, edited)
    for mode in (False, *([True] if training else [])):
        want, got = outputs(before, mode), outputs(after, mode)
        assert want.abs().max() > 1e-3
        torch.testing.assert_close(got, want, atol=CLOSE, rtol=CLOSE)
    assert not done.inexact
    return done


def weight(made: Network, path: str, name: str = "weight") -> torch.Tensor:
    """Return a node's weight."""
    return made.modules[path].get_parameter(name)


def with_values(document: Document, values: Mapping[str, Mapping[str, Any]]) -> Document:
    """Return a document with some layers' parameters changed."""
    for id, changed in values.items():
        document = edits.set_parameters(document, id, changed)
    return document


def inserted(document: Document, target: str, key: str, id: str = "new", **values: Any) -> Document:
    """Return a document with a layer put before an input port."""
    spec = catalog()[key]
    to, port = target.split(".")
    return edits.insert_layer(document, to, port, key, spec.defaults() | values, id=id)


def gru() -> Document:
    """Return digits read row by row by a GRU whose last state is scored."""
    document = edits.replace_type(rows_lstm(), "lstm", "gru", {**catalog()["gru"].defaults(), "units": 12})
    return with_values(document, {"lstm": {"units": 12}})


WIDENED: dict[str, tuple[Document, dict[str, dict[str, Any]]]] = {
    "linear": (tiny_mlp(), {"hidden": {"units": 48}}),
    "one of two": (iris(8, node("act", "tanh"), linear("second", 6), node("act2", "relu")), {"second": {"units": 9}}),
    "convolution with a residual sum": (tiny_cnn(8), {"stem": {"filters": 12}, "conv": {"filters": 12}}),
    "kernel": (tiny_cnn(8), {"conv": {"kernel_size": (5, 5)}}),
    "lstm": (rows_lstm(), {"lstm": {"units": 20}}),
    "gru": (gru(), {"lstm": {"units": 20}}),
    "two layers of an lstm": (
        with_values(rows_lstm(), {"lstm": {"layers": 2}}),
        {"lstm": {"units": 15}},
    ),
    "both directions": (
        with_values(rows_lstm(), {"lstm": {"bidirectional": True}}),
        {"lstm": {"units": 15}},
    ),
}


@pytest.mark.parametrize("name", WIDENED)
def test_widening_keeps_the_function(name: str) -> None:
    document, values = WIDENED[name]
    done = check_same_function(document, with_values(document, values))
    assert done.resized
    assert not done.fresh


def test_what_is_new_in_a_widened_layer_learns() -> None:
    """Zeros on both sides of a new unit would never get a gradient."""
    before = built(tiny_mlp(8))
    after, _ = moved(before, with_values(tiny_mlp(8), {"hidden": {"units": 12}}))
    batch = {"image": torch.rand(32, 1, 8, 8), "label": torch.arange(32) % 10}
    losses = after.losses(after.document.plan.phases[0])(after.model, batch)
    losses["loss"].backward()  # type: ignore[no-untyped-call]
    scores = weight(after, "scores")
    assert scores.grad is not None
    assert scores.grad[:, 8:].abs().sum(0).gt(0).any()
    hidden = weight(after, "hidden")
    assert bool(hidden[8:].abs().sum(1).gt(0).all())


def test_concatenated_features_find_their_columns() -> None:
    """What stands behind a widened part of a concatenation moves along."""
    nodes = [linear("left", 4), linear("right", 5), node("both", "concat", axis=1, inputs=2), linear("scores", 3)]
    links = [
        ("data.features", "left.x"),
        ("data.features", "right.x"),
        ("left.y", "both.a"),
        ("right.y", "both.b"),
        ("both.y", "scores.x"),
        ("scores.y", "loss.prediction"),
        ("data.label", "loss.target"),
    ]
    ends = [node("data", "data.iris"), node("loss", "cross_entropy")]
    document = built_of([*ends, *nodes], links, {"data": describe("data.iris", {})})
    check_same_function(document, with_values(document, {"left": {"units": 7}}))


def test_flattened_channels_find_their_columns() -> None:
    body = [conv2d("conv", 4), node("pool", "max_pool2d"), node("flat", "flatten"), linear("scores", 10)]
    document = network("data.digits", body, "cross_entropy", "image", "label")
    check_same_function(document, with_values(document, {"conv": {"filters": 7}}))


def test_narrowing_keeps_the_leading_units() -> None:
    before = built(tiny_mlp(32))
    after, done = moved(before, with_values(tiny_mlp(32), {"hidden": {"units": 20}}))
    assert set(done.resized) == {"hidden", "scores"}
    assert torch.equal(weight(after, "hidden"), weight(before, "hidden")[:20])
    assert torch.equal(weight(after, "scores"), weight(before, "scores")[:, :20])


INSERTED: dict[str, tuple[Document, str, str, dict[str, Any]]] = {
    "linear": (tiny_mlp(), "scores.x", "linear", {"units": 32}),
    "convolution": (tiny_cnn(8), "norm.x", "conv2d", {"filters": 8}),
    "depthwise": (tiny_cnn(8), "norm.x", "conv2d", {"filters": 8, "groups": 8}),
    "relu after relu": (tiny_mlp(), "scores.x", "relu", {}),
}


@pytest.mark.parametrize("name", INSERTED)
def test_inserting_keeps_the_function(name: str) -> None:
    document, target, key, values = INSERTED[name]
    done = check_same_function(document, inserted(document, target, key, **values))
    assert not done.resized
    assert not done.gone


def test_widening_and_inserting_at_once_keep_the_function() -> None:
    document = tiny_mlp(8)
    edited = with_values(inserted(document, "scores.x", "linear", units=8), {"hidden": {"units": 12}})
    edited = with_values(edited, {"new": {"units": 12}})
    check_same_function(document, edited)


def test_a_normalization_is_told_to_change_the_function() -> None:
    before = built(tiny_mlp())
    after, done = moved(before, inserted(tiny_mlp(), "act.x", "batch_norm1d"))
    assert done.inexact == {"new": "normalizes what it is given"}
    assert done.fresh == ("new",)
    assert torch.equal(weight(after, "hidden"), weight(before, "hidden"))
    torch.testing.assert_close(outputs(after, False), outputs(before, False), atol=1e-3, rtol=1e-3)


def test_a_repeat_more_keeps_the_function() -> None:
    """A residual block once more begins with a branch of zeros."""
    once = staged_residual(1)
    check_same_function(once, with_values(once, {"b1": {"repeat": 2}}))


def staged_residual(repeat: int) -> Document:
    """Return digits -> a convolution -> blocks x + F(x), so many -> scores."""
    body = [conv2d("r_conv", 8), node("r_norm", "batch_norm2d"), node("r_act", "relu"), conv2d("r_last", 8)]
    nodes = [node("r_in", "input", "x"), *body, node("r_sum", "add", "added"), node("r_out", "output", "y")]
    links = [
        ("r_in.y", "r_conv.x"),
        *chain(*body),
        ("r_last.y", "r_sum.a"),
        ("r_in.y", "r_sum.b"),
        ("r_sum.y", "r_out.x"),
    ]
    return with_blocks(
        [conv2d("stem", 8), node("b1", "block.residual", "block", repeat=repeat)], define("residual", nodes, links)
    )


def test_what_is_unchanged_stays_to_the_last_bit() -> None:
    before = built(tiny_cnn())
    after, done = moved(before, inserted(tiny_cnn(), "scores.x", "linear", units=40))
    old = before.model.state_dict()
    names = {path: attribute for path, attribute in before.program.names.items() if path != "scores"}
    for attribute in names.values():
        for key in (key for key in old if key.startswith(f"{attribute}.")):
            assert torch.equal(after.model.state_dict()[key], old[key]), key
    assert set(names) <= set(done.kept)


def test_deleting_keeps_the_rest() -> None:
    document = iris(8, node("act", "tanh"), linear("second", 8), node("act2", "tanh"))
    before = built(document)
    after, done = moved(before, edits.remove_and_heal(document, ["second", "act2"]))
    assert done.gone == ("second",)
    assert set(done.kept) == {"hidden", "scores"}
    assert torch.equal(weight(after, "scores"), weight(before, "scores"))


def test_renaming_moves_nothing() -> None:
    document = iris()
    renamed = edits.rename(edits.rename(document, "scores", "other"), "hidden", "scores")
    done = check_same_function(document, renamed)
    assert done.kept == ("hidden", "scores")


def test_another_kind_of_layer_is_drawn_anew() -> None:
    document = rows_lstm()
    before = built(document)
    changed = edits.replace_type(document, "lstm", "gru", {**catalog()["gru"].defaults(), "units": 12})
    after, done = moved(before, changed)
    assert done.fresh == ("lstm",)
    assert done.kept == ("scores",)
    assert not torch.equal(weight(after, "lstm", "weight_hh_l0")[:36], weight(before, "lstm", "weight_hh_l0")[:36])


def test_a_parameter_more_is_drawn_and_the_rest_kept() -> None:
    document = with_values(tiny_mlp(), {"hidden": {"bias": False}})
    before = built(document)
    after, done = moved(before, tiny_mlp())
    assert done.resized == ("hidden",)
    assert torch.equal(weight(after, "hidden"), weight(before, "hidden"))
