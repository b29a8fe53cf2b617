"""Channels innermost, by a rule that needs no clock, and evaluations that keep to the caches."""

from dataclasses import replace

import pytest
import torch

from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.model import Definition, Document
from netbuilder.layers.catalog import catalog
from netbuilder.training import memory
from netbuilder.training.memory import evaluation_rows, suits_channels_last
from netbuilder.training.network import Network
from tests.builders import DIGITS, chain, conv2d, document, linear, node, tiny_cnn, tiny_mlp
from tests.training.documents import planned, train

CPU = torch.device("cpu")


def convolutional(*body, head=(), **blocks: Definition) -> Document:
    """Return digits -> conv -> body -> flatten -> head -> scores -> loss."""
    nodes = [conv2d("conv", 4), *body, node("flat", "flatten"), *head, linear("scores", 10)]
    links = [
        ("digits.image", "conv.x"),
        *chain(*nodes),
        ("scores.y", "loss.prediction"),
        ("digits.label", "loss.target"),
    ]
    found = document([node("digits", "data.digits"), *nodes, node("loss", "cross_entropy")], links, {"digits": DIGITS})
    return replace(found, blocks=blocks)


def block(*body) -> Definition:
    """Return a block with one input and one output."""
    nodes = [node("in", "input", "x"), *body, node("out", "output", "y")]
    links = [("in.y", f"{body[0].id}.x"), *chain(*body), (f"{body[-1].id}.y", "out.x")]
    return Definition(key="some", title="Some", graph=document(nodes, links).graph)


def suits(made: Document) -> bool:
    shapes = ShapeInference().infer(made)
    assert not shapes.problems, shapes.problems
    return suits_channels_last(made, shapes)


def test_every_layer_named_is_in_the_catalog():
    assert {spec.key for spec in catalog()} >= memory.CHANNELS_LAST


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (tiny_cnn(), True),
        (tiny_mlp(), False),
        (convolutional(node("norm", "batch_norm2d"), node("pool", "max_pool2d")), True),
        (convolutional(node("norm", "group_norm", groups=2)), False),
        (convolutional(node("inside", "block.some"), some=block(node("norm", "batch_norm2d"))), True),
        (convolutional(node("inside", "block.some"), some=block(node("norm", "instance_norm2d"))), False),
    ],
    ids=["a CNN", "an MLP", "known layers", "group normalization", "in a block", "slow in a block"],
)
def test_networks_whose_images_meet_fast_layers_only_have_channels_innermost(made, expected):
    assert suits(made) is expected
    weights = [each for each in Network(made, CPU).model.state_dict().values() if each.dim() == 4 and each.shape[1] > 1]
    for weight in weights:
        assert weight.is_contiguous(memory_format=torch.channels_last) is expected


def test_what_a_vector_meets_does_not_matter():
    assert suits(convolutional(head=[node("norm", "layer_norm")]))


def test_it_learns_the_same_with_channels_innermost(tmp_path, monkeypatch):
    """Sums are taken in another order, so the last bits differ; and of two equal runs none does."""
    made = planned(convolutional(node("norm", "batch_norm2d"), node("pool", "max_pool2d")), epochs=1)
    runs = [train(made, tmp_path / "innermost"), train(made, tmp_path / "again")]
    monkeypatch.setattr(memory, "CONVOLUTIONS", frozenset())
    runs.append(train(made, tmp_path / "usual"))
    innermost, again, usual = (run.series("loss/train") for run in runs)
    assert innermost == again
    assert innermost != usual, "the format has no effect, so that this shows nothing"
    assert innermost == pytest.approx(usual, rel=1e-3)


def test_other_devices_keep_the_usual_format():
    made = Network(convolutional(conv2d("more", 4)), torch.device("meta")).model
    weights = made.get_submodule("more").weight
    assert weights.is_contiguous()
    assert not weights.is_contiguous(memory_format=torch.channels_last)


def test_an_evaluation_takes_as_many_rows_as_fit_the_caches():
    def rows(made: Document) -> int:
        return evaluation_rows(made, ShapeInference().infer(made))

    widest = 4 * 8 * 8 * 4  # bytes of four maps
    assert rows(convolutional()) == memory.EVALUATION_BYTES // widest
    nested = convolutional(node("inside", "block.some", repeat=3), some=block(node("act", "relu"), node("bn", "relu")))
    assert rows(nested) == memory.EVALUATION_BYTES // widest, "a block is as wide as the widest layer in it"
    assert rows(planned(convolutional(), batch_size=1000)) == 1000, "no fewer than a step takes"
    assert rows(tiny_mlp()) > 1000
