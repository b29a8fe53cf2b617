from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netbuilder.compiler.problems import find_problems
from netbuilder.compiler.program import write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document import edits
from netbuilder.document.model import Definition, Document, Field, Graph, Phase, PortRef, Schema
from netbuilder.foundation.problem import Problem, Severity
from netbuilder.layers.catalog import catalog
from tests.builders import DIGITS, chain, document, linear, node
from tests.compiler.documents import cnn, residual, shared, two_heads, with_node, with_parameters


def problems(given: Document) -> tuple[Problem, ...]:
    return find_problems(given, ShapeInference().infer(given))


def codes(given: Document) -> list[str]:
    return [problem.code for problem in problems(given)]


def mended(given: Document, problem: Problem, index: int = 0) -> Document:
    fix = problem.fixes[index]
    return edits.apply(given, fix.edit, fix.arguments)


def with_link(given: Document, source: str, target: str) -> Document:
    origin, to = source.split("."), target.split(".")
    edges = {**given.graph.edges, PortRef(to[0], to[1]): PortRef(origin[0], origin[1])}
    return replace(given, graph=replace(given.graph, edges=edges))


def without_link(given: Document, target: str) -> Document:
    return edits.disconnect(given, PortRef(*target.split(".")))


def with_layer(given: Document, id: str, type: str, **parameters: Any) -> Document:
    values = {**catalog()[type].defaults(), **parameters}
    return edits.add_node(given, node(id, type, **values))


@pytest.mark.parametrize("make", [cnn, residual, two_heads, shared])
def test_sound_documents_have_no_problems(make: Any) -> None:
    assert problems(make()) == ()


def test_an_empty_document_says_how_to_begin() -> None:
    (problem,) = problems(document([]))
    assert problem.code == "graph.empty"
    assert "drag" in problem.message


def test_a_missing_link_names_the_input_and_offers_the_only_candidate() -> None:
    given = without_link(cnn(), "fc.x")
    (problem,) = [each for each in problems(given) if each.is_error]
    assert (problem.code, problem.node, problem.port) == ("input.open", "fc", "x")
    assert problem.fixes[0].title == "Link it to flat"
    assert not problems(mended(given, problem))


@pytest.mark.parametrize("port", ["prediction", "target"])
def test_an_open_loss_offers_its_link(port: str) -> None:
    given = without_link(cnn(), f"loss.{port}")
    (problem,) = [each for each in problems(given) if each.code == "input.open"]
    assert (problem.node, problem.port) == ("loss", port)
    assert not problems(mended(given, problem))


def test_a_layer_just_dropped_does_not_stand_in_the_way() -> None:
    given = with_layer(cnn(), "fresh", "relu")
    assert not any(problem.is_error for problem in problems(given))
    assert {problem.code for problem in problems(given)} == {"input.open", "graph.island"}


def test_a_loose_end_is_only_advice() -> None:
    given = with_link(with_layer(cnn(), "extra", "tanh"), "pool.y", "extra.x")
    (problem,) = problems(given)
    assert (problem.code, problem.node, problem.severity) == ("node.unused", "extra", Severity.ADVICE)


def test_a_mistake_off_the_way_to_the_loss_is_a_warning() -> None:
    given = with_link(with_layer(cnn(), "extra", "linear", units=-4), "flat.y", "extra.x")
    found = {problem.code: problem for problem in problems(given)}
    assert found["parameter.value"].severity is Severity.WARNING
    write_program(given, ShapeInference().infer(given))


def test_a_circle_names_its_nodes_and_can_be_cut() -> None:
    given = with_link(cnn(), "pool.y", "conv.x")
    (problem,) = [each for each in problems(given) if each.code == "graph.cycle"]
    assert "conv → act → pool → conv" in problem.message
    assert "graph.cycle" not in codes(mended(given, problem))


def test_a_link_from_a_field_that_is_gone() -> None:
    given = replace(cnn(), schemas={"digits": Schema(fields=(DIGITS.fields[0],))})
    (problem,) = [each for each in problems(given) if each.code == "link.port"]
    assert (problem.node, problem.port) == ("digits", "label")
    assert "link.port" not in codes(mended(given, problem))


def test_a_link_to_a_port_that_is_gone() -> None:
    given = with_link(cnn(), "act.y", "pool.mask")
    (problem,) = [each for each in problems(given) if each.code == "link.port"]
    assert (problem.node, problem.port) == ("pool", "mask")
    assert not problems(mended(given, problem))


