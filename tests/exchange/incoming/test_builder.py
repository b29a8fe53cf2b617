"""Building documents of operations."""

import pytest
import torch

from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.files import dumps, loads
from netbuilder.document.model import PortRef
from netbuilder.exchange.incoming.builder import build_document
from netbuilder.exchange.incoming.operation import Computation, Entry, Operation
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.layers.tensor import BATCH, TensorType


def computation(*operations: Operation, exit: str = "y", **types: TensorType) -> Computation:
    """Return a computation of one float input `x` with three features."""
    x = TensorType((BATCH, 3))
    return Computation(
        title="example",
        entries=(Entry(name="x", value="x", type=x),),
        exits=(("result", exit),),
        operations=operations,
        types={"x": x, **types},
    )


def linear(value: str, result: str, units: int = 3, **more: object) -> Operation:
    weights = {"weight": torch.ones(units, 3), "bias": torch.zeros(units)}
    given = {"label": "layer", "weights": weights} | more
    return Operation(
        type="linear",
        origin="aten.linear",
        parameters={"units": units},
        inputs={"x": value},
        outputs={"y": result},
        **given,
    )


def test_an_operation_becomes_a_linked_node_with_its_weights():
    built = build_document(computation(linear("x", "y", 5)))
    nodes = {node.type: node for node in built.document.graph.nodes.values()}
    assert nodes["linear"].parameters["units"] == 5
    assert nodes["linear"].parameters["bias"] is True
    assert built.document.graph.edges[PortRef(nodes["output"].id, "x")] == PortRef(nodes["linear"].id, "y")
    assert built.weights[nodes["linear"].id]["weight"].shape == (5, 3)
    assert built.document.layout.places.keys() == built.document.graph.nodes.keys()
    assert loads(dumps(built.document)) == built.document


def test_equal_labels_are_numbered():
    built = build_document(computation(linear("x", "h"), linear("h", "y")))
    assert [node.label for node in built.document.graph.nodes.values()] == ["x", "layer", "layer_2", "result"]


def test_what_no_exit_depends_on_is_left_out():
    built = build_document(computation(linear("x", "dead"), linear("x", "y")))
    assert len(built.document.graph.nodes) == 3


def test_operations_that_share_weights_are_tied():
    built = build_document(computation(linear("x", "h", shares="w"), linear("h", "y", shares="w")))
    first, second = [node for node in built.document.graph.nodes.values() if node.type == "linear"]
    assert second.tied_to == first.id
    assert set(built.weights) == {first.id}


def test_an_operator_without_a_layer_is_opaque_and_what_follows_keeps_its_shapes():
    seen = TensorType((BATCH, 3))
    strange = Operation(origin="aten.strange", inputs={"a": "x"}, outputs={"y": "h"}, parameters={"count": 3})
    built = build_document(computation(strange, linear("h", "y", 7), h=seen))
    foreign = next(node for node in built.document.graph.nodes.values() if node.type == "foreign.aten.strange")
    assert foreign.parameters["settings"] == {"count": 3}
    shapes = ShapeInference().infer(loads(dumps(built.document)))
    assert shapes.types[PortRef(foreign.id, "y")] == seen
    after = next(node for node in built.document.graph.nodes.values() if node.type == "linear")
    assert shapes.types[PortRef(after.id, "y")] == TensorType((BATCH, 7))
    assert [problem.code for problem in shapes.problems] == ["layer.foreign"]
    assert "aten.strange" in shapes.problems[0].message
    assert built.coverage.opaque == 1
    assert "aten.strange" in built.coverage.table()


def test_settings_that_a_layer_refuses_make_the_operation_opaque():
    built = build_document(computation(linear("x", "y", 0)))
    (foreign,) = [node for node in built.document.graph.nodes.values() if node.type.startswith("foreign.")]
    assert "Units" in foreign.parameters["reason"]


def test_an_input_that_no_project_has_is_refused_in_words():
    x = TensorType((BATCH, 2**50))
    entry = Entry(name="pixels", value="x", type=x)
    given = Computation(title="example", entries=(entry,), exits=(("y", "x"),), types={"x": x})
    with pytest.raises(NetbuilderError, match="The input pixels cannot be one of a project's: Shape: expected"):
        build_document(given)
