"""Modules become projects that compute the same, whose blocks are the modules."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import netbuilder
from netbuilder.document.blocks import REPEAT, is_block
from netbuilder.foundation.problem import NetbuilderError
from tests.exchange.incoming.comparing import TOLERANCE, check_import, difference, flat
from tests.exchange.incoming.modules import Residual, ResNet, Shared, networks

NETWORKS = networks()


SAMPLE = ("resnet", "attention", "shared")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SAMPLE else pytest.mark.slow) for name in NETWORKS]
)
def test_a_module_and_its_import_compute_the_same(name: str, tmp_path: Path) -> None:
    module, inputs = NETWORKS[name]
    project = check_import(module, *inputs)
    project.save(tmp_path / "x.netb")
    again = netbuilder.load(tmp_path / "x.netb").build()
    assert difference(module, again, inputs) <= TOLERANCE


def test_blocks_follow_the_modules() -> None:
    project = check_import(*_of("resnet"))
    assert [block.title for block in project.document.blocks.values()].count(
        "Residual"
    ) == 2  # with and without a layer on the shortcut
    rows = [block for block in project.document.blocks.values() if block.title == "Sequential"]
    inside = [node for block in rows for node in block.graph.nodes.values() if is_block(node)]
    assert [node.parameters[REPEAT] for node in inside] == [2, 1, 1]
    plain = next(block for block in project.document.blocks.values() if block.title == "Residual")
    assert [parameter["name"] for parameter in plain.parameters] == ["filters"]
    labels = {node.label for node in plain.graph.nodes.values()}
    assert {"conv1", "bn1", "conv2", "bn2"} <= labels


def _of(name: str) -> tuple[nn.Module, torch.Tensor]:
    module, inputs = NETWORKS[name]
    return module, inputs[0]


def test_equal_blocks_in_a_row_are_one_that_is_repeated() -> None:
    class Tower(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stages = nn.ModuleList(Residual(4, 4) for _ in range(5))
            self.out = nn.Conv2d(4, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for stage in self.stages:
                x = stage(x)
            return self.out(x)

    project = check_import(Tower(), torch.randn(2, 4, 6, 6))
    (node,) = [node for node in project.document.graph.nodes.values() if is_block(node)]
    assert node.parameters[REPEAT] == 5
    assert node.label == "stages"


def test_a_layer_that_is_used_twice_shares_its_weights() -> None:
    project = check_import(*_of("shared"))
    first, second = [node for node in project.document.graph.nodes.values() if node.label.startswith("twice")]
    assert second.tied_to == first.id


def test_weights_that_cannot_be_shared_are_copied_and_told() -> None:
    from netbuilder.exchange.incoming.live_module import import_module

    imported = import_module(Shared(), torch.randint(0, 12, (2, 3)))
    assert any("copy" in note for note in imported.notes)


@pytest.mark.slow
def test_attention_of_torch_is_one_layer() -> None:
    project = check_import(*_of("encoder_layer"))
    graphs = (project.document.graph, *(block.graph for block in project.document.blocks.values()))
    (attention,) = [node for each in graphs for node in each.nodes.values() if node.type == "multihead_attention"]
    assert attention.label == "self_attn"
    assert attention.parameters["heads"] == 2
    assert not attention.parameters["causal"]


@pytest.mark.slow
def test_causal_and_cross_attention_are_found() -> None:
    module, inputs = NETWORKS["translator"]
    project = check_import(module, *inputs)
    graphs = (block.graph for block in project.document.blocks.values())
    found = [node for graph in graphs for node in graph.nodes.values() if node.type == "multihead_attention"]
    assert sorted((node.parameters["cross"], node.parameters["causal"]) for node in found) == [
        (False, False),
        (False, True),
        (True, False),
    ]


class MultiheadAttention(nn.Module):
    """Another class of that name, whose heads are interleaved."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        q, k, v = (each.unflatten(-1, (4, 2)).permute(0, 3, 1, 2) for each in (q, k, v))
        h = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.out(h.permute(0, 2, 3, 1).flatten(2))


def test_another_attention_of_that_name_stays_what_it_is() -> None:
    project = check_import(nn.Sequential(MultiheadAttention()), torch.randn(2, 5, 8))
    graphs = (project.document.graph, *(block.graph for block in project.document.blocks.values()))
    assert all(node.type != "multihead_attention" for graph in graphs for node in graph.nodes.values())


def test_an_operator_without_a_layer_is_opaque_and_the_rest_is_there() -> None:
    class Strange(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(torch.special.i0(self.first(x)))

    project = netbuilder.from_module(Strange(), torch.randn(3, 4))
    types = {node.type for node in project.document.graph.nodes.values()}
    assert "foreign.aten.special_i0.default" in types
    checked = project.check()
    (problem,) = [problem for problem in checked.problems if problem.code == "layer.foreign"]
    assert "special_i0" in problem.message
    last = next(node for node in project.document.graph.nodes.values() if node.label == "last")
    assert str(checked.shapes.types[last.id, "y"]) == "N × 2"
    with pytest.raises(NetbuilderError):
        project.build()


def test_one_sample_is_enough() -> None:
    module = ResNet()
    check_import(module, torch.randn(1, 3, 12, 12))


def test_keyword_arguments_name_the_inputs() -> None:
    class Two(nn.Module):
        def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
            return left - right

    project = netbuilder.from_module(Two(), {"left": torch.randn(2, 3), "right": torch.randn(2, 3)})
    labels = {node.label for node in project.document.graph.nodes.values() if node.type == "input"}
    assert labels == {"left", "right"}


def test_branches_on_values_cannot_be_traced() -> None:
    class Branching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(NetbuilderError) as caught:
        netbuilder.from_module(Branching(), torch.randn(2, 3))
    assert caught.value.problems[0].code == "import.trace"


def test_inputs_need_an_axis_for_the_samples() -> None:
    class Scaled(nn.Module):
        def forward(self, x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
            return x * factor

    with pytest.raises(NetbuilderError) as caught:
        netbuilder.from_module(Scaled(), (torch.randn(2, 3), torch.tensor(2.0)))
    assert caught.value.problems[0].code == "import.batch"


def test_a_difference_would_be_noticed() -> None:
    """The control: other weights give another output."""
    module, inputs = NETWORKS["resnet"]
    project = netbuilder.from_module(module, inputs)
    project.weights = {}
    assert difference(module, project.build(), inputs) > 1e-3
    assert flat((torch.ones(1), [torch.ones(2)]))[1].shape == (2,)
