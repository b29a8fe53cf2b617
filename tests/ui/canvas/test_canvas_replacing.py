"""Replacing layers: same place, same links, the settings that both have; one undo entry."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt

from netbuilder.document import edits
from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.view import CanvasView
from netbuilder.ui.workspace import Workspace

from .conftest import DIGITS, DROPOUT, LINEAR, LOSS, RELU, Hands


def titles(view: CanvasView) -> list[str]:
    return [row.title for row in view.replacing.rows]


def test_an_activation_becomes_another_where_it_stands(view: CanvasView, workspace: Workspace, hands: Hands) -> None:
    before = workspace.document
    workspace.select((RELU,))
    view.replacing.ask()
    assert "ReLU" not in titles(view)
    assert "Tanh" in titles(view)[:12], "its own kind first"
    hands.type("tanh")
    assert titles(view)[0] == "Tanh"
    hands.key(Qt.Key.Key_Return)
    node = workspace.document.graph.nodes[RELU]
    assert (node.type, node.label) == ("tanh", "tanh")
    assert workspace.document.graph.edges == before.graph.edges
    assert workspace.document.layout == before.layout
    assert workspace.history.undo_title == "Replace ReLU by Tanh"
    workspace.undo()
    assert workspace.document == before


def test_names_of_ports_and_settings_are_kept_where_both_have_them(view: CanvasView, workspace: Workspace) -> None:
    def set_up(document):
        document = edits.set_parameters(document, DROPOUT, {"p": 0.25})
        document = edits.rename(document, DROPOUT, "rest")
        return edits.connect(document, PortRef(LOSS, "prediction"), PortRef(RELU, "y"))

    workspace.edit("set up", set_up)
    workspace.select((DROPOUT,))
    view.replacing.ask()
    view.replacing.take("alpha_dropout")
    node = workspace.document.graph.nodes[DROPOUT]
    assert (node.label, node.parameters["p"]) == ("rest", 0.25), "a name of the user's own stays"
    workspace.select((LOSS,))
    view.replacing.ask()
    assert titles(view)[0] != "CrossEntropyLoss"
    view.replacing.take("multi_margin_loss")
    assert workspace.document.graph.edges[PortRef(LOSS, "target")] == PortRef(DIGITS, "label")
    assert workspace.document.graph.edges[PortRef(LOSS, "prediction")] == PortRef(RELU, "y")


def test_several_become_the_same_in_one_step_and_data_stay(view: CanvasView, workspace: Workspace) -> None:
    before = workspace.document
    workspace.select((DIGITS, RELU, DROPOUT))
    view.replacing.ask()
    view.replacing.take("gelu")
    types = {id: node.type for id, node in workspace.document.graph.nodes.items()}
    assert types == {DIGITS: "data.digits", LINEAR: "linear", RELU: "gelu", LOSS: "cross_entropy", DROPOUT: "gelu"}
    assert len({node.label for node in workspace.document.graph.nodes.values()}) == 5
    workspace.undo()
    assert workspace.document == before


def test_links_that_the_new_layer_has_no_port_for_go(view: CanvasView, workspace: Workspace) -> None:
    workspace.select((LOSS,))
    view.replacing.ask()
    view.replacing.take("identity")
    assert LOSS not in {target.node for target in workspace.document.graph.edges if target.port == "target"}


def test_data_alone_cannot_be_replaced_and_that_is_said(view: CanvasView, workspace: Workspace) -> None:
    told: list[str] = []
    workspace.message.connect(told.append)
    workspace.select((DIGITS,))
    view.replacing.ask()
    assert not view.replacing.isVisible()
    assert told
    assert "data" in told[0]


def test_an_expression_of_a_block_stays(view: CanvasView, workspace: Workspace) -> None:
    node = workspace.document.graph.nodes[DROPOUT]
    held = replace(node, parameters={"p": {"=": "rate"}})
    workspace.edit(
        "hold",
        lambda document: replace(
            document, graph=replace(document.graph, nodes={**document.graph.nodes, DROPOUT: held})
        ),
    )
    workspace.select((DROPOUT,))
    view.replacing.ask()
    view.replacing.take("alpha_dropout")
    assert workspace.document.graph.nodes[DROPOUT].parameters["p"] == {"=": "rate"}