def test_a_link_to_a_node_that_is_gone() -> None:
    given = with_link(cnn(), "ghost.y", "lost.x")
    assert "link.node" in codes(given)
    assert "link.node" in codes(with_link(cnn(), "ghost.y", "fc.x"))


def test_no_loss_and_no_data() -> None:
    given = edits.remove_nodes(cnn(), ["loss"])
    assert codes(given) == ["loss.missing"]
    write_program(given, ShapeInference().infer(given))
    assert set(codes(document([linear("fc", 3)]))) == {"data.missing", "loss.missing", "input.open"}


def test_data_that_was_not_read_yet() -> None:
    assert "data.schema" in codes(replace(cnn(), schemas={}))


def test_data_sources_of_different_lengths() -> None:
    nodes = [*cnn().graph.nodes.values(), node("more", "data.iris")]
    given = replace(cnn(), graph=replace(cnn().graph, nodes={each.id: each for each in nodes}))
    labels = Schema(fields=(Field(name="label", dtype="int64", classes=DIGITS.fields[1].classes),), rows=150)
    given = replace(given, schemas={**given.schemas, "more": labels})
    (problem,) = problems(with_link(given, "more.label", "loss.target"))
    assert problem.code == "data.rows"
    assert "1,797" in problem.message


def test_an_input_that_nobody_fills() -> None:
    nodes = [node("noise", "input", dims=(1, 8, 8)), *cnn().graph.nodes.values()]
    given = replace(cnn(), graph=replace(cnn().graph, nodes={each.id: each for each in nodes}))
    assert "input.unfed" in codes(with_link(given, "noise.y", "conv.x"))


def test_a_softmax_before_cross_entropy_can_be_removed() -> None:
    given = with_link(with_link(with_layer(cnn(), "soft", "softmax"), "fc.y", "soft.x"), "soft.y", "loss.prediction")
    (problem,) = problems(given)
    assert (problem.code, problem.node, problem.severity) == ("loss.activation", "loss", Severity.WARNING)
    assert not problems(mended(given, problem))


@pytest.mark.parametrize("loss", ["bce_with_logits", "binary_focal_loss", "dice_loss", "multilabel_soft_margin_loss"])
def test_a_sigmoid_before_a_loss_that_has_its_own_is_told(loss: str) -> None:
    given = with_link(with_link(with_layer(cnn(), "sig", "sigmoid"), "fc.y", "sig.x"), "sig.y", "loss.prediction")
    given = edits.replace_type(given, "loss", loss, catalog()[loss].defaults())
    assert "loss.activation" in codes(given)


def test_nll_loss_wants_log_probabilities() -> None:
    given = edits.replace_type(cnn(), "loss", "nll_loss", catalog()["nll_loss"].defaults())
    (problem,) = problems(given)
    assert problem.code == "loss.activation"
    assert not problems(mended(given, problem))


@pytest.mark.parametrize(("units", "severity"), [(4, Severity.ERROR), (12, Severity.WARNING)])
def test_outputs_and_classes_must_agree(units: int, severity: Severity) -> None:
    given = with_parameters(cnn(), "fc", units=units)
    (problem,) = problems(given)
    assert (problem.node, problem.severity) == ("loss", severity)
    assert problem.fixes[0].title == "Set Units to 10"
    assert not problems(mended(given, problem))


def test_the_layer_that_decides_the_classes_is_found_behind_others() -> None:
    body = [node("conv", "conv2d", filters=7), node("act", "relu"), node("pool", "global_avg_pool")]
    links = [("digits.image", "conv.x"), *chain(*body), ("pool.y", "loss.prediction"), ("digits.label", "loss.target")]
    nodes = [node("digits", "data.digits"), *body, node("loss", "cross_entropy")]
    given = document(nodes, links, {"digits": DIGITS})
    (problem,) = problems(given)
    assert problem.fixes[0].arguments == {"node": "conv", "values": {"filters": 10}}
    assert not problems(mended(given, problem))


def test_columns_of_a_regression_must_agree() -> None:
    fields = (Field(name="rows", dims=(4,)), Field(name="target", dims=(2,)))
    links = [("data.rows", "fc.x"), ("fc.y", "loss.prediction"), ("data.target", "loss.target")]
    nodes = [node("data", "data.table"), linear("fc", 5), node("loss", "mse_loss")]
    given = document(nodes, links, {"data": Schema(fields=fields)})
    (problem,) = problems(given)
    assert problem.is_error
    assert not problems(mended(given, problem))


