"""Names: legal, unique, and no name that the generated text needs."""

from __future__ import annotations

import builtins
import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbuilder.document.model import Graph
from netbuilder.document.names import RESERVED, free_label, identifier, is_label, unique_label
from netbuilder.foundation.limits import KEY_LENGTH
from tests.builders import node


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Conv 2D", "conv_2d"),
        ("Conv2d", "conv2d"),
        ("LeakyReLU", "leaky_relu"),
        ("BatchNorm2d", "batch_norm2d"),
        ("MSELoss", "mse_loss"),
        ("L1Loss", "l1_loss"),
        ("already_fine", "already_fine"),
        ("with__two", "with__two"),
        ("With  __ many", "with_many"),
        ("2D", "layer_2d"),
        ("input", "input_1"),
        ("forward", "forward_1"),
        ("F", "f_1"),
        ("class", "class_1"),
        ("None", "none_1"),
        ("__init__", "init"),
        ("Ünïcode ﬁ", "unicode_fi"),
        ("层", "node"),
        ("", "node"),
        ("a; import os", "a_import_os"),
    ],
)
def test_identifiers(text: str, label: str) -> None:
    assert identifier(text) == label


@given(st.text(max_size=200))
def test_any_text_becomes_a_legal_label_and_stays_it(text: str) -> None:
    label = identifier(text)
    assert is_label(label)
    assert label.isidentifier()
    assert not keyword.iskeyword(label)
    assert identifier(label) == label


@given(st.lists(st.text("ab_2 ", max_size=70), max_size=8))
def test_labels_are_made_unique_and_legal(wishes: list[str]) -> None:
    graph = Graph()
    for number, wish in enumerate(wishes):
        label = unique_label(graph, wish)
        assert is_label(label)
        assert label not in {each.label for each in graph.nodes.values()}
        graph = Graph(nodes={**graph.nodes, str(number): node(str(number), "relu", label)})


def test_numbers_count_on() -> None:
    assert free_label({"conv"}, "conv") == "conv_2"
    assert free_label({"conv", "conv_2"}, "conv") == "conv_3"
    assert free_label({"conv_2"}, "conv_2") == "conv_3"
    assert free_label({"conv2d"}, "conv2d") == "conv2d_2"
    assert free_label({"a" * KEY_LENGTH}, "a" * KEY_LENGTH) == "a" * (KEY_LENGTH - 8) + "_2"
    last: dict[str, int] = {}
    assert [free_label({"conv"}, "conv", last) for _ in range(3)] == ["conv_2", "conv_3", "conv_4"]


def test_a_node_being_renamed_does_not_stand_in_its_own_way() -> None:
    graph = Graph(nodes={"n1": node("n1", "relu", "conv")})
    assert unique_label(graph, "conv", ("n1",)) == "conv"
    assert unique_label(graph, "conv") == "conv_2"


def test_labels_have_bounds() -> None:
    assert is_label("a" * KEY_LENGTH)
    assert not is_label("a" * (KEY_LENGTH + 1))
    assert not is_label("a\n")


def test_builtins_and_keywords_are_reserved() -> None:
    lower = {name for name in dir(builtins) if name.islower() and not name.startswith("_")}
    assert lower <= RESERVED
    assert {word.lower() for word in [*keyword.kwlist, *keyword.softkwlist]} <= RESERVED


def test_what_a_module_has_is_reserved() -> None:
    torch = pytest.importorskip("torch")
    ours = {name.lower() for name in dir(torch.nn.Module()) if not name.startswith("_")}
    assert ours - {"t_destination"} <= RESERVED
