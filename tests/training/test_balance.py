"""Balanced classes: the weights, where they stand, and that rare classes count by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from netbuilder.compiler.module import load_module
from netbuilder.compiler.problems import find_problems
from netbuilder.compiler.program import write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document import edits
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.balance import count_answers, count_classes, find_balances
from netbuilder.training.protocol import PictureKind
from tests.builders import linear, node
from tests.training.documents import binary, diabetes, iris, network, planned, train, with_optimizer

LOSS = node("loss", "bce_with_logits", label="risk")


def _rare(path, counts=(90, 8, 2)):
    """Return a table whose classes have so many rows, and a network that tells them apart by noise alone."""
    draw = np.random.default_rng(0)
    lines = ["x,y,kind"]
    for label, count in zip("abc", counts, strict=True):
        lines += [f"{draw.normal():.4f},{draw.normal():.4f},{label}" for _ in range(count)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    body = [linear("scores", 3)]
    return network("data.table", body, "cross_entropy", "features", "label", file=str(path), target="kind")


def test_a_class_weighs_by_how_rare_it_is():
    counts = count_classes(np.repeat([0, 1, 2], [6, 3, 1]), ("a", "b", "c"))
    assert [(count.name, count.rows) for count in counts] == [("a", 6), ("b", 3), ("c", 1)]
    assert [count.weight for count in counts] == [0.5556, 1.111, 3.333]
    assert sum(count.rows * count.weight for count in counts) == pytest.approx(10, rel=1e-3)


def test_classes_without_rows_weigh_one_and_outputs_without_a_class_too():
    counts = count_classes(np.array([[0, 0], [2, -1]]), ("a", "b", "c"), outputs=4)
    assert [(count.name, count.rows, count.weight) for count in counts] == [
        ("a", 2, 0.75),
        ("b", 0, 1.0),
        ("c", 1, 1.5),
        ("3", 0, 1.0),
    ]


def test_a_yes_weighs_as_much_as_the_noes_that_stand_against_it():
    column = np.array([1, 0, 0, 0])
    assert [(count.name, count.weight) for count in count_answers(column, LOSS)] == [("yes", 3.0)]
    several = np.array([[1, 0, 1], [0, 0, 1]], np.float32)
    assert [count.weight for count in count_answers(several, LOSS)] == [1.0, 1.0, 1.0]
    with pytest.raises(NetbuilderError, match="risk has values other than 0 and 1"):
        count_answers(np.array([0.5, 1.0]), LOSS)


@pytest.mark.parametrize(
    ("made", "parameter", "count"), [(iris(), "class_weights", 3), (binary(), "positive_weights", 1)]
)
def test_losses_and_their_data_are_found(made, parameter, count):
    (found,) = find_balances(made, (), "", Job())
    assert found.node == "loss"
    assert list(found.values) == [parameter]
    assert len(found.values[parameter]) == count
    if parameter == "positive_weights":
        assert found.counts[0].rows > 0
        assert not found.is_even


def test_where_nothing_can_be_balanced_is_said():
    with pytest.raises(NetbuilderError, match="No loss here takes class weights"):
        find_balances(diabetes(), (), "", Job())
    made = binary()
    between = edits.add_node(made, node("other", "sigmoid"))
    edges = {**between.graph.edges}
    target = next(port for port in edges if port == ("loss", "target"))
    moved = {target._replace(node="other", port="x"): edges[target], target: target._replace(node="other", port="y")}
    odd = replace(between, graph=replace(between.graph, edges={**edges, **moved}))
    with pytest.raises(NetbuilderError, match="straight from a data node") as caught:
        find_balances(odd, (), "", Job())
    assert caught.value.problems[0].node == "loss"


def test_the_text_has_the_weights_and_computes_with_them(tmp_path):
    made = _rare(tmp_path / "rare.csv")
    (found,) = find_balances(made, (), "", Job())
    weights = found.values["class_weights"]
    assert weights[2] > weights[1] > weights[0]
    weighed = edits.set_parameters(made, "loss", found.values)
    program = write_program(weighed, ShapeInference().infer(weighed))
    assert f"weight=output.new_tensor({weights!r})" in program.source
    plain = write_program(made, ShapeInference().infer(made))
    assert "weight=" not in plain.source
    loaded = load_module(program)
    model = loaded.new_network()
    assert model.state_dict().keys() == load_module(plain).new_network().state_dict().keys()
    batch = {"features": torch.randn(6, 2), "label": torch.tensor([0, 0, 1, 1, 2, 2])}
    (loss,) = loaded.losses["train"](model, batch).values()
    expected = F.cross_entropy(model(features=batch["features"]), batch["label"], torch.tensor(weights))
    assert torch.equal(loss, expected)


def test_with_weights_rare_classes_are_predicted(tmp_path):
    made = with_optimizer(planned(_rare(tmp_path / "rare.csv"), epochs=30), "adam", learning_rate=0.05)
    (found,) = find_balances(made, (), "", Job())
    plain = train(made, tmp_path / "a")
    weighed = train(edits.set_parameters(made, "loss", found.values), tmp_path / "b")
    told = [run.pictures(PictureKind.CONFUSION)[""].data.sum(axis=0) for run in (plain, weighed)]
    assert (told[0] > 0).tolist() == [True, False, False], "all are called the common class"
    assert (told[1] > 0).sum() > 1


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ((1.0, 2.0), "a weight for each of 3 classes, got 2 weights"),
        ((1.0,), "a weight for each of 3 classes, got 1 weight"),
    ],
)
def test_too_few_weights_are_a_problem_with_a_fix(weights, words):
    made = edits.set_parameters(iris(), "loss", {"class_weights": weights})
    problems = find_problems(made, ShapeInference().infer(made))
    (problem,) = [each for each in problems if each.is_error]
    assert words in problem.message
    assert problem.node == "loss"
    fixed = edits.apply(made, problem.fixes[0].edit, problem.fixes[0].arguments)
    assert not [each for each in find_problems(fixed, ShapeInference().infer(fixed)) if each.is_error]


def test_weights_of_yes_are_torchs():
    made = edits.set_parameters(binary(), "loss", {"positive_weights": (3.0,)})
    program = write_program(made, ShapeInference().infer(made))
    assert "pos_weight=" in program.source
    loaded = load_module(program)
    model = loaded.new_network()
    features = torch.randn(8, 30)
    batch = {"features": features, "label": torch.tensor([0, 1] * 4)}
    (loss,) = loaded.losses["train"](model, batch).values()
    target = batch["label"].float()[:, None]
    expected = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0]))(model(features=features), target)
    assert torch.equal(loss, expected)
