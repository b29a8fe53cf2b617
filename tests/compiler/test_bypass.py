"""A bypassed node is as if it had been removed with its flow kept: in shapes, problems, costs, text and training."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netbuilder.compiler.bypass import in_force, why_not_bypassed
from netbuilder.compiler.cost import count_costs
from netbuilder.compiler.problems import find_problems
from netbuilder.compiler.program import write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.compiler.structure import Outline
from netbuilder.document import edits
from netbuilder.document.files import dumps, loads
from netbuilder.document.model import Document, PortRef
from netbuilder.foundation.problem import NetbuilderError
from tests.builders import tiny_cnn, tiny_mlp
from tests.compiler.blocks import decoder, staged
from tests.compiler.documents import shared
from tests.training.documents import planned, train


def bypassed(document: Document, *nodes: str, scope: str = "") -> Document:
    return edits.set_bypassed(document, nodes, True, scope)


def removed(document: Document, *nodes: str, scope: str = "") -> Document:
    return edits.remove_and_heal(document, nodes, scope)


CASES = [
    pytest.param(tiny_mlp(), ("act",), "", id="one"),
    pytest.param(tiny_cnn(), ("norm", "act"), "", id="two in a row"),
    pytest.param(tiny_cnn(), ("sum",), "", id="the first input of two"),
    pytest.param(staged(), ("r_norm", "r_act"), "residual", id="inside a block"),
    pytest.param(staged(), ("r_drop",), "residual", id="before a block's output"),
    pytest.param(staged(), ("two",), "", id="a block"),
    pytest.param(decoder(), ("dec",), "", id="a block with two inputs"),
    pytest.param(staged(), ("s_block",), "stage", id="a block inside a block"),
]


@pytest.mark.parametrize(("document", "nodes", "scope"), CASES)
def test_it_is_as_if_it_had_been_removed(document, nodes, scope):
    one, other = bypassed(document, *nodes, scope=scope), removed(document, *nodes, scope=scope)
    shapes, known = ShapeInference().infer(one), ShapeInference().infer(other)
    assert find_problems(one, shapes) == find_problems(other, known)
    assert {port: kind for port, kind in shapes.types.items() if port in known.types} == known.types
    assert count_costs(one, shapes).total == count_costs(other, known).total
    assert write_program(one, shapes).source == write_program(other, known).source
    assert write_program(one, shapes).names == write_program(other, known).names


def test_its_output_has_the_type_of_what_it_hands_on():
    document = bypassed(tiny_cnn(), "norm", "act")
    types = ShapeInference().infer(document).types
    assert types[PortRef("norm", "y")] == types[PortRef("act", "y")] == types[PortRef("stem", "y")]


def test_inside_a_block_its_output_has_a_type_in_every_copy():
    types = ShapeInference().infer(bypassed(staged(), "r_norm", scope="residual")).types
    assert types[PortRef("one/0/s_block/1/r_norm", "y")] == types[PortRef("one/0/s_block/1/r_conv", "y")]
    assert types[PortRef("last/0/r_norm", "y")] == types[PortRef("last/0/r_conv", "y")]


def test_outputs_that_hand_nothing_on_are_told_with_a_fix():
    document = bypassed(tiny_mlp(), "digits")
    found = [each for each in find_problems(document, ShapeInference().infer(document)) if each.node == "digits"]
    assert [(each.code, each.field) for each in found] == [("bypass.silent", "image"), ("bypass.silent", "label")]
    assert found[0].message == (
        "digits is bypassed and hands nothing on from 'image', which is used: its first output alone can."
    )
    (fix,) = found[0].fixes
    mended = edits.apply(document, fix.edit, fix.arguments)
    assert mended == tiny_mlp()


def test_following_a_document_gives_what_looking_anew_gives():
    inference, outline = ShapeInference(), Outline()
    first = tiny_cnn()
    for document in (first, bypassed(first, "act"), bypassed(first, "act", "norm"), first):
        shapes = inference.infer(document)
        fresh = ShapeInference().infer(document)
        assert shapes.types == fresh.types
        assert find_problems(document, shapes, outline) == find_problems(document, fresh)
        again = inference.infer(replace(document, plan=replace(document.plan, epochs=3)))
        assert again.expansion.flat.graph is shapes.expansion.flat.graph, "kept, as long as the graph is the same"


def test_a_document_without_bypassed_nodes_is_itself():
    document = tiny_mlp()
    assert in_force(document) is document


@pytest.mark.parametrize("bypass", [False, True])
def test_files_keep_it(bypass):
    document = edits.set_bypassed(tiny_mlp(), ("act",), bypass)
    assert loads(dumps(document)) == document
    assert loads(dumps(document)).graph.nodes["act"].bypassed is bypass


def test_weights_that_are_lent_keep_a_node_from_being_bypassed():
    document = shared()
    lender = next(node.tied_to for node in document.graph.nodes.values() if node.tied_to)
    borrower = next(node.id for node in document.graph.nodes.values() if node.tied_to)
    with pytest.raises(NetbuilderError, match="lends its weights"):
        bypassed(document, lender)
    alone = bypassed(edits.tie_weights(document, borrower, ""), lender)
    with pytest.raises(NetbuilderError, match="is bypassed"):
        edits.tie_weights(alone, borrower, lender)


def test_why_not():
    document = tiny_mlp()
    shapes = ShapeInference().infer(document)
    whys = {
        id: why_not_bypassed(document, document.graph, node, shapes.types) for id, node in document.graph.nodes.items()
    }
    assert whys["act"] == ""
    assert whys["digits"] == "digits has no input, so there is nothing to hand on"
    assert whys["loss"] == "loss has no output, so there is nothing to hand on"
    assert whys["hidden"] == "hidden makes N × 32 of N × 64: what follows could not do without it"
    unknown = edits.replace_type(document, "act", "nobody.knows", {})
    assert "not known" in why_not_bypassed(unknown, unknown.graph, unknown.graph.nodes["act"], shapes.types)


def test_training_goes_as_if_it_had_been_removed(tmp_path):
    document = planned(tiny_mlp(), epochs=2)
    one, other = train(bypassed(document, "act"), tmp_path / "one"), train(removed(document, "act"), tmp_path / "two")
    assert one.series("loss/train") == other.series("loss/train") != []