def test_a_number_a_sample_against_a_column() -> None:
    fields = (Field(name="rows", dims=(4,)), Field(name="target"))
    links = [("data.rows", "fc.x"), ("fc.y", "loss.prediction"), ("data.target", "loss.target")]
    nodes = [node("data", "data.table"), linear("fc", 1), node("loss", "mse_loss")]
    given = document(nodes, links, {"data": Schema(fields=fields)})
    (problem,) = problems(given)
    assert not problems(mended(given, problem))


def test_a_loss_that_compares_a_value_with_itself() -> None:
    given = edits.replace_type(cnn(), "loss", "mse_loss", catalog()["mse_loss"].defaults())
    assert "loss.itself" in codes(with_link(given, "fc.y", "loss.target"))


def test_a_prediction_straight_from_the_data() -> None:
    found = problems(with_link(with_link(cnn(), "digits.image", "loss.prediction"), "fc.y", "loss.target"))
    (problem,) = [each for each in found if each.code == "loss.prediction"]
    assert "swapped" in problem.message


def test_nothing_to_learn() -> None:
    given = with_parameters(with_parameters(cnn(), "conv", trainable=False), "fc", trainable=False)
    assert codes(given) == ["weights.none"]


def test_two_phases_of_one_name() -> None:
    given = cnn()
    assert codes(replace(given, plan=replace(given.plan, phases=(Phase(), Phase())))) == ["plan.phases"]


def test_errors_come_first_and_then_document_order() -> None:
    given = with_parameters(with_layer(cnn(), "fresh", "relu"), "fc", units=0)
    given = with_parameters(given, "conv", filters=0)
    found = problems(given)
    assert [problem.node for problem in found][:2] == ["conv", "fc"]
    ranks = [problem.is_error for problem in found]
    assert ranks == sorted(ranks, reverse=True)


def test_a_bad_setting_can_be_reset() -> None:
    given = with_parameters(cnn(), "conv", filters="many")
    (problem,) = problems(given)
    assert (problem.node, problem.field) == ("conv", "filters")
    assert not problems(mended(given, problem))


def test_a_message_names_where_it_comes_from_before_it_gives_advice() -> None:
    found = problems(with_parameters(cnn(), "fc", units=7))
    (problem,) = (each for each in found if each.node == "loss" and each.is_error)
    assert "the prediction has 7 outputs from fc; give the layer before it 10" in problem.message


def test_equal_names_can_be_told_apart() -> None:
    given = with_node(cnn(), "act", label="conv")
    (problem,) = problems(given)
    assert (problem.code, problem.node, problem.severity) == ("name.duplicate", "act", Severity.WARNING)
    assert "rename it to conv_2" in problem.message
    assert not problems(mended(given, problem))


def test_equal_names_in_a_block_are_told_with_its_name() -> None:
    block = Definition(
        key="b", title="Body", graph=Graph(nodes={"n1": node("n1", "relu"), "n2": node("n2", "tanh", "n1")})
    )
    given = replace(cnn(), blocks={"b": block})
    (problem,) = [each for each in problems(given) if each.code == "name.duplicate"]
    assert "in the block Body" in problem.message
    assert not problem.node
    assert "name.duplicate" not in codes(mended(given, problem))


def test_a_second_input_is_not_led_to_the_labels() -> None:
    given = without_link(with_layer(cnn(), "sum", "add"), "loss.target")
    given = edits.connect(given, PortRef("sum", "a"), PortRef("fc", "y"))
    (problem,) = [each for each in problems(given) if (each.node, each.port) == ("sum", "b")]
    assert (problem.code, problem.fixes) == ("input.open", ())


@pytest.mark.parametrize("loss", ["mse_loss", "l1_loss", "smooth_l1_loss"])
def test_a_loss_of_numbers_against_classes_offers_the_one_that_is_meant(loss: str) -> None:
    given = edits.replace_type(cnn(), "loss", loss, catalog()[loss].defaults())
    (problem,) = [each for each in problems(given) if each.is_error]
    assert (problem.node, problem.port) == ("loss", "target")
    assert [fix.title for fix in problem.fixes] == ["Use CrossEntropyLoss instead", "Insert OneHot"]
    assert problem.message.endswith(": use CrossEntropyLoss instead")
    assert not problems(mended(given, problem))
    assert mended(given, problem).graph.nodes["loss"].label == "loss"
    unnamed = edits.rename(given, "loss", f"{loss}_2")
    (problem,) = [each for each in problems(unnamed) if each.is_error]
    assert mended(unnamed, problem).graph.nodes["loss"].label == "cross_entropy"
